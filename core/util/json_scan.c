/* The reader's second face: json.h, "Scanning one object". */
#include "util/json.h"

#include "util/json_read.h"

static bool scan_failed(struct json_scan *s, const struct json_reader *r)
{
    s->failed = true;
    s->at = (size_t)(r->bad - r->start);
    return false;
}

static struct json_reader scan_reader(struct json_scan *s, struct err *e)
{
    return (struct json_reader){.start = s->text.p,
                                .p = s->text.p + s->at,
                                .end = s->text.p + s->text.n,
                                .limits = &s->limits,
                                .arena = s->arena,
                                .depth = 1,
                                .e = e};
}

bool json_scan_open(struct json_scan *s, struct arena *a, struct span text,
                    const struct json_limits *limits, struct err *e)
{
    *s = (struct json_scan){.text = {text.n ? text.p : "", text.n},
                            .first = true,
                            .limits = json_read_limits(limits),
                            .arena = a};
    struct json_reader r = scan_reader(s, e);
    r.depth = 0;
    if (!json_read_size(&r))
        return scan_failed(s, &r);
    json_read_space(&r);
    if (r.p == r.end || *r.p != '{') {
        json_read_unexpected(&r, "对象的 {");
        return scan_failed(s, &r);
    }
    if (!json_read_enter(&r))
        return scan_failed(s, &r);
    s->at = (size_t)(r.p - r.start);
    return true;
}

static bool scan_value(struct json_reader *r, struct json_value *v)
{
    const char *start = r->p;
    char c = start < r->end ? *start : '\0';
    struct number number;
    *v = (struct json_value){.type = JSON_NULL};
    switch (c) {
    case '"':
        r->p++;
        v->type = JSON_STRING;
        return json_read_string(r, &v->string);
    case 't':
    case 'f':
        v->type = JSON_BOOL;
        v->boolean = c == 't';
        return json_read_past(r);
    case '{':
    case '[':
        v->type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
        if (!json_read_past(r))
            return false;
        v->raw = (struct span){start, (size_t)(r->p - start)};
        return true;
    case 'n':
        return json_read_past(r);
    default:
        if (c != '-' && (c < '0' || c > '9'))
            return json_read_unexpected(r, "一个值");
        if (!json_read_number(r, &number))
            return false;
        v->type = number.kind == NUMBER_INT ? JSON_INT : JSON_REAL;
        v->integer = number.kind == NUMBER_INT ? number.integer : 0;
        v->real = number.real;
        return true;
    }
}

/* *more tells whether there was a member. */
static bool scan_member(struct json_scan *s, struct json_reader *r, struct span *name,
                        struct json_value *value, bool *more)
{
    *more = true;
    if (s->first && json_read_close(r, '}'))
        *more = false;
    else if (!s->first && !json_read_comma(r, '}', more))
        return false;
    s->first = false;
    if (!*more)
        return json_read_end(r);
    return json_read_name(r, &s->names, name) && scan_value(r, value);
}

bool json_scan_next(struct json_scan *s, struct span *name, struct json_value *value,
                    struct err *e)
{
    if (s->failed || s->done)
        return false;
    struct json_reader r = scan_reader(s, e);
    bool more;
    if (!scan_member(s, &r, name, value, &more))
        return scan_failed(s, &r);
    s->at = (size_t)(r.p - r.start);
    s->done = !more;
    return more;
}
