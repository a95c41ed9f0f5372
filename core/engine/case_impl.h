/*
 * Private to case.c (the order of a step and of a case), case_tell.c (what happens in a step, through the
 * journal as the engine does it) and case_expect.c (was that what was expected).
 */
#ifndef WY_ENGINE_CASE_IMPL_H
#define WY_ENGINE_CASE_IMPL_H

#include "engine/case.h"
#include "engine/case_form.h"
#include "engine/late.h"
#include "store/txn.h"
#include "store/writer.h"
#include "util/arena.h"

struct instance;
struct view;

static const struct json_limits case_wide = {
    .bytes = 256u << 20, .depth = 32, .keys = 1u << 20, .string = 1u << 20};

/* One case in progress. */
struct case_play {
    const struct case_script *script;
    struct store *store;
    struct view *view;
    struct street *street;
    struct instance *in;
    struct tick_log ticks;
    struct arena arena;
    int64_t clock, at;
    uint64_t cursor, seen;         /* committed; looked at */
    struct case_settings settings; /* overrides so far */
    const struct json *given;      /* of the case as a whole: comes with the first step */
    struct buf *why;
};

/* Everything a case does to the store is one command with one job. */
struct case_act {
    struct command command;
    struct case_play *play;
    bool (*job)(struct case_act *a, struct txn *t, struct err *e);
    int64_t clock; /* hold the clock here first */
    int64_t instant;
    const struct record *record;
    const struct type *type; /* of the record `key` that is withdrawn */
    struct span key;
    uint64_t seq; /* of what the job wrote; 0: nothing */
    const struct json *json;
    struct span text, id;
    struct entry_new entry;
};

/* Those that return bool say false when the case cannot go on or ends otherwise than expected; `why` then says
 * it. case_fail adds a line to it. */
__attribute__((format(printf, 2, 3))) bool case_fail(struct case_play *p, const char *fmt, ...);
/* Apply one act (job NULL: only hold the clock) and renew the view. */
bool case_commit(struct case_play *p, struct case_act *a);
/* Timers due up to `until`, each at its time. */
bool case_wakes(struct case_play *p, int64_t until);
/* The step's records and withdrawals, each judged before the next. */
bool case_records(struct case_play *p, const struct json *records);
bool case_removed(struct case_play *p, const struct json *list);
/* What people do comes before the step's records; what they do to an alert that only this step raises comes
 * at its end. `done` has one flag for each action. */
bool case_actions(struct case_play *p, const struct json *actions, bool *done, bool at_end);
/* One TICK entry with what is due exactly now. */
bool case_ticks(struct case_play *p);
/* Are the open alerts those of `expect`? */
bool case_compare(struct case_play *p, const struct json *expect);

#endif
