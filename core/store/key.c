#include "store/key.h"

#include <string.h>

#include "store/index.h"
#include "util/buf.h"
#include "util/err.h"

const char *const store_table_names[TABLE_COUNT] = {
    "journal", "index", "cursor", "stream", "idem", "idem_age", "due", "meta", "small",
};

void key_put(struct key_buf *k, const void *p, size_t n)
{
    must(n <= sizeof k->p - k->n);
    if (n)
        memcpy(k->p + k->n, p, n);
    k->n += n;
}

void key_be16(struct key_buf *k, uint16_t v)
{
    char b[2] = {(char)(v >> 8), (char)(v & 0xFF)};
    key_put(k, b, 2);
}

void key_be64(struct key_buf *k, uint64_t v)
{
    char b[8];
    be64_put(b, v);
    key_put(k, b, 8);
}

void key_time(struct key_buf *k, int64_t t)
{
    key_be64(k, (uint64_t)t ^ 1ULL << 63);
}

int64_t key_time_get(const void *p)
{
    return (int64_t)(be64_get(p) ^ 1ULL << 63);
}

bool key_is_valid(struct span key)
{
    return key.n > 0 && key.n <= STORE_KEY_MAX && key.p[key.n - 1] == '\0' &&
           !memchr(key.p, 0xFF, key.n);
}

void key_version_head(struct key_buf *out, uint16_t type, struct span prefix)
{
    out->n = 0;
    key_put(out, "V", 1);
    key_be16(out, type);
    key_put(out, prefix.p, prefix.n);
}

void key_version(struct key_buf *out, uint16_t type, struct span key, uint64_t seq)
{
    key_version_head(out, type, key);
    key_be64(out, ~seq);
}

struct span key_version_key(struct span at)
{
    must(at.n >= 11);
    return (struct span){at.p + 3, at.n - 11};
}

uint64_t key_version_seq(struct span at)
{
    must(at.n >= 11);
    return ~be64_get(at.p + at.n - 8);
}

void key_posting_head(struct key_buf *out, uint16_t type, uint16_t field, struct span value)
{
    out->n = 0;
    key_put(out, "P", 1);
    key_be16(out, type);
    key_be16(out, field);
    size_t n = value.n < INDEX_VALUE_MAX ? value.n : INDEX_VALUE_MAX;
    char *p = out->p + out->n; /* KEY_BUF has room for each byte twice */
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c < 2)
            *p++ = 1;
        *p++ = (char)(c < 2 ? c + 1 : c);
    }
    out->n = (size_t)(p - out->p);
    key_put(out, "", 1);
}

void key_posting(struct key_buf *out, uint16_t type, uint16_t field, struct span value,
                 int64_t time, struct span key)
{
    key_posting_head(out, type, field, value);
    key_time(out, time);
    key_put(out, key.p, key.n);
}

bool key_posting_split(struct span at, uint16_t *type, uint16_t *field, struct key_buf *value,
                       int64_t *time, struct span *key)
{
    if (at.n < 5 || at.p[0] != 'P')
        return false;
    const char *end = at.p + at.n;
    const char *p = at.p + 5, *stop = memchr(p, 0, (size_t)(end - p));
    if (!stop || end - stop < 9)
        return false;
    *type = be16_get(at.p + 1);
    *field = be16_get(at.p + 3);
    *time = key_time_get(stop + 1);
    *key = (struct span){stop + 9, (size_t)(end - stop - 9)};
    if (!value)
        return true;
    value->n = 0;
    for (; p < stop; p++) {
        char c = *p;
        if (c == 1) {
            if (p + 1 == stop || (p[1] != 1 && p[1] != 2))
                return false;
            c = *++p == 1 ? 0 : 1;
        }
        key_put(value, &c, 1);
    }
    return true;
}
