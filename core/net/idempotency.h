/*
 * Idempotency-Key: the same request of the same person, sent again, is carried out once and answered
 * twice. What was answered is stored with the person's name, the key and a hash of what was asked
 * (store/txn.h idem_*); request_submit refuses a second run that was already under way.
 */
#ifndef WY_NET_IDEMPOTENCY_H
#define WY_NET_IDEMPOTENCY_H

#include <stdbool.h>

#include "util/err.h"
#include "util/span.h"

struct request;
struct txn;

/* Once person, method, path and body are set: answer what was answered before to the same key.
 * True: it is answered (replayed, or refused because the key is unfit). `keep` false: the route's
 * answer holds a secret that must not be stored. */
bool idempotency_replay(struct request *r, bool keep);
/* The same for a route that takes its body as a stream: what was asked is known at its end only. True: it is
 * answered (the key is unfit). */
bool idempotency_stream(struct request *r);
bool idempotency_is_repeat(const struct request *r); /* of a stream: the key was used before */
/* Each piece of that body, before the route sees it. True: not for the route, it is a repeat, which is
 * answered with the last piece. */
bool idempotency_body(struct request *r, struct span piece, bool last);
/* Inside the apply of a command, after its effect: keep the answer with it in the same
 * transaction. No-op for a request without Idempotency-Key. Where a route does not call it, the
 * answer is kept by a command of its own before it is sent. */
bool idempotency_keep(struct request *r, struct txn *t, int status, struct span json,
                      struct err *e);

#endif
