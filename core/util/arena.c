#include "util/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"

/* With AddressSanitizer what is not handed out is poisoned, so overruns inside a chunk are seen. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define hide(p, n) __asan_poison_memory_region((p), (n))
#define show(p, n) __asan_unpoison_memory_region((p), (n))
#else
#define hide(p, n) ((void)(p), (void)(n))
#define show(p, n) ((void)(p), (void)(n))
#endif

enum { CHUNK_FIRST = 4 * 1024, CHUNK_MOST = 64 * 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of the whole chunk, this head included */
    _Alignas(16) char data[];
};

/* First chunks come and go with every request and every entry: each thread keeps some. Not where freed memory
 * is watched. */
#ifdef ARENA_POISON
enum { SPARE_MOST = 0 };
#else
enum { SPARE_MOST = 32 };
#endif
static _Thread_local struct {
    struct arena_chunk *list;
    int count;
} spare;

static struct arena_chunk *chunk_new(size_t size)
{
    struct arena_chunk *c = size == CHUNK_FIRST ? spare.list : NULL;
    if (c) {
        spare.list = c->next;
        spare.count--;
    } else {
        c = mem_realloc(NULL, size);
    }
    c->next = NULL;
    c->size = size;
    hide(c->data, size - sizeof *c);
    return c;
}

static void chunk_free(struct arena_chunk *c)
{
    show(c->data, c->size - sizeof *c);
    if (c->size == CHUNK_FIRST && spare.count < SPARE_MOST) {
        c->next = spare.list;
        spare.list = c;
        spare.count++;
        return;
    }
    mem_free(c);
}

static void use(struct arena *a, struct arena_chunk *c)
{
    a->at = c->data;
    a->end = (char *)c + c->size;
}

/* The slow half of take(): n is rounded already. Something big gets a chunk of its own behind the head,
 * so that what is left of the head is not lost. */
static char *take_chunk(struct arena *a, size_t n)
{
    must(n <= SIZE_MAX - sizeof(struct arena_chunk));
    size_t want = n + sizeof(struct arena_chunk);
    if (a->head && want > CHUNK_MOST / 4) {
        struct arena_chunk *big = chunk_new(want);
        big->next = a->head->next;
        a->head->next = big;
        return big->data;
    }
    size_t size = a->head ? a->head->size * 2 : CHUNK_FIRST;
    if (size > CHUNK_MOST)
        size = CHUNK_MOST;
    if (size < want)
        size = want;
    struct arena_chunk *c = chunk_new(size);
    c->next = a->head;
    a->head = c;
    use(a, c);
    char *p = a->at;
    a->at += n;
    return p;
}

static void *take(struct arena *a, size_t n)
{
    must(n <= SIZE_MAX - 16);
    size_t rounded = n ? (n + 15) & ~(size_t)15 : 16;
    char *p;
    if ((size_t)(a->end - a->at) >= rounded) {
        p = a->at;
        a->at += rounded;
    } else {
        p = take_chunk(a, rounded);
    }
    show(p, n);
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    return memset(take(a, n), 0, n);
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
    void *q = take(a, n);
    if (n)
        memcpy(q, p, n);
    return q;
}

struct span arena_span(struct arena *a, struct span s)
{
    must(s.n < SIZE_MAX - 16);
    char *q = take(a, s.n + 1);
    if (s.n)
        memcpy(q, s.p, s.n);
    q[s.n] = '\0';
    return (struct span){q, s.n};
}

const char *arena_printf(struct arena *a, const char *fmt, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    must(n >= 0);
    size_t size = (size_t)n + 1;
    char *text = take(a, size);
    if (size <= sizeof small)
        memcpy(text, small, size);
    else
        vsnprintf(text, size, fmt, again);
    va_end(again);
    return text;
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = NULL;
    for (struct arena_chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        if (c->size > CHUNK_MOST || (keep && keep->size >= c->size)) {
            chunk_free(c);
            continue;
        }
        if (keep)
            chunk_free(keep);
        keep = c;
    }
    *a = (struct arena){.head = keep};
    if (keep) {
        keep->next = NULL;
        hide(keep->data, keep->size - sizeof *keep);
        use(a, keep);
    }
}

void arena_free(struct arena *a)
{
    for (struct arena_chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        chunk_free(c);
    }
    *a = (struct arena){0};
}

size_t arena_size(const struct arena *a)
{
    size_t n = 0;
    for (const struct arena_chunk *c = a->head; c; c = c->next)
        n += c->size;
    return n;
}
