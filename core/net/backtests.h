/*
 * Backtests under way and those that have ended lately: one runs at a time, in a process of its own; a few
 * wait. Results are kept in memory until newer ones push them out or the server ends. Any thread.
 */
#ifndef WY_NET_BACKTESTS_H
#define WY_NET_BACKTESTS_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct arena;
struct backtests;
struct server;

struct backtests *backtests_new(struct server *s);
/* Cancel those under way and wait for them: no task of theirs is posted from then on. */
void backtests_stop(struct backtests *b);
void backtests_free(struct backtests *b); /* when no posted task is left */

/* Everything is copied. ERR_LIMIT: too many are waiting. */
bool backtests_add(struct backtests *b, struct span scenario, struct span owner,
                   struct span request, char job[27], struct err *e);
/* {"job","scenario","state","done","total","result"|"error"} of one; `owner`, `reads` (types whose records
 * its script reads, as a JSON array) in the arena. ERR_MISSING. */
struct backtest_view {
    struct span owner, reads;
    bool ended;
};
bool backtests_view(struct backtests *b, struct arena *a, struct span scenario, struct span job,
                    struct backtest_view *out, struct buf *json, struct err *e);
bool backtests_cancel(struct backtests *b, struct span scenario, struct span job,
                      struct err *e); /* ERR_MISSING; one that has ended is left as it is */

#endif
