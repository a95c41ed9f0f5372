/*
 * One HTTP(S) request to somebody else's server (libcurl's only home): certificates verified, no redirects, no
 * proxies, sizes and times bounded, and no way to addresses inside unless that was asked for.
 */
#ifndef WY_NET_FETCH_H
#define WY_NET_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct sockaddr;

enum { FETCH_BYTES_MAX = 1 << 20, FETCH_HEADERS_MAX = 16 };

struct fetch {
    const char *url;
    const char *base; /* scheme, host and port must be those of this address */
    const char *headers[FETCH_HEADERS_MAX + 1]; /* "Name: value", ends with NULL */
    bool
        private_too; /* inside addresses too; those that `base` spells out are always allowed */
    const char *ca_file; /* PEM of who signs for the other side; NULL: whom the system trusts */
    atomic_bool *stop;   /* set from another thread: give up within a second */
    /* what came: */
    long status;
    struct buf body;
    char type[128];
    int64_t retry_after_s; /* 0: it did not say */
};
/* Loopback, private, link-local, multicast, and what is none of the two families. */
bool fetch_is_inside(const struct sockaddr *address);
void fetch_global_init(void); /* once, before threads */
/* True if an answer came, whatever its status. The caller frees `body`. */
bool fetch_run(struct fetch *f, struct err *e);

#endif
