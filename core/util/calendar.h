/*
 * Dates and times of one place: Asia/Shanghai, UTC+8, no daylight saving. Moments are microseconds since
 * the epoch; days are counted since 1970-01-01 in local time. Pure: no clock is read here.
 */
#ifndef WY_UTIL_CALENDAR_H
#define WY_UTIL_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

#define CALENDAR_OFFSET_US (8LL * 3600 * 1000000)
#define CALENDAR_DAY_US    (24LL * 3600 * 1000000)
#define CALENDAR_MINUTE_US (60LL * 1000000)

struct calendar_date {
    int year, month, day; /* 1800…9999 (people are older than the epoch), 1…12, 1…31 */
    int weekday;          /* 1 Monday … 7 Sunday */
};

int64_t calendar_day_of(int64_t us);     /* local day that holds this moment */
int64_t calendar_day_start(int64_t day); /* its 00:00 in microseconds */
struct calendar_date calendar_split(int64_t day);
bool calendar_join(int year, int month, int day,
                   int64_t *out_day);                 /* false if there is no such day */
int64_t calendar_add_months(int64_t day, int months); /* the day is cut to the month's last */

/* Texts. Parsers take the whole span and refuse anything else (also 02-30, 24:00, a missing zone). */
bool calendar_parse_date(struct span s, int64_t *day);    /* 2020-07-15 */
bool calendar_parse_month(struct span s, int64_t *day);   /* 2020-07 → its first day */
bool calendar_parse_datetime(struct span s, int64_t *us); /* RFC 3339, any offset, cut to µs */
/* A moment as people give one end of a period: 2020-07-15T08:30:00+08:00, or a day or month, of which it is the
 * begin, or the end. */
bool calendar_parse_moment(struct span s, bool end, int64_t *us);
bool calendar_parse_hm(struct span s, int *minute_of_day); /* 08:30 */
void calendar_put_date(struct buf *b, int64_t day);
void calendar_put_month(struct buf *b, int64_t day);
void calendar_put_datetime(
    struct buf *b, int64_t us); /* 2020-07-15T08:30:00+08:00, ".123456" only if not whole */
void calendar_put_week(struct buf *b, int64_t day); /* 2020-W29 */

/* Timetables: "5min", "hourly", "daily 07:00", "weekly Mon 08:00", "monthly d10 08:00". */
enum schedule_kind {
    SCHEDULE_5MIN,
    SCHEDULE_HOURLY,
    SCHEDULE_DAILY,
    SCHEDULE_WEEKLY,
    SCHEDULE_MONTHLY
};
struct schedule {
    enum schedule_kind kind;
    int weekday; /* weekly: 1…7 */
    int day;     /* monthly: 1…31; in a shorter month its last day */
    int minute;  /* of the day; for daily and longer */
};
bool schedule_parse(struct span s, struct schedule *out, struct err *e);
int64_t schedule_next(const struct schedule *s,
                      int64_t after_us);                    /* first due moment > after_us */
bool schedule_is_due(const struct schedule *s, int64_t us); /* exactly at this moment */

/* Working time (scenarios.md 1.2): 08:30–12:00 and 13:30–17:30 of a working day, 450 minutes.
 * `is_workday` answers for a local day; NULL means Monday to Friday,
 * and so does a calendar that has known no working day for a whole year: every limit ends some day. */
struct workdays {
    bool (*is_workday)(void *ctx, int64_t day);
    void *ctx;
};
/* A limit such as "15min", "4h", "3d" (natural), "4wh", "3wd" (working). */
struct time_limit {
    int amount;
    enum { LIMIT_MIN, LIMIT_H, LIMIT_D, LIMIT_WH, LIMIT_WD } unit;
};
bool time_limit_parse(struct span s, struct time_limit *out, struct err *e);
int64_t time_limit_due(const struct time_limit *l, int64_t from_us, const struct workdays *w);
int64_t workdays_left(int64_t today, int64_t due_day,
                      const struct workdays *w); /* in (today, due] */

#endif
