/*
 * HTTP/1.1 over libwebsockets: from the headers of a request to the last byte of its answer.
 * The guard looks first, the router decides, request.c does the rest. http.c follows a request
 * through its connection, http_enter.c decides whether it may enter, http_send.c sends the answer.
 */
#ifndef WY_NET_HTTP_H
#define WY_NET_HTTP_H

#include <libwebsockets.h>
#include <stddef.h>

struct server;

#define HTTP_PROTOCOL "http"
enum { HTTP_SESSION_BYTES = sizeof(void *) };

/* The callback of protocols[0]: all HTTP, and every websocket that names no protocol, which is refused. */
int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len);
/* Each second: requests past their deadline, answers nobody reads. */
void http_tick(struct server *s);
size_t http_open(struct server *s); /* requests that are not yet answered in full */

#endif
