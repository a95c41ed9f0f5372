/*
 * Lua values as JSON text and back: state values, timer data, settings, manifests. Raw access only: no
 * metamethod runs. Integers stay integers. A table is an array if it has the keys 1 … n and no others, an
 * object (members sorted) if all keys are strings; an empty table is [] by default. Depth ≤ 16, text ≤ 64 KiB
 * (or as given).
 */
#ifndef WY_ENGINE_LUA_JSON_H
#define WY_ENGINE_LUA_JSON_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/json.h"
#include "util/span.h"

struct lua_State;

enum { LUA_JSON_DEPTH = 16, LUA_JSON_BYTES = 64 * 1024 };

/* Append the value at `index`. ERR_INPUT with a Chinese text if it cannot be said in JSON (functions, NaN,
 * mixed keys, cycles, text that is not UTF-8) or is too large (`max_bytes`, 0: LUA_JSON_BYTES). Charged; may
 * raise when the budget is used up, so `b` must belong to an arena-like owner (host), not to the C stack. */
bool lua_json_put(struct lua_State *L, int index, struct buf *b, size_t max_bytes, struct err *e);
/* The same behind a name or in an array of an open writer. */
bool lua_json_write(struct lua_State *L, int index, struct json_w *w, struct err *e);
/* Push a parsed value; null becomes nil. Charged; may raise. */
void lua_json_push(struct lua_State *L, const struct json *v);
/* Parse and push. False (nothing pushed) if the text is no JSON. */
bool lua_json_push_text(struct lua_State *L, struct span text, struct err *e);

#endif
