/* Private to supervisor.c (the thread, the doors), supervisor_child.c (the process) and supervisor_outcome.c
 * (what goes between the process and the writer). */
#ifndef WY_ENGINE_SUPERVISOR_IMPL_H
#define WY_ENGINE_SUPERVISOR_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "engine/page.h"
#include "engine/supervisor.h"
#include "util/buf.h"

struct outcome_command;

struct counted {
    char scenario[PAGE_NAME];
    struct scenario_counters counters;
    struct counted *next;
};

/* A scenario to be set aside at an entry, until a process has said so in an outcome. */
struct aside {
    char scenario[PAGE_NAME];
    uint64_t seq;
    const char *why;
    struct aside *next;
};

struct supervisor {
    struct supervisor_options options;
    char alert_limit[16];
    pthread_t thread;
    struct page *page;
    int page_fd, head_fd,
        wake_fd; /* head: the journal has grown; wake: this thread is wanted */

    /* the process; the supervisor's thread only */
    pid_t pid;
    int control;
    unsigned life; /* number of the process: answers to an earlier one go nowhere */
    struct buf in, out;
    int64_t started_at, start_at; /* clock_mono_us; start_at: not before */
    int backoff_ms;
    char crash_scenario[PAGE_NAME];
    uint64_t crash_seq;
    int crashes;
    struct aside *asides;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* seen has moved */
    /* under the lock */
    bool stopping, say_changed, ready;
    struct outcome_command *answered; /* done, to be acknowledged */
    int on_way;                       /* outcomes at the writer */
    uint64_t seen, seen_told;         /* counts once everything sent before it is done */
    struct counted *counted;
    struct supervisor_stats stats;

    /* the writer's thread only */
    struct street *street;
    _Atomic bool street_old;
    struct supervisor *next; /* of the retired ones */
};

void supervisor_wake(int fd);
/* outcome: an engine's frame to the writer; what the writer answered to the engine. */
void supervisor_submit(struct supervisor *s, struct span frame);
void supervisor_answer(struct supervisor *s);
void supervisor_seen(struct supervisor *s); /* under the lock */
/* child: start one, look whether it hangs, wait `ms` for its end and then end it. */
void supervisor_child_start(struct supervisor *s);
void supervisor_child_look(struct supervisor *s);
void supervisor_child_reap(struct supervisor *s, int ms);
/* Read what the process says; false if it has closed its socket. */
bool supervisor_hear(struct supervisor *s);

#endif
