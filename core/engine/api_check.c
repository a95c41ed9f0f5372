/* ctx:check, unknown, log, alive, is_workday, subject: judging, and what is said about it. */
#include "engine/api.h"

#include <math.h>
#include <string.h>

#include "domain/dataset.h"
#include "domain/street.h"
#include "engine/limit.h"
#include "util/calendar.h"

enum { LOG_BYTES_MAX = 64 * 1024, LOG_LINE_MAX = 4096, REASON_MAX = 200 };

/* Six decimals decide; beyond 9e9 a double has none to spare. */
static double round6(double x)
{
    return fabs(x) < 9e9 ? round(x * 1e6) / 1e6 : x;
}

/* {num, den, unit} of std.stats */
static void read_ratio(lua_State *L, int index, struct evaluation *ev, struct trace_value *v,
                       double *num, double *den)
{
    lua_getfield(L, index, "num");
    lua_getfield(L, index, "den");
    lua_getfield(L, index, "unit");
    if (lua_type(L, -3) != LUA_TNUMBER || lua_type(L, -2) != LUA_TNUMBER ||
        !(lua_tonumber(L, -2) > 0))
        sandbox_raise(L, "ctx:check 的分数要有数字 num 和大于零的 den");
    *num = lua_tonumber(L, -3);
    *den = lua_tonumber(L, -2);
    v->kind = TRACE_RATIO;
    v->number = *num / *den;
    if (lua_type(L, -1) == LUA_TSTRING) {
        size_t n;
        const char *p = lua_tolstring(L, -1, &n);
        v->unit = arena_span(&ev->scratch, (struct span){p, n});
    }
    lua_pop(L, 3);
}

static void read_value(lua_State *L, int index, struct evaluation *ev, struct trace_value *v)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TNONE:
        v->kind = TRACE_NOTHING;
        return;
    case LUA_TBOOLEAN:
        v->kind = TRACE_BOOL;
        v->boolean = lua_toboolean(L, index);
        return;
    case LUA_TNUMBER:
        v->kind = lua_isinteger(L, index) ? TRACE_INTEGER : TRACE_NUMBER;
        v->integer = lua_tointeger(L, index);
        v->number = lua_tonumber(L, index);
        return;
    case LUA_TSTRING: {
        size_t n;
        const char *p = lua_tolstring(L, index, &n);
        v->kind = TRACE_TEXT;
        v->text = arena_span(&ev->scratch, (struct span){p, n});
        return;
    }
    default:
        sandbox_raise(L, "ctx:check 只比较数字、文本、真假和分数，不比较 %s",
                      luaL_typename(L, index));
    }
}

static bool by_order(int order, const char *op)
{
    switch (op[0]) {
    case '>':
        return op[1] ? order >= 0 : order > 0;
    case '<':
        return op[1] ? order <= 0 : order < 0;
    case '=':
        return order == 0;
    default:
        return order != 0;
    }
}

static int order_of(double a, double b)
{
    return a < b ? -1 : a > b;
}

static bool is_number(const struct trace_value *v)
{
    return v->kind == TRACE_INTEGER || v->kind == TRACE_NUMBER;
}

/* 0: cannot be compared */
static bool compare(const struct trace_value *v, const struct trace_value *limit, int *order)
{
    if (is_number(v) && is_number(limit)) {
        bool whole = v->kind == TRACE_INTEGER && limit->kind == TRACE_INTEGER;
        *order = whole ? (v->integer > limit->integer) - (v->integer < limit->integer)
                       : order_of(round6(v->number), round6(limit->number));
        return true;
    }
    if (v->kind != limit->kind)
        return false;
    if (v->kind == TRACE_TEXT) {
        *order = span_cmp(v->text, limit->text);
        return true;
    }
    *order = (int)v->boolean - (int)limit->boolean;
    return true;
}

static int ctx_check(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "check");
    struct trace_check c = {.line = sandbox_line(L)};
    double num = 0, den = 0;
    c.label = arena_span(&ev->scratch, api_text(L, 2, "check", "名称"));
    c.op = trace_op(api_text(L, 4, "check", "比较符"));
    if (!c.op)
        return sandbox_raise(L, "ctx:check 的比较符应为 > >= < <= == ~= 之一");
    if (lua_istable(L, 3))
        read_ratio(L, 3, ev, &c.value, &num, &den);
    else
        read_value(L, 3, ev, &c.value);
    read_value(L, 5, ev, &c.limit);
    if (!lua_isnoneornil(L, 6) && !c.value.unit.n)
        c.value.unit = arena_span(&ev->scratch, api_text(L, 6, "check", "单位"));
    if (c.value.kind != TRACE_NOTHING && c.limit.kind != TRACE_NOTHING) {
        int order = 0;
        if (c.value.kind == TRACE_RATIO && is_number(&c.limit))
            order = order_of(round6(num), round6(c.limit.number * den));
        else if (c.value.kind == TRACE_RATIO || !compare(&c.value, &c.limit, &order))
            return sandbox_raise(L, "ctx:check“%.*s”的数值和界限不是同一种", SPAN_ARG(c.label));
        if (c.value.kind == TRACE_BOOL && c.op[0] != '=' && c.op[0] != '~')
            return sandbox_raise(L, "ctx:check“%.*s”：真假只能用 == 或 ~= 比较",
                                 SPAN_ARG(c.label));
        c.pass = by_order(order, c.op);
    }
    trace_check(&ev->trace, &c);
    if (ev->in->checked)
        ev->in->checked(ev->in->checked_ctx, c.line, c.pass);
    lua_pushboolean(L, c.pass);
    return 1;
}

/* Counted by reason: three thousand blind enterprises are one line of the log. */
static int ctx_unknown(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "unknown");
    struct span reason = api_text(L, 2, "unknown", "原因");
    reason.n = span_cut_utf8(reason, REASON_MAX);
    lua_pushnil(L);
    if (ev->again)
        return 1; /* has been said when it was judged first */
    ev->unknowns++;
    struct unknown **at = &ev->unknown;
    size_t reasons = 0;
    while (*at && !span_eq((*at)->reason, reason)) {
        at = &(*at)->next;
        reasons++;
    }
    if (!*at && reasons < 20) {
        *at = arena_alloc(&ev->keep, sizeof **at);
        (*at)->reason = arena_span(&ev->keep, reason);
    }
    if (*at)
        (*at)->count++;
    return 1;
}

static int ctx_log(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "log");
    struct buf *text = &ev->json;
    buf_clear(text);
    int n = lua_gettop(L);
    for (int i = 2; i <= n; i++) {
        if (i > 2)
            buf_char(text, ' ');
        sandbox_put_text(L, i, text);
    }
    struct span s = buf_view(text);
    s.n = span_cut_utf8(s, LOG_LINE_MAX);
    if (ev->logged + s.n > LOG_BYTES_MAX)
        return sandbox_raise(L, "ctx:log 一次运行写得太多（上限 64 KiB）");
    ev->logged += s.n + 16;
    api_effect(ev, EFFECT_LOG, SPAN_NONE)->members = arena_span(&ev->keep, s);
    return 0;
}

/* --- days and sources ----------------------------------------------------------------------------- */

static int ctx_alive(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "alive");
    const struct type *t =
        dictionary_find(ev->in->dictionary, api_text(L, 2, "alive", "记录类型"));
    if (!t)
        return sandbox_raise(L, "ctx:alive：没有这个记录类型");
    struct err e = {0};
    struct dataset set;
    arena_reset(&ev->brief);
    if (!dataset_of(ev->host->view, &ev->brief, ev->in->dictionary, t, ev->now, ev->as_of, &set,
                    &e))
        return api_stop(L, ev, &e);
    lua_pushboolean(L, set.alive);
    return 1;
}

static int ctx_is_workday(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "is_workday");
    struct span s = api_text(L, 2, "is_workday", "日期");
    int64_t day;
    if (!calendar_parse_date(s, &day))
        return sandbox_raise(L, "ctx:is_workday 的日期应如 2020-07-15，现在是 %.*s",
                             SPAN_ARG(s));
    ev->days.view = ev->host->view;
    ev->days.street = ev->in->street;
    ev->days.as_of = ev->as_of;
    struct workdays w = street_workdays(&ev->days);
    lua_pushboolean(L, w.is_workday(w.ctx, day));
    return 1;
}

static int ctx_subject(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "subject");
    const struct type *t = api_type(L, ev, 2, "subject");
    struct span id = api_text(L, 3, "subject", "对象编号");
    limit_renew(L);
    ev->community = api_community(ev, t, id);
    if (ev->host->watch)
        ev->host->watch->section(ev->host->watch->ctx, ev, t, id);
    trace_begin(&ev->trace, &ev->scratch);
    return 0;
}

const luaL_Reg api_check_functions[] = {
    {"check", ctx_check}, {"unknown", ctx_unknown},       {"log", ctx_log},
    {"alive", ctx_alive}, {"is_workday", ctx_is_workday}, {"subject", ctx_subject},
    {NULL, NULL},
};
