/*
 * One street's store: a directory with the journal and everything derived from it. One process writes
 * (store/writer), any number of processes read the same files. No pointer into LMDB leaves this floor:
 * what is read is copied into the caller's arena.
 */
#ifndef WY_STORE_STORE_H
#define WY_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

enum { STORE_FORMAT = 1, STORE_KEY_MAX = 256 };

struct store;
struct store_options {
    const char *dir;      /* the store is DIR/store; made if it is missing and not read_only */
    bool read_only;       /* the engine's way: never writes, also not the map's size */
    bool no_sync;         /* throw-away stores of examples and tests */
    size_t map_bytes;     /* address space; 0 = 64 GiB */
    size_t tail_postings; /* length of the index's tail before it is merged; 0 = 65536 */
};

/* ERR_STORE for a newer format, a second writer, damage; the text says what to do. The index's tail that
 * is not yet merged is read back from the journal before this returns. */
struct store *store_open(const struct store_options *options, struct err *e);
void store_close(struct store *s); /* every view and the writer must be closed before */
const char *
store_epoch(const struct store *s); /* 26 characters, drawn when the store was made */
/* True if some process has this data directory open for writing. */
bool store_is_written(const char *dir);
/* Empty the store (keeps files and maps): what `wangyi test` does between two cases. no_sync stores only. */
bool store_reset(struct store *s, struct err *e);

struct store_stats {
    uint64_t head;          /* last seq */
    uint64_t tail_postings; /* index postings waiting in memory */
    uint64_t bytes_used, bytes_map;
};
void store_stats(struct store *s, struct store_stats *out);

#endif
