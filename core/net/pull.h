/*
 * Feeds that are fetched: a thread that asks each at its times, page by page. The records of a page and the
 * place to go on from are one transaction, so a page counts once whatever happens in between. Who fails is
 * asked again after a while that doubles up to an hour, or when they said.
 */
#ifndef WY_NET_PULL_H
#define WY_NET_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/span.h"

struct arena;
struct pull;
struct server;
struct view;

struct pull *pull_start(struct server *s); /* while the server runs */
void pull_stop(struct pull *p); /* waits for what is under way, at most seconds; accepts NULL */
/* Ask at once, whatever its times are. ERR_MISSING: no feed of that name fetches. */
bool pull_now(struct pull *p, struct span feed, struct err *e);
bool pull_next(struct pull *p, struct span feed,
               int64_t *next_at); /* false: it does not fetch */
/* Where it goes on from, and when a page was last stored; false: it has not begun. */
bool pull_place(struct view *v, struct arena *a, struct span feed, struct span *cursor,
                int64_t *ok_at);

#endif
