/*
 * Timers and ticks of the draft. One that the live side had as well comes where it is in the journal, so that
 * a backtest of the live version meets every entry at its place; the others come at their time.
 */
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "engine/backtest_impl.h"
#include "engine/instance.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"

/* Table of the throw-away store: timers that wait for the live one to ring. */
#define WAIT "bt.wait"

static const struct json_limits wide = {
    .bytes = 1 << 20, .depth = 48, .keys = 65536, .string = 1 << 20};

/* --- timers ------------------------------------------------------------------------------------------ */

struct timer {
    struct entry entry;
    const struct json *body;
    int64_t at;
};

static bool timer_get(struct view *v, struct arena *a, struct span key, uint64_t as_of,
                      struct timer *out)
{
    if (!version_get(v, a, ENTRY_TIMER, key, as_of, &out->entry, NULL) ||
        out->entry.op != ENTRY_PUT)
        return false;
    out->body = json_parse(a, out->entry.body, &wide, NULL, NULL);
    return calendar_parse_datetime(json_string(json_get(out->body, "at")), &out->at);
}

static bool ring(struct backtest *b, const struct timer *timer, struct span key, uint64_t seq,
                 int64_t at, struct err *e)
{
    struct buf body = {0}, due = {0};
    struct json_w w = json_w_begin(&body);
    calendar_put_datetime(&due, timer->at);
    json_w_object(&w);
    json_w_kspan(&w, "due", buf_view(&due));
    if (json_get(timer->body, "data")) {
        json_w_name(&w, "data");
        json_w_value(&w, json_get(timer->body, "data"));
    }
    json_w_object_end(&w);
    json_w_end(&w);
    struct entry wake = {.seq = seq,
                         .at = at,
                         .cause = timer->entry.seq,
                         .type = ENTRY_WAKE,
                         .key = key,
                         .body = buf_view(&body)};
    struct entry_new off = {
        .type = ENTRY_TIMER, .op = ENTRY_WITHDRAW, .cause = seq, .key = key};
    bool ok = txn_append(b->txn, &off, e) && due_drop(b->txn, timer->at, key, e) &&
              table_drop(b->txn, WAIT, key, e) && backtest_judge(b, &wake, e);
    buf_free(&body);
    buf_free(&due);
    return ok;
}

static bool is_twin(const struct timer *mine, const struct entry *live, int64_t at)
{
    return live->cause == mine->entry.cause && at == mine->at;
}

/* Has the live side set the same timer, out of the same entry? Then it rings where that one does. */
static bool has_twin(struct backtest *b, struct arena *a, const struct timer *mine,
                     struct span key, uint64_t seq)
{
    enum { LOOK = 64 };
    struct entry list[LOOK];
    struct timer live;
    size_t n = 0;
    if (timer_get(b->view, a, key, seq, &live) && is_twin(mine, &live.entry, live.at))
        return true;
    /* an engine that was behind set it later */
    version_history(b->view, a, ENTRY_TIMER, key, SEQ_LATEST, list, LOOK, &n, NULL);
    for (size_t i = 0; i < n && list[i].seq > seq; i++) {
        const struct json *body = json_parse(a, list[i].body, &wide, NULL, NULL);
        int64_t at;
        if (list[i].op == ENTRY_PUT &&
            calendar_parse_datetime(json_string(json_get(body, "at")), &at) &&
            is_twin(mine, &list[i], at))
            return true;
    }
    return false;
}

/* The first timer that rings by itself; those that wait are put aside on the way. */
static bool next_timer(struct backtest *b, struct arena *a, int64_t until, uint64_t seq,
                       struct timer *out, struct span *key, bool *found, struct err *e)
{
    int64_t at;
    *found = false;
    while (due_first(txn_view(b->txn), a, &at, key) && at <= until) {
        if (!timer_get(txn_view(b->txn), a, *key, SEQ_LATEST, out) || out->at != at) {
            if (!due_drop(b->txn, at, *key, e))
                return false;
            continue;
        }
        *found = !has_twin(b, a, out, *key, seq);
        if (*found)
            return true;
        char due[8];
        be64_put(due, (uint64_t)at);
        b->waits = true;
        if (!due_drop(b->txn, at, *key, e) ||
            !table_put(b->txn, WAIT, *key, (struct span){due, 8}, e))
            return false;
    }
    return true;
}

bool backtest_live_wake(struct backtest *b, const struct entry *wake, struct err *e)
{
    struct arena a = {0};
    struct timer mine;
    struct entry live;
    int64_t due;
    const struct json *body = json_parse(&a, wake->body, &wide, NULL, NULL);
    bool ok = true;
    if (calendar_parse_datetime(json_string(json_get(body, "due")), &due) &&
        timer_get(txn_view(b->txn), &a, wake->key, SEQ_LATEST, &mine) &&
        journal_get(b->view, &a, wake->cause, &live, NULL) && is_twin(&mine, &live, due))
        ok = ring(b, &mine, wake->key, wake->seq, wake->at, e);
    arena_free(&a);
    return ok;
}

/* The live one was moved or dropped by a later entry; the draft's, which waited for it, is overdue. */
bool backtest_live_timer(struct backtest *b, const struct entry *timer, struct err *e)
{
    struct arena a = {0};
    struct timer mine;
    struct entry cause;
    struct span due;
    bool ok = true;
    if (b->waits && table_get(txn_view(b->txn), &a, WAIT, timer->key, &due) &&
        timer_get(txn_view(b->txn), &a, timer->key, SEQ_LATEST, &mine) &&
        timer->cause > mine.entry.cause &&
        journal_get(b->view, &a, timer->cause, &cause, NULL) &&
        !(cause.type == ENTRY_WAKE && span_eq(cause.key, timer->key)) /* it only rang */) {
        ok = table_drop(b->txn, WAIT, timer->key, e);
        if (ok && (uint64_t)mine.at == be64_get(due.p))
            ok = ring(b, &mine, timer->key, timer->seq, timer->at, e);
    }
    arena_free(&a);
    return ok;
}

/* --- ticks ------------------------------------------------------------------------------------------- */

void backtest_specs(struct backtest *b)
{
    const struct instance *in = b->in;
    b->specs = arena_alloc(&b->arena, (in->every_count + 1) * sizeof *b->specs);
    for (size_t i = 0; i < in->every_count; i++) {
        bool known = false;
        for (size_t k = 0; k < b->spec_count && !known; k++)
            known = span_eq(b->specs[k].at, in->every[i].at);
        if (known)
            continue;
        struct backtest_spec *s = &b->specs[b->spec_count++];
        s->at = in->every[i].at;
        s->schedule = in->every[i].schedule;
        s->next = schedule_next(&s->schedule, b->request->from - 1);
    }
    b->specs_old = true;
}

static void mark_told(struct backtest *b, const struct json *manifest)
{
    const struct json *every = json_get(manifest, "every");
    for (size_t i = 0; i < json_count(every); i++) {
        struct span at = json_string(json_get(json_item(every, i), "at"));
        for (size_t k = 0; k < b->spec_count; k++)
            b->specs[k].told |= span_eq(b->specs[k].at, at);
    }
}

static void look_at_versions(struct backtest *b, uint64_t as_of)
{
    struct arena a = {0}, own = {0};
    const struct span *ids;
    size_t n = scenario_list(b->view, &own, &ids, NULL);
    for (size_t k = 0; k < b->spec_count; k++)
        b->specs[k].told = false;
    for (size_t i = 0; i < n; i++) {
        struct scenario s;
        if (scenario_get(b->view, &a, ids[i], as_of, &s, NULL))
            mark_told(b, s.manifest);
        arena_reset(&a);
    }
    b->specs_old = false;
    arena_free(&a);
    arena_free(&own);
}

static int64_t next_tick(struct backtest *b, int64_t until, uint64_t seq)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < b->spec_count; i++) {
        struct backtest_spec *s = &b->specs[i];
        if (s->next >= until)
            continue;
        if (b->specs_old)
            look_at_versions(b, seq);
        if (s->told)
            s->next = schedule_next(&s->schedule, until - 1);
        else if (s->next < first)
            first = s->next;
    }
    return first;
}

static bool tick(struct backtest *b, int64_t due, uint64_t seq, struct err *e)
{
    struct buf body = {0}, at = {0};
    struct json_w w = json_w_begin(&body);
    calendar_put_datetime(&at, due);
    json_w_object(&w);
    json_w_kspan(&w, "due", buf_view(&at));
    json_w_name(&w, "specs");
    json_w_array(&w);
    for (size_t i = 0; i < b->spec_count; i++) {
        struct backtest_spec *s = &b->specs[i];
        if (s->next != due || s->told)
            continue;
        json_w_span(&w, s->at);
        s->next = schedule_next(&s->schedule, due);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    struct entry entry = {.seq = seq, .at = due, .type = ENTRY_TICK, .body = buf_view(&body)};
    bool ok = backtest_judge(b, &entry, e);
    buf_free(&body);
    buf_free(&at);
    return ok;
}

/* --- both ---------------------------------------------------------------------------------------------- */

bool backtest_pass_time(struct backtest *b, int64_t until, bool timers_at, uint64_t seq,
                        struct err *e)
{
    struct arena a = {0};
    bool ok = true;
    while (ok) {
        struct timer timer;
        struct span key;
        bool rings;
        int64_t due = next_tick(b, until, seq);
        int64_t latest = timers_at ? until : until - 1;
        arena_reset(&a);
        ok = next_timer(b, &a, due < latest ? due : latest, seq, &timer, &key, &rings, e);
        if (!ok || (!rings && due == INT64_MAX))
            break;
        ok = rings ? ring(b, &timer, key, seq, timer.at, e) : tick(b, due, seq, e);
    }
    arena_free(&a);
    return ok;
}
