/*
 * What the files of net/ share about the server. Everything here belongs to the loop's thread
 * unless it says otherwise; other threads only queue (server_post), which wakes the loop.
 *
 * From a wsi: lws_context_user(lws_get_context(wsi)) is the struct server,
 * lws_get_opaque_user_data(wsi) its struct peer. Both lws protocols have one pointer of session
 * data (`user` is a void **, zeroed).
 */
#ifndef WY_NET_SERVER_IMPL_H
#define WY_NET_SERVER_IMPL_H

#include "net/server.h"

struct backtests;
struct ev_loop;
struct hub;
struct inlet_board;
struct jobs;
struct listener;
struct lws;
struct peer;
struct pull;
struct sessions;
struct static_files;
struct street;
struct view;

const struct server_options *server_options(const struct server *s); /* any thread */
/* The loop's own view, renewed to what is committed now. Valid until the callback returns. NULL while the
 * store is being reopened after a failed sync: answer 503, or come back later. */
struct view *server_view(struct server *s);
/* The street as of now; borrowed, valid until the callback returns (street_ref to keep it).
 * NULL in a store without the office's files. */
struct street *server_street(struct server *s);
/* A reference of one's own (street_unref it), from any thread. May be NULL. */
struct street *server_street_ref(struct server *s);
struct sessions *server_sessions(struct server *s);
struct static_files *server_files(struct server *s);
struct hub *server_hub(struct server *s);
struct listener *server_listener(struct server *s);
struct jobs *server_jobs(struct server *s);      /* work that may wait */
struct jobs *server_hash_jobs(struct server *s); /* argon2id only: 64 MiB each */
struct backtests *server_backtests(struct server *s);
struct jobs *server_feed_jobs(struct server *s);     /* messages of feeds, one after another */
struct inlet_board *server_inlets(struct server *s); /* any thread */
struct pull *server_pull(struct server *s);          /* NULL unless the server runs */
struct ev_loop *server_loop(struct server *s);
bool server_is_tls(const struct server *s);

/* `run` is called on the loop soon, in order. Any thread. What is queued when the server stops
 * is run by server_free, when no connection is left. */
struct server_task {
    void (*run)(struct server_task *t);
    struct server_task *next; /* the queue's */
};
void server_post(struct server *s, struct server_task *t);
/* Run it again at the next tick (a quarter of a second); for tasks that need a view. Loop only. */
void server_post_later(struct server *s, struct server_task *t);

/* The requests that are alive; request.c's. */
struct request_list;
struct request_list **server_requests(struct server *s);

/* The HTTP exchanges that are open; http.c's. */
struct exchange;
struct exchange **server_exchanges(struct server *s);
bool server_is_stopping(const struct server *s);

struct server_counters {
    uint64_t connections_all, refused_connections, requests, refused_requests, ws_commands;
    uint64_t answers[6]; /* by hundred */
};
struct server_counters *server_counters(struct server *s);

/* One address and how many connections it has (listener.c counts). */
struct span peer_name(const struct peer *p); /* NULL: empty */

#endif
