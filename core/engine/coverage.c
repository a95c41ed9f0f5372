#include "engine/coverage.h"

#include <string.h>

#include <lua.h>

#include "domain/scenario.h"
#include "engine/case.h"
#include "engine/instance.h"
#include "util/json.h"

/* The script's functions that its handlers can reach, and their lines. */
struct reach {
    const struct instance *in;
    const char *source;
    unsigned char *lines;
    size_t max;
    const void *seen[512];
    size_t count;
};

enum { TABLE_DEPTH = 3 };

static void reach_value(lua_State *L, struct reach *r, int depth);

/* The function at the top of the stack, and those it holds as upvalues. Pops it. */
static void reach_function(lua_State *L, struct reach *r)
{
    lua_Debug d;
    const void *p = lua_topointer(L, -1);
    bool known = lua_iscfunction(L, -1) || r->count == sizeof r->seen / sizeof *r->seen;
    for (size_t i = 0; i < r->count && !known; i++)
        known = r->seen[i] == p;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &d);
    if (known || strcmp(d.source, r->source) != 0 || !lua_checkstack(L, 10)) {
        lua_pop(L, 1);
        return;
    }
    r->seen[r->count++] = p;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">L", &d); // function lines
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        lua_Integer line = lua_tointeger(L, -2);
        if (line > 0 && line < (lua_Integer)r->max && line != d.lastlinedefined)
            r->lines[line] = 1;
    }
    lua_pop(L, 1);
    for (int i = 1; lua_getupvalue(L, -1, i); i++)
        reach_value(L, r, TABLE_DEPTH);
    lua_pop(L, 1);
}

/* A function, or a table that may hold some. Pops it. */
static void reach_value(lua_State *L, struct reach *r, int depth)
{
    if (lua_isfunction(L, -1)) {
        reach_function(L, r);
        return;
    }
    if (lua_istable(L, -1) && depth > 0 && lua_checkstack(L, 10)) {
        lua_pushnil(L);
        while (lua_next(L, -2))
            reach_value(L, r, depth - 1);
    }
    lua_pop(L, 1);
}

static void reach_ref(lua_State *L, struct reach *r, int function)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, function);
    if (lua_isfunction(L, -1))
        reach_function(L, r);
    else
        lua_pop(L, 1);
}

static int reach_all(lua_State *L)
{
    struct reach *r = lua_touserdata(L, 1);
    const struct instance *in = r->in;
    lua_Debug d;
    int some = in->wake;
    if (in->on_count)
        some = in->on[0].function;
    else if (in->every_count)
        some = in->every[0].function;
    lua_rawgeti(L, LUA_REGISTRYINDEX, some);
    if (!lua_isfunction(L, -1))
        return 0;
    lua_getinfo(L, ">S", &d);
    r->source = d.source;
    for (size_t i = 0; i < in->on_count; i++)
        reach_ref(L, r, in->on[i].function);
    for (size_t i = 0; i < in->removed_count; i++)
        reach_ref(L, r, in->removed[i].function);
    for (size_t i = 0; i < in->every_count; i++)
        reach_ref(L, r, in->every[i].function);
    reach_ref(L, r, in->wake);
    return 0;
}

bool coverage_lines(const struct case_script *s, unsigned char *lines, size_t max)
{
    struct scenario scenario = {.id = s->id, .text = s->text};
    struct arena arena = {0};
    struct fault f = {0};
    struct err e = {0};
    scenario.manifest = json_parse(&arena, s->manifest, NULL, NULL, &e);
    struct street *street = (struct street *)(uintptr_t)s->street;
    struct instance *in = instance_new(street, s->modules, &arena, &scenario, &f, &e);
    if (!in)
        return false;
    struct reach r = {.in = in, .lines = lines, .max = max};
    lua_State *L = sandbox_state(in->box);
    lua_pushcfunction(L, reach_all);
    lua_pushlightuserdata(L, &r);
    bool ok = sandbox_call(in->box, 1, 0, &limit_large, &f);
    instance_free(in);
    return ok;
}
