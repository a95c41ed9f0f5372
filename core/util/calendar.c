#include "util/calendar.h"

enum { YEAR_FIRST = 1800, YEAR_LAST = 9999, MOMENT_FIRST = 1970 };

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- days ---- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01 in the Gregorian calendar. The year is taken to begin in March, so that the leap
 * day is its last and the lengths of months follow one straight line. */
static int64_t day_number(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t calendar_day_of(int64_t us)
{
    return floor_div(us + CALENDAR_OFFSET_US, CALENDAR_DAY_US);
}

int64_t calendar_day_start(int64_t day)
{
    return day * CALENDAR_DAY_US - CALENDAR_OFFSET_US;
}

struct calendar_date calendar_split(int64_t day)
{
    int64_t z = day + 719468; /* days since 0000-03-01 */
    int64_t era = floor_div(z, 146097);
    int64_t of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    struct calendar_date d;
    d.day = (int)(of_year - (153 * month + 2) / 5 + 1);
    d.month = (int)(month < 10 ? month + 3 : month - 9);
    d.year = (int)(year + era * 400 + (d.month <= 2));
    d.weekday = (int)(day + 3 - floor_div(day + 3, 7) * 7) + 1; /* 1970-01-01 was a Thursday */
    return d;
}

bool calendar_join(int year, int month, int day, int64_t *out_day)
{
    if (year < YEAR_FIRST || year > YEAR_LAST || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month))
        return false;
    *out_day = day_number(year, month, day);
    return true;
}

int64_t calendar_add_months(int64_t day, int months)
{
    struct calendar_date d = calendar_split(day);
    int64_t count = (int64_t)d.year * 12 + d.month - 1 + months;
    int64_t year = floor_div(count, 12);
    int month = (int)(count - year * 12) + 1;
    int last = month_days(year, month);
    return day_number(year, month, d.day < last ? d.day : last);
}

/* ---- texts ---- */

/* n digits at *p, which moves behind them; -1 if there are none. */
static int digits(const char **p, const char *end, int n)
{
    int v = 0;
    if (end - *p < n)
        return -1;
    for (int i = 0; i < n; i++, (*p)++) {
        unsigned d = (unsigned char)(**p - '0');
        if (d > 9)
            return -1;
        v = v * 10 + (int)d;
    }
    return v;
}

static bool literal(const char **p, const char *end, char c)
{
    return *p < end && *(*p)++ == c;
}

static bool read_date(const char **p, const char *end, int64_t *day)
{
    int year = digits(p, end, 4);
    if (year < 0 || !literal(p, end, '-'))
        return false;
    int month = digits(p, end, 2);
    if (month < 0 || !literal(p, end, '-'))
        return false;
    return calendar_join(year, month, digits(p, end, 2), day);
}

static bool read_hm(const char **p, const char *end, int *minute)
{
    int h = digits(p, end, 2);
    if (h < 0 || h > 23 || !literal(p, end, ':'))
        return false;
    int m = digits(p, end, 2);
    if (m < 0 || m > 59)
        return false;
    *minute = h * 60 + m;
    return true;
}

/* One to nine digits; what is finer than a microsecond is cut off. */
static bool read_fraction(const char **p, const char *end, int64_t *us)
{
    int64_t v = 0, unit = 100000;
    const char *start = *p;
    for (; *p < end && (unsigned char)(**p - '0') <= 9; (*p)++, unit /= 10)
        v += (**p - '0') * unit;
    *us = v;
    return *p > start && *p - start <= 9;
}

static bool read_zone(const char **p, const char *end, int *minutes)
{
    if (*p == end)
        return false;
    char c = *(*p)++;
    *minutes = 0;
    if (c == 'Z' || c == 'z')
        return true;
    if ((c != '+' && c != '-') || !read_hm(p, end, minutes))
        return false;
    if (c == '-')
        *minutes = -*minutes;
    return true;
}

bool calendar_parse_date(struct span s, int64_t *day)
{
    const char *p = s.p, *end = s.n ? s.p + s.n : s.p;
    int64_t v;
    if (!read_date(&p, end, &v) || p != end)
        return false;
    *day = v;
    return true;
}

bool calendar_parse_month(struct span s, int64_t *day)
{
    const char *p = s.p, *end = s.n ? s.p + s.n : s.p;
    int year = digits(&p, end, 4);
    if (year < 0 || !literal(&p, end, '-'))
        return false;
    int month = digits(&p, end, 2);
    return p == end && calendar_join(year, month, 1, day);
}

bool calendar_parse_datetime(struct span s, int64_t *us)
{
    const char *p = s.p, *end = s.n ? s.p + s.n : s.p;
    int64_t day, fraction = 0;
    int minute, zone;
    if (!read_date(&p, end, &day) || p == end || (*p != 'T' && *p != 't'))
        return false;
    p++;
    if (!read_hm(&p, end, &minute) || !literal(&p, end, ':'))
        return false;
    int second = digits(&p, end, 2);
    if (second < 0 || second > 59) /* a leap second has no number of its own here */
        return false;
    if (p < end && *p == '.') {
        p++;
        if (!read_fraction(&p, end, &fraction))
            return false;
    }
    if (!read_zone(&p, end, &zone) || p != end)
        return false;
    int64_t v = day * CALENDAR_DAY_US + (minute - zone) * CALENDAR_MINUTE_US +
                second * 1000000LL + fraction;
    int year = calendar_split(calendar_day_of(v)).year;
    if (year < MOMENT_FIRST || year > YEAR_LAST)
        return false;
    *us = v;
    return true;
}

bool calendar_parse_moment(struct span s, bool end, int64_t *us)
{
    int64_t day;
    if (calendar_parse_datetime(s, us))
        return true;
    if (calendar_parse_date(s, &day))
        day += end;
    else if (!calendar_parse_month(s, &day))
        return false;
    else if (end)
        day = calendar_add_months(day, 1);
    *us = calendar_day_start(day);
    return true;
}

bool calendar_parse_hm(struct span s, int *minute_of_day)
{
    const char *p = s.p, *end = s.n ? s.p + s.n : s.p;
    int v;
    if (!read_hm(&p, end, &v) || p != end)
        return false;
    *minute_of_day = v;
    return true;
}

static void put_digits(struct buf *b, int64_t v, int n)
{
    char *p = buf_space(b, (size_t)n);
    for (int i = n; i-- > 0; v /= 10)
        p[i] = (char)('0' + v % 10);
    b->n += (size_t)n;
}

void calendar_put_date(struct buf *b, int64_t day)
{
    struct calendar_date d = calendar_split(day);
    put_digits(b, d.year, 4);
    buf_char(b, '-');
    put_digits(b, d.month, 2);
    buf_char(b, '-');
    put_digits(b, d.day, 2);
}

void calendar_put_month(struct buf *b, int64_t day)
{
    struct calendar_date d = calendar_split(day);
    put_digits(b, d.year, 4);
    buf_char(b, '-');
    put_digits(b, d.month, 2);
}

void calendar_put_datetime(struct buf *b, int64_t us)
{
    int64_t day = calendar_day_of(us);
    int64_t of_day = us - calendar_day_start(day);
    int64_t second = of_day / 1000000;
    calendar_put_date(b, day);
    buf_char(b, 'T');
    put_digits(b, second / 3600, 2);
    buf_char(b, ':');
    put_digits(b, second / 60 % 60, 2);
    buf_char(b, ':');
    put_digits(b, second % 60, 2);
    if (of_day % 1000000) {
        buf_char(b, '.');
        put_digits(b, of_day % 1000000, 6);
    }
    buf_str(b, "+08:00");
}

void calendar_put_week(struct buf *b, int64_t day)
{
    /* A week belongs to the year of its Thursday. */
    int64_t thursday = day - calendar_split(day).weekday + 4;
    int year = calendar_split(thursday).year;
    put_digits(b, year, 4);
    buf_str(b, "-W");
    put_digits(b, (thursday - day_number(year, 1, 1)) / 7 + 1, 2);
}

/* ---- timetables ---- */

static int weekday_of(struct span s)
{
    static const char names[] = "MonTueWedThuFriSatSun";
    for (int i = 0; i < 7; i++) {
        if (span_eq(s, (struct span){names + 3 * i, 3}))
            return i + 1;
    }
    return 0;
}

/* "d1" … "d31" → 1 … 31, else 0 */
static int month_day_of(struct span s)
{
    int64_t v;
    if (s.n < 2 || s.n > 3 || s.p[0] != 'd' || s.p[1] == '0' || s.p[1] == '-')
        return 0;
    return span_int((struct span){s.p + 1, s.n - 1}, &v) && v <= 31 ? (int)v : 0;
}

static bool parse_words(struct span s, struct schedule *out)
{
    struct span word = span_split(&s, ' ');
    *out = (struct schedule){.kind = SCHEDULE_5MIN};
    if (span_eq(word, SPAN("5min")))
        return s.p == NULL;
    if (span_eq(word, SPAN("hourly"))) {
        out->kind = SCHEDULE_HOURLY;
        return s.p == NULL;
    }
    if (span_eq(word, SPAN("daily"))) {
        out->kind = SCHEDULE_DAILY;
    } else if (span_eq(word, SPAN("weekly"))) {
        out->kind = SCHEDULE_WEEKLY;
        out->weekday = weekday_of(span_split(&s, ' '));
        if (out->weekday == 0)
            return false;
    } else if (span_eq(word, SPAN("monthly"))) {
        out->kind = SCHEDULE_MONTHLY;
        out->day = month_day_of(span_split(&s, ' '));
        if (out->day == 0)
            return false;
    } else {
        return false;
    }
    return calendar_parse_hm(s, &out->minute);
}

bool schedule_parse(struct span s, struct schedule *out, struct err *e)
{
    if (parse_words(s, out))
        return true;
    size_t n = span_cut_utf8(s, 40);
    return err_set(e, ERR_INPUT,
                   "看不懂时刻“%.*s”；请写成 5min、hourly、daily 07:00、weekly Mon 08:00 或 "
                   "monthly d10 08:00",
                   (int)n, n ? s.p : "");
}

static int64_t moment(int64_t day, int minute)
{
    return calendar_day_start(day) + minute * CALENDAR_MINUTE_US;
}

/* The schedule's day in the month that holds `day`. */
static int64_t day_in_month(const struct schedule *s, int64_t day)
{
    struct calendar_date d = calendar_split(day);
    int last = month_days(d.year, d.month);
    return day - d.day + (s->day < last ? s->day : last);
}

int64_t schedule_next(const struct schedule *s, int64_t after_us)
{
    int64_t day = calendar_day_of(after_us);
    int64_t step = 5 * CALENDAR_MINUTE_US;
    switch (s->kind) {
    case SCHEDULE_HOURLY:
        step = 60 * CALENDAR_MINUTE_US;
        break;
    case SCHEDULE_5MIN:
        break;
    case SCHEDULE_DAILY:
        return moment(day, s->minute) > after_us ? moment(day, s->minute)
                                                 : moment(day + 1, s->minute);
    case SCHEDULE_WEEKLY:
        day += (s->weekday - calendar_split(day).weekday + 7) % 7;
        return moment(day, s->minute) > after_us ? moment(day, s->minute)
                                                 : moment(day + 7, s->minute);
    case SCHEDULE_MONTHLY: {
        int64_t due = moment(day_in_month(s, day), s->minute);
        if (due > after_us)
            return due;
        struct calendar_date d = calendar_split(day);
        int64_t next = day - d.day + 1 + month_days(d.year, d.month); /* its first day */
        return moment(day_in_month(s, next), s->minute);
    }
    }
    /* The offset is whole hours, so these steps fall on the same moments in local time. */
    return (floor_div(after_us, step) + 1) * step;
}

bool schedule_is_due(const struct schedule *s, int64_t us)
{
    return schedule_next(s, us - 1) == us;
}

/* ---- working time ---- */

enum { NEVER_FREE_LONGER = 366 };

/* A walk over days that asks each day once. A calendar that knows no working day for a year on end is
 * broken; then Monday to Friday hold, so that every walk comes to its end. */
struct walk {
    const struct workdays *w;
    int free_days;
};

static bool is_workday(struct walk *walk, int64_t day)
{
    bool yes;
    if (walk->w && walk->w->is_workday && walk->free_days < NEVER_FREE_LONGER)
        yes = walk->w->is_workday(walk->w->ctx, day);
    else
        yes = calendar_split(day).weekday <= 5;
    if (yes && walk->free_days < NEVER_FREE_LONGER)
        walk->free_days = 0;
    else if (!yes)
        walk->free_days++;
    return yes;
}

bool time_limit_parse(struct span s, struct time_limit *out, struct err *e)
{
    static const struct {
        const char *name;
        int unit, most;
    } units[] = {{"min", LIMIT_MIN, 1000000},
                 {"h", LIMIT_H, 100000},
                 {"d", LIMIT_D, 10000},
                 {"wh", LIMIT_WH, 10000},
                 {"wd", LIMIT_WD, 2000}};
    size_t n = 0;
    while (n < s.n && (unsigned char)(s.p[n] - '0') <= 9)
        n++;
    int64_t amount;
    struct span unit = n ? (struct span){s.p + n, s.n - n} : SPAN_NONE;
    if (n && span_int((struct span){s.p, n}, &amount) && amount > 0) {
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            if (!span_eq(unit, span_of(units[i].name)) || amount > units[i].most)
                continue;
            out->amount = (int)amount;
            out->unit = units[i].unit;
            return true;
        }
    }
    n = span_cut_utf8(s, 40);
    return err_set(e, ERR_INPUT,
                   "看不懂时限“%.*s”；请写成 15min、4h、3d、4wh（工作时）或 3wd（工作日）",
                   (int)n, n ? s.p : "");
}

static int64_t due_working_hours(int64_t left, int64_t from, struct walk *walk)
{
    static const int shifts[2][2] = {{8 * 60 + 30, 12 * 60}, {13 * 60 + 30, 17 * 60 + 30}};
    for (int64_t day = calendar_day_of(from);; day++) {
        if (!is_workday(walk, day))
            continue;
        for (int i = 0; i < 2; i++) {
            int64_t start = moment(day, shifts[i][0]), end = moment(day, shifts[i][1]);
            if (start < from)
                start = from;
            if (end <= start)
                continue;
            if (left <= end - start)
                return start + left;
            left -= end - start;
        }
    }
}

static int64_t due_working_days(int amount, int64_t from, struct walk *walk)
{
    int64_t day = calendar_day_of(from);
    while (!is_workday(walk, day)) /* the base day */
        day++;
    while (amount > 0)
        amount -= is_workday(walk, ++day);
    return moment(day, 17 * 60 + 30);
}

int64_t time_limit_due(const struct time_limit *l, int64_t from_us, const struct workdays *w)
{
    struct walk walk = {.w = w};
    switch (l->unit) {
    case LIMIT_MIN:
        return from_us + l->amount * CALENDAR_MINUTE_US;
    case LIMIT_H:
        return from_us + l->amount * 60 * CALENDAR_MINUTE_US;
    case LIMIT_D:
        return from_us + l->amount * CALENDAR_DAY_US;
    case LIMIT_WH:
        return due_working_hours(l->amount * 60 * CALENDAR_MINUTE_US, from_us, &walk);
    case LIMIT_WD:
        return due_working_days(l->amount, from_us, &walk);
    }
    return from_us;
}

int64_t workdays_left(int64_t today, int64_t due_day, const struct workdays *w)
{
    struct walk walk = {.w = w};
    int64_t n = 0;
    for (int64_t day = today + 1; day <= due_day; day++)
        n += is_workday(&walk, day);
    return n;
}
