/*
 * Keys found by a field's value. Postings are only ever gained: one says "a version of this key once had
 * this value", so every candidate must be verified by version_get and a comparison.
 */
#ifndef WY_STORE_INDEX_H
#define WY_STORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct view;

enum { INDEX_VALUE_MAX = 64 }; /* longer values are cut: more candidates, same answer */

/* What an entry brings to the index (store/txn.h). Order of walking is (value, time, key). */
struct posting {
    uint16_t field;
    struct span value;
    int64_t time; /* event time in µs, or 0 */
};

/* Candidates with this value and from <= time <= to. The same key may come several times. Also postings
 * of versions later than the caller's as_of may come, unless index_scan_upto was told. */
struct index_scan;
struct index_scan *index_scan_open(struct view *v, uint16_t type, uint16_t field,
                                   struct span value, int64_t from, int64_t to, bool backwards);
/* Before the first next: what only entries behind `seq` brought is passed over; each costs one call of next,
 * which gives an empty key for it, so that a caller who runs several scans abreast keeps his pace. */
void index_scan_upto(struct index_scan *s, uint64_t seq);
bool index_scan_next(struct index_scan *s, struct arena *a, struct span *key, int64_t *time,
                     struct err *e);
void index_scan_close(struct index_scan *s);

#endif
