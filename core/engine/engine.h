/*
 * The doors of the engine floor: what cli/ starts. Everything that knows Lua is behind them.
 */
#ifndef WY_ENGINE_ENGINE_H
#define WY_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct street;

/* `wangyi engine`: the process the supervisor starts. `control` is its socket, `head_fd` the eventfd that says
 * that the journal has grown, `page_fd` the shared page (engine/page.h). Returns the exit code. */
struct engine_options {
    const char *data_dir, *scripts_dir;
    int control, head_fd, page_fd;
    int alert_limit; /* alerts a minute of one scenario from on, removed, wake; 0: no limit */
};
int engine_run(const struct engine_options *o);

/* `wangyi engine office`: scripts/office/{records,org,calendar}.lua as one JSON object
 * {"records":…,"org":…,"calendar":…}. Errors name file and line. */
bool engine_office(const char *scripts_dir, struct buf *json, struct err *e);

/* Check one script: syntax, shape, fields, settings, then its examples. Always writes
 * {"ok":bool,"problems":[{"line","column","code","message"}],"examples":[{"name","ok","message"}],
 *  "manifest":{…}|null} (manifest: domain/scenario.h). `street` gives dictionary and offices.
 * False only if it could not be tried at all. Gives up the process's privileges for good: one check a process. */
bool engine_check(const struct street *street, const char *scripts_dir, struct span id,
                  struct span text, struct span values, struct buf *json, struct err *e);

/* `wangyi engine backtest` and `wangyi engine explain`: one question about what is stored in data_dir, which is only
 * read. `request` is JSON (notes: API.md). `line` gets JSON texts: any number of {"progress":{"done","total"}}, then
 * {"result":{…}} or {"error":{"code","message"}}. Gives up the process's privileges for good: one question a process. */
struct engine_question {
    const char *data_dir, *scripts_dir;
    struct span request;
    void (*line)(void *ctx, struct span json);
    void *ctx;
};
void engine_backtest(const struct engine_question *q);
void engine_explain(const struct engine_question *q);

/* `wangyi engine feed`: the process that turns foreign formats into records (scripts/feeds), asked over the
 * socket `control` by engine/feeder.h. Returns the exit code. */
int engine_feed(const struct street *street, const char *scripts_dir, int control);
/* One file of scripts/feeds with its examples: JSON as engine/adapter.h's adapter_new writes it. Gives up the
 * process's privileges for good. False only if it could not be tried at all. */
bool engine_feed_check(const struct street *street, const char *scripts_dir, struct span name,
                       struct span text, struct buf *json, struct err *e);

/* `wangyi test`: examples of the given scenario files, or the cases of an NDJSON file; one line each to
 * `out`. Returns how many failed, -1 if nothing could be run. */
struct engine_test {
    const char *scripts_dir, *scenarios_dir;
    const char *const *ids; /* NULL: all */
    int id_count;
    const char *cases; /* NDJSON file, or NULL */
    bool json, verbose;
    bool table; /* instead of lines of text: a Markdown table of the scenarios */
};
int engine_test(const struct engine_test *t, struct buf *out, struct err *e);

#endif
