/* Private to record_*.c: what parsing, reading and applying share. */
#ifndef WY_DOMAIN_RECORD_IMPL_H
#define WY_DOMAIN_RECORD_IMPL_H

#include "domain/record.h"
#include "domain/row.h"

/* Field number under which a record's event time is posted, with an empty value: how record_window finds
 * by time alone. Every record of a type with an event time has one such posting. */
enum { RECORD_FIELD_EVENT = 0xFFFF };

/* One worker's tools for checking records, reused from line to line. */
struct record_parser {
    const struct type *type;
    struct vault *vault; /* NULL: private fields are left out */
    struct row_writer row;
    struct buf body, text;
    struct arena scratch; /* of the record in work */
    bool has_secret;
    struct span secrets
        [DICTIONARY_FIELDS_MAX]; /* private fields of the record in work, not yet sealed; of the
                                    type's fields only, the others are not cleared */
};
void record_parser_init(struct record_parser *p, const struct type *t, struct vault *vault);
void record_parser_fini(struct record_parser *p);
/* As record_parse; out->line is left alone. */
bool record_parser_object(struct record_parser *p, struct span object, struct arena *a,
                          struct record *out, const char **field, struct err *e);
/* One row of a table: cell i is the value of fields[i] as text (-1: passed over), empty = null. */
bool record_parser_cells(struct record_parser *p, const int *fields, const struct span *cells,
                         int count, struct arena *a, struct record *out, const char **field,
                         struct err *e);
/* The key of a record that has been refused, as far as it can be made out; else SPAN_NONE. */
struct span record_parser_object_key(struct record_parser *p, struct span object,
                                     struct arena *a);
struct span record_parser_cells_key(struct record_parser *p, const int *fields,
                                    const struct span *cells, int count, struct arena *a);
/* Columns and members that are the system's: type, stored_at, _seq, _at. */
bool record_is_system_name(struct span name);

/* The value of one field, checked (record_value.c). Null values do not come here. */
struct json_value;
bool record_set_json(struct record_parser *p, int field, const struct json_value *v,
                     struct err *e);
bool record_set_cell(struct record_parser *p, int field, struct span s, struct err *e);
bool record_is_key(const struct type *t, int field);
const char *record_cut(struct span s, char out[64]); /* what was seen, short and on one line */

/* Writing (record_put.c). The arena serves for the call; what it holds may then be dropped. */
struct txn;
uint64_t record_append(struct txn *t, const struct type *type, enum entry_op op,
                       struct span key, struct span body, struct arena *a,
                       struct err *e); /* 0 on failure */
/* The same for what is no news of its own: `origin` is the seq of the version whose place it takes. */
uint64_t record_append_copy(struct txn *t, const struct type *type, enum entry_op op,
                            struct span key, struct span body, uint64_t origin, struct arena *a,
                            struct err *e);
bool record_put_in(struct txn *t, const struct type *type, struct span key, struct span body,
                   struct arena *a, uint64_t *seq,
                   struct err *e); /* record_put with an arena */
struct span record_value_text(const struct row_value *v, struct arena *a);

/* Candidates out of the index: of all scans that are given, those of the one that ends first, so that it
 * costs no more than a few times the postings of the best. In order of (time, key); may repeat. *found is
 * SIZE_MAX if even that one has more than `most`. */
struct record_posting {
    int64_t time;
    struct span key;
};
struct index_scan;
bool record_race(struct index_scan **scans, size_t count, size_t most, struct arena *a,
                 struct record_posting **out, size_t *found, struct err *e);
/* The key prefix that `where` gives by naming the first key fields, at most `most` of them; *parts tells
 * how many it names. */
struct span record_key_prefix(const struct type *t, const struct record_where *where,
                              size_t count, int most, struct arena *a, int *parts);
struct entry record_entry_copy(const struct entry *entry, struct arena *a);

/* Does the body satisfy all of `where`? A list of strings is equal to each of its items. */
bool record_matches(const struct type *t, struct span body, const struct record_where *where,
                    size_t count, struct buf *scratch);

#endif
