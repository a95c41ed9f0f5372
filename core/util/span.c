#include "util/span.h"

#include <string.h>

#include "util/number.h"
#include "util/utf8.h"

struct span span_of(const char *cstr)
{
    return cstr ? (struct span){cstr, strlen(cstr)} : SPAN_NONE;
}

bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int span_cmp(struct span a, struct span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool span_starts(struct span s, struct span prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct span span_trim(struct span s)
{
    while (s.n && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct span span_split(struct span *rest, char sep)
{
    struct span whole = *rest;
    const char *at = whole.n ? memchr(whole.p, sep, whole.n) : NULL;
    if (!at) {
        *rest = SPAN_NONE;
        return whole;
    }
    size_t before = (size_t)(at - whole.p);
    *rest = (struct span){at + 1, whole.n - before - 1};
    return (struct span){whole.p, before};
}

bool span_int(struct span s, int64_t *out)
{
    bool negative = s.n && s.p[0] == '-';
    uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t v = 0;
    size_t i = negative ? 1 : 0;
    if (i == s.n)
        return false;
    for (; i < s.n; i++) {
        unsigned d = (unsigned char)(s.p[i] - '0');
        if (d > 9 || v > (most - d) / 10)
            return false;
        v = v * 10 + d;
    }
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool span_number(struct span s, double *out)
{
    struct number v;
    if (s.n == 0)
        return false;
    number_scan(&v, s.p, s.p + s.n);
    if (v.length != s.n)
        return false;
    if (v.kind != NUMBER_INT && v.kind != NUMBER_REAL && v.kind != NUMBER_OVERFLOW)
        return false;
    *out = v.real;
    return true;
}

bool span_is_utf8(struct span s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    const unsigned char *end = s.n ? p + s.n : p;
    while (p < end) {
        uint64_t word;
        if (end - p >= 8) {
            memcpy(&word, p, 8);
            if (!(word & 0x8080808080808080ULL)) {
                p += 8;
                continue;
            }
        }
        size_t n = utf8_length(p, end);
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

size_t span_cut_utf8(struct span s, size_t max)
{
    if (s.n <= max)
        return s.n;
    size_t n = max;
    while (n > 0 && max - n < 4 && utf8_is_tail((unsigned char)s.p[n]))
        n--;
    return utf8_is_tail((unsigned char)s.p[n]) ? max : n; /* not UTF-8 anyway: cut where told */
}

bool span_has_control(struct span s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    const unsigned char *end = s.n ? p + s.n : p;
    while (p < end) {
        size_t n = utf8_length(p, end);
        if (n == 0 || utf8_is_control(utf8_decode(p, n)))
            return true;
        p += n;
    }
    return false;
}

size_t span_distance(struct span a, struct span b)
{
    size_t row[65]; /* of the table of distances between beginnings of a and of b */
    if (a.n > 64 || b.n > 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t change = corner + (a.p[i - 1] != b.p[j - 1]);
            size_t least = row[j - 1] < row[j] ? row[j - 1] : row[j];
            corner = row[j];
            row[j] = change < least + 1 ? change : least + 1;
        }
    }
    return row[b.n];
}
