/*
 * string.* for scripts: byte char find format gmatch gsub len lower match rep reverse sub upper, and utf8.*,
 * math.* of stock Lua with what must not be there left out (random, randomseed) and long texts charged.
 * Absent: dump, pack, unpack, packsize, arithmetic on texts. %p is refused: it would show an address.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/sandbox_impl.h"

static void charge_bytes(lua_State *L, size_t n)
{
    if (n >= 64)
        limit_charge(L, (int64_t)(n / 64));
}

static const char *check_text(lua_State *L, int arg, size_t *n)
{
    const char *s = luaL_checklstring(L, arg, n);
    charge_bytes(L, *n);
    return s;
}

/* A start as scripts give it (negative from the end) → 1-based, at least 1. */
static size_t start_of(lua_Integer at, size_t n)
{
    if (at > 0)
        return (size_t)at;
    if (at == 0 || at < -(lua_Integer)n)
        return 1;
    return (size_t)((lua_Integer)n + at + 1);
}

static size_t stop_of(lua_Integer at, size_t n)
{
    if (at > (lua_Integer)n)
        return n;
    if (at >= 0)
        return (size_t)at;
    return at < -(lua_Integer)n ? 0 : (size_t)((lua_Integer)n + at + 1);
}

static int string_len(lua_State *L)
{
    size_t n;
    luaL_checklstring(L, 1, &n);
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

static int string_sub(lua_State *L) // s, i, j
{
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    size_t i = start_of(luaL_checkinteger(L, 2), n), j = stop_of(luaL_optinteger(L, 3, -1), n);
    if (i > j)
        lua_pushliteral(L, "");
    else
        lua_pushlstring(L, s + i - 1, j - i + 1);
    return 1;
}

static int string_byte(lua_State *L) // s, i, j
{
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    lua_Integer first = luaL_optinteger(L, 2, 1);
    size_t i = start_of(first, n), j = stop_of(luaL_optinteger(L, 3, (lua_Integer)i), n);
    if (i > j)
        return 0;
    size_t count = j - i + 1;
    if (count > 8000)
        return luaL_error(L, "string.byte 一次至多 8000 个字节");
    limit_charge(L, (int64_t)count);
    luaL_checkstack(L, (int)count, NULL);
    for (size_t k = 0; k < count; k++)
        lua_pushinteger(L, (unsigned char)s[i - 1 + k]);
    return (int)count;
}

static int string_char(lua_State *L)
{
    int n = lua_gettop(L);
    limit_charge(L, n);
    luaL_Buffer b;
    char *p = luaL_buffinitsize(L, &b, (size_t)n);
    for (int i = 1; i <= n; i++) {
        lua_Integer c = luaL_checkinteger(L, i);
        luaL_argcheck(L, c >= 0 && c <= 255, i, "须在 0 到 255 之间");
        p[i - 1] = (char)c;
    }
    luaL_pushresultsize(&b, (size_t)n);
    return 1;
}

static int string_rep(lua_State *L) // s, count, separator
{
    size_t n, sep_n;
    const char *s = luaL_checklstring(L, 1, &n);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *sep = luaL_optlstring(L, 3, "", &sep_n);
    size_t each = n + sep_n;
    if (count <= 0 || each == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if ((lua_Unsigned)count > LIMIT_STRING_MAX / each + 1 ||
        n + (size_t)(count - 1) * each > LIMIT_STRING_MAX)
        return luaL_error(L, "string.rep 的结果太长：至多 %d 字节", LIMIT_STRING_MAX);
    size_t total = n + (size_t)(count - 1) * each;
    limit_charge(L, count / 4 + (int64_t)(total / 64));
    limit_room(L, 2 * total);
    luaL_Buffer b;
    char *p = luaL_buffinitsize(L, &b, total);
    for (lua_Integer i = 0; i < count; i++) {
        memcpy(p, s, n);
        p += n;
        if (i + 1 < count)
            memcpy(p, sep, sep_n), p += sep_n;
    }
    luaL_pushresultsize(&b, total);
    return 1;
}

enum change { CHANGE_LOWER, CHANGE_UPPER, CHANGE_REVERSE };

static int changed(lua_State *L, enum change how)
{
    size_t n;
    const char *s = check_text(L, 1, &n);
    limit_room(L, 2 * n);
    luaL_Buffer b;
    char *p = luaL_buffinitsize(L, &b, n);
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (how == CHANGE_LOWER && c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (how == CHANGE_UPPER && c >= 'a' && c <= 'z')
            c = (char)(c - 32);
        p[how == CHANGE_REVERSE ? n - 1 - i : i] = c;
    }
    luaL_pushresultsize(&b, n);
    return 1;
}

static int string_lower(lua_State *L)
{
    return changed(L, CHANGE_LOWER);
}

static int string_upper(lua_State *L)
{
    return changed(L, CHANGE_UPPER);
}

static int string_reverse(lua_State *L)
{
    return changed(L, CHANGE_REVERSE);
}

size_t sandbox_buffer_room(luaL_Buffer *b, size_t room, const char *what)
{
    size_t n = luaL_bufflen(b);
    if (n > LIMIT_STRING_MAX)
        luaL_error(b->L, "%s 的结果太长：至多 %d 字节", what, LIMIT_STRING_MAX);
    if (n < room)
        return room;
    room = n < 4096 ? 8192 : n * 2;
    limit_room(b->L, room * 2);
    return room;
}

/* --- format --------------------------------------------------------------------------------------- */

struct spec {      /* one "%-08.3f" */
    char text[16]; /* for printf, with room for "ll" */
    size_t n;
    int width, precision;
    char kind;
};

/* At most two digits; -1 if there are more. */
static int small_number(const char **p, const char *end)
{
    int v = 0, digits = 0;
    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        v = v * 10 + (**p - '0');
        digits++;
    }
    return digits > 2 ? -1 : v;
}

/* `p` stands behind '%'; returns behind the letter. */
static const char *read_spec(lua_State *L, const char *p, const char *end, struct spec *out)
{
    const char *from = p;
    while (p < end && *p && strchr("-+ #0", *p))
        p++;
    size_t flags = (size_t)(p - from);
    out->width = small_number(&p, end);
    out->precision = -1;
    bool bad = flags > 5 || out->width < 0;
    if (p < end && *p == '.') {
        p++;
        out->precision = small_number(&p, end);
        bad = bad || out->precision < 0;
    }
    size_t n = (size_t)(p - from);
    if (bad || p == end || n > 11)
        luaL_error(L, "string.format 的格式不对：%%%s",
                   lua_pushlstring(L, from, n > 20 ? 20 : n));
    out->text[0] = '%';
    memcpy(out->text + 1, from, n);
    out->n = n + 1;
    out->kind = *p;
    return p + 1;
}

static const char *finish_spec(struct spec *s, const char *length)
{
    size_t n = strlen(length);
    memcpy(s->text + s->n, length, n);
    s->text[s->n + n] = s->kind;
    s->text[s->n + n + 1] = 0;
    return s->text;
}

static void add_quoted(lua_State *L, luaL_Buffer *b, int arg)
{
    size_t n;
    const char *s = lua_tolstring(L, arg, &n);
    charge_bytes(L, n * 8);
    luaL_addchar(b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\' || c == '\n') {
            luaL_addchar(b, '\\');
            luaL_addchar(b, (char)c);
        } else if (c < 32 || c == 127) {
            char code[8];
            bool digit_follows = i + 1 < n && s[i + 1] >= '0' && s[i + 1] <= '9';
            snprintf(code, sizeof(code), digit_follows ? "\\%03d" : "\\%d", c);
            luaL_addstring(b, code);
        } else {
            luaL_addchar(b, (char)c);
        }
    }
    luaL_addchar(b, '"');
}

static void add_literal(lua_State *L, luaL_Buffer *b, int arg)
{
    char text[64];
    switch (lua_type(L, arg)) {
    case LUA_TSTRING:
        add_quoted(L, b, arg);
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(L, arg)) {
            lua_Integer v = lua_tointeger(L, arg);
            if (v == LUA_MININTEGER)
                snprintf(text, sizeof(text), "0x%llx", (unsigned long long)v);
            else
                snprintf(text, sizeof(text), "%lld", (long long)v);
        } else {
            lua_Number v = lua_tonumber(L, arg);
            if (v != v)
                snprintf(text, sizeof(text), "(0/0)");
            else if (v > DBL_MAX || v < -DBL_MAX)
                snprintf(text, sizeof(text), v > 0 ? "1e9999" : "-1e9999");
            else
                snprintf(text, sizeof(text), "%a", v);
        }
        luaL_addstring(b, text);
        return;
    case LUA_TNIL:
    case LUA_TBOOLEAN:
        luaL_addstring(b, lua_isnil(L, arg) ? "nil" : lua_toboolean(L, arg) ? "true" : "false");
        return;
    default:
        luaL_argerror(L, arg, "%q 只能写文本、数、布尔和 nil");
    }
}

static void add_text(lua_State *L, luaL_Buffer *b, struct spec *s, int arg)
{
    size_t n;
    const char *text = sandbox_tolstring(L, arg, &n); // …, text
    charge_bytes(L, n);
    size_t keep = s->precision >= 0 && (size_t)s->precision < n ? (size_t)s->precision : n;
    limit_room(L, 4 * keep + luaL_bufflen(b));
    size_t pad = (size_t)s->width > keep ? (size_t)s->width - keep : 0;
    bool left = memchr(s->text, '-', s->n) != NULL;
    char spaces[100];
    memset(spaces, ' ', sizeof(spaces));
    /* the text lies above the buffer's own slot: make one string of it first, then let the buffer take it */
    luaL_Buffer whole;
    luaL_buffinit(L, &whole);
    luaL_addlstring(&whole, spaces, left ? 0 : pad);
    luaL_addlstring(&whole, text, keep);
    luaL_addlstring(&whole, spaces, left ? pad : 0);
    luaL_pushresult(&whole); // …, text, padded
    lua_remove(L, -2);
    luaL_addvalue(b);
}

static void add_number(lua_State *L, luaL_Buffer *b, struct spec *s, int arg)
{
    char out[512]; /* "%99.99f" of 1e308: 308 digits, point, 99 more */
    int n = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored                                                                 \
    "-Wformat-nonliteral" /* read_spec let through flags and digits only */
    switch (s->kind) {
    case 'c':
        luaL_addchar(b, (char)luaL_checkinteger(L, arg));
        return;
    case 'd':
    case 'i':
    case 'o':
    case 'x':
    case 'X': {
        lua_Integer v = luaL_checkinteger(L, arg);
        n = snprintf(out, sizeof(out), finish_spec(s, "ll"), (long long)v);
        break;
    }
    default: {
        lua_Number v = luaL_checknumber(L, arg);
        n = snprintf(out, sizeof(out), finish_spec(s, ""), v);
    }
    }
#pragma GCC diagnostic pop
    luaL_addlstring(b, out, (size_t)n);
}

static int string_format(lua_State *L) // format, …
{
    size_t n;
    const char *p = check_text(L, 1, &n), *end = p + n;
    int top = lua_gettop(L), arg = 1;
    size_t room = 0;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    while (p < end) {
        if (*p != '%') {
            luaL_addchar(&b, *p++);
            continue;
        }
        if (++p < end && *p == '%') {
            luaL_addchar(&b, *p++);
            continue;
        }
        struct spec s;
        p = read_spec(L, p, end, &s);
        if (++arg > top)
            return luaL_argerror(L, arg, "没有给这个值");
        limit_charge(L, 4);
        if (s.kind == 's')
            add_text(L, &b, &s, arg);
        else if (s.kind == 'q' && s.n == 1)
            add_literal(L, &b, arg);
        else if (s.kind && strchr("cdioxXaAeEfgG", s.kind))
            add_number(L, &b, &s, arg);
        else
            return luaL_error(L, "string.format 不能用 %%%c", s.kind);
        room = sandbox_buffer_room(&b, room, "string.format");
    }
    luaL_pushresult(&b);
    return 1;
}

static const luaL_Reg string_functions[] = {
    {"byte", string_byte},       {"char", string_char},
    {"find", match_find},        {"format", string_format},
    {"gmatch", match_gmatch},    {"gsub", match_gsub},
    {"len", string_len},         {"lower", string_lower},
    {"match", match_match},      {"rep", string_rep},
    {"reverse", string_reverse}, {"sub", string_sub},
    {"upper", string_upper},     {NULL, NULL},
};

void sandbox_open_string(lua_State *L)
{
    luaL_newlib(L, string_functions);
    lua_pushliteral(L, "");   // string, ""
    lua_createtable(L, 0, 2); // string, "", meta
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1); // string
    sandbox_freeze(L, "string");
}

/* --- math, utf8: stock functions --------------------------------------------------------------------- */

void sandbox_open_math(lua_State *L)
{
    static const char *const removed[] = {"random", "randomseed"};
    lua_pushcfunction(L, luaopen_math);
    lua_call(L, 0, 1);
    for (int i = 0; i < 2; i++) {
        lua_pushnil(L);
        lua_setfield(L, -2, removed[i]);
    }
    sandbox_freeze(L, "math");
}

/* A stock function whose work grows with its first argument. */
static int charged(lua_State *L) // upvalue: the function
{
    size_t n = 0;
    if (lua_type(L, 1) == LUA_TSTRING)
        lua_tolstring(L, 1, &n);
    limit_charge(L, (int64_t)(n / 16) + lua_gettop(L));
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

void sandbox_open_utf8(lua_State *L)
{
    static const char *const names[] = {"char", "codepoint", "len", "offset", "codes"};
    lua_pushcfunction(L, luaopen_utf8);
    lua_call(L, 0, 1);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        lua_getfield(L, -1, names[i]);
        lua_pushcclosure(L, charged, 1);
        lua_setfield(L, -2, names[i]);
    }
    sandbox_freeze(L, "utf8");
}
