/*
 * Private to http.c (a connection's requests, from the first header to the last byte of the body),
 * http_enter.c (who asks, and may they) and http_send.c (the answer on its way out).
 */
#ifndef WY_NET_HTTP_IMPL_H
#define WY_NET_HTTP_IMPL_H

#include <libwebsockets.h>

#include "net/request.h"
#include "util/buf.h"

struct guard_head;
struct static_file;

enum {
    HTTP_DRAIN_MAX =
        9 * 1024 * 1024, /* a refused body up to this is read, so that the answer arrives */
};

enum phase { READING, WORKING, SENDING };

/* One request on one connection. Ends with the transaction or the connection. */
struct exchange {
    struct exchange *next, **link; /* the server's list of all */
    struct server *server;
    struct lws *wsi;
    struct request *r; /* NULL: answered without one */
    const struct route *route;
    enum phase phase;
    bool head, changes, close, hard, expects, flow_off, draining, complete, late;
    int64_t length, got; /* of the body */
    /* READING and WORKING: of the request; SENDING: of the next progress */
    int64_t deadline_us;
    struct buf in;
    struct buf out; /* LWS_PRE bytes of room, then head and body */
    size_t sent;
    struct span file; /* a static file's bytes, sent after `out` */
    size_t file_sent;
};

void exchange_free(struct exchange *x);
/* Pause or go on reading from the socket. */
void exchange_flow(struct exchange *x, bool on);
/* A request whose answer http_answer sends. */
struct request *exchange_request(struct exchange *x);

/* http_enter.c. The request's headers into x->r; false: refused already. */
bool http_read_headers(struct exchange *x);
/* Who asks, whether a page elsewhere makes them ask, what their role may do, and whether the body
 * is one the route takes. False: refused already. x->route and x->r->view are set. */
bool http_enter(struct exchange *x, const struct guard_head *h);
size_t http_body_max(const struct route *route);

/* http_send.c. Refuse in words; `hard` also drops what the client still has to say. */
void http_refuse(struct exchange *x, int status, const char *code, const char *detail,
                 bool hard);
void http_answer(void *owner, struct request *r, struct answer *a); /* of request_new */
void http_send_file(struct exchange *x, const struct static_file *f);
/* The answer is in x->out. What is still to come of a refused body is read first. */
void http_send(struct exchange *x);
/* The socket takes more. Returns what lws wants to hear; *user is NULL when the exchange is over. */
int http_send_more(struct exchange *x, void **user);

#endif
