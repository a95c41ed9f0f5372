/*
 * The listening sockets and the count of connections. libwebsockets gets sockets that are
 * accepted already: its own accept loop spins when descriptors run out, and it has no limits by
 * address (reliability.md F8).
 */
#ifndef WY_NET_LISTENER_H
#define WY_NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"
#include "util/span.h"

struct listener;
struct lws_vhost;
struct peer;
struct server;

/* `address` is "127.0.0.1:8080", "[::1]:443", "name:80"; port 0 takes any free one. */
struct listener *listener_open(struct server *s, struct lws_vhost *vhost, const char *address,
                               struct err *e);
bool listener_check(const char *address, struct err *e); /* could it be opened now? */
void listener_close(struct listener *l); /* take no more connections; keeps the counts */
void listener_free(struct listener *l);  /* when no connection is left */
int listener_port(const struct listener *l);
void listener_tick(struct listener *l); /* listen again after descriptors or places ran out */
void listener_forget(struct peer *p);   /* one of its connections is gone */
uint64_t listener_connections(const struct listener *l);
/* Before lws begins: as many descriptors as connections are taken in. No more than that, since lws 4.1
 * looks through one place per possible descriptor with each connection that comes or goes. */
void listener_take_descriptors(void);

/* Split an address; false: not host:port. For tests. */
bool listener_split(const char *address, char *host, size_t host_size, char *port,
                    size_t port_size);

#endif
