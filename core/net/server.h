/* The server: HTTP, websocket and static files on one libwebsockets loop. Blocks in server_run. */
#ifndef WY_NET_SERVER_H
#define WY_NET_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "domain/scenario.h"
#include "util/err.h"
#include "util/span.h"

struct buf;
struct server;
struct store;
struct vault;
struct writer;

/* What the server needs from the engine floor without knowing it. Called on worker threads, may wait. */
struct server_engine {
    void *ctx;
    /* Check a script in a process of its own: JSON as engine_check writes it. */
    bool (*check)(void *ctx, struct span id, struct span text, struct span values,
                  struct buf *json, struct err *e);
    /* Read scripts and office files from disk again: {"changed":[{"id","number"}],"unchanged":n,"refused":[{"id","line","message"}]}. */
    bool (*reload)(void *ctx, struct span author, struct span reason, struct buf *json,
                   struct err *e);
    /* A backtest in a process of its own (notes: API.md); may take minutes. `cancel` ends it. */
    bool (*backtest)(void *ctx, struct span request,
                     void (*progress)(void *ctx, uint64_t done, uint64_t total),
                     void *progress_ctx, const atomic_bool *cancel, struct buf *json,
                     struct err *e);
    /* Why it fired or not: {"scenario","about","at"} in, its explanation out. */
    bool (*explain)(void *ctx, struct span request, struct buf *json, struct err *e);
    bool (*move_clock)(void *ctx, int64_t to, struct err *e);
    bool (*backup)(void *ctx, struct buf *json, struct err *e);
    /* Feeds, see engine/feeder.h. `op`: "read", "ask". NULL: there are none. */
    bool (*feed_call)(void *ctx, const char *op, struct span feed, struct span head,
                      struct span body, struct buf *json, struct err *e);
    void (*feed_list)(void *ctx, struct buf *json);
    /* Quick, any thread: */
    void (*changed)(void *ctx); /* a version, settings, pause, resume was committed */
    void (*counters)(void *ctx, struct span scenario, struct scenario_counters *out);
    void (*metrics)(void *ctx, struct buf *text); /* Prometheus lines of engine and ticker */
    bool (*ready)(void *ctx, struct err *e);
};
struct server_options {
    const char *listen;    /* "127.0.0.1:8080", "[::]:443", port 0 = any free one */
    const char *data_dir;  /* for pictures; NULL: none are kept */
    unsigned picture_days; /* how long; 0: for ever */
    const char *web_dir;   /* holds staff/ … as built; NULL or missing: API only */
    const char *tls_cert, *tls_key;
    const char *port_file; /* where to write the port, or NULL */
    unsigned per_address;  /* most connections of one address at once */
    bool demo;
    struct store *store;
    struct writer *writer;
    struct vault *vault;
    struct server_engine engine;
};
/* What can be known before the store is opened: addresses, port free, certificate there. */
bool server_check(const struct server_options *o, struct err *e);
struct server *server_new(const struct server_options *o,
                          struct err *e); /* listens, reads static files */
int server_port(const struct server *s);
bool server_run(struct server *s, struct err *e); /* until server_stop */
void server_stop(struct server *s); /* from a signal handler's thread or any other */
void server_free(struct server *s);
void server_street_changed(
    struct server *s); /* CONFIG was imported: load the street again; any thread */

#endif
