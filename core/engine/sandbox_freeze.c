/*
 * Views of tables that nobody can change: modules, library tables, settings, office.org. A view is an empty
 * table whose metatable leads to the real one; children that are tables are viewed when they are first read,
 * and the same child always by the same view. Scripts cannot come by the metatable.
 */
#include "engine/sandbox_impl.h"

static const char real_key; /* metatable[&real_key] = the table behind the view */

static bool is_view(lua_State *L, int index)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    int type = lua_rawgetp(L, -1, &real_key);
    lua_pop(L, 2);
    return type == LUA_TTABLE;
}

bool sandbox_thaw(lua_State *L, int index)
{
    if (!is_view(L, index))
        return false;
    index = lua_absindex(L, index);
    lua_getmetatable(L, index);
    lua_rawgetp(L, -1, &real_key);
    lua_replace(L, index);
    lua_pop(L, 1);
    return true;
}

static int view_write(lua_State *L) // view, key, value
{
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    return luaL_error(L, "这张表是只读的，不能改 %s", key);
}

static int view_length(lua_State *L)
{
    sandbox_thaw(L, 1);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

static int no_field(lua_State *L) // real, key; upvalue: name
{
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    return luaL_error(L, "%s 里没有 %s", lua_tostring(L, lua_upvalueindex(1)), key);
}

/* Turn the table at the top into its cached view; `cache` is the index of the cache. */
static void freeze_child(lua_State *L, int cache) // …, child
{
    cache = lua_absindex(L, cache);
    if (is_view(L, -1))
        return;
    lua_pushvalue(L, -1);
    if (lua_rawget(L, cache) != LUA_TNIL) { // …, child, view
        lua_remove(L, -2);
        return;
    }
    lua_pop(L, 1);        // …, child
    lua_pushvalue(L, -1); // …, child, child
    sandbox_freeze(L, NULL);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2); // …, child, view, child, view
    lua_rawset(L, cache);
    lua_remove(L, -2); // …, view
}

static int view_read(lua_State *L) // view, key; upvalues: real, cache, name or nil
{
    lua_settop(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TTABLE)
        freeze_child(L, lua_upvalueindex(2));
    return 1;
}

static bool has_tables(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    for (lua_pushnil(L); lua_next(L, index);) {
        if (lua_istable(L, -1)) {
            lua_pop(L, 2);
            return true;
        }
        lua_pop(L, 1);
    }
    return false;
}

/* What the view asks for a field: the real table itself where it can (the interpreter then never leaves
 * its loop), a function where children have to be viewed. */
static void push_reader(lua_State *L, int real, int cache, const char *name)
{
    if (name) { // named tables are libraries: functions and plain values
        lua_newtable(L);
        lua_pushstring(L, name);
        lua_pushcclosure(L, no_field, 1);
        lua_setfield(L, -2, "__index");
        lua_setmetatable(L, real);
        lua_pushvalue(L, real);
    } else if (has_tables(L, real)) {
        lua_pushvalue(L, real);
        lua_pushvalue(L, cache);
        lua_pushcclosure(L, view_read, 2);
    } else {
        lua_pushvalue(L, real);
    }
}

void sandbox_freeze(lua_State *L, const char *name) // …, real
{
    luaL_checkstack(L, 8, NULL);
    if (is_view(L, -1))
        return;
    int real = lua_gettop(L);
    lua_newtable(L);                      // real, view
    lua_createtable(L, 0, 6);             // real, view, meta
    lua_newtable(L);                      // real, view, meta, cache
    push_reader(L, real, real + 3, name); // real, view, meta, cache, reader
    lua_setfield(L, -3, "__index");
    lua_setfield(L, -2, "__cache"); // real, view, meta
    lua_pushvalue(L, real);
    lua_rawsetp(L, -2, &real_key);
    lua_pushcfunction(L, view_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, view_length);
    lua_setfield(L, -2, "__len");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2); // real, view
    lua_remove(L, -2);
}

void sandbox_put_frozen_child(lua_State *L, int view) // …, child
{
    if (!lua_istable(L, -1) || !lua_getmetatable(L, view))
        return;
    lua_getfield(L, -1, "__cache"); // …, child, meta, cache
    lua_insert(L, -3);
    lua_pop(L, 1); // …, cache, child
    freeze_child(L, -2);
    lua_remove(L, -2);
}

void sandbox_check_plain(lua_State *L, int arg, bool thaw)
{
    luaL_checktype(L, arg, LUA_TTABLE);
    if (thaw)
        sandbox_thaw(L, arg);
    if (lua_getmetatable(L, arg)) {
        bool library = is_view(L, arg);
        lua_pop(L, 1);
        luaL_argerror(L, arg, library ? "这张表是只读的" : "这里只收没有元表的普通表");
    }
}
