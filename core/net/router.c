#include "net/router.h"

#include <stdio.h>
#include <string.h>

static bool segment_matches(struct span pattern, struct span segment, struct span *param)
{
    bool is_param = pattern.n >= 2 && pattern.p[0] == '{';
    if (!is_param)
        return span_eq(pattern, segment);
    *param = segment;
    return segment.n > 0;
}

static bool path_matches(const char *pattern, struct span path, struct span *params)
{
    struct span want = span_of(pattern), have = path;
    int count = 0;
    while (want.p && have.p) {
        struct span w = span_split(&want, '/'), h = span_split(&have, '/');
        struct span param = SPAN_NONE;
        if (!segment_matches(w, h, &param))
            return false;
        if (param.p && count < ROUTE_PARAMS_MAX)
            params[count++] = param;
    }
    return !want.p && !have.p;
}

static void allow_method(struct route_match *out, const char *method)
{
    size_t n = strlen(out->allow);
    snprintf(out->allow + n, sizeof out->allow - n, "%s%s", n ? ", " : "", method);
    if (!strcmp(method, "GET"))
        allow_method(out, "HEAD");
}

void router_find(const struct route_family *const *families, size_t count, struct span method,
                 struct span path, struct route_match *out)
{
    *out = (struct route_match){0};
    struct span wanted = span_eq(method, SPAN("HEAD")) ? SPAN("GET") : method;
    for (size_t f = 0; f < count; f++) {
        for (size_t i = 0; i < families[f]->count; i++) {
            const struct route *route = &families[f]->routes[i];
            struct span params[ROUTE_PARAMS_MAX] = {0};
            if (!path_matches(route->path, path, params))
                continue;
            out->path_known = true;
            allow_method(out, route->method);
            if (!out->route && span_eq(wanted, span_of(route->method))) {
                out->route = route;
                memcpy(out->params, params, sizeof params);
            }
        }
    }
}

bool router_param(const char *path, int i, struct span *name)
{
    for (const char *p = path; (p = strchr(p, '{')); p++) {
        const char *end = strchr(p, '}');
        if (!end)
            return false;
        if (i-- == 0) {
            *name = (struct span){p + 1, (size_t)(end - p - 1)};
            return true;
        }
    }
    return false;
}
