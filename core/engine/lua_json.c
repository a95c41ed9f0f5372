#include "engine/lua_json.h"

#include <math.h>
#include <string.h>

#include "engine/sandbox_impl.h"

struct out {
    lua_State *L;
    struct json_w *w;
    size_t start;
    const struct lua_json_style *style;
    const char *name; /* of the member being written, NULL in an array */
    struct err *e;
};
enum shape { SHAPE_BAD, SHAPE_ARRAY, SHAPE_OBJECT };

static bool put(struct out *o, int depth);

static bool put_text(struct out *o)
{
    struct span s;
    s.p = lua_tolstring(o->L, -1, &s.n);
    if (!span_is_utf8(s) || memchr(s.p, 0, s.n))
        return err_set(o->e, ERR_INPUT, "文本不是 UTF-8，或含有零字节");
    json_w_span(o->w, s);
    return true;
}

static bool put_number(struct out *o)
{
    lua_State *L = o->L;
    if (lua_isinteger(L, -1)) {
        json_w_int(o->w, lua_tointeger(L, -1));
        return true;
    }
    lua_Number x = lua_tonumber(L, -1);
    if (!isfinite(x))
        return err_set(o->e, ERR_INPUT, "数不是有限的（除以零？）");
    size_t before = o->w->out->n;
    json_w_real(o->w, x);
    /* 2.0 comes back as 2.0: a script can tell it from 2 */
    const char *text = o->w->out->p + before;
    size_t n = o->w->out->n - before;
    if (!memchr(text, '.', n) && !memchr(text, 'e', n) && !memchr(text, 'E', n))
        buf_str(o->w->out, ".0");
    return true;
}

struct keys {
    lua_Integer texts, whole, largest, other;
};

static struct keys count_keys(lua_State *L) // …, table
{
    struct keys k = {0};
    int table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table);) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING) {
            k.texts++;
        } else if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1) {
            k.whole++;
            if (lua_tointeger(L, -1) > k.largest)
                k.largest = lua_tointeger(L, -1);
        } else {
            k.other++;
        }
    }
    limit_charge(L, (k.texts + k.whole + k.other) * 2);
    return k;
}

static bool is_list_name(const struct out *o)
{
    for (const char *const *name = o->style->lists; o->name && *name; name++) {
        if (strcmp(*name, o->name) == 0)
            return true;
    }
    return false;
}

static enum shape shape_of(struct out *o, const struct keys *k)
{
    enum shape bad = SHAPE_BAD;
    if (k->texts + k->whole + k->other == 0)
        return !o->style->lists || is_list_name(o) ? SHAPE_ARRAY : SHAPE_OBJECT;
    if (k->other)
        err_set(o->e, ERR_INPUT, "表的键须是文本，或从 1 起的编号");
    else if (k->texts && k->whole)
        err_set(o->e, ERR_INPUT, "表的键不能既有文本又有编号");
    else if (k->whole && k->largest != k->whole && !o->style->number_names)
        err_set(o->e, ERR_INPUT, "列表中间有空缺（nil）");
    else
        bad = k->whole && k->largest == k->whole ? SHAPE_ARRAY : SHAPE_OBJECT;
    return bad;
}

static bool put_array(struct out *o, int depth, lua_Integer n)
{
    json_w_array(o->w);
    o->name = NULL;
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(o->L, -1, i);
        if (!put(o, depth + 1))
            return false;
    }
    json_w_array_end(o->w);
    return true;
}

static bool put_object(struct out *o, int depth)
{
    lua_State *L = o->L;
    int table = lua_gettop(L);
    json_w_object(o->w);
    lua_Integer n = sandbox_push_keys(L, table); // table, keys
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, table + 1, i); // table, keys, key
        lua_pushvalue(L, -1);         // numbers become texts in the copy only
        lua_insert(L, -2);            // table, keys, name, key
        struct span name;
        name.p = lua_tolstring(L, -2, &name.n);
        if (!span_is_utf8(name) || memchr(name.p, 0, name.n))
            return err_set(o->e, ERR_INPUT, "键不是 UTF-8，或含有零字节");
        json_w_name_span(o->w, name);
        o->name = name.p;
        lua_rawget(L, table); // table, keys, name, value
        if (!put(o, depth + 1))
            return false;
        lua_pop(L, 1);
    }
    lua_settop(L, table);
    json_w_object_end(o->w);
    return true;
}

static bool put_table(struct out *o, int depth)
{
    if (depth >= LUA_JSON_DEPTH)
        return err_set(o->e, ERR_INPUT, "表套得太深（多于 %d 层），或套着自己", LUA_JSON_DEPTH);
    luaL_checkstack(o->L, 12, NULL);
    sandbox_thaw(o->L, -1);
    struct keys keys = count_keys(o->L);
    switch (shape_of(o, &keys)) {
    case SHAPE_ARRAY:
        return put_array(o, depth, keys.whole);
    case SHAPE_OBJECT:
        return put_object(o, depth);
    case SHAPE_BAD:
        break;
    }
    return false;
}

/* Write the value at the top and pop it. On failure what stands above is the caller's to drop. */
static bool put(struct out *o, int depth)
{
    lua_State *L = o->L;
    bool ok = true;
    limit_charge(L, 2);
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        json_w_null(o->w);
        break;
    case LUA_TBOOLEAN:
        json_w_bool(o->w, lua_toboolean(L, -1));
        break;
    case LUA_TNUMBER:
        ok = put_number(o);
        break;
    case LUA_TSTRING:
        ok = put_text(o);
        break;
    case LUA_TTABLE:
        ok = put_table(o, depth);
        break;
    default:
        ok = err_set(o->e, ERR_INPUT, "%s 不能存：只能是数、文本、布尔和由它们组成的表",
                     luaL_typename(L, -1));
    }
    if (ok && o->w->out->n - o->start > o->style->max_bytes)
        ok = err_set(o->e, ERR_INPUT, "内容太大：写成 JSON 超过 %zu 字节", o->style->max_bytes);
    if (ok)
        lua_pop(L, 1);
    return ok;
}

static const struct lua_json_style ordinary = {.max_bytes = LUA_JSON_BYTES};

static bool write_value(lua_State *L, int index, struct json_w *w,
                        const struct lua_json_style *style, struct err *e)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, 4, NULL);
    struct out o = {.L = L, .w = w, .start = w->out->n, .style = style, .e = e};
    struct json_w before = *w;
    lua_pushvalue(L, index);
    bool ok = put(&o, 0);
    lua_settop(L, top);
    if (!ok) {
        *w = before;
        w->out->n = o.start;
    }
    return ok;
}

bool lua_json_write(lua_State *L, int index, struct json_w *w, struct err *e)
{
    return write_value(L, index, w, &ordinary, e);
}

bool lua_json_put(lua_State *L, int index, struct buf *b, const struct lua_json_style *style,
                  struct err *e)
{
    struct json_w w = json_w_begin(b);
    return write_value(L, index, &w, style ? style : &ordinary, e);
}

void lua_json_push(lua_State *L, const struct json *v)
{
    luaL_checkstack(L, 4, NULL);
    limit_charge(L, 2);
    if (!v || v->type == JSON_NULL) {
        lua_pushnil(L);
        return;
    }
    switch (v->type) {
    case JSON_BOOL:
        lua_pushboolean(L, v->boolean);
        return;
    case JSON_INT:
        lua_pushinteger(L, v->integer);
        return;
    case JSON_REAL:
        lua_pushnumber(L, v->real);
        return;
    case JSON_STRING:
        lua_pushlstring(L, v->string.p ? v->string.p : "", v->string.n);
        return;
    case JSON_ARRAY:
        lua_createtable(L, (int)(v->count < 65536 ? v->count : 65536), 0);
        for (size_t i = 0; i < v->count; i++) {
            lua_json_push(L, &v->items[i]);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        return;
    case JSON_OBJECT:
        lua_createtable(L, 0, (int)(v->count < 65536 ? v->count : 65536));
        for (size_t i = 0; i < v->count; i++) {
            lua_pushlstring(L, v->names[i].p, v->names[i].n);
            lua_json_push(L, &v->items[i]);
            lua_rawset(L, -3);
        }
        return;
    case JSON_NULL:
        return;
    }
}

bool lua_json_push_text(lua_State *L, struct span text, struct err *e)
{
    struct arena *a =
        &sandbox_of(L)->scratch; /* pushing may raise: an arena of our own would leak */
    arena_reset(a);
    struct json_limits limits = {.bytes = 1 << 20, .keys = 65536, .string = 1 << 20};
    const struct json *v = json_parse(a, text, &limits, NULL, e);
    if (!v)
        return false;
    lua_json_push(L, v);
    return true;
}
