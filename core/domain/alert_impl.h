/*
 * What the files of alert_* share: the fold and how it lies in the journal.
 *
 * A step is one event with everything the fold needs to know of it, so that folding asks
 * neither calendar nor manifest nor clock: what an event asked of them when it was made is
 * kept in the event. Steps are folded in the order of (effective, seq). What script steps
 * cause comes in rising order of effective (one cursor a scenario), so a step that is put in
 * before others only ever goes before people's acts.
 *
 * Postings of an ALERT entry that begins a life (or begins it again): field ALERT_BY_ID value
 * id, ALERT_BY_TIME value "*", ALERT_BY_SCENARIO, ALERT_BY_OFFICE, ALERT_BY_COMMUNITY (one
 * each), ALERT_BY_KEY; time raised_at. One that has evidence is posted by each version that this read:
 * ALERT_BY_READ value "*", time the version's seq. Streams: "alerts" has every ALERT entry, "alert/ID"
 * those of one life (the fiftieth-and-later repeats thinned). Table "alerts.open" (key: be64
 * raised_at, entry key) holds what lists and counts ask of the open ones; "alerts.count"
 * (key: scenario) how many a scenario has.
 */
#ifndef WY_DOMAIN_ALERT_IMPL_H
#define WY_DOMAIN_ALERT_IMPL_H

#include "domain/alert.h"
#include "domain/life.h"
#include "util/buf.h"

struct json_w;

enum {
    ALERT_BY_ID = 1,
    ALERT_BY_TIME,
    ALERT_BY_SCENARIO,
    ALERT_BY_OFFICE,
    ALERT_BY_COMMUNITY,
    ALERT_BY_KEY,
    ALERT_BY_READ
};

/* One key's state: the alert of its present life and what the rules must remember beside it. */
struct fold {
    bool exists;
    struct alert al;
    struct span evidence_of[16]; /* subjects to be visited: "enterprise|EA" */
    size_t evidence_of_count;
    struct span submitted; /* JSON of the evidence a person has brought, or empty */
    struct span submitted_text;
    enum alert_level
        trigger_level;    /* of the last trigger, which may be lower than the alert's */
    uint64_t fingerprint; /* of the records that the last trigger rests on */
    uint64_t last_cause;  /* effective seq of the last trigger */
    uint64_t effective;   /* greatest effective seq in it */
    uint64_t prior;       /* last entry of the life before, 0 if none */
    bool by_person;       /* who ended it */
    bool restored; /* the data have met the condition for closing since the last trigger */
    bool reopened;
};

enum step_kind { STEP_TRIGGER, STEP_CLEAR, STEP_RETRACT, STEP_ACT };
struct step {
    enum step_kind kind;
    uint64_t effective, seq;
    int64_t at;
    struct span what; /* as told: "raise", "again", "sign" … */
    struct span text; /* reason of a clear, words of a person */
    char id[27];      /* trigger: the id if it begins a life; act: the life it is about */
    /* trigger */
    enum alert_level level;
    struct span alert_kind, office, title, body, about_type, about_id, scenario_title;
    struct span *communities, *also, *evidence_of;
    size_t community_count, also_count, evidence_of_count;
    int64_t due_at, sign_due_at, quiet_us, judged_at;
    uint64_t fingerprint, version_seq;
    int64_t version_number;
    bool reopen, rejudged;
    bool stands;   /* rejudged: what was judged before `judged_at` does not hold any more */
    bool flapping; /* trigger and clear: a repeat of what has been told too often (life.flap) */
    /* clear */
    enum life_close close;
    bool may_close; /* the condition for closing holds too */
    /* act */
    struct span action, by, verdict, submitted;
};
enum step_result {
    RESULT_NOTHING,
    RESULT_RAISE,
    RESULT_AGAIN,
    RESULT_LEVEL,
    RESULT_REOPEN,
    RESULT_CLEAR,
    RESULT_RETRACT,
    RESULT_ACT
};
const char *step_result_name(enum step_result r);
static inline bool step_result_raises(enum step_result r)
{
    return r == RESULT_RAISE || r == RESULT_LEVEL || r == RESULT_REOPEN;
}

/* Fold one step in. RESULT_NOTHING leaves the state as it was: such a script step need not be
 * kept. */
enum step_result fold_step(struct arena *a, struct fold *f, const struct step *s);

/* The one table of moves. `person` says how much right an action takes. */
struct alert_move {
    const char *action;
    unsigned from; /* bit set of enum alert_state */
    int to;        /* enum alert_state, or -1: stays (a signed one is then being handled) */
    bool closes;   /* takes the right to close, not just to act */
};
const struct alert_move *alert_moves(size_t *count);
const struct alert_move *alert_move_find(struct span action);

/* ALERT bodies (alert_json.c). `evidence` is raw JSON or empty. */
struct alert_told { /* what happened at its place */
    enum step_result result;
    bool existed;
    enum alert_state from, to;
    enum alert_level level;
};
void alert_body_put(struct buf *b, const struct step *s, const struct alert_told *told,
                    const struct fold *f, struct span evidence);
struct alert_body {
    struct span event, alert, evidence; /* raw JSON, inside the entry's body */
};
bool alert_body_split(struct span body, struct arena *a, struct alert_body *out, struct err *e);
bool alert_body_fold(const struct entry *entry, const struct alert_body *b, struct arena *a,
                     struct fold *out, struct err *e);
bool alert_body_step(const struct entry *entry, const struct alert_body *b, struct arena *a,
                     struct step *out, struct err *e);

/* Reading (alert_load.c). The key's latest state; exists = false if it never had one. */
bool alert_load(struct view *v, struct arena *a, struct span entry_key, struct fold *out,
                struct err *e);
/* The state after all steps with effective <= `effective`; those behind it in order. */
bool alert_load_at(struct view *v, struct arena *a, struct span entry_key, uint64_t effective,
                   struct fold *out, struct step **later, size_t *later_count, struct err *e);
/* The state of the life that has this id, also if it is over and the key has begun another
 * one. */
bool alert_load_id(struct view *v, struct arena *a, struct span id, struct fold *out,
                   bool *is_latest, struct err *e);

/* Writing (alert_apply.c): put `s` into its place and append the entry. seq, id and, for a
 * person's act, effective and at are filled in here; deadlines and evidence (`source`, NULL
 * for acts) only if it raises, for they cost more than all the rest. *appended false: nothing
 * to tell. */
struct alert_source {
    const struct street *street;
    const struct json *effect;
    struct life life;
};
bool alert_append(struct txn *t, struct arena *a, struct span entry_key, struct step *s,
                  uint64_t cause, const struct alert_source *source, struct fold *out,
                  bool *appended, struct err *e);
/* The step and the rules that an effect stands for; place and time are the caller's. */
bool alert_effect_read(struct txn *t, struct arena *a, const struct street *street,
                       const struct scenario *scenario, const struct json *effect,
                       struct span entry_key, struct step *s, struct life *life, struct err *e);
void alert_plan(struct txn *t, const struct street *street, const struct life *life,
                struct step *s);

/* Open alerts (alert_board.c). `before` and `after` are the key's state before and after an
 * append. */
bool board_update(struct txn *t, struct arena *a, struct span entry_key,
                  const struct fold *before, const struct fold *after, struct err *e);
struct board_row {
    struct span entry_key;
    struct alert
        al; /* scenario, key, kind, level, state, office, communities, also, raised_at, about */
};
/* Newest raised first, from behind (raised_at, entry key) on; `fn` returns false to stop. */
bool board_each(struct view *v, int64_t raised_at, struct span entry_key,
                bool (*fn)(void *ctx, const struct board_row *row), void *ctx);

/* Filters of lists (alert_filter.c). Places and raised_at: in each row of the board; details:
 * need the whole alert. */
bool filter_places(const struct alert_filter *f, const struct alert *al);
bool filter_level(const struct alert_filter *f, const struct alert *al);
bool filter_state(const struct alert_filter *f, const struct alert *al);
/* Could a state asked for be one of an open alert / of one that is over? */
void filter_states(const struct alert_filter *f, bool *open, bool *over);
bool filter_has_details(const struct alert_filter *f);
bool filter_details(struct view *v, struct arena *a, const struct alert_filter *f,
                    const struct alert *al);

#endif
