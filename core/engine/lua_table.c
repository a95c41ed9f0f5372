/*
 * table.* for scripts: concat insert move pack remove sort unpack, on plain tables only. A metatable could lie
 * about length and values while C code counts on them, so tables that have one are refused (read-only views
 * are taken where nothing is written). Spans are bounded and each element is charged.
 */
#include <string.h>

#include "engine/sandbox_impl.h"

enum { SPAN_MAX = 1000000, UNPACK_MAX = 1000 };

static lua_Integer length_of(lua_State *L, int arg, bool thaw)
{
    sandbox_check_plain(L, arg, thaw);
    return (lua_Integer)lua_rawlen(L, arg);
}

/* Number of elements from i to j, checked and charged. */
static lua_Integer span_length(lua_State *L, lua_Integer i, lua_Integer j, lua_Integer max)
{
    if (i > j)
        return 0;
    if ((lua_Unsigned)j - (lua_Unsigned)i >= (lua_Unsigned)max)
        luaL_error(L, "范围太大：一次至多 %d 个元素", (int)max);
    lua_Integer n = j - i + 1;
    limit_charge(L, n);
    return n;
}

static int table_concat(lua_State *L) // table, separator, i, j
{
    lua_Integer length = length_of(L, 1, true);
    size_t sep_n;
    const char *sep = luaL_optlstring(L, 2, "", &sep_n);
    lua_Integer i = luaL_optinteger(L, 3, 1), j = luaL_optinteger(L, 4, length);
    lua_settop(L, 4);
    span_length(L, i, j, SPAN_MAX);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    size_t room = 0;
    for (lua_Integer k = i; k <= j; k++) {
        int type = lua_rawgeti(L, 1, k);
        if (type != LUA_TSTRING && type != LUA_TNUMBER)
            return luaL_error(L, "table.concat：第 %d 个元素是 %s，不是文本", (int)k,
                              luaL_typename(L, -1));
        limit_room(L, lua_rawlen(L, -1) + luaL_bufflen(&b));
        luaL_addvalue(&b);
        room = sandbox_buffer_room(&b, room, "table.concat");
        if (k == j)
            break; /* also where j is the largest integer */
        luaL_addlstring(&b, sep, sep_n);
    }
    luaL_pushresult(&b);
    return 1;
}

static int table_insert(lua_State *L) // table, [position,] value
{
    lua_Integer n = length_of(L, 1, false), at = n + 1;
    int top = lua_gettop(L);
    if (top == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, at >= 1 && at <= n + 1, 2, "位置超出范围");
        span_length(L, at, n, SPAN_MAX);
        for (lua_Integer k = n; k >= at; k--) {
            lua_rawgeti(L, 1, k);
            lua_rawseti(L, 1, k + 1);
        }
    } else if (top != 2) {
        return luaL_error(L, "table.insert 要两个或三个参数");
    }
    lua_rawseti(L, 1, at);
    return 0;
}

static int table_remove(lua_State *L) // table, position
{
    lua_Integer n = length_of(L, 1, false), at = luaL_optinteger(L, 2, n);
    if (!lua_isnoneornil(L, 2) && !(n == 0 && at == 0))
        luaL_argcheck(L, at >= 1 && at <= n + 1, 2, "位置超出范围");
    lua_settop(L, 1);
    lua_rawgeti(L, 1, at); // table, value
    span_length(L, at, n, SPAN_MAX);
    for (; at < n; at++) {
        lua_rawgeti(L, 1, at + 1);
        lua_rawseti(L, 1, at);
    }
    lua_pushnil(L);
    lua_rawseti(L, 1, at);
    return 1;
}

static int table_move(lua_State *L) // from, first, last, to_index, to
{
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    lua_Integer at = luaL_checkinteger(L, 4);
    int to = lua_isnoneornil(L, 5) ? 1 : 5;
    sandbox_check_plain(L, 1, to == 5);
    sandbox_check_plain(L, to, false);
    lua_Integer n = span_length(L, first, last, SPAN_MAX);
    luaL_argcheck(L, n == 0 || at <= LUA_MAXINTEGER - n + 1, 4, "位置超出范围");
    bool backwards = at > first && at <= last && lua_rawequal(L, 1, to);
    for (lua_Integer i = 0; i < n; i++) {
        lua_Integer k = backwards ? n - 1 - i : i;
        lua_rawgeti(L, 1, first + k);
        lua_rawseti(L, to, at + k);
    }
    lua_pushvalue(L, to);
    return 1;
}

static int table_pack(lua_State *L)
{
    int n = lua_gettop(L);
    limit_charge(L, n);
    lua_createtable(L, n, 1);
    lua_insert(L, 1);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, n);
    lua_setfield(L, 1, "n");
    return 1;
}

static int table_unpack(lua_State *L) // table, i, j
{
    lua_Integer length = length_of(L, 1, true);
    lua_Integer i = luaL_optinteger(L, 2, 1), j = luaL_optinteger(L, 3, length);
    lua_Integer n = span_length(L, i, j, UNPACK_MAX);
    luaL_checkstack(L, (int)n, "范围太大");
    for (lua_Integer k = 0; k < n; k++)
        lua_rawgeti(L, 1, i + k);
    return (int)n;
}

/* --- sort: merge sort on copies --------------------------------------------------------------------- */

/* Merge from[lo, mid) and from[mid, hi) into `to`; indices from 1. */
static void merge(lua_State *L, int from, int to, lua_Integer lo, lua_Integer mid,
                  lua_Integer hi, bool (*less)(lua_State *L))
{
    lua_Integer a = lo, b = mid;
    for (lua_Integer k = lo; k < hi; k++) {
        bool second = a == mid;
        if (a < mid && b < hi) {
            lua_rawgeti(L, from, b);
            lua_rawgeti(L, from, a);
            second = less(L); /* only a smaller one passes: stable */
            lua_pop(L, 2);
        }
        lua_rawgeti(L, from, second ? b : a);
        lua_rawseti(L, to, k);
        second ? b++ : a++;
    }
}

void sandbox_sort(lua_State *L, int index, lua_Integer n, bool (*less)(lua_State *L))
{
    luaL_checkstack(L, 10, NULL);
    index = lua_absindex(L, index);
    int from = lua_gettop(L) + 1, to = from + 1;
    lua_createtable(L, (int)n, 0);
    lua_createtable(L, (int)n, 0);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, index, i);
        lua_rawseti(L, from, i);
    }
    for (lua_Integer width = 1; width < n; width *= 2) {
        limit_charge(L, n * 4);
        for (lua_Integer lo = 1; lo <= n; lo += 2 * width) {
            lua_Integer mid = lo + width <= n ? lo + width : n + 1;
            lua_Integer hi = mid + width <= n ? mid + width : n + 1;
            merge(L, from, to, lo, mid, hi, less);
        }
        int swap = from;
        from = to, to = swap;
    }
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, index, i);
    }
    lua_settop(L, (from < to ? from : to) - 1);
}

static bool by_order(lua_State *L) // …, b, a: is b < a?
{
    return lua_compare(L, -2, -1, LUA_OPLT);
}

static bool by_function(lua_State *L) // table, function, …, b, a
{
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -3);
    lua_call(L, 2, 1);
    bool less = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return less;
}

static int table_sort(lua_State *L) // table, function
{
    lua_Integer n = length_of(L, 1, false);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    span_length(L, 1, n, SPAN_MAX);
    sandbox_sort(L, 1, n, lua_isnil(L, 2) ? by_order : by_function);
    return 0;
}

static const luaL_Reg table_functions[] = {
    {"concat", table_concat}, {"insert", table_insert},
    {"move", table_move},     {"pack", table_pack},
    {"remove", table_remove}, {"sort", table_sort},
    {"unpack", table_unpack}, {NULL, NULL},
};

void sandbox_open_table(lua_State *L)
{
    luaL_newlib(L, table_functions);
    sandbox_freeze(L, "table");
}
