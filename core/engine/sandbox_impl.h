/* What the files of the sandbox share; nobody else includes it. */
#ifndef WY_ENGINE_SANDBOX_IMPL_H
#define WY_ENGINE_SANDBOX_IMPL_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "engine/limit.h"
#include "engine/sandbox.h"
#include "util/arena.h"

enum {
    SCRIPT_NAME_MAX = 58
}; /* LUA_IDSIZE less "=" and NUL: longer names would be cut in messages */

struct limit {
    struct limit_budget budget;
    int64_t steps, host_calls;           /* since the call or its present subject began */
    int64_t past_steps, past_host_calls; /* of the subjects before, in this call */
    int renewals;
    size_t memory;
    size_t
        refused; /* size of the request just refused: after an emergency collection it comes again */
    enum limit_hit hit;
    int line;           /* of the script, when it was hit */
    lua_State *current; /* the coroutine that runs: whom the allocator has to stop */
    int64_t wall_start_us, cpu_start_us;
    bool active;
};

struct sandbox {
    lua_State *L;
    struct limit limit;
    const struct sandbox_modules *modules;
    void *host;
    void (*on_line)(void *ctx, int line);
    void *on_line_ctx;
    char script[SCRIPT_NAME_MAX + 2]; /* "=ent_new.lua": Lua's source name of the script */
    bool dead, trusted, compiling;
    struct arena scratch; /* of whoever needs one during a binding; emptied by the next */
    int fault_line;       /* what the message handler saw */
    char fault_text[400];
};

/* limit.c */
void *limit_alloc(void *ud, void *p, size_t before, size_t after); /* ud: struct sandbox */
void limit_begin(struct sandbox *sb, const struct limit_budget *b);
void limit_end(struct sandbox *sb);
/* Raise again what cannot be swallowed; returns if nothing was hit. */
void limit_reraise(lua_State *L);
/* Before a luaL_Buffer grows by `n`: it takes memory past Lua, without a collection when there is none left. */
void limit_room(lua_State *L, size_t n);
void limit_text(const struct limit *l, char *out, size_t size);

/* fault_text.c: Lua's words into ours, in place */
void fault_translate(char *text, size_t size);

/* sandbox_base.c … : each pushes what it makes */
void sandbox_open_base(lua_State *L); /* sets the functions into the table at the top */
void sandbox_open_string(lua_State *L);
void sandbox_open_table(lua_State *L);
void sandbox_open_math(lua_State *L);
void sandbox_open_utf8(lua_State *L);
void sandbox_open_coroutine(lua_State *L);
int sandbox_require(lua_State *L);

/* If the value at `index` is a frozen view, replace it by the table behind it. */
bool sandbox_thaw(lua_State *L, int index);
/* Push the view of the table at the top instead of it (no name; cached by the parent's `cache`). */
void sandbox_put_frozen_child(lua_State *L, int view);
/* The argument must be a table without a metatable (or a view, if `thaw`); makes it plain. */
void sandbox_check_plain(lua_State *L, int arg, bool thaw);
/* tostring() of scripts: __tostring and __name count, addresses do not show. Pushes. */
const char *sandbox_tolstring(lua_State *L, int index, size_t *n);

/* After something was added to a buffer: is it too long for a text, is there room for as much again? Returns the
 * length up to which this need not be asked again; begin with 0. */
size_t sandbox_buffer_room(luaL_Buffer *b, size_t room, const char *what);

/* lua_table.c: sort the values 1 … n of the table at `index`, stable, by `less` on the two values at the top
 * (which it leaves there). Nothing is written back if `less` raises. */
void sandbox_sort(lua_State *L, int index, lua_Integer n, bool (*less)(lua_State *L));

/* lua_walk.c */
int sandbox_pairs(lua_State *L);
int sandbox_next(lua_State *L);
int sandbox_ipairs(lua_State *L);
/* Push the list of a table's keys in the order of pairs; how many. Charged. */
lua_Integer sandbox_push_keys(lua_State *L, int table);

/* lua_match.c */
int match_find(lua_State *L);
int match_match(lua_State *L);
int match_gmatch(lua_State *L);
int match_gsub(lua_State *L);

#endif
