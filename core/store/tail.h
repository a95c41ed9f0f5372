/*
 * The newest part of the index, in memory: a skip list of index keys (key.h). One thread inserts, any
 * number reads without a lock at the same time; nothing is ever removed. The whole goes when the last
 * who holds it lets go.
 *
 * A tail covers the entries after `from` up to `to`. Several stand in a row, each beginning where the one
 * before it ends; only the last still grows. Private to store/.
 */
#ifndef WY_STORE_TAIL_H
#define WY_STORE_TAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/entry_code.h"
#include "store/key.h"
#include "util/span.h"

struct tail;
struct tail_node;

struct tail *tail_new(uint64_t from);
struct tail *tail_hold(struct tail *t);
void tail_drop(struct tail *t); /* accepts NULL */
uint64_t tail_from(const struct tail *t);
uint64_t tail_to(const struct tail *t); /* UINT64_MAX while it grows */
void tail_freeze(struct tail *t, uint64_t to);
size_t tail_count(const struct tail *t);

/* The inserter's hand: index keys gathered, then put in together, so that the many waits for memory of each
 * way down overlap. Readers do not see what is gathered; whoever reads as the inserter flushes first. */
enum { TAIL_BATCH = 64 };
struct tail_batch {
    struct tail *tail;
    size_t count;
    struct {
        uint64_t seq;
        uint32_t hash; /* of type and key, of a version; 0 of a posting */
        struct key_buf key;
    } list[TAIL_BATCH];
};
/* All index keys of an entry, from its parts or from its bytes. A key that is there already keeps its
 * (smaller) seq. */
void tail_batch_entry(struct tail_batch *b, const struct entry *entry,
                      const struct posting *postings, size_t count);
void tail_batch_bytes(struct tail_batch *b, const struct entry *entry, struct span bytes);
void tail_batch_flush(struct tail_batch *b);
/* Of a type and a key, for the two below. */
uint32_t tail_hash(uint16_t type, struct span key);
/* False: no version of this key is gathered; is in the tail, as far as the caller's view reaches. Most keys
 * asked for are new or old, and this costs less than a way down. */
bool tail_batch_may_hold(const struct tail_batch *b, uint32_t hash);
bool tail_may_hold(const struct tail *t, uint32_t hash);

/* First node >= key; last node < key; the one behind. NULL: none. */
const struct tail_node *tail_seek(const struct tail *t, struct span key);
const struct tail_node *tail_before(const struct tail *t, struct span key);
const struct tail_node *tail_first(const struct tail *t);
const struct tail_node *tail_next(const struct tail_node *n);
struct span tail_key(const struct tail_node *n);
uint64_t tail_seq(const struct tail_node *n);

#endif
