/* Private to json_read.c and json_w.c (writing): how both run over text that needs no attention. */
#ifndef WY_UTIL_JSON_IMPL_H
#define WY_UTIL_JSON_IMPL_H

#include <stdint.h>
#include <string.h>

static inline uint64_t word_at(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

/* High bit of each byte that a string scan must look at: '"', '\\', below space, above ASCII. A borrow
 * may mark a byte above a real hit too, so only the lowest mark is to be trusted. */
static inline uint64_t special_bytes(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101ULL, highs = 0x8080808080808080ULL;
    uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
    return ((quote - ones) | (slash - ones) | (w - ones * 0x20) | w) & highs;
}

static inline const char *skip_plain(const char *p, const char *end)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (end - p >= 8) {
        uint64_t marks = special_bytes(word_at(p));
        if (marks)
            return p + __builtin_ctzll(marks) / 8;
        p += 8;
    }
#endif
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
           *p != '\\')
        p++;
    return p;
}

#endif
