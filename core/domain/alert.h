/*
 * Alerts: one per scenario and key, from its raising to its close, and again.
 *
 * The state of an alert is a pure fold over its events in the order of their effective seq:
 * the cause for what a script did, the own seq for what a person did. Each ALERT entry (key:
 * scenario, alert key) holds one event and the snapshot after it, so reading is one
 * version_get; an event that comes late in commit order is put in its place and the ones
 * behind it are applied again (design.md, rules of order 2).
 *
 * ALERT body: {"event":{…},"alert":{the snapshot},"evidence":{… only in raising events}}
 *   event: {"what":"raise"|"again"|"level"|"clear"|"retract"|"sign"|"note"|"submit"|"close"|…,
 *     "at":time,"by":name,"text":…,"from":state,"to":state,"effective":seq, … (alert_json.c)}
 *   evidence: {"sentence":"…","entry":{"seq","type","key","at"},"version":{"number","hash"},
 *     "settings":{…},"checks":[{"label","value","op","limit","unit"?,"pass"}],
 *     "reads":[{"type","label","key","seq","at","fields":[{"name","label","unit","value"}]}],
 *     "reads_more":n}
 *
 * Dedup, quiet time, re-open, levels, close types: scenarios.md 1.4 and 1.5.
 */
#ifndef WY_DOMAIN_ALERT_H
#define WY_DOMAIN_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/txn.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct json;
struct json_w;
struct person;
struct scenario;
struct street;
struct view;

enum alert_level { LEVEL_BLUE, LEVEL_YELLOW, LEVEL_ORANGE, LEVEL_RED };
enum alert_state {
    ALERT_NEW,
    ALERT_SIGNED,
    ALERT_HANDLING,
    ALERT_SUBMITTED,
    ALERT_RETURNED,
    ALERT_EXTENDED,
    ALERT_CLOSED,
    ALERT_FALSE_ALARM,
    ALERT_DUPLICATE,
    ALERT_RETRACTED, /* from CLOSED on it is over */
};
const char *alert_level_name(enum alert_level l);
const char *alert_state_name(enum alert_state s);
const char *alert_state_label(enum alert_state s);  /* "待签收" */
const char *alert_action_label(const char *action); /* "签收", else the action itself */
bool alert_level_parse(struct span s, enum alert_level *out);
bool alert_state_parse(struct span s, enum alert_state *out);

struct alert { /* everything lives in the arena it was read into */
    char id[27];
    struct span scenario, key, kind, office, title, text, about_type, about_id;
    struct span scenario_title; /* as it was when the alert was raised */
    struct span *communities, *also;
    size_t community_count, also_count;
    enum alert_level level;
    enum alert_state state;
    uint64_t count, rev; /* rev: number of events so far */
    int64_t raised_at, last_at, due_at, sign_due_at, closed_at; /* 0 = none */
    int64_t
        feedback_at; /* a person last wrote or brought something (note, submit); 0 = not yet */
    int64_t judged_at; /* earliest time that a judgement which raised it was made for */
    struct span signed_by, verdict;
    uint64_t version_seq, evidence_seq, seq; /* seq of the ALERT entry this was read from */
    int64_t version_number;
    bool touched; /* a person has done something with it since it was raised */
    bool normal;  /* its trigger has been false at a run since */
};
bool alert_is_open(const struct alert *al);

/* As of a seq in *effective* order: what scenario code may see while it judges as_of + 1. */
bool alert_get(struct view *v, struct arena *a, struct span scenario, struct span key,
               uint64_t as_of, struct alert *out, struct err *e); /* ERR_MISSING */
bool alert_find(struct view *v, struct arena *a, struct span id, struct alert *out,
                struct err *e);
/* This scenario's alerts in order of key, as of a seq in effective order. */
struct alert_scan;
struct alert_scan *alert_scan_open(struct view *v, struct span scenario, uint64_t as_of);
bool alert_scan_next(struct alert_scan *s, struct arena *a, struct alert *out, struct err *e);
void alert_scan_close(struct alert_scan *s);

/* One effect of a script ("alert", "clear", "retract" of domain/outcome.h), inside the
 * writer. */
bool alert_apply(struct txn *t, const struct street *street, const struct scenario *scenario,
                 const struct json *effect, struct err *e);
/* What a person does: sign, note, submit, close, false_alarm, duplicate, reopen. `data` is
 * the request body {text?, evidence?, verdict?, rev?} (verdict: solved unless said). Rights are checked by domain/access
 * before. ERR_CONFLICT says which state forbids it or that rev is old. `person` NULL:
 * examples of a scenario (nothing is asked for but the state). `out` (may be NULL) gets id,
 * numbers and times but no texts: read it again with alert_find. */
bool alert_act(struct txn *t, const struct street *street, const struct person *person,
               struct span id, struct span action, const struct json *data, struct alert *out,
               struct err *e);

/* For people; `person` decides what is shown (domain/access). alert_view writes one object
 * without the evidence's reads, alert_view_full adds evidence.reads, timeline, allowed
 * actions, life. */
void alert_view(struct view *v, struct arena *a, const struct street *street,
                const struct alert *al, struct json_w *w);
void alert_view_full(struct view *v, struct arena *a, const struct street *street,
                     const struct person *person, const struct alert *al, struct json_w *w);
struct alert_window { /* from ≤ a moment < until; until 0 = any */
    int64_t from, until;
};
struct alert_filter { /* SPAN_NONE or 0 = any; several values joined by ',' */
    struct span scenario, kind, level, state, office, community, also, id;
    struct span key, about;            /* one value; about: "type|id" or the id alone */
    struct span title, text, evidence; /* a part of it */
    struct alert_window raised, last, due;
    int64_t count, version;
    bool open;
    struct span after; /* from the answer before */
    int limit;         /* 1 … 50 */
};
/* One condition by the name it has in an alert. ERR_INPUT: no such name, or no such value. */
bool alert_filter_set(struct alert_filter *f, struct arena *a, struct span name,
                      struct span value, struct err *e);
/* {"items":[…],"next":…,"counts":{level:n}} of what this person may see, newest first. */
bool alert_list(struct view *v, struct arena *a, const struct street *street,
                const struct person *person, const struct alert_filter *f, struct json_w *w,
                struct err *e);
/* Lineage: the alerts whose evidence read one of these versions (seqs first … last, both with), as alert_list
 * writes them into an open array, newest life of a key first, no more than `limit`; those this person may see. *more: there are others. */
struct alert_versions {
    uint64_t first, last;
};
bool alert_fed(struct view *v, struct arena *a, const struct street *street,
               const struct person *person, const struct alert_versions *versions, size_t count,
               int limit, struct json_w *w, bool *more, struct err *e);
/* Each alert of a scenario that is open as of a seq in effective order; the cost is that of the open ones and of
 * what has happened since. In order of key. fn returns false to stop. */
bool alert_open_each(struct view *v, struct span scenario, uint64_t as_of,
                     bool (*fn)(void *ctx, const struct alert *al), void *ctx, struct err *e);
/* The evidence of one, as JSON text; SPAN_NONE: it has none. */
bool alert_evidence(struct view *v, struct arena *a, const struct alert *al, struct span *out,
                    struct err *e);
/* Causes (seqs judged) of the last triggers of the present life, newest first; persons' acts left out. */
bool alert_triggers(struct view *v, struct arena *a, const struct alert *al, uint64_t as_of,
                    uint64_t *causes, size_t max, size_t *count, struct err *e);
/* How many of a scenario's alerts are open. */
uint64_t alert_open_count(struct view *v, struct arena *a, struct span scenario);
/* Every ALERT entry appended is also appended to the stream "alerts". The CloudEvents object
 * of one: */
bool alert_event(struct view *v, struct arena *a, const struct street *street, uint64_t seq,
                 uint64_t offset, struct alert *out, struct json_w *w, struct err *e);

#endif
