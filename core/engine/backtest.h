/*
 * What would it have raised? One version of a scenario, live or draft, over a stretch of the journal with its
 * effects diverted into a throw-away store (evaluate_host.own), and how its alerts differ from those the live
 * versions have left in the journal. The real store is only read.
 *
 * It starts from state, alerts and timers as of its first seq. The journal is read once, in order; at its place
 * in it comes what people did (to the alert with the same key), each timer of the draft (where the live one has
 * the same timer: where that rang; else at its time) and each tick (those told, and of timetables that nothing
 * live had: at their time). Late records are judged as live.
 */
#ifndef WY_ENGINE_BACKTEST_H
#define WY_ENGINE_BACKTEST_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct sandbox_modules;
struct store;
struct street;

struct backtest_request {
    struct span id;
    struct span text; /* SPAN_NONE: that of the live version */
    struct span
        values; /* JSON object put over the live version's settings; SPAN_NONE: as they are */
    int64_t from, until; /* from ≤ time of an entry < until */
    int alert_limit;     /* a minute; 0: none */
    int examples;        /* of each kind of difference; the rest is counted */
};
struct backtest_progress { /* called a few times a second; entries of the journal */
    void (*tell)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};
/* `scratch`: a store from case_store_open, empty. Appends one JSON object, the same for the same journal and
 * request (notes: API.md). ERR_INPUT, ERR_MISSING, ERR_SCRIPT say what is wrong with the request. */
bool backtest_run(struct store *store, struct store *scratch, struct street *street,
                  const struct sandbox_modules *modules, const struct backtest_request *r,
                  const struct backtest_progress *progress, struct buf *json, struct err *e);

#endif
