/*
 * The server's side of `wangyi engine feed`: starts the process, gives it the files of scripts/feeds, asks it
 * one question at a time, kills it when it takes too long and starts another. A file that does not pass leaves
 * the one before in service.
 */
#ifndef WY_ENGINE_FEEDER_H
#define WY_ENGINE_FEEDER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct feeder;

/* `self` is this binary, `scripts_dir` is borrowed. Reads the files; starts the process with the first
 * question. Never fails: what is wrong is in feeder_list. */
struct feeder *feeder_new(const char *self, const char *scripts_dir);
void feeder_free(struct feeder *f);
/* Read the files again: who asks next meets the new ones. True if none has problems. Any thread, waits. */
bool feeder_reload(struct feeder *f);
/* [{"name","problem":text|null,"feed":{"title","types","accepts","pull"?,"examples"}|null}], by name: `feed` is
 * what serves, `problem` what is wrong with the file on disk. Any thread, may wait. */
void feeder_list(struct feeder *f, struct buf *json);
/* One message. `head` is a JSON object's members without braces ("\"type\":\"…\",…"), see adapter.h; `op` is
 * "read" or "ask". Writes the result. Any thread, waits. ERR_INPUT: the message; ERR_SCRIPT, ERR_LIMIT: the
 * adapter; ERR_MISSING: no such feed; ERR_SYSTEM: the process could not be had. */
bool feeder_call(struct feeder *f, const char *op, struct span feed, struct span head,
                 struct span body, struct buf *json, struct err *e);
/* How often the process was started anew. */
uint64_t feeder_restarts(struct feeder *f);

#endif
