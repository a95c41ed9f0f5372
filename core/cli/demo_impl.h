/* What the demo's files share: where made-up records go, and numbers that are always the same. */
#ifndef WY_CLI_DEMO_IMPL_H
#define WY_CLI_DEMO_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct demo_sink; /* demo.c */
/* One record. Texts of fields are written with ' for ", which no made-up text holds. */
void demo_put(struct demo_sink *sink, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A number below `n` that depends on `what` and `i` only. */
unsigned demo_draw(unsigned what, unsigned i, unsigned n);

enum {
    DEMO_COMMUNITIES = 9,
    DEMO_BUILDINGS = 60,
    DEMO_ENTERPRISES = 2000,
    DEMO_ESTATES = 45,
    DEMO_STORY =
        7, /* the enterprise of the story: fine in 2019, down by a fifth in March 2020 */
};
extern const char *const demo_communities[DEMO_COMMUNITIES];
/* 18 characters with right check characters, from a range that has not been given out. */
const char *demo_credit_code(char out[19], unsigned i);
const char *demo_enterprise_name(char out[96], unsigned i);

void demo_make_places(
    struct demo_sink *sink); /* communities, estates, buildings, shops, cameras … */
void demo_make_people(
    struct demo_sink *sink); /* residents, party, letters, services (all invented) */
void demo_make_economy(struct demo_sink *sink); /* enterprises with their months */

/* What happens after the history, in order. */
struct demo_event {
    const char *at;   /* the clock moves there first */
    const char *type; /* NULL: only time passes */
    const char *json; /* with ' for " */
    int enterprise;   /* $ in json stands for its credit code; -1: none */
    unsigned times;   /* so many of them; # in json counts 00, 01 … */
};
extern const struct demo_event demo_events[];
extern const unsigned demo_event_count;

#endif
