/*
 * One version of a scenario, loaded: its Lua state, its handlers found, its settings at hand. Made when a
 * version goes live, for each example, for each case. Belongs to one thread.
 */
#ifndef WY_ENGINE_INSTANCE_H
#define WY_ENGINE_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/dictionary.h"
#include "domain/record.h"
#include "domain/scenario.h"
#include "engine/sandbox.h"
#include "util/arena.h"
#include "util/calendar.h"
#include "util/err.h"

struct evaluation;
struct json;
struct street;

struct instance_handler {
    const struct type *type;
    int function; /* registry reference */
};
struct instance_every {
    struct span at; /* as written: "daily 07:00"; what TICK entries name */
    struct schedule schedule;
    const struct type *over; /* NULL: once, without a subject */
    struct record_where *where;
    size_t where_count;
    int function;
};
struct instance_setting {
    struct span name;
    bool local; /* per = "community" */
    const struct json *fallback;
};
/* A late record of `type` makes the subject named by `field` be judged again: by its id, or where `by` names a
 * field of the subject ("water_meter_id"), the one that holds the same value there. */
struct instance_rejudge {
    const struct type *type;
    int field;
    struct span by; /* empty: its id */
};

struct instance {
    struct arena arena; /* all that lives as long as the instance, the scenario included */
    struct scenario scenario;
    struct street *street; /* a reference */
    struct dictionary *dictionary;
    const struct sandbox_modules *modules; /* borrowed */
    struct sandbox *box;
    struct instance_handler *on, *removed;
    size_t on_count, removed_count;
    struct instance_every *every;
    size_t every_count;
    struct instance_setting *settings;
    size_t setting_count;
    struct instance_rejudge *rejudge;
    size_t rejudge_count;
    const struct json *values,
        *local; /* what differs from the fallbacks; a test may put others here */
    bool may_alert, may_topic;
    bool *may_read; /* by place in the dictionary */
    struct span *also;
    size_t also_count;
    int wake;    /* registry references; LUA_NOREF where there is none */
    int script;  /* the table that the script returned */
    int context; /* the ctx object */
    int rows;    /* metatables of rows by type */
    bool bulk_guard;
    bool steady; /* a kind of alert has a hold time or a flap limit */

    /* Told of each named check: the script's line and how it went; NULL: nobody asks. */
    void (*checked)(void *ctx, int line, bool pass);
    void *checked_ctx;
    struct evaluation *running; /* NULL between calls */
    struct arena spare[3];      /* empty ones, kept from one entry to the next */
    uint64_t generation;        /* rows of an earlier call are refused */

    /* Alerts of `on`, `removed` and `wake` in this minute; the cursor keeps them over a restart. */
    uint64_t minute_at, minute_alerts;
};

/* `s` must have been read into *take_arena, which becomes the instance's (also on failure, where it is
 * freed). NULL with *f filled if the script is at fault (f->text says it), else with *e. */
struct instance *instance_new(struct street *street, const struct sandbox_modules *modules,
                              struct arena *take_arena, const struct scenario *s,
                              struct fault *f, struct err *e);
void instance_free(struct instance *in); /* accepts NULL */

/* Is there anything that an entry of this type may set off? (0: no; else a handler's index + 1) */
const struct instance_handler *instance_on(const struct instance *in, uint16_t type);
const struct instance_handler *instance_removed(const struct instance *in, uint16_t type);
bool instance_wants(const struct instance *in, uint16_t type);
/* The value in force for a community (may be empty). NULL: no such setting. */
const struct json *instance_setting(const struct instance *in, struct span name,
                                    struct span community);

#endif
