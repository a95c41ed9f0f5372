/* The rules of order of design.md 1, as far as it takes a whole street to show them: a journal, a clock, an
 * engine that lags or dies. Numbers are those of the rules; what one judgement can show is in test_evaluate,
 * test_late and test_contract, what the writer alone decides in tests/unit/domain. */
#include "world.h"

/* --- 2: own effects count from the entry that caused them, not from their commit ---------------------- */

/* Sets a timer on A, moves it on M, silences it on S; what rings is told with the time it was due. */
static const char timers[] =
    HOST_SCRIPT("reads = { 'building' },\n"
                "on = { building = function(row, ctx)\n"
                "  local id = row.building_id\n"
                "  if id == 'A' then ctx:wake('w', '2020-03-01T09:00:00+08:00', id) end\n"
                "  if id == 'M' then ctx:wake('w', '2020-03-01T11:00:00+08:00', id) end\n"
                "  if id == 'S' then ctx:sleep('w') end end },\n"
                "wake = function(key, data, ctx)\n"
                "  ctx:alert { key = data .. ctx.now, level = 'blue', title = 't' } end,");

/* The timer is set, then the scenario stands still while its next record arrives and the timer rings. */
static void a_timer_is_changed_while_the_engine_lags(const char *then, const char *expect)
{
    struct world w = {.held = true};
    char alerts[4000], body[80];
    world_make(&w);
    world_publish(&w, "probe", timers);
    world_record(&w, "building", "{\"building_id\":\"A\"}");
    world_settle(&w);
    world_pause(&w, "probe");
    snprintf(body, sizeof body, "{\"building_id\":\"%s\"}", then);
    world_record(&w, "building", body);
    world_move(&w, "2020-03-01T10:00:00+08:00");
    world_resume(&w, "probe", RESUME_RETRY);
    world_settle(&w);
    world_move(&w, "2020-03-01T12:00:00+08:00");
    assert_string_equal(world_alerts(&w, "probe", alerts), expect);
    world_end(&w);
}

static void a_timer_dropped_before_it_rang_stays_silent_though_the_engine_lagged(void **state)
{
    (void)state;
    a_timer_is_changed_while_the_engine_lags("S", "");
}

static void
a_timer_moved_before_it_rang_rings_at_its_new_time_though_the_engine_lagged(void **state)
{
    (void)state;
    a_timer_is_changed_while_the_engine_lags("M", "M2020-03-01T11:00:00+08:00 blue new 1;");
}

static void a_timer_left_alone_rings_though_the_engine_lagged(void **state)
{
    (void)state;
    a_timer_is_changed_while_the_engine_lags("X", "A2020-03-01T09:00:00+08:00 blue new 1;");
}

/* State, own alerts and ticks depend on order. No timers: one that is set while the engine lags rings when the
 * writer hears of it, which is later. */
static const char busy[] = HOST_SCRIPT(
    "reads = { 'meter_reading' },\n"
    "on = { meter_reading = function(row, ctx)\n"
    "  local n = (ctx:get('n') or 0) + 1\n"
    "  ctx:set('n', n)\n"
    "  if row.value > 5 then\n"
    "    ctx:alert { key = row.meter_id, level = n > 3 and 'red' or 'blue', title = 't' }\n"
    "  else ctx:clear { key = row.meter_id } end end },\n"
    "every = { { at = 'hourly', run = function(ctx)\n"
    "  local n = ctx:get('n') or 0\n"
    "  ctx:alert { key = 'h' .. n .. #ctx:alerts { state = 'open' }, level = 'blue', title = "
    "'t' } end } },");

static void an_engine_that_lags_ends_where_one_that_does_not(void **state)
{
    (void)state;
    static const char *const story[][3] = {
        /* meter, time, value */
        {"A", "08:10", "9"}, {"B", "08:20", "9"}, {"A", "08:30", "1"}, {"A", "09:10", "9"},
        {"B", "09:15", "9"}, {"B", "10:40", "2"}, {"C", "10:45", "9"},
    };
    struct world w = {.held = true};
    char prompt[4000], lagging[4000], text[200];
    world_make(&w);
    world_publish(&w, "prompt", busy);
    world_publish(&w, "lagging", busy);
    for (size_t i = 0; i < sizeof story / sizeof *story; i++) {
        if (i == 1)
            world_pause(&w, "lagging");
        if (i == 5) /* catches up with half of it, then lags again */
            world_resume(&w, "lagging", RESUME_RETRY);
        if (i == 6)
            world_pause(&w, "lagging");
        snprintf(text, sizeof text, "2020-03-01T%s:00+08:00", story[i][1]);
        world_move(&w, text);
        snprintf(text, sizeof text,
                 "{\"meter_id\":\"%s\",\"at\":\"2020-03-01T%s:00+08:00\",\"value\":%s}",
                 story[i][0], story[i][1], story[i][2]);
        world_record(&w, "meter_reading", text);
    }
    world_resume(&w, "lagging", RESUME_RETRY);
    world_settle(&w);
    world_alerts(&w, "prompt", prompt);
    world_alerts(&w, "lagging", lagging);
    assert_non_null(strstr(prompt, "A red"));
    assert_non_null(strstr(prompt, "B red closed"));
    assert_string_equal(prompt, lagging);
    world_end(&w);
}

/* --- 5: ticks missed ------------------------------------------------------------------------------------ */

/* The street lived three days ago, was switched off, and comes back now. */
static void missed_ticks_run_once_if_frequent_and_each_in_order_if_not(void **state)
{
    (void)state;
    struct world w = {.begin = clock_wall_us() - 3 * CALENDAR_DAY_US};
    struct arena a = {0};
    struct err e = {0};
    struct alert al;
    int five = 0, hourly = 0, daily = 0, order_kept = 1;
    int64_t last = 0;
    world_make(&w);
    world_publish(&w, "probe",
                  HOST_SCRIPT("reads = { 'building' },\n"
                              "every = {\n"
                              "  { at = '5min', run = function(ctx) ctx:alert { key = 'f' .. "
                              "ctx.now, level = 'blue', title = 't' } end },\n"
                              "  { at = 'hourly', run = function(ctx) ctx:alert { key = 'h' .. "
                              "ctx.now, level = 'blue', title = 't' } end },\n"
                              "  { at = 'daily 07:00', run = function(ctx)\n"
                              "    local n = (ctx:get('n') or 0) + 1\n"
                              "    ctx:set('n', n)\n"
                              "    ctx:alert { key = 'd' .. n .. ' ' .. ctx.now, level = "
                              "'blue', title = 't' } end } },"));
    world_settle(&w);
    world_stop(&w);
    w.begin = 0;
    w.release = true;
    world_start(&w);
    for (int i = 0; i < 400 && world_tally(&w, "probe").all < 5; i++)
        usleep(25000);
    usleep(200000); /* more would come by now */
    world_settle(&w);
    struct view *v = view_open(w.store, &e);
    struct alert_scan *s = alert_scan_open(v, SPAN("probe"), SEQ_LATEST);
    while (alert_scan_next(s, &a, &al, &e)) {
        five += al.key.p[0] == 'f';
        hourly += al.key.p[0] == 'h';
        daily += al.key.p[0] == 'd';
        if (al.key.p[0] == 'd') { /* in order of key, which begins with their number */
            int64_t due;
            struct span time = {al.key.p + 3, al.key.n - 3};
            order_kept &= calendar_parse_datetime(time, &due) && due > last;
            last = due;
        }
    }
    alert_scan_close(s);
    view_close(v);
    arena_free(&a);
    assert_in_range(five, 1, 2); /* a second one if its time came meanwhile */
    assert_in_range(hourly, 1, 2);
    assert_int_equal(daily, 3);
    assert_true(order_kept);
    world_end(&w);
}

/* --- 8: limits are deterministic -------------------------------------------------------------------------- */

static const char each_one[] =
    ON_BUILDING("  ctx:alert { key = row.building_id, level = 'blue', title = 'one' }");

static void the_limit_of_alerts_a_minute_survives_a_killed_engine(void **state)
{
    (void)state;
    char fault[400];
    struct world w = {.alert_limit = 100};
    struct supervisor_stats s;
    while (clock_wall_us() % CALENDAR_MINUTE_US > 45 * 1000000ll)
        usleep(200000); /* both halves in one minute */
    world_make(&w);
    world_publish(&w, "probe", each_one);
    world_put(&w, "X", 0, 60);
    world_settle(&w);
    supervisor_stats(w.supervisor, &s);
    kill(s.pid, SIGKILL);
    world_put(&w, "Y", 0, 60);
    wait_state(&w, "probe", SCENARIO_STOPPED, fault);
    assert_non_null(strstr(fault, "告警过多"));
    assert_int_equal(world_tally(&w, "probe").all, 100);
    /* whoever starts it again has seen it: it begins to count anew */
    world_resume(&w, "probe", RESUME_RETRY);
    world_settle(&w);
    assert_int_equal(world_tally(&w, "probe").all, 120);
    world_end(&w);
}

int main(int argc, char **argv)
{
    int code;
    if (world_main(argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_dropped_before_it_rang_stays_silent_though_the_engine_lagged),
        cmocka_unit_test(
            a_timer_moved_before_it_rang_rings_at_its_new_time_though_the_engine_lagged),
        cmocka_unit_test(a_timer_left_alone_rings_though_the_engine_lagged),
        cmocka_unit_test(an_engine_that_lags_ends_where_one_that_does_not),
        cmocka_unit_test(missed_ticks_run_once_if_frequent_and_each_in_order_if_not),
        cmocka_unit_test(the_limit_of_alerts_a_minute_survives_a_killed_engine),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
