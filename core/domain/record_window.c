/* Records within a span of event time: what ctx:count, ctx:sum and ctx:list { within, last } stand on. */
#include "domain/record.h"

#include <stdlib.h>
#include <string.h>

#include "domain/record_impl.h"
#include "store/index.h"
#include "store/version.h"
#include "util/calendar.h"
#include "util/mem.h"

enum { LANES = 8 };

struct window {
    struct view *view;
    struct arena *a; /* the caller's: what is told lives there */
    struct arena line, own;
    struct buf scratch;
    const struct type *type;
    const struct record_where *where;
    size_t count;
    int64_t from, to;
    uint64_t as_of, looked;
    bool (*fn)(void *ctx, const struct entry *e);
    void *ctx;
};

static bool fits(struct window *w, const struct entry *entry, int64_t *at)
{
    if (w->type->event < 0)
        *at = entry->at;
    else if (!record_event_time(w->type, entry->body, at))
        return false;
    return *at >= w->from && *at <= w->to &&
           record_matches(w->type, entry->body, w->where, w->count, &w->scratch);
}

/* A posting is true if the version read has that very time: so a record is told once, in order of time. */
static bool by_index(struct window *w, struct err *e)
{
    struct index_scan *scans[LANES];
    struct record_posting *found;
    size_t n = 1, count;
    bool on = true;
    scans[0] = index_scan_open(w->view, w->type->id, RECORD_FIELD_EVENT, SPAN_NONE, w->from,
                               w->to, false);
    for (size_t i = 0; i < w->count && n < LANES; i++)
        if (w->type->fields[w->where[i].field].indexed)
            scans[n++] = index_scan_open(w->view, w->type->id, (uint16_t)w->where[i].field,
                                         w->where[i].value, w->from, w->to, false);
    for (size_t i = 0; i < n; i++)
        index_scan_upto(scans[i], w->as_of);
    bool ok = record_race(scans, n, SIZE_MAX - 1, &w->own, &found, &count, e);
    for (size_t i = 0; i < n; i++)
        index_scan_close(scans[i]);
    for (size_t i = 0; ok && on && i < count; i++) {
        struct entry entry;
        struct err local = {0};
        int64_t at;
        w->looked++;
        arena_reset(&w->line);
        if (record_find(w->view, &w->line, w->type, found[i].key, w->as_of, &entry, &local)) {
            if (fits(w, &entry, &at) && at == found[i].time) {
                entry = record_entry_copy(&entry, w->a);
                on = w->fn(w->ctx, &entry);
            }
        } else if (local.code != ERR_MISSING) {
            if (e)
                *e = local;
            ok = false;
        }
    }
    return ok;
}

struct hit {
    int64_t at;
    struct entry entry;
};

static int by_time(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return span_cmp(x->entry.key, y->entry.key);
}

/* The key right before the first one that can lie in the window: prefix and the time just before it. */
static struct span key_before(struct window *w, struct span prefix)
{
    struct row_value v = {.kind = w->type->fields[w->type->time].kind};
    if (w->from <= 0)
        return SPAN_NONE;
    buf_clear(&w->scratch);
    buf_span(&w->scratch, prefix);
    v.integer = v.kind == FIELD_DATETIME ? w->from - 1 : calendar_day_of(w->from - 1);
    if (v.kind == FIELD_MONTH) /* the months before this one */
        v.integer = calendar_add_months(v.integer, -1);
    else if (v.kind == FIELD_DATE)
        v.integer -= 1;
    row_put_text(&w->scratch, &v);
    return arena_span(&w->own, buf_view(&w->scratch));
}

static bool by_key(struct window *w, struct span prefix, bool timed, struct err *e)
{
    struct span after = timed ? key_before(w, prefix) : SPAN_NONE;
    struct version_scan *s =
        version_scan_open(w->view, w->type->id, prefix, after, false, w->as_of);
    struct hit *hits = NULL;
    size_t n = 0, cap = 0;
    struct entry entry;
    struct err local = {0};
    int64_t at;
    while (version_scan_next(s, &w->line, &entry, &local)) {
        w->looked++;
        if (timed && record_event_time(w->type, entry.body, &at) && at > w->to)
            break;
        if (fits(w, &entry, &at)) {
            if (n == cap)
                hits = mem_array(hits, cap = cap ? cap * 2 : 32, sizeof *hits);
            hits[n++] = (struct hit){at, record_entry_copy(&entry, w->a)};
        }
        arena_reset(&w->line);
    }
    version_scan_close(s);
    if (n)
        qsort(hits, n, sizeof *hits, by_time);
    for (size_t i = 0; i < n && local.code == ERR_NONE && w->fn(w->ctx, &hits[i].entry); i++)
        ;
    mem_free(hits);
    if (local.code != ERR_NONE && e)
        *e = local;
    return local.code == ERR_NONE;
}

/* Where the time is the key part behind the prefix, keys lie in order of time. */
static bool is_timed(const struct type *t, int parts)
{
    int time = type_time_part(t);
    return time >= 0 && t->event >= 0 && t->time == t->event && parts == time;
}

bool record_window(struct view *v, struct arena *a, const struct type *t,
                   const struct record_where *where, size_t count, int64_t from, int64_t to,
                   uint64_t as_of, bool (*fn)(void *ctx, const struct entry *e), void *ctx,
                   uint64_t *looked, struct err *e)
{
    struct window w = {.view = v,
                       .a = a,
                       .type = t,
                       .where = where,
                       .count = count,
                       .from = from,
                       .to = to,
                       .as_of = as_of,
                       .fn = fn,
                       .ctx = ctx};
    int parts = 0;
    if (looked)
        *looked = 0;
    if (from > to)
        return true;
    struct span prefix = record_key_prefix(t, where, count, t->key_count, &w.own, &parts);
    bool ok =
        parts || t->event < 0 ? by_key(&w, prefix, is_timed(t, parts), e) : by_index(&w, e);
    if (looked)
        *looked = w.looked;
    arena_free(&w.line);
    arena_free(&w.own);
    buf_free(&w.scratch);
    return ok;
}

/* --- the newest ones ------------------------------------------------------------------------------- */

struct last {
    struct entry *items; /* newest first */
    size_t n, most;
};

static bool last_full(const struct last *l)
{
    return l->n == l->most;
}

static void last_add(struct window *w, struct last *l, const struct entry *entry)
{
    l->items[l->n++] = record_entry_copy(entry, w->a);
}

/* Keys in order of time, from the newest one that can lie in the window. */
static bool back_by_key(struct window *w, struct span prefix, struct last *l, struct err *e)
{
    struct row_value v = {.kind = w->type->fields[w->type->time].kind};
    struct entry entry;
    struct err local = {0};
    int64_t at;
    v.integer = v.kind == FIELD_DATETIME ? w->to : calendar_day_of(w->to);
    buf_clear(&w->scratch);
    buf_span(&w->scratch, prefix);
    row_put_text(&w->scratch, &v);
    buf_char(&w->scratch, '\xFF');
    struct span behind = arena_span(&w->own, buf_view(&w->scratch));
    struct version_scan *s =
        version_scan_open(w->view, w->type->id, prefix, behind, true, w->as_of);
    while (!last_full(l) && version_scan_next(s, &w->line, &entry, &local)) {
        w->looked++;
        if (record_event_time(w->type, entry.body, &at) && at < w->from)
            break;
        if (fits(w, &entry, &at))
            last_add(w, l, &entry);
        arena_reset(&w->line);
    }
    version_scan_close(s);
    if (local.code != ERR_NONE && e)
        *e = local;
    return local.code == ERR_NONE;
}

static bool back_by_index(struct window *w, struct last *l, struct err *e)
{
    uint16_t field = RECORD_FIELD_EVENT;
    struct span value = SPAN_NONE, key, before = SPAN_NONE;
    struct err local = {0};
    int64_t time, at, time_before = INT64_MIN;
    for (size_t i = 0; i < w->count && field == RECORD_FIELD_EVENT; i++)
        if (w->type->fields[w->where[i].field].indexed) {
            field = (uint16_t)w->where[i].field;
            value = w->where[i].value;
        }
    struct index_scan *s =
        index_scan_open(w->view, w->type->id, field, value, w->from, w->to, true);
    index_scan_upto(s, w->as_of);
    while (!last_full(l) && index_scan_next(s, &w->line, &key, &time, &local)) {
        struct entry entry;
        if (!key.p)
            continue;
        bool again = time == time_before && span_eq(key, before);
        time_before = time;
        before = arena_span(&w->own, key);
        arena_reset(&w->line);
        if (again)
            continue;
        w->looked++;
        if (record_find(w->view, &w->line, w->type, before, w->as_of, &entry, &local)) {
            if (fits(w, &entry, &at) && at == time)
                last_add(w, l, &entry);
        } else if (local.code != ERR_MISSING) {
            break;
        }
        local = (struct err){0};
    }
    index_scan_close(s);
    if (local.code != ERR_NONE && e)
        *e = local;
    return local.code == ERR_NONE;
}

struct newest { /* of a window that is walked forwards: a ring */
    struct entry *ring;
    size_t n, most;
};

static bool remember(void *ctx, const struct entry *entry)
{
    struct newest *r = ctx;
    r->ring[r->n++ % r->most] = *entry;
    return true;
}

/* Keys that are not in order of time: the window itself, of which the end is kept. */
static bool end_of_window(struct window *w, struct span prefix, struct last *l, struct err *e)
{
    struct newest r = {arena_alloc(&w->own, l->most * sizeof *r.ring), 0, l->most};
    w->fn = remember;
    w->ctx = &r;
    if (!by_key(w, prefix, false, e))
        return false;
    for (; l->n < l->most && l->n < r.n; l->n++)
        l->items[l->n] = r.ring[(r.n - 1 - l->n) % r.most];
    return true;
}

bool record_last(struct view *v, struct arena *a, const struct type *t,
                 const struct record_where *where, size_t count, int64_t from, int64_t to,
                 uint64_t as_of, size_t most, struct entry **out, size_t *found,
                 uint64_t *looked, struct err *e)
{
    struct window w = {.view = v,
                       .a = a,
                       .type = t,
                       .where = where,
                       .count = count,
                       .from = from,
                       .to = to,
                       .as_of = as_of};
    struct last l = {arena_alloc(a, (most + 1) * sizeof *l.items), 0, most};
    int parts = 0;
    *found = 0;
    *looked = 0;
    *out = l.items;
    if (from > to || !most || t->event < 0)
        return true;
    struct span prefix = record_key_prefix(t, where, count, t->key_count, &w.own, &parts);
    bool ok = !parts               ? back_by_index(&w, &l, e)
              : is_timed(t, parts) ? back_by_key(&w, prefix, &l, e)
                                   : end_of_window(&w, prefix, &l, e);
    for (size_t i = 0; i < l.n / 2; i++) {
        struct entry x = l.items[i];
        l.items[i] = l.items[l.n - 1 - i];
        l.items[l.n - 1 - i] = x;
    }
    *found = l.n;
    *looked = w.looked;
    arena_free(&w.line);
    arena_free(&w.own);
    buf_free(&w.scratch);
    return ok;
}
