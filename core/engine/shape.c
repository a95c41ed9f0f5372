/*
 * Two sandboxes: the script's own, in which host.shape looks at the table that it returned, and one of ours, in
 * which host.report reads its text. The script never sees the second.
 */
#include "engine/shape.h"

#include <stdio.h>
#include <string.h>

#include "domain/dictionary.h"
#include "domain/street.h"
#include "engine/lua_json.h"
#include "engine/sandbox_impl.h"
#include "util/calendar.h"

static const char *const list_names[] = {
    "problems", "path",     "settings", "on",       "removed", "every",    "reads", "also",
    "may",      "examples", "choices",  "evidence", "results", "handlers", NULL};
static const struct lua_json_style style = {.max_bytes = 1 << 20, .lists = list_names};

struct job {
    const struct street *street;
    const struct sandbox_modules *modules;
    struct span id, text, values;
    struct buf shape; /* what host.shape found, as JSON; empty if the script did not load */
    struct buf result;
    struct fault fault;
    bool failed; /* the script did not load */
    bool written;
    struct err *e;
};

/* --- what the host tells the rules ------------------------------------------------------------------ */

static int host_schedule(lua_State *L) // text → nil, or what is wrong
{
    struct span s;
    s.p = luaL_checklstring(L, 1, &s.n);
    struct schedule out;
    struct err e = {0};
    if (schedule_parse(s, &out, &e))
        return 0;
    lua_pushstring(L, e.text);
    return 1;
}

static int host_limit(lua_State *L)
{
    struct span s;
    s.p = luaL_checklstring(L, 1, &s.n);
    struct time_limit out;
    struct err e = {0};
    if (time_limit_parse(s, &out, &e))
        return 0;
    lua_pushstring(L, e.text);
    return 1;
}

static int host_moment(lua_State *L)
{
    struct span s;
    s.p = luaL_checklstring(L, 1, &s.n);
    int64_t us;
    lua_pushboolean(L, calendar_parse_datetime(s, &us));
    return 1;
}

static int host_line_of(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_Debug ar;
    lua_getinfo(L, ">S", &ar);
    lua_pushinteger(L, ar.linedefined);
    return 1;
}

static void push_span(lua_State *L, struct span s)
{
    lua_pushlstring(L, s.p ? s.p : "", s.n);
}

static void push_types(lua_State *L, const struct dictionary *d)
{
    lua_newtable(L);
    for (int i = 0; i < dictionary_count(d); i++) {
        const struct type *t = dictionary_at(d, i);
        lua_createtable(L, 0, 3); // types, type
        lua_pushstring(L, t->label);
        lua_setfield(L, -2, "label");
        lua_pushboolean(L, t->sealed);
        lua_setfield(L, -2, "sealed");
        lua_pushboolean(L, t->restricted);
        lua_setfield(L, -2, "restricted");
        lua_createtable(L, 0, t->field_count); // types, type, fields
        for (int f = 0; f < t->field_count; f++) {
            lua_pushboolean(L, 1);
            lua_setfield(L, -2, t->fields[f].name);
        }
        lua_setfield(L, -2, "fields");
        lua_setfield(L, -2, t->name);
    }
}

/* Add the ids of org[list] to the set at the top. */
static void add_ids(lua_State *L, const struct street *street, const char *list)
{
    const struct json *items = json_get(street_org(street), list);
    for (size_t i = 0; i < json_count(items); i++) {
        push_span(L, json_string(json_get(json_item(items, i), "id")));
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
    }
}

static const luaL_Reg host_functions[] = {
    {"schedule", host_schedule}, {"limit", host_limit}, {"moment", host_moment},
    {"line_of", host_line_of},   {NULL, NULL},
};

static void push_host(lua_State *L, const struct street *street)
{
    luaL_newlib(L, host_functions);
    push_types(L, street_dictionary(street));
    lua_setfield(L, -2, "types");
    lua_newtable(L);
    add_ids(L, street, "offices");
    lua_setfield(L, -2, "offices");
    lua_newtable(L);
    add_ids(L, street, "offices");
    add_ids(L, street, "receivers");
    lua_setfield(L, -2, "told");
    sandbox_push_globals(L);
    lua_setfield(L, -2, "globals");
}

/* Push field `function` of a host module; C code's way of require. */
static void push_rule(lua_State *L, const char *module)
{
    lua_pushcfunction(L, sandbox_require);
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "check");
    lua_remove(L, -2);
}

/* --- in the script's sandbox ------------------------------------------------------------------------ */

static int look(lua_State *L) // the script's table, job*
{
    struct job *job = lua_touserdata(L, 2);
    struct err ignored;
    sandbox_trust(sandbox_of(L)); // the script has had its say
    push_rule(L, "host.shape");
    lua_pushvalue(L, 1);
    push_host(L, job->street);
    push_span(L, job->id);
    if (!job->values.n || !lua_json_push_text(L, job->values, &ignored))
        lua_pushnil(L);
    lua_call(L, 4, 1); // table, job, result
    job->written = lua_json_put(L, -1, &job->shape, &style, job->e);
    return 0;
}

static void find_shape(struct job *job)
{
    char file[80];
    snprintf(file, sizeof(file), "%.*s.lua", (int)(job->id.n < 48 ? job->id.n : 48), job->id.p);
    struct sandbox *sb = sandbox_new(job->modules, NULL);
    job->failed = !sandbox_load(sb, job->text, file, NULL, &job->fault);
    if (!job->failed) {
        lua_State *L = sandbox_state(sb);
        lua_pushcfunction(L, look);
        lua_insert(L, -2);
        lua_pushlightuserdata(L, job);
        job->failed = !sandbox_call(sb, 2, 0, &limit_large, &job->fault);
        if (!job->failed &&
            !job->written) { // a value that cannot be said in JSON, deep in the table
            job->failed = true;
            snprintf(job->fault.text, sizeof(job->fault.text), "%s", job->e->text);
            job->fault.message = job->fault.text;
        }
    }
    sandbox_free(sb);
}

/* --- in ours ---------------------------------------------------------------------------------------- */

static void push_fault(lua_State *L, const struct fault *f)
{
    lua_createtable(L, 0, 3);
    if (f->line) {
        lua_pushinteger(L, f->line);
        lua_setfield(L, -2, "line");
    }
    lua_pushstring(L, f->limit != LIMIT_FREE ? "limit" : f->syntax ? "syntax" : "load");
    lua_setfield(L, -2, "code");
    lua_pushstring(L, f->message);
    lua_setfield(L, -2, "message");
}

static int report(lua_State *L) // job*
{
    struct job *job = lua_touserdata(L, 1);
    push_rule(L, "host.report");
    push_span(L, job->text);
    if (job->failed || !lua_json_push_text(L, buf_view(&job->shape), job->e))
        lua_pushnil(L);
    if (job->failed)
        push_fault(L, &job->fault);
    else
        lua_pushnil(L);
    push_host(L, job->street);
    lua_call(L, 4, 1);
    job->written = lua_json_put(L, -1, &job->result, &style, job->e);
    return 0;
}

static bool find_problems(struct job *job, struct err *e)
{
    struct sandbox *sb = sandbox_new(job->modules, NULL);
    sandbox_trust(sb);
    lua_State *L = sandbox_state(sb);
    struct fault f;
    lua_pushcfunction(L, report);
    lua_pushlightuserdata(L, job);
    job->written = false;
    bool ok = sandbox_call(sb, 1, 0, &limit_large, &f);
    if (!ok)
        err_set(e, f.limit ? ERR_LIMIT : ERR_SYSTEM, "检查脚本时：%s", f.message);
    sandbox_free(sb);
    return ok && job->written;
}

bool shape_check(struct arena *a, const struct street *street,
                 const struct sandbox_modules *modules, struct span id, struct span text,
                 struct span values, struct shape *out, struct err *e)
{
    memset(out, 0, sizeof(*out));
    if (!span_is_utf8(text)) {
        static const char not_text[] =
            "[{\"code\":\"encoding\",\"message\":\"脚本不是 UTF-8 编码，请另存为 UTF-8\"}]";
        out->problems = json_parse(a, SPAN(not_text), NULL, NULL, e);
        return true;
    }
    struct job job = {
        .street = street, .modules = modules, .id = id, .text = text, .values = values, .e = e};
    find_shape(&job);
    bool ok = find_problems(&job, e);
    if (ok) {
        struct json_limits limits = {.bytes = 2 << 20, .keys = 4096, .string = 1 << 20};
        const struct json *v = json_parse(a, buf_view(&job.result), &limits, NULL, e);
        ok = v != NULL;
        out->problems = json_get(v, "problems");
        const struct json *manifest = json_get(v, "manifest");
        if (json_count(out->problems) == 0 && json_is(manifest, JSON_OBJECT))
            out->manifest = manifest;
    }
    buf_free(&job.shape);
    buf_free(&job.result);
    return ok;
}
