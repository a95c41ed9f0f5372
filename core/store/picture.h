/*
 * Pictures that records refer to: files DATA/pictures/ab/HASH, named by the sha-256 of what they hold. Written
 * aside, synced, renamed, and only then referred to; never changed. Knows nothing of who may see them.
 */
#ifndef WY_STORE_PICTURE_H
#define WY_STORE_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

enum { PICTURE_BYTES_MAX = 4 << 20, PICTURE_HASH_CHARS = 64 };

/* "image/jpeg" or "image/png" by its first bytes, whatever it is called; NULL: neither. */
const char *picture_kind(struct span bytes);
bool picture_is_hash(struct span name); /* 64 lower-case hex digits */
/* On disk when it returns. The same picture again is the same file. `hash` is id_sha256_hex of the bytes. */
bool picture_put(const char *data_dir, struct span hash, struct span bytes, struct err *e);
/* ERR_MISSING: there is none, or no longer. */
bool picture_get(const char *data_dir, struct span hash, struct buf *out, struct err *e);

/* For backups: every picture of one data directory into another, by link where that goes. */
bool picture_copy_all(const char *from_dir, const char *to_dir, struct err *e);
/* Remove them all, and the folder; of a copy that was not finished. */
void picture_remove_all(const char *data_dir);
/* Read them all; `problem` is told of those that do not hold what their name says. */
bool picture_verify(const char *data_dir, uint64_t *count, uint64_t *problems,
                    void (*problem)(void *ctx, const char *text), void *ctx, struct err *e);
/* Remove those written before `before` (seconds since the epoch); how many. */
uint64_t picture_expire(const char *data_dir, int64_t before);

#endif
