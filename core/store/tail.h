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

/* A key that is there already keeps its (smaller) seq. Inserter only. */
void tail_put(struct tail *t, struct span key, uint64_t seq);
/* All index keys of an entry. */
void tail_put_entry(struct tail *t, const struct entry *entry, const struct posting *postings,
                    size_t count);
void tail_put_bytes(struct tail *t, const struct entry *entry, struct span bytes);

/* First node >= key; last node < key; the one behind. NULL: none. */
const struct tail_node *tail_seek(const struct tail *t, struct span key);
const struct tail_node *tail_before(const struct tail *t, struct span key);
const struct tail_node *tail_first(const struct tail *t);
const struct tail_node *tail_next(const struct tail_node *n);
struct span tail_key(const struct tail_node *n);
uint64_t tail_seq(const struct tail_node *n);

#endif
