/*
 * The life of a request from its route function to its answer, the same for HTTP (http.c) and
 * for websocket commands (ws_talk.c). What route functions use of it is in route.h.
 *
 * A request is made by request_new, filled in by its owner, given to a route function and lives
 * until it was answered or abandoned, and nothing of it is under way in a worker or the writer
 * any more.
 */
#ifndef WY_NET_REQUEST_H
#define WY_NET_REQUEST_H

#include "net/route.h"

struct answer;
struct jobs;

/* `answered` is called once, on the loop, unless the request is abandoned before; it may move
 * the bufs out of the answer. The request is the owner's until it abandons it, answered or not.
 * */
struct request *request_new(struct server *s, void *owner,
                            void (*answered)(void *owner, struct request *r, struct answer *a));
/* The owner has what it wanted, or has gone and the answer goes nowhere. The request frees
 * itself when its work is done. */
void request_abandon(struct request *r);
bool request_is_answered(const struct request *r);
/* Fill in view and street as of now. Called before every handler. False: the store cannot be read now, the
 * view is NULL; answer with answer_unreadable. (A `finish` waits until it can be.) */
bool request_renew(struct request *r);
/* Called once before the request is freed, on the loop: to free what r->stream holds. */
void request_on_end(struct request *r, void (*gone)(struct request *r));
/* Called on the loop whenever the writer is done with one of its commands: a stream may go on. */
void request_on_progress(struct request *r, void (*progress)(void *owner, struct request *r));
int request_in_flight(const struct request *r);
/* Free what is answered and done; server.c calls it each second, request_new each time. */
void request_reap(struct server *s, bool all);
bool request_any_busy(struct server *s);

/* r->query holds the arguments as lws decoded them, each ended by '\n' ("limit=50\nafter=E1|2020\n"). */
bool request_query_next(struct span *rest, struct span *name, struct span *value);

/* request_offload to a pool other than the common one. */
void request_offload_to(struct request *r, struct jobs *jobs,
                        void (*work)(struct request *r, void *ctx),
                        void (*finish)(struct request *r, void *ctx), void *ctx);

#endif
