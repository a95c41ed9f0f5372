/* Which entries have judged a subject, up to a moment: records, ticks over it, timers with its name. */
#include <stdlib.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "engine/explain_impl.h"
#include "engine/instance.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"

enum {
    RECORDS_MAX = 2000,  /* of one type that are looked through */
    PATIENCE = 20000,    /* … and passed over */
    TICK_ENTRIES = 8192, /* how far behind its time a tick is looked for */
    TICK_TRIES = 3,
    WAKES_MAX = 5000,
};

bool explain_seq_at(struct view *v, int64_t time, uint64_t *out, struct err *e)
{
    uint64_t low = 1, high = view_head(v) + 1;
    struct arena a = {0};
    bool ok = true;
    while (ok && low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct entry x;
        ok = journal_get(v, &a, middle, &x, e);
        if (ok && x.at < time)
            low = middle + 1;
        else
            high = middle;
        arena_reset(&a);
    }
    arena_free(&a);
    *out = low;
    return ok;
}

size_t explain_narrow(const struct explain_subject *s, const struct type *t,
                      struct record_where *out)
{
    size_t n = 0;
    if (t == s->type) {
        for (int i = 0; i < t->key_count && n < s->count; i++)
            if (t->key[i] != t->time) {
                out[n] = (struct record_where){t->key[i], s->parts[n]};
                n++;
            }
        return n;
    }
    int field = type_field(t, span_of(s->field)), of = type_field(t, SPAN("subject_type")),
        id = type_field(t, SPAN("subject_id"));
    if (field >= 0) {
        out[n++] = (struct record_where){field, s->parts[0]};
    } else if (of >= 0 && id >= 0) {
        out[n++] = (struct record_where){id, s->parts[0]};
        out[n++] = (struct record_where){of, span_of(s->type->name)};
    }
    return n;
}

/* Latest first, each entry once. */
static void add(struct explain *x, const struct explain_entry *found)
{
    size_t at = 0;
    while (at < x->entry_count && x->entries[at].entry.seq > found->entry.seq)
        at++;
    if (at == EXPLAIN_ENTRIES_MAX ||
        (at < x->entry_count && x->entries[at].entry.seq == found->entry.seq))
        return;
    size_t behind = x->entry_count - at;
    if (x->entry_count == EXPLAIN_ENTRIES_MAX)
        behind--;
    else
        x->entry_count++;
    memmove(&x->entries[at + 1], &x->entries[at], behind * sizeof *x->entries);
    x->entries[at] = *found;
}

/* --- records -------------------------------------------------------------------------------------------------- */

static bool latest_of(struct explain *x, const struct type *t, struct span *key, struct err *e)
{
    struct record_where where[8];
    size_t n = explain_narrow(&x->subject, t, where);
    struct arena a = {0};
    struct entry row;
    struct err why = {0};
    uint64_t best = 0;
    if (!n)
        return true;
    struct record_scan *s = record_scan_open(x->view, t, where, n, true, SPAN_NONE, x->last);
    record_scan_patience(s, PATIENCE);
    for (int i = 0; i < RECORDS_MAX && record_scan_next(s, &a, &row, &why); i++) {
        if (row.seq > best) {
            best = row.seq;
            *key = arena_span(&x->arena, row.key);
        }
        arena_reset(&a);
    }
    record_scan_close(s);
    arena_free(&a);
    return why.code == ERR_NONE || why.code == ERR_MISSING ||
           err_set(e, why.code, "%s", why.text);
}

static bool find_record(struct explain *x, const struct type *t, struct err *e)
{
    struct explain_entry found = {.type = t};
    struct span key = t == x->subject.type ? x->subject.key : SPAN_NONE;
    struct err why = {0};
    if (!key.n && !latest_of(x, t, &key, e))
        return false;
    if (!key.n)
        return true;
    if (!version_get(x->view, &x->arena, t->id, key, x->last, &found.entry, &why))
        return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
    bool wanted = found.entry.op == ENTRY_PUT ? instance_on(x->in, t->id) != NULL
                                              : instance_removed(x->in, t->id) != NULL;
    if (wanted)
        add(x, &found);
    return true;
}

static bool find_records(struct explain *x, struct err *e)
{
    const struct instance *in = x->in;
    for (size_t i = 0; i < in->on_count; i++)
        if (!find_record(x, in->on[i].type, e))
            return false;
    for (size_t i = 0; i < in->removed_count; i++)
        if (!find_record(x, in->removed[i].type, e))
            return false;
    return true;
}

/* --- ticks ------------------------------------------------------------------------------------------------------ */

static int64_t due_before(const struct schedule *s, int64_t at)
{
    static const int64_t steps[] = {[SCHEDULE_5MIN] = 5 * CALENDAR_MINUTE_US,
                                    [SCHEDULE_HOURLY] = 60 * CALENDAR_MINUTE_US,
                                    [SCHEDULE_DAILY] = CALENDAR_DAY_US,
                                    [SCHEDULE_WEEKLY] = 7 * CALENDAR_DAY_US,
                                    [SCHEDULE_MONTHLY] = 32 * CALENDAR_DAY_US};
    int64_t due = schedule_next(s, at - steps[s->kind] - 1);
    for (int64_t next = due; next <= at; next = schedule_next(s, next))
        due = next;
    return due;
}

static bool tells(const struct entry *tick, struct span spec)
{
    struct arena a = {0};
    const struct json *specs = json_get(json_parse(&a, tick->body, NULL, NULL, NULL), "specs");
    bool found = false;
    for (size_t i = 0; i < json_count(specs) && !found; i++)
        found = span_eq(json_string(json_item(specs, i)), spec);
    arena_free(&a);
    return found;
}

/* The tick that told of `due`: at its time or, after a stop, soon behind it. */
static bool tick_at(struct explain *x, int64_t due, struct span spec, struct entry *out,
                    bool *found, struct err *e)
{
    struct arena a = {0};
    struct entry chunk[256];
    uint64_t from;
    bool ok = explain_seq_at(x->view, due, &from, e);
    uint64_t until = from + TICK_ENTRIES;
    *found = false;
    while (ok && !*found && from <= x->last && from < until) {
        size_t n = 0;
        ok = journal_read(x->view, &a, from, chunk, 256, &n, e);
        for (size_t i = 0; ok && i < n && !*found; i++) {
            *found = chunk[i].seq <= x->last && chunk[i].type == ENTRY_TICK &&
                     tells(&chunk[i], spec);
            if (*found)
                *out = chunk[i];
        }
        from += n ? n : until;
        if (*found)
            out->body = arena_span(&x->arena, out->body);
        arena_reset(&a);
    }
    arena_free(&a);
    return ok;
}

static bool find_tick(struct explain *x, const struct instance_every *every, struct err *e)
{
    struct record_where where[8];
    struct explain_entry found = {.spec = arena_span(&x->arena, every->at),
                                  .over = every->over};
    int64_t at = x->at;
    bool there = false;
    if (every->over && !explain_narrow(&x->subject, every->over, where))
        return true;
    for (int i = 0; i < TICK_TRIES && !there; i++) {
        at = due_before(&every->schedule, at);
        if (!tick_at(x, at, every->at, &found.entry, &there, e))
            return false;
        at--;
    }
    found.entry.key = SPAN_NONE;
    if (there)
        add(x, &found);
    return true;
}

/* --- timers ----------------------------------------------------------------------------------------------------- */

static bool names_subject(const struct explain_subject *s, struct span timer)
{
    if (timer.n && timer.p[0] == '\x01') /* hold times: behind it stands the alert's key */
        timer = (struct span){timer.p + 1, timer.n - 1};
    if (span_eq(timer, s->text))
        return true;
    while (timer.p && timer.n)
        if (span_eq(span_split(&timer, '|'), s->parts[0]))
            return true;
    return false;
}

static bool find_wakes(struct explain *x, struct err *e)
{
    struct arena a = {0};
    struct explain_entry found = {.type = NULL};
    struct err why = {0};
    struct span prefix = key_of1(&x->arena, x->request->id, e);
    if (!instance_wants(x->in, ENTRY_WAKE))
        return true;
    struct version_scan *s =
        version_scan_open(x->view, ENTRY_WAKE, prefix, SPAN_NONE, false, x->last);
    for (int i = 0; i < WAKES_MAX && version_scan_next(s, &a, &found.entry, &why); i++) {
        struct span parts[2] = {SPAN_NONE, SPAN_NONE};
        key_split(found.entry.key, parts, 2);
        if (names_subject(&x->subject, parts[1])) {
            found.entry.key = arena_span(&x->arena, found.entry.key);
            found.entry.body = arena_span(&x->arena, found.entry.body);
            add(x, &found);
        }
        arena_reset(&a);
    }
    version_scan_close(s);
    arena_free(&a);
    return why.code == ERR_NONE || why.code == ERR_MISSING ||
           err_set(e, why.code, "%s", why.text);
}

bool explain_find(struct explain *x, struct err *e)
{
    if (!find_records(x, e) || !find_wakes(x, e))
        return false;
    for (size_t i = 0; i < x->in->every_count; i++)
        if (!find_tick(x, &x->in->every[i], e))
            return false;
    return true;
}
