#include "engine/api.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/row.h"
#include "engine/limit.h"
#include "engine/lua_json.h"
#include "util/calendar.h"
#include "util/json.h"

enum { SCRATCH_MAX = 256 << 20, LIST_MAX = 200 };

/* --- arguments ----------------------------------------------------------------------------------- */

struct evaluation *api_enter(lua_State *L, const char *function)
{
    limit_host_call(L);
    struct instance *in = sandbox_host(L);
    struct evaluation *ev = in->running;
    if (!ev)
        sandbox_raise(L, "ctx 只能在处理函数运行时使用");
    if (lua_type(L, 1) != LUA_TUSERDATA)
        sandbox_raise(L, "要用冒号调用：ctx:%s(…)", function);
    if ((++ev->calls & 1023) == 0 &&
        (arena_size(&ev->scratch) > SCRATCH_MAX || arena_size(&ev->keep) > SCRATCH_MAX))
        sandbox_raise(L, "一次运行读取的记录或留下的后果太多，请缩小条件");
    return ev;
}

int api_stop(lua_State *L, struct evaluation *ev, const struct err *e)
{
    if (ev->stop.code == ERR_NONE)
        ev->stop = *e;
    return sandbox_raise(L, "宿主中断：%s", e->text);
}

struct span api_text(lua_State *L, int index, const char *function, const char *what)
{
    int type = lua_type(L, index);
    if (type != LUA_TSTRING && type != LUA_TNUMBER)
        sandbox_raise(L, "ctx:%s 的%s应为文本，现在是 %s", function, what,
                      luaL_typename(L, index));
    size_t n;
    const char *p = lua_tolstring(L, index, &n);
    return (struct span){p, n};
}

int64_t api_time(lua_State *L, int index, const char *function, const char *what)
{
    struct span s = api_text(L, index, function, what);
    int64_t us;
    if (!calendar_parse_datetime(s, &us))
        sandbox_raise(L, "ctx:%s 的%s应为时刻，如 2020-07-15T08:30:00+08:00，现在是 %.*s",
                      function, what, SPAN_ARG(s));
    return us;
}

const struct type *api_type_named(lua_State *L, struct evaluation *ev, struct span name)
{
    const struct dictionary *d = ev->in->dictionary;
    const struct type *t = dictionary_find(d, name);
    if (!t) {
        const char *names[257] = {0};
        for (int i = 0; i < dictionary_count(d) && i < 256; i++)
            names[i] = dictionary_at(d, i)->name;
        const char *near = api_nearest(name, names);
        sandbox_raise(L, "没有记录类型 %.*s%s%s", SPAN_ARG(name), near ? "，是不是 " : "",
                      near ? near : "");
        return NULL;
    }
    if (t->sealed)
        sandbox_raise(L, "%s 是封存的个人信息，脚本读不到", t->name);
    if (t->restricted && !ev->in->may_read[t->id - ENTRY_RECORDS])
        sandbox_raise(L, "%s 是限制类数据，读它要先写进场景的 reads", t->name);
    return t;
}

const struct type *api_type(lua_State *L, struct evaluation *ev, int index,
                            const char *function)
{
    return api_type_named(L, ev, api_text(L, index, function, "记录类型"));
}

const char *api_nearest(struct span wrong, const char *const *names)
{
    const char *best = NULL;
    size_t best_at = wrong.n / 2 + 1;
    for (; *names; names++) {
        struct span name = span_of(*names);
        size_t d = span_distance(wrong, name);
        if (d < best_at) {
            best_at = d;
            best = *names;
        }
    }
    return best;
}

void api_members(lua_State *L, int index, const char *function, const char *const *allowed)
{
    if (lua_type(L, index) != LUA_TTABLE)
        sandbox_raise(L, "ctx:%s 的参数应为表", function);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        struct span name = {"?", 1};
        if (lua_type(L, -2) == LUA_TSTRING)
            name.p = lua_tolstring(L, -2, &name.n);
        bool known = false;
        for (const char *const *a = allowed; *a && !known; a++)
            known = span_eq(name, span_of(*a));
        if (known)
            continue;
        const char *near = api_nearest(name, allowed);
        sandbox_raise(L, "ctx:%s 不认识 %.*s%s%s", function, SPAN_ARG(name),
                      near ? "，是不是 " : "", near ? near : "");
    }
}

struct span api_member(lua_State *L, int table, const char *name, const char *function,
                       size_t max, bool one_line)
{
    lua_getfield(L, table, name);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return SPAN_NONE;
    }
    char what[64];
    snprintf(what, sizeof what, " %s ", name);
    struct span s = api_text(L, -1, function, what);
    if (s.n > max)
        sandbox_raise(L, "ctx:%s 的 %s 太长（上限 %zu 字节）", function, name, max);
    if (one_line && span_has_control(s))
        sandbox_raise(L, "ctx:%s 的 %s 里有控制字符", function, name);
    const struct instance *in = sandbox_host(L);
    s = arena_span(&in->running->scratch, s);
    lua_pop(L, 1);
    return s.p ? s : SPAN("");
}

struct span *api_list_member(lua_State *L, struct evaluation *ev, const char *function,
                             const char *name, size_t *count, bool *given)
{
    *count = 0;
    lua_getfield(L, 2, name);
    *given = !lua_isnil(L, -1);
    if (!*given) {
        lua_pop(L, 1);
        return NULL;
    }
    if (!lua_istable(L, -1))
        sandbox_raise(L, "ctx:%s 的 %s 应为列表", function, name);
    size_t n = lua_rawlen(L, -1);
    if (n > LIST_MAX)
        sandbox_raise(L, "ctx:%s 的 %s 太多（上限 %d）", function, name, LIST_MAX);
    struct span *list = arena_alloc(&ev->keep, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        lua_geti(L, -1, (lua_Integer)i + 1);
        list[i] = arena_span(&ev->keep, api_text(L, -1, function, name));
        lua_pop(L, 1);
    }
    *count = n;
    lua_pop(L, 1);
    return list;
}

static bool value_text(struct arena *a, const struct row_value *v, struct span *out)
{
    struct buf b = {0};
    row_put_text(&b, v);
    *out = arena_span(a, buf_view(&b));
    buf_free(&b);
    return true;
}

bool api_field_text(lua_State *L, int index, const struct field *f, struct arena *a,
                    struct span *out)
{
    struct row_value v = {.kind = f->kind};
    switch (f->kind) {
    case FIELD_INTEGER: {
        int whole = 0;
        v.integer = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &whole) : 0;
        return whole && value_text(a, &v, out);
    }
    case FIELD_NUMBER:
        v.number = lua_tonumber(L, index);
        return lua_type(L, index) == LUA_TNUMBER && value_text(a, &v, out);
    case FIELD_BOOLEAN:
        v.boolean = lua_toboolean(L, index);
        return lua_isboolean(L, index) && value_text(a, &v, out);
    case FIELD_DATETIME: {
        size_t n = 0;
        const char *p = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &n) : NULL;
        return p && calendar_parse_datetime((struct span){p, n}, &v.integer) &&
               value_text(a, &v, out);
    }
    case FIELD_STRINGS:
        return false;
    case FIELD_STRING:
    case FIELD_ENUM:
    case FIELD_DATE:
    case FIELD_MONTH:
        break;
    }
    if (lua_type(L, index) != LUA_TSTRING)
        return false;
    size_t n;
    const char *p = lua_tolstring(L, index, &n);
    *out = arena_span(a, (struct span){p, n});
    return true;
}

static void raise_field(lua_State *L, const struct type *t, struct span name)
{
    const char *names[257] = {0};
    for (int i = 0; i < t->field_count && i < 256; i++)
        names[i] = t->fields[i].name;
    const char *near = api_nearest(name, names);
    sandbox_raise(L, "%s 没有字段 %.*s%s%s", t->name, SPAN_ARG(name), near ? "，是不是 " : "",
                  near ? near : "");
}

struct record_where *api_where(lua_State *L, struct evaluation *ev, int index,
                               const struct type *t, const char *function, size_t *count)
{
    *count = 0;
    if (lua_type(L, index) != LUA_TTABLE)
        sandbox_raise(L, "ctx:%s 的条件应为表，如 { ent_id = id }", function);
    size_t given = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        given++;
        if (lua_type(L, -2) != LUA_TSTRING)
            sandbox_raise(L, "ctx:%s 的条件要写 字段 = 值", function);
        size_t n;
        const char *p = lua_tolstring(L, -2, &n);
        if (type_field(t, (struct span){p, n}) < 0)
            raise_field(L, t, (struct span){p, n});
    }
    struct record_where *where = arena_alloc(&ev->scratch, (given + 1) * sizeof *where);
    for (int i = 0; given && i < t->field_count; i++) { /* in the dictionary's order */
        lua_pushstring(L, t->fields[i].name);
        lua_rawget(L, index);
        if (!lua_isnil(L, -1)) {
            where[*count].field = i;
            if (!api_field_text(L, -1, &t->fields[i], &ev->scratch, &where[*count].value))
                sandbox_raise(L, "ctx:%s 条件里 %s 的值与字段类型不符", function,
                              t->fields[i].name);
            (*count)++;
        }
        lua_pop(L, 1);
    }
    return where;
}

int64_t api_window(lua_State *L, struct evaluation *ev, int index, const char *function)
{
    struct span s = api_text(L, index, function, "窗口");
    struct time_limit l;
    if (!time_limit_parse(s, &l, NULL) || l.unit == LIMIT_WH || l.unit == LIMIT_WD)
        sandbox_raise(L, "ctx:%s 的窗口要写 30min、24h 或 30d，现在是 %.*s", function,
                      SPAN_ARG(s));
    if (l.unit == LIMIT_D)
        return calendar_day_start(calendar_day_of(ev->now) - l.amount);
    return ev->now - l.amount * (l.unit == LIMIT_H ? 60 : 1) * CALENDAR_MINUTE_US;
}

/* --- results ------------------------------------------------------------------------------------- */

void api_push_span(lua_State *L, struct span s)
{
    lua_pushlstring(L, s.n ? s.p : "", s.n);
}

void api_push_time(lua_State *L, int64_t us)
{
    char text[64];
    struct buf b = {text, 0, sizeof text}; /* long enough: never grows onto the heap */
    calendar_put_datetime(&b, us);
    lua_pushlstring(L, b.p, b.n);
}

struct span api_row_community(struct evaluation *ev, const struct type *t,
                              const struct entry *e)
{
    if (!t || t->community < 0 || !e->body.n)
        return SPAN_NONE;
    struct row_value v = row_get(t, e->body, t->community);
    (void)ev;
    return v.null ? SPAN_NONE : v.text;
}

struct span api_community(struct evaluation *ev, const struct type *t, struct span id)
{
    if (!t || t->community < 0)
        return SPAN_NONE;
    struct entry e;
    struct span prefix = key_of1(&ev->scratch, id, NULL);
    if (!prefix.n ||
        !record_latest(ev->host->view, &ev->scratch, t, prefix, ev->as_of, &e, NULL))
        return SPAN_NONE;
    return api_row_community(ev, t, &e);
}

struct effect *api_effect(struct evaluation *ev, enum effect_kind kind, struct span key)
{
    struct effects *list = ev->effects;
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        struct effect *more = arena_alloc(&ev->keep, cap * sizeof *more);
        if (list->count)
            memcpy(more, list->items, list->count * sizeof *more);
        list->items = more;
        list->cap = cap;
    }
    struct effect *x = &list->items[list->count++];
    *x = (struct effect){.kind = kind, .key = arena_span(&ev->keep, key)};
    return x;
}

/* --- a record ------------------------------------------------------------------------------------ */

struct row {
    uint64_t generation;
    struct trace_read *read; /* in the evaluation's scratch */
};

static void push_strings(lua_State *L, struct row_value *v)
{
    lua_createtable(L, (int)(v->list.count < 64 ? v->list.count : 64), 0);
    struct span item;
    for (lua_Integer i = 1; row_list_next(v, &item); i++) {
        api_push_span(L, item);
        lua_rawseti(L, -2, i);
    }
}

static int push_value(lua_State *L, struct row_value *v)
{
    char text[64];
    struct buf b = {text, 0, sizeof text};
    if (v->null) {
        lua_pushnil(L);
        return 1;
    }
    switch (v->kind) {
    case FIELD_STRING:
    case FIELD_ENUM:
        api_push_span(L, v->text);
        break;
    case FIELD_INTEGER:
        lua_pushinteger(L, v->integer);
        break;
    case FIELD_NUMBER:
        lua_pushnumber(L, v->number);
        break;
    case FIELD_BOOLEAN:
        lua_pushboolean(L, v->boolean);
        break;
    case FIELD_STRINGS:
        push_strings(L, v);
        break;
    case FIELD_DATE:
    case FIELD_MONTH:
    case FIELD_DATETIME:
        row_put_text(&b, v);
        lua_pushlstring(L, b.p, b.n);
        break;
    }
    return 1;
}

/* row.field; upvalues: type, table of field numbers by name */
static int row_index(lua_State *L)
{
    limit_host_call(L);
    const struct type *t = lua_touserdata(L, lua_upvalueindex(1));
    const struct row *r = lua_touserdata(L, 1);
    const struct instance *in = sandbox_host(L);
    if (!in->running || r->generation != in->generation)
        sandbox_raise(L, "这条记录是上一次运行留下的，不能再读：每次都要重新取");
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
    int whole;
    int field = (int)lua_tointegerx(L, -1, &whole) - 1;
    if (!whole) {
        size_t n = 1;
        const char *p = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &n) : "?";
        raise_field(L, t, (struct span){p, n});
    }
    if (t->fields[field].is_private)
        sandbox_raise(L, "%s.%s 是个人信息，脚本读不到", t->name, t->fields[field].name);
    trace_field(&in->running->trace, r->read, field);
    struct row_value v = row_get(t, r->read->entry.body, field);
    return push_value(L, &v);
}

static int row_newindex(lua_State *L)
{
    const struct type *t = lua_touserdata(L, lua_upvalueindex(1));
    return sandbox_raise(L, "%s 的记录只能读，不能改", t->name);
}

/* The metatable of a type's rows, made when the first is handed out. */
static void push_row_metatable(lua_State *L, const struct instance *in, const struct type *t)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, in->rows); // rows
    if (lua_rawgeti(L, -1, t->id) == LUA_TTABLE) {
        lua_remove(L, -2); // metatable
        return;
    }
    lua_pop(L, 1);
    void *type = (void *)(uintptr_t)t;
    lua_createtable(L, 0, 5); // rows metatable
    lua_pushlightuserdata(L, type);
    lua_createtable(L, 0, t->field_count);
    for (int i = 0; i < t->field_count; i++) {
        lua_pushinteger(L, i + 1);
        lua_setfield(L, -2, t->fields[i].name);
    } // rows metatable type fields
    lua_pushcclosure(L, row_index, 2);
    lua_setfield(L, -2, "__index");
    lua_pushlightuserdata(L, type);
    lua_pushcclosure(L, row_newindex, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushstring(L, t->name);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, t->id);
    lua_remove(L, -2); // metatable
}

void api_push_row(lua_State *L, struct evaluation *ev, const struct type *t,
                  const struct entry *e)
{
    struct row *r = lua_newuserdatauv(L, sizeof *r, 0);
    r->generation = ev->in->generation;
    r->read = arena_alloc(&ev->scratch, sizeof *r->read);
    r->read->type = t;
    r->read->entry = *e;
    push_row_metatable(L, ev->in, t);
    lua_setmetatable(L, -2);
}

/* --- ctx ----------------------------------------------------------------------------------------- */

/* ctx.settings.name */
static int settings_index(lua_State *L)
{
    limit_host_call(L);
    const struct instance *in = sandbox_host(L);
    size_t n = 1;
    const char *p = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &n) : "?";
    struct span name = {p, n};
    struct span community = in->running ? in->running->community : SPAN_NONE;
    const struct json *v = instance_setting(in, name, community);
    if (!v) {
        const char *names[129] = {0};
        for (size_t i = 0; i < in->setting_count && i < 128; i++)
            names[i] = in->settings[i].name.p;
        const char *near = api_nearest(name, names);
        return sandbox_raise(L, "没有参数 %.*s%s%s", SPAN_ARG(name), near ? "，是不是 " : "",
                             near ? near : "");
    }
    lua_json_push(L, v);
    return 1;
}

static int settings_newindex(lua_State *L)
{
    return sandbox_raise(L, "参数只能读，不能改");
}

static int push_week(lua_State *L, int64_t now)
{
    char text[32];
    struct buf b = {text, 0, sizeof text};
    calendar_put_week(&b, calendar_day_of(now));
    lua_pushlstring(L, b.p, b.n);
    return 1;
}

static void raise_member(lua_State *L, struct span name)
{
    const char *names[64] = {"now", "today", "month", "week", "seq", "settings"};
    size_t n = 6;
    const luaL_Reg *lists[] = {api_find_functions,  api_list_functions,  api_alert_functions,
                               api_state_functions, api_check_functions, api_opinion_functions};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const luaL_Reg *f = lists[i]; f->name && n < 63; f++)
            names[n++] = f->name;
    const char *near = api_nearest(name, names);
    sandbox_raise(L, "ctx 没有 %.*s%s%s", SPAN_ARG(name), near ? "，是不是 " : "",
                  near ? near : "");
}

/* ctx.name; upvalues: functions by name, the settings object */
static int context_index(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    limit_host_call(L);
    const struct instance *in = sandbox_host(L);
    const struct evaluation *ev = in->running;
    if (!ev)
        return sandbox_raise(L, "ctx 只能在处理函数运行时使用");
    size_t n = 1;
    const char *p = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &n) : "?";
    struct span name = {p, n};
    char text[64];
    struct buf b = {text, 0, sizeof text};
    calendar_put_datetime(&b, ev->now);
    if (span_eq(name, SPAN("now")))
        lua_pushlstring(L, b.p, b.n);
    else if (span_eq(name, SPAN("today")))
        lua_pushlstring(L, b.p, 10);
    else if (span_eq(name, SPAN("month")))
        lua_pushlstring(L, b.p, 7);
    else if (span_eq(name, SPAN("week")))
        return push_week(L, ev->now);
    else if (span_eq(name, SPAN("seq")))
        lua_pushinteger(L, (lua_Integer)ev->entry->seq);
    else if (span_eq(name, SPAN("settings")))
        lua_pushvalue(L, lua_upvalueindex(2));
    else
        raise_member(L, name);
    return 1;
}

static int context_newindex(lua_State *L)
{
    return sandbox_raise(L, "ctx 只能读，不能改；要记住什么请用 ctx:set");
}

static void set_guards(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
}

void api_push_context(lua_State *L, struct instance *in)
{
    lua_newuserdatauv(L, 1, 0); // ctx
    lua_createtable(L, 0, 4);   // ctx meta
    lua_newtable(L);            // ctx meta functions
    luaL_setfuncs(L, api_find_functions, 0);
    luaL_setfuncs(L, api_list_functions, 0);
    luaL_setfuncs(L, api_alert_functions, 0);
    luaL_setfuncs(L, api_state_functions, 0);
    luaL_setfuncs(L, api_check_functions, 0);
    luaL_setfuncs(L, api_opinion_functions, 0);
    lua_newuserdatauv(L, 1, 0); // ctx meta functions settings
    lua_createtable(L, 0, 4);
    lua_pushcfunction(L, settings_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, settings_newindex);
    lua_setfield(L, -2, "__newindex");
    set_guards(L, "ctx.settings");
    lua_setmetatable(L, -2);
    lua_pushcclosure(L, context_index, 2); // ctx meta index
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, context_newindex);
    lua_setfield(L, -2, "__newindex");
    set_guards(L, "ctx");
    lua_setmetatable(L, -2); // ctx
    (void)in;
}
