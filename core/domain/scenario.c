#include "domain/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/scenario_impl.h"
#include "store/version.h"
#include "util/json.h"
#include "util/mem.h"

const struct json_limits scenario_limits = {
    .bytes = 2 * 1024 * 1024, .string = 1024 * 1024, .keys = 4096};

/* --- reading ---------------------------------------------------------------------------- */

bool scenario_read(struct arena *a, struct span id, const struct entry *entry,
                   struct scenario *out, struct err *e)
{
    const struct json *o = json_parse(a, entry->body, &scenario_limits, NULL, e);
    if (!o)
        return false;
    int64_t from = 0;
    *out =
        (struct scenario){.id = arena_span(a, id), .version_seq = entry->seq, .at = entry->at};
    json_int(json_get(o, "number"), &out->number);
    json_int(json_get(o, "from_seq"), &from);
    out->from_seq = (uint64_t)from;
    out->text = json_string(json_get(o, "text"));
    out->hash = json_string(json_get(o, "hash"));
    out->author = json_string(json_get(o, "author"));
    out->reason = json_string(json_get(o, "reason"));
    out->kind = json_string(json_get(o, "kind"));
    out->manifest = json_get(o, "manifest");
    out->values = json_get(o, "values");
    out->local = json_get(o, "local");
    out->title = json_string(json_get(out->manifest, "title"));
    out->office = json_string(json_get(out->manifest, "office"));
    return true;
}

bool scenario_get(struct view *v, struct arena *a, struct span id, uint64_t as_of,
                  struct scenario *out, struct err *e)
{
    struct err why = {0};
    struct entry entry;
    struct span key = id.n && id.n <= SCENARIO_ID_MAX ? key_of1(a, id, &why) : SPAN_NONE;
    if (!key.n || !version_get(v, a, ENTRY_VERSION, key, as_of, &entry, &why)) {
        if (why.code == ERR_STORE)
            return err_set(e, ERR_STORE, "%s", why.text);
        return err_set(e, ERR_MISSING, "没有场景“%.*s”",
                       (int)span_cut_utf8(id, SCENARIO_ID_MAX), id.p ? id.p : "");
    }
    return scenario_read(a, id, &entry, out, e);
}

size_t scenario_list(struct view *v, struct arena *a, const struct span **ids, struct err *e)
{
    struct span *list = NULL;
    size_t n = 0, cap = 0;
    struct arena own = {0};
    struct entry entry;
    struct version_scan *s =
        version_scan_open(v, ENTRY_VERSION, SPAN_NONE, SPAN_NONE, false, SEQ_LATEST);
    while (version_scan_next(s, &own, &entry, e)) {
        struct span part;
        if (key_split(entry.key, &part, 1) == 1) {
            if (n == cap)
                list = mem_array(list, cap = cap ? cap * 2 : 64, sizeof *list);
            list[n++] = arena_span(a, part);
        }
        arena_reset(&own);
    }
    version_scan_close(s);
    *ids = arena_copy(a, list, n * sizeof *list);
    mem_free(list);
    arena_free(&own);
    return n;
}

static const char *const state_names[] = {"running", "stopped", "paused", "missing"};

void scenario_status(struct view *v, struct arena *a, struct span id,
                     struct scenario_status *out)
{
    struct entry entry;
    struct span key = key_of1(a, id, NULL);
    *out = (struct scenario_status){0};
    if (!key.n || !version_get(v, a, ENTRY_STATUS, key, SEQ_LATEST, &entry, NULL))
        return;
    const struct json *o = json_parse(a, entry.body, NULL, NULL, NULL);
    struct span state = json_string(json_get(o, "state"));
    for (int i = SCENARIO_RUNNING; i <= SCENARIO_MISSING; i++) {
        if (span_eq(state, span_of(state_names[i])))
            out->state = (enum scenario_state)i;
    }
    out->by = json_string(json_get(o, "by"));
    out->reason = json_string(json_get(o, "reason"));
    out->fault = json_is(json_get(o, "fault"), JSON_OBJECT) ? json_get(o, "fault") : NULL;
}

/* --- canonical text --------------------------------------------------------------------- */

static int by_name(const void *x, const void *y)
{
    return span_cmp(**(const struct span *const *)x, **(const struct span *const *)y);
}

static void put_canonical(struct arena *a, struct json_w *w, const struct json *v)
{
    if (json_is(v, JSON_ARRAY)) {
        json_w_array(w);
        for (size_t i = 0; i < v->count; i++)
            put_canonical(a, w, &v->items[i]);
        json_w_array_end(w);
        return;
    }
    if (!json_is(v, JSON_OBJECT)) {
        json_w_value(w, v);
        return;
    }
    const struct span **order = arena_alloc(a, (v->count + 1) * sizeof *order);
    for (size_t i = 0; i < v->count; i++)
        order[i] = &v->names[i];
    qsort(order, v->count, sizeof *order, by_name);
    json_w_object(w);
    for (size_t i = 0; i < v->count; i++) {
        json_w_name_span(w, *order[i]);
        put_canonical(a, w, &v->items[order[i] - v->names]);
    }
    json_w_object_end(w);
}

struct span scenario_canonical(struct arena *a, const struct json *v)
{
    if (!v)
        return SPAN("{}");
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    put_canonical(a, &w, v);
    json_w_end(&w);
    struct span out = arena_span(a, buf_view(&b));
    buf_free(&b);
    return out;
}

/* --- status ----------------------------------------------------------------------------- */

bool scenario_put_status(struct txn *t, struct span id, enum scenario_state state,
                         struct span by, struct span reason, const struct json *fault,
                         uint64_t cause, struct err *e)
{
    struct arena a = {0};
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_kstr(&w, "state", state_names[state]);
    json_w_name(&w, "by");
    by.n ? json_w_span(&w, by) : json_w_null(&w);
    json_w_name(&w, "reason");
    reason.n ? json_w_span(&w, reason) : json_w_null(&w);
    json_w_name(&w, "fault");
    fault ? json_w_value(&w, fault) : json_w_null(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    struct span key = key_of1(&a, id, e);
    struct entry_new entry = {
        .type = ENTRY_STATUS, .cause = cause, .key = key, .body = buf_view(&b)};
    uint64_t seq = key.n ? txn_append(t, &entry, e) : 0;
    bool ok = seq && stream_append(t, SPAN("scenarios"), seq, NULL, e);
    buf_free(&b);
    arena_free(&a);
    return ok;
}
