/*
 * The one thread that writes. Commands queue up, are applied one after another in one transaction,
 * committed together by load (no timer; at most about 2000 entries), and only then answered.
 *
 * After a failed sync nothing can be trusted (reliability.md F9): the writer stops taking commands,
 * reopens and verifies the end of the journal, then goes on; meanwhile commands are refused with ERR_STORE.
 */
#ifndef WY_STORE_WRITER_H
#define WY_STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

struct store;
struct txn;
struct writer;

/* Embedded in the caller's own struct. */
struct command {
    /* Runs on the writer's thread. False + err refuses it: only before its first append (must). */
    bool (*apply)(struct command *c, struct txn *t, struct err *e);
    /* May be NULL. Exactly once, on the writer's thread, after the commit or the refusal; `e` is NULL if it is on disk.
     * The command is the caller's again. Must not wait. */
    void (*done)(struct command *c, const struct err *e);
    struct command *next; /* the queue's */
    bool
        reserve; /* may use the last 5 % of a full map: withdrawals, audit, outcomes of acts done */
};

struct writer *writer_start(struct store *s, struct err *e);
void writer_stop(struct writer *w);                      /* everything queued is still done */
void writer_submit(struct writer *w, struct command *c); /* any thread */
/* Submit and wait for it; for threads that may wait. */
bool writer_call(struct writer *w, struct command *c, struct err *e);
/* `fn` is called after each commit that appended something, on the writer's thread; up to 8 listeners,
 * set before the first command. */
void writer_on_commit(struct writer *w, void (*fn)(void *ctx, uint64_t head), void *ctx);

enum writer_state { WRITER_READY, WRITER_FULL, WRITER_FAILED };
struct writer_stats {
    enum writer_state state;
    uint64_t commits, commands, refused, queue;
    double commit_ms_max; /* since the last call */
};
void writer_stats(struct writer *w, struct writer_stats *out);

/* Without a thread: one command, one commit, in the caller's thread (tools on a stopped server, tests). */
bool store_apply(struct store *s, struct command *c, struct err *e);

#endif
