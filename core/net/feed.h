/*
 * Framed messages in memory and the places of those who read them. A message is framed once
 * into a shared log of bytes; a feed lists the messages that one kind of reader may see; a
 * reader is a place in a feed. Pure memory: knows neither sockets nor events.
 */
#ifndef WY_NET_FEED_H
#define WY_NET_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "util/buf.h"
#include "util/span.h"

enum {
    FEED_KEEP = 1024, /* messages a feed keeps; who is further behind has lost its place */
    FEED_LAG_BYTES = 256 * 1024, /* a reader further behind than this is too slow */
    FEED_LAG_MESSAGES = 500,
};

/* Bytes of the log. Several messages share a chunk, so that neighbours are sent as one piece; a
 * chunk lives as long as a feed lists one of its messages (the only refcounts of this floor).
 * */
struct feed_chunk;
struct feed_log { /* zeroed: empty */
    struct feed_chunk *chunk;
};
struct feed_message {
    struct feed_chunk *chunk;
    uint32_t at, size;
};
/* Append a text frame of a websocket server. The message is valid until the next feed_add of
 * this log unless a feed has taken it. */
struct feed_message feed_add(struct feed_log *log, struct span payload);
void feed_log_free(struct feed_log *log);
/* The same frame into a buffer of one's own. */
void feed_frame(struct buf *out, struct span payload);

struct feed_reader;
struct feed_entry;
struct feed {                /* zeroed: empty */
    struct feed_entry *ring; /* slots, a power of two ≤ FEED_KEEP */
    size_t slots;
    uint64_t first, end; /* messages [first, end) are there; numbers never come again */
    uint64_t bytes;      /* of all messages ever listed */
    struct feed_reader *readers;
    size_t reader_count;
};
void feed_push(struct feed *f, struct feed_message m);
void feed_free(struct feed *f); /* no reader may be left */

struct feed_reader { /* zeroed: reads nothing */
    struct feed *feed;
    uint64_t at; /* next message */
    struct feed_reader *next, **link;
    void *owner; /* the caller's */
};
/* Read from message number `at` on; false if the feed has dropped it already. */
bool feed_join(struct feed *f, struct feed_reader *r, uint64_t at, void *owner);
void feed_leave(struct feed_reader *r);
size_t feed_pending(const struct feed_reader *r, uint64_t *bytes); /* messages not yet sent */
bool feed_is_lost(const struct feed_reader *r); /* what comes next was dropped */
/* What to send next, in at most `max` pieces and about `max_bytes`; returns the number of
 * pieces. */
int feed_gather(const struct feed_reader *r, struct iovec *pieces, int max, size_t max_bytes);
/* `n` bytes of what was gathered are sent. If that ends within a message, returns its rest
 * (valid until the next push), and the reader stands behind it: somebody else must bring that
 * to an end. */
struct span feed_sent(struct feed_reader *r, size_t n);

#endif
