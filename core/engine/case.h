/*
 * Stories with an expected end: the examples in a scenario's file and the lines of `wangyi test --cases`.
 * Each is told to the real host: its records, ticks and acts go through the journal of an empty store, one
 * entry after another, and its effects through domain/outcome.
 *
 * One step: settings, then what people do, then the records in order (each at its event time, if that lies
 * between the step before and `at`; timers due before it ring first), timers due up to `at`, then the records
 * that are `removed` (at `at`), what is due exactly at `at`, what people do to an alert that only this step has raised, and then `expect`.
 */
#ifndef WY_ENGINE_CASE_H
#define WY_ENGINE_CASE_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct case_bench;
struct json;
struct sandbox_modules;
struct store;
struct street;

/* Opens a store in a new folder that vanishes with the process. */
struct case_bench *case_bench_open(struct err *e);
/* The same store for other uses (backtest). */
struct store *case_store_open(size_t map_bytes, struct err *e);
void case_bench_close(struct case_bench *b); /* accepts NULL */

struct case_script {
    struct span id, text, manifest; /* manifest: JSON text */
    const struct street *street;
    const struct sandbox_modules *modules;
    void (*line)(void *ctx,
                 int line); /* each line of the script that runs in a handler; may be NULL */
    void (*check)(void *ctx, int line, bool pass); /* each named check; may be NULL */
    void *ctx;
};
/* `one`: {"name","given"|"records","at","settings","actions","expect","steps"}. True if it ended as
 * expected; else `why` says in what it differs, also when the script or the case itself is at fault. */
bool case_run(struct case_bench *b, const struct case_script *s, const struct json *one,
              struct buf *why);
/* The script's `examples` as a JSON array, in `json`. */
bool case_examples(const struct case_script *s, struct buf *json, struct err *e);

#endif
