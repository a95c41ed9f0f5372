#include "unit.h"
#include "util/calendar.h"

static int64_t us(const char *text)
{
    int64_t v;
    if (!calendar_parse_datetime(span_of(text), &v))
        fail_msg("no datetime: %s", text);
    return v;
}

static int64_t day(const char *text)
{
    int64_t v;
    if (!calendar_parse_date(span_of(text), &v))
        fail_msg("no date: %s", text);
    return v;
}

static const char *text_of(void (*put)(struct buf *, int64_t), int64_t v)
{
    static char text[64];
    struct buf b = {0};
    put(&b, v);
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(buf_view(&b)));
    buf_free(&b);
    return text;
}

/* ---- days ---- */

static void every_day_until_9999_splits_and_joins_as_the_library_has_it(void **state)
{
    (void)state;
    int64_t last = day("9999-12-31");
    assert_int_equal(last, 2932896);
    for (int64_t d = 0; d <= last; d++) {
        struct calendar_date c = calendar_split(d);
        time_t seconds = (time_t)d * 86400;
        struct tm t;
        int64_t back;
        gmtime_r(&seconds, &t);
        bool same = c.year == t.tm_year + 1900 && c.month == t.tm_mon + 1 &&
                    c.day == t.tm_mday && c.weekday == (t.tm_wday + 6) % 7 + 1;
        if (!same || !calendar_join(c.year, c.month, c.day, &back) || back != d)
            fail_msg("day %lld", (long long)d);
    }
}

static void a_day_that_is_not_in_the_calendar_does_not_join(void **state)
{
    (void)state;
    static const int bad[][3] = {{1799, 12, 31}, {10000, 1, 1}, {2021, 2, 29}, {2100, 2, 29},
                                 {2020, 2, 30},  {2020, 13, 1}, {2020, 0, 1},  {2020, 4, 31},
                                 {2020, 1, 0},   {2020, 1, -1}, {2020, 1, 32}};
    int64_t d = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(calendar_join(bad[i][0], bad[i][1], bad[i][2], &d));
    assert_int_equal(d, 7);
    assert_true(calendar_join(2000, 2, 29, &d) && calendar_join(2400, 2, 29, &d));
}

static void a_local_day_begins_at_sixteen_oclock_utc(void **state)
{
    (void)state;
    assert_int_equal(calendar_day_of(us("2020-07-14T15:59:59.999999Z")), day("2020-07-14"));
    assert_int_equal(calendar_day_of(us("2020-07-14T16:00:00Z")), day("2020-07-15"));
    assert_int_equal(calendar_day_start(day("2020-07-15")), us("2020-07-15T00:00:00+08:00"));
    assert_int_equal(calendar_day_of(calendar_day_start(0)), 0);
    assert_int_equal(calendar_day_of(calendar_day_start(0) - 1), -1);
}

static void adding_months_stays_inside_the_month(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        int months;
        const char *to;
    } cases[] = {
        {"2020-01-31", 1, "2020-02-29"},   {"2021-01-31", 1, "2021-02-28"},
        {"2020-03-31", -1, "2020-02-29"},  {"2020-12-15", 1, "2021-01-15"},
        {"2020-01-15", -1, "2019-12-15"},  {"2020-02-29", 12, "2021-02-28"},
        {"2020-02-29", -12, "2019-02-28"}, {"2020-05-31", 0, "2020-05-31"},
        {"2020-08-31", 25, "2022-09-30"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(text_of(calendar_put_date,
                                    calendar_add_months(day(cases[i].from), cases[i].months)),
                            cases[i].to);
}

static void iso_weeks_follow_their_thursday(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"1970-01-01", "1970-W01"}, {"2020-07-15", "2020-W29"}, {"2019-12-30", "2020-W01"},
        {"2021-01-03", "2020-W53"}, {"2021-01-04", "2021-W01"}, {"2016-01-01", "2015-W53"},
        {"2018-12-31", "2019-W01"}, {"9999-12-31", "9999-W52"}, {"2024-12-29", "2024-W52"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(text_of(calendar_put_week, day(cases[i][0])), cases[i][1]);
    for (int64_t d = 0; d < 40000; d++) { /* as strftime counts them */
        char wanted[16];
        time_t seconds = (time_t)d * 86400;
        struct tm t;
        gmtime_r(&seconds, &t);
        strftime(wanted, sizeof wanted, "%G-W%V", &t);
        assert_string_equal(text_of(calendar_put_week, d), wanted);
    }
}

/* ---- texts ---- */

static void datetimes_of_any_offset_are_one_moment(void **state)
{
    (void)state;
    static const char *const same[] = {
        "2020-07-15T08:30:00+08:00",     "2020-07-15T00:30:00Z",
        "2020-07-14T19:30:00-05:00",     "2020-07-15T06:00:00+05:30",
        "2020-07-15T08:30:00.000+08:00", "2020-07-15t00:30:00z",
        "2020-07-15T00:30:00-00:00",     "2020-07-15T00:30:00.000000999Z",
        "2020-07-16T00:29:00+23:59",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_true(us(same[i]) == 1594773000LL * 1000000);
    assert_true(us("2020-07-15T00:30:00.5Z") == 1594773000500000);
    assert_true(us("2020-07-15T00:30:00.123456Z") == 1594773000123456);
    assert_true(us("1970-01-01T00:00:00+08:00") == -CALENDAR_OFFSET_US);
}

static void texts_that_are_no_moment_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2020-07-15",
        "2020-07-15T08:30:00",
        "2020-07-15T08:30:00+0800",
        "2020-07-15T08:30:00+08",
        "2020-07-15T08:30+08:00",
        "2020-07-15 08:30:00+08:00",
        "2020-02-30T08:30:00+08:00",
        "2021-02-29T08:30:00+08:00",
        "2020-07-15T24:00:00+08:00",
        "2020-07-15T08:60:00+08:00",
        "2020-07-15T08:30:60+08:00",
        "2020-07-15T08:30:00+24:00",
        "2020-07-15T08:30:00+08:60",
        "2020-07-15T08:30:00.+08:00",
        "2020-07-15T08:30:00.1234567890Z",
        "2020-07-15T08:30:00,5Z",
        "2020-07-15T08:30:00Z ",
        " 2020-07-15T08:30:00Z",
        "20200715T083000Z",
        "2020-7-15T08:30:00Z",
        "02020-07-15T08:30:00Z",
        "+020-07-15T08:30:00Z",
        "1969-12-31T23:59:59+08:00",
        "1970-01-01T00:00:00+09:00",
        "9999-12-31T23:00:00Z",
        "0000-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t v = 7;
        if (calendar_parse_datetime(span_of(bad[i]), &v) || v != 7)
            fail_msg("accepted: %s", bad[i]);
    }
    /* every part of a good one, cut off */
    struct span good = SPAN("2020-07-15T08:30:00.5+08:00");
    for (size_t n = 0; n < good.n; n++) {
        int64_t v;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, good.p, n);
        assert_false(calendar_parse_datetime((struct span){copy, n}, &v));
        free(copy);
    }
    int64_t v;
    assert_false(calendar_parse_datetime(SPAN_NONE, &v));
    assert_false(calendar_parse_date(SPAN_NONE, &v));
    assert_false(calendar_parse_month(SPAN_NONE, &v));
}

static void dates_months_and_hours_are_read_strictly(void **state)
{
    (void)state;
    int64_t v;
    int minute;
    assert_true(calendar_parse_month(SPAN("2020-07"), &v) && v == day("2020-07-01"));
    static const char *const bad_months[] = {"2020-13", "2020-00", "2020-7",  "2020-07-01",
                                             "1799-12", "202007",  "2020-07 "};
    for (size_t i = 0; i < sizeof bad_months / sizeof *bad_months; i++)
        assert_false(calendar_parse_month(span_of(bad_months[i]), &v));
    static const char *const bad_dates[] = {"2020-02-30", "2020-07-15T", "2020-07-1",
                                            "2020/07/15", "15-07-2020",  "2020-07-32"};
    for (size_t i = 0; i < sizeof bad_dates / sizeof *bad_dates; i++)
        assert_false(calendar_parse_date(span_of(bad_dates[i]), &v));
    assert_true(calendar_parse_hm(SPAN("08:30"), &minute) && minute == 510);
    assert_true(calendar_parse_hm(SPAN("23:59"), &minute) && minute == 1439);
    static const char *const bad_hours[] = {"24:00", "8:30", "08:60", "08:30:00",
                                            "0830",  "",     "08:3"};
    for (size_t i = 0; i < sizeof bad_hours / sizeof *bad_hours; i++)
        assert_false(calendar_parse_hm(span_of(bad_hours[i]), &minute));
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    assert_string_equal(text_of(calendar_put_datetime, 1594773000LL * 1000000),
                        "2020-07-15T08:30:00+08:00");
    assert_string_equal(text_of(calendar_put_datetime, 1594773000000001),
                        "2020-07-15T08:30:00.000001+08:00");
    assert_string_equal(text_of(calendar_put_month, day("2020-07-15")), "2020-07");
    unit_seed(__func__);
    int64_t span_us = calendar_day_start(2932897) + CALENDAR_OFFSET_US;
    for (int i = 0; i < 100000; i++) {
        int64_t v = (int64_t)(unit_random() % (uint64_t)span_us) - CALENDAR_OFFSET_US;
        if (unit_below(2))
            v -= ((v % 1000000) + 1000000) % 1000000;
        assert_true(us(text_of(calendar_put_datetime, v)) == v);
        assert_true(day(text_of(calendar_put_date, calendar_day_of(v))) == calendar_day_of(v));
    }
}

/* ---- timetables ---- */

static struct schedule schedule(const char *text)
{
    struct schedule s;
    struct err e = {0};
    if (!schedule_parse(span_of(text), &s, &e))
        fail_msg("%s: %s", text, e.text);
    return s;
}

static void timetables_are_due_strictly_after(void **state)
{
    (void)state;
    static const struct {
        const char *schedule, *after, *next;
    } cases[] = {
        {"5min", "2020-07-15T08:30:00+08:00", "2020-07-15T08:35:00+08:00"},
        {"5min", "2020-07-15T08:34:59.999999+08:00", "2020-07-15T08:35:00+08:00"},
        {"5min", "2020-07-15T23:57:00+08:00", "2020-07-16T00:00:00+08:00"},
        {"hourly", "2020-07-15T08:00:00+08:00", "2020-07-15T09:00:00+08:00"},
        {"hourly", "1970-01-01T00:30:00+08:00", "1970-01-01T01:00:00+08:00"},
        {"daily 07:00", "2020-07-15T06:59:59+08:00", "2020-07-15T07:00:00+08:00"},
        {"daily 07:00", "2020-07-15T07:00:00+08:00", "2020-07-16T07:00:00+08:00"},
        {"daily 00:00", "2020-02-28T00:00:00+08:00", "2020-02-29T00:00:00+08:00"},
        {"weekly Mon 08:00", "2020-07-13T07:00:00+08:00", "2020-07-13T08:00:00+08:00"},
        {"weekly Mon 08:00", "2020-07-13T08:00:00+08:00", "2020-07-20T08:00:00+08:00"},
        {"weekly Sun 23:59", "2020-07-13T00:00:00+08:00", "2020-07-19T23:59:00+08:00"},
        {"weekly Wed 08:00", "2020-12-31T00:00:00+08:00", "2021-01-06T08:00:00+08:00"},
        {"monthly d10 08:00", "2020-03-10T07:59:00+08:00", "2020-03-10T08:00:00+08:00"},
        {"monthly d10 08:00", "2020-03-10T08:00:00+08:00", "2020-04-10T08:00:00+08:00"},
        {"monthly d10 08:00", "2020-12-10T08:00:00+08:00", "2021-01-10T08:00:00+08:00"},
        {"monthly d31 08:00", "2020-01-31T08:00:00+08:00", "2020-02-29T08:00:00+08:00"},
        {"monthly d31 08:00", "2021-02-01T00:00:00+08:00", "2021-02-28T08:00:00+08:00"},
        {"monthly d31 08:00", "2021-02-28T08:00:00+08:00", "2021-03-31T08:00:00+08:00"},
        {"monthly d30 08:00", "2021-02-28T08:00:00+08:00", "2021-03-30T08:00:00+08:00"},
        {"monthly d1 00:00", "2020-12-31T23:59:59+08:00", "2021-01-01T00:00:00+08:00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct schedule s = schedule(cases[i].schedule);
        int64_t next = schedule_next(&s, us(cases[i].after));
        assert_string_equal(text_of(calendar_put_datetime, next), cases[i].next);
        assert_true(schedule_is_due(&s, next));
        assert_false(schedule_is_due(&s, next - 1) || schedule_is_due(&s, next + 1));
    }
}

/* The plain meaning of a timetable, asked of one whole minute. */
static bool is_due_by_the_book(const struct schedule *s, int64_t minute)
{
    int64_t local = minute + 480;
    struct calendar_date d = calendar_split(local / 1440),
                         tomorrow = calendar_split(local / 1440 + 1);
    int of_day = (int)(local % 1440);
    switch (s->kind) {
    case SCHEDULE_5MIN:
        return of_day % 5 == 0;
    case SCHEDULE_HOURLY:
        return of_day % 60 == 0;
    case SCHEDULE_DAILY:
        return of_day == s->minute;
    case SCHEDULE_WEEKLY:
        return of_day == s->minute && d.weekday == s->weekday;
    case SCHEDULE_MONTHLY:
        return of_day == s->minute &&
               (d.day == s->day || (tomorrow.day == 1 && d.day < s->day));
    }
    return false;
}

static void timetables_agree_with_a_walk_over_all_minutes(void **state)
{
    (void)state;
    unit_seed(__func__);
    for (int i = 0; i < 60; i++) {
        struct schedule s = {.kind = (enum schedule_kind)unit_below(5),
                             .weekday = 1 + (int)unit_below(7),
                             .day = 25 + (int)unit_below(7),
                             .minute = (int)unit_below(1440)};
        int64_t from = day("2019-12-01") + unit_below(500);
        int64_t at = calendar_day_start(from) / CALENDAR_MINUTE_US + unit_below(1440);
        int64_t next = schedule_next(&s, at * CALENDAR_MINUTE_US + unit_below(2));
        do
            at++;
        while (!is_due_by_the_book(&s, at));
        assert_true(next == at * CALENDAR_MINUTE_US);
    }
}

static void a_timetable_of_another_form_is_refused_with_the_forms(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "5 min",
        "10min",
        "5min ",
        "hourly 08:00",
        "daily",
        "daily 7:00",
        "daily 24:00",
        "daily  07:00",
        "weekly 08:00",
        "weekly mon 08:00",
        "weekly Mon",
        "Weekly Mon 08:00",
        "monthly 10 08:00",
        "monthly d0 08:00",
        "monthly d32 08:00",
        "monthly d010 08:00",
        "monthly d-1 08:00",
        "monthly d10",
        "monthly d01 08:00",
        "每天 07:00",
        "daily 07:00 x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct schedule s;
        struct err e = {0};
        if (schedule_parse(span_of(bad[i]), &s, &e))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(e.code, ERR_INPUT);
        assert_non_null(strstr(e.text, "monthly d10 08:00"));
    }
}

/* ---- working time ---- */

/* National day 2020: 10-01…10-08 free, 09-27 and 10-10 (Sunday, Saturday) worked. */
static bool national_day(void *ctx, int64_t d)
{
    ++*(int *)ctx;
    if (d >= day("2020-10-01") && d <= day("2020-10-08"))
        return false;
    if (d == day("2020-09-27") || d == day("2020-10-10"))
        return true;
    return calendar_split(d).weekday <= 5;
}

static bool never(void *ctx, int64_t d)
{
    (void)ctx;
    (void)d;
    return false;
}

static struct time_limit limit(const char *text)
{
    struct time_limit l;
    struct err e = {0};
    if (!time_limit_parse(span_of(text), &l, &e))
        fail_msg("%s: %s", text, e.text);
    return l;
}

static void limits_fall_due_when_the_office_would_say(void **state)
{
    (void)state;
    /* 2020-07-15 is a Wednesday. */
    static const struct {
        const char *limit, *from, *due;
    } cases[] = {
        {"15min", "2020-07-15T23:50:00+08:00", "2020-07-16T00:05:00+08:00"},
        {"4h", "2020-07-18T10:00:00+08:00", "2020-07-18T14:00:00+08:00"},
        {"3d", "2020-02-27T10:00:00.25+08:00", "2020-03-01T10:00:00.250000+08:00"},
        {"4wh", "2020-07-15T08:30:00+08:00", "2020-07-15T14:00:00+08:00"},
        {"4wh", "2020-07-15T06:00:00+08:00", "2020-07-15T14:00:00+08:00"},
        {"3wh", "2020-07-15T09:00:00+08:00", "2020-07-15T12:00:00+08:00"},
        {"4wh", "2020-07-15T12:30:00+08:00", "2020-07-15T17:30:00+08:00"},
        {"4wh", "2020-07-15T16:00:00+08:00", "2020-07-16T11:00:00+08:00"},
        {"4wh", "2020-07-17T17:30:00+08:00", "2020-07-20T14:00:00+08:00"},
        {"4wh", "2020-07-18T11:00:00+08:00", "2020-07-20T14:00:00+08:00"},
        {"15wh", "2020-07-15T08:30:00+08:00", "2020-07-16T17:30:00+08:00"},
        {"1wh", "2020-07-15T11:59:59.999999+08:00", "2020-07-15T14:29:59.999999+08:00"},
        {"1wd", "2020-07-15T08:00:00+08:00", "2020-07-16T17:30:00+08:00"},
        {"1wd", "2020-07-15T23:59:59+08:00", "2020-07-16T17:30:00+08:00"},
        {"3wd", "2020-07-15T10:00:00+08:00", "2020-07-20T17:30:00+08:00"},
        {"1wd", "2020-07-17T10:00:00+08:00", "2020-07-20T17:30:00+08:00"},
        {"1wd", "2020-07-18T10:00:00+08:00",
         "2020-07-21T17:30:00+08:00"}, /* base day is Monday */
        {"10wd", "2020-07-15T10:00:00+08:00", "2020-07-29T17:30:00+08:00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct time_limit l = limit(cases[i].limit);
        assert_string_equal(
            text_of(calendar_put_datetime, time_limit_due(&l, us(cases[i].from), NULL)),
            cases[i].due);
        struct workdays empty = {NULL, NULL};
        assert_string_equal(
            text_of(calendar_put_datetime, time_limit_due(&l, us(cases[i].from), &empty)),
            cases[i].due);
    }
}

static void holidays_and_made_up_days_count_as_the_calendar_says(void **state)
{
    (void)state;
    int asked = 0;
    struct workdays w = {national_day, &asked};
    static const struct {
        const char *limit, *from, *due;
    } cases[] = {
        {"1wd", "2020-09-30T10:00:00+08:00", "2020-10-09T17:30:00+08:00"},
        {"2wd", "2020-09-30T10:00:00+08:00", "2020-10-10T17:30:00+08:00"},
        {"1wd", "2020-10-03T10:00:00+08:00", "2020-10-10T17:30:00+08:00"},
        {"4wh", "2020-09-26T10:00:00+08:00", "2020-09-27T14:00:00+08:00"},
        {"4wh", "2020-09-30T16:30:00+08:00", "2020-10-09T11:30:00+08:00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct time_limit l = limit(cases[i].limit);
        assert_string_equal(
            text_of(calendar_put_datetime, time_limit_due(&l, us(cases[i].from), &w)),
            cases[i].due);
    }
    assert_int_equal(workdays_left(day("2020-09-30"), day("2020-10-10"), &w), 2);
    assert_int_equal(workdays_left(day("2020-10-09"), day("2020-10-09"), &w), 0);
    assert_int_equal(workdays_left(day("2020-10-10"), day("2020-09-30"), &w), 0);
    assert_int_equal(workdays_left(day("2020-07-10"), day("2020-07-20"), NULL), 6);
    assert_true(asked > 0);
}

static void a_calendar_without_a_working_day_does_not_hang(void **state)
{
    (void)state;
    struct workdays w = {never, NULL};
    struct time_limit wd = limit("3wd"), wh = limit("4wh");
    int64_t from = us("2020-07-15T10:00:00+08:00");
    assert_true(time_limit_due(&wd, from, &w) > from + 366 * CALENDAR_DAY_US);
    assert_true(time_limit_due(&wd, from, &w) < from + 380 * CALENDAR_DAY_US);
    assert_true(time_limit_due(&wh, from, &w) > from + 366 * CALENDAR_DAY_US);
}

static bool in_hours(int64_t minute)
{
    int64_t local = minute + 480;
    int of_day = (int)(local % 1440);
    return calendar_split(local / 1440).weekday <= 5 &&
           ((of_day >= 510 && of_day < 720) || (of_day >= 810 && of_day < 1050));
}

static void working_hours_agree_with_counting_minutes(void **state)
{
    (void)state;
    unit_seed(__func__);
    for (int i = 0; i < 500; i++) {
        struct time_limit l = {.amount = 1 + (int)unit_below(40), .unit = LIMIT_WH};
        int64_t at =
            calendar_day_start(day("2020-01-01") + unit_below(400)) / CALENDAR_MINUTE_US +
            unit_below(1440);
        int64_t due = time_limit_due(&l, at * CALENDAR_MINUTE_US, NULL);
        int64_t left = l.amount * 60;
        for (; left; at++)
            left -= in_hours(at);
        assert_true(due == at * CALENDAR_MINUTE_US);
    }
}

static void a_limit_of_another_form_is_refused_with_the_forms(void **state)
{
    (void)state;
    struct time_limit l = limit("15min");
    assert_true(l.amount == 15 && l.unit == LIMIT_MIN);
    l = limit("10wd");
    assert_true(l.amount == 10 && l.unit == LIMIT_WD);
    static const char *const bad[] = {"",       "3",  "wd",   "0d",   "-1d",
                                      "3 d",    "3D", "3wd ", "1.5h", "99999999999999999999d",
                                      "2001wd", "3w", "3m",   "三天"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = {0};
        if (time_limit_parse(span_of(bad[i]), &l, &e))
            fail_msg("accepted: %s", bad[i]);
        assert_non_null(strstr(e.text, "3wd（工作日）"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_until_9999_splits_and_joins_as_the_library_has_it),
        cmocka_unit_test(a_day_that_is_not_in_the_calendar_does_not_join),
        cmocka_unit_test(a_local_day_begins_at_sixteen_oclock_utc),
        cmocka_unit_test(adding_months_stays_inside_the_month),
        cmocka_unit_test(iso_weeks_follow_their_thursday),
        cmocka_unit_test(datetimes_of_any_offset_are_one_moment),
        cmocka_unit_test(texts_that_are_no_moment_are_refused),
        cmocka_unit_test(dates_months_and_hours_are_read_strictly),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(timetables_are_due_strictly_after),
        cmocka_unit_test(timetables_agree_with_a_walk_over_all_minutes),
        cmocka_unit_test(a_timetable_of_another_form_is_refused_with_the_forms),
        cmocka_unit_test(limits_fall_due_when_the_office_would_say),
        cmocka_unit_test(holidays_and_made_up_days_count_as_the_calendar_says),
        cmocka_unit_test(a_calendar_without_a_working_day_does_not_hang),
        cmocka_unit_test(working_hours_agree_with_counting_minutes),
        cmocka_unit_test(a_limit_of_another_form_is_refused_with_the_forms),
    };
    return unit_run(tests);
}
