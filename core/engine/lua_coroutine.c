/*
 * coroutine.* for scripts: create resume wrap yield status isyieldable running. A new coroutine starts with a
 * counter of its own that has not counted yet, so making one costs what that counter could hide. Nothing
 * closes a coroutine: its pending __close would run with the hook switched off.
 */
#include "engine/sandbox_impl.h"

enum { CREATE_COST = 1000, RESUME_COST = 20 };

static lua_State *check_thread(lua_State *L, int arg)
{
    luaL_checktype(L, arg, LUA_TTHREAD);
    return lua_tothread(L, arg);
}

static const char *status_of(lua_State *L, lua_State *co)
{
    if (L == co)
        return "running";
    switch (lua_status(co)) {
    case LUA_YIELD:
        return "suspended";
    case LUA_OK: {
        lua_Debug ar;
        if (lua_getstack(co, 0, &ar))
            return "normal";
        return lua_gettop(co) == 0 ? "dead" : "suspended";
    }
    default:
        return "dead";
    }
}

/* Arguments at the top of L; afterwards results (their number), or the error and -1. */
static int resume(lua_State *L, lua_State *co, int nargs)
{
    struct limit *l = &sandbox_of(L)->limit;
    limit_charge(L, RESUME_COST + nargs / 4);
    if (!lua_checkstack(co, nargs)) {
        lua_pushliteral(L, "参数太多");
        return -1;
    }
    lua_xmove(L, co, nargs);
    lua_State *outer = l->current;
    int n = 0;
    l->current = co;
    int status = lua_resume(co, L, nargs, &n);
    l->current = outer;
    limit_reraise(L);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, n + 1)) {
        lua_pop(co, n);
        lua_pushliteral(L, "结果太多");
        return -1;
    }
    lua_xmove(co, L, n);
    return n;
}

static int co_create(lua_State *L) // function
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    limit_charge(L, CREATE_COST);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int co_resume(lua_State *L) // coroutine, arguments …
{
    lua_State *co = check_thread(L, 1);
    int n = resume(L, co, lua_gettop(L) - 1);
    lua_pushboolean(L, n >= 0);
    n = n < 0 ? 1 : n;
    lua_insert(L, -(n + 1));
    return n + 1;
}

static int wrapped(lua_State *L) // arguments …; upvalue: coroutine
{
    int n = resume(L, lua_tothread(L, lua_upvalueindex(1)), lua_gettop(L));
    if (n >= 0)
        return n;
    if (lua_type(L, -1) == LUA_TSTRING) { // say where it was resumed, as stock Lua does
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int co_wrap(lua_State *L) // function
{
    co_create(L);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

static int co_yield (lua_State *L)
{
    limit_charge(L, lua_gettop(L) / 4);
    return lua_yield(L, lua_gettop(L));
}

static int co_status(lua_State *L)
{
    lua_pushstring(L, status_of(L, check_thread(L, 1)));
    return 1;
}

static int co_isyieldable(lua_State *L)
{
    lua_pushboolean(L, lua_isyieldable(lua_isnone(L, 1) ? L : check_thread(L, 1)));
    return 1;
}

static int co_running(lua_State *L)
{
    lua_pushboolean(L, lua_pushthread(L));
    return 2;
}

static const luaL_Reg coroutine_functions[] = {
    {"create", co_create}, {"isyieldable", co_isyieldable},
    {"resume", co_resume}, {"running", co_running},
    {"status", co_status}, {"wrap", co_wrap},
    {"yield", co_yield },  {NULL, NULL},
};

void sandbox_open_coroutine(lua_State *L)
{
    luaL_newlib(L, coroutine_functions);
    sandbox_freeze(L, "coroutine");
}
