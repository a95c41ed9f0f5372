/*
 * The data dictionary: every record type of scripts/office/records.lua, as the server and the engine know
 * it. Made from the JSON that `wangyi engine office` makes of the Lua file and that lies in the journal
 * as CONFIG "records". Immutable once made; reference counted so that a new one can be swapped in.
 */
#ifndef WY_DOMAIN_DICTIONARY_H
#define WY_DOMAIN_DICTIONARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

enum { DICTIONARY_TYPES_MAX = 1000, DICTIONARY_FIELDS_MAX = 200 };

enum field_kind {
    FIELD_STRING,
    FIELD_INTEGER,
    FIELD_NUMBER,
    FIELD_BOOLEAN,
    FIELD_DATE,
    FIELD_DATETIME,
    FIELD_MONTH,
    FIELD_STRINGS,
    FIELD_ENUM,
};
struct field {
    const char *name, *label, *unit; /* unit may be NULL */
    enum field_kind kind;
    const char **choices;       /* FIELD_ENUM, ends with NULL */
    const char **choice_labels; /* may be NULL */
    bool required;   /* key fields, and the event field unless the dictionary says optional */
    bool is_private; /* sealed with the person's key at the door */
    bool indexed;
};
struct type {
    uint16_t id; /* ENTRY_RECORDS + position */
    const char *name, *label, *source, *owner, *cycle;
    bool restricted, sealed;
    struct field *fields;
    int field_count;
    int key[8], key_count; /* field numbers */
    int time;              /* field number of the key's time part, or -1 */
    int event;             /* field number of the event time, or -1 */
    int scope;             /* field number that bounds a full list, or -1 */
    int community;         /* field number of community_id, or -1 */
    int private_count;     /* private fields */
    const uint8_t *slots;  /* private to dictionary.c: field number + 1 by hash of the name */
    unsigned slot_mask;
};
struct dictionary;

struct dictionary *dictionary_make(struct span json, struct err *e); /* NULL on error */
void dictionary_free(struct dictionary *d);
int dictionary_count(const struct dictionary *d);
const struct type *dictionary_at(const struct dictionary *d, int i);
const struct type *dictionary_find(const struct dictionary *d,
                                   struct span name); /* NULL: no such type */
const struct type *dictionary_by_id(const struct dictionary *d, uint16_t id);
int type_field(const struct type *t, struct span name); /* -1: no such field */
/* The same by Chinese label, as heads of spreadsheets have it. */
int type_field_by_label(const struct type *t, struct span label);
/* The field name nearest to a misspelt one; NULL if none is near. */
const char *type_field_near(const struct type *t, struct span name);
int type_time_part(const struct type *t); /* which key part (0 …) is the time, or -1 */
/* What people read for a choice of an enum field; NULL: no such choice, or it has no label. */
const char *field_choice_label(const struct field *f, struct span code);
/* ERR_CONFLICT naming type and field if `now` breaks what is stored under `before`: types and fields may only
 * be appended; keys, time and event stay; an index may be dropped but not added to a field that has been
 * there (older records have no postings). Labels, choices, required and rhythm may change. */
bool dictionary_may_follow(const struct dictionary *before, const struct dictionary *now,
                           struct err *e);
struct json_w;
void dictionary_view(const struct dictionary *d, struct json_w *w); /* items of GET /types */

#endif
