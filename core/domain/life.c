#include "domain/life.h"

#include <string.h>

#include "util/json.h"

const char *life_close_name(enum life_close c)
{
    static const char *const names[] = {"auto", "evidence", "auto+evidence"};
    return names[c];
}

bool life_close_parse(struct span s, enum life_close *out)
{
    for (int i = LIFE_AUTO; i <= LIFE_AUTO_EVIDENCE; i++) {
        if (span_eq(s, span_of(life_close_name((enum life_close)i)))) {
            *out = (enum life_close)i;
            return true;
        }
    }
    return false;
}

/* scenarios.md 1.4 */
static const struct {
    struct time_limit sign, close;
} defaults[] = {
    [LEVEL_BLUE] = {{1, LIMIT_WD}, {10, LIMIT_WD}},
    [LEVEL_YELLOW] = {{4, LIMIT_WH}, {3, LIMIT_WD}},
    [LEVEL_ORANGE] = {{1, LIMIT_H}, {24, LIMIT_H}},
    [LEVEL_RED] = {{15, LIMIT_MIN}, {4, LIMIT_H}},
};

/* {"close":"10wd"} for every level, or {"red":{"close":"5wd"}} for one; the level's own wins. */
static void take_limit(const struct json *limits, enum alert_level level, const char *name,
                       struct time_limit *out)
{
    const struct json *own = json_get(json_get(limits, alert_level_name(level)), name);
    struct span s = json_string(own ? own : json_get(limits, name));
    struct time_limit l;
    if (s.n && time_limit_parse(s, &l, NULL))
        *out = l;
}

/* "0h" is no time limit to the calendar, but a quiet or hold time: none. */
static int64_t natural_us(struct span s)
{
    static const struct workdays none = {NULL, NULL};
    struct time_limit l;
    if (!s.n || !time_limit_parse(s, &l, NULL))
        return 0;
    if (l.unit == LIMIT_WH)
        l.unit = LIMIT_H;
    if (l.unit == LIMIT_WD)
        l.unit = LIMIT_D;
    return time_limit_due(&l, 0, &none);
}

void life_of(const struct json *manifest, struct span kind, enum alert_level level,
             struct span quiet_default, struct life *out)
{
    const struct json *all = json_get(manifest, "life"), *own = NULL;
    for (size_t i = 0; json_is(all, JSON_OBJECT) && i < all->count; i++) {
        if (span_eq(all->names[i], kind))
            own = &all->items[i];
    }
    *out = (struct life){.sign = defaults[level].sign, .close_by = defaults[level].close};
    life_close_parse(json_string(json_get(own, "close")), &out->close);
    const struct json *evidence = json_get(own, "evidence"),
                      *results = json_get(own, "results");
    out->evidence = json_count(evidence) ? evidence : NULL;
    out->results = json_count(results) ? results : NULL;
    take_limit(json_get(own, "limits"), level, "sign", &out->sign);
    take_limit(json_get(own, "limits"), level, "close", &out->close_by);
    struct span quiet = json_string(json_get(own, "quiet"));
    out->quiet_us = natural_us(quiet.n ? quiet : quiet_default);
    out->hold_us = natural_us(json_string(json_get(own, "hold")));
    json_int(json_get(own, "flap"), &out->flap);
}
