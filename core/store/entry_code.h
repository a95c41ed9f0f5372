/*
 * An entry as bytes in the journal. Private to store/.
 *
 *   0 crc:4  over seq:8 and all that follows   20 cause:8     32 key length:2
 *   4 at:8                                     28 type:2      34 postings:2
 *  12 seed:8                                   30 op:1, 0:1   36 body length:4
 *  40 key, body, then each posting: field:2 length:1 time:8 value
 *
 * The postings stand here so that whoever reads the journal can rebuild the index without knowing what a
 * record is.
 */
#ifndef WY_STORE_ENTRY_CODE_H
#define WY_STORE_ENTRY_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/index.h"
#include "store/journal.h"
#include "util/err.h"
#include "util/span.h"

size_t entry_size(struct span key, struct span body, const struct posting *postings,
                  size_t count);
/* `out` has entry_size() bytes. Values of postings are cut to INDEX_VALUE_MAX. */
void entry_encode(char *out, const struct entry *entry, const struct posting *postings,
                  size_t count);
/* Spans point into `bytes`. False with ERR_STORE if it is damaged. */
bool entry_decode(struct span bytes, uint64_t seq, struct entry *out, struct err *e);
int64_t entry_at(struct span bytes); /* the stamp alone, unchecked; 0 if too short */

struct entry_postings {
    const char *p, *end;
    size_t left;
};
struct entry_postings
entry_postings(struct span bytes); /* of bytes that entry_decode has passed */
bool entry_postings_next(struct entry_postings *i, struct posting *out);

#endif
