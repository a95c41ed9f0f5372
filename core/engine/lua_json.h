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

struct lua_json_style {
    size_t max_bytes;
    bool number_names; /* [2020] = … becomes the member "2020" (unless the keys are 1 … n) */
    const char *const
        *lists; /* ends with NULL. If given, an empty table is [] under these names, else {} */
};
/* Append the value at `index`. ERR_INPUT with a Chinese text, and nothing appended, if it cannot be said in
 * JSON (functions, NaN, mixed keys, cycles, text that is not UTF-8) or is too large. `style` NULL: 64 KiB.
 * Charged; may raise when the budget is used up, so `b` must belong to the host, not to a C frame. */
bool lua_json_put(struct lua_State *L, int index, struct buf *b,
                  const struct lua_json_style *style, struct err *e);
/* The same behind a name or in an array of an open writer; on failure the writer is as it was before. */
bool lua_json_write(struct lua_State *L, int index, struct json_w *w, struct err *e);
/* Push a parsed value; null becomes nil. Charged; may raise. */
void lua_json_push(struct lua_State *L, const struct json *v);
/* Parse and push. False (nothing pushed) if the text is no JSON. */
bool lua_json_push_text(struct lua_State *L, struct span text, struct err *e);

#endif
