#include "util/json.h"

#include <string.h>

#include "util/json_read.h"

/* Growing in the arena leaves the smaller copies behind: at most as much again. */
static struct json *next_item(struct json_reader *r, struct json *v, size_t *cap)
{
    if (v->count == *cap) {
        size_t bigger = *cap ? *cap * 2 : 4;
        struct json *items = arena_alloc(r->arena, bigger * sizeof *items);
        if (v->count)
            memcpy(items, v->items, v->count * sizeof *items);
        v->items = items;
        *cap = bigger;
    }
    return &v->items[v->count++];
}

static bool build(struct json_reader *r, struct json *v);

static bool build_object(struct json_reader *r, struct json *v)
{
    struct json_names names = {{0}, NULL, 0, 0};
    struct span name;
    size_t cap = 0;
    bool more = true;
    v->type = JSON_OBJECT;
    if (!json_read_enter(r))
        return false;
    if (json_read_close(r, '}'))
        return true;
    while (more) {
        if (!json_read_name(r, &names, &name) || !build(r, next_item(r, v, &cap)) ||
            !json_read_comma(r, '}', &more))
            return false;
    }
    v->names = names.list;
    return true;
}

static bool build_array(struct json_reader *r, struct json *v)
{
    size_t cap = 0;
    bool more = true;
    v->type = JSON_ARRAY;
    if (!json_read_enter(r))
        return false;
    if (json_read_close(r, ']'))
        return true;
    while (more) {
        if (!build(r, next_item(r, v, &cap)) || !json_read_comma(r, ']', &more))
            return false;
    }
    return true;
}

static bool build(struct json_reader *r, struct json *v)
{
    struct number number;
    *v = (struct json){.type = JSON_NULL};
    char c = r->p < r->end ? *r->p : '\0';
    switch (c) {
    case '"':
        r->p++;
        v->type = JSON_STRING;
        return json_read_string(r, &v->string);
    case '{':
        return build_object(r, v);
    case '[':
        return build_array(r, v);
    case 't':
    case 'f':
        v->type = JSON_BOOL;
        v->boolean = c == 't';
        return json_read_past(r);
    case 'n':
        return json_read_past(r);
    default:
        if (c != '-' && (c < '0' || c > '9'))
            return json_read_unexpected(r, "一个值");
        if (!json_read_number(r, &number))
            return false;
        v->type = number.kind == NUMBER_INT ? JSON_INT : JSON_REAL;
        if (number.kind == NUMBER_INT)
            v->integer = number.integer;
        else
            v->real = number.real;
        return true;
    }
}

const struct json *json_parse(struct arena *a, struct span text,
                              const struct json_limits *limits, size_t *at, struct err *e)
{
    struct json_limits l = json_read_limits(limits);
    const char *start = text.n ? text.p : "";
    struct json_reader r = {.start = start,
                            .p = start,
                            .end = start + text.n,
                            .limits = &l,
                            .arena = a,
                            .copy = true,
                            .e = e};
    struct json *v = arena_alloc(a, sizeof *v);
    bool ok = json_read_size(&r);
    if (ok) {
        json_read_space(&r);
        ok = build(&r, v) && json_read_end(&r);
    }
    if (at)
        *at = ok ? text.n : (size_t)(r.bad - r.start);
    return ok ? v : NULL;
}

const struct json *json_get(const struct json *v, const char *name)
{
    if (!json_is(v, JSON_OBJECT))
        return NULL;
    size_t n = strlen(name);
    for (size_t i = 0; i < v->count; i++) {
        if (v->names[i].n == n && memcmp(v->names[i].p, name, n) == 0)
            return &v->items[i];
    }
    return NULL;
}

bool json_is(const struct json *v, enum json_type type)
{
    return v && v->type == type;
}

struct span json_string(const struct json *v)
{
    return json_is(v, JSON_STRING) ? v->string : SPAN_NONE;
}

const char *json_cstr(const struct json *v, const char *fallback)
{
    return json_is(v, JSON_STRING) ? v->string.p : fallback;
}

bool json_int(const struct json *v, int64_t *out)
{
    if (json_is(v, JSON_INT)) {
        *out = v->integer;
        return true;
    }
    if (!json_is(v, JSON_REAL) || v->real < -0x1p63 || v->real >= 0x1p63)
        return false;
    *out = (int64_t)v->real;
    return (double)*out == v->real;
}

bool json_number(const struct json *v, double *out)
{
    if (!json_is(v, JSON_INT) && !json_is(v, JSON_REAL))
        return false;
    *out = v->type == JSON_INT ? (double)v->integer : v->real;
    return true;
}

bool json_bool(const struct json *v, bool fallback)
{
    return json_is(v, JSON_BOOL) ? v->boolean : fallback;
}

size_t json_count(const struct json *v)
{
    return json_is(v, JSON_ARRAY) || json_is(v, JSON_OBJECT) ? v->count : 0;
}

const struct json *json_item(const struct json *v, size_t i)
{
    return i < json_count(v) ? &v->items[i] : NULL;
}
