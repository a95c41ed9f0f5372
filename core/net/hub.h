/*
 * Who hears of what: streams of events ("alerts", "scenarios", "me"), the people that listen,
 * and the sockets they listen on. After each commit the loop reads the new entries of the
 * store's streams, decides once per kind of person whether they may see an event, and frames it
 * once for all of them.
 *
 * An offset is a place in the store's stream, so it holds across restarts. Everything is the
 * loop's thread.
 */
#ifndef WY_NET_HUB_H
#define WY_NET_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"
#include "util/span.h"

struct hub;
struct server;

struct hub *hub_new(struct server *s, struct err *e);
void hub_free(struct hub *h); /* after the lws context: no connection is left */
void hub_committed(struct hub *h, uint64_t head); /* after commits, coalesced */
/* An event about a scenario that passes: with no offset, for those who listen now, never told again. */
void hub_tell_scenarios(struct hub *h, const char *type, struct span scenario,
                        struct span data);
void hub_tick(struct hub *h); /* each second: sessions that ended, silent clients */
/* That account or machine ("key:…") has changed: end at once what it may no longer have open. */
void hub_look_at(struct hub *h, struct span name);
void hub_stop(struct hub *h); /* tell every client 1001 */

struct hub_stats {
    uint64_t connections, subscriptions;
    uint64_t messages_in, events_out, bytes_out, dropped_slow;
};
void hub_stats(const struct hub *h, struct hub_stats *out);

#endif
