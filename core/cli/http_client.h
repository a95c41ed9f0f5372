/*
 * As much HTTP/1.1 as the commands need to talk to a server on the same street: one request a connection,
 * plain sockets. TLS ends at a proxy or is not needed on the loopback.
 */
#ifndef WY_CLI_HTTP_CLIENT_H
#define WY_CLI_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct http_call {
    const char *method, *path; /* path with its query */
    const char *headers;       /* further lines, each with CRLF; may be NULL */
    /* The body: `body`, or `length` bytes that `more` gives piece by piece (0: there is no more, -1: it failed and the
     * error is filled). The server wants to know the length beforehand. */
    struct span body;
    int64_t length;
    int64_t (*more)(void *ctx, char *into, size_t size, struct err *e);
    void *ctx;
    /* What came back: */
    int status;
    struct buf answer; /* the caller frees */
    char cookie[256];  /* name=value of the first Set-Cookie, or "" */
};
/* True if there was an answer, of whatever status. `url` is "http://host:port". */
bool http_call(const char *url, struct http_call *c, struct err *e);
/* The same, but an answer that is no 2xx is an error with what the server said about it. */
bool http_ask(const char *url, struct http_call *c, struct err *e);

/* A part of a path or a query, percent-encoded. */
void http_put_escaped(struct buf *b, const char *s);

/* Sign in as a person; the password is WANGYI_PASSWORD or asked for on the terminal. `headers` gets
 * the lines that prove it in later calls. */
bool http_sign_in(const char *url, const char *name, char headers[512], struct err *e);

#endif
