/* Scenarios as people read them. */
#include "domain/scenario.h"

#include <string.h>

#include "domain/alert.h"
#include "domain/dataset.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/scenario_impl.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"
#include "util/json.h"

enum { LOG_MAX = 100, VERSIONS_MAX = 500, CATCHING_UP = 1000 };

static void put_time(struct json_w *w, const char *name, int64_t us)
{
    struct buf b = {0};
    calendar_put_datetime(&b, us);
    json_w_kspan(w, name, buf_view(&b));
    buf_free(&b);
}

static void put_version(const struct scenario *s, bool kind, struct json_w *w)
{
    json_w_object(w);
    json_w_kint(w, "number", s->number);
    json_w_kspan(w, "hash", s->hash);
    json_w_kint(w, "from_seq", (int64_t)s->from_seq);
    json_w_kspan(w, "author", s->author);
    json_w_kspan(w, "reason", s->reason);
    put_time(w, "at", s->at);
    if (kind)
        json_w_kspan(w, "kind", s->kind);
    json_w_object_end(w);
}

/* A fault in the form of the API, with the time of the entry it stands at. */
static void put_fault(struct view *v, struct arena *a, const struct json *fault,
                      struct json_w *w)
{
    static const char *const names[] = {"seq", "type", "key", "line", "message"};
    json_w_name(w, "fault");
    if (!fault) {
        json_w_null(w);
        return;
    }
    int64_t seq = 0;
    struct entry entry;
    json_w_object(w);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_w_name(w, names[i]);
        if (json_get(fault, names[i]))
            json_w_value(w, json_get(fault, names[i]));
        else
            json_w_null(w);
    }
    if (json_int(json_get(fault, "seq"), &seq) && seq > 0 &&
        journal_get(v, a, (uint64_t)seq, &entry, NULL))
        put_time(w, "at", entry.at);
    json_w_object_end(w);
}

static void put_array(struct json_w *w, const char *name, const struct json *list)
{
    json_w_name(w, name);
    if (json_is(list, JSON_ARRAY)) {
        json_w_value(w, list);
        return;
    }
    json_w_array(w);
    json_w_array_end(w);
}

static const char *state_name(const struct scenario_status *status, uint64_t behind)
{
    switch (status->state) {
    case SCENARIO_STOPPED:
        return "stopped";
    case SCENARIO_PAUSED:
        return "paused";
    case SCENARIO_MISSING:
        return "missing";
    case SCENARIO_RUNNING:
        break;
    }
    return behind > CATCHING_UP ? "catching_up" : "running";
}

static void put_scenario(struct view *v, struct arena *a, const struct dataset_board *board,
                         const struct scenario *s, const struct scenario_counters *counters,
                         struct json_w *w)
{
    struct scenario_status status;
    struct cursor c;
    scenario_status(v, a, s->id, &status);
    cursor_get(v, s->id, &c);
    uint64_t head = view_head(v), behind = head > c.seq ? head - c.seq : 0;
    json_w_kspan(w, "id", s->id);
    json_w_kspan(w, "title", s->title);
    json_w_kspan(w, "office", s->office);
    json_w_name(w, "version");
    put_version(s, true, w);
    json_w_kstr(w, "state", state_name(&status, behind));
    if (status.by.n)
        json_w_kspan(w, "state_by", status.by);
    if (status.reason.n)
        json_w_kspan(w, "state_reason", status.reason);
    json_w_kint(w, "cursor", (int64_t)c.seq);
    json_w_kint(w, "behind", (int64_t)behind);
    json_w_kint(w, "runs", counters ? (int64_t)counters->runs : 0);
    json_w_kint(w, "errors", counters ? (int64_t)counters->errors : 0);
    json_w_kint(w, "alerts_open", (int64_t)alert_open_count(v, a, s->id));
    json_w_kint(w, "unknown", counters ? (int64_t)counters->unknown : 0);
    put_fault(v, a, status.fault, w);
    put_array(w, "reads", json_get(s->manifest, "reads"));
    json_w_name(w, "sight");
    dataset_sight_view(board, s->manifest, w);
    /* what is in force was not read from the file as it is now */
    json_w_kbool(w, "file_changed",
                 span_eq(s->kind, SPAN("restore")) || span_eq(s->kind, SPAN("emergency")));
}

void scenario_view(struct view *v, struct arena *a, const struct dataset_board *board,
                   const struct scenario *s, const struct scenario_counters *counters,
                   struct json_w *w)
{
    json_w_object(w);
    put_scenario(v, a, board, s, counters, w);
    json_w_object_end(w);
}

static const struct json *member(const struct json *o, struct span name)
{
    for (size_t i = 0; json_is(o, JSON_OBJECT) && i < o->count; i++) {
        if (span_eq(o->names[i], name))
            return &o->items[i];
    }
    return NULL;
}

static void put_setting(const struct scenario *s, const struct json *setting, struct json_w *w)
{
    struct span name = json_string(json_get(setting, "name"));
    const struct json *own = member(s->values, name);
    json_w_object(w);
    for (size_t i = 0; i < json_count(setting); i++) {
        json_w_name_span(w, setting->names[i]);
        json_w_value(w, &setting->items[i]);
    }
    json_w_name(w, "value");
    if (own || json_get(setting, "default"))
        json_w_value(w, own ? own : json_get(setting, "default"));
    else
        json_w_null(w);
    json_w_name(w, "local");
    json_w_object(w);
    for (size_t i = 0; json_is(s->local, JSON_OBJECT) && i < s->local->count; i++) {
        const struct json *there = member(&s->local->items[i], name);
        if (there) {
            json_w_name_span(w, s->local->names[i]);
            json_w_value(w, there);
        }
    }
    json_w_object_end(w);
    json_w_object_end(w);
}

static void put_examples(const struct scenario *s, struct json_w *w)
{
    const struct json *examples = json_get(s->manifest, "examples");
    json_w_name(w, "examples");
    json_w_array(w);
    for (size_t i = 0; i < json_count(examples); i++) {
        const struct json *x = json_item(examples, i);
        json_w_object(w);
        json_w_kspan(w, "name", json_string(json_is(x, JSON_OBJECT) ? json_get(x, "name") : x));
        json_w_object_end(w);
    }
    json_w_array_end(w);
}

/* What the script last said, newest first. */
static void put_log(struct view *v, struct arena *a, struct span id, struct json_w *w)
{
    struct span stream = span_of(arena_printf(a, "log/%.*s", SPAN_ARG(id)));
    uint64_t head = stream_head(v, stream), seqs[LOG_MAX];
    size_t n =
        head ? stream_read(v, stream, head > LOG_MAX ? head - LOG_MAX + 1 : 1, seqs, LOG_MAX)
             : 0;
    json_w_name(w, "log");
    json_w_array(w);
    while (n--) {
        struct entry entry;
        if (!journal_get(v, a, seqs[n], &entry, NULL))
            continue;
        const struct json *body = json_parse(a, entry.body, NULL, NULL, NULL);
        json_w_object(w);
        put_time(w, "at", entry.at);
        json_w_kint(w, "seq", (int64_t)entry.cause); /* what it was said about */
        json_w_kspan(w, "text", json_string(json_get(body, "text")));
        json_w_object_end(w);
    }
    json_w_array_end(w);
}

void scenario_view_full(struct view *v, struct arena *a, const struct dataset_board *board,
                        const struct scenario *s, const struct scenario_counters *counters,
                        struct json_w *w)
{
    const struct json *settings = json_get(s->manifest, "settings");
    json_w_object(w);
    put_scenario(v, a, board, s, counters, w);
    json_w_kspan(w, "text", s->text);
    json_w_name(w, "settings");
    json_w_array(w);
    for (size_t i = 0; i < json_count(settings); i++)
        put_setting(s, json_item(settings, i), w);
    json_w_array_end(w);
    put_examples(s, w);
    put_log(v, a, s->id, w);
    json_w_object_end(w);
}

void scenario_view_versions(struct view *v, struct arena *a, struct span id, struct json_w *w)
{
    struct span key = key_of1(a, id, NULL);
    struct entry *entries = arena_alloc(a, VERSIONS_MAX * sizeof *entries);
    size_t n = 0;
    if (!key.n ||
        !version_history(v, a, ENTRY_VERSION, key, SEQ_LATEST, entries, VERSIONS_MAX, &n, NULL))
        n = 0;
    json_w_object(w);
    json_w_name(w, "items");
    json_w_array(w);
    for (size_t i = 0; i < n; i++) {
        struct scenario s;
        if (scenario_read(a, id, &entries[i], &s, NULL))
            put_version(&s, true, w);
    }
    json_w_array_end(w);
    json_w_object_end(w);
}
