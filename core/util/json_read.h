/*
 * Private to the readers of JSON, json.c (a tree) and json_scan.c (one object, member by member): the
 * grammar and its limits, read strictly from left to right. Errors are told once, at the place where
 * they are seen; a reader that has failed is not used again.
 */
#ifndef WY_UTIL_JSON_READ_H
#define WY_UTIL_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "util/json.h"
#include "util/number.h"

struct json_reader {
    const char *start, *p, *end;
    const struct json_limits *limits;
    struct arena *arena;
    int depth;
    bool copy; /* strings without escapes are copied into the arena as well */
    const char *bad;
    struct err *e;
};

struct json_limits json_read_limits(const struct json_limits *limits); /* defaults filled in */
/* Neither `wanted` nor anything like it stands at r->p: say so. Returns false. */
bool json_read_unexpected(struct json_reader *r, const char *wanted);

bool json_read_size(struct json_reader *r); /* is the text short enough */
bool json_read_end(struct json_reader *r);  /* nothing but white space is left */
/* At '{' or '[': one level deeper, to what stands behind it. */
bool json_read_enter(struct json_reader *r);
/* After '{' or ',': a name and its colon. Leaves r->p at the value. A name met before is refused. */
bool json_read_name(struct json_reader *r, struct json_names *names, struct span *name);
/* Behind the opening quote; *out is unescaped, and in the arena if it had to be copied. */
bool json_read_string(struct json_reader *r, struct span *out);
bool json_read_number(struct json_reader *r, struct number *v);
/* Check a value without building it; only the names of objects leave a trace in the arena. */
bool json_read_past(struct json_reader *r);

static inline void json_read_space(struct json_reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
        r->p++;
}

/* After a value inside a container: ',' (then *more) or the closing bracket, which is consumed.
 * Inline like its neighbours: they stand between all values, and calls cost a tenth of a scan. */
static inline bool json_read_comma(struct json_reader *r, char close, bool *more)
{
    json_read_space(r);
    char c = r->p < r->end ? *r->p : '\0';
    *more = c == ',';
    if (c != ',' && c != close)
        return json_read_unexpected(r, close == '}' ? "逗号或 }" : "逗号或 ]");
    r->p++;
    if (*more)
        json_read_space(r);
    else
        r->depth--;
    return true;
}

/* Right behind an opening bracket: is it closed at once? */
static inline bool json_read_close(struct json_reader *r, char close)
{
    if (r->p == r->end || *r->p != close)
        return false;
    r->p++;
    r->depth--;
    return true;
}

#endif
