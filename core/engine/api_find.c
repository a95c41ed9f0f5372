/* ctx:find, before, history: records by key. */
#include "engine/api.h"

#include "domain/key.h"
#include "engine/limit.h"
#include "store/version.h"
#include "util/calendar.h"

enum { HISTORY_MAX = 100 };

/* Missing is an answer, anything else ends the evaluation. */
static bool found(lua_State *L, struct evaluation *ev, bool ok, const struct err *e)
{
    if (!ok && e->code != ERR_MISSING && e->code != ERR_INPUT && e->code != ERR_NONE)
        api_stop(L, ev, e);
    return ok;
}

/* A part of a key as records write it: times in the street's own zone, numbers as text. */
static struct span key_part(lua_State *L, struct evaluation *ev, int index,
                            const struct type *t, int part, const char *function)
{
    const struct field *f = &t->fields[t->key[part]];
    struct span out;
    if (lua_isboolean(L, index) || f->kind == FIELD_DATETIME || f->kind == FIELD_INTEGER)
        if (api_field_text(L, index, f, &ev->scratch, &out))
            return out;
    return api_text(L, index, function, "主键");
}

static int ctx_find(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "find");
    const struct type *t = api_type(L, ev, 2, "find");
    int n = lua_gettop(L) - 2;
    if (n < 1 || n > t->key_count)
        return sandbox_raise(L, "ctx:find(\"%s\", …) 要给 1 至 %d 段主键", t->name,
                             t->key_count);
    struct span parts[8];
    for (int i = 0; i < n; i++) {
        if (lua_isnil(L, 3 + i)) {
            lua_pushnil(L);
            return 1;
        }
        parts[i] = key_part(L, ev, 3 + i, t, i, "find");
    }
    struct err e = {0};
    struct entry entry;
    struct span key = key_join(&ev->scratch, parts, (size_t)n, &e);
    bool ok =
        key.n &&
        (n == t->key_count
             ? record_find(ev->host->view, &ev->scratch, t, key, ev->as_of, &entry, &e)
             : record_latest(ev->host->view, &ev->scratch, t, key, ev->as_of, &entry, &e));
    if (found(L, ev, ok, &e))
        api_push_row(L, ev, t, &entry);
    else
        lua_pushnil(L);
    return 1;
}

/* The record behind a row object, or NULL if it is none. */
static const struct trace_read *row_at(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || lua_rawlen(L, index) < 2 * sizeof(void *))
        return NULL;
    const struct {
        uint64_t generation;
        struct trace_read *read;
    } *row = lua_touserdata(L, index);
    const struct instance *in = sandbox_host(L);
    return row->generation == in->generation ? row->read : NULL;
}

static int ctx_before(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "before");
    const struct trace_read *now = row_at(L, 2);
    if (!now)
        return sandbox_raise(L, "ctx:before 要给这次运行里取到的一条记录");
    struct err e = {0};
    struct entry before[1];
    size_t count = 0;
    bool ok = now->entry.seq > 1 &&
              version_history(ev->host->view, &ev->scratch, now->type->id, now->entry.key,
                              now->entry.seq - 1, before, 1, &count, &e);
    found(L, ev, ok, &e);
    if (ok && count && before[0].op == ENTRY_PUT)
        api_push_row(L, ev, now->type, &before[0]);
    else
        lua_pushnil(L);
    return 1;
}

/* The key of ctx:history: text, or a table of texts. */
static struct span history_key(lua_State *L, struct evaluation *ev, const struct type *t,
                               struct err *e)
{
    struct span parts[8];
    int n = 1;
    if (lua_istable(L, 3)) {
        n = (int)lua_rawlen(L, 3);
        if (n != t->key_count)
            sandbox_raise(L, "%s 的主键有 %d 段", t->name, t->key_count);
        for (int i = 0; i < n; i++) {
            lua_rawgeti(L, 3, i + 1);
            parts[i] = key_part(L, ev, -1, t, i, "history");
        }
    } else {
        if (t->key_count != 1)
            sandbox_raise(L, "%s 的主键有 %d 段，要写成 { … }", t->name, t->key_count);
        parts[0] = key_part(L, ev, 3, t, 0, "history");
    }
    return key_join(&ev->scratch, parts, (size_t)n, e);
}

static int ctx_history(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "history");
    const struct type *t = api_type(L, ev, 2, "history");
    int whole;
    lua_Integer n = lua_tointegerx(L, 4, &whole);
    if (!whole || n < 1 || n > HISTORY_MAX)
        return sandbox_raise(L, "ctx:history 的条数应为 1 至 %d", HISTORY_MAX);
    struct err e = {0};
    struct span key = history_key(L, ev, t, &e);
    struct entry *list = arena_alloc(&ev->scratch, (size_t)n * sizeof *list);
    size_t count = 0;
    bool ok = key.n && version_history(ev->host->view, &ev->scratch, t->id, key, ev->as_of,
                                       list, (size_t)n, &count, &e);
    found(L, ev, ok, &e);
    limit_charge(L, (int64_t)count * 50);
    lua_createtable(L, (int)count, 0);
    lua_Integer at = 0;
    for (size_t i = 0; ok && i < count; i++) {
        if (list[i].op != ENTRY_PUT)
            continue;
        api_push_row(L, ev, t, &list[i]);
        lua_rawseti(L, -2, ++at);
    }
    return 1;
}

const luaL_Reg api_find_functions[] = {
    {"find", ctx_find},
    {"before", ctx_before},
    {"history", ctx_history},
    {NULL, NULL},
};
