/*
 * Why did it fire, why did it not: the judgements of one subject up to a moment, run again as of then, with the
 * version and settings in force then, by the same code (evaluate.h), with somebody looking on. Nothing is
 * written. Not judged at all is an answer, too: no trigger, or which condition of `where` kept the subject out.
 */
#ifndef WY_ENGINE_EXPLAIN_H
#define WY_ENGINE_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct sandbox_modules;
struct store;
struct street;

struct explain_request {
    struct span id;
    struct span
        about; /* "enterprise|E1": a type and the key, or the beginning of it without its time */
    int64_t at; /* the last moment that counts; INT64_MAX: now */
};
/* Appends one JSON object (notes: API.md). ERR_INPUT, ERR_MISSING say what is wrong with the request. */
bool explain_run(struct store *store, struct street *street,
                 const struct sandbox_modules *modules, const struct explain_request *r,
                 struct buf *json, struct err *e);

#endif
