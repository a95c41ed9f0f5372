#include "util/json_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/json_impl.h"
#include "util/number.h"
#include "util/utf8.h"

/* Bounds the recursion, and leaves the writer (64) room for what a tree is put into. */
enum { DEPTH_MOST = 48 };

__attribute__((format(printf, 4, 5), cold, noinline)) static bool
fail(struct json_reader *r, const char *at, enum err_code code, const char *fmt, ...)
{
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    r->bad = at;
    return err_set(r->e, code, "第 %zu 个字节：%s", (size_t)(at - r->start) + 1, text);
}

/* A name fit for an error text: short, and nothing in it that would break the line. */
struct shown {
    char text[80];
};
static struct shown show(struct span s)
{
    struct shown out = {{0}};
    size_t n = span_cut_utf8(s, sizeof out.text - 4);
    if (span_has_control((struct span){s.p, n})) {
        memcpy(out.text, "?", 2);
        return out;
    }
    if (n)
        memcpy(out.text, s.p, n);
    if (n < s.n)
        memcpy(out.text + n, "…", 3);
    return out;
}

struct json_limits json_read_limits(const struct json_limits *limits)
{
    struct json_limits l = limits ? *limits : (struct json_limits){0};
    l.bytes = l.bytes ? l.bytes : 256 * 1024;
    l.depth = l.depth > 0 ? l.depth : 32;
    l.depth = l.depth < DEPTH_MOST ? l.depth : DEPTH_MOST;
    l.keys = l.keys ? l.keys : 256;
    l.string = l.string ? l.string : 64 * 1024;
    return l;
}

/* ---- strings ---- */

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* p stands on a backslash. Checks the escape, tells its length in the text and its code point. */
static bool read_escape(struct json_reader *r, const char *p, size_t *length, uint32_t *cp)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (r->end - p < 2)
        return fail(r, p, ERR_INPUT, "文本在转义符处中断");
    if (p[1] != 'u') {
        const char *at = p[1] ? strchr(from, p[1]) : NULL;
        if (!at)
            return fail(r, p, ERR_INPUT, "JSON 里没有这种转义，请写成 \\\\ 加原字符");
        *length = 2;
        *cp = (unsigned char)to[at - from];
        return true;
    }
    int high = r->end - p >= 6 ? hex4(p + 2) : -1;
    if (high < 0)
        return fail(r, p, ERR_INPUT, "\\u 后面须有四位十六进制数字");
    if (high == 0)
        return fail(r, p, ERR_INPUT, "不接受空字符 \\u0000");
    *length = 6;
    *cp = (uint32_t)high;
    if (high < 0xD800 || high > 0xDFFF)
        return true;
    int low =
        high < 0xDC00 && r->end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return fail(r, p, ERR_INPUT, "代理字符 \\u%04X 没有成对", (unsigned)high);
    *length = 12;
    *cp = 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
    return true;
}

static size_t utf8_width(uint32_t cp)
{
    return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
}

/* One pass over a string whose opening quote is behind r->p: checks it, finds its end and how long it is
 * without escapes. Leaves r->p behind the closing quote. */
static bool check_string(struct json_reader *r, size_t *unescaped)
{
    const char *start = r->p, *p = start;
    size_t saved = 0; /* bytes that escapes take beyond what they stand for */
    for (;;) {
        p = skip_plain(p, r->end);
        if (p == r->end)
            return fail(r, start - 1, ERR_INPUT, "字符串没有结束的引号");
        unsigned char c = (unsigned char)*p;
        if (c == '"')
            break;
        if (c >= 0x80) {
            /* Han text comes in runs: stay here while it lasts. */
            do {
                size_t n = utf8_length((const unsigned char *)p, (const unsigned char *)r->end);
                if (n == 0)
                    return fail(r, p, ERR_INPUT,
                                "不是合法的 UTF-8 编码，请用 UTF-8 保存后再送");
                p += n;
            } while (p < r->end && (unsigned char)*p >= 0x80);
        } else if (c == '\\') {
            size_t n;
            uint32_t cp;
            if (!read_escape(r, p, &n, &cp))
                return false;
            saved += n - utf8_width(cp);
            p += n;
        } else {
            return fail(r, p, ERR_INPUT, "字符串里有控制字符 0x%02X，请写成转义", c);
        }
    }
    *unescaped = (size_t)(p - start) - saved;
    r->p = p + 1;
    if (*unescaped > r->limits->string)
        return fail(r, start - 1, ERR_LIMIT, "字符串长 %zu 字节，最多 %zu 字节", *unescaped,
                    r->limits->string);
    return true;
}

/* Copy a string that check_string has passed, up to the quote, with its escapes resolved. */
static struct span unescape(struct json_reader *r, const char *p, size_t unescaped)
{
    char *out = arena_alloc(r->arena, unescaped + 1), *q = out;
    while (q < out + unescaped) {
        size_t n;
        uint32_t cp;
        if (*p != '\\') {
            *q++ = *p++;
        } else if (read_escape(r, p, &n, &cp)) {
            q += utf8_encode(q, cp);
            p += n;
        }
    }
    return (struct span){out, unescaped};
}

bool json_read_string(struct json_reader *r, struct span *out)
{
    const char *start = r->p;
    size_t unescaped = 0;
    if (!check_string(r, &unescaped))
        return false;
    *out = (struct span){start, unescaped};
    if ((size_t)(r->p - 1 - start) != unescaped)
        *out = unescape(r, start, unescaped);
    else if (r->copy)
        *out = arena_span(r->arena, *out);
    return true;
}

/* ---- names ---- */

static unsigned name_hash(struct span s)
{
    uint64_t a = 0, b = 0;
    if (s.n >= 8) {
        a = word_at(s.p);
        b = word_at(s.p + s.n - 8);
    } else if (s.n >= 4) {
        uint32_t x, y;
        memcpy(&x, s.p, 4);
        memcpy(&y, s.p + s.n - 4, 4);
        a = x;
        b = y;
    } else if (s.n) {
        a = (unsigned char)s.p[0] | (uint64_t)(unsigned char)s.p[s.n / 2] << 8 |
            (uint64_t)(unsigned char)s.p[s.n - 1] << 16;
    }
    uint64_t h = (a + s.n) * 0x9E3779B97F4A7C15ULL ^ b * 0xC2B2AE3D27D4EB4FULL;
    return (unsigned)((h ^ h >> 29) * 0xBF58476D1CE4E5B9ULL >> 55);
}

static bool names_hold(const struct json_names *names, struct span name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (span_eq(names->list[i], name))
            return true;
    }
    return false;
}

static bool names_add(struct json_reader *r, struct json_names *names, struct span name,
                      const char *at)
{
    unsigned h = name_hash(name);
    uint64_t bit = 1ULL << (h & 63);
    if ((names->seen[h >> 6] & bit) && names_hold(names, name))
        return fail(r, at, ERR_INPUT, "重复的字段名“%s”", show(name).text);
    if (names->count == r->limits->keys)
        return fail(r, at, ERR_LIMIT, "一个对象最多 %zu 个字段", r->limits->keys);
    names->seen[h >> 6] |= bit;
    if (names->count == names->cap) {
        size_t cap = names->cap ? names->cap * 2 : 8;
        struct span *list = arena_alloc(r->arena, cap * sizeof *list);
        if (names->count)
            memcpy(list, names->list, names->count * sizeof *list);
        names->list = list;
        names->cap = cap;
    }
    names->list[names->count++] = name;
    return true;
}

/* ---- structure ---- */

bool json_read_unexpected(struct json_reader *r, const char *wanted)
{
    if (r->p >= r->end)
        return fail(r, r->end, ERR_INPUT, "文本不完整，这里应当是%s", wanted);
    unsigned char c = (unsigned char)*r->p;
    if (c > 0x20 && c < 0x7F)
        return fail(r, r->p, ERR_INPUT, "这里应当是%s，却是“%c”", wanted, c);
    if (c >= 0x80 &&
        utf8_length((const unsigned char *)r->p, (const unsigned char *)r->end) == 0)
        return fail(r, r->p, ERR_INPUT, "不是合法的 UTF-8 编码，请用 UTF-8 保存后再送");
    return fail(r, r->p, ERR_INPUT, "这里应当是%s", wanted);
}

bool json_read_number(struct json_reader *r, struct number *v)
{
    number_scan(v, r->p, r->end);
    switch (v->kind) {
    case NUMBER_INT:
    case NUMBER_REAL:
        r->p += v->length;
        return true;
    case NUMBER_OVERFLOW:
        return fail(r, r->p, ERR_INPUT,
                    "整数超出范围，须在 -9223372036854775808 到 9223372036854775807 之间");
    case NUMBER_LONG:
        return fail(r, r->p, ERR_LIMIT, "数字最多 %d 位", (int)NUMBER_DIGITS_MAX);
    case NUMBER_INFINITE:
        return fail(r, r->p, ERR_INPUT, "数太大，超出双精度范围");
    case NUMBER_BAD:
        break;
    }
    return fail(r, r->p + v->length, ERR_INPUT, "不是合法的数字");
}

static bool read_word(struct json_reader *r, const char *word, size_t n)
{
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return fail(r, r->p, ERR_INPUT, "只认 true、false、null 这三个词");
    r->p += n;
    return true;
}

bool json_read_enter(struct json_reader *r)
{
    if (r->depth >= r->limits->depth)
        return fail(r, r->p, ERR_LIMIT, "嵌套超过 %d 层", r->limits->depth);
    r->depth++;
    r->p++;
    json_read_space(r);
    return true;
}

bool json_read_name(struct json_reader *r, struct json_names *names, struct span *name)
{
    const char *at = r->p;
    if (at == r->end || *at != '"')
        return json_read_unexpected(r, "加引号的字段名");
    r->p++;
    if (!json_read_string(r, name) || !names_add(r, names, *name, at))
        return false;
    if (r->p < r->end && *r->p == ':') {
        r->p++;
    } else {
        json_read_space(r);
        if (r->p == r->end || *r->p != ':')
            return json_read_unexpected(r, "冒号");
        r->p++;
    }
    json_read_space(r);
    return true;
}

bool json_read_past(struct json_reader *r)
{
    struct number number;
    struct span name;
    size_t n;
    bool more = true;
    switch (r->p < r->end ? *r->p : '\0') {
    case '"':
        r->p++;
        return check_string(r, &n);
    case '{': {
        struct json_names names = {{0}, NULL, 0, 0};
        if (!json_read_enter(r))
            return false;
        if (json_read_close(r, '}'))
            return true;
        while (more) {
            if (!json_read_name(r, &names, &name) || !json_read_past(r) ||
                !json_read_comma(r, '}', &more))
                return false;
        }
        return true;
    }
    case '[':
        if (!json_read_enter(r))
            return false;
        if (json_read_close(r, ']'))
            return true;
        while (more) {
            if (!json_read_past(r) || !json_read_comma(r, ']', &more))
                return false;
        }
        return true;
    case 't':
        return read_word(r, "true", 4);
    case 'f':
        return read_word(r, "false", 5);
    case 'n':
        return read_word(r, "null", 4);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return json_read_number(r, &number);
    default:
        return json_read_unexpected(r, "一个值");
    }
}

bool json_read_size(struct json_reader *r)
{
    size_t n = (size_t)(r->end - r->start);
    if (n <= r->limits->bytes)
        return true;
    return fail(r, r->start + r->limits->bytes, ERR_LIMIT,
                "JSON 文本有 %zu 字节，最多 %zu 字节", n, r->limits->bytes);
}

bool json_read_end(struct json_reader *r)
{
    json_read_space(r);
    return r->p == r->end || fail(r, r->p, ERR_INPUT, "JSON 已经结束，后面还有多余的内容");
}
