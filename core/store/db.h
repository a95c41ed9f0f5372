/*
 * LMDB environments: opened here and nowhere else, and its codes turned into sentences. What a table holds
 * and how its keys look is in key.h. Private to store/.
 */
#ifndef WY_STORE_DB_H
#define WY_STORE_DB_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"
#include "util/span.h"

enum { DB_TABLES_MAX = 12 };

struct db {
    MDB_env *env; /* NULL: closed */
    MDB_dbi table[DB_TABLES_MAX];
    size_t page_bytes;
    dev_t dev; /* identity of the file: one environment per file and process (LMDB's rule) */
    ino_t ino;
};

struct db_options {
    const char *path; /* a directory */
    const char *const *tables;
    size_t table_count;
    size_t map_bytes; /* 0: as the file says */
    bool read_only, no_sync;
};

/* Open the environment and all tables; makes them unless read_only. *unfinished (may be NULL) tells a
 * reader that the files are there only in part, as they are while a writer makes them. */
bool db_open(struct db *d, const struct db_options *o, bool *unfinished, struct err *e);
void db_close(struct db *d); /* accepts a zeroed struct */
/* Fill `e` from an LMDB or errno code and return false. MDB_NOTFOUND is not for here. */
bool db_fail(struct err *e, int rc);
bool db_is_full(int rc); /* map or disk: what goes away when there is room again */
uint64_t db_bytes_used(const struct db *d,
                       MDB_txn *txn); /* pages in use, free ones not counted */
uint64_t db_bytes_map(const struct db *d);

static inline MDB_val db_val(struct span s)
{
    return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}

static inline struct span db_span(MDB_val v)
{
    return (struct span){v.mv_data, v.mv_size};
}

/* What a value is until the transaction ends; false: not there. *rc tells other failures. */
bool db_get(MDB_txn *txn, MDB_dbi table, struct span key, struct span *value, int *rc);

#endif
