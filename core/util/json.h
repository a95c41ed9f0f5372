/*
 * JSON: one strict reader for everything that comes in, one writer for everything that goes out.
 *
 * The reader takes RFC 8259 and no more: valid UTF-8, no NUL escapes or lone surrogates, no duplicate
 * keys, no NaN, no numbers that are not finite, depth and sizes bounded. Integers stay integers as far
 * as int64 reaches; an integer beyond is refused rather than rounded.
 *
 * Two faces over the same scanner: `json_parse` builds a tree in an arena (commands, configuration),
 * `json_scan_*` walks one object without building anything (records at the intake door).
 */
#ifndef WY_UTIL_JSON_H
#define WY_UTIL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_REAL,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* A value; strings are unescaped and NUL-terminated. Members keep the order of the text. */
struct json {
    enum json_type type;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct span string;
        struct {
            struct json *items; /* array: values; object: values of the members */
            struct span *names; /* object only, same index as items */
            size_t count;
        };
    };
};

/* Limits of reliability.md part 2; zero in a field means the default in brackets. */
struct json_limits {
    size_t bytes;  /* whole text [256 KiB] */
    int depth;     /* [32], at most 48 */
    size_t keys;   /* members of one object [256] */
    size_t string; /* bytes of one string, unescaped [64 KiB] */
};

/* Parse the whole text (white space around it is allowed). Everything lives in `a`, strings without
 * escapes included: the text may go away. NULL on error, with the byte offset in *at (may be NULL). */
const struct json *json_parse(struct arena *a, struct span text,
                              const struct json_limits *limits, size_t *at, struct err *e);

/* Looking things up. All accept NULL as "not there", so chains need no checks in between. */
const struct json *json_get(const struct json *v, const char *name); /* member or NULL */
bool json_is(const struct json *v, enum json_type type);
struct span json_string(const struct json *v); /* SPAN_NONE if it is no string */
const char *json_cstr(const struct json *v, const char *fallback);
bool json_int(const struct json *v, int64_t *out); /* also a real without fraction */
bool json_number(const struct json *v, double *out);
bool json_bool(const struct json *v, bool fallback);
size_t json_count(const struct json *v); /* items of an array or object, else 0 */
const struct json *json_item(const struct json *v, size_t i);

/* Scanning one object, member by member, without a tree.
 *
 *   struct json_scan s;
 *   if (!json_scan_open(&s, text, &limits, e)) …          // `text` must be one object, nothing else
 *   while (json_scan_next(&s, &name, &value, e)) …        // value.type says which fields are set
 *   if (s.failed) …                                       // e is filled, s.at is the byte offset
 *
 * Strings without escapes point into the text; with escapes, into the scan's own arena. A nested array
 * of strings comes as value.type JSON_ARRAY with the raw text in value.raw, for json_parse. */
struct json_value {
    enum json_type type;
    bool boolean;
    int64_t integer;    /* JSON_INT */
    double real;        /* JSON_INT and JSON_REAL */
    struct span string; /* JSON_STRING */
    struct span raw;    /* the value's own text, for JSON_ARRAY and JSON_OBJECT */
};
struct json_names {   /* private to json_read.c: the names of one object that have been met */
    uint64_t seen[8]; /* a filter: where the bit of a name is not set, the name is new */
    struct span *list;
    size_t count, cap;
};
struct json_scan {
    struct span text;
    size_t at;
    bool failed, first, done;
    struct json_limits limits;
    struct arena *arena;
    struct json_names names;
};
bool json_scan_open(struct json_scan *s, struct arena *a, struct span text,
                    const struct json_limits *limits, struct err *e);
bool json_scan_next(struct json_scan *s, struct span *name, struct json_value *value,
                    struct err *e);

/* Writing. `json_w_*` put commas by themselves; open/close must pair and names stand in objects only
 * (must() checks), at most 64 deep. What is written can be read back by json_parse: a NUL in a string
 * becomes U+FFFD like bytes that are not UTF-8. */
struct json_w {
    struct buf *out;
    uint64_t objects; /* bit d: the container at depth d + 1 is an object */
    uint8_t depth;
    bool comma, after_name;
};
struct json_w json_w_begin(struct buf *out); /* appends to what is there */
void json_w_end(struct json_w *w);
void json_w_object(struct json_w *w);
void json_w_object_end(struct json_w *w);
void json_w_array(struct json_w *w);
void json_w_array_end(struct json_w *w);
void json_w_name(struct json_w *w, const char *name);
void json_w_name_span(struct json_w *w, struct span name);
void json_w_span(struct json_w *w,
                 struct span s); /* a string; bytes that are not UTF-8 become U+FFFD */
void json_w_str(struct json_w *w, const char *s); /* NULL writes null */
void json_w_int(struct json_w *w, int64_t v);
void json_w_real(struct json_w *w,
                 double v); /* shortest text that reads back the same; not finite → null */
void json_w_bool(struct json_w *w, bool v);
void json_w_null(struct json_w *w);
void json_w_raw(struct json_w *w,
                struct span json); /* text that is JSON already; empty → null */
void json_w_value(struct json_w *w, const struct json *v);
/* name + value in one call: what most lines of a view are. */
void json_w_kstr(struct json_w *w, const char *name, const char *v);
void json_w_kspan(struct json_w *w, const char *name, struct span v);
void json_w_kint(struct json_w *w, const char *name, int64_t v);
void json_w_kbool(struct json_w *w, const char *name, bool v);
void json_w_kraw(struct json_w *w, const char *name, struct span json);

#endif
