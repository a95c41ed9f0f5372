/*
 * Websockets: the handshake's checks, sessions, the assembly of messages, the answers to them, and the sending
 * of what the hub has. What the messages mean is in ws_message.h (parsing) and ws_command.c (commands); what
 * is pushed to whom is the hub's.
 *
 * server.c owns the libwebsockets context (its user pointer is the struct server). Its protocols[0] handles
 * HTTP and refuses every websocket; the entry after it is the only one that takes them:
 *     { WS_PROTOCOL, ws_callback, WS_SESSION_BYTES, 4096, 0, NULL, 0 }
 * with LWS_SERVER_OPTION_VALIDATE_UTF8 set and no extensions. Everything here runs on the loop's thread.
 */
#ifndef WY_NET_WS_H
#define WY_NET_WS_H

#include <libwebsockets.h>
#include <stddef.h>
#include <stdint.h>

#include "util/span.h"

struct hub;
struct request;
struct server;
struct ws;

#define WS_PROTOCOL "wangyi.v1.json"
enum { WS_SESSION_BYTES = sizeof(void *) };

/* Close codes: 44xx mirror HTTP. */
enum ws_close {
    WS_GOING_AWAY = 1001,
    WS_BAD_REQUEST = 4400,
    WS_SIGNED_OUT = 4401,
    WS_DENIED = 4403,
    WS_TIMEOUT = 4408,
    WS_CONFLICT = 4409,
    WS_TOO_LARGE = 4413,
    WS_TOO_SLOW = 4429, /* too slow or too fast: connect again and resume */
};

/* All websockets of one server, with the hub behind them. `server` must outlive it. After the lws context
 * exists: it starts a timer there. */
struct ws *ws_new(struct server *server, struct lws_context *context);
/* Before the context is destroyed: every client is told 1001. */
void ws_goodbye(struct ws *w);
void ws_free(struct ws *w); /* after the context is destroyed */

/* The callback of protocol WS_PROTOCOL. */
int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
/* The loop was woken: something may have been committed. Cheap if nothing was. */
void ws_wake(struct ws *w);

struct ws_stats {
    size_t connections, subscriptions;
    uint64_t frames_in, events_out, bytes_out, dropped_slow;
};
void ws_stats(const struct ws *w, struct ws_stats *out);

#endif
