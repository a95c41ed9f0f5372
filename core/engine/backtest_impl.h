/*
 * Private to backtest.c (set-up, the scan), backtest_time.c (timers and ticks that the journal does not tell)
 * and backtest_diff.c (how the two sides differ).
 */
#ifndef WY_ENGINE_BACKTEST_IMPL_H
#define WY_ENGINE_BACKTEST_IMPL_H

#include "domain/scenario.h"
#include "engine/backtest.h"
#include "engine/evaluate.h"
#include "engine/late.h"
#include "store/journal.h"
#include "store/txn.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/calendar.h"
#include "util/json.h"

struct instance;
struct view;

enum { BACKTEST_FAULTS_MAX = 100 }; /* then it ends: the draft is not worth more */

/* Table of the throw-away store: entry keys of alerts to which people's acts could not go as they did live. */
#define BACKTEST_PEOPLE "bt.people"

struct backtest_spec { /* a timetable of the draft */
    struct span at;
    struct schedule schedule;
    int64_t next; /* first moment not looked at yet */
    bool told;    /* a live scenario has the same one: its ticks are in the journal */
};
struct backtest {
    const struct backtest_request *request;
    const struct backtest_progress *progress;
    struct store *scratch;
    struct street *street;
    struct view *view;
    struct instance *in;
    struct arena arena; /* as long as the backtest */
    struct scenario live;
    bool is_new, is_draft; /* there is no live version; it is not what is tried */
    uint64_t first, last;  /* entries of the period; last < first: none */
    uint64_t seq;          /* next one to read */
    int64_t end;           /* no timer or tick beyond */
    struct tick_log ticks;
    struct evaluated made;
    struct arena brief; /* of one entry */
    int64_t renewed_at, told_at;
    int alert_limit;

    struct backtest_spec *specs;
    size_t spec_count;
    bool specs_old; /* versions have come: told is to be found out again */

    struct txn *txn; /* of the throw-away store, while a piece is under way */
    bool waits;      /* some timer waits for the live one to ring */
    uint64_t judged, runs, unknown, effects;
    uint64_t acts_same, acts_other, acts_nowhere;
    struct evaluate_fault faults[BACKTEST_FAULTS_MAX];
    size_t fault_count;
};

/* Judge one entry, which may be one that is not in the journal. */
bool backtest_judge(struct backtest *b, const struct entry *entry, struct err *e);

/* Everything that falls due before `until`, or at it as well if it is a timer and `timers_at`. `seq`: the entry
 * of the journal that stands before. */
bool backtest_pass_time(struct backtest *b, int64_t until, bool timers_at, uint64_t seq,
                        struct err *e);
/* A WAKE or TIMER entry of this scenario in the journal. */
bool backtest_live_wake(struct backtest *b, const struct entry *wake, struct err *e);
bool backtest_live_timer(struct backtest *b, const struct entry *timer, struct err *e);
void backtest_specs(struct backtest *b);

bool backtest_result(struct backtest *b, struct view *own, struct buf *json, struct err *e);

#endif
