/*
 * One Lua state in which foreign code may run: fresh for each scenario, with an allow-listed library, bounded
 * in time and memory (limit.h), deterministic (sorted pairs, no addresses in texts, no clock, no chance).
 * What a script sees: the header comments of sandbox_base.c, lua_string.c, lua_table.c.
 *
 * All script code is entered through sandbox_call (or sandbox_load, which uses it). Nothing else in
 * core/engine calls lua_call/lua_pcall on script functions, lua_error's unwinding included: bindings may be
 * passed over by a longjmp at any Lua call, so they hold nothing that needs freeing.
 */
#ifndef WY_ENGINE_SANDBOX_H
#define WY_ENGINE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/limit.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct lua_State;
struct sandbox;

/* What `require` can give: texts read by the host before it gave up its right to open files. Read once,
 * shared by all sandboxes, immutable. */
struct sandbox_module {
    const char *name; /* "std.calendar", "office.org" */
    const char *file; /* "=std/calendar.lua": Lua's source name, for error texts */
    struct span text;
};
struct sandbox_modules {
    struct sandbox_module *items;
    size_t count;
};
/* Reads scripts_dir/{std,host}/X.lua as "std.X", "host.X", scripts_dir/office/org.lua as "office.org" and, where there
 * is one, scripts_dir/office/feeds.lua as "office.feeds".
 * Scenarios may require std.* and office.*; host.* is for sandbox_new's `host` only. */
bool sandbox_modules_read(struct sandbox_modules *m, const char *scripts_dir, struct err *e);
void sandbox_modules_free(struct sandbox_modules *m);
/* One of them: scripts_dir/part/stem.lua. */
bool sandbox_module_read(struct sandbox_module *m, const char *scripts_dir, const char *part,
                         const char *stem, struct err *e);
void sandbox_module_free(struct sandbox_module *m);

/* Why a call ended early. */
struct fault {
    int line;             /* in the script (the chunk given to sandbox_load); 0: unknown */
    enum limit_hit limit; /* LIMIT_FREE: an ordinary error */
    bool syntax;          /* the text could not even be compiled */
    char text[400];       /* "ent_new.lua:12: …", UTF-8 */
    const char *message;  /* in text, behind file and line */
};

/* `modules` (may be NULL) is borrowed and must outlive the sandbox. `host`: whatever bindings need, given
 * back by sandbox_host(). Never NULL. */
struct sandbox *sandbox_new(const struct sandbox_modules *modules, void *host);
void sandbox_free(struct sandbox *sb); /* accepts NULL; runs no script code */
struct lua_State *sandbox_state(struct sandbox *sb);
void *sandbox_host(struct lua_State *L); /* also inside coroutines */
struct sandbox *sandbox_of(struct lua_State *L);
/* The host's own scripts (scripts/host) may require each other. */
void sandbox_trust(struct sandbox *sb);
bool sandbox_is_dead(
    const struct sandbox *sb); /* a limit was hit: only sandbox_free is allowed */

/* Each line of the script (not of modules) as it begins to run, in the calls from now on; NULL: off. Slow: for
 * the coverage of examples. */
void sandbox_on_line(struct sandbox *sb, void (*fn)(void *ctx, int line), void *ctx);

/* Compile `text` (never bytecode) as `file` ("ent_new.lua"), run it under `budget` (NULL: limit_small) and
 * leave its one result on the stack. The file of the first load is "the script" of fault lines. */
bool sandbox_load(struct sandbox *sb, struct span text, const char *file,
                  const struct limit_budget *budget, struct fault *f);
/* The one protected call: the function and `nargs` arguments are on the stack and go; `nresults` results come
 * (LUA_MULTRET allowed), or nothing and *f. The budget starts anew. For C functions too: what a binding
 * sets up (tables, userdata) can run out of memory, so set it up inside one. */
bool sandbox_call(struct sandbox *sb, int nargs, int nresults,
                  const struct limit_budget *budget, struct fault *f);

/* For bindings. */
/* Replace the table at the top of the stack by a view of it that nobody can change (deep; pairs, ipairs, #,
 * concat and unpack work on it). Fields it lacks read as nil, or raise "NAME 里没有 x" if `name` is given. */
void sandbox_freeze(struct lua_State *L, const char *name);
/* Push a table with the name of each global as a key. */
void sandbox_push_globals(struct lua_State *L);
/* Text of any value without running script code: no metamethods, no addresses. Appends. */
void sandbox_put_text(struct lua_State *L, int index, struct buf *b);
/* The line of the script that is running now (0: none), for traces and messages. */
int sandbox_line(struct lua_State *L);
/* Raise an error with a Chinese text at the script's line; never returns. */
int sandbox_raise(struct lua_State *L, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
