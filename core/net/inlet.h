/*
 * From one message in a foreign format (scripts/feeds) to records: the adapter's answer is taken apart, each
 * record passes the same checks as at POST /records, and all of the message is one writer's command. Shared by
 * the door for what is pushed (route_feeds.c) and by what is fetched (pull.c). And how each feed is doing.
 */
#ifndef WY_NET_INLET_H
#define WY_NET_INLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/record.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct json;
struct person;
struct server_options;
struct street;
struct txn;

enum { INLET_TYPES_MAX = 32 };

struct inlet_part { /* the records of one type */
    const struct type *type;
    struct record *records;
    bool *once; /* the first one stays: a repeat is counted, whatever it says */
    size_t count;
    struct record_refusal *refusals;
    size_t refusal_count;
};
/* One message. Zeroed: nothing yet. The street it was read with must outlive it. */
struct inlet {
    struct arena arena;
    struct inlet_part parts[INLET_TYPES_MAX];
    int part_count;
    size_t records; /* of all parts */
    uint64_t ignored, refused;
    struct buf shown;   /* refusals as a JSON array; empty: there are none */
    char refusal[240];  /* the first of them in words, for who looks after the feed */
    struct span cursor; /* what the adapter says to go on with; SPAN_NONE: nothing */
    bool more;
    /* after inlet_apply: */
    struct batch_result total;
    uint64_t repeated;
};
/* Have the adapter read it and check what it makes. `head` and `body` as engine/feeder.h takes them; `p` may
 * send only what is theirs, NULL: all that the adapter declares. On a worker: waits for the adapter and for the
 * vault. */
bool inlet_read(struct inlet *in, const struct server_options *o, struct street *street,
                const struct person *p, struct span feed, struct span head, struct span body,
                struct err *e);
/* In the writer. `b` says how it comes (source, name, more, single); what differs by type is filled in. */
bool inlet_apply(struct inlet *in, struct txn *t, struct street *street, const struct batch *b,
                 struct err *e);
/* Let the last page of a run of pages speak for these types too, whose data are fresh though nothing came. */
void inlet_touch(struct inlet *in, struct street *street, const struct json *types);
/* {"accepted","unchanged","repeated","ignored","rejected":[…],"rejected_count","first_seq","last_seq"} */
void inlet_answer(const struct inlet *in, struct buf *out);
void inlet_free(struct inlet *in);

/* How each feed has been doing since the server started. Any thread. */
struct inlet_stats {
    char name[33];
    uint64_t messages, accepted, unchanged, repeated, ignored, refused, failed;
    int64_t ok_at, error_at, refusal_at; /* 0: never */
    char error[240], refusal[240];
};
struct inlet_board;
struct inlet_board *inlet_board_new(void);
void inlet_board_free(struct inlet_board *b);
/* `e` NULL: `in` was taken in. Else why a message was not. `feed` is the name of one there is. */
void inlet_note(struct inlet_board *b, struct span feed, const struct inlet *in,
                const struct err *e);
bool inlet_stats(struct inlet_board *b, struct span feed, struct inlet_stats *out);
void inlet_metrics(struct inlet_board *b, struct buf *text); /* Prometheus lines */

#endif
