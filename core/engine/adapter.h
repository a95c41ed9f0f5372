/*
 * One file of scripts/feeds: what makes records of a foreign format. Loaded into a sandbox of its own, checked
 * by scripts/host/feed.lua with all of its examples, then called once a message. Keeps nothing but what the
 * file itself keeps in its locals.
 */
#ifndef WY_ENGINE_ADAPTER_H
#define WY_ENGINE_ADAPTER_H

#include <stdbool.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct adapter;
struct json;
struct sandbox_modules;
struct street;

/* Check `text` and make it ready. Always writes {"ok":bool,"problems":[{"message","line"?}],"feed":{…}|null} to
 * `json`; NULL if it has problems. `modules` and `street` are borrowed and must outlive it. */
struct adapter *adapter_new(struct span name, struct span text,
                            const struct sandbox_modules *modules, const struct street *street,
                            struct buf *json);
void adapter_free(struct adapter *a);

/* One message: `head` is {"type","headers":{…},"pictures":[…],"received_at","cursor"}, `body` its text. Writes
 * {"items":[{"type","record","once"?}|{"ignore"}|{"refuse","field"?}],"next":{"cursor","more"}?}. ERR_INPUT: the
 * message cannot be read; ERR_SCRIPT, ERR_LIMIT: the adapter is at fault. */
bool adapter_read(struct adapter *a, const struct json *head, struct span body,
                  struct buf *json, struct err *e);
/* What to ask the other side for next: {"url","headers":["Name: value"]}. */
bool adapter_ask(struct adapter *a, struct span cursor, struct buf *json, struct err *e);

#endif
