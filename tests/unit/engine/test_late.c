/* Late records (design.md, rules of order 6): whatever order records arrive in within 24 hours, what is not
 * retracted is the same. */
#include "host.h"

/* Raises at 60 and more, clears below; the title tells what it saw. */
static const char level_alarm[] =
    HOST_SCRIPT("reads = { 'sensor_reading' },\n"
                "on = { sensor_reading = function(row, ctx)\n"
                "  if row.metric ~= 'noise_db' then return end\n"
                "  if ctx:check('噪声', row.value, '>=', 60) then\n"
                "    ctx:alert { key = row.device_id, level = row.value >= 80 and 'red' or "
                "'blue', title = '噪声' }\n"
                "  else ctx:clear { key = row.device_id } end end },");

/* Counts readings of the hour before; four and more are too many. */
static const char hourly_count[] = HOST_SCRIPT(
    "reads = { 'camera_event', 'shop' }, rejudge = { camera_event = 'shop_id' },\n"
    "every = { { at = 'hourly', over = 'shop', run = function(shop, ctx)\n"
    "  local n = ctx:count('camera_event', { shop_id = shop.shop_id }, '60min')\n"
    "  local key = shop.shop_id .. '|' .. ctx.now\n"
    "  if ctx:check('一小时内', n, '>=', 3) then\n"
    "    ctx:alert { key = key, level = n >= 4 and 'red' or 'blue', title = '出店' }\n"
    "  else ctx:clear { key = key } end end } },");

/* Quiet if a visit was seen on the day: absence, which a late record refutes. */
static const char absence[] =
    HOST_SCRIPT("reads = { 'visit', 'shop' }, rejudge = { visit = 'subject_id' },\n"
                "every = { { at = 'daily 18:00', over = 'shop', run = function(s, ctx)\n"
                "  local n = ctx:count('visit', { subject_id = s.shop_id }, '12h')\n"
                "  if ctx:check('今日走访', n, '<', 1) then\n"
                "    ctx:alert { key = s.shop_id .. '|' .. ctx.today, level = 'yellow', title "
                "= '没有走访' }\n"
                "  else ctx:clear { key = s.shop_id .. '|' .. ctx.today } end end } },");

static const char *reading(char out[200], const char *time, int value)
{
    snprintf(out, 200,
             "[\"sensor_reading\",{\"device_id\":\"D\",\"metric\":\"noise_db\",\"at\":\"2020-"
             "07-15T%s:00+08:00\",\"value\":%d}]",
             time, value);
    return out;
}

static void a_late_normal_reading_does_not_close_what_a_later_one_raised(void **state)
{
    (void)state;
    char a[200], b[200], one[900];
    snprintf(one, sizeof one,
             "{\"given\":[%s,%s],\"at\":\"2020-07-15T12:00:00+08:00\",\"expect\":[{\"key\":"
             "\"D\",\"level\":\"red\"}]}",
             reading(a, "11:00", 85), reading(b, "10:00", 40));
    host_expect(level_alarm, one);
}

static void a_late_alarm_is_cleared_by_the_later_normal_reading(void **state)
{
    (void)state;
    char a[200], b[200], one[900];
    snprintf(one, sizeof one,
             "{\"given\":[%s,%s],\"at\":\"2020-07-15T12:00:00+08:00\",\"expect\":[]}",
             reading(a, "11:00", 40), reading(b, "10:00", 85));
    host_expect(level_alarm, one);
}

static void every_order_of_arrival_ends_with_the_same_open_alerts(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        int value;
    } story[4] = {{"08:00", 65}, {"09:00", 50}, {"10:00", 85}, {"11:00", 70}};
    static const char *const ends[2] = {"[{\"key\":\"D\",\"level\":\"red\"}]", "[]"};
    /* once as it is, once with a normal reading at the end */
    for (int quiet_end = 0; quiet_end < 2; quiet_end++) {
        for (int n = 0; n < 24; n++) {
            int order[4], left[4] = {0, 1, 2, 3}, code = n;
            for (int i = 4; i > 0; i--) {
                order[4 - i] = left[code % i];
                memmove(&left[code % i], &left[code % i + 1],
                        (size_t)(i - 1 - code % i) * sizeof *left);
                code /= i;
            }
            struct buf one = {0};
            char text[200];
            buf_str(&one, "{\"given\":[");
            for (int i = 0; i < 4; i++) {
                int value = quiet_end && order[i] == 3 ? 30 : story[order[i]].value;
                buf_printf(&one, "%s%s", i ? "," : "",
                           reading(text, story[order[i]].time, value));
            }
            buf_printf(&one, "],\"at\":\"2020-07-15T12:00:00+08:00\",\"expect\":%s}",
                       ends[quiet_end]);
            buf_char(&one, 0);
            struct buf why = {0};
            if (!host_try(level_alarm, one.p, &why))
                fail_msg("%s\n%.*s", one.p, (int)why.n, why.p);
            buf_free(&why);
            buf_free(&one);
        }
    }
}

#define SHOP "[\"shop\",{\"shop_id\":\"S\",\"name\":\"店\"}]"
#define EVENT(id, time)                                                                        \
    "[\"camera_event\",{\"event_id\":\"" id                                                    \
    "\",\"shop_id\":\"S\",\"occurred_at\":\"2020-07-15T" time ":00+08:00\"}]"

static void a_late_record_makes_the_ticks_it_missed_be_judged_again(void **state)
{
    (void)state;
    host_expect(
        hourly_count,
        "{\"steps\":[{\"given\":[" SHOP "," EVENT("1", "08:10") "," EVENT(
            "2", "08:20") "],\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[]},"
                          "{\"given\":[" EVENT(
                              "3",
                              "08:30") "],\"at\":\"2020-07-15T09:30:00+08:00\","
                                       "\"expect\":[{\"key\":\"S|2020-07-15T09:00:00+08:00\","
                                       "\"level\":\"blue\"}]},"
                                       "{\"given\":[" EVENT(
                                           "4",
                                           "08:40") "],\"at\":\"2020-07-15T09:40:00+08:00\","
                                                    "\"expect\":[{\"key\":\"S|2020-07-15T09:00:"
                                                    "00+08:00\",\"level\":\"red\"}]}]}");
}

/* Each of three events in time or after the tick that should have counted it, in both orders. */
static void whichever_records_come_after_their_tick_the_end_is_the_same(void **state)
{
    (void)state;
    static const char *const events[3] = {EVENT("1", "08:10"), EVENT("2", "08:20"),
                                          EVENT("3", "08:30")};
    for (int code = 0; code < 16; code++) {
        struct buf one = {0}, why = {0};
        bool backwards = code & 8;
        buf_str(&one, "{\"steps\":[{\"given\":[" SHOP);
        for (int i = 0; i < 3; i++)
            if (!(code >> i & 1))
                buf_printf(&one, ",%s", events[i]);
        buf_str(&one, "],\"at\":\"2020-07-15T09:00:00+08:00\"},{\"given\":[" SHOP);
        for (int i = 0; i < 3; i++) {
            int k = backwards ? 2 - i : i;
            if (code >> k & 1)
                buf_printf(&one, ",%s", events[k]);
        }
        buf_str(&one, "],\"at\":\"2020-07-15T09:30:00+08:00\",\"expect\":[{\"key\":"
                      "\"S|2020-07-15T09:00:00+08:00\",\"level\":\"blue\"}]}]}");
        buf_char(&one, 0);
        if (!host_try(hourly_count, one.p, &why))
            fail_msg("%s\n%.*s", one.p, (int)why.n, why.p);
        buf_free(&one);
        buf_free(&why);
    }
}

/* What a late record makes stand again is told with the time the tick was due, not with that of the arrival. */
static void a_tick_judged_again_has_its_own_time_and_finds_what_was_known_then(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT(
            "reads = { 'camera_event', 'shop' }, rejudge = { camera_event = 'shop_id' },\n"
            "every = { { at = 'daily 09:00', over = 'shop', run = function(shop, ctx)\n"
            "  if ctx:count('camera_event', { shop_id = 'S' }, '60min') > 0 then\n"
            "    ctx:alert { key = ctx.now .. ctx:count('camera_event', { shop_id = 'S' }, "
            "'60min'), level = 'red', title = 't' } end end } },"),
        "{\"steps\":[{\"given\":[" SHOP "],\"at\":\"2020-07-15T09:00:00+08:00\"},"
        "{\"given\":[" EVENT("2", "09:10") "," EVENT(
            "1", "08:30") "],\"at\":\"2020-07-15T09:30:00+08:00\",\"expect\":[{\"key\":"
                          "\"2020-07-15T09:00:00+08:001\",\"level\":\"red\"}]}]}");
}

static void ticks_that_were_not_told_are_not_made_up(void **state)
{
    (void)state;
    /* 09:00 is never reached by a step: no tick was told there */
    host_expect(
        hourly_count,
        "{\"steps\":[{\"given\":[" SHOP "," EVENT("1", "08:10") "," EVENT(
            "2",
            "08:20") "],\"at\":\"2020-07-15T08:50:00+08:00\"},"
                     "{\"at\":\"2020-07-15T09:20:00+08:00\"},"
                     "{\"given\":[" EVENT(
                         "3",
                         "08:30") "],\"at\":\"2020-07-15T09:30:00+08:00\",\"expect\":[]}]}");
}

static void a_record_later_than_a_day_leaves_the_ticks_alone(void **state)
{
    (void)state;
    host_expect(
        hourly_count,
        "{\"steps\":[{\"given\":[" SHOP "," EVENT("1", "08:10") "," EVENT(
            "2",
            "08:20") "],\"at\":\"2020-07-15T09:00:00+08:00\"},{\"at\":\"2020-07-16T08:31:00+08:"
                     "00\"},"
                     "{\"given\":[" EVENT(
                         "3",
                         "08:30") "],\"at\":\"2020-07-16T08:31:00+08:00\",\"expect\":[]}]}");
}

#define VISIT(time)                                                                            \
    "[\"visit\",{\"visit_id\":\"V1\",\"subject_id\":\"S\",\"visited_at\":\"2020-07-15T" time   \
    ":00+08:00\"}]"

static void an_alert_that_a_late_record_refutes_is_retracted(void **state)
{
    (void)state;
    host_expect(absence,
                "{\"steps\":[{\"given\":[" SHOP "],\"at\":\"2020-07-15T18:00:00+08:00\","
                "\"expect\":[{\"key\":\"S|2020-07-15\",\"level\":\"yellow\"}]},"
                "{\"given\":[" VISIT(
                    "10:00") "],\"at\":\"2020-07-15T20:00:00+08:00\",\"expect\":[]}]}");
}

/* The third of one subject and matter within 30 days is too many; told with the time it was received. */
static const char third[] = HOST_SCRIPT(
    "reads = { 'petition' }, rejudge = { petition = 'matter_key' },\n"
    "on = { petition = function(row, ctx)\n"
    "  local n = ctx:count('petition', { matter_key = row.matter_key }, '30d')\n"
    "  if ctx:check('次数', n, '>=', 3) then\n"
    "    ctx:alert { key = row.matter_key .. '|' .. ctx.today, level = 'yellow', title "
    "= 't' } end end },");

#define PETITION(id, day)                                                                      \
    "[\"petition\",{\"petition_id\":\"" id                                                     \
    "\",\"matter_key\":\"M\",\"received_at\":\"2020-07-" day "T10:00:00+08:00\"}]"

static void later_records_with_the_same_field_are_judged_again(void **state)
{
    (void)state;
    static const char *const orders[] = {
        PETITION("1", "01") "," PETITION("2", "02") "," PETITION("3", "03"),
        PETITION("3", "03") "," PETITION("1", "01") "," PETITION("2", "02"),
        PETITION("2", "02") "," PETITION("3", "03") "," PETITION("1", "01"),
        PETITION("3", "03") "," PETITION("2", "02") "," PETITION("1", "01"),
    };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        char one[1200];
        snprintf(one, sizeof one,
                 "{\"given\":[%s],\"at\":\"2020-07-03T12:00:00+08:00\",\"expect\":[{\"key\":"
                 "\"M|2020-07-03\",\"level\":\"yellow\"}]}",
                 orders[i]);
        host_expect(third, one);
    }
}

/* The reading names the meter, the elder names it, too. */
static void a_late_record_may_name_its_subject_by_a_field_of_it(void **state)
{
    (void)state;
    static const char script[] = HOST_SCRIPT(
        "reads = { 'elder', 'meter_reading' }, rejudge = { meter_reading = { meter_id = "
        "'water_meter_id' } },\n"
        "every = { { at = 'daily 09:00', over = 'elder', run = function(elder, ctx)\n"
        "  if not ctx:list('meter_reading', { meter_id = elder.water_meter_id }, { last = 1, "
        "within = '6h' })[1] then\n"
        "    ctx:alert { key = elder.person_key, level = 'blue', title = 't' } end end } },");
    for (int late = 0; late < 2; late++) {
        char one[900];
        snprintf(one, sizeof one,
                 "{\"steps\":[{\"given\":[[\"elder\",{\"person_key\":\"P1\",\"water_meter_id\":"
                 "\"W1\"}],[\"elder\","
                 "{\"person_key\":\"P2\",\"water_meter_id\":\"W2\"}]],\"at\":\"2020-07-15T09:"
                 "00:00+08:00\"},{\"given\":"
                 "[[\"meter_reading\",{\"meter_id\":\"W2\",\"at\":\"2020-07-15T%s:00+08:00\","
                 "\"value\":1}]],\"at\":"
                 "\"2020-07-15T10:00:00+08:00\",\"expect\":[{\"key\":\"P1\",\"level\":\"blue\"}"
                 "%s]}]}",
                 late ? "08:30" : "09:30", late ? "" : ",{\"key\":\"P2\",\"level\":\"blue\"}");
        host_expect(script, one);
    }
}

/* Two readings in a row: 10:05 stands for the alert, whatever becomes of 11:05. */
static void an_alert_that_an_earlier_judgement_stands_for_is_kept(void **state)
{
    (void)state;
    static const char in_a_row[] = HOST_SCRIPT(
        "reads = { 'sensor_reading' },\n"
        "on = { sensor_reading = function(row, ctx)\n"
        "  local rows = ctx:list('sensor_reading', { device_id = 'D' }, { last = 2 })\n"
        "  for _, r in ipairs(rows) do if r.value < 60 then return end end\n"
        "  if #rows == 2 then ctx:alert { key = 'D', level = 'blue', title = '噪声' } end end "
        "},");
    char a[5][200], one[2000];
    snprintf(one, sizeof one,
             "{\"given\":[%s,%s,%s,%s,%s],\"at\":\"2020-07-15T12:00:00+08:00\",\"expect\":["
             "{\"key\":\"D\",\"level\":\"blue\"}]}",
             reading(a[0], "11:00", 70), reading(a[1], "11:05", 70), reading(a[2], "10:05", 70),
             reading(a[3], "10:00", 70), reading(a[4], "11:02", 40));
    host_expect(in_a_row, one);
}

static void an_alert_that_somebody_has_signed_stays(void **state)
{
    (void)state;
    host_expect(absence,
                "{\"steps\":[{\"given\":[" SHOP "],\"at\":\"2020-07-15T18:00:00+08:00\"},"
                "{\"actions\":[{\"key\":\"S|2020-07-15\",\"action\":\"sign\"}],\"at\":\"2020-"
                "07-15T19:00:00+08:00\"},"
                "{\"given\":[" VISIT(
                    "10:00") "],\"at\":\"2020-07-15T20:00:00+08:00\","
                             "\"expect\":[{\"key\":\"S|2020-07-15\",\"level\":\"yellow\"}]}]}");
}

static void a_withdrawal_makes_the_ticks_that_counted_the_record_be_judged_again(void **state)
{
    (void)state;
    host_expect(hourly_count,
                "{\"steps\":[{\"given\":[" SHOP
                "," EVENT("1", "08:10") "," EVENT("2", "08:20") "," EVENT(
                    "3", "08:30") "],\"at\":\"2020-07-15T09:00:00+08:00\","
                                  "\"expect\":[{\"key\":\"S|2020-07-15T09:00:00+08:"
                                  "00\",\"level\":\"blue\"}]},"
                                  "{\"removed\":[[\"camera_event\",\"3\"]],\"at\":"
                                  "\"2020-07-15T09:30:00+08:00\",\"expect\":[]}]}");
}

static void a_withdrawal_brings_the_alert_that_the_record_had_kept_away(void **state)
{
    (void)state;
    host_expect(absence,
                "{\"steps\":[{\"given\":[" SHOP
                ",[\"visit\",{\"visit_id\":\"V\",\"subject_id\":\"S\","
                "\"visited_at\":\"2020-07-15T10:00:00+08:00\"}]],"
                "\"at\":\"2020-07-15T18:00:00+08:00\",\"expect\":[]},"
                "{\"removed\":[[\"visit\",\"V\"]],\"at\":\"2020-07-15T20:00:00+08:00\","
                "\"expect\":[{\"key\":\"S|2020-07-15\",\"level\":\"yellow\"}]}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_withdrawal_makes_the_ticks_that_counted_the_record_be_judged_again),
        cmocka_unit_test(a_withdrawal_brings_the_alert_that_the_record_had_kept_away),
        cmocka_unit_test(a_late_normal_reading_does_not_close_what_a_later_one_raised),
        cmocka_unit_test(a_late_alarm_is_cleared_by_the_later_normal_reading),
        cmocka_unit_test(every_order_of_arrival_ends_with_the_same_open_alerts),
        cmocka_unit_test(a_late_record_makes_the_ticks_it_missed_be_judged_again),
        cmocka_unit_test(whichever_records_come_after_their_tick_the_end_is_the_same),
        cmocka_unit_test(a_tick_judged_again_has_its_own_time_and_finds_what_was_known_then),
        cmocka_unit_test(ticks_that_were_not_told_are_not_made_up),
        cmocka_unit_test(a_record_later_than_a_day_leaves_the_ticks_alone),
        cmocka_unit_test(an_alert_that_a_late_record_refutes_is_retracted),
        cmocka_unit_test(later_records_with_the_same_field_are_judged_again),
        cmocka_unit_test(a_late_record_may_name_its_subject_by_a_field_of_it),
        cmocka_unit_test(an_alert_that_an_earlier_judgement_stands_for_is_kept),
        cmocka_unit_test(an_alert_that_somebody_has_signed_stays),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
