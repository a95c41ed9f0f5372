#include "engine/late.h"

#include <stdlib.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/row.h"
#include "engine/evaluate_impl.h"
#include "util/calendar.h"
#include "util/json.h"
#include "util/mem.h"

enum { LATER_MAX = 64, CHUNK = 256 };

/* --- ticks that were told -------------------------------------------------------------------------- */

void tick_log_clear(struct tick_log *log)
{
    arena_free(&log->arena);
    mem_free(log->items);
    *log = (struct tick_log){0};
}

static void note_tick(struct tick_log *log, const struct entry *e, size_t at)
{
    const struct json *body = json_parse(&log->arena, e->body, NULL, NULL, NULL);
    const struct json *specs = json_get(body, "specs");
    struct tick t = {.seq = e->seq, .at = e->at, .due = e->at, .spec_count = json_count(specs)};
    calendar_parse_datetime(json_string(json_get(body, "due")), &t.due);
    t.specs = arena_alloc(&log->arena, (t.spec_count + 1) * sizeof *t.specs);
    for (size_t i = 0; i < t.spec_count; i++)
        t.specs[i] = json_string(json_item(specs, i));
    if (log->count == log->cap) {
        log->cap = log->cap ? log->cap * 2 : 64;
        log->items = mem_array(log->items, log->cap, sizeof *log->items);
    }
    memmove(&log->items[at + 1], &log->items[at], (log->count - at) * sizeof *log->items);
    log->items[at] = t;
    log->count++;
}

/* Read (below, upto] backwards until an entry is not after `since`; ticks go in before items[at].
 * *reached: the lowest seq looked at. */
static bool read_back(struct tick_log *log, struct view *v, uint64_t below, uint64_t upto,
                      int64_t since, size_t at, uint64_t *reached, struct err *e)
{
    struct arena a = {0};
    struct entry chunk[CHUNK];
    bool done = false, ok = true;
    *reached = upto + 1;
    while (ok && !done && *reached > below + 1) {
        uint64_t from = *reached - below - 1 > CHUNK ? *reached - CHUNK : below + 1;
        size_t want = (size_t)(*reached - from), n = 0;
        arena_reset(&a);
        ok = journal_read(v, &a, from, chunk, want, &n, e);
        for (size_t i = n; ok && i-- > 0 && !done;) {
            if (chunk[i].type == ENTRY_TICK)
                note_tick(log, &chunk[i], at);
            done = chunk[i].at <= since;
            *reached =
                chunk[i].seq; /* what lies before it in the chunk has not been looked at */
        }
        if (ok && !done)
            *reached = from;
    }
    arena_free(&a);
    return ok;
}

/* Know every tick in (since, entry `upto`]. */
static bool cover(struct tick_log *log, struct view *v, uint64_t upto, int64_t since,
                  struct err *e)
{
    uint64_t reached;
    if (log->to < upto) {
        size_t old = log->count;
        if (!read_back(log, v, log->to, upto, since, old, &reached, e))
            return false;
        if (log->to && reached > log->to + 1) { /* a gap: what is older is not needed now */
            memmove(log->items, log->items + old, (log->count - old) * sizeof *log->items);
            log->count -= old;
        }
        if (!log->to || reached > log->to + 1)
            log->from = reached;
        log->to = upto;
    }
    if (log->from > 1) {
        struct arena a = {0};
        struct entry oldest;
        bool ok = journal_get(v, &a, log->from, &oldest, e);
        int64_t at = oldest.at;
        arena_free(&a);
        if (!ok)
            return false;
        if (at > since) {
            if (!read_back(log, v, 0, log->from - 1, since, 0, &reached, e))
                return false;
            log->from = reached;
        }
    }
    return true;
}

/* --- what has to be judged again ------------------------------------------------------------------ */

/* A subject: the key parts of its records that are not the time. */
struct subject {
    struct record_where parts[8];
    size_t count; /* 0: none */
};

/* One judgement; `on` or `every` says which kind. */
struct again {
    const struct instance_handler *on;
    const struct instance_every *every;
    struct entry row;       /* on: the later record */
    struct subject subject; /* every */
    int64_t now;
    struct effects before, after;
};
struct plan {
    struct again *items;
    size_t count, cap;
};

static struct again *add(struct work *w, struct plan *p)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        struct again *more = arena_alloc(&w->ev.keep, cap * sizeof *more);
        if (p->count)
            memcpy(more, p->items, p->count * sizeof *more);
        p->items = more;
        p->cap = cap;
    }
    p->items[p->count] = (struct again){0};
    return &p->items[p->count++];
}

static int by_time(const void *x, const void *y)
{
    const struct again *a = x, *b = y;
    if (a->now != b->now)
        return a->now < b->now ? -1 : 1;
    if (!a->on != !b->on)
        return a->on ? -1 : 1; /* records before ticks */
    return a->on ? span_cmp(a->row.key, b->row.key)
                 : (a->every > b->every) - (a->every < b->every);
}

static struct subject subject_of(struct work *w, const struct type *t, struct span key)
{
    struct subject s = {.count = 0};
    struct span parts[8];
    size_t n = key_split(arena_span(&w->ev.keep, key), parts, 8);
    for (size_t i = 0; i < n && i < (size_t)t->key_count; i++)
        if (t->key[i] != t->time)
            s.parts[s.count++] = (struct record_where){t->key[i], parts[i]};
    return s;
}

static void add_record(struct work *w, struct plan *p, const struct type *t,
                       const struct instance_handler *on, const struct entry *row)
{
    struct again *x = add(w, p);
    x->on = on;
    x->row = *row;
    x->now = evaluate_time(t, row);
}

/* By which field a record is the newest one; 0: by the time in its key. */
enum { BY_KEY = 0, BY_MOST = 63 };

static bool is_newest(const struct work *w, int by)
{
    const struct tick_log *log = w->ev.host->ticks;
    return log && by <= BY_MOST && log->newest_seq == w->ev.entry->seq &&
           log->newest_by >> by & 1;
}

static void note_newest(struct work *w, int by)
{
    struct tick_log *log = w->ev.host->ticks;
    if (!log || by > BY_MOST)
        return;
    if (log->newest_seq != w->ev.entry->seq)
        log->newest_by = 0;
    log->newest_seq = w->ev.entry->seq;
    log->newest_by |= (uint64_t)1 << by;
}

/* Types whose key has no time (petition, camera_event …): the script says in `rejudge` which field names what
 * their records have in common; the later-dated ones with the same value are judged again. */
struct later {
    struct work *w;
    struct plan *plan;
    const struct type *type;
    const struct instance_handler *on;
};

static bool take_later(void *ctx, const struct entry *row)
{
    struct later *l = ctx;
    if (row->seq != l->w->ev.entry->seq)
        add_record(l->w, l->plan, l->type, l->on, row);
    return l->plan->count < LATER_MAX;
}

static bool plan_relatives(struct work *w, const struct type *t,
                           const struct instance_handler *on, int64_t time, struct plan *p)
{
    const struct instance *in = w->ev.in;
    size_t i = 0;
    while (i < in->rejudge_count && in->rejudge[i].type != t)
        i++;
    if (i == in->rejudge_count)
        return true;
    int field = in->rejudge[i].field;
    struct row_value v = row_get(t, w->ev.entry->body, field);
    if (v.null || v.kind != FIELD_STRING || is_newest(w, field + 1))
        return true;
    struct record_where where = {field, v.text};
    struct later l = {w, p, t, on};
    size_t before = p->count;
    if (!record_window(w->ev.host->view, &w->ev.keep, t, &where, 1, time + 1, INT64_MAX,
                       w->ev.as_of, take_later, &l, NULL, w->e))
        return false;
    if (p->count == before)
        note_newest(w, field + 1);
    return true;
}

/* Later-dated records of the same subject, the nearest ones. The usual record is the newest of its subject:
 * then the walk, which begins behind it, finds nothing. */
static bool plan_records(struct work *w, const struct type *t,
                         const struct instance_handler *on, int64_t time, struct plan *p)
{
    struct evaluation *ev = &w->ev;
    if (!on || t->event < 0)
        return true;
    if (t->time < 0)
        return plan_relatives(w, t, on, time, p);
    if (is_newest(w, BY_KEY))
        return true;
    struct err e = {0};
    struct subject subject = subject_of(w, t, ev->entry->key);
    if (!subject.count)
        return true;
    struct record_scan *scan = record_scan_open(ev->host->view, t, subject.parts, subject.count,
                                                true, ev->entry->key, ev->as_of);
    struct entry row;
    size_t found = 0;
    while (found < LATER_MAX && record_scan_next(scan, &ev->keep, &row, &e)) {
        if (row.seq == ev->entry->seq || evaluate_time(t, &row) <= time)
            continue;
        add_record(w, p, t, on, &row);
        found++;
    }
    record_scan_close(scan);
    if (e.code != ERR_NONE && e.code != ERR_MISSING) {
        *w->e = e;
        return false;
    }
    if (!found)
        note_newest(w, BY_KEY);
    return true;
}

/* Which subject of this entry of `every` does a late record of `t` concern? */
static struct subject concerns(struct work *w, const struct type *t,
                               const struct instance_every *every)
{
    const struct instance *in = w->ev.in;
    if (every->over == t)
        return subject_of(w, t, w->ev.entry->key);
    struct subject s = {.count = 0};
    for (size_t i = 0; every->over && i < in->rejudge_count; i++) {
        if (in->rejudge[i].type != t)
            continue;
        struct row_value v = row_get(t, w->ev.entry->body, in->rejudge[i].field);
        struct span by = in->rejudge[i].by;
        int field = by.n ? type_field(every->over, by) : every->over->key[0];
        if (!v.null && v.kind == FIELD_STRING && field >= 0)
            s.parts[s.count++] = (struct record_where){field, v.text};
        break;
    }
    return s;
}

static bool plan_ticks(struct work *w, const struct type *t, int64_t time, struct plan *p)
{
    struct evaluation *ev = &w->ev;
    int64_t arrival = ev->entry->at;
    /* `<`: a record comes before the ticks of its own instant (rules of order 5) */
    if (arrival < time || arrival - time > CALENDAR_DAY_US || !ev->host->ticks)
        return true;
    bool any = false;
    for (size_t i = 0; i < ev->in->every_count && !any; i++)
        any = concerns(w, t, &ev->in->every[i]).count &&
              schedule_next(&ev->in->every[i].schedule, time - 1) <= arrival;
    if (!any)
        return true;
    struct tick_log *log = ev->host->ticks;
    if (!cover(log, ev->host->view, ev->entry->seq, time - 1, w->e))
        return false;
    for (size_t k = 0; k < log->count; k++) {
        const struct tick *tick = &log->items[k];
        if (tick->seq >= ev->entry->seq || tick->due < time || tick->due > arrival)
            continue;
        for (size_t i = 0; i < ev->in->every_count; i++) {
            const struct instance_every *every = &ev->in->every[i];
            bool told = false;
            for (size_t s = 0; s < tick->spec_count && !told; s++)
                told = span_eq(tick->specs[s], every->at);
            struct subject subject = {.count = 0};
            if (told)
                subject = concerns(w, t, every);
            if (!subject.count)
                continue;
            struct again *x = add(w, p);
            x->every = every;
            x->subject = subject;
            x->now = tick->due;
        }
    }
    return true;
}

/* --- running it ------------------------------------------------------------------------------------ */

static bool subject_row(struct work *w, const struct instance_every *every,
                        const struct subject *subject, uint64_t as_of, struct entry *row,
                        struct err *e)
{
    size_t n = subject->count + every->where_count;
    struct record_where *where = arena_alloc(&w->ev.keep, (n + 1) * sizeof *where);
    memcpy(where, subject->parts, subject->count * sizeof *where);
    if (every->where_count)
        memcpy(where + subject->count, every->where, every->where_count * sizeof *where);
    struct record_scan *scan =
        record_scan_open(w->ev.host->view, every->over, where, n, false, SPAN_NONE, as_of);
    bool ok = record_scan_next(scan, &w->ev.keep, row, e);
    record_scan_close(scan);
    return ok;
}

bool late_subject_row(struct work *w, const struct instance_every *every, struct span key,
                      uint64_t as_of, struct entry *row, struct err *e)
{
    struct subject subject = subject_of(w, every->over, key);
    return subject.count && subject_row(w, every, &subject, as_of, row, e);
}

static enum evaluate_result judge_as_of(struct work *w, struct again *x, uint64_t as_of,
                                        struct effects *into)
{
    if (x->on)
        return evaluate_record(w, x->on, &x->row, x->now, as_of, into);
    struct entry row;
    struct err e = {0};
    if (subject_row(w, x->every, &x->subject, as_of, &row, &e))
        return evaluate_subject(w, x->every, &row, x->now, as_of, into);
    if (e.code == ERR_NONE || e.code == ERR_MISSING)
        return EVALUATE_DONE;
    *w->e = e;
    return EVALUATE_BROKEN;
}

/* --- the difference -------------------------------------------------------------------------------- */

static struct effect *find(struct effects *list, enum effect_kind kind, struct span key)
{
    for (size_t i = 0; i < list->count; i++) {
        struct effect *x = &list->items[i];
        if (x->kind == kind && !x->dropped && span_eq(x->key, key))
            return x;
    }
    return NULL;
}

static const struct effect *alerted(struct plan *p, bool after, struct span key)
{
    const struct effect *best = NULL;
    for (size_t i = 0; i < p->count; i++) {
        struct effect *x =
            find(after ? &p->items[i].after : &p->items[i].before, EFFECT_ALERT, key);
        if (x && (!best || x->level > best->level))
            best = x;
    }
    return best;
}

/* A clear that a later judgement overruled must not close what stands. */
static bool alerted_behind(struct plan *p, size_t behind, struct span key)
{
    for (size_t i = behind; i < p->count; i++)
        if (find(&p->items[i].after, EFFECT_ALERT, key))
            return true;
    return false;
}

/* Raised by judgements of later moments only? Those are void now; an earlier one still stands for it. */
static bool raised_since(struct work *w, struct span key, int64_t time, struct alert *al,
                         struct err *e)
{
    struct evaluation *ev = &w->ev;
    return alert_get(api_own(ev), &ev->keep, ev->in->scenario.id, key, api_own_seq(ev), al,
                     e) &&
           alert_is_open(al) && (al->judged_at ? al->judged_at : al->raised_at) >= time;
}

static bool retract(struct work *w, struct plan *p, const struct effects *own, int64_t time,
                    struct effects *out)
{
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->items[i].before.count; k++) {
            const struct effect *was = &p->items[i].before.items[k];
            struct err e = {0};
            struct alert al;
            if (was->kind != EFFECT_ALERT || was->dropped ||
                find(out, EFFECT_RETRACT, was->key))
                continue;
            const struct effect *is = alerted(p, true, was->key);
            struct effects mine = *own;
            if (!is)
                is = find(&mine, EFFECT_ALERT, was->key);
            const struct effect *then = alerted(p, false, was->key);
            if (is && is->level >= then->level)
                continue;
            if (raised_since(w, was->key, time, &al, &e)) {
                w->ev.effects = out;
                api_retract(&w->ev, was->key, SPAN("迟到的记录改变了当时的判断"));
            } else if (e.code != ERR_NONE && e.code != ERR_MISSING) {
                *w->e = e;
                return false;
            }
        }
    }
    return true;
}

static bool same(const struct effect *a, const struct effect *b)
{
    return a && span_eq(a->members, b->members);
}

static struct effect *keep_effect(struct work *w, struct effects *out, const struct effect *x,
                                  bool rejudged)
{
    w->ev.effects = out;
    struct effect *copy = api_effect(&w->ev, x->kind, x->key);
    *copy = *x;
    if (rejudged && x->kind == EFFECT_ALERT)
        copy->members =
            span_of(arena_printf(&w->ev.keep, ",\"rejudged\":true%.*s", SPAN_ARG(x->members)));
    return copy;
}

/* An alert that stays for a later judgement than the one that raised it must know that: else what voids the later
 * one, too, would find it standing for the earlier. */
static bool keep_alert(struct work *w, struct effects *out, const struct effect *x,
                       int64_t time)
{
    struct alert al;
    struct err e = {0};
    bool stands = !find(out, EFFECT_ALERT, x->key) && !find(out, EFFECT_RETRACT, x->key) &&
                  raised_since(w, x->key, time, &al, &e);
    if (e.code != ERR_NONE && e.code != ERR_MISSING) {
        *w->e = e;
        return false;
    }
    struct effect *copy = keep_effect(w, out, x, true);
    if (stands)
        copy->members =
            span_of(arena_printf(&w->ev.keep, ",\"stands\":true%.*s", SPAN_ARG(copy->members)));
    return true;
}

/* What the judgements say now and did not say before. */
static bool add_new(struct work *w, struct plan *p, int64_t time, struct effects *out)
{
    for (size_t i = 0; i < p->count; i++) {
        struct again *a = &p->items[i];
        for (size_t k = 0; k < a->after.count; k++) {
            const struct effect *x = &a->after.items[k];
            if (x->dropped || x->kind == EFFECT_LOG)
                continue;
            if (x->kind == EFFECT_ALERT) {
                if (!keep_alert(w, out, x, time))
                    return false;
            } else if (x->kind == EFFECT_CLEAR) {
                bool news =
                    !find(&a->before, EFFECT_CLEAR, x->key) || find(out, EFFECT_ALERT, x->key);
                if (news && !alerted_behind(p, i + 1, x->key) &&
                    !find(out, EFFECT_RETRACT, x->key))
                    keep_effect(w, out, x, true);
            } else if (!same(find(&a->before, x->kind, x->key), x) ||
                       find(out, x->kind, x->key))
                keep_effect(w, out, x, true);
        }
    }
    return true;
}

static enum evaluate_result rejudge(struct work *w, struct plan *p, struct effects *own,
                                    int64_t time)
{
    struct evaluation *ev = &w->ev;
    uint64_t seq = ev->entry->seq;
    enum evaluate_result r = EVALUATE_DONE;
    if (!api_settle(ev, w->e))
        return EVALUATE_BROKEN;
    ev->again = true;
    qsort(p->items, p->count, sizeof *p->items, by_time);
    for (size_t i = 0; i < p->count && r == EVALUATE_DONE; i++) {
        r = judge_as_of(w, &p->items[i], seq - 1, &p->items[i].before);
        if (r == EVALUATE_DONE)
            r = judge_as_of(w, &p->items[i], seq, &p->items[i].after);
        if (r == EVALUATE_DONE && ev->host->pause)
            ev->host->pause(ev->host->ctx);
    }
    if (r != EVALUATE_DONE)
        return r;
    struct effects out = {0};
    arena_reset(&ev->scratch);
    ev->now = ev->entry->at;
    if (!retract(w, p, own, time, &out))
        return EVALUATE_BROKEN;
    for (size_t i = 0; i < own->count; i++)
        if (!own->items[i].dropped &&
            !(own->items[i].kind == EFFECT_CLEAR && alerted_behind(p, 0, own->items[i].key)))
            keep_effect(w, &out, &own->items[i], false);
    if (!add_new(w, p, time, &out))
        return EVALUATE_BROKEN;
    return evaluate_emit(w, &out);
}

enum evaluate_result late_judge(struct work *w, const struct type *t,
                                const struct instance_handler *on)
{
    const struct entry *entry = w->ev.entry;
    int64_t time = evaluate_time(t, entry);
    struct effects own = {0};
    if (on) {
        enum evaluate_result r = evaluate_record(w, on, entry, time, entry->seq, &own);
        if (r != EVALUATE_DONE)
            return r;
    }
    struct plan plan = {0};
    if (t->event >= 0 &&
        (!plan_records(w, t, on, time, &plan) || !plan_ticks(w, t, time, &plan)))
        return EVALUATE_BROKEN;
    if (plan.count)
        return rejudge(w, &plan, &own, time);
    return evaluate_emit(w, &own);
}

enum evaluate_result late_withdrawn(struct work *w, const struct type *t,
                                    const struct instance_handler *removed)
{
    const struct entry *entry = w->ev.entry;
    struct effects own = {0};
    if (removed) {
        enum evaluate_result r =
            evaluate_record(w, removed, entry, entry->at, entry->seq, &own);
        if (r != EVALUATE_DONE)
            return r;
    }
    struct plan plan = {0};
    int64_t time = evaluate_time(t, entry);
    if (t->event >= 0 && !plan_ticks(w, t, time, &plan))
        return EVALUATE_BROKEN;
    return plan.count ? rejudge(w, &plan, &own, time) : evaluate_emit(w, &own);
}
