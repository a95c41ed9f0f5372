/*
 * Lua patterns as lists of nodes. A malformed one is an error at once and not only where matching happens to arrive:
 * the one difference to stock Lua.
 */
#include "engine/lua_pattern_impl.h"

#include <string.h>

#include "engine/sandbox_impl.h"

enum { NODES_MAX = 400, CACHED_LENGTH = 64, CACHED_PATTERNS = 64 };

static const char cache_key; /* registry: table of compiled patterns by their text */

struct compiler {
    lua_State *L;
    const char *p, *end;
    struct pattern *out;
    int open[PATTERN_CAPTURES_MAX], depth; /* captures not closed yet */
    bool closed[PATTERN_CAPTURES_MAX];
};

static void malformed(struct compiler *c, const char *why)
{
    luaL_error(c->L, "匹配式写错了：%s", why);
}

static void set_add(unsigned char *set, int ch)
{
    set[ch >> 3] |= (unsigned char)(1 << (ch & 7));
}

struct class
{
    char letter;
    const char *ranges; /* pairs: from, to */
};
static const struct class classes[] = {
    {'a', "AZaz"},     {'c', "\1\37\177\177"}, {'d', "09"}, {'g', "!~"},     {'l', "az"},
    {'p', "!/:@[`{~"}, {'s', "\t\r  "},        {'u', "AZ"}, {'w', "09AZaz"}, {'x', "09AFaf"},
};

/* Add what "%letter" stands for; capital letters stand for the rest. */
static void add_class(unsigned char *set, unsigned char letter)
{
    size_t i = 0;
    bool is_letter = (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z');
    while (is_letter && i < sizeof(classes) / sizeof(classes[0]) &&
           classes[i].letter != (letter | 0x20))
        i++;
    if (!is_letter || i == sizeof(classes) / sizeof(classes[0])) {
        set_add(set, letter);
        return;
    }
    unsigned char members[32] = {0};
    for (const char *p = classes[i].ranges; *p; p += 2) {
        for (int ch = p[0]; ch <= p[1]; ch++)
            set_add(members, ch);
    }
    if (classes[i].letter == 'c')
        set_add(members, 0);
    for (int k = 0; k < 32; k++)
        set[k] |= letter == (unsigned char)classes[i].letter ? members[k]
                                                             : (unsigned char)~members[k];
}

/* c->p stands behind '['. */
static void read_set(struct compiler *c, unsigned char *set)
{
    bool complement = c->p < c->end && *c->p == '^';
    c->p += complement;
    bool first = true;
    while (first || c->p == c->end || *c->p != ']') {
        if (c->p == c->end)
            malformed(c, "缺少 ]");
        first = false;
        unsigned char ch = (unsigned char)*c->p++;
        if (ch == '%') {
            if (c->p == c->end)
                malformed(c, "% 后面没有字符");
            add_class(set, (unsigned char)*c->p++);
        } else if (c->end - c->p >= 2 && c->p[0] == '-' && c->p[1] != ']') {
            for (int x = ch; x <= (unsigned char)c->p[1]; x++)
                set_add(set, x);
            c->p += 2;
        } else {
            set_add(set, ch);
        }
    }
    c->p++;
    for (int i = 0; complement && i < 32; i++)
        set[i] = (unsigned char)~set[i];
}

static void read_open(struct compiler *c, struct node *n)
{
    if (c->out->captures == PATTERN_CAPTURES_MAX)
        malformed(c, "括号太多");
    n->a = (unsigned char)c->out->captures++;
    if (c->p < c->end && *c->p == ')') {
        c->p++;
        n->kind = NODE_POSITION;
        c->closed[n->a] = true;
    } else {
        n->kind = NODE_OPEN;
        c->open[c->depth++] = n->a;
    }
}

static void read_close(struct compiler *c, struct node *n)
{
    if (c->depth == 0)
        malformed(c, "多了一个 )");
    n->kind = NODE_CLOSE;
    n->a = (unsigned char)c->open[--c->depth];
    c->closed[n->a] = true;
}

/* c->p stands behind '%'. True if a quantifier may follow. */
static bool read_escape(struct compiler *c, struct node *n)
{
    if (c->p == c->end)
        malformed(c, "以 % 结尾");
    unsigned char ch = (unsigned char)*c->p++;
    if (ch == 'b') {
        if (c->end - c->p < 2)
            malformed(c, "%b 后面要有两个字符");
        n->kind = NODE_BALANCE;
        n->a = (unsigned char)c->p[0];
        n->b = (unsigned char)c->p[1];
        c->p += 2;
        return false;
    }
    if (ch == 'f') {
        if (c->p == c->end || *c->p != '[')
            malformed(c, "%f 后面要有 [");
        c->p++;
        n->kind = NODE_FRONTIER;
        read_set(c, n->set);
        return false;
    }
    if (ch >= '0' && ch <= '9') {
        int number = ch - '1';
        if (number < 0 || number >= c->out->captures || !c->closed[number])
            malformed(c, "没有这个编号的括号");
        n->kind = NODE_BACK;
        n->a = (unsigned char)number;
        return false;
    }
    n->kind = NODE_SET;
    add_class(n->set, ch);
    return true;
}

static enum repeat read_repeat(struct compiler *c)
{
    static const char marks[] = "?*+-";
    static const enum repeat meant[] = {MAYBE, GREEDY, GREEDY_ONE, LAZY};
    const char *at = c->p < c->end && *c->p ? strchr(marks, *c->p) : NULL;
    if (!at)
        return ONCE;
    c->p++;
    return meant[at - marks];
}

static void read_node(struct compiler *c, struct node *n)
{
    memset(n, 0, sizeof(*n));
    unsigned char ch = (unsigned char)*c->p++;
    bool single = true;
    switch (ch) {
    case '(':
        read_open(c, n);
        return;
    case ')':
        read_close(c, n);
        return;
    case '$':
        if (c->p == c->end) {
            n->kind = NODE_TAIL;
            return;
        }
        n->kind = NODE_CHAR;
        n->a = ch;
        break;
    case '%':
        single = read_escape(c, n);
        break;
    case '[':
        n->kind = NODE_SET;
        read_set(c, n->set);
        break;
    case '.':
        n->kind = NODE_ANY;
        break;
    default:
        n->kind = NODE_CHAR;
        n->a = ch;
    }
    if (single)
        n->repeat = (unsigned char)read_repeat(c);
}

/* Push the pattern, compiled. Every byte could be a node. */
static const struct pattern *compile(lua_State *L, const char *p, size_t n, bool anchors)
{
    bool anchored = anchors && n > 0 && *p == '^';
    size_t most = n - anchored + 1 < NODES_MAX ? n - anchored + 1 : NODES_MAX;
    struct pattern *out = lua_newuserdatauv(L, sizeof(*out) + most * sizeof(struct node), 0);
    out->anchored = anchored;
    out->captures = out->count = 0;
    struct compiler c = {.L = L, .p = p + anchored, .end = p + n, .out = out};
    while (c.p < c.end) {
        if (out->count >= NODES_MAX - 1)
            malformed(&c, "太长");
        read_node(&c, &out->nodes[out->count++]);
    }
    if (c.depth > 0)
        malformed(&c, "缺少 )");
    out->nodes[out->count].kind = NODE_DONE;
    out->nodes[out->count].repeat = ONCE;
    out->count++;
    return out;
}

/* Push the table of compiled patterns; a full one is thrown away whole. */
static void push_cache(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &cache_key) == LUA_TTABLE) {
        lua_rawgeti(L, -1, 0);
        bool full = lua_tointeger(L, -1) >= CACHED_PATTERNS;
        lua_pop(L, 1);
        if (!full)
            return;
    }
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushinteger(L, 0);
    lua_rawseti(L, -2, 0);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &cache_key);
}

/* What a call costs must not depend on the calls before it: the charge is the same with and without the cache. */
const struct pattern *pattern_of(lua_State *L, int index, bool anchors)
{
    size_t n;
    const char *p = lua_tolstring(L, index, &n);
    limit_charge(L, 2 + (int64_t)(n < NODES_MAX ? n : NODES_MAX));
    if (n > CACHED_LENGTH || (!anchors && n > 0 && *p == '^'))
        return compile(L, p, n, anchors);
    struct limit *l = &sandbox_of(L)->limit;
    int64_t steps = l->steps;
    push_cache(L); // cache
    lua_pushvalue(L, index);
    if (lua_rawget(L, -2) != LUA_TUSERDATA) { // cache, nil
        lua_pop(L, 1);
        compile(L, p, n, anchors); // cache, pattern
        lua_pushvalue(L, index);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
        lua_rawgeti(L, -2, 0);
        lua_pushinteger(L, lua_tointeger(L, -1) + 1);
        lua_rawseti(L, -4, 0);
        lua_pop(L, 1);
    }
    lua_remove(L, -2); // pattern
    l->steps = steps;
    return lua_touserdata(L, -1);
}
