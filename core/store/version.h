/*
 * Everything with a key read as of a seq: records, alerts, scenario states, users … A version is the
 * entry that holds it. Costs one seek in the index and one in the journal, however long the history.
 */
#ifndef WY_STORE_VERSION_H
#define WY_STORE_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/journal.h"

#define SEQ_LATEST UINT64_MAX

/* The version of `key` with the greatest seq <= as_of, also when it is a withdrawal (out->op).
 * False with ERR_MISSING if there is none, ERR_STORE if it is damaged. */
bool version_get(struct view *v, struct arena *a, uint16_t type, struct span key,
                 uint64_t as_of, struct entry *out, struct err *e);
/* Versions with seq <= as_of, newest first, at most `max`. */
bool version_history(struct view *v, struct arena *a, uint16_t type, struct span key,
                     uint64_t as_of, struct entry *out, size_t max, size_t *count,
                     struct err *e);

/* Walk the keys of a type that begin with `prefix`, in key order (or backwards; a key stands behind those
 * it is the beginning of), one version each: the one as of `as_of`; withdrawn ones are left out. `after` (may be SPAN_NONE) starts behind that key. */
struct version_scan;
struct version_scan *version_scan_open(struct view *v, uint16_t type, struct span prefix,
                                       struct span after, bool backwards, uint64_t as_of);
bool version_scan_next(struct version_scan *s, struct arena *a, struct entry *out,
                       struct err *e);
/* ^ false at the end (e->code ERR_NONE) or on damage (ERR_STORE) */
void version_scan_close(struct version_scan *s);

#endif
