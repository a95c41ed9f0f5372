/*
 * Late records (design.md, rules of order 6): a record whose event time lies before what was already judged
 * makes its subject be judged again, and the ticks of the last 24 hours with it. What then no longer
 * stands is retracted; what was seen before and still stands is not counted twice.
 *
 * Each judgement is run twice, as the journal was just before the record and with it: the difference is what
 * the record changed.
 */
#ifndef WY_ENGINE_LATE_H
#define WY_ENGINE_LATE_H

#include <stdint.h>

#include "engine/evaluate.h"
#include "util/arena.h"

struct instance_every;
struct instance_handler;
struct type;
struct work;

/* Ticks that were told, as far back as anybody asked: shared by the scenarios of one process. */
struct tick {
    uint64_t seq;
    int64_t at, due;
    struct span *specs;
    size_t spec_count;
};
struct tick_log {
    struct arena arena;
    struct tick *items; /* in order of seq */
    size_t count, cap;
    uint64_t from, to; /* every TICK in [from, to] is in items; 0, 0: nothing looked at yet */
    /* That nothing dated later stands behind a record is the same for each scenario it concerns: the first
     * finds out for all. Bit of the field asked by (late.c). */
    uint64_t newest_seq, newest_by;
};
void tick_log_clear(struct tick_log *log); /* also frees */

/* The subject's latest record as of a seq, if it satisfies the entry's `where`. `key`: of any of its records, of
 * type every->over. False: none (e->code ERR_NONE or ERR_MISSING), or failure. */
bool late_subject_row(struct work *w, const struct instance_every *every, struct span key,
                      uint64_t as_of, struct entry *row, struct err *e);
/* Judge the withdrawal of a record (handler may be NULL), and the ticks of the last 24 hours again. */
enum evaluate_result late_withdrawn(struct work *w, const struct type *t,
                                    const struct instance_handler *removed);
/* Judge the PUT of a record (handler may be NULL) and all that it makes late; emits the effects. */
enum evaluate_result late_judge(struct work *w, const struct type *t,
                                const struct instance_handler *on);

#endif
