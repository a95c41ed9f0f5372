/*
 * Private to request.c (life and work), answer.c (what is said) and idempotency.c (saying it
 * again): the whole of a request. All on the loop's thread unless it says otherwise.
 */
#ifndef WY_NET_REQUEST_IMPL_H
#define WY_NET_REQUEST_IMPL_H

#include "net/answer.h"
#include "net/request.h"
#include "util/id.h"

enum { ASKED_CHARS = 64 };

struct call {
    struct request r; /* first */
    struct arena arena;
    struct answer answer;
    void *owner;
    void (*answered)(void *owner, struct request *r, struct answer *a);
    void (*gone)(struct request *r);
    void (*progress)(void *owner, struct request *r);
    bool is_answered, abandoned;
    int busy;              /* jobs and commands under way: it must not be freed */
    bool once, keep, kept; /* Idempotency-Key: honoured; its answer may be stored; is stored */
    bool replayed;         /* answered from the store: what the route says now is dropped */
    char asked[ASKED_CHARS + 1]; /* hash of what was asked with the key */
    struct id_sha256 asking;     /* the same while the body of a stream is coming in */
    struct span before;          /* a stream's key was used: what was answered then */
    struct call *next;           /* the server's list of those that are over */
};

static inline struct call *call_of(const struct request *r)
{
    return (struct call *)(uintptr_t)r;
}

/* Something of it is under way, in a worker or the writer; each begin has its end. */
void call_busy_begin(struct call *c);
void call_busy_end(struct call *c);
/* The answer is complete: tell the owner, if there still is one. */
void call_hand_over(struct call *c);

/* What was answered before to the same person with the same key. Any thread, with a view of its own. */
bool idempotency_find(const struct call *c, struct view *v, struct arena *a,
                      struct span *stored);
/* Answer with what idempotency_find found; whatever the route says afterwards is dropped. */
void idempotency_answer(struct call *c, struct span stored);
/* The answer is to be kept and its route has not kept it with its own command. */
bool idempotency_is_due(const struct call *c);
/* Keep the answer by a command of its own, then hand it over. */
void idempotency_keep_late(struct call *c);

#endif
