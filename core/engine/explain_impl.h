/*
 * Private to explain.c (set-up, running a judgement again, the answer) and explain_find.c (which entries were
 * judged about the subject).
 */
#ifndef WY_ENGINE_EXPLAIN_IMPL_H
#define WY_ENGINE_EXPLAIN_IMPL_H

#include "domain/record.h"
#include "domain/scenario.h"
#include "engine/evaluate.h"
#include "engine/explain.h"
#include "engine/late.h"
#include "store/journal.h"
#include "util/arena.h"
#include "util/json.h"

struct instance;
struct type;
struct view;

enum { EXPLAIN_ENTRIES_MAX = 8 };

/* The subject: type, what of its key is given, and its name in other types' fields. */
struct explain_subject {
    const struct type *type;
    struct span parts
        [8]; /* values of the first key fields without the time; then the time if it is given */
    size_t count;
    struct span key;   /* whole, or SPAN_NONE */
    const char *field; /* name of the first key field: how other types refer to it */
    struct span text;  /* of about behind the type */
};

/* One entry that may have judged the subject. */
struct explain_entry {
    struct entry entry;
    const struct type *type; /* of a record; NULL: tick, wake */
    struct span spec;        /* a tick's timetable; outlives the version it was found in */
    const struct type *over; /* … and what it walks */
};

struct explain {
    const struct explain_request *request;
    const struct sandbox_modules *modules;
    struct street *street;
    struct view *view;
    struct arena arena;
    uint64_t last; /* the last entry that counts */
    int64_t at;
    struct instance *in; /* of the version last loaded */
    struct explain_subject subject;
    struct explain_entry entries[EXPLAIN_ENTRIES_MAX]; /* latest first */
    size_t entry_count;
    struct tick_log ticks;

    /* while one of them runs */
    const struct explain_entry *now;
    struct buf overlay; /* state that came behind the entry: u32 sizes, key, value */
    bool in_subject;    /* the running call, or section of it, is about the subject */
    bool sections;      /* the call has come to a ctx:subject */
    size_t effects_from, unknown_from;
    struct buf judgements; /* JSON objects, joined by ',' */
    size_t judgement_count;
    /* what the answer is made of */
    uint64_t best_seq;
    bool best_says;
    int best; /* enum explain_answer of the judgement that counts, by rank */
    struct buf sentence;
};

/* Fill x->entries; false only on failure. */
bool explain_find(struct explain *x, struct err *e);
/* Conditions by which records of `t` are about the subject; 0: they are not. */
size_t explain_narrow(const struct explain_subject *s, const struct type *t,
                      struct record_where *out);
/* The first seq whose entry is not before `time` (backtest.c uses it, too). */
bool explain_seq_at(struct view *v, int64_t time, uint64_t *out, struct err *e);

#endif
