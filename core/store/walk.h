/*
 * Walking the index as one: the table on disk and the tails in memory, merged in key order, each key once,
 * nothing newer than the view. Private to store/.
 */
#ifndef WY_STORE_WALK_H
#define WY_STORE_WALK_H

#include "store/store_impl.h"

struct walk {
    struct view *view;
    MDB_cursor *table;
    bool owned; /* the cursor is ours, not the view's */
    bool backwards;
    bool table_valid;
    MDB_val key, value; /* at the table's position */
    const struct tail_node *node[TAILS_MAX];
    uint64_t turn;  /* of the view when last placed */
    struct span at; /* where the walk stands; valid until the next call */
};

bool walk_open(struct walk *w, struct view *v, bool backwards, struct err *e);
void walk_close(struct walk *w);
/* A walk for one look-up on the view's own cursor; needs no close. */
bool walk_borrow(struct walk *w, struct view *v, struct err *e);
/* Forward: first key >= `key`; backwards: last key < `key`. False: none (ERR_NONE), or failure. */
bool walk_seek(struct walk *w, struct span key, struct err *e);
bool walk_next(struct walk *w, struct err *e);
/* On a posting: the entry that first brought it (or one before that, after a write that was given up). */
uint64_t walk_brought(const struct walk *w);

#endif
