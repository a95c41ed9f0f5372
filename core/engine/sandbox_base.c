/*
 * The base functions a script has: assert error getmetatable ipairs next pairs pcall rawequal rawget rawlen
 * rawset require select setmetatable tonumber tostring type xpcall, and _VERSION. What differs from stock Lua:
 *
 *   * pairs and next go through a table in a fixed order (lua_walk.c).
 *   * tostring shows no addresses.
 *   * pcall, xpcall, coroutine.resume and wrap do not catch a limit; xpcall's handler runs after the stack
 *     has been unwound.
 *   * setmetatable refuses __gc (would run unbounded) and __mode (would show when garbage is collected).
 *   * require gives std.* and office.* only; results are read-only.
 */
#include <string.h>

#include "engine/sandbox_impl.h"

/* --- errors --------------------------------------------------------------------------------------- */

static int after_pcall(lua_State *L, int status, lua_KContext skipped)
{
    limit_reraise(L);
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)skipped;
    lua_pushboolean(L, 0);
    lua_insert(L, -2); // false, error
    return 2;
}

static int base_pcall(lua_State *L) // function, arguments …
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1); // true, function, arguments …
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, after_pcall);
    return after_pcall(L, status, 0);
}

static int after_handler(lua_State *L, int status, lua_KContext unused)
{
    (void)unused;
    limit_reraise(L);
    if (status != LUA_OK && status != LUA_YIELD) { // …, error of the handler
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    return lua_gettop(L) - 1; // handler | false, results …
}

static int after_xpcall(lua_State *L, int status,
                        lua_KContext unused) // handler, true, results … | error
{
    (void)unused;
    limit_reraise(L);
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - 1;
    lua_pushboolean(L, 0);
    lua_insert(L, -2); // handler, …, false, error
    lua_pushvalue(L, 1);
    lua_insert(L, -2);   // handler, …, false, handler, error
    lua_rotate(L, 1, 3); // the three at the top go to the bottom
    lua_settop(L, 3);    // false, handler, error
    lua_pushboolean(L, 0);
    lua_insert(L, 1); // false, false, handler, error
    int result = lua_pcallk(L, 1, LUA_MULTRET, 0, 0, after_handler);
    return after_handler(L, result, 0);
}

static int base_xpcall(lua_State *L) // function, handler, arguments …
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    lua_remove(L, 1); // handler, arguments …, function
    lua_insert(L, 2); // handler, function, arguments …
    lua_pushboolean(L, 1);
    lua_insert(L, 2); // handler, true, function, arguments …
    int status = lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 0, 0, after_xpcall);
    return after_xpcall(L, status, 0);
}

static int base_error(lua_State *L) // value, level
{
    lua_Integer level = luaL_optinteger(L, 2, 1);
    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TSTRING && level > 0 && level < 200) {
        luaL_where(L, (int)level);
        lua_pushvalue(L, 1);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int base_assert(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_toboolean(L, 1))
        return lua_gettop(L);
    lua_remove(L, 1);
    lua_settop(L, 1);
    if (lua_isnil(L, 1))
        return luaL_error(L, "assert 的条件不成立");
    return lua_error(L);
}

/* --- the rest ------------------------------------------------------------------------------------- */

const char *sandbox_tolstring(lua_State *L, int index, size_t *n)
{
    index = lua_absindex(L, index);
    if (luaL_callmeta(L, index, "__tostring")) {
        if (!lua_isstring(L, -1))
            luaL_error(L, "__tostring 必须返回文本");
        return lua_tolstring(L, -1, n);
    }
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
    case LUA_TSTRING:
        lua_pushvalue(L, index);
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    default:
        if (luaL_getmetafield(L, index, "__name") != LUA_TSTRING)
            lua_pushstring(L, luaL_typename(L, index));
    }
    return lua_tolstring(L, -1, n);
}

void sandbox_put_text(lua_State *L, int index, struct buf *b)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING: {
        struct span s;
        s.p = lua_tolstring(L, index, &s.n);
        buf_span(b, s);
        break;
    }
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            buf_printf(b, "%lld", (long long)lua_tointeger(L, index));
        else
            buf_printf(b, "%.14g", lua_tonumber(L, index));
        break;
    case LUA_TBOOLEAN:
        buf_str(b, lua_toboolean(L, index) ? "true" : "false");
        break;
    default:
        buf_str(b, luaL_typename(L, index));
    }
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    sandbox_tolstring(L, 1, NULL);
    return 1;
}

/* Digits in a base from 2 to 36, as in stock Lua: spaces around, a sign, wrap-around. */
static bool parse_base(const char *p, const char *end, int base, lua_Integer *out)
{
    lua_Unsigned v = 0;
    while (p < end && strchr(" \f\n\r\t\v", *p) && *p)
        p++;
    bool minus = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    const char *digits = p;
    for (; p < end; p++) {
        char c = *p | 0x20;
        int digit = *p >= '0' && *p <= '9' ? *p - '0'
                    : c >= 'a' && c <= 'z' ? c - 'a' + 10
                                           : 99;
        if (digit >= base)
            break;
        v = v * (lua_Unsigned)base + (lua_Unsigned)digit;
    }
    if (p == digits)
        return false;
    while (p < end && strchr(" \f\n\r\t\v", *p) && *p)
        p++;
    *out = (lua_Integer)(minus ? 0u - v : v);
    return p == end;
}

static int base_tonumber(lua_State *L) // value, base
{
    size_t n = 0;
    if (lua_isnoneornil(L, 2)) {
        luaL_checkany(L, 1);
        lua_settop(L, 1);
        if (lua_type(L, 1) == LUA_TNUMBER)
            return 1;
        const char *s = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &n) : NULL;
        limit_charge(L, (int64_t)(n / 8));
        if (!s || lua_stringtonumber(L, s) != n + 1)
            lua_pushnil(L);
        return 1;
    }
    lua_Integer base = luaL_checkinteger(L, 2), value;
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *s = lua_tolstring(L, 1, &n);
    luaL_argcheck(L, base >= 2 && base <= 36, 2, "进制须在 2 到 36 之间");
    limit_charge(L, (int64_t)(n / 8));
    if (parse_base(s, s + n, (int)base, &value))
        lua_pushinteger(L, value);
    else
        lua_pushnil(L);
    return 1;
}

static int base_type(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, luaL_typename(L, 1));
    return 1;
}

static int base_select(lua_State *L) // n, …
{
    int top = lua_gettop(L);
    limit_charge(L, top / 4);
    if (lua_type(L, 1) == LUA_TSTRING && *lua_tostring(L, 1) == '#') {
        lua_pushinteger(L, top - 1);
        return 1;
    }
    lua_Integer i = luaL_checkinteger(L, 1);
    if (i < 0)
        i = top + i;
    else if (i > top)
        i = top;
    luaL_argcheck(L, i >= 1, 1, "超出范围");
    return top - (int)i;
}

static int base_rawequal(lua_State *L)
{
    luaL_checkany(L, 2);
    lua_pushboolean(L, lua_rawequal(L, 1, 2));
    return 1;
}

static int base_rawlen(lua_State *L)
{
    if (!lua_istable(L, 1))
        luaL_checktype(L, 1, LUA_TSTRING);
    sandbox_thaw(L, 1);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

static int base_rawget(lua_State *L) // table, key
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    lua_insert(L, 1); // table, table, key
    bool view = sandbox_thaw(L, 2);
    lua_rawget(L, 2); // table, real, value
    if (view)
        sandbox_put_frozen_child(L, 1);
    return 1;
}

static bool is_protected(lua_State *L, int index)
{
    if (!luaL_getmetafield(L, index, "__metatable"))
        return false;
    lua_pop(L, 1);
    return true;
}

static int base_rawset(lua_State *L) // table, key, value
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 3);
    if (is_protected(L, 1))
        return luaL_error(L, "这张表是只读的");
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 1;
}

static int base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (!lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    if (lua_type(L, 1) != LUA_TTABLE) // texts and rows: theirs is the host's
        lua_pushboolean(L, 0);
    else
        luaL_getmetafield(L, 1, "__metatable");
    return 1; // what __metatable says, else the metatable itself
}

static int base_setmetatable(lua_State *L) // table, metatable or nil
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "须是表或 nil");
    if (is_protected(L, 1))
        return luaL_error(L, "这张表是只读的");
    static const char *const refused[] = {"__gc", "__mode"};
    for (int i = 0; i < 2 && lua_istable(L, 2); i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "元表里不能有 %s", refused[i]);
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static const luaL_Reg base_functions[] = {
    {"assert", base_assert},
    {"error", base_error},
    {"getmetatable", base_getmetatable},
    {"ipairs", sandbox_ipairs},
    {"next", sandbox_next},
    {"pairs", sandbox_pairs},
    {"pcall", base_pcall},
    {"rawequal", base_rawequal},
    {"rawget", base_rawget},
    {"rawlen", base_rawlen},
    {"rawset", base_rawset},
    {"require", sandbox_require},
    {"select", base_select},
    {"setmetatable", base_setmetatable},
    {"tonumber", base_tonumber},
    {"tostring", base_tostring},
    {"type", base_type},
    {"xpcall", base_xpcall},
    {NULL, NULL},
};

void sandbox_open_base(lua_State *L)
{
    luaL_setfuncs(L, base_functions, 0);
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, -2, "_VERSION");
}
