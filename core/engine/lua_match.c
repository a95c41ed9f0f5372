/*
 * Lua patterns with a step budget: find, match, gmatch, gsub. Stock Lua's matcher runs in C where no hook reaches and
 * can take exponential time; this one charges each step. Matching recurses at quantifiers and captures only, so the
 * depth is bounded by the number of nodes (lua_pattern.c).
 */
#include <string.h>

#include "engine/lua_pattern_impl.h"
#include "engine/sandbox_impl.h"

enum { CHARGE_EVERY = 512 };

struct capture {
    const char *from;
    ptrdiff_t length; /* -1: position, -2: open */
};

struct match {
    lua_State *L;
    const char *text, *end;
    const struct pattern *pattern;
    struct capture captures[PATTERN_CAPTURES_MAX];
    int steps;
};

/* --- matching ------------------------------------------------------------------------------------- */

static void step(struct match *m)
{
    if (++m->steps >= CHARGE_EVERY) {
        m->steps = 0;
        limit_charge(m->L, CHARGE_EVERY / 4);
    }
}

static bool fits(const struct match *m, const struct node *n, const char *s)
{
    if (s >= m->end)
        return false;
    switch (n->kind) {
    case NODE_ANY:
        return true;
    case NODE_CHAR:
        return (unsigned char)*s == n->a;
    default:
        return set_has(n->set, (unsigned char)*s);
    }
}

static const char *run(struct match *m, const char *s, const struct node *n);

static const char *run_greedy(struct match *m, const char *s, const struct node *n,
                              ptrdiff_t least)
{
    ptrdiff_t i = 0;
    for (; fits(m, n, s + i); i++)
        step(m);
    for (; i >= least; i--) {
        step(m);
        const char *end = run(m, s + i, n + 1);
        if (end)
            return end;
    }
    return NULL;
}

static const char *run_lazy(struct match *m, const char *s, const struct node *n)
{
    for (;; s++) {
        step(m);
        const char *end = run(m, s, n + 1);
        if (end)
            return end;
        if (!fits(m, n, s))
            return NULL;
    }
}

static const char *run_balance(struct match *m, const char *s, const struct node *n)
{
    if (s >= m->end || (unsigned char)*s != n->a)
        return NULL;
    int depth = 1;
    for (const char *p = s + 1; p < m->end; p++) {
        step(m);
        if ((unsigned char)*p == n->b) {
            if (--depth == 0)
                return p + 1;
        } else if ((unsigned char)*p == n->a) {
            depth++;
        }
    }
    return NULL;
}

static const char *run_back(struct match *m, const char *s, const struct node *n)
{
    const struct capture *c = &m->captures[n->a];
    if (c->length < 0)
        return NULL; /* a position is no text */
    size_t length = (size_t)c->length;
    for (size_t done = 0; done < length; done += 64)
        step(m);
    if ((size_t)(m->end - s) < length || memcmp(s, c->from, length) != 0)
        return NULL;
    return s + length;
}

static bool run_frontier(const struct match *m, const char *s, const struct node *n)
{
    unsigned char before = s == m->text ? 0 : (unsigned char)s[-1];
    unsigned char here = s == m->end ? 0 : (unsigned char)*s;
    return !set_has(n->set, before) && set_has(n->set, here);
}

/* A capture is set before what follows is tried and put back if that fails. */
static const char *run_capture(struct match *m, const char *s, const struct node *n)
{
    struct capture *c = &m->captures[n->a], before = *c;
    if (n->kind == NODE_CLOSE)
        c->length = s - c->from;
    else
        *c = (struct capture){.from = s, .length = n->kind == NODE_POSITION ? -1 : -2};
    const char *end = run(m, s, n + 1);
    if (!end)
        *c = before;
    return end;
}

/* Where a match of the nodes from `n` on ends that begins at s; NULL: none. */
static const char *run(struct match *m, const char *s, const struct node *n)
{
    for (;; n++) {
        step(m);
        switch (n->kind) {
        case NODE_DONE:
            return s;
        case NODE_TAIL:
            return s == m->end ? s : NULL;
        case NODE_OPEN:
        case NODE_POSITION:
        case NODE_CLOSE:
            return run_capture(m, s, n);
        case NODE_FRONTIER:
            if (!run_frontier(m, s, n))
                return NULL;
            continue;
        case NODE_BALANCE:
            s = run_balance(m, s, n);
            break;
        case NODE_BACK:
            s = run_back(m, s, n);
            break;
        default: /* a single character, with its quantifier */
            if (n->repeat == GREEDY || n->repeat == GREEDY_ONE)
                return run_greedy(m, s, n, n->repeat == GREEDY_ONE);
            if (n->repeat == LAZY)
                return run_lazy(m, s, n);
            if (n->repeat == MAYBE) {
                const char *end = fits(m, n, s) ? run(m, s + 1, n + 1) : NULL;
                if (end)
                    return end;
                continue;
            }
            s = fits(m, n, s) ? s + 1 : NULL;
        }
        if (!s)
            return NULL;
    }
}

/* The captures stay as they are: none is read that the pattern has not set. */
static void begin(struct match *m, lua_State *L, struct span s, const struct pattern *pattern)
{
    m->L = L;
    m->text = s.p;
    m->end = s.p + s.n;
    m->pattern = pattern;
    m->steps = 0;
}

/* Try at s only. */
static const char *match_at(struct match *m, const char *s)
{
    step(m);
    return run(m, s, m->pattern->nodes);
}

/* Charge what has been counted but not yet charged: many short calls cost too. */
static void settle(struct match *m)
{
    limit_charge(m->L, m->steps / 4);
    m->steps = 0;
}

/* --- results -------------------------------------------------------------------------------------- */

static void push_capture(const struct match *m, int i)
{
    const struct capture *c = &m->captures[i];
    if (c->length == -1)
        lua_pushinteger(m->L, c->from - m->text + 1);
    else
        lua_pushlstring(m->L, c->from, (size_t)c->length);
}

/* All captures, or the whole match if there are none and `whole`. */
static int push_captures(const struct match *m, const char *from, const char *to, bool whole)
{
    int n = m->pattern->captures;
    if (n == 0 && !whole)
        return 0;
    luaL_checkstack(m->L, n + 1, NULL);
    if (n == 0) {
        lua_pushlstring(m->L, from, (size_t)(to - from));
        return 1;
    }
    for (int i = 0; i < n; i++)
        push_capture(m, i);
    return n;
}

/* 0-based start from a 1-based, perhaps negative one. */
static size_t init_of(lua_State *L, int arg, size_t n)
{
    lua_Integer at = luaL_optinteger(L, arg, 1);
    if (at > 0)
        return (size_t)at - 1;
    if (at == 0 || at < -(lua_Integer)n)
        return 0;
    return (size_t)((lua_Integer)n + at);
}

static bool is_plain(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] && strchr("^$*+?.([%-", p[i]))
            return false;
    }
    return true;
}

static int find_plain(lua_State *L, struct span s, struct span p, size_t init)
{
    const char *from = s.p + init, *at = p.n ? memmem(from, s.n - init, p.p, p.n) : from;
    limit_charge(L, (int64_t)((at ? (size_t)(at - from) : s.n - init) + p.n) / 32);
    if (!at) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, at - s.p + 1);
    lua_pushinteger(L, at - s.p + (lua_Integer)p.n);
    return 2;
}

static int find_or_match(lua_State *L, bool find) // s, pattern, init, plain
{
    struct span s, p;
    s.p = luaL_checklstring(L, 1, &s.n);
    p.p = luaL_checklstring(L, 2, &p.n);
    size_t init = init_of(L, 3, s.n);
    if (init > s.n) {
        lua_pushnil(L);
        return 1;
    }
    limit_charge(L, (int64_t)p.n / 16);
    if (find && (lua_toboolean(L, 4) || is_plain(p.p, p.n)))
        return find_plain(L, s, p, init);
    const struct pattern *pattern = pattern_of(L, 2, true);
    struct match m;
    begin(&m, L, s, pattern);
    for (const char *at = s.p + init; at <= m.end; at++) {
        const char *to = match_at(&m, at);
        if (to) {
            settle(&m);
            if (!find)
                return push_captures(&m, at, to, true);
            lua_pushinteger(L, at - s.p + 1);
            lua_pushinteger(L, to - s.p);
            return 2 + push_captures(&m, at, to, false);
        }
        if (pattern->anchored)
            break;
    }
    settle(&m);
    lua_pushnil(L);
    return 1;
}

int match_find(lua_State *L)
{
    return find_or_match(L, true);
}

int match_match(lua_State *L)
{
    return find_or_match(L, false);
}

static int
gmatch_step(lua_State *L) // upvalues: text, pattern, next start, end of the last match (or -1)
{
    struct span s, p;
    s.p = lua_tolstring(L, lua_upvalueindex(1), &s.n);
    p.p = lua_tolstring(L, lua_upvalueindex(2), &p.n);
    size_t at = (size_t)lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    const struct pattern *pattern = pattern_of(L, lua_upvalueindex(2), false);
    struct match m;
    begin(&m, L, s, pattern);
    for (; at <= s.n; at++) {
        const char *to = match_at(&m, s.p + at);
        if (to && to - s.p != last) {
            settle(&m);
            lua_pushinteger(L, to - s.p);
            lua_pushvalue(L, -1);
            lua_replace(L, lua_upvalueindex(3));
            lua_replace(L, lua_upvalueindex(4));
            return push_captures(&m, s.p + at, to, true);
        }
    }
    settle(&m);
    lua_pushinteger(L, (lua_Integer)s.n + 1);
    lua_replace(L, lua_upvalueindex(3));
    return 0;
}

int match_gmatch(lua_State *L) // s, pattern, init
{
    size_t n;
    luaL_checklstring(L, 1, &n);
    luaL_checkstring(L, 2);
    size_t init = init_of(L, 3, n);
    pattern_of(L, 2, false); /* a mistake in it is told here */
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(init > n ? n + 1 : init));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_step, 4);
    return 1;
}

/* --- gsub ----------------------------------------------------------------------------------------- */

/* "%1 and %%" for one match. */
static void add_template(struct match *m, luaL_Buffer *b, const char *from, const char *to)
{
    lua_State *L = m->L;
    size_t n;
    const char *p = lua_tolstring(L, 3, &n), *end = p + n;
    limit_charge(L, 1 + (int64_t)n / 16);
    for (; p < end; p++) {
        if (*p != '%') {
            luaL_addchar(b, *p);
            continue;
        }
        p++;
        if (p < end && *p == '%') {
            luaL_addchar(b, '%');
        } else if (p < end && *p == '0') {
            luaL_addlstring(b, from, (size_t)(to - from));
        } else if (p < end && *p >= '1' && *p <= '9') {
            int i = *p - '1';
            if (i == 0 && m->pattern->captures == 0) {
                luaL_addlstring(b, from, (size_t)(to - from));
                continue;
            }
            if (i >= m->pattern->captures)
                luaL_error(L, "替换文本里的 %%%d 没有对应的括号", i + 1);
            push_capture(m, i);
            luaL_addvalue(b);
        } else {
            luaL_error(L, "替换文本里的 %% 后面只能是数字或 %%");
        }
    }
}

/* Whatever a table or a function gives for one match; false: keep the text. */
static bool add_replacement(struct match *m, luaL_Buffer *b, const char *from, const char *to,
                            int type)
{
    lua_State *L = m->L;
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        int n = push_captures(m, from, to, true);
        lua_call(L, n, 1);
    } else if (type == LUA_TTABLE) {
        if (m->pattern->captures)
            push_capture(m, 0);
        else
            lua_pushlstring(L, from, (size_t)(to - from));
        lua_gettable(L, 3);
    } else {
        add_template(m, b, from, to);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(b, from, (size_t)(to - from));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "替换的结果是 %s，须是文本或数", luaL_typename(L, -1));
    luaL_addvalue(b);
    return true;
}

int match_gsub(lua_State *L) // s, pattern, replacement, limit
{
    struct span s, p;
    s.p = luaL_checklstring(L, 1, &s.n);
    p.p = luaL_checklstring(L, 2, &p.n);
    int type = lua_type(L, 3);
    luaL_argcheck(L,
                  type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE ||
                      type == LUA_TFUNCTION,
                  3, "须是文本、表或函数");
    if (type == LUA_TNUMBER)
        lua_tostring(L, 3); /* turns it into text in place */
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)s.n + 1), count = 0;
    lua_settop(L, 4);
    const struct pattern *pattern =
        pattern_of(L, 2, true); // s, pattern, replacement, limit, nodes
    struct match m;
    begin(&m, L, s, pattern);
    const char *at = s.p, *last = NULL;
    bool is_changed = false;
    size_t room = 0;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    while (count < most) {
        const char *to = match_at(&m, at);
        if (to && to != last) {
            count++;
            settle(&m);
            is_changed |= add_replacement(&m, &b, at, to, type);
            at = last = to;
        } else if (at < m.end) {
            luaL_addchar(&b, *at++);
        } else {
            break;
        }
        room = sandbox_buffer_room(&b, room, "string.gsub");
        if (pattern->anchored)
            break;
    }
    settle(&m);
    if (!is_changed) {
        lua_pushvalue(L, 1);
    } else {
        limit_room(L, 2 * (luaL_bufflen(&b) + (size_t)(m.end - at)));
        luaL_addlstring(&b, at, (size_t)(m.end - at));
        luaL_pushresult(&b);
    }
    lua_pushinteger(L, count);
    return 2;
}
