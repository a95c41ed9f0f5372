/* The engine process with a real supervisor and store: this program is also the engine it starts. */
#include "world.h"

/* --- scripts ------------------------------------------------------------------------------------------------- */

static const char each_one[] =
    ON_BUILDING("  ctx:alert { key = row.building_id, level = 'blue', title = 'one' }");
static const char hangs_at_3[] =
    ON_BUILDING("  ctx:alert { key = row.building_id, level = 'blue', title = 't' }\n"
                "  if row.building_id == 'X3' then while true do end end");
static const char fails_at_3[] =
    ON_BUILDING("  if row.building_id == 'X3' then error('三号不行') end\n"
                "  ctx:alert { key = row.building_id, level = 'blue', title = 't' }");

#define SLOW_AT_3(times)                                                                       \
    ON_BUILDING("  ctx:alert { key = row.building_id, level = 'blue', title = 't' }\n"         \
                "  if row.building_id == 'X3' then\n"                                          \
                "    for i = 1, " times " do ctx:alerts { key = 'X1' } end end")
static const char slow_at_3[] = SLOW_AT_3("30000");
static const char very_slow_at_3[] = SLOW_AT_3("190000");

/* --- tests ------------------------------------------------------------------------------------------------------ */

static void records_become_alerts_and_the_cursor_follows(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    world_publish(&w, "probe", each_one);
    world_put(&w, "X", 0, 50);
    world_settle(&w);
    struct tally t = world_tally(&w, "probe");
    assert_int_equal(t.open, 50);
    assert_int_equal(t.count, 50);
    struct scenario_counters c;
    supervisor_counters(w.supervisor, SPAN("probe"), &c);
    assert_int_equal(c.runs, 50);
    world_end(&w);
}

static void a_new_scenario_judges_what_comes_from_now_on(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    world_put(&w, "OLD", 0, 5);
    world_publish(&w, "probe", each_one);
    world_put(&w, "NEW", 0, 3);
    world_settle(&w);
    assert_int_equal(world_tally(&w, "probe").all, 3);
    world_end(&w);
}

static void own_state_is_seen_from_the_next_record_on_before_it_is_on_disk(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    world_publish(&w, "probe",
                  ON_BUILDING("  local n = (ctx:get('n') or 0) + 1\n"
                              "  ctx:set('n', n)\n"
                              "  if n % 100 == 0 then ctx:alert { key = 'n' .. n, level = "
                              "'blue', title = 't' } end\n"
                              "  if row.building_id == 'X249' then ctx:set('n', nil) end"));
    world_put(&w, "X", 0, 600);
    world_settle(&w);
    assert_int_equal(world_tally(&w, "probe").all,
                     3); /* 100, 200; then from one: 100 again, 200, 300 */
    world_end(&w);
}

static void a_script_that_reads_its_alerts_waits_until_they_are_on_disk(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    world_publish(
        &w, "probe",
        ON_BUILDING("  local n = #ctx:alerts { state = 'open' }\n"
                    "  ctx:alert { key = ('a%03d'):format(n), level = 'blue', title = 't' }"));
    world_put(&w, "X", 0, 30);
    world_settle(&w);
    struct tally t = world_tally(&w, "probe");
    assert_int_equal(t.all, 30);
    assert_int_equal(t.count, 30);
    world_end(&w);
}

static void a_fault_stops_one_scenario_and_the_others_go_on(void **state)
{
    (void)state;
    char fault[400];
    struct world w = {0};
    world_make(&w);
    world_publish(&w, "bad", fails_at_3);
    world_publish(&w, "good", each_one);
    world_put(&w, "X", 0, 10);
    world_settle(&w);
    wait_state(&w, "bad", SCENARIO_STOPPED, fault);
    assert_non_null(strstr(fault, "三号不行"));
    assert_int_equal(world_tally(&w, "good").all, 10);
    assert_int_equal(world_tally(&w, "bad").all, 3); /* what came before the fault is kept */
    /* skip: the cursor moves past the record, and what waited behind it is judged */
    world_resume(&w, "bad", RESUME_SKIP);
    world_settle(&w);
    assert_int_equal(world_tally(&w, "bad").all, 9);
    assert_int_equal(world_tally(&w, "bad").count, 9);
    world_end(&w);
}

static void a_new_version_takes_over_where_the_old_one_stood_still(void **state)
{
    (void)state;
    char fault[400];
    struct world w = {0};
    world_make(&w);
    world_publish(&w, "probe", fails_at_3);
    world_put(&w, "X", 0, 10);
    wait_state(&w, "probe", SCENARIO_STOPPED, fault);
    world_publish(&w, "probe", each_one);
    world_settle(&w);
    struct tally t = world_tally(&w, "probe");
    assert_int_equal(t.all, 10); /* the record it stood at included, none twice */
    assert_int_equal(t.count, 10);
    world_end(&w);
}

static void a_reload_under_load_loses_nothing_and_repeats_nothing(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    world_publish(&w, "probe", each_one);
    for (int i = 0; i < 20; i++) {
        char text[2048];
        snprintf(text, sizeof text, "-- %d\n%s", i, each_one);
        world_put(&w, "X", i * 20, i * 20 + 20);
        world_publish(&w, "probe", text);
    }
    world_settle(&w);
    struct tally t = world_tally(&w, "probe");
    assert_int_equal(t.all, 400);
    assert_int_equal(t.count, 400);
    world_end(&w);
}

static void an_engine_killed_in_mid_run_goes_on_exactly_once(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    world_publish(&w, "probe", each_one);
    int killed = 0;
    for (int i = 0; i < 60; i++) {
        struct supervisor_stats s;
        world_put(&w, "X", i * 10, i * 10 + 10);
        supervisor_stats(w.supervisor, &s);
        if (i % 6 == 3 && s.pid > 0) {
            kill(s.pid, SIGKILL);
            killed++;
        }
        usleep(3000);
    }
    world_settle(&w);
    struct tally t = world_tally(&w, "probe");
    assert_int_equal(t.all, 600);
    assert_int_equal(t.count, 600);
    struct supervisor_stats s;
    supervisor_stats(w.supervisor, &s);
    assert_true(killed > 0 && s.restarts > 0);
    assert_int_equal(s.set_aside, 0);
    world_end(&w);
}

static void a_server_that_starts_again_goes_on_at_the_cursors(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    world_publish(&w, "probe", each_one);
    world_put(&w, "X", 0, 40);
    world_stop(&w); /* perhaps before everything was judged */
    world_start(&w);
    world_put(&w, "Y", 0, 5);
    world_settle(&w);
    struct tally t = world_tally(&w, "probe");
    assert_int_equal(t.all, 45);
    assert_int_equal(t.count, 45);
    world_end(&w);
}

static void a_script_without_end_is_stopped_at_its_record(void **state)
{
    (void)state;
    char fault[400];
    struct world w = {0};
    world_make(&w);
    world_publish(&w, "bad", hangs_at_3);
    world_publish(&w, "good", each_one);
    world_put(&w, "X", 0, 10);
    wait_state(&w, "bad", SCENARIO_STOPPED, fault);
    world_settle(&w);
    assert_int_equal(world_tally(&w, "bad").all, 3);
    assert_int_equal(world_tally(&w, "good").all, 10);
    world_end(&w);
}

/* Within its budget, but longer than this server's watchdog waits. */
static void a_judgement_longer_than_the_watchdog_waits_is_killed_and_set_aside(void **state)
{
    (void)state;
    char fault[400];
    struct world w = {.wall_ms = 150};
    world_make(&w);
    world_publish(&w, "bad", very_slow_at_3);
    world_publish(&w, "good", each_one);
    world_put(&w, "X", 0, 5);
    wait_state(&w, "bad", SCENARIO_STOPPED, fault);
    assert_non_null(strstr(fault, "时间上限"));
    world_settle(&w);
    assert_int_equal(world_tally(&w, "good").all, 5);
    struct supervisor_stats s;
    supervisor_stats(w.supervisor, &s);
    assert_int_equal(s.set_aside, 1);
    world_resume(&w, "bad", RESUME_SKIP);
    world_settle(&w);
    assert_int_equal(world_tally(&w, "bad").all, 4);
    assert_int_equal(world_tally(&w, "bad").count, 4);
    world_end(&w);
}

/* Kill the engine while it is at X3; true if it was. */
static bool kill_in_the_middle(struct world *w)
{
    struct supervisor_stats s;
    for (int i = 0; i < 400; i++) {
        supervisor_stats(w->supervisor, &s);
        if (s.running)
            break;
        usleep(5000);
    }
    usleep(60000);
    return s.pid > 0 && kill(s.pid, SIGKILL) == 0;
}

static void an_entry_that_kills_the_engine_twice_sets_its_scenario_aside(void **state)
{
    (void)state;
    char fault[400];
    struct world w = {.wall_ms = 120000}; /* the watchdog keeps out of this */
    world_make(&w);
    world_publish(&w, "bad", slow_at_3);
    world_publish(&w, "good", each_one);
    world_put(&w, "X", 0, 5);
    for (int i = 0; i < 20 && world_state(&w, "bad", fault) != SCENARIO_STOPPED; i++)
        kill_in_the_middle(&w);
    wait_state(&w, "bad", SCENARIO_STOPPED, fault);
    assert_non_null(strstr(fault, "两次崩溃"));
    world_settle(&w);
    assert_int_equal(world_tally(&w, "bad").all, 3);
    assert_int_equal(world_tally(&w, "good").count, 5);
    world_resume(&w, "bad", RESUME_RETRY); /* nobody kills it now */
    world_settle(&w);
    assert_int_equal(world_tally(&w, "bad").all, 5);
    assert_int_equal(world_tally(&w, "bad").count, 5);
    world_end(&w);
}

static bool apply_again(struct job *j, struct txn *t, struct err *e)
{
    struct arena a = {0};
    struct cursor c;
    cursor_get(txn_view(t), span_of(j->id), &c);
    const char *text =
        arena_printf(&a,
                     "{\"scenario\":\"%s\",\"version\":%llu,\"from\":%llu,\"to\":%llu,\"runs\":"
                     "0,\"unknown\":0,"
                     "\"effects\":[{\"do\":\"set\",\"cause\":%llu,\"key\":\"k\",\"value\":1}]}",
                     j->id, (unsigned long long)c.version, (unsigned long long)c.seq - 1,
                     (unsigned long long)c.seq + 1, (unsigned long long)c.seq);
    const struct json *outcome = json_parse(&a, span_of(text), NULL, NULL, e);
    bool ok = outcome && outcome_apply(t, host_street, outcome, e);
    arena_free(&a);
    return ok;
}

static void an_outcome_that_does_not_begin_at_the_cursor_is_refused_whole(void **state)
{
    (void)state;
    struct world w = {0};
    struct err e = {0};
    world_make(&w);
    world_publish(&w, "probe", each_one);
    world_put(&w, "X", 0, 5);
    world_settle(&w);
    uint64_t head = world_head(&w);
    struct job j = {.run = apply_again, .id = "probe"};
    assert_false(try_job(&w, &j, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_int_equal(world_head(&w), head);
    world_end(&w);
}

static void more_alerts_a_minute_than_allowed_stop_the_scenario(void **state)
{
    (void)state;
    char fault[400];
    struct world w = {.alert_limit = 100};
    world_make(&w);
    world_publish(&w, "probe", each_one);
    world_put(&w, "X", 0, 250); /* at most two minutes begin while one command is applied */
    wait_state(&w, "probe", SCENARIO_STOPPED, fault);
    assert_non_null(strstr(fault, "告警过多"));
    assert_int_equal(world_tally(&w, "probe").all % 100, 0);
    world_end(&w);
}

static void the_limit_does_not_bite_while_the_clock_is_held(void **state)
{
    (void)state;
    struct world w = {.alert_limit = 100, .held = true};
    world_make(&w);
    world_publish(&w, "probe", each_one);
    world_put(&w, "X", 0, 250);
    world_settle(&w);
    assert_int_equal(world_tally(&w, "probe").all, 250);
    world_end(&w);
}

static void moving_a_held_clock_runs_every_tick_and_timer_on_the_way(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct err e = {0};
    int64_t to;
    world_make(&w);
    world_publish(
        &w, "probe",
        HOST_SCRIPT("reads = { 'building' },\n"
                    "every = { { at = 'daily 10:00', run = function(ctx)\n"
                    "  ctx:alert { key = 'tick ' .. ctx.now, level = 'blue', title = 't' }\n"
                    "  ctx:wake('w', calendar.add_minutes(ctx.now, 30), 1) end } },\n"
                    "wake = function(key, data, ctx)\n"
                    "  ctx:alert { key = 'wake ' .. ctx.now, level = 'blue', title = 't' }\n"
                    "  if data < 3 then ctx:wake('w', calendar.add_minutes(ctx.now, 30), data "
                    "+ 1) end end,"));
    calendar_parse_datetime(SPAN("2020-03-03T10:00:00+08:00"), &to);
    if (!ticker_move(w.ticker, to, &e))
        fail_msg("%s", e.text);
    /* 1st, 2nd, 3rd at 10:00; and three timers each behind the first two */
    assert_int_equal(world_tally(&w, "probe").all, 3 + 6);
    calendar_parse_datetime(SPAN("2020-03-03T09:00:00+08:00"), &to);
    assert_false(ticker_move(w.ticker, to, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    world_end(&w);
}

static void a_timer_set_to_a_time_that_has_passed_rings_at_once(void **state)
{
    (void)state;
    for (int held = 0; held < 2; held++) {
        struct world w = {.held = held};
        world_make(&w);
        world_publish(
            &w, "probe",
            HOST_SCRIPT("reads = { 'building' },\n"
                        "on = { building = function(row, ctx) ctx:wake('w', "
                        "'2020-01-01T00:00:00+08:00', row.building_id) end },\n"
                        "wake = function(key, data, ctx)\n"
                        "  ctx:alert { key = data, level = 'blue', title = 't' } end,"));
        world_put(&w, "X", 0, 1);
        for (int i = 0; i < 200 && world_tally(&w, "probe").all == 0; i++)
            usleep(25000);
        assert_int_equal(world_tally(&w, "probe").all, 1);
        world_end(&w);
    }
}

int main(int argc, char **argv)
{
    int code;
    if (world_main(argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_become_alerts_and_the_cursor_follows),
        cmocka_unit_test(a_new_scenario_judges_what_comes_from_now_on),
        cmocka_unit_test(own_state_is_seen_from_the_next_record_on_before_it_is_on_disk),
        cmocka_unit_test(a_script_that_reads_its_alerts_waits_until_they_are_on_disk),
        cmocka_unit_test(a_fault_stops_one_scenario_and_the_others_go_on),
        cmocka_unit_test(a_new_version_takes_over_where_the_old_one_stood_still),
        cmocka_unit_test(a_reload_under_load_loses_nothing_and_repeats_nothing),
        cmocka_unit_test(an_engine_killed_in_mid_run_goes_on_exactly_once),
        cmocka_unit_test(a_server_that_starts_again_goes_on_at_the_cursors),
        cmocka_unit_test(a_script_without_end_is_stopped_at_its_record),
        cmocka_unit_test(a_judgement_longer_than_the_watchdog_waits_is_killed_and_set_aside),
        cmocka_unit_test(an_entry_that_kills_the_engine_twice_sets_its_scenario_aside),
        cmocka_unit_test(an_outcome_that_does_not_begin_at_the_cursor_is_refused_whole),
        cmocka_unit_test(more_alerts_a_minute_than_allowed_stop_the_scenario),
        cmocka_unit_test(the_limit_does_not_bite_while_the_clock_is_held),
        cmocka_unit_test(moving_a_held_clock_runs_every_tick_and_timer_on_the_way),
        cmocka_unit_test(a_timer_set_to_a_time_that_has_passed_rings_at_once),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
