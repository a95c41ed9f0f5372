/* Hold times and flap limits: what is heard of a condition that comes and goes (capabilities.md E6). */
#include "world.h"

/* A sample above the limit alerts, one below clears; the text tells how often it was raised anew. */
#define SAMPLED(life)                                                                          \
    "local calendar = require 'std.calendar'\n"                                                \
    "return { title = '试验', office = 'regional_dev',\n"                                    \
    "  life = { high = { close = 'auto', " life " } },\n"                                      \
    "  on = { sensor_reading = function(row, ctx)\n"                                           \
    "    if row.value > 10 then ctx:alert { key = row.device_id, kind = 'high', level = "      \
    "row.value > 50 and 'red' or 'blue', title = 't' }\n"                                      \
    "    else ctx:clear { key = row.device_id } end end },\n"                                  \
    "  examples = {\n"                                                                         \
    "    { name = '不报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = {} },\n"    \
    "    { name = '报', given = { { 'sensor_reading', { device_id = 'D', metric = "           \
    "'noise_db', value "                                                                       \
    "= 11, at = '2020-01-01T00:00:00+08:00' } } },\n"                                          \
    "      at = '2020-01-03T00:00:00+08:00', expect = { { key = 'D', level = 'blue' } } } } "  \
    "}\n"

#define SAMPLE(time, value)                                                                    \
    "[\"sensor_reading\",{\"device_id\":\"D\",\"metric\":\"noise_db\",\"value\":" #value       \
    ",\"at\":\"2020-07-15T" time ":00+08:00\"}]"
#define STEP(given, time, expect)                                                              \
    "{\"given\":[" given "],\"at\":\"2020-07-15T" time ":00+08:00\",\"expect\":[" expect "]}"
#define BLUE "{\"key\":\"D\",\"level\":\"blue\"}"
#define RED  "{\"key\":\"D\",\"level\":\"red\"}"

static void what_has_stood_long_enough_is_raised_without_another_sample(void **state)
{
    (void)state;
    host_expect(
        SAMPLED("hold = '30min'"),
        "{\"steps\":[" STEP(SAMPLE("08:00", 11), "08:29", "") "," STEP("", "08:30", BLUE) "]}");
}

static void a_sample_at_the_very_moment_raises_and_one_before_does_not(void **state)
{
    (void)state;
    host_expect(SAMPLED("hold = '30min'"),
                "{\"steps\":[" STEP(SAMPLE("08:00", 11), "08:00", "") "," STEP(
                    SAMPLE("08:15", 11), "08:15",
                    "") "," STEP(SAMPLE("08:29", 11), "08:29",
                                 "") "," STEP(SAMPLE("08:30", 11), "08:30", BLUE) "]}");
}

static void a_clear_in_between_begins_anew(void **state)
{
    (void)state;
    host_expect(
        SAMPLED("hold = '30min'"),
        "{\"steps\":[" STEP(SAMPLE("08:00", 11), "08:00", "") "," STEP(
            SAMPLE("08:20", 9), "08:20",
            "") "," STEP(SAMPLE("08:25", 11), "08:40",
                         "") "," STEP("", "08:54",
                                      "") "," STEP("", "08:55",
                                                   BLUE) "," STEP(SAMPLE("09:00", 9), "09:00",
                                                                  "") "," STEP("", "12:00",
                                                                               "") "]}");
}

static void the_highest_level_that_was_held_is_raised(void **state)
{
    (void)state;
    host_expect(
        SAMPLED("hold = '30min'"),
        "{\"steps\":[" STEP(SAMPLE("08:00", 11) "," SAMPLE("08:05", 60) "," SAMPLE("08:10", 11),
                            "08:29", "") "," STEP("", "08:30", RED) "]}");
}

static void an_open_alert_rises_at_once(void **state)
{
    (void)state;
    host_expect(SAMPLED("hold = '30min'"),
                "{\"steps\":[" STEP(SAMPLE("08:00", 11), "08:30",
                                    BLUE) "," STEP(SAMPLE("08:31", 60), "08:31", RED) "]}");
}

static void a_flapping_alert_stays_open_until_it_has_been_calm_for_a_day(void **state)
{
    (void)state;
    host_expect(
        SAMPLED("flap = 1"),
        "{\"steps\":[" STEP(SAMPLE("08:00", 11), "08:00", BLUE) "," STEP(
            SAMPLE("08:01", 9), "08:01",
            "") "," STEP(SAMPLE("08:02", 11), "08:02",
                         BLUE) "," STEP(SAMPLE("08:03", 9), "08:03",
                                        BLUE) "," STEP(SAMPLE("08:04", 11) "," SAMPLE("08:05",
                                                                                      9),
                                                       "08:05",
                                                       BLUE) "," STEP(SAMPLE("08:06",
                                                                             60) "," SAMPLE("08"
                                                                                            ":0"
                                                                                            "7",
                                                                                            9),
                                                                      "08:07",
                                                                      RED) ","
                                                                           "{\"at\":\"2020-07-"
                                                                           "16T08:05:59+08:"
                                                                           "00\",\"expect\":"
                                                                           "[" RED "]},"
                                                                           "{\"at\":\"2020-07-"
                                                                           "16T08:06:00+08:"
                                                                           "00\",\"expect\":[]}"
                                                                           "]}");
}

static void a_person_may_close_a_flapping_alert_and_is_told_again(void **state)
{
    (void)state;
    host_expect(SAMPLED("flap = 1"),
                "{\"steps\":[" STEP(
                    SAMPLE("08:00", 11) "," SAMPLE("08:01", 9) "," SAMPLE(
                        "08:02", 11) "," SAMPLE("08:03", 9),
                    "08:03", BLUE) ","
                                   "{\"at\":\"2020-07-15T08:04:00+08:00\",\"actions\":[{"
                                   "\"key\":\"D\",\"action\":\"close\","
                                   "\"text\":\"修好了\"}],\"expect\":[]}," STEP(
                                       SAMPLE("08:05", 9), "08:05",
                                       "") "," STEP(SAMPLE("08:06", 11), "08:06", BLUE) "]}");
}

static void kinds_that_declare_neither_are_as_they_were(void **state)
{
    (void)state;
    host_expect(SAMPLED("quiet = '1h'"),
                "{\"steps\":[" STEP(SAMPLE("08:00", 11), "08:00", BLUE) "," STEP(
                    SAMPLE("08:01", 9), "08:01", "") "," STEP(SAMPLE("08:02", 11), "08:02",
                                                              BLUE) "," STEP(SAMPLE("08:03", 9),
                                                                             "08:03", "") "]}");
}

/* --- ten thousand samples, told to the real engine ---------------------------------------------------- */

enum { SAMPLES = 10000, AT_ONCE = 25 };

static double around_the_limit(void)
{
    return 9.9 + unit_below(201) / 1000.0;
}

/* One a minute; they come some at a time, and the clock stands at the last of them. */
static void put_samples(struct world *w, int from, int to)
{
    struct arena a = {0};
    struct buf time = {0};
    const struct type *t =
        dictionary_find(street_dictionary(host_street), SPAN("sensor_reading"));
    struct record *list = arena_alloc(&a, (size_t)(to - from) * sizeof *list);
    int64_t begin;
    assert_true(calendar_parse_datetime(SPAN("2020-03-01T08:00:00+08:00"), &begin));
    for (int i = from; i < to; i++) {
        struct err e = {0};
        const char *field;
        buf_clear(&time);
        calendar_put_datetime(&time, begin + i * CALENDAR_MINUTE_US);
        const char *text = arena_printf(&a,
                                        "{\"device_id\":\"D\",\"metric\":\"noise_db\",\"at\":"
                                        "\"%.*s\",\"value\":%.3f}",
                                        (int)time.n, time.p, around_the_limit());
        if (!record_parse(t, span_of(text), NULL, &a, &list[i - from], &field, &e))
            fail_msg("%s", e.text);
        list[i - from].type = t;
    }
    buf_char(&time, 0);
    world_move(w, time.p);
    struct job j = {.run = put, .records = list, .count = (size_t)(to - from)};
    do_job(w, &j);
    arena_free(&a);
    buf_free(&time);
}

/* What people are told of all alerts: raised, raised again, risen. */
static int notices(struct world *w)
{
    struct err e = {0};
    struct view *v = view_open(w->store, &e);
    static uint64_t seqs[4 * SAMPLES];
    size_t n = stream_read(v, SPAN("alerts"), 1, seqs, 4 * SAMPLES);
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        struct arena a = {0};
        struct entry entry;
        assert_true(journal_get(v, &a, seqs[i], &entry, &e));
        const struct json *body = json_parse(&a, entry.body, &host_wide, NULL, &e);
        struct span what = json_string(json_get(json_get(body, "event"), "what"));
        found += span_eq(what, SPAN("raise")) || span_eq(what, SPAN("reopen")) ||
                 span_eq(what, SPAN("level"));
        arena_free(&a);
    }
    view_close(v);
    return found;
}

static void samples_around_a_limit(const char *script, int most_notices, int most_open)
{
    struct world w = {.held = true};
    world_make(&w);
    world_publish(&w, "probe", script);
    for (int i = 0; i < SAMPLES; i += AT_ONCE) {
        put_samples(&w, i, i + AT_ONCE);
        if (i % 2000 == 0) {
            world_settle(&w);
            assert_true(world_tally(&w, "probe").open <= most_open);
        }
    }
    world_settle(&w);
    assert_true(world_tally(&w, "probe").open <= most_open);
    assert_true(world_tally(&w, "probe").all <= most_open);
    assert_true(notices(&w) <= most_notices);
    world_end(&w);
}

static void ten_thousand_samples_make_one_open_alert_and_two_messages(void **state)
{
    (void)state;
    unit_seed(__func__);
    samples_around_a_limit(SAMPLED("flap = 1"), 2, 1);
}

#define LATE_SAMPLE                                                                            \
    "{\"device_id\":\"D\",\"metric\":\"noise_db\",\"value\":%d,\"at\":\"2020-03-01T%s:00+08:"  \
    "00\"}"

/* The clear was there in time, only its way was long. */
static void a_clear_that_comes_late_takes_back_what_was_raised(void **state)
{
    (void)state;
    struct world w = {.held = true};
    char alerts[4000];
    char text[200];
    world_make(&w);
    world_publish(&w, "probe", SAMPLED("hold = '30min'"));
    snprintf(text, sizeof text, LATE_SAMPLE, 11, "08:00");
    world_record(&w, "sensor_reading", text);
    world_settle(&w);
    world_move(&w, "2020-03-01T08:45:00+08:00");
    world_settle(&w);
    assert_string_equal(world_alerts(&w, "probe", alerts), "D blue new 1;");
    snprintf(text, sizeof text, LATE_SAMPLE, 9, "08:20");
    world_record(&w, "sensor_reading", text);
    world_settle(&w);
    assert_string_equal(world_alerts(&w, "probe", alerts), "D blue retracted 1;");
    world_end(&w);
}

/* No hour without a sample below: nothing has ever stood so long. */
static void what_never_stands_an_hour_is_never_seen(void **state)
{
    (void)state;
    unit_seed(__func__);
    samples_around_a_limit(SAMPLED("hold = '60min'"), 0, 0);
}

static void what_is_held_survives_the_server_and_is_seen_by_nobody(void **state)
{
    (void)state;
    struct world w = {.held = true};
    char alerts[4000];
    world_make(&w);
    world_publish(&w, "probe", SAMPLED("hold = '2h'"));
    world_record(
        &w, "sensor_reading",
        "{\"device_id\":\"D\",\"metric\":\"noise_db\",\"value\":11,\"at\":\"2020-03-01T08:"
        "00:00+08:00\"}");
    world_settle(&w);
    assert_int_equal(world_tally(&w, "probe").all, 0);
    assert_int_equal(notices(&w), 0);
    world_stop(&w);
    world_start(&w);
    world_move(&w, "2020-03-01T09:59:59+08:00");
    world_settle(&w);
    assert_int_equal(world_tally(&w, "probe").all, 0);
    world_move(&w, "2020-03-01T10:00:00+08:00");
    world_settle(&w);
    assert_string_equal(world_alerts(&w, "probe", alerts), "D blue new 1;");
    assert_int_equal(notices(&w), 1);
    world_end(&w);
}

/* The engine stood still while the time went by: what it would have raised on the way, it raises and closes. */
static void an_engine_that_was_behind_comes_to_the_same_end(void **state)
{
    (void)state;
    char now[4000], later[4000];
    for (int behind = 0; behind < 2; behind++) {
        struct world w = {.held = true};
        char fault[400];
        world_make(&w);
        world_publish(&w, "probe", SAMPLED("hold = '30min'"));
        if (behind)
            world_pause(&w, "probe");
        static const char *const steps[][2] = {
            {"08:00", "11"}, {"08:40", "9"}, {"08:50", "11"}, {"09:10", "9"}, {"09:15", "11"}};
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            char text[200];
            snprintf(text, sizeof text, "2020-03-01T%s:00+08:00", steps[i][0]);
            if (i)
                world_move(&w, text);
            snprintf(text, sizeof text,
                     "{\"device_id\":\"D\",\"metric\":\"noise_db\",\"value\":%s,\"at\":"
                     "\"2020-03-01T%s:00+08:00\"}",
                     steps[i][1], steps[i][0]);
            world_record(&w, "sensor_reading", text);
            if (!behind)
                world_settle(&w);
        }
        if (behind) {
            world_resume(&w, "probe", RESUME_RETRY);
            supervisor_changed(w.supervisor);
            wait_state(&w, "probe", SCENARIO_RUNNING, fault);
        }
        world_settle(&w);
        assert_string_equal(world_alerts(&w, "probe", behind ? later : now),
                            "D blue closed 1;");
        world_move(&w, "2020-03-01T09:45:00+08:00");
        world_settle(&w);
        world_alerts(&w, "probe", behind ? later : now);
        world_end(&w);
    }
    assert_string_equal(now, "D blue new 2;");
    assert_string_equal(later, now);
}

int main(int argc, char **argv)
{
    int code;
    if (world_main(argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_stood_long_enough_is_raised_without_another_sample),
        cmocka_unit_test(a_sample_at_the_very_moment_raises_and_one_before_does_not),
        cmocka_unit_test(a_clear_in_between_begins_anew),
        cmocka_unit_test(the_highest_level_that_was_held_is_raised),
        cmocka_unit_test(an_open_alert_rises_at_once),
        cmocka_unit_test(a_flapping_alert_stays_open_until_it_has_been_calm_for_a_day),
        cmocka_unit_test(a_person_may_close_a_flapping_alert_and_is_told_again),
        cmocka_unit_test(kinds_that_declare_neither_are_as_they_were),
        cmocka_unit_test(ten_thousand_samples_make_one_open_alert_and_two_messages),
        cmocka_unit_test(what_never_stands_an_hour_is_never_seen),
        cmocka_unit_test(a_clear_that_comes_late_takes_back_what_was_raised),
        cmocka_unit_test(what_is_held_survives_the_server_and_is_seen_by_nobody),
        cmocka_unit_test(an_engine_that_was_behind_comes_to_the_same_end),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
