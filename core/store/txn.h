/*
 * The one write transaction, as commands see it. What a command appends is on disk when its `done` is
 * called, together with everything else of its group, or not at all.
 */
#ifndef WY_STORE_TXN_H
#define WY_STORE_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/index.h"
#include "store/journal.h"

struct txn;

struct view *txn_view(struct txn *t); /* sees what this transaction has done */
int64_t txn_now(struct txn *t);       /* the time the next entry will be stamped with */

struct entry_new {
    uint16_t type;
    uint8_t op;
    uint64_t cause;
    struct span key, body;
    const struct posting *postings;
    size_t posting_count;
};
/* Append and return its seq; *seed and *at (may be NULL) tell the stamps. An entry whose body must hold
 * things made from its own stamps asks txn_next first. */
uint64_t txn_append(struct txn *t, const struct entry_new *entry,
                    struct err *e); /* 0 on failure */
void txn_next(struct txn *t, uint64_t *seq, int64_t *at, uint64_t *seed);

/* Scenario cursors: the last seq a scenario has seen, and the seq of the version that saw it. */
struct cursor {
    uint64_t seq, version;
    uint64_t minute, alerts; /* alerts made in this minute of the street: what a limit counts */
};
bool cursor_get(struct view *v, struct span scenario,
                struct cursor *out); /* false: none yet, zeroed */
bool cursor_put(struct txn *t, struct span scenario, const struct cursor *c, struct err *e);

/* Streams: dense offsets 1, 2, 3 … over some entries. */
bool stream_append(struct txn *t, struct span stream, uint64_t seq, uint64_t *offset,
                   struct err *e);
uint64_t stream_head(struct view *v, struct span stream); /* last offset, 0 if empty */
size_t stream_read(struct view *v, struct span stream, uint64_t from_offset, uint64_t *seqs,
                   size_t max);

/* Answers kept by idempotency key for 7 days (P2). `key` is what the caller makes unique: user + key. */
bool idem_get(struct view *v, struct arena *a, struct span key, struct span *answer);
bool idem_put(struct txn *t, struct span key, struct span answer, struct err *e);

/* Timers in order of due time; `key` as in entries. */
bool due_put(struct txn *t, int64_t at, struct span key, struct err *e);
bool due_drop(struct txn *t, int64_t at, struct span key, struct err *e);
bool due_first(struct view *v, struct arena *a, int64_t *at,
               struct span *key); /* false: none */

/* Small named values that belong to the store itself (last tick told, clock). */
bool meta_get(struct view *v, struct arena *a, const char *name, struct span *value);
bool meta_put(struct txn *t, const char *name, struct span value, struct err *e);

/* Small tables that can forget, unlike the journal: what follows from entries (open alerts, counters) and
 * is written together with them. Names at most 20 bytes, keys 300, values 4096. */
struct table_row {
    struct span key, value;
};
bool table_get(struct view *v, struct arena *a, const char *table, struct span key,
               struct span *value);
bool table_put(struct txn *t, const char *table, struct span key, struct span value,
               struct err *e);
bool table_drop(struct txn *t, const char *table, struct span key, struct err *e);
/* Rows with key < before (SPAN_NONE: from the end), greatest key first; how many. */
size_t table_read(struct view *v, struct arena *a, const char *table, struct span before,
                  struct table_row *out, size_t max);

/* The street's clock. Held: time stands until it is set again, and never goes back. Kept in the store. */
bool txn_clock_hold(struct txn *t, int64_t now,
                    struct err *e); /* ERR_CONFLICT if `now` is in the past */
bool txn_clock_release(struct txn *t,
                       struct err *e); /* back to the wall clock; stamps never go back */
bool clock_is_held(struct view *v, int64_t *now);
/* The street's time now, µs: where the clock is held (*held, may be NULL) the moment it stands at, else this
 * machine's in whole seconds. For showing, never for deciding: entries have their own time. */
int64_t clock_now(struct view *v, bool *held);

#endif
