/*
 * From method and path to a route. The tables are those of route.h; which families there are
 * stands in router.c. The OpenAPI document walks the same tables.
 */
#ifndef WY_NET_ROUTER_H
#define WY_NET_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "net/route.h"

enum { ROUTE_PARAMS_MAX = 4 };

struct route_match {
    const struct route *route;            /* NULL: none */
    struct span params[ROUTE_PARAMS_MAX]; /* point into the path */
    bool path_known;                      /* the path exists, but not with this method */
    char allow[64];                       /* then: the methods there are, "GET, HEAD, POST" */
};

/* HEAD matches GET. A {name} takes one segment that is not empty. */
void router_find(const struct route_family *const *families, size_t count, struct span method,
                 struct span path, struct route_match *out);
const struct route_family *const *router_families(size_t *count);
/* {…} in a route's path: false at the end. */
bool router_param(const char *path, int i, struct span *name);

void openapi_handle(struct request *r); /* openapi.c */
/* The document of some families, for tests too. */
void openapi_write(const struct route_family *const *families, size_t count, struct buf *out);
/* "admin, leader …": whom a route is for, by asking domain/access for each role. */

#endif
