/* Alerts as people read them. */
#include "domain/alert_impl.h"

#include <string.h>

#include "domain/access.h"
#include "domain/dictionary.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "domain/user.h"
#include "store/version.h"
#include "util/calendar.h"
#include "util/json.h"

enum { TIMELINE_MAX = 1000, STREAM_PAGE = 64 };

static void put_time(struct json_w *w, const char *name, int64_t us)
{
    struct buf b = {0};
    json_w_name(w, name);
    if (us) {
        calendar_put_datetime(&b, us);
        json_w_span(w, buf_view(&b));
    } else {
        json_w_null(w);
    }
    buf_free(&b);
}

static void put_list(struct json_w *w, const char *name, const struct span *items, size_t n)
{
    json_w_name(w, name);
    json_w_array(w);
    for (size_t i = 0; i < n; i++)
        json_w_span(w, items[i]);
    json_w_array_end(w);
}

static void put_value(struct json_w *w, const struct json_value *v)
{
    switch (v->type) {
    case JSON_NULL:
        json_w_null(w);
        break;
    case JSON_BOOL:
        json_w_bool(w, v->boolean);
        break;
    case JSON_INT:
        json_w_int(w, v->integer);
        break;
    case JSON_REAL:
        json_w_real(w, v->real);
        break;
    case JSON_STRING:
        json_w_span(w, v->string);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        json_w_raw(w, v->raw);
        break;
    }
}

/* Who looks at one alert with all it rests on. */
struct reader {
    const struct street *street;
    const struct person *person; /* NULL: sees all */
};

/* A record of a restricted type is there only for those who may see that type. */
static bool is_shown(const struct reader *r, const struct json *read)
{
    if (!r->person)
        return true;
    const struct type *t =
        dictionary_find(street_dictionary(r->street), json_string(json_get(read, "type")));
    return !t || access_may(r->person, r->street, ACCESS_TYPE_SEE, t);
}

/* How many were left out. */
static int64_t put_reads(struct arena *a, struct span text, const struct reader *r,
                         struct json_w *w)
{
    static const struct json_limits limits = {.bytes = 256 * 1024, .keys = 64 * 1024};
    const struct json *list = json_parse(a, text, &limits, NULL, NULL);
    int64_t hidden = 0;
    json_w_array(w);
    for (size_t i = 0; i < json_count(list); i++) {
        if (is_shown(r, json_item(list, i)))
            json_w_value(w, json_item(list, i));
        else
            hidden++;
    }
    json_w_array_end(w);
    return hidden;
}

/* What it was raised on; the reads, by far the largest part, only for the reader of one alert
 * (NULL: a list). */
static void put_evidence(struct view *v, struct arena *a, uint64_t seq, const struct reader *r,
                         struct json_w *w)
{
    int64_t more = 0;
    struct entry entry;
    struct alert_body body = {0};
    struct json_limits limits = {.bytes = 256 * 1024};
    struct json_scan scan;
    struct span name;
    struct json_value value;
    json_w_name(w, "evidence");
    if (!seq || !journal_get(v, a, seq, &entry, NULL) ||
        !alert_body_split(entry.body, a, &body, NULL) || !body.evidence.n ||
        !json_scan_open(&scan, a, body.evidence, &limits, NULL)) {
        json_w_null(w);
        return;
    }
    json_w_object(w);
    while (json_scan_next(&scan, &name, &value, NULL)) {
        bool is_reads = span_eq(name, SPAN("reads"));
        if (span_eq(name, SPAN("reads_more"))) {
            more += value.type == JSON_INT ? value.integer : 0;
        } else if (is_reads && r) {
            json_w_name_span(w, name);
            more += put_reads(a, value.raw, r, w);
        } else if (!is_reads && !span_eq(name, SPAN("also_read")) &&
                   !span_eq(name, SPAN("also_read_more"))) { /* seqs are for lineage */
            json_w_name_span(w, name);
            put_value(w, &value);
        }
    }
    if (r && more)
        json_w_kint(w, "reads_more", more);
    json_w_object_end(w);
}

/* The object's members; the caller opens and closes it. */
static void put_alert(struct view *v, struct arena *a, const struct alert *al,
                      const struct reader *r, struct json_w *w)
{
    json_w_kstr(w, "id", al->id);
    json_w_kspan(w, "scenario", al->scenario);
    json_w_kspan(w, "scenario_title", al->scenario_title.n ? al->scenario_title : al->scenario);
    json_w_kspan(w, "key", al->key);
    json_w_kspan(w, "kind", al->kind);
    json_w_kstr(w, "level", alert_level_name(al->level));
    json_w_kstr(w, "state", alert_state_name(al->state));
    json_w_kspan(w, "office", al->office);
    put_list(w, "communities", al->communities, al->community_count);
    put_list(w, "also", al->also, al->also_count);
    json_w_name(w, "about");
    if (al->about_type.n) {
        json_w_object(w);
        json_w_kspan(w, "type", al->about_type);
        json_w_kspan(w, "id", al->about_id);
        json_w_object_end(w);
    } else {
        json_w_null(w);
    }
    json_w_kspan(w, "title", al->title);
    json_w_kspan(w, "text", al->text);
    json_w_kint(w, "count", (int64_t)al->count);
    put_time(w, "raised_at", al->raised_at);
    put_time(w, "last_at", al->last_at);
    put_time(w, "due_at", al->due_at);
    put_time(w, "sign_due_at", al->sign_due_at);
    json_w_kint(w, "version", al->version_number);
    if (al->signed_by.n)
        json_w_kspan(w, "signed_by", al->signed_by);
    if (al->closed_at)
        put_time(w, "closed_at", al->closed_at);
    if (al->verdict.n)
        json_w_kspan(w, "verdict", al->verdict);
    json_w_kint(w, "seq", (int64_t)al->seq);
    json_w_kint(w, "rev", (int64_t)al->rev);
    put_evidence(v, a, al->evidence_seq, r, w);
}

void alert_view(struct view *v, struct arena *a, const struct street *street,
                const struct alert *al, struct json_w *w)
{
    (void)street;
    json_w_object(w);
    put_alert(v, a, al, NULL, w);
    json_w_object_end(w);
}

/* --- the whole of one ------------------------------------------------------------------- */

static void put_person(struct view *v, struct arena *a, struct span name, struct json_w *w)
{
    struct person who;
    json_w_name(w, "by");
    if (!name.n) {
        json_w_null(w);
        return;
    }
    bool known = user_get(v, a, name, &who, NULL);
    json_w_object(w);
    json_w_kspan(w, "name", name);
    json_w_kspan(w, "display", known && who.display.n ? who.display : name);
    json_w_object_end(w);
}

static void put_event(struct view *v, struct arena *a, const struct entry *entry,
                      const struct json *event, struct json_w *w)
{
    const char *action = json_cstr(json_get(event, "what"), "");
    struct span text = json_string(json_get(event, "text"));
    bool clears = strcmp(action, "clear") == 0;
    json_w_object(w);
    json_w_kint(w, "seq", (int64_t)entry->seq);
    json_w_name(w, "at");
    json_w_value(w, json_get(event, "at"));
    put_person(v, a, json_string(json_get(event, "by")), w);
    json_w_kstr(w, "action", action);
    if (json_get(event, "from"))
        json_w_kspan(w, "from", json_string(json_get(event, "from")));
    json_w_kspan(w, "to", json_string(json_get(event, "to")));
    json_w_kspan(w, "level", json_string(json_get(event, "now_level")));
    if (!text.n && clears)
        text = json_bool(json_get(event, "may_close"), false) ? SPAN("数据已恢复正常")
                                                              : SPAN("触发条件已不成立");
    if (!text.n)
        text = json_string(json_get(event, "title"));
    json_w_kspan(w, "text", text);
    if (json_get(event, "verdict"))
        json_w_kspan(w, "verdict", json_string(json_get(event, "verdict")));
    if (json_get(event, "evidence")) {
        json_w_name(w, "evidence");
        json_w_value(w, json_get(event, "evidence"));
    }
    json_w_object_end(w);
}

struct moment {
    uint64_t effective, seq;
};

/* In order of effect, which differs from the order in the stream only where a scenario
 * lagged. */
static void put_in_order(struct moment *all, size_t n, struct moment m)
{
    size_t i = n;
    while (i && (all[i - 1].effective > m.effective ||
                 (all[i - 1].effective == m.effective && all[i - 1].seq > m.seq))) {
        all[i] = all[i - 1];
        i--;
    }
    all[i] = m;
}

static bool read_event(struct view *v, struct arena *a, uint64_t seq, struct entry *entry,
                       const struct json **event)
{
    struct alert_body body;
    if (!journal_get(v, a, seq, entry, NULL) || !alert_body_split(entry->body, a, &body, NULL))
        return false;
    *event = json_parse(a, body.event, NULL, NULL, NULL);
    return *event != NULL;
}

static void put_timeline(struct view *v, struct arena *a, const struct alert *al,
                         struct json_w *w)
{
    struct span stream = span_of(arena_printf(a, "alert/%s", al->id));
    uint64_t head = stream_head(v, stream), seqs[STREAM_PAGE];
    struct moment *all = arena_alloc(a, (TIMELINE_MAX + STREAM_PAGE) * sizeof *all);
    size_t count = 0;
    uint64_t from = head > TIMELINE_MAX ? head - TIMELINE_MAX + 1 : 1;
    while (from <= head && count < TIMELINE_MAX) {
        size_t n = stream_read(v, stream, from, seqs, STREAM_PAGE);
        if (!n)
            break;
        for (size_t i = 0; i < n; i++) {
            struct entry entry;
            const struct json *event;
            int64_t effective = 0;
            if (!read_event(v, a, seqs[i], &entry, &event))
                continue;
            json_int(json_get(event, "effective"), &effective);
            put_in_order(all, count++, (struct moment){(uint64_t)effective, seqs[i]});
        }
        from += n;
    }
    json_w_name(w, "timeline");
    json_w_array(w);
    for (size_t i = 0; i < count; i++) {
        struct entry entry;
        const struct json *event;
        if (read_event(v, a, all[i].seq, &entry, &event))
            put_event(v, a, &entry, event, w);
    }
    json_w_array_end(w);
}

static void put_actions(const struct street *street, const struct person *person,
                        const struct alert *al, bool is_latest, struct json_w *w)
{
    size_t n;
    const struct alert_move *moves = alert_moves(&n);
    bool may_act = person && access_may(person, street, ACCESS_ALERT_ACT, al);
    bool may_close = person && access_may(person, street, ACCESS_ALERT_CLOSE, al);
    json_w_name(w, "actions");
    json_w_array(w);
    for (size_t i = 0; i < n && is_latest; i++) {
        if ((moves[i].from >> al->state & 1u) && (moves[i].closes ? may_close : may_act))
            json_w_str(w, moves[i].action);
    }
    json_w_array_end(w);
}

static void put_life(struct view *v, struct arena *a, const struct alert *al, struct json_w *w)
{
    struct scenario sc;
    struct life life;
    bool known = scenario_get(v, a, al->scenario, SEQ_LATEST, &sc, NULL);
    life_of(known ? sc.manifest : NULL, al->kind, al->level, SPAN_NONE, &life);
    json_w_name(w, "life");
    json_w_object(w);
    json_w_kstr(w, "close", life_close_name(life.close));
    json_w_name(w, "evidence");
    if (life.evidence) {
        json_w_value(w, life.evidence);
    } else {
        json_w_array(w);
        json_w_array_end(w);
    }
    if (life.results) {
        json_w_name(w, "results");
        json_w_value(w, life.results);
    }
    json_w_object_end(w);
}

void alert_view_full(struct view *v, struct arena *a, const struct street *street,
                     const struct person *person, const struct alert *al, struct json_w *w)
{
    struct fold f = {0};
    bool is_latest = false;
    bool known = alert_load_id(v, a, span_of(al->id), &f, &is_latest, NULL);
    json_w_object(w);
    put_alert(v, a, al, &(struct reader){street, person}, w);
    put_timeline(v, a, al, w);
    put_actions(street, person, al, is_latest, w);
    put_life(v, a, al, w);
    if (known && f.evidence_of_count)
        put_list(w, "to_visit", f.evidence_of, f.evidence_of_count);
    if (known && f.submitted.n)
        json_w_kraw(w, "submitted", f.submitted);
    json_w_object_end(w);
}

/* --- as an event of the stream "alerts" ------------------------------------------------- */

static const char *event_type(struct span what, const struct alert *al)
{
    if (al->state == ALERT_RETRACTED)
        return "wangyi.alert.retracted";
    if (!alert_is_open(al))
        return "wangyi.alert.closed";
    bool raised = span_eq(what, SPAN("raise")) || span_eq(what, SPAN("reopen"));
    return raised ? "wangyi.alert.raised" : "wangyi.alert.changed";
}

bool alert_event(struct view *v, struct arena *a, const struct street *street, uint64_t seq,
                 uint64_t offset, struct alert *out, struct json_w *w, struct err *e)
{
    struct entry entry;
    struct alert_body body;
    struct fold f;
    struct step s;
    if (!journal_get(v, a, seq, &entry, e) || !alert_body_split(entry.body, a, &body, e) ||
        !alert_body_fold(&entry, &body, a, &f, e) || !alert_body_step(&entry, &body, a, &s, e))
        return false;
    *out = f.al;
    json_w_object(w);
    json_w_kstr(w, "specversion", "1.0");
    json_w_kstr(w, "id", arena_printf(a, "%llu", (unsigned long long)offset));
    json_w_kstr(w, "source", arena_printf(a, "/alerts/%s", f.al.id));
    json_w_kstr(w, "type", event_type(s.what, &f.al));
    put_time(w, "time", entry.at);
    json_w_kstr(w, "datacontenttype", "application/json");
    json_w_name(w, "data");
    alert_view(v, a, street, &f.al, w);
    json_w_object_end(w);
    return true;
}
