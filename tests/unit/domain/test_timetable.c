/* Ticks and timers: in order, each once, and what is made good after a time down. */
#include "play.h"

#include "domain/timetable.h"

struct telling {
    int64_t upto;
    bool catch_up;
    int max;
    bool more;
};

static bool tell_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    struct telling *g = ctx;
    (void)p;
    return timetable_tell(t, g->upto, g->catch_up, g->max, &g->more, e);
}

static bool tell(struct play *p, const char *upto, bool catch_up, int max)
{
    struct telling g = {play_time(upto), catch_up, max, false};
    play_ok(p, play_do(p, tell_fn, &g));
    return g.more;
}

static int64_t next(struct play *p)
{
    int64_t due = 0;
    play_ok(p, timetable_next(p->view, &due, &p->e));
    return due;
}

/* "7:00 daily 07:00" for each tick, "wake:KEY" for each timer, from `from` on. */
static struct span told(struct play *p, uint64_t from)
{
    struct buf b = {0};
    for (uint64_t seq = from; seq <= view_head(p->view); seq++) {
        struct entry entry;
        play_ok(p, journal_get(p->view, &p->a, seq, &entry, &p->e));
        const struct json *body =
            entry.body.n ? json_parse(&p->a, entry.body, NULL, NULL, NULL) : NULL;
        struct span due = json_string(json_get(body, "due")), parts[2];
        if (entry.type != ENTRY_TICK && entry.type != ENTRY_WAKE)
            continue;
        buf_printf(&b, "%s%.*s", b.n ? "; " : "", 11, due.p + 5);
        if (entry.type == ENTRY_WAKE && key_split(entry.key, parts, 2) == 2)
            buf_printf(&b, " wake:%.*s", SPAN_ARG(parts[1]));
        const struct json *specs = json_get(body, "specs");
        for (size_t i = 0; i < json_count(specs); i++)
            buf_printf(&b, "%s%s", i ? "," : " ", json_cstr(json_item(specs, i), ""));
    }
    struct span s = arena_span(&p->a, buf_view(&b));
    buf_free(&b);
    return s;
}

static void open_with(struct play *p, const char *const *specs)
{
    play_open(p);
    struct buf b = {0};
    for (size_t i = 0; specs[i]; i++)
        buf_printf(&b, "%s{'at':'%s'}", i ? "," : "", specs[i]);
    char manifest[400];
    snprintf(manifest, sizeof manifest, "{'title':'t','office':'safety','every':[%.*s]}",
             (int)b.n, b.p ? b.p : "");
    buf_free(&b);
    play_ok(p, play_publish(p, "s", "return {9}", manifest));
}

static void ticks_come_in_order_and_once(void **state)
{
    (void)state;
    struct play p;
    open_with(&p,
              (const char *const[]){"daily 07:00", "weekly Wed 07:00", "daily 07:00", NULL});
    uint64_t from = view_head(p.view) + 1;
    assert_true(next(&p) == play_time("2020-03-11T07:00:00+08:00"));
    assert_false(tell(&p, "2020-03-11T06:59:59+08:00", false, 100));
    assert_false(tell(&p, "2020-03-12T07:00:00+08:00", false, 100));
    assert_false(tell(&p, "2020-03-12T07:00:00+08:00", false, 100));
    assert_span(told(&p, from),
                "03-11T07:00 daily 07:00,weekly Wed 07:00; 03-12T07:00 daily 07:00");
    assert_true(next(&p) == play_time("2020-03-13T07:00:00+08:00"));
    assert_true(view_now(p.view) ==
                play_time("2020-03-12T07:00:00+08:00")); /* the held clock stood there */
    play_close(&p);
}

static void nothing_past_is_made_good_for_a_new_spec(void **state)
{
    (void)state;
    struct play p;
    play_open(&p); /* daily 07:00 since the 10th, 08:00 */
    play_at(&p, "2020-03-20T12:00:00+08:00");
    play_ok(&p, play_publish(&p, "t", "return {}",
                             "{'title':'t','office':'safety','every':[{'at':'daily 06:00'}]}"));
    uint64_t from = view_head(p.view) + 1;
    play_ok(&p, play_publish(&p, "t", "return {1}",
                             "{'title':'t','office':'safety','every':[{'at':'daily "
                             "06:00'},{'at':'daily 07:00'}]}"));
    tell(&p, "2020-03-21T06:30:00+08:00", false, 100);
    struct span s = told(&p, from);
    assert_true(span_starts(s, SPAN("03-11T07:00 daily 07:00; 03-12T07:00")));
    assert_true(s.n > 16 && memcmp(s.p + s.n - 23, "03-21T06:00 daily 06:00", 23) == 0);
    play_close(&p);
}

static void frequent_ticks_missed_run_once(void **state)
{
    (void)state;
    struct play p;
    open_with(&p, (const char *const[]){"5min", "hourly", "daily 07:00", NULL});
    uint64_t from = view_head(p.view) + 1;
    assert_false(tell(&p, "2020-03-12T09:03:00+08:00", true, 100));
    assert_span(told(&p, from),
                "03-11T07:00 daily 07:00; 03-12T07:00 daily 07:00; 03-12T09:00 5min,hourly");
    play_close(&p);
}

static void a_moved_clock_runs_every_tick(void **state)
{
    (void)state;
    struct play p;
    open_with(&p, (const char *const[]){"5min", NULL});
    uint64_t from = view_head(p.view) + 1;
    assert_true(tell(&p, "2020-03-10T08:20:00+08:00", false, 3));
    assert_false(tell(&p, "2020-03-10T08:20:00+08:00", false, 3));
    assert_span(told(&p, from),
                "03-10T08:05 5min; 03-10T08:10 5min; 03-10T08:15 5min; 03-10T08:20 5min");
    play_close(&p);
}

static void wakes_ring_before_the_tick_in_order_of_key(void **state)
{
    (void)state;
    struct play p;
    struct entry entry;
    open_with(&p, (const char *const[]){"daily 07:00", NULL});
    play_effect(&p, "'do':'wake','key':'b','at':'2020-03-11T07:00:00+08:00','data':{'x':1}");
    play_effect(&p, "'do':'wake','key':'a','at':'2020-03-11T07:00:00+08:00'");
    play_effect(&p, "'do':'wake','key':'c','at':'2020-03-11T06:00:00+08:00'");
    play_effect(&p, "'do':'wake','key':'d','at':'2020-03-11T06:00:00+08:00'");
    play_effect(&p, "'do':'sleep','key':'d'");
    uint64_t from = view_head(p.view) + 1;
    tell(&p, "2020-03-11T08:00:00+08:00", false, 100);
    assert_span(
        told(&p, from),
        "03-11T06:00 wake:c; 03-11T07:00 wake:a; 03-11T07:00 wake:b; 03-11T07:00 daily 07:00");
    struct span key = key_of2(&p.a, SPAN("s"), SPAN("b"), &p.e);
    play_ok(&p, version_get(p.view, &p.a, ENTRY_TIMER, key, SEQ_LATEST, &entry, &p.e));
    assert_int_equal(entry.op, ENTRY_WITHDRAW); /* it has rung */
    play_ok(&p, journal_get(p.view, &p.a, entry.cause, &entry, &p.e));
    assert_int_equal(entry.type, ENTRY_WAKE);
    play_close(&p);
}

static void a_timer_in_the_past_rings_at_once(void **state)
{
    (void)state;
    struct play p;
    open_with(&p, (const char *const[]){NULL});
    play_effect(&p, "'do':'wake','key':'a','at':'2020-03-01T07:00:00+08:00'");
    uint64_t from = view_head(p.view) + 1;
    assert_true(next(&p) == play_time("2020-03-01T07:00:00+08:00"));
    tell(&p, PLAY_START, false, 100);
    assert_span(told(&p, from), "03-01T07:00 wake:a");
    assert_true(next(&p) == INT64_MAX);
    play_close(&p);
}

static bool missing_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    (void)p;
    (void)ctx;
    return scenario_missing(t, SPAN("s"), e);
}

static void a_missing_scenario_has_no_ticks(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_ok(&p, play_do(&p, missing_fn, NULL));
    assert_true(next(&p) == INT64_MAX);
    play_at(&p, "2020-03-15T12:00:00+08:00");
    play_ok(&p, play_publish(&p, "s", "return {}", play_manifest));
    assert_true(next(&p) == play_time("2020-03-16T07:00:00+08:00"));
    play_close(&p);
}

static bool hold_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    (void)p;
    return timetable_hold(t, play_time(ctx), e);
}

static void a_held_clock_moves_on_and_never_back(void **state)
{
    (void)state;
    struct play p;
    char later[] = "2020-03-10T12:00:00+08:00", back[] = "2020-03-10T09:00:00+08:00";
    play_open(&p);
    play_ok(&p, play_do(&p, hold_fn, later));
    assert_true(view_now(p.view) == play_time(later));
    assert_false(play_do(&p, hold_fn, back));
    assert_int_equal(p.e.code, ERR_CONFLICT);
    play_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_come_in_order_and_once),
        cmocka_unit_test(nothing_past_is_made_good_for_a_new_spec),
        cmocka_unit_test(frequent_ticks_missed_run_once),
        cmocka_unit_test(a_moved_clock_runs_every_tick),
        cmocka_unit_test(wakes_ring_before_the_tick_in_order_of_key),
        cmocka_unit_test(a_timer_in_the_past_rings_at_once),
        cmocka_unit_test(a_missing_scenario_has_no_ticks),
        cmocka_unit_test(a_held_clock_moves_on_and_never_back),
    };
    return unit_run(tests);
}
