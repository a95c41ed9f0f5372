/* Questions to a short-lived engine process of its own (engine/engine.h): what serve and the commands share. */
#ifndef WY_CLI_QUESTION_H
#define WY_CLI_QUESTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct question {
    const char *what; /* "backtest", "explain" */
    const char *data_dir, *scripts_dir;
    struct span request;                                        /* JSON */
    void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
    void *ctx;
    const atomic_bool *cancel; /* may be NULL */
    int limit_ms;              /* killed when it says nothing for so long */
};
/* Appends the result as JSON. */
bool question_ask(const struct question *q, struct buf *json, struct err *e);

/* The result of a backtest for people: as a text, or its differences as CSV. */
void backtest_tell(struct span result, struct buf *text);
void backtest_csv(struct span result, struct buf *text);

#endif
