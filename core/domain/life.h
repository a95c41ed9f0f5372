/*
 * How an alert of a kind is to end, and by when: what the scenario's `life` says, else the
 * table of scenarios.md 1.4. Pure: reads a manifest, asks a calendar, keeps nothing.
 */
#ifndef WY_DOMAIN_LIFE_H
#define WY_DOMAIN_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/alert.h"
#include "util/calendar.h"
#include "util/span.h"

struct json;

enum life_close { LIFE_AUTO, LIFE_EVIDENCE, LIFE_AUTO_EVIDENCE };
const char *life_close_name(enum life_close c);
bool life_close_parse(struct span s, enum life_close *out);

struct life {
    enum life_close close;       /* a kind that says nothing ends with its data */
    const struct json *evidence; /* names of what the closer must bring, or NULL */
    const struct json *results;  /* results that a visit must have one of, or NULL: any */
    struct time_limit sign, close_by;
    int64_t quiet_us; /* how long after the close the same key is the same alert */
    int64_t hold_us;  /* how long its condition must hold before it is raised */
    int64_t flap;     /* raised more often in 24 hours, it stays open; 0: no limit */
};
/* `manifest` may be NULL. `quiet_default` is "24h", "0h" or empty (0). */
void life_of(const struct json *manifest, struct span kind, enum alert_level level,
             struct span quiet_default, struct life *out);

#endif
