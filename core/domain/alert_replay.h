/*
 * A scenario's alerts as they would have gone otherwise, and how the two differ. A backtest keeps what a draft
 * makes in a throw-away store of its own: effects and people's acts are folded there in the order of the real
 * journal, whose seqs they carry, so reading there needs no place: the latest state is the one to see.
 */
#ifndef WY_DOMAIN_ALERT_REPLAY_H
#define WY_DOMAIN_ALERT_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/alert.h"
#include "util/buf.h"

/* All that the scenario has made before seq `first` is judged, from the real store into the throw-away one:
 * alerts, state, timers, a piece at a time. */
struct outcome_import {
    struct view *from;
    struct span scenario;
    uint64_t first;
    int turn;         /* which type of entry is under way */
    struct buf after; /* … and how far; the caller frees it */
    uint64_t looked;  /* of the journal behind `first` */
};
/* False with *e->code ERR_NONE at the end. */
bool outcome_import(struct txn *t, struct outcome_import *in, struct err *e);
/* One alert that was behind: what was made of entries before `first` came into the journal only after it. */
bool alert_import_late(struct txn *t, struct view *from, struct span entry_key, uint64_t first,
                       struct err *e);
/* One "alert", "clear" or "retract"; `at` is the time of the entry that caused it. */
bool alert_replay(struct txn *t, const struct street *street, const struct scenario *scenario,
                  const struct json *effect, int64_t at, struct err *e);
/* An ALERT entry of the real journal: what a person did is done to the alert with the same key, if there is
 * one. Others are passed over. */
enum alert_replayed {
    REPLAYED_NOTHING, /* no person's act, or the alert it was done to has ended meanwhile there as well */
    REPLAYED_SAME,    /* done to the same life of the same alert */
    REPLAYED_OTHER,   /* done to another life of it: raised at another time */
    REPLAYED_NOWHERE, /* there is no such alert */
};
bool alert_replay_act(struct txn *t, const struct entry *act, enum alert_replayed *how,
                      struct err *e);

/* What happened to a key between two seqs: each raising, each re-opening is one; a rise of level of an alert
 * that was open before is one, too. What was retracted again is none. */
struct alert_turn {
    enum alert_level level; /* the highest until it ended */
    uint64_t cause;         /* seq of the entry judged */
    int64_t at, version;
    bool carried; /* it was open before */
    bool reopened;
    char id[27];
    struct span kind, office, title, about_type, about_id;
    struct span *communities;
    size_t community_count;
};
struct alert_history;
struct alert_history *alert_history_open(struct view *v, struct span scenario, uint64_t first,
                                         uint64_t last);
/* The next key, in order, that had any; its turns in order. *retracted counts on. */
bool alert_history_next(struct alert_history *h, struct arena *a, struct span *key,
                        struct alert_turn **turns, size_t *count, uint64_t *retracted,
                        struct err *e);
void alert_history_close(struct alert_history *h);

#endif
