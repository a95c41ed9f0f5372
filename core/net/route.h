/*
 * The table of routes: the router, the OpenAPI document and the access check are made from it.
 * One route_X.c a family, each exporting its rows; router.c holds the list of families.
 */
#ifndef WY_NET_ROUTE_H
#define WY_NET_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/access.h"
#include "domain/user.h"
#include "net/answer.h" /* all that has a request has an answer */
#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/json.h"
#include "util/span.h"

struct server;
struct street;
struct view;

/* One request, as route functions see it. Lives until it is answered. */
struct request {
    struct server *server;
    struct arena *arena;
    const struct person *person; /* NULL: nobody signed in */
    struct street *street;       /* as of now, borrowed */
    struct view
        *view; /* renewed before the handler runs; only valid on the loop, during the handler */
    struct span method, path, query;
    struct span params[4];   /* {…} of the path, percent-decoded */
    struct span body;        /* whole, for routes that are not streamed */
    const struct json *json; /* the body parsed, if the route takes JSON */
    struct span content_type, if_match, idempotency_key, peer;
    struct span headers; /* those the route asks for, "ce-id:A-1\n" each */
    struct span token;   /* of the session's cookie; empty: a key, or nobody */
    void *stream;        /* streamed routes: their own */
};
struct span request_query(struct request *r,
                          const char *name); /* decoded, SPAN_NONE if absent */
int64_t request_query_int(struct request *r, const char *name, int64_t fallback);

/* Run `work` on a worker thread (it may wait: writer_call, argon2id, child processes), then
 * `finish` on the loop, where it must answer. `ctx` lives in r->arena. The view, json and
 * person stay valid; the view must not be used in `work`: open one's own. */
void request_offload(struct request *r, void (*work)(struct request *r, void *ctx),
                     void (*finish)(struct request *r, void *ctx), void *ctx);
/* Submit a writer command without waiting; `finish` runs on the loop after the commit (e NULL) or refusal. */
struct command;
void request_submit(struct request *r, struct command *c,
                    void (*finish)(struct request *r, struct command *c, const struct err *e));

enum route_body { BODY_NONE, BODY_JSON, BODY_STREAM };
struct route {
    const char *method;  /* "GET" */
    const char *path;    /* "/api/v1/records/{type}/{key}" */
    const char *summary; /* one English line for OpenAPI */
    bool open;           /* anybody may ask; otherwise `act` decides */
    enum access_act act;
    enum route_body body;
    size_t body_max;                   /* 0 = 64 KiB */
    void (*handle)(struct request *r); /* BODY_STREAM: called before the first byte */
    bool (*feed)(struct request *r, struct span bytes,
                 bool last); /* BODY_STREAM; false: answered already, stop reading */
    void (*gone)(struct request
                     *r); /* BODY_STREAM: the client left or it was answered: free r->stream */
    bool slow;            /* may take minutes: the deadline is ten instead of half a one */
    bool secret;          /* the answer must not be kept for an Idempotency-Key */
    bool basic;           /* for devices: a key may come as the password of Basic */
    const char *const *headers; /* lower case with colon, ends with NULL: into r->headers */
    const char *const *media;   /* BODY_STREAM: what it takes, for OpenAPI; NULL: records */
};
struct route_family {
    const struct route *routes;
    size_t count;
};

/* Websocket commands: the same functions as the routes behind them. {"type":"command","name","data"} */
struct ws_command {
    const char *name; /* "alert.sign" */
    enum access_act act;
    void (*handle)(
        struct request *r); /* r->json = data; answers with the same answer_* functions */
};

#endif
