/*
 * A record as it lies in an entry's body: typed fields at known offsets, read without parsing.
 *
 *   byte 0      1 (layout)
 *   byte 1      number of fields n: up to the last that is not null (those behind it read as null)
 *   2 …         n × u32 LE: offset of the field's value in the body, 0 = null; then the values:
 *   string, enum u32 LE length, bytes · integer i64 · number f64 · boolean u8 · date, month i32 day since
 *   1970 (a month is its first day) · datetime i64 µs · strings u32 count, then strings
 *   A private field is a string that holds what domain/seal made. Values lie in order of field: equal
 *   content is equal bytes, and stays so when the dictionary grows.
 */
#ifndef WY_DOMAIN_ROW_H
#define WY_DOMAIN_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/dictionary.h"
#include "util/buf.h"
#include "util/span.h"

struct json_w;

struct row_value {
    bool null;
    enum field_kind kind;
    union {
        struct span text; /* string, enum; points into the body */
        int64_t integer;  /* integer; date and month: day; datetime: µs */
        double number;
        bool boolean;
        struct {
            struct span packed;
            uint32_t count;
        } list; /* row_list_next */
    };
};
/* The body must have passed row_is_sound once (the store's checksum does for what was read back). */
struct row_value row_get(const struct type *t, struct span body, int field);
bool row_list_next(struct row_value *list, struct span *item); /* consumes */
bool row_is_sound(const struct type *t,
                  struct span body); /* offsets and lengths inside, for fuzz and verify */
/* The value as text, as in keys, JSON strings and index postings: dates "2020-07-15", datetimes +08:00 … */
void row_put_text(struct buf *b, const struct row_value *v);
void row_put_json(struct json_w *w, const struct row_value *v);

/* Building one: fields in any order, then finish. Owned by the caller, reusable. */
struct row_writer {
    const struct type *type;
    struct buf values;
    uint32_t offsets[256];
    int last;
    bool in_order;
};
void row_writer_begin(struct row_writer *w, const struct type *t);
void row_writer_text(struct row_writer *w, int field, struct span s);
void row_writer_integer(struct row_writer *w, int field, int64_t v); /* by the field's kind */
void row_writer_number(struct row_writer *w, int field, double v);
void row_writer_boolean(struct row_writer *w, int field, bool v);
void row_writer_strings(struct row_writer *w, int field, const struct span *items, size_t n);
void row_writer_finish(struct row_writer *w, struct buf *body); /* replaces body's content */
void row_writer_fini(struct row_writer *w);

#endif
