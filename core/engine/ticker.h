/*
 * The thread that lets time pass: waits until something is due (domain/timetable) and says so to the writer.
 * With a held clock it waits until it is told to move on.
 */
#ifndef WY_ENGINE_TICKER_H
#define WY_ENGINE_TICKER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

struct store;
struct supervisor;
struct ticker;
struct writer;

struct ticker *ticker_start(struct store *s, struct writer *w, struct supervisor *sup,
                            struct err *e);
void ticker_stop(struct ticker *t);
void ticker_changed(struct ticker *t); /* something may be due earlier now */
/* Move the held clock to `to`: every tick and timer on the way is told in order, and between two instants the
 * scenarios catch up, so that timers they set on the way ring too. Returns when the scenarios have seen
 * the last one. Waits long: not for the net loop. ERR_CONFLICT if the clock is not held or `to` is past. */
bool ticker_move(struct ticker *t, int64_t to, struct err *e);

#endif
