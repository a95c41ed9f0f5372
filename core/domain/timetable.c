/*
 * The timetable itself is a meta value: a line "scenario TAB since TAB spec" for each
 * distinct spec of each scenario that is there. Meta "tick.last": be64 of the latest instant
 * told.
 */
#include "domain/timetable.h"

#include <string.h>

#include "domain/entry_type.h"
#include "store/txn.h"
#include "store/version.h"
#include "util/buf.h"
#include "util/calendar.h"
#include "util/json.h"

#define META_TABLE "timetable"
#define META_LAST  "tick.last"

/* What a script may give a timer to take along (64 KiB of JSON) is larger than what people may send. */
static const struct json_limits timer_limits = {
    .bytes = 1 << 20, .depth = 48, .keys = 65536, .string = 1 << 20};

/* --- the table -------------------------------------------------------------------------- */

struct line {
    struct span scenario, spec;
    int64_t since; /* instants up to this one are not its own: it was not there yet */
    struct schedule schedule;
};

/* False at the end. What cannot be read was never written: skip it. */
static bool next_line(struct span *rest, struct line *out)
{
    while (rest->p && rest->n) {
        struct span one = span_split(rest, '\n');
        out->scenario = span_split(&one, '\t');
        struct span since = one.p ? span_split(&one, '\t') : SPAN_NONE;
        out->spec = one.p ? one : SPAN_NONE;
        if (span_int(since, &out->since) && schedule_parse(out->spec, &out->schedule, NULL))
            return true;
    }
    return false;
}

static struct span read_table(struct view *v, struct arena *a)
{
    struct span table;
    return meta_get(v, a, META_TABLE, &table) ? table : SPAN_NONE;
}

static int64_t read_last(struct view *v, struct arena *a)
{
    struct span value;
    return meta_get(v, a, META_LAST, &value) && value.n == 8 ? (int64_t)be64_get(value.p)
                                                             : INT64_MIN;
}

static void put_line(struct buf *b, struct span scenario, int64_t since, struct span spec)
{
    buf_printf(b, "%.*s\t%lld\t%.*s\n", SPAN_ARG(scenario), (long long)since, SPAN_ARG(spec));
}

static bool is_before(const struct json *every, size_t i)
{
    struct span spec = json_string(json_get(json_item(every, i), "at"));
    for (size_t k = 0; k < i; k++) {
        if (span_eq(spec, json_string(json_get(json_item(every, k), "at"))))
            return true;
    }
    return false;
}

bool timetable_set(struct txn *t, struct span scenario, const struct json *manifest,
                   struct err *e)
{
    struct arena a = {0};
    struct span table = read_table(txn_view(t), &a), rest = table;
    const struct json *every = json_get(manifest, "every");
    struct buf b = {0};
    struct line l;
    while (next_line(&rest, &l)) {
        if (!span_eq(l.scenario, scenario))
            put_line(&b, l.scenario, l.since, l.spec);
    }
    for (size_t i = 0; i < json_count(every); i++) {
        struct span spec = json_string(json_get(json_item(every, i), "at"));
        int64_t since = txn_now(t);
        if (is_before(every, i))
            continue;
        for (rest = table; next_line(&rest, &l);) {
            if (span_eq(l.scenario, scenario) && span_eq(l.spec, spec))
                since = l.since;
        }
        put_line(&b, scenario, since, spec);
    }
    bool ok = span_eq(buf_view(&b), table) || meta_put(t, META_TABLE, buf_view(&b), e);
    buf_free(&b);
    arena_free(&a);
    return ok;
}

/* --- what is due next ------------------------------------------------------------------- */

/* Of what was missed by these only the latest counts. */
static bool is_frequent(const struct schedule *s)
{
    return s->kind == SCHEDULE_5MIN || s->kind == SCHEDULE_HOURLY;
}

static int64_t latest_until(const struct schedule *s, int64_t upto)
{
    int64_t step = (s->kind == SCHEDULE_5MIN ? 5 : 60) * CALENDAR_MINUTE_US;
    return schedule_next(s, upto - step);
}

static int64_t line_next(const struct line *l, int64_t last, bool catch_up, int64_t upto)
{
    int64_t floor = last > l->since ? last : l->since, due = schedule_next(&l->schedule, floor);
    if (catch_up && is_frequent(&l->schedule) && due <= upto)
        due = latest_until(&l->schedule, upto);
    return due;
}

static int64_t tick_next(struct span table, int64_t last, bool catch_up, int64_t upto)
{
    int64_t first = INT64_MAX;
    struct line l;
    while (next_line(&table, &l)) {
        int64_t due = line_next(&l, last, catch_up, upto);
        first = due < first ? due : first;
    }
    return first;
}

static int64_t timer_next(struct view *v, struct arena *a)
{
    int64_t at;
    struct span key;
    return due_first(v, a, &at, &key) ? at : INT64_MAX;
}

static int64_t instant_next(struct view *v, struct arena *a, bool catch_up, int64_t upto)
{
    int64_t tick = tick_next(read_table(v, a), read_last(v, a), catch_up, upto),
            timer = timer_next(v, a);
    return tick < timer ? tick : timer;
}

bool timetable_next(struct view *v, int64_t *due, struct err *e)
{
    struct arena a = {0};
    (void)e;
    *due = instant_next(v, &a, false, 0);
    arena_free(&a);
    return true;
}

/* --- telling ---------------------------------------------------------------------------- */

static void put_due(struct json_w *w, int64_t due)
{
    struct buf b = {0};
    calendar_put_datetime(&b, due);
    json_w_kspan(w, "due", buf_view(&b));
    buf_free(&b);
}

/* A timer that was moved or dropped leaves no row; a row that does not fit its timer is only
 * taken away. */
static bool ring(struct txn *t, struct arena *a, int64_t at, struct span key, struct err *e)
{
    struct entry timer;
    int64_t set_for;
    bool there = version_get(txn_view(t), a, ENTRY_TIMER, key, SEQ_LATEST, &timer, NULL) &&
                 timer.op == ENTRY_PUT;
    const struct json *body =
        there ? json_parse(a, timer.body, &timer_limits, NULL, NULL) : NULL;
    if (!calendar_parse_datetime(json_string(json_get(body, "at")), &set_for) || set_for != at)
        return due_drop(t, at, key, e);
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    put_due(&w, at);
    if (json_get(body, "data")) {
        json_w_name(&w, "data");
        json_w_value(&w, json_get(body, "data"));
    }
    json_w_object_end(&w);
    json_w_end(&w);
    struct entry_new wake = {
        .type = ENTRY_WAKE, .cause = timer.seq, .key = key, .body = buf_view(&b)};
    uint64_t seq = txn_append(t, &wake, e);
    struct entry_new off = {
        .type = ENTRY_TIMER, .op = ENTRY_WITHDRAW, .cause = seq, .key = key};
    buf_free(&b);
    return seq && txn_append(t, &off, e) && due_drop(t, at, key, e);
}

bool timetable_ring(struct txn *t, int64_t instant, struct err *e)
{
    struct arena a = {0};
    int64_t at;
    struct span key;
    bool ok = true;
    while (ok && due_first(txn_view(t), &a, &at, &key) && at <= instant) {
        ok = ring(t, &a, at, key, e);
        arena_reset(&a);
    }
    arena_free(&a);
    return ok;
}

static bool has_spec(const struct span *specs, size_t n, struct span spec)
{
    for (size_t i = 0; i < n; i++) {
        if (span_eq(specs[i], spec))
            return true;
    }
    return false;
}

static bool tell_tick(struct txn *t, struct arena *a, int64_t instant, bool catch_up,
                      int64_t upto, struct err *e)
{
    struct span table = read_table(txn_view(t), a);
    int64_t before = read_last(txn_view(t), a);
    struct span *specs = arena_alloc(a, (table.n / 4 + 1) * sizeof *specs);
    size_t n = 0;
    struct line l;
    while (next_line(&table, &l)) {
        if (line_next(&l, before, catch_up, upto) == instant && !has_spec(specs, n, l.spec))
            specs[n++] = l.spec;
    }
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_name(&w, "specs");
    json_w_array(&w);
    for (size_t i = 0; i < n; i++)
        json_w_span(&w, specs[i]);
    json_w_array_end(&w);
    put_due(&w, instant);
    json_w_object_end(&w);
    json_w_end(&w);
    struct entry_new tick = {.type = ENTRY_TICK, .body = buf_view(&b)};
    char last[8];
    be64_put(last, (uint64_t)instant);
    bool ok =
        !n || (txn_append(t, &tick, e) && meta_put(t, META_LAST, (struct span){last, 8}, e));
    buf_free(&b);
    return ok;
}

/* A held clock stands at the instant when it is told; real time has gone on by itself. */
static bool set_clock(struct txn *t, int64_t instant, struct err *e)
{
    int64_t now;
    return !clock_is_held(txn_view(t), &now) || now >= instant || txn_clock_hold(t, instant, e);
}

bool timetable_tell(struct txn *t, int64_t upto, bool catch_up, int max, bool *more,
                    struct err *e)
{
    struct arena a = {0};
    bool ok = true;
    int64_t instant = instant_next(txn_view(t), &a, catch_up, upto);
    for (int i = 0; ok && i < max && instant <= upto; i++) {
        int64_t tick =
            tick_next(read_table(txn_view(t), &a), read_last(txn_view(t), &a), catch_up, upto);
        ok = set_clock(t, instant, e) && timetable_ring(t, instant, e) &&
             (tick != instant || tell_tick(t, &a, instant, catch_up, upto, e));
        arena_reset(&a);
        instant = instant_next(txn_view(t), &a, catch_up, upto);
    }
    *more = ok && instant <= upto;
    arena_free(&a);
    return ok;
}

bool timetable_hold(struct txn *t, int64_t to, struct err *e)
{
    int64_t now;
    if (!clock_is_held(txn_view(t), &now))
        return err_set(e, ERR_CONFLICT, "时钟没有停在演练时间上，不能拨动");
    if (!txn_clock_hold(t, to, e))
        return false;
    struct buf b = {0}, time = {0};
    struct json_w w = json_w_begin(&b);
    calendar_put_datetime(&time, to);
    json_w_object(&w);
    json_w_kspan(&w, "to", buf_view(&time));
    json_w_object_end(&w);
    json_w_end(&w);
    struct entry_new entry = {.type = ENTRY_CLOCK, .body = buf_view(&b)};
    bool ok = txn_append(t, &entry, e) != 0;
    buf_free(&b);
    buf_free(&time);
    return ok;
}
