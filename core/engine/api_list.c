/* ctx:list, each, count, sum: records by their fields. */
#include "engine/api.h"

#include <math.h>
#include <string.h>

#include "domain/row.h"
#include "engine/limit.h"

enum { SCANS_MAX = 256, SCAN_COST = 20, LAST_MAX = 1000 };

/* A walk in progress. The evaluation owns it: closed when the loop ends, is left, or the call is over. */
struct api_scan {
    struct record_scan *scan; /* NULL: closed, or read at once */
    const struct type *type;
    struct entry *rows; /* within, last: read at once, told one by one */
    size_t row_count, row_at;
    int64_t left; /* of `limit` */
    struct api_scan *next;
};
struct rows {
    struct arena *a;
    struct entry *items;
    size_t count, cap;
};
struct scan_handle { /* what Lua holds */
    uint64_t generation;
    struct api_scan *scan;
};

void api_scans_close(struct evaluation *ev)
{
    for (struct api_scan *s = ev->scans; s; s = s->next)
        record_scan_close(s->scan), s->scan = NULL;
    ev->scans = NULL;
}

static void scan_drop(struct evaluation *ev, struct api_scan *s)
{
    record_scan_close(s->scan);
    s->scan = NULL;
    for (struct api_scan **at = &ev->scans; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            return;
        }
}

static bool keep_row(void *ctx, const struct entry *e)
{
    struct rows *r = ctx;
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 32;
        struct entry *more = arena_alloc(r->a, cap * sizeof *more);
        if (r->count)
            memcpy(more, r->items, r->count * sizeof *more);
        r->items = more;
        r->cap = cap;
    }
    r->items[r->count++] = *e;
    return true;
}

/* within = "30min", last = n: records by event time, none after ctx.now or `upto`. False: neither is asked for. */
static bool read_by_time(lua_State *L, struct evaluation *ev, struct api_scan *s,
                         const struct record_where *where, size_t count, const char *function)
{
    int64_t from = INT64_MIN, upto = ev->now, last = 0;
    uint64_t looked;
    struct err e = {0};
    struct rows r = {.a = &ev->scratch};
    lua_getfield(L, 4, "upto");
    if (!lua_isnil(L, -1))
        upto = api_time(L, lua_gettop(L), function, " upto ");
    lua_pop(L, 1);
    lua_getfield(L, 4, "within");
    lua_getfield(L, 4, "last");
    if (lua_isnil(L, -2) && lua_isnil(L, -1)) {
        lua_pop(L, 2);
        return false;
    }
    if (s->type->event < 0)
        sandbox_raise(L, "%s 没有事件时间，不能用 within、last", s->type->name);
    if (!lua_isnil(L, -2))
        from = api_window(L, ev, lua_gettop(L) - 1, function);
    if (!lua_isnil(L, -1)) {
        int whole;
        last = lua_tointegerx(L, -1, &whole);
        if (!whole || last < 1 || last > LAST_MAX)
            sandbox_raise(L, "ctx:%s 的 last 应为 1 至 %d 的整数", function, LAST_MAX);
    }
    lua_pop(L, 2);
    if (!(last ? record_last(ev->host->view, r.a, s->type, where, count, from, upto, ev->as_of,
                             (size_t)last, &r.items, &r.count, &looked, &e)
               : record_window(ev->host->view, r.a, s->type, where, count, from, upto,
                               ev->as_of, keep_row, &r, &looked, &e)))
        api_stop(L, ev, &e);
    limit_charge(L, (int64_t)looked * SCAN_COST);
    s->rows = r.items;
    s->row_count = r.count;
    return true;
}

static struct api_scan *scan_start(lua_State *L, struct evaluation *ev, const char *function)
{
    static const char *const options[] = {"limit", "all", "within", "last", "upto", NULL};
    const struct type *t = api_type(L, ev, 2, function);
    size_t count;
    struct record_where *where = api_where(L, ev, 3, t, function, &count);
    bool all = false;
    int64_t limit = INT64_MAX;
    if (!lua_isnoneornil(L, 4)) {
        api_members(L, 4, function, options);
        lua_getfield(L, 4, "all");
        all = lua_toboolean(L, -1);
        lua_getfield(L, 4, "limit");
        if (!lua_isnil(L, -1)) {
            int whole;
            limit = lua_tointegerx(L, -1, &whole);
            if (!whole || limit < 0)
                sandbox_raise(L, "ctx:%s 的 limit 应为不小于 0 的整数", function);
        }
        lua_pop(L, 2);
    }
    size_t open = 0;
    for (struct api_scan *s = ev->scans; s; s = s->next)
        open++;
    if (open >= SCANS_MAX)
        sandbox_raise(L, "同时进行的 ctx:each 太多，请用 for … in ctx:each(…) do");
    struct api_scan *s = arena_alloc(&ev->scratch, sizeof *s);
    *s = (struct api_scan){.type = t, .left = limit};
    if (lua_istable(L, 4) && read_by_time(L, ev, s, where, count, function))
        return s; /* holds nothing that must be closed */
    s->scan = record_scan_open(ev->host->view, t, where, count, all, SPAN_NONE, ev->as_of);
    s->next = ev->scans;
    ev->scans = s;
    return s;
}

/* Push the next row; false at the end (nothing pushed, walk closed). */
static bool scan_next(lua_State *L, struct evaluation *ev, struct api_scan *s)
{
    struct err e = {0};
    struct entry entry;
    if (s->row_at < s->row_count && s->left > 0) {
        s->left--;
        limit_charge(L, SCAN_COST);
        api_push_row(L, ev, s->type, &s->rows[s->row_at++]);
        return true;
    }
    if (!s->scan)
        return false;
    uint64_t before = record_scan_passed_over(s->scan);
    bool on = s->left > 0 && record_scan_next(s->scan, &ev->scratch, &entry, &e);
    limit_charge(L, (int64_t)(record_scan_passed_over(s->scan) - before) * SCAN_COST);
    if (!on) {
        scan_drop(ev, s);
        if (e.code != ERR_NONE && e.code != ERR_MISSING)
            api_stop(L, ev, &e);
        return false;
    }
    s->left--;
    limit_charge(L, SCAN_COST);
    api_push_row(L, ev, s->type, &entry);
    return true;
}

static int ctx_list(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "list");
    struct api_scan *s = scan_start(L, ev, "list");
    lua_newtable(L);
    for (lua_Integer i = 1; scan_next(L, ev, s); i++) {
        limit_host_call(L);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

static struct scan_handle *handle_of(lua_State *L, int index)
{
    struct scan_handle *h = lua_touserdata(L, index);
    const struct instance *in = sandbox_host(L);
    return h && in->running && h->generation == in->generation ? h : NULL;
}

static int each_next(lua_State *L)
{
    limit_host_call(L);
    struct scan_handle *h = handle_of(L, lua_upvalueindex(1));
    if (!h)
        return sandbox_raise(L, "这个 ctx:each 是上一次运行留下的");
    const struct instance *in = sandbox_host(L);
    if (!scan_next(L, in->running, h->scan))
        lua_pushnil(L);
    return 1;
}

static int each_close(lua_State *L)
{
    struct scan_handle *h = handle_of(L, 1);
    const struct instance *in = sandbox_host(L);
    if (h && h->scan->scan)
        scan_drop(in->running, h->scan);
    return 0;
}

/* Returns iterator, nil, nil and a value that closes the walk when the loop is left early. */
static int ctx_each(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "each");
    lua_settop(L, 4); // ctx type where options|nil
    struct scan_handle *h = lua_newuserdatauv(L, sizeof *h, 0);
    h->generation = 0; /* closed without effect until the walk has begun */
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, each_close);
    lua_setfield(L, -2, "__close");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2); // ctx type where options handle
    h->scan = scan_start(L, ev, "each");
    h->generation = ev->in->generation;
    lua_pushvalue(L, 5);
    lua_pushcclosure(L, each_next, 1);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, 5);
    return 4;
}

/* --- windows of event time ----------------------------------------------------------------------- */

struct window_sum {
    struct trace *trace;
    const struct type *type;
    int field; /* -1: count only */
    uint64_t count;
    double sum;
};

static bool add(void *ctx, const struct entry *e)
{
    struct window_sum *w = ctx;
    w->count++;
    trace_counted(w->trace, e->seq);
    if (w->field >= 0) {
        struct row_value v = row_get(w->type, e->body, w->field);
        if (!v.null)
            w->sum += v.kind == FIELD_INTEGER ? (double)v.integer : v.number;
    }
    return true;
}

/* where at `index`, window behind it */
static void walk_window(lua_State *L, struct evaluation *ev, int index, const char *function,
                        struct window_sum *w)
{
    size_t count;
    struct record_where *where = api_where(L, ev, index, w->type, function, &count);
    int64_t from = api_window(L, ev, index + 1, function);
    uint64_t looked;
    struct err e = {0};
    if (w->type->event < 0)
        sandbox_raise(L, "%s 没有事件时间，不能按窗口计数", w->type->name);
    if (!record_window(ev->host->view, &ev->scratch, w->type, where, count, from, ev->now,
                       ev->as_of, add, w, &looked, &e))
        api_stop(L, ev, &e);
    limit_charge(L, (int64_t)looked * SCAN_COST);
}

static int ctx_count(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "count");
    struct window_sum w = {
        .trace = &ev->trace, .type = api_type(L, ev, 2, "count"), .field = -1};
    walk_window(L, ev, 3, "count", &w);
    lua_pushinteger(L, (lua_Integer)w.count);
    return 1;
}

static int ctx_sum(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "sum");
    struct window_sum w = {.trace = &ev->trace, .type = api_type(L, ev, 2, "sum")};
    struct span name = api_text(L, 3, "sum", "字段");
    w.field = type_field(w.type, name);
    if (w.field < 0 || (w.type->fields[w.field].kind != FIELD_INTEGER &&
                        w.type->fields[w.field].kind != FIELD_NUMBER))
        return sandbox_raise(L, "%s 没有数字字段 %.*s", w.type->name, SPAN_ARG(name));
    walk_window(L, ev, 4, "sum", &w);
    lua_pushnumber(L, fabs(w.sum) < 9e9 ? round(w.sum * 1e6) / 1e6 : w.sum);
    return 1;
}

const luaL_Reg api_list_functions[] = {
    {"list", ctx_list}, {"each", ctx_each}, {"count", ctx_count},
    {"sum", ctx_sum},   {NULL, NULL},
};
