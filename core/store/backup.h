/* Copies of a data directory (store first, then vault, then pictures), their way back, and the check of them. */
#ifndef WY_STORE_BACKUP_H
#define WY_STORE_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

struct store;
struct vault;

/* Consistent, while the server writes. `dir` must not exist: written aside, synced, renamed. */
bool backup_write(struct store *s, struct vault *v, const char *dir, struct err *e);
/* The same of a directory whose server is stopped or running in another process. */
bool backup_copy(const char *data_dir, const char *dir, struct err *e);
/* Verify the copy, then put it in place of nothing: `data_dir` must be missing or empty. */
bool backup_restore(const char *dir, const char *data_dir, struct err *e);

struct verify_report {
    uint64_t entries, versions, postings, streams, pictures, problems;
};
/* Reads everything: journal dense and checksums right, every posting's entry there, index complete,
 * streams dense, cursors within the journal. `problem` is told each finding as one sentence. False only if
 * it could not be read at all. */
bool store_verify(const char *data_dir, struct verify_report *out,
                  void (*problem)(void *ctx, const char *text), void *ctx, struct err *e);

#endif
