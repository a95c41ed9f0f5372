/* What a list of alerts is asked for: read from names and values, held against one alert. */
#include "domain/alert_impl.h"

#include <stdio.h>
#include <string.h>

#include "util/calendar.h"

/* "red,orange" has "red"; empty takes everything. */
static bool one_of(struct span list, struct span value)
{
    if (!list.n)
        return true;
    for (struct span rest = list; rest.p;) {
        if (span_eq(span_trim(span_split(&rest, ',')), value))
            return true;
    }
    return false;
}

static bool any_of(struct span list, const struct span *values, size_t n)
{
    for (size_t i = 0; list.n && i < n; i++) {
        if (one_of(list, values[i]))
            return true;
    }
    return !list.n;
}

static bool has_text(struct span text, struct span part)
{
    return !part.n || (text.n >= part.n && memmem(text.p, text.n, part.p, part.n));
}

static bool in_window(const struct alert_window *w, int64_t at)
{
    return w->until == 0 || (at >= w->from && at < w->until);
}

/* "enterprise|E1", or the id alone. */
static bool is_about(struct span about, const struct alert *al)
{
    if (!about.n || span_eq(about, al->about_id))
        return true;
    return about.n == al->about_type.n + 1 + al->about_id.n &&
           span_starts(about, al->about_type) && about.p[al->about_type.n] == '|' &&
           memcmp(about.p + al->about_type.n + 1, al->about_id.p, al->about_id.n) == 0;
}

bool filter_places(const struct alert_filter *f, const struct alert *al)
{
    return one_of(f->office, al->office) &&
           any_of(f->community, al->communities, al->community_count) &&
           any_of(f->also, al->also, al->also_count) && one_of(f->scenario, al->scenario) &&
           one_of(f->kind, al->kind) && (!f->key.n || span_eq(f->key, al->key)) &&
           one_of(f->id, span_of(al->id)) && is_about(f->about, al) &&
           in_window(&f->raised, al->raised_at);
}

bool filter_level(const struct alert_filter *f, const struct alert *al)
{
    return one_of(f->level, span_of(alert_level_name(al->level)));
}

bool filter_state(const struct alert_filter *f, const struct alert *al)
{
    return (!f->open || alert_is_open(al)) &&
           one_of(f->state, span_of(alert_state_name(al->state)));
}

void filter_states(const struct alert_filter *f, bool *open, bool *over)
{
    *open = *over = !f->state.n;
    for (int s = ALERT_NEW; f->state.n && s <= ALERT_RETRACTED; s++) {
        if (one_of(f->state, span_of(alert_state_name((enum alert_state)s))))
            *(s < ALERT_CLOSED ? open : over) = true;
    }
    *over = *over && !f->open;
}

static bool in_evidence(struct view *v, struct arena *a, const struct alert_filter *f,
                        const struct alert *al)
{
    struct entry entry;
    struct alert_body body;
    return !f->evidence.n ||
           (al->evidence_seq && journal_get(v, a, al->evidence_seq, &entry, NULL) &&
            alert_body_split(entry.body, a, &body, NULL) &&
            has_text(body.evidence, f->evidence));
}

bool filter_has_details(const struct alert_filter *f)
{
    return f->title.n || f->text.n || f->evidence.n || f->last.until || f->due.until ||
           f->count || f->version;
}

bool filter_details(struct view *v, struct arena *a, const struct alert_filter *f,
                    const struct alert *al)
{
    return has_text(al->title, f->title) && has_text(al->text, f->text) &&
           in_window(&f->last, al->last_at) && in_window(&f->due, al->due_at) &&
           (!f->count || (uint64_t)f->count == al->count) &&
           (!f->version || f->version == al->version_number) && in_evidence(v, a, f, al);
}

/* --- reading -------------------------------------------------------------------------- */

/* A moment, a day or a month. A '+' that came undecoded is a space by now. */
static bool set_window(struct arena *a, struct alert_window *w, const char *name,
                       struct span value, struct err *e)
{
    int64_t day, at;
    char *text = arena_alloc(a, value.n + 1);
    for (size_t i = 0; i < value.n; i++)
        text[i] = value.p[i] == ' ' ? '+' : value.p[i];
    struct span s = {text, value.n};
    if (calendar_parse_date(s, &day))
        *w = (struct alert_window){calendar_day_start(day), calendar_day_start(day + 1)};
    else if (calendar_parse_month(s, &day))
        *w = (struct alert_window){calendar_day_start(day),
                                   calendar_day_start(calendar_add_months(day, 1))};
    else if (calendar_parse_datetime(s, &at))
        *w = (struct alert_window){at, at + 1};
    else
        return err_set(e, ERR_INPUT,
                       "%s 须为带时区的时间、日期或月份，例如 2020-07-15T08:30:00+08:00", name);
    return true;
}

static bool set_number(int64_t *out, const char *name, struct span value, struct err *e)
{
    if (span_int(value, out) && *out > 0)
        return true;
    return err_set(e, ERR_INPUT, "%s 须为正整数", name);
}

/* Every value of the list must be one there is. */
static bool check_names(struct span list, const char *name, bool is_level, struct err *e)
{
    enum alert_level level;
    enum alert_state state;
    for (struct span rest = list; rest.p;) {
        struct span one = span_trim(span_split(&rest, ','));
        if (is_level ? !alert_level_parse(one, &level) : !alert_state_parse(one, &state))
            return err_set(e, ERR_INPUT, "%s 没有“%.*s”这个值", name,
                           (int)span_cut_utf8(one, 60), one.p);
    }
    return true;
}

/* Given twice is either of the two. */
static void set_text(struct arena *a, struct span *out, struct span value)
{
    const char *both =
        out->n ? arena_printf(a, "%.*s,%.*s", SPAN_ARG(*out), SPAN_ARG(value)) : NULL;
    *out = both ? span_of(both) : value;
}

bool alert_filter_set(struct alert_filter *f, struct arena *a, struct span name,
                      struct span value, struct err *e)
{
    const struct {
        const char *name;
        struct span *text;
        struct alert_window *window;
        int64_t *number;
    } fields[] = {
        {"id", &f->id, NULL, NULL},
        {"scenario", &f->scenario, NULL, NULL},
        {"key", &f->key, NULL, NULL},
        {"kind", &f->kind, NULL, NULL},
        {"level", &f->level, NULL, NULL},
        {"state", &f->state, NULL, NULL},
        {"office", &f->office, NULL, NULL},
        {"communities", &f->community, NULL, NULL},
        {"community", &f->community, NULL, NULL},
        {"also", &f->also, NULL, NULL},
        {"about", &f->about, NULL, NULL},
        {"title", &f->title, NULL, NULL},
        {"text", &f->text, NULL, NULL},
        {"evidence", &f->evidence, NULL, NULL},
        {"raised_at", NULL, &f->raised, NULL},
        {"last_at", NULL, &f->last, NULL},
        {"due_at", NULL, &f->due, NULL},
        {"count", NULL, NULL, &f->count},
        {"version", NULL, NULL, &f->version},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!span_eq(name, span_of(fields[i].name)))
            continue;
        if (!value.n)
            return true;
        if (fields[i].window)
            return set_window(a, fields[i].window, fields[i].name, value, e);
        if (fields[i].number)
            return set_number(fields[i].number, fields[i].name, value, e);
        set_text(a, fields[i].text, value);
        return check_names(f->level, "level", true, e) &&
               check_names(f->state, "state", false, e);
    }
    return err_set(e, ERR_INPUT, "告警没有名为“%.*s”的筛选条件", (int)span_cut_utf8(name, 60),
                   name.p);
}
