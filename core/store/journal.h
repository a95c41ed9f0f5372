/* The journal: numbered entries, never changed. Nothing else is truth. */
#ifndef WY_STORE_JOURNAL_H
#define WY_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct view;

enum entry_op { ENTRY_PUT, ENTRY_WITHDRAW };

struct entry {
    uint64_t seq;  /* 1, 2, 3 … */
    int64_t at;    /* street time in µs, never going back; stamped by the writer */
    uint64_t seed; /* random, stamped by the writer: ids and draws of domain/ come from it */
    uint64_t
        cause; /* seq that caused it, 0 if none (domain/entry_type.h says for which types) */
    uint16_t type; /* domain/entry_type.h */
    uint8_t op;    /* enum entry_op */
    struct span
        key; /* parts, each followed by a 0x00 byte; empty: an event that has no versions */
    struct span body;
};

/* False with ERR_MISSING if there is no such seq, ERR_STORE if its checksum is wrong. */
bool journal_get(struct view *v, struct arena *a, uint64_t seq, struct entry *out,
                 struct err *e);
/* Up to `max` entries from seq `from` on, in order; *count may be 0 at the head. */
bool journal_read(struct view *v, struct arena *a, uint64_t from, struct entry *out, size_t max,
                  size_t *count, struct err *e);

#endif
