/* A compiled pattern: made by lua_pattern.c, run by lua_match.c. */
#ifndef WY_ENGINE_LUA_PATTERN_IMPL_H
#define WY_ENGINE_LUA_PATTERN_IMPL_H

#include <stdbool.h>

struct lua_State;

enum { PATTERN_CAPTURES_MAX = 32 };

enum node_kind {
    NODE_ANY, /* . */
    NODE_CHAR,
    NODE_SET,      /* class or set */
    NODE_OPEN,     /* ( */
    NODE_POSITION, /* () */
    NODE_CLOSE,    /* ) */
    NODE_BACK,     /* %1 */
    NODE_BALANCE,  /* %bxy */
    NODE_FRONTIER, /* %f[set] */
    NODE_TAIL,     /* $ at the end */
    NODE_DONE,
};
enum repeat { ONCE, MAYBE, GREEDY, GREEDY_ONE, LAZY };

struct node {
    unsigned char kind, repeat;
    unsigned char a, b; /* a character; of %b both; number of a capture */
    unsigned char set[32];
};

struct pattern { /* a userdata */
    bool anchored;
    int captures, count;
    struct node nodes[];
};

static inline bool set_has(const unsigned char *set, unsigned char ch)
{
    return set[ch >> 3] >> (ch & 7) & 1;
}

/* Push the pattern that the text at `index` stands for (kept for the next time if it is short). `anchors`: a '^' at
 * its start is one. Raises on a malformed one. Charged alike whether it had to be compiled or not. */
const struct pattern *pattern_of(struct lua_State *L, int index, bool anchors);

#endif
