/*
 * What libwebsockets 4.1.6 lets through and must not reach a handler: dependencies.md 1.3 (nine
 * guards), reliability.md F1–F8. Pure checks of the headers of one request; the caller refuses
 * and closes.
 */
#ifndef WY_NET_GUARD_H
#define WY_NET_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "util/span.h"

struct lws;

enum guard_method {
    GUARD_GET,
    GUARD_HEAD,
    GUARD_POST,
    GUARD_PUT,
    GUARD_PATCH,
    GUARD_DELETE,
    GUARD_OPTIONS,
    GUARD_OTHER,
};
const char *guard_method_name(enum guard_method m);

/* The headers that decide, as lws holds them. Texts are copied out, so this can be tested without lws. */
struct guard_head {
    enum guard_method method;
    struct span path;    /* decoded by lws */
    struct span version; /* the HTTP version token */
    struct span host, content_length, transfer_encoding, upgrade, cookie, authorization;
    int host_fragments, cookie_fragments, authorization_fragments, length_fragments;
};
struct guard_verdict {
    int status;             /* 0: go on */
    const char *detail;     /* Chinese, for the answer */
    int64_t content_length; /* -1: none was given */
};
/* Framing and plausibility of one HTTP request. What is refused here closes the connection. */
struct guard_verdict guard_check(const struct guard_head *h);
/* "123" → 123; anything but 1 to 10 digits → -1. */
int64_t guard_length(struct span text);
/* An Origin header is ours if it is exactly scheme://HOST of the request. */
bool guard_origin(struct span origin, struct span host, bool tls);

/* With lws. guard_read fills `h` (its texts live in `space`); false: refuse with 400 and close. */
bool guard_read(struct lws *wsi, struct guard_head *h, char *space, int space_size);
/* LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: false unless it is a websocket handshake. Never looks at `in`. */
bool guard_upgrade(struct lws *wsi);
/* The handshake itself: method, HTTP version, Host, path /ws, ws version 13, subprotocol, exact Origin. */
struct guard_verdict guard_handshake(struct lws *wsi, bool tls, const char *subprotocol);
/* Says why, as problem+json; the caller then hangs up. */
void guard_refuse_upgrade(struct lws *wsi, const struct guard_verdict *v);

#endif
