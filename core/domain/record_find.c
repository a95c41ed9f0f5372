/* Single records: by key, the latest of a subject; and what scanning and counting share. */
#include "domain/record.h"

#include <string.h>

#include "domain/key.h"
#include "domain/record_impl.h"
#include "store/index.h"
#include "store/version.h"
#include "util/calendar.h"
#include "util/mem.h"

bool record_event_time(const struct type *t, struct span body, int64_t *us)
{
    if (t->event < 0)
        return false;
    struct row_value v = row_get(t, body, t->event);
    if (v.null)
        return false;
    *us = v.kind == FIELD_DATETIME ? v.integer : calendar_day_start(v.integer);
    return true;
}

bool record_find(struct view *v, struct arena *a, const struct type *t, struct span key,
                 uint64_t as_of, struct entry *out, struct err *e)
{
    if (!version_get(v, a, t->id, key, as_of, out, e))
        return false;
    return out->op == ENTRY_PUT || err_set(e, ERR_MISSING, "这条%s已经撤下", t->label);
}

struct entry record_entry_copy(const struct entry *entry, struct arena *a)
{
    struct entry copy = *entry;
    copy.key = arena_span(a, entry->key);
    copy.body = (struct span){arena_copy(a, entry->body.p, entry->body.n), entry->body.n};
    return copy;
}

static int parts_of(struct span key)
{
    int n = 0;
    for (size_t i = 0; i < key.n; i++)
        n += key.p[i] == '\0';
    return n;
}

static struct span part(struct span key, int i)
{
    struct span parts[8] = {{0}};
    size_t n = key_split(key, parts, 8);
    return i >= 0 && (size_t)i < n ? parts[i] : SPAN_NONE;
}

/* Is `b` later than `a`: by key time, or else by event time, or else by place in the order of keys? */
static bool is_later(const struct type *t, const struct entry *a, const struct entry *b)
{
    int time = type_time_part(t);
    int64_t ta = INT64_MIN, tb = INT64_MIN;
    if (time >= 0)
        return span_cmp(part(b->key, time), part(a->key, time)) > 0;
    record_event_time(t, a->body, &ta);
    record_event_time(t, b->body, &tb);
    return tb >= ta;
}

bool record_latest(struct view *v, struct arena *a, const struct type *t, struct span prefix,
                   uint64_t as_of, struct entry *out, struct err *e)
{
    int time = type_time_part(t), given = parts_of(prefix);
    struct err local = {0};
    struct entry entry;
    bool found = false;
    if (given >= t->key_count)
        return record_find(v, a, t, prefix, as_of, out, e);
    bool sorted =
        time >= 0 && given == time; /* what follows the prefix is the time: the last key wins */
    struct version_scan *s = version_scan_open(v, t->id, prefix, SPAN_NONE, sorted, as_of);
    struct arena line = {0};
    while (!(found && sorted) && version_scan_next(s, &line, &entry, &local)) {
        if (!found || is_later(t, out, &entry))
            *out = record_entry_copy(&entry, a);
        found = true;
        arena_reset(&line);
    }
    version_scan_close(s);
    arena_free(&line);
    if (local.code == ERR_NONE && !found)
        err_set(&local, ERR_MISSING, "没有这个对象的%s", t->label);
    if (local.code != ERR_NONE && e)
        *e = local;
    return local.code == ERR_NONE;
}

/* ---- where ---- */

static bool equals(struct row_value v, struct span want, struct buf *scratch)
{
    struct span item;
    if (v.null)
        return false;
    if (v.kind == FIELD_STRING || v.kind == FIELD_ENUM)
        return span_eq(v.text, want);
    if (v.kind == FIELD_STRINGS) {
        while (row_list_next(&v, &item))
            if (span_eq(item, want))
                return true;
        return false;
    }
    if (v.kind == FIELD_BOOLEAN)
        return span_eq(want, v.boolean ? SPAN("true") : SPAN("false"));
    buf_clear(scratch);
    row_put_text(scratch, &v);
    return span_eq(buf_view(scratch), want);
}

bool record_matches(const struct type *t, struct span body, const struct record_where *where,
                    size_t count, struct buf *scratch)
{
    for (size_t i = 0; i < count; i++)
        if (!equals(row_get(t, body, where[i].field), where[i].value, scratch))
            return false;
    return true;
}

struct span record_key_prefix(const struct type *t, const struct record_where *where,
                              size_t count, int most, struct arena *a, int *parts)
{
    struct span values[8];
    int n = 0;
    for (; n < most && n < t->key_count; n++) {
        size_t i = 0;
        while (i < count && where[i].field != t->key[n])
            i++;
        if (i == count || where[i].value.n == 0)
            break;
        values[n] = where[i].value;
    }
    *parts = n;
    return n ? key_join(a, values, (size_t)n, NULL) : SPAN_NONE;
}

/* ---- the index ---- */

struct lane {
    struct record_posting *list;
    size_t n, cap;
};

static bool advance(struct lane *l, struct index_scan *scan, struct arena *a, struct err *e)
{
    struct record_posting p;
    if (!index_scan_next(scan, a, &p.key, &p.time, e))
        return false;
    if (!p.key.p) /* came later than is asked for */
        return true;
    if (l->n && l->list[l->n - 1].time == p.time && span_eq(l->list[l->n - 1].key, p.key))
        return true;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->list = mem_array(l->list, l->cap, sizeof *l->list);
    }
    l->list[l->n++] = p;
    return true;
}

bool record_race(struct index_scan **scans, size_t count, size_t most, struct arena *a,
                 struct record_posting **out, size_t *found, struct err *e)
{
    struct lane lanes[16] = {{0}};
    struct err local = {0};
    size_t first = 0;
    must(count > 0 && count <= sizeof lanes / sizeof *lanes);
    while (lanes[first].n <= most && advance(&lanes[first], scans[first], a, &local))
        first = (first + 1) % count;
    *found = lanes[first].n <= most ? lanes[first].n : SIZE_MAX;
    *out = *found != SIZE_MAX ? arena_copy(a, lanes[first].list, *found * sizeof **out) : NULL;
    for (size_t i = 0; i < count; i++)
        mem_free(lanes[i].list);
    if (local.code != ERR_NONE && e)
        *e = local;
    return local.code == ERR_NONE;
}
