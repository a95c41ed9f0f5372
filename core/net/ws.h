/*
 * Websockets: the handshake's checks, sessions, the assembly of messages, the answers to them,
 * and the sending of what the hub has. What messages may look like is in ws_message.h, what
 * commands do in ws_command.c; which events go to whom is the hub's.
 *
 * A row of server.c's protocols: { WS_PROTOCOL, ws_callback, WS_SESSION_BYTES, 4096, … }, in a
 * context with LWS_SERVER_OPTION_VALIDATE_UTF8 and without extensions. Everything here runs on
 * the loop's thread.
 */
#ifndef WY_NET_WS_H
#define WY_NET_WS_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub;

#define WS_PROTOCOL "wangyi.v1.json"
enum { WS_SESSION_BYTES = sizeof(void *) };

/* Close codes: 44xx mirror HTTP. */
enum ws_close {
    WS_GOING_AWAY = 1001,
    WS_BAD_REQUEST = 4400,
    WS_SIGNED_OUT = 4401,
    WS_DENIED = 4403,
    WS_TIMEOUT = 4408,
    WS_TOO_LARGE = 4413,
    WS_TOO_SLOW = 4429, /* too slow or too fast: connect again and resume */
};

/* The callback of protocol WS_PROTOCOL; `user` is a struct ws_conn **. */
int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                size_t len);

#endif
