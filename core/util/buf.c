#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"

char *buf_space(struct buf *b, size_t n)
{
    if (b->cap - b->n < n) {
        must(n <= SIZE_MAX / 4 && b->n <= SIZE_MAX / 4);
        size_t cap = b->cap ? b->cap * 2 : 64;
        while (cap - b->n < n)
            cap *= 2;
        b->p = mem_realloc(b->p, cap);
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    memcpy(buf_space(b, n), p, n);
    b->n += n;
}

void buf_span(struct buf *b, struct span s)
{
    buf_put(b, s.p, s.n);
}

void buf_str(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
    *buf_space(b, 1) = c;
    b->n++;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    char *at = buf_space(b, 128);
    size_t room = b->cap - b->n;
    int n = vsnprintf(at, room, fmt, args);
    va_end(args);
    must(n >= 0);
    if ((size_t)n >= room)
        vsnprintf(buf_space(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
    va_end(again);
    b->n += (size_t)n;
}

void buf_u8(struct buf *b, uint8_t v)
{
    buf_char(b, (char)v);
}

static void be_put(void *p, uint64_t v, size_t n)
{
    unsigned char *q = p;
    for (size_t i = n; i-- > 0; v >>= 8)
        q[i] = (unsigned char)v;
}

static uint64_t be_get(const void *p, size_t n)
{
    const unsigned char *q = p;
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | q[i];
    return v;
}

void buf_be16(struct buf *b, uint16_t v)
{
    be_put(buf_space(b, 2), v, 2);
    b->n += 2;
}

void buf_be32(struct buf *b, uint32_t v)
{
    be_put(buf_space(b, 4), v, 4);
    b->n += 4;
}

void buf_be64(struct buf *b, uint64_t v)
{
    be_put(buf_space(b, 8), v, 8);
    b->n += 8;
}

void buf_cut(struct buf *b, size_t n)
{
    must(n <= b->n);
    if (n == 0)
        return;
    b->n -= n;
    if (b->n)
        memmove(b->p, b->p + n, b->n);
}

struct span buf_view(const struct buf *b)
{
    return (struct span){b->p, b->n};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
}

void buf_free(struct buf *b)
{
    mem_free(b->p);
    *b = (struct buf){0};
}

uint16_t be16_get(const void *p)
{
    return (uint16_t)be_get(p, 2);
}

uint32_t be32_get(const void *p)
{
    return (uint32_t)be_get(p, 4);
}

uint64_t be64_get(const void *p)
{
    return be_get(p, 8);
}

void be64_put(void *p, uint64_t v)
{
    be_put(p, v, 8);
}
