/*
 * What can be said about a script without running its handlers: does it compile and load, has its table the
 * shape of scripts/api/scenario.lua, do the names in it exist. The rules themselves are Lua: scripts/host/.
 */
#ifndef WY_ENGINE_SHAPE_H
#define WY_ENGINE_SHAPE_H

#include <stdbool.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/json.h"
#include "util/span.h"

struct sandbox_modules;
struct street;

struct shape {
    const struct json
        *problems; /* array of {"line"?,"column"?,"code","message"}, in order of lines */
    const struct json *manifest; /* domain/scenario.h; NULL unless there are no problems */
};
/* `values`: JSON object of settings as staff have set them (SPAN_NONE: none); they must fit the new script's
 * bounds. Everything in `a`. False only if it could not be tried. */
bool shape_check(struct arena *a, const struct street *street,
                 const struct sandbox_modules *modules, struct span id, struct span text,
                 struct span values, struct shape *out, struct err *e);

#endif
