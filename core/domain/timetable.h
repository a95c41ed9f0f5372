/*
 * Time goes through the journal: when a tick or a timer is due, an entry says so. These are
 * the rules; the thread that waits for them is engine/ticker.
 *
 * One TICK entry per due instant lists all due specs. At equal instants: wakes (in order of
 * key) before the tick. Meta "tick.last" is the latest instant told. Missed while down: 5min
 * and hourly once for the latest missed instant, daily and longer each in order (design.md,
 * rules of order 5).
 */
#ifndef WY_DOMAIN_TIMETABLE_H
#define WY_DOMAIN_TIMETABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/span.h"

struct json;
struct txn;
struct view;

/* In the writer, at a publish: this scenario's specs are those of `manifest` (NULL: none, it
 * is missing). A spec it did not have counts from now on; one that it had keeps what was
 * missed. */
bool timetable_set(struct txn *t, struct span scenario, const struct json *manifest,
                   struct err *e);

/* The first instant after what was told at which anything is due: a timer, or a spec of a
 * live scenario. INT64_MAX: nothing. */
bool timetable_next(struct view *v, int64_t *due, struct err *e);
/* In the writer: append every WAKE and the TICK due at exactly the next instants up to and
 * including `upto` but at most `max` instants; with `catch_up`, missed 5min and hourly
 * instants before the latest are left out. *more: something is still due at or before upto. A
 * held clock is set to each instant first. */
bool timetable_tell(struct txn *t, int64_t upto, bool catch_up, int max, bool *more,
                    struct err *e);
/* In the writer: append the WAKE of every timer due at or before `instant`, in order. */
bool timetable_ring(struct txn *t, int64_t instant, struct err *e);
/* Move a held clock to `to` after everything due before was told; appends a CLOCK entry. */
bool timetable_hold(struct txn *t, int64_t to, struct err *e);

#endif
