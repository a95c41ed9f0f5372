/*
 * What the files of store/ share. Never included from another folder.
 *
 * Threads. One thread writes (the writer's, or the caller's of store_apply): `head` … `seeds` below are its
 * own. Views of other threads take what they need under `lock`: the tails, and whether the files are open.
 */
#ifndef WY_STORE_STORE_IMPL_H
#define WY_STORE_STORE_IMPL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/db.h"
#include "store/key.h"
#include "store/store.h"
#include "store/tail.h"
#include "store/txn.h"
#include "store/view.h"
#include "util/arena.h"

enum {
    TAILS_MAX = 2,         /* one that is being merged, one that grows */
    TAIL_POSTINGS = 65536, /* a tail this long is merged … */
    MERGE_PARTS = 128,     /* … in at most so many slices, one per commit */
    SEEDS = 128,
};

struct tails {
    struct tail *list[TAILS_MAX]; /* in order */
    int count;
};
void tails_hold(struct tails *to, const struct tails *from);
void tails_drop(struct tails *t);

/* What a snapshot says about itself. */
struct snapshot {
    uint64_t head, merged,
        frozen; /* last seq; index is on disk up to `merged`; border of two tails */
    int64_t at; /* of the last entry */
};

struct store {
    struct store_options options;
    char *dir, *path;
    int lock_fd;
    struct db db;
    char epoch[27];

    pthread_mutex_t lock;
    pthread_cond_t idle; /* active == 0 */
    struct tails tails;  /* under lock */
    uint64_t tail_head;  /* read-only stores, under lock: last seq in the tails */
    struct view *views;  /* under lock: all of them */
    int active;          /* under lock: those that hold the map */
    bool closed;         /* under lock: the files are being opened anew */

    uint64_t head, merged, frozen; /* as committed */
    int64_t at;
    bool held;
    int64_t held_now;
    atomic_bool
        failed;       /* a commit ended in an I/O error: nothing but store_recover may follow */
    atomic_bool full; /* the last group met a full map or disk */
    const struct tail_node *merge_at; /* next to be merged of the tail in front */
    size_t indexed;                   /* postings on disk after the last merge, roughly */
    uint64_t seeds[SEEDS];
    int seeds_left;
    int64_t checked_readers;
};

struct view {
    struct store *store;
    struct view *next, *prev; /* store->views */
    MDB_txn *txn;             /* NULL before the first renew */
    bool active;
    bool writing;                /* the writer's: txn is a write transaction */
    bool uncovered;              /* of a read-only store: `tails` are not there yet */
    MDB_cursor *journal, *index; /* for single reads; opened when first needed */
    struct tails tails;
    struct snapshot at;
    uint64_t turn; /* changes whenever positions in the view are lost */
};

struct txn {
    struct view view; /* first: txn_of; view.at.head grows with each append */
    struct store *store;
    uint64_t first;     /* head when it began */
    MDB_cursor *append; /* on the journal's end; opened when first needed */
    uint64_t changes;   /* of any kind */
    int rc;             /* first failure of LMDB: the whole must be aborted */
    bool stamped;       /* at and seed of the next entry are drawn */
    int64_t next_at;
    uint64_t next_seed;
    bool held;
    int64_t held_now;
    uint64_t merged, frozen; /* what will be committed */
    size_t tail_count;       /* postings of the growing tail when it began */
    uint64_t idem_count;
    struct tail_batch batch; /* last: postings that are not in the tail yet */
};

/* Read-only transaction → what it says. */
bool snapshot_read(const struct db *d, MDB_txn *txn, struct snapshot *out, struct err *e);
/* Bring `tails` to cover (merged, head] of a snapshot by reading the journal from *done + 1 on. */
bool tails_follow(struct tails *tails, uint64_t *done, const struct db *d, MDB_txn *txn,
                  const struct snapshot *at, struct err *e);

/* The write transaction. After txn_commit or txn_abort it is over. A commit that fails has left nothing
 * behind; store->failed tells whether store_recover must come next. */
bool txn_begin(struct store *s, struct txn *t, struct err *e);
bool txn_commit(struct txn *t, struct err *e);
void txn_abort(struct txn *t);
/* Before a walk over the index in the transaction's own view. */
void txn_flush(struct txn *t);
static inline struct txn *txn_of(struct view *v) /* of a view that is `writing` */
{
    return (struct txn *)v;
}
bool txn_put(struct txn *t, enum store_table table, struct span key, struct span value,
             unsigned flags, struct err *e);
bool txn_drop(struct txn *t, enum store_table table, struct span key,
              struct err *e); /* missing: true */
bool idem_purge(struct txn *t);

/* Moving the index from memory to disk (merge.c): before a transaction, at its end, after its commit; and
 * from the start of the frozen tail, when a transaction did not come to be. */
void merge_cut(struct store *s);
bool merge_step(struct txn *t, struct err *e);
void merge_done(struct txn *t);
void merge_again(struct store *s);

/* True if writing must be refused: *e says why. `reserve`: may use the last 5 %. */
bool store_is_full(struct store *s, bool reserve, struct err *e);
/* Make what is in memory anew from what is committed: after an abort that had appended. */
bool store_reload(struct store *s, struct err *e);
/* Close the files, open them again, verify the end of the journal. */
bool store_recover(struct store *s, struct err *e);

/* Under store->lock, of a view that is not active: let go of everything that belongs to the open files. */
void view_forget(struct view *v);
/* Before `tails` are looked at. */
bool view_follow(struct view *v, struct err *e);
static inline bool view_cover(struct view *v, struct err *e)
{
    return !v->uncovered || view_follow(v, e);
}
MDB_cursor *view_journal(struct view *v, struct err *e);
MDB_cursor *view_index(struct view *v, struct err *e);

/* Named values of the store itself. */
#define META_FORMAT ".format"
#define META_EPOCH  ".epoch"
#define META_INDEX  ".index" /* merged:8 frozen:8 */
#define META_CLOCK  ".clock" /* at:8 of a held clock */

#endif
