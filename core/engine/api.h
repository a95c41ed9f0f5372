/*
 * What a script can call: ctx and the records it hands out. Each group of functions has a file of its own
 * (api_X.c); this header is what they share, and what evaluate.c needs to set a call up. Not for other
 * folders.
 *
 * Every binding: limit_host_call, check arguments (may raise), plain C that cannot raise, push results.
 * Nothing on the C heap is held while Lua may raise: everything lives in the arenas of the evaluation.
 */
#ifndef WY_ENGINE_API_H
#define WY_ENGINE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lauxlib.h>
#include <lua.h>

#include "domain/alert.h"
#include "domain/street.h"
#include "engine/evaluate.h"
#include "engine/instance.h"
#include "engine/trace.h"

enum effect_kind {
    EFFECT_ALERT,
    EFFECT_CLEAR,
    EFFECT_RETRACT,
    EFFECT_SET,
    EFFECT_WAKE,
    EFFECT_SLEEP,
    EFFECT_LOG,
    EFFECT_TOPIC,
};
/* One effect; texts live in the evaluation's `keep`. */
struct effect {
    enum effect_kind kind;
    struct span key;
    enum alert_level level; /* EFFECT_ALERT */
    struct span members;    /* JSON members behind do, cause, key (and level): ,"title":… */
    struct span evidence;   /* EFFECT_ALERT: JSON object */
    struct span alert_kind; /* EFFECT_ALERT */
    struct span reason;     /* EFFECT_CLEAR */
    bool close;             /* EFFECT_CLEAR: it may close */
    int64_t now;            /* alert, clear: of the judgement */
    bool dropped;           /* merged into another, or overruled */
};
struct effects {
    struct effect *items;
    size_t count, cap;
};
struct unknown { /* ctx:unknown, by reason */
    struct span reason;
    uint64_t count;
    struct unknown *next;
};

/* The bulk guard of a tick (scenarios.md 1.6, 3), while its alerts come: once it is sure to strike, fresh ones
 * are counted and no longer built, so that a source that fails makes one alert and not a fault. */
struct bulk {
    bool on, strikes;
    size_t seen;    /* alerts so far */
    size_t look_at; /* … and how many of them there may be before their keys are looked up */
    uint64_t dropped;
};

/* One entry being judged by one scenario. */
struct evaluation {
    struct instance *in;
    const struct evaluate_host *host;
    const struct entry *entry; /* the journal entry in hand: cause of all effects */
    struct arena keep;         /* until the entry is done: effects */
    struct arena scratch;      /* until the call is over: rows, trace */
    struct arena brief; /* until the next binding that uses it: what goes to Lua as copies */
    uint64_t as_of;     /* records are read as of this seq */
    int64_t now;
    const char *quiet; /* quiet_default of alerts */
    bool settled;
    bool again; /* judged again because of a late record */
    /* Judged again as it was then: own alerts and state as of this seq; 0: as they are. */
    uint64_t own_as_of;
    struct street_workdays days;

    /* what the running call is about */
    const char *by;                     /* "on", "removed", "wake", "every" */
    const struct instance_every *every; /* by "every": which */
    const struct type *type;            /* NULL: no record in hand */
    const struct entry *row;
    struct span community; /* of the subject or record; may be empty */
    struct trace trace;
    struct api_scan *scans; /* open walks */

    struct effects *effects; /* where the running call's effects go */
    struct unknown *unknown;
    uint64_t runs, unknowns, calls, logged, topics;
    struct bulk bulk;
    struct buf json; /* scratch text that may outlive a raise */
    struct err stop; /* the store failed or the host gave up: code set */
};

/* Set-up of instance.c and evaluate.c; inside a protected call. */
void api_push_context(lua_State *L, struct instance *in);
void api_push_row(lua_State *L, struct evaluation *ev, const struct type *t,
                  const struct entry *e);
void api_scans_close(struct evaluation *ev);

/* For api_X.c. */
struct evaluation *api_enter(lua_State *L,
                             const char *function); /* charges, checks that `:` was used */
/* Give the evaluation up because of *e (copied); raises. */
int api_stop(lua_State *L, struct evaluation *ev, const struct err *e);
/* A text argument (numbers count as text), copied nowhere; raises with the function's and argument's names. */
struct span api_text(lua_State *L, int index, const char *function, const char *what);
const struct type *api_type(lua_State *L, struct evaluation *ev, int index,
                            const char *function);
const struct type *api_type_named(lua_State *L, struct evaluation *ev, struct span name);
int64_t api_time(lua_State *L, int index, const char *function, const char *what);
/* The Lua value as the field's index text (row_put_text's form). False: not of the field's kind. */
bool api_field_text(lua_State *L, int index, const struct field *f, struct arena *a,
                    struct span *out);
/* {field = value} at `index` into the arena. */
struct record_where *api_where(lua_State *L, struct evaluation *ev, int index,
                               const struct type *t, const char *function, size_t *count);
/* "30min" "24h" "30d" before now → the first moment that counts. */
int64_t api_window(lua_State *L, struct evaluation *ev, int index, const char *function);
void api_push_span(lua_State *L, struct span s);
void api_push_time(lua_State *L, int64_t us);
/* Refuse members that are not in the NULL-ended list; raises naming the nearest. */
void api_members(lua_State *L, int index, const char *function, const char *const *allowed);
/* A text member of the table, copied to scratch; SPAN_NONE: not given. Raises if it is longer than `max` bytes. */
struct span api_member(lua_State *L, int table, const char *name, const char *function,
                       size_t max, bool one_line);
/* A member of the table at 2 that is a list of texts, copied to `keep`. */
struct span *api_list_member(lua_State *L, struct evaluation *ev, const char *function,
                             const char *name, size_t *count, bool *given);
/* The name in the list nearest to `wrong`, or NULL. */
const char *api_nearest(struct span wrong, const char *const *names);
/* Community of the subject's latest record; empty if it has none. */
struct span api_community(struct evaluation *ev, const struct type *t, struct span id);
struct span api_row_community(struct evaluation *ev, const struct type *t,
                              const struct entry *e);

struct effect *api_effect(struct evaluation *ev, enum effect_kind kind, struct span key);
/* More alerts of one run than this, whose keys are not yet open, are one alert. */
enum { BULK_MAX = 200 };
/* Is there no open alert with this key? False with e->code set: the store failed. Uses `brief`. */
bool api_is_fresh(struct evaluation *ev, struct span key, struct err *e);

/* Where the scenario's own alerts, state and timers are read, and as of which seq. */
static inline struct view *api_own(const struct evaluation *ev)
{
    return ev->host->own ? ev->host->own : ev->host->view;
}
static inline uint64_t api_own_seq(const struct evaluation *ev)
{
    if (ev->own_as_of)
        return ev->own_as_of;
    return ev->host->own ? UINT64_MAX : ev->entry->seq - 1;
}
/* Earlier effects become visible, see evaluate_host.settle. False: *e, and the evaluation must be given up. */
bool api_settle(struct evaluation *ev, struct err *e);
/* Effects the host makes by itself: more than 200 fresh alerts at once; an alert that no longer stands. */
void api_bulk_alert(struct evaluation *ev, size_t fresh);
/* What the running call has looked at, as alerts keep it (domain/alert.h). In `keep`. */
struct span api_evidence(struct evaluation *ev);
void api_retract(struct evaluation *ev, struct span key, struct span reason);
/* Members of EFFECT_CLEAR in `keep`. */
struct span api_clear_members(struct evaluation *ev, struct span reason, bool close,
                              int64_t now);
/* What the scenario has set under this key, as JSON text; SPAN_NONE: nothing. Lives until `brief` is emptied. */
bool api_state_read(struct evaluation *ev, struct span key, struct span *value, struct err *e);

/* The functions of ctx by file; each table ends with {NULL, NULL}. */
extern const luaL_Reg api_find_functions[], api_list_functions[], api_alert_functions[],
    api_state_functions[], api_check_functions[], api_opinion_functions[];

#endif
