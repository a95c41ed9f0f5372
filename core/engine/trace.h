/*
 * What one judgement looked at: named checks and the fields it read. Explanations and the evidence of an
 * alert are made of it, and of nothing else. Lives in the arena of the evaluation.
 */
#ifndef WY_ENGINE_TRACE_H
#define WY_ENGINE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/dictionary.h"
#include "store/journal.h"
#include "util/arena.h"
#include "util/json.h"

enum { TRACE_CHECKS_MAX = 200, TRACE_READS_MAX = 50, TRACE_ALSO_MAX = 500 };

/* A value as a check saw it. A ratio keeps its parts: comparing is exact, showing is not. */
struct trace_value {
    enum {
        TRACE_NOTHING,
        TRACE_INTEGER,
        TRACE_NUMBER,
        TRACE_TEXT,
        TRACE_BOOL,
        TRACE_RATIO
    } kind;
    int64_t integer;
    double number; /* TRACE_RATIO: the quotient */
    struct span text, unit;
    bool boolean;
};
struct trace_check {
    struct span label;
    const char *op; /* one of trace_op() */
    struct trace_value value, limit;
    bool pass;
    int line;
};
/* A record that was handed to the script; it counts as read once a field of it was. */
struct trace_read {
    const struct type *type;
    struct entry entry;
    uint64_t fields[4]; /* bit per field */
    bool listed;
    struct trace_read *same; /* the listed one of this version, if it was handed out twice */
    struct trace_read *next; /* in order of first read */
};
struct trace {
    struct arena *arena;
    struct trace_check *checks;
    size_t check_count, check_cap, checks_more;
    struct trace_read *first, *last;
    size_t read_count;    /* listed ones; those beyond TRACE_READS_MAX are only counted */
    uint64_t fingerprint; /* of all versions read, in whatever order */
    uint64_t *also; /* seqs of versions that only counted, or were read after the listed ones */
    size_t also_count, also_cap, also_more;
};

void trace_begin(struct trace *t, struct arena *a); /* empty */
/* The op as a constant, or NULL if there is no such operator. */
const char *trace_op(struct span op);
void trace_check(struct trace *t,
                 const struct trace_check *c); /* label and texts are kept: in the arena */
void trace_field(struct trace *t, struct trace_read *r, int field);

/* A version that a count or a sum took in: lineage asks for it, people do not read it. */
void trace_counted(struct trace *t, uint64_t seq);

/* The first check that failed, or NULL; what it says, and by how much it missed where both are numbers. */
const struct trace_check *trace_failed(const struct trace *t);
void trace_failed_sentence(const struct trace *t, const struct trace_check *c, struct buf *out);
bool trace_missed_by(const struct trace_check *c, double *by);
/* "去年同期营收 8,200,000，不低于 100,000；营收同比降幅 17.07%，超过 15%". Nothing was checked: "". */
void trace_sentence(const struct trace *t, struct buf *out);
/* Members "checks", "reads", "reads_more", and "also_read" (seqs), "also_read_more" if there are any, of an open
 * object. */
void trace_write(const struct trace *t, struct json_w *w);

#endif
