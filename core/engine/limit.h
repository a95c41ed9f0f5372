/*
 * How much a script may do in one call: instructions, host calls, memory. Deterministic: the same call on the
 * same data ends at the same place on every machine. The clock (deadline_ms, processor time of this thread)
 * is the watchdog's little brother: far beyond what the other limits let a sound script need, it catches
 * single instructions that do a lot of work, and like the watchdog it can only stop, never change a result.
 *
 * A hit limit is sticky: pcall, coroutines and __close cannot swallow it; the call ends, and the state is
 * finished (sandbox_is_dead): make a new one.
 */
#ifndef WY_ENGINE_LIMIT_H
#define WY_ENGINE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_State;

struct limit_budget {
    int64_t steps;      /* Lua instructions, and work in C charged as such */
    int64_t host_calls; /* ctx:…, field reads */
    size_t memory;      /* bytes held by the whole state */
    int64_t deadline_ms;
};
extern const struct limit_budget
    limit_small; /* on, removed, wake; tick per subject: 5 M, 200 k, 16 MiB */
extern const struct limit_budget limit_large; /* tick without `over`: 50 M, 1 M, 64 MiB */

enum limit_hit {
    LIMIT_FREE, /* nothing was hit */
    LIMIT_STEPS,
    LIMIT_HOST_CALLS,
    LIMIT_MEMORY,
    LIMIT_STRING, /* a single text too long */
    LIMIT_BLOCK,  /* a single table too large, or recursion too deep */
    LIMIT_DEADLINE,
};

enum {
    LIMIT_STRING_MAX = 1 << 20, /* bytes of one string */
    LIMIT_BLOCK_MAX = 4 << 20,  /* bytes of any one block */
};

/* For bindings; each raises a Lua error that ends the call when the budget is used up. */
void limit_charge(struct lua_State *L,
                  int64_t steps); /* work done in C, in the worth of instructions */
void limit_host_call(
    struct lua_State *L); /* at the start of every function of ctx and of a row */
/* ctx:subject: the budget starts anew for the next subject of this call. All subjects of one call together
 * may use ten times limit_large's steps and host calls, and be 100,000. */
void limit_renew(struct lua_State *L);

/* What this call has used so far, for tests, traces and metrics. */
struct limit_used {
    int64_t steps, host_calls;
    size_t memory;
};
struct limit_used limit_used(struct lua_State *L);

#endif
