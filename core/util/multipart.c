#include "util/multipart.h"

#include <string.h>
#include <strings.h>

enum { BOUNDARY_MAX = 70, HEADER_LINE_MAX = 1024 };

static bool same(struct span s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool is_boundary_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("'()+_,-./:=? ", c));
}

/* The value of a parameter up to the ';' behind it; quotes are taken off. `*rest` moves on. */
static struct span parameter(struct span *rest, struct span *name)
{
    struct span s = span_trim(*rest), value;
    const char *equals = s.n ? memchr(s.p, '=', s.n) : NULL;
    if (!equals) {
        *rest = *name = SPAN_NONE;
        return SPAN_NONE;
    }
    *name = span_trim((struct span){s.p, (size_t)(equals - s.p)});
    value = (struct span){equals + 1, s.n - (size_t)(equals + 1 - s.p)};
    if (value.n && value.p[0] == '"') {
        const char *end = memchr(value.p + 1, '"', value.n - 1);
        if (!end) {
            *rest = SPAN_NONE;
            return SPAN_NONE;
        }
        struct span inside = {value.p + 1, (size_t)(end - value.p - 1)};
        struct span after = {end + 1, value.n - (size_t)(end + 1 - value.p)};
        span_split(&after, ';');
        *rest = after;
        return inside;
    }
    struct span plain = span_trim(span_split(&value, ';'));
    *rest = value;
    return plain;
}

struct span multipart_boundary(struct span content_type)
{
    struct span rest = content_type, name;
    struct span media = span_trim(span_split(&rest, ';'));
    if (media.n <= 10 || strncasecmp(media.p, "multipart/", 10) != 0)
        return SPAN_NONE;
    while (rest.p) {
        struct span value = parameter(&rest, &name);
        if (!same(name, "boundary"))
            continue;
        bool sound = value.n && value.n <= BOUNDARY_MAX && value.p[value.n - 1] != ' ';
        for (size_t i = 0; i < value.n && sound; i++)
            sound = is_boundary_char(value.p[i]);
        return sound ? value : SPAN_NONE;
    }
    return SPAN_NONE;
}

/* The next "--boundary" that stands at the start of a line. */
static const char *find_boundary(struct span body, struct span boundary, const char *from)
{
    const char *end = body.p + body.n;
    while (from < end) {
        const char *at = memmem(from, (size_t)(end - from), boundary.p, boundary.n);
        if (!at)
            return NULL;
        bool dashes = at - body.p >= 2 && at[-1] == '-' && at[-2] == '-';
        if (dashes &&
            (at - body.p == 2 || (at - body.p >= 4 && at[-3] == '\n' && at[-4] == '\r')))
            return at - 2;
        from = at + 1;
    }
    return NULL;
}

static void disposition(struct span value, struct multipart_part *p)
{
    struct span rest = value, name;
    span_split(&rest, ';');
    while (rest.p) {
        struct span v = parameter(&rest, &name);
        if (same(name, "name"))
            p->name = v;
        else if (same(name, "filename"))
            p->filename = v;
    }
}

/* Headers up to the empty line; p->body is what stands behind it. */
static bool head(struct span text, struct multipart_part *p, struct err *e)
{
    for (int i = 0; i <= MULTIPART_HEADERS_MAX; i++) {
        const char *end = text.n ? memmem(text.p, text.n, "\r\n", 2) : NULL;
        if (!end || end - text.p > HEADER_LINE_MAX)
            return err_set(e, ERR_INPUT, "multipart 的一段没有空行，或段头太长");
        struct span line = {text.p, (size_t)(end - text.p)};
        text = (struct span){end + 2, text.n - line.n - 2};
        if (!line.n) {
            p->body = text;
            return true;
        }
        struct span value = line, name = span_trim(span_split(&value, ':'));
        if (!value.p || !name.n || !span_is_utf8(line))
            return err_set(e, ERR_INPUT, "multipart 的段头不对");
        if (same(name, "content-disposition")) {
            disposition(value, p);
        } else if (same(name, "content-type")) {
            p->type = span_trim(span_split(&value, ';'));
        } else if (same(name, "content-transfer-encoding") &&
                   !same(span_trim(value), "binary") && !same(span_trim(value), "8bit") &&
                   !same(span_trim(value), "7bit")) {
            return err_set(e, ERR_INPUT, "multipart 里不接受 %.*s 编码",
                           (int)span_cut_utf8(value, 40), value.p);
        }
    }
    return err_set(e, ERR_INPUT, "multipart 一段的段头太多");
}

static size_t cut_off(struct err *e)
{
    err_set(e, ERR_INPUT, "multipart 正文不完整：缺少分隔线，或不止传了一半");
    return 0;
}

size_t multipart_split(struct span body, struct span boundary,
                       struct multipart_part parts[MULTIPART_PARTS_MAX], struct err *e)
{
    size_t count = 0;
    if (!boundary.n || !body.n)
        return cut_off(e);
    const char *end = body.p + body.n, *at = find_boundary(body, boundary, body.p);
    while (at) {
        const char *behind = at + 2 + boundary.n;
        if (end - behind >= 2 && behind[0] == '-' && behind[1] == '-')
            return count ? count : cut_off(e);
        while (behind < end && (*behind == ' ' || *behind == '\t'))
            behind++;
        if (end - behind < 2 || behind[0] != '\r' || behind[1] != '\n')
            return cut_off(e);
        behind += 2;
        const char *next = find_boundary(body, boundary, behind);
        if (!next || next - behind < 2)
            return cut_off(e);
        if (count == MULTIPART_PARTS_MAX) {
            err_set(e, ERR_LIMIT, "multipart 至多 %d 段", (int)MULTIPART_PARTS_MAX);
            return 0;
        }
        parts[count] = (struct multipart_part){0};
        if (!head((struct span){behind, (size_t)(next - 2 - behind)}, &parts[count], e))
            return 0;
        count++;
        at = next;
    }
    return cut_off(e);
}
