/*
 * One scenario in the engine process: its instance, its place in the journal, and what it has made since
 * the last outcome. Outcomes go out through process.c; until one is committed its state effects are kept
 * as an overlay, and if one is refused all that came after it is dropped and the cursor is read again.
 */
#ifndef WY_ENGINE_RUNNER_H
#define WY_ENGINE_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/evaluate.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/span.h"

struct instance;
struct page;
struct runner;
struct sandbox_modules;
struct street;
struct tick_log;
struct view;

/* The supervisor has killed a process over this entry: it is not judged again, its scenario is set aside. */
struct aside {
    char scenario[128], why[256];
    uint64_t seq;
    struct aside *next;
};

/* What all runners of the process share. */
struct engine {
    struct view *view;
    struct street *street;
    struct sandbox_modules *modules;
    struct tick_log *ticks;
    struct page *page;
    int alert_limit; /* now: 0 while the clock is held */
    int64_t renewed_at;
    struct aside *asides;
    /* Send a frame with this outcome. */
    void (*send)(struct engine *en, struct span json);
    /* Handle frames until this runner has no outcome on the way. False: the server is gone. */
    bool (*wait)(struct engine *en, struct runner *r);
};

enum runner_state {
    RUNNER_ASLEEP, /* paused, stopped, missing, or its fault is on the way */
    RUNNER_RUNNING,
    RUNNER_STALE, /* refused, or something about it changed: load again when nothing is on the way */
};
struct runner {
    struct engine *engine;
    char id[128];
    enum runner_state state;
    struct instance *in;
    uint64_t version;
    uint64_t cursor; /* last entry it has judged */
    uint64_t sent;   /* cursor of the last outcome that went out */
    int on_way;      /* outcomes sent and not answered */
    bool refused;
    struct evaluated made;  /* effects of (sent, cursor] */
    int64_t made_at;        /* clock_mono_us of the first thing not sent; 0: all is sent */
    struct evaluated entry; /* of the entry being judged */
    struct buf overlay;     /* u64 seq, then as evaluated.sets: one entry's sets each */
};

/* Move the view on. While the store cannot be read it waits; if that lasts, the process ends and the supervisor
 * starts another, with nobody to blame. */
void runner_renew(struct engine *en);
void runner_init(struct runner *r, struct engine *en, struct span id);
void runner_fini(struct runner *r);
/* Read version, status and cursor, load the instance if it is to run. Only with nothing on the way. */
void runner_load(struct runner *r);
/* True if what is loaded is what the journal says now. */
bool runner_is_current(struct runner *r);
void runner_stale(struct runner *r); /* drop what is not sent; load again soon */
/* Judge one entry if it concerns it; moves the cursor. The state tells what became of it. */
void runner_judge(struct runner *r, const struct entry *entry);
bool runner_wants(const struct runner *r, uint16_t type);
/* Send what has been made, or only the cursor. */
void runner_flush(struct runner *r);
/* The server's answer. */
void runner_answered(struct runner *r, uint64_t to, bool ok);

#endif
