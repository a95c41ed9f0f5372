#include "domain/key.h"

#include <string.h>

#include "store/store.h"

struct span key_join(struct arena *a, const struct span *parts, size_t count, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n && memchr(parts[i].p, '\0', parts[i].n)) {
            err_set(e, ERR_INPUT, "编号里有看不见的字符（NUL），请去掉");
            return SPAN_NONE;
        }
        if (parts[i].n > STORE_KEY_MAX || (n += parts[i].n + 1) > STORE_KEY_MAX) {
            err_set(e, ERR_INPUT, "编号太长：合起来最多 %d 字节",
                    (int)STORE_KEY_MAX - (int)count);
            return SPAN_NONE;
        }
    }
    char *p = arena_alloc(a, n + 1), *at = p;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n)
            memcpy(at, parts[i].p, parts[i].n);
        at += parts[i].n + 1;
    }
    return (struct span){p, n};
}

struct span key_of1(struct arena *a, struct span part, struct err *e)
{
    return key_join(a, &part, 1, e);
}

struct span key_of2(struct arena *a, struct span one, struct span two, struct err *e)
{
    struct span parts[] = {one, two};
    return key_join(a, parts, 2, e);
}

size_t key_split(struct span key, struct span *parts, size_t max)
{
    size_t n = 0;
    while (key.n && n < max) {
        const char *end = memchr(key.p, '\0', key.n);
        size_t len = end ? (size_t)(end - key.p) : key.n;
        parts[n++] = (struct span){key.p, len};
        size_t used = end ? len + 1 : len;
        key.p += used;
        key.n -= used;
    }
    return n;
}

void key_put_text(struct buf *b, struct span key)
{
    size_t n = key.n && key.p[key.n - 1] == '\0' ? key.n - 1 : key.n;
    for (size_t i = 0; i < n; i++)
        buf_char(b, key.p[i] ? key.p[i] : '|');
}

struct span key_from_text(struct arena *a, struct span text, size_t parts, struct err *e)
{
    struct span part[16];
    struct span rest = text;
    size_t n = 0;
    if (parts == 0 || parts > sizeof part / sizeof *part) {
        err_set(e, ERR_INPUT, "编号不能有 %zu 段", parts);
        return SPAN_NONE;
    }
    for (; n + 1 < parts && rest.p && memchr(rest.p, '|', rest.n); n++)
        part[n] = span_split(&rest, '|');
    part[n++] = rest;
    if (n < parts) {
        err_set(e, ERR_INPUT, "编号“%.*s”要有 %zu 段，中间用 | 隔开",
                (int)span_cut_utf8(text, 80), text.p ? text.p : "", parts);
        return SPAN_NONE;
    }
    return key_join(a, part, n, e);
}
