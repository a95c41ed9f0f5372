/*
 * Scenarios as the journal knows them: versions, what is live, what stands still and why.
 *
 * VERSION body: {"number":3,"kind":"file"|"settings"|"restore"|"emergency","text":"…lua…",
 *   "manifest":{…},"values":{name:value},"local":{community:{name:value}},
 *   "hash":"sha256 hex of text and values","author":"name","reason":"…","parent":2,
 *   "from_seq":n}
 * STATUS body: {"state":"running"|"stopped"|"paused"|"missing","by":"name"|null,
 *   "reason":"…"|null,
 *   "fault":{"seq":n,"type":"ent_income","key":"E1|2020-06","line":12,"message":"…"}|null}
 *
 * manifest (what `wangyi engine check` finds out by loading the script):
 *   {"title","office",
 *   "settings":[{"name","label","unit","default","min","max","choices","per"}],
 *   "on":["ent_change"],"removed":[],
 *   "every":[{"at":"monthly d10 08:00","over":"enterprise"|null}],"wake":bool,"reads":[…],
 *   "also":[…],"bulk_guard":bool,"rejudge":{type:field},
 *   "life":{kind:{"close","evidence":[],"results":[],
 *     "limits":{"sign","close",…}|{level:{…}},"quiet","hold","flap"}},"examples":[names]}
 */
#ifndef WY_DOMAIN_SCENARIO_H
#define WY_DOMAIN_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "store/txn.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct dataset_board;
struct json;
struct json_w;
struct view;

/* The version in force as of a seq, with its manifest parsed. Lives in the arena. */
struct scenario {
    struct span id, title, office;
    uint64_t version_seq; /* of the VERSION entry: what cursors and outcomes name */
    int64_t number;
    uint64_t from_seq;
    struct span text, hash, author, reason, kind;
    int64_t at;
    const struct json *manifest;
    const struct json *values, *local; /* only what differs from the defaults */
};
bool scenario_get(struct view *v, struct arena *a, struct span id, uint64_t as_of,
                  struct scenario *out, struct err *e); /* ERR_MISSING */
/* Ids of all scenarios that have a version, in order of id. */
size_t scenario_list(struct view *v, struct arena *a, const struct span **ids, struct err *e);

enum scenario_state { SCENARIO_RUNNING, SCENARIO_STOPPED, SCENARIO_PAUSED, SCENARIO_MISSING };
struct scenario_status {
    enum scenario_state state;
    struct span by, reason;
    const struct json *fault; /* NULL: none */
};
/* Running if there is no STATUS yet. */
void scenario_status(struct view *v, struct arena *a, struct span id,
                     struct scenario_status *out);

/* Commands, inside the writer. The cursor's version moves with a publish, so outcomes of the
 * version before are refused from then on; from_seq is the cursor + 1 (a first version starts
 * at the head: it judges what comes from now on). A publish of a stopped scenario starts it
 * again. */
struct scenario_publish {
    struct span id, text, kind, author, reason;
    struct span manifest; /* JSON text from `wangyi engine check` */
    struct span values,
        local; /* JSON objects; SPAN_NONE keeps those of the version before (unknown names drop) */
    uint64_t expected_version; /* version_seq the author saw; 0 = any. ERR_CONFLICT otherwise */
};
bool scenario_publish(struct txn *t, const struct scenario_publish *p, uint64_t *version_seq,
                      struct err *e);
/* Checks the values against the manifest's settings (type, min, max, choices, per), then
 * publishes kind "settings". `changes` is a JSON object name → value (null = back to
 * default). */
bool scenario_set_values(struct txn *t, struct span id, const struct json *changes,
                         struct span community, struct span author, struct span reason,
                         struct err *e);
bool scenario_pause(struct txn *t, struct span id, struct span by, struct span reason,
                    struct err *e);
enum scenario_resume { RESUME_RETRY, RESUME_SKIP, RESUME_BACK };
/* RETRY: try the same entry again. SKIP: the cursor moves past the entry of the fault. BACK:
 * publish the version before (kind "restore") and retry. */
bool scenario_resume(struct txn *t, struct span id, enum scenario_resume how, struct span by,
                     struct span reason, struct err *e);
/* The engine (fault) and the watchdog say that it stands still. */
bool scenario_stop(struct txn *t, struct span id, const struct json *fault, uint64_t cause,
                   struct err *e);

/* Its file is gone: it stands still until a publish (of the same text, too) brings it back. */
bool scenario_missing(struct txn *t, struct span id, struct err *e);

/* Counters of what runs, told by the engine, for views and /metrics; not in the journal. */
struct scenario_counters {
    uint64_t runs, errors, unknown;
};
/* One item of GET /scenarios. Appends a whole JSON object; `board` says what it can see. */
void scenario_view(struct view *v, struct arena *a, const struct dataset_board *board,
                   const struct scenario *s, const struct scenario_counters *counters,
                   struct json_w *w);
/* The same with text, settings with values, examples, log. */
void scenario_view_full(struct view *v, struct arena *a, const struct dataset_board *board,
                        const struct scenario *s, const struct scenario_counters *counters,
                        struct json_w *w);
/* {"items":[…]}, newest first. */
void scenario_view_versions(struct view *v, struct arena *a, struct span id, struct json_w *w);

#endif
