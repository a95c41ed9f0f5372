/* A growing byte buffer on the heap: what writers of JSON, frames and answers append to. */
#ifndef WY_UTIL_BUF_H
#define WY_UTIL_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "util/span.h"

struct buf { /* a zeroed struct is an empty, usable buffer */
    char *p;
    size_t n, cap;
};

void buf_put(struct buf *b, const void *p, size_t n);
void buf_span(struct buf *b, struct span s);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_u8(struct buf *b, uint8_t v);
void buf_be16(struct buf *b, uint16_t v);
void buf_be32(struct buf *b, uint32_t v);
void buf_be64(struct buf *b, uint64_t v);
char *buf_space(struct buf *b,
                size_t n); /* room for n bytes at the end, not yet counted in b->n */
void buf_cut(struct buf *b, size_t n);     /* drop the first n bytes */
struct span buf_view(const struct buf *b); /* valid until the next call that appends */
void buf_clear(struct buf *b);             /* length 0, memory kept */
void buf_free(struct buf *b);

uint16_t be16_get(const void *p);
uint32_t be32_get(const void *p);
uint64_t be64_get(const void *p);
void be64_put(void *p, uint64_t v);

#endif
