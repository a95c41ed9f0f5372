/*
 * Beside the writer in the server: starts the engine process, hands its outcomes to the writer, tells it
 * what was committed, watches its shared page, kills what hangs, sets the scenario aside and starts
 * the engine again. Knows no Lua.
 */
#ifndef WY_ENGINE_SUPERVISOR_H
#define WY_ENGINE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/scenario.h"
#include "util/err.h"

struct store;
struct street;
struct supervisor;
struct writer;

struct supervisor_options {
    const char *self; /* path of this binary */
    const char *data_dir, *scripts_dir;
    struct store *store;
    struct writer *writer;
    int alert_limit; /* handed on to the engine process */
    int wall_ms;     /* a single evaluation that takes longer is a hang; 0 = 10 000 */
};
/* Starts a thread and the process. Register supervisor's commit listener before the first command. */
struct supervisor *supervisor_start(const struct supervisor_options *o, struct err *e);
void supervisor_stop(struct supervisor *s);
/* A version, settings, a pause, a resume or the office's files changed: the engine looks again. */
void supervisor_changed(struct supervisor *s);
/* True when every running scenario's cursor has reached `seq`. Waits at most `ms`. Any thread. */
bool supervisor_caught_up(struct supervisor *s, uint64_t seq, int ms);
void supervisor_counters(struct supervisor *s, struct span scenario,
                         struct scenario_counters *out);

struct supervisor_stats {
    bool running; /* a process is there and has said that it is ready */
    uint64_t restarts, outcomes, refused, set_aside;
    uint64_t slowest_cursor; /* of the running scenarios */
    int pid;
};
void supervisor_stats(struct supervisor *s, struct supervisor_stats *out);

#endif
