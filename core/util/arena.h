/*
 * Memory that lives as long as one request or one evaluation and is given back in one stroke.
 * Not thread-safe: an arena belongs to whoever works on that request.
 */
#ifndef WY_UTIL_ARENA_H
#define WY_UTIL_ARENA_H

#include <stddef.h>

#include "util/span.h"

struct arena_chunk;
struct arena {
    struct arena_chunk
        *head; /* newest first; a zeroed struct arena is an empty, usable arena */
    char *at, *end;
};

void *arena_alloc(struct arena *a, size_t n); /* zeroed, aligned to 16 */
void *arena_copy(struct arena *a, const void *p, size_t n);
struct span arena_span(struct arena *a,
                       struct span s); /* copy; the copy is also NUL-terminated */
const char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void arena_reset(
    struct arena *a); /* empty it, keep one chunk of at most 64 KiB for the next round */
void arena_free(
    struct arena *a); /* give everything back; the arena is zeroed and usable again */
size_t arena_size(const struct arena *a); /* bytes held in chunks, for metrics and caps */

#endif
