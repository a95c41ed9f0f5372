/*
 * pairs, next and ipairs: through a table in a fixed order, numbers by size, then texts by bytes, then false
 * and true. (Stock order depends on addresses and on a random seed.) A table with two or more tables or
 * functions as keys has no such order and cannot be walked. New keys set during a walk are not met.
 */
#include <string.h>

#include "engine/sandbox_impl.h"

enum { FEW_KEYS = 16 };

/* Rank of a key's type in the order; 3: has no place in it. */
static int key_rank(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        return 0;
    case LUA_TSTRING:
        return 1;
    case LUA_TBOOLEAN:
        return 2;
    default:
        return 3;
    }
}

static bool text_less(lua_State *L, int a, int b)
{
    size_t n, m;
    const char *p = lua_tolstring(L, a, &n), *q = lua_tolstring(L, b, &m);
    int order = memcmp(p, q, n < m ? n : m);
    return order ? order < 0 : n < m;
}

static bool key_less_at(lua_State *L, int a, int b)
{
    int x = key_rank(L, a), y = key_rank(L, b);
    if (x != y)
        return x < y;
    if (x == 0)
        return lua_compare(L, a, b, LUA_OPLT);
    if (x == 1)
        return text_less(L, a, b);
    return x == 2 && lua_toboolean(L, a) < lua_toboolean(L, b);
}

static bool key_less(lua_State *L)
{
    return key_less_at(L, -2, -1);
}

static int no_order(lua_State *L)
{
    return luaL_error(L, "这张表用表或函数作键，没有固定的次序，不能遍历");
}

/* An emptied table keeps its size, and walking it takes as long as before; how long cannot be known from here, so
 * that attack is left to the deadline. */
static void charge_walk(lua_State *L, lua_Integer found)
{
    limit_charge(L, 10 + found * 4);
}

/* Put the `n` keys that lie on the stack from `base` on in order: by insertion, they are few. */
static void order_few(lua_State *L, int base, int n, int *order)
{
    for (int i = 0; i < n; i++) {
        int at = i;
        for (; at > 0 && key_less_at(L, base + i, base + order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

/* Most tables have few keys: they are put in order on the stack, without tables in between. */
static bool push_few_keys(lua_State *L, int table, lua_Integer *n)
{
    int base = lua_gettop(L) + 1, order[FEW_KEYS];
    lua_Integer odd = 0;
    *n = 0;
    for (lua_pushnil(L); lua_next(L, table); (*n)++) { // …, keys …, key, value
        lua_pop(L, 1);
        if (*n == FEW_KEYS) {
            lua_settop(L, base - 1);
            return false;
        }
        if (key_rank(L, -1) == 3 && ++odd > 1)
            no_order(L);
        lua_pushvalue(L, -1); // the walk goes on from the copy
    }
    order_few(L, base, (int)*n, order);
    lua_createtable(L, (int)*n, 0);
    for (int i = 0; i < *n; i++) {
        lua_pushvalue(L, base + order[i]);
        lua_rawseti(L, -2, i + 1);
    }
    if (*n)
        lua_replace(L, base);
    lua_settop(L, base);
    charge_walk(L, *n);
    return true;
}

lua_Integer sandbox_push_keys(lua_State *L, int table)
{
    luaL_checkstack(L, FEW_KEYS + 8, NULL);
    table = lua_absindex(L, table);
    lua_Integer n = 0, odd = 0;
    if (push_few_keys(L, table, &n))
        return n;
    lua_newtable(L); // …, keys
    int keys = lua_gettop(L);
    bool sorted = true;
    n = 0;
    for (lua_pushnil(L); lua_next(L, table);) { // …, keys, key, value
        lua_pop(L, 1);
        if (key_rank(L, -1) == 3 && ++odd > 1)
            no_order(L);
        if (n > 0 && sorted) {
            lua_rawgeti(L, keys, n);
            sorted = !key_less_at(L, -2, -1);
            lua_pop(L, 1);
        }
        lua_pushvalue(L, -1);
        lua_rawseti(L, keys, ++n);
    }
    charge_walk(L, n);
    if (!sorted)
        sandbox_sort(L, keys, n, key_less);
    return n;
}

static int
pairs_step(lua_State *L) // table, key; upvalues: table as given, keys, position, real table
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));
    for (;;) {
        lua_settop(L, 0);
        if (lua_rawgeti(L, lua_upvalueindex(2), ++i) == LUA_TNIL) // key
            return 1;
        lua_pushvalue(L, 1);
        if (lua_rawget(L, lua_upvalueindex(4)) != LUA_TNIL) // key, value
            break;
        limit_charge(L, 1);
    }
    lua_pushinteger(L, i);
    lua_replace(L, lua_upvalueindex(3));
    if (!lua_rawequal(L, lua_upvalueindex(1), lua_upvalueindex(4)))
        sandbox_put_frozen_child(L, lua_upvalueindex(1));
    return 2;
}

int sandbox_pairs(lua_State *L) // table
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) { // value, function
        lua_insert(L, 1);
        lua_settop(L, 2);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);     // table, table
    sandbox_thaw(L, 1);      // real, table
    sandbox_push_keys(L, 1); // real, table, keys
    lua_pushinteger(L, 0);
    lua_pushvalue(L, 1);                // real, table, keys, 0, real
    lua_pushcclosure(L, pairs_step, 4); // real, step
    lua_pushnil(L);
    lua_pushnil(L);
    return 3;
}

/* The smallest key greater than the given one: slow, but without memory between calls. */
int sandbox_next(lua_State *L) // table, key or nil
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    lua_insert(L, 2);   // table, view, key
    sandbox_thaw(L, 1); // real, view, key
    lua_pushnil(L);     // real, view, key, best
    lua_Integer n = 0, odd = 0;
    for (lua_pushnil(L); lua_next(L, 1); n++) { // real, view, key, best, k, v
        lua_pop(L, 1);
        if (key_rank(L, -1) == 3 && ++odd > 1)
            no_order(L);
        bool after = lua_isnil(L, 3) || key_less_at(L, 3, 5);
        if (after && (lua_isnil(L, 4) || key_less_at(L, 5, 4))) {
            lua_pushvalue(L, 5);
            lua_replace(L, 4);
        }
    }
    charge_walk(L, n);
    if (lua_isnil(L, 4))
        return 1;
    lua_pushvalue(L, 4);
    lua_rawget(L, 1); // real, view, key, best, value
    if (!lua_rawequal(L, 1, 2))
        sandbox_put_frozen_child(L, 2);
    return 2;
}

static int ipairs_step(lua_State *L) // table, i
{
    lua_Integer i = luaL_checkinteger(L, 2) + 1;
    lua_pushinteger(L, i);
    return lua_geti(L, 1, i) == LUA_TNIL ? 1 : 2;
}

int sandbox_ipairs(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushcfunction(L, ipairs_step);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    return 3;
}
