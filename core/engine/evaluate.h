/*
 * THE one path: what one entry means for one scenario. Live evaluation, examples, cases, and later backtest and
 * explain all come through here.
 *
 * A script changes nothing: it leaves effects (domain/outcome.h) with the evidence of what it looked at. All
 * effects of one entry come together or, if the script is at fault, not at all.
 */
#ifndef WY_ENGINE_EVALUATE_H
#define WY_ENGINE_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/journal.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct instance;
struct json;
struct json_w;
struct sandbox_modules;
struct street;
struct tick_log;
struct view;

struct evaluation;
struct record_where;
struct type;
/* Explain looks on while an entry is judged, and keeps to one subject. */
struct evaluate_watch {
    /* What of the records of `over` it is about, at most 8 conditions; 0: nothing, they are not walked. */
    size_t (*narrow)(void *ctx, const struct type *over, struct record_where *out);
    void (*begins)(void *ctx, const struct evaluation *ev);
    void (*section)(void *ctx, const struct evaluation *ev, const struct type *t,
                    struct span id); /* ctx:subject; what was before it is still in the trace */
    void (*ends)(void *ctx, const struct evaluation *ev);
    void *ctx;
};

/* Where a script looks out from. */
struct evaluate_host {
    struct view *view;
    /* Backtest: where the scenario's own alerts, state and timers are, as they are now; NULL: in `view`, as of
     * the entry in hand. */
    struct view *own;
    struct tick_log *ticks; /* late.h */
    /* Before own alerts are read: everything that earlier entries caused must be in the view. False: it cannot
     * be brought there (refused, stopped), the evaluation is given up. NULL: it always is. */
    bool (*settle)(void *ctx, struct err *e);
    /* What an earlier entry set and the view does not have yet: true if known (value SPAN_NONE: forgotten). */
    bool (*state)(void *ctx, struct span key, struct span *value);
    /* Between two subjects: renew the view, tell the watchdog. */
    void (*pause)(void *ctx);
    void *ctx;
    const struct evaluate_watch *watch; /* NULL: nobody looks on */
    int alert_limit; /* alerts a minute from on, removed and wake; 0: no limit */
};

struct evaluate_fault {
    uint64_t seq;
    char type[64], key[256]; /* of the record in hand: "E1|2020-06" */
    int line;
    char message[400];
};

struct evaluated {
    struct buf effects; /* JSON objects, joined by ',' */
    uint32_t effect_count;
    uint64_t runs, unknown;
    uint64_t minute, alerts; /* alerts of the street's minute so far; 0: nothing to count */
    struct buf sets;         /* what ctx:set set: u32 sizes, key, value (no value: forgotten) */
    struct evaluate_fault fault;
};

void evaluated_free(struct evaluated *x);

enum evaluate_result {
    EVALUATE_DONE,   /* effects appended */
    EVALUATE_FAULT,  /* the script is at fault: out->fault; nothing appended */
    EVALUATE_BROKEN, /* the store or the host is: *e; nothing appended, try again later */
};
/* `entry` must be visible in the host's view. Appends to *out. */
enum evaluate_result evaluate_entry(struct instance *in, const struct evaluate_host *host,
                                    const struct entry *entry, struct evaluated *out,
                                    struct err *e);
/* Append the outcome of (from, to] as domain/outcome.h wants it. */
void evaluate_outcome_write(struct buf *out, struct span scenario, uint64_t version,
                            uint64_t from, uint64_t to, const struct evaluated *x, bool fault);

/* Open the throw-away store of examples: before the process gives up opening files. Done once. */
bool evaluate_prepare(struct err *e);
/* Examples of a script that has passed the shape check, each in an empty store of its own: one {"name","ok",
 * "message"} each into an open array. False only if it could not be tried. */
bool evaluate_examples(const struct street *street, const struct sandbox_modules *modules,
                       struct span id, struct span text, const struct json *manifest,
                       struct json_w *examples, bool *all_ok, struct err *e);

#endif
