#include "engine/adapter.h"

#include <stdio.h>
#include <string.h>

#include "domain/record.h"
#include "domain/street.h"
#include "engine/lua_json.h"
#include "engine/sandbox_impl.h"
#include "util/calendar.h"
#include "util/json.h"
#include "util/mem.h"
#include "util/xml.h"

struct adapter {
    struct span name, text; /* own, to begin anew after a limit was hit */
    const struct sandbox_modules *modules;
    const struct street *street;
    struct sandbox *box;
    struct buf probe; /* a record of an example, as JSON: here, for writing it may raise */
    int script;       /* reference in its registry */
    bool xml;
};

/* What one protected call is about; C's side of it. */
struct job {
    struct adapter *a;
    const struct json *head, *body;
    struct span cursor;
    struct buf *json;
    struct err *e;
    bool written;
};

static const struct json_limits body_limits = {
    .bytes = 1 << 20, .keys = 4096, .string = 1 << 20};
static const struct lua_json_style style = {.max_bytes = 4 << 20};

static const struct json *parse(struct arena *a, bool xml, struct span text, struct err *e)
{
    size_t at = 0;
    if (xml)
        return xml_parse(a, text, e);
    const struct json *v = json_parse(a, text, &body_limits, &at, e);
    if (!v) {
        struct err why = *e;
        err_set(e, why.code, "不是合格的 JSON（第 %zu 字节）：%.180s", at, why.text);
    }
    return v;
}

/* --- what scripts/host/feed.lua is given --------------------------------------------------------------- */

static int host_parse(lua_State *L) // kind, text
{
    struct arena *a = &sandbox_of(L)->scratch;
    struct err e = {0};
    struct span text;
    bool xml = strcmp(luaL_checkstring(L, 1), "xml") == 0;
    text.p = luaL_checklstring(L, 2, &text.n);
    arena_reset(a);
    const struct json *v = parse(a, xml, text, &e);
    if (v) {
        lua_json_push(L, v);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, e.text);
    return 2;
}

static int host_schedule(lua_State *L)
{
    struct schedule s;
    struct err e = {0};
    struct span text;
    text.p = luaL_checklstring(L, 1, &text.n);
    lua_pushboolean(L, schedule_parse(text, &s, &e));
    lua_pushstring(L, e.text);
    return 2;
}

/* type, record → nil, or why the dictionary would refuse it. */
static int host_fits(lua_State *L)
{
    struct adapter *me = sandbox_host(L);
    struct arena *a = &sandbox_of(L)->scratch;
    struct err e = {0};
    struct record record;
    const char *field = "";
    struct span name;
    name.p = luaL_checklstring(L, 1, &name.n);
    const struct type *t = dictionary_find(street_dictionary(me->street), name);
    arena_reset(a);
    buf_clear(&me->probe);
    if (t && lua_json_put(L, 2, &me->probe, &style, &e) &&
        record_parse(t, buf_view(&me->probe), NULL, a, &record, &field, &e))
        return 0;
    lua_pushfstring(L, "%s：%s", field, e.text);
    return 1;
}

static const luaL_Reg host_functions[] = {
    {"parse", host_parse}, {"schedule", host_schedule}, {"fits", host_fits}, {NULL, NULL}};

static void push_host(lua_State *L, const struct adapter *a)
{
    const struct dictionary *d = street_dictionary(a->street);
    luaL_newlib(L, host_functions);
    lua_newtable(L);
    for (int i = 0; i < dictionary_count(d); i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, dictionary_at(d, i)->name);
    }
    lua_setfield(L, -2, "types");
}

/* --- in the sandbox -------------------------------------------------------------------------------------- */

static void push_rules(lua_State *L, const char *function)
{
    lua_pushcfunction(L, sandbox_require);
    lua_pushstring(L, "host.feed");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, function);
    lua_remove(L, -2);
}

static int check(lua_State *L) // feed, job*
{
    struct job *job = lua_touserdata(L, 2);
    sandbox_trust(sandbox_of(L)); // the script has had its say
    push_rules(L, "check");
    lua_pushvalue(L, 1);
    push_host(L, job->a);
    lua_call(L, 2, 1); // feed, job, result
    job->written = lua_json_put(L, -1, job->json, &style, job->e);
    return 0;
}

/* Keep the table and remember what it reads. */
static int keep(lua_State *L) // feed, job*
{
    struct job *job = lua_touserdata(L, 2);
    sandbox_trust(sandbox_of(L));
    lua_settop(L, 1);
    lua_getfield(L, 1, "accepts");
    const char *accepts = lua_tostring(L, -1);
    job->a->xml = accepts && strcmp(accepts, "xml") == 0;
    lua_settop(L, 1);
    job->a->script = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void set(lua_State *L, const char *name, const struct json *value)
{
    lua_json_push(L, value);
    lua_setfield(L, -2, name);
}

static int read_message(lua_State *L) // job*
{
    struct job *job = lua_touserdata(L, 1);
    push_rules(L, "read");
    lua_rawgeti(L, LUA_REGISTRYINDEX, job->a->script);
    lua_newtable(L); // job, read, feed, message
    set(L, "body", job->body);
    set(L, "headers", json_get(job->head, "headers"));
    set(L, "pictures", json_get(job->head, "pictures"));
    set(L, "received_at", json_get(job->head, "received_at"));
    set(L, "cursor", json_get(job->head, "cursor"));
    lua_call(L, 2, 1);
    job->written = lua_json_put(L, -1, job->json, &style, job->e);
    return 0;
}

static int ask(lua_State *L) // job*
{
    struct job *job = lua_touserdata(L, 1);
    push_rules(L, "ask");
    lua_rawgeti(L, LUA_REGISTRYINDEX, job->a->script);
    if (job->cursor.p)
        lua_pushlstring(L, job->cursor.p, job->cursor.n);
    else
        lua_pushnil(L);
    lua_call(L, 2, 1);
    job->written = lua_json_put(L, -1, job->json, &style, job->e);
    return 0;
}

/* --- from outside ---------------------------------------------------------------------------------------- */

static bool enter(struct adapter *a, lua_CFunction function, struct job *job, bool table,
                  struct fault *f)
{
    lua_State *L = sandbox_state(a->box);
    lua_pushcfunction(L, function); // table?, function
    if (table)
        lua_insert(L, -2);
    lua_pushlightuserdata(L, job);
    return sandbox_call(a->box, table ? 2 : 1, 0, &limit_large, f);
}

static bool load(struct adapter *a, struct fault *f)
{
    char file[80];
    snprintf(file, sizeof file, "%.*s.lua", (int)(a->name.n < 60 ? a->name.n : 60), a->name.p);
    a->box = sandbox_new(a->modules, a);
    return sandbox_load(a->box, a->text, file, &limit_large, f);
}

static void unload(struct adapter *a)
{
    sandbox_free(a->box);
    a->box = NULL;
}

static bool make_ready(struct adapter *a, struct fault *f)
{
    struct job job = {.a = a};
    a->script = 0;
    return load(a, f) && enter(a, keep, &job, true, f);
}

static void put_fault(struct json_w *w, const char *message, int line)
{
    json_w_array(w);
    json_w_object(w);
    json_w_kstr(w, "message", message);
    if (line)
        json_w_kint(w, "line", line);
    json_w_object_end(w);
    json_w_array_end(w);
}

/* Whether there were no problems. */
static bool put_report(const struct buf *found, const struct fault *f, const struct err *e,
                       struct buf *json)
{
    struct arena arena = {0};
    const struct json_limits limits = {.bytes = 4 << 20, .keys = 4096, .string = 1 << 20};
    const struct json *report = found->n && !f->text[0]
                                    ? json_parse(&arena, buf_view(found), &limits, NULL, NULL)
                                    : NULL;
    const struct json *problems = json_get(report, "problems");
    bool ok = report && json_count(problems) == 0;
    struct json_w w = json_w_begin(json);
    json_w_object(&w);
    json_w_kbool(&w, "ok", ok);
    json_w_name(&w, "problems");
    if (f->text[0] || !report)
        put_fault(&w, f->text[0] ? f->text : e->text, f->line);
    else
        json_w_value(&w, problems);
    json_w_name(&w, "feed");
    if (ok)
        json_w_value(&w, json_get(report, "manifest"));
    else
        json_w_null(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    arena_free(&arena);
    return ok;
}

static struct span own(struct span s)
{
    char *p = mem_alloc(s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return (struct span){p, s.n};
}

struct adapter *adapter_new(struct span name, struct span text,
                            const struct sandbox_modules *modules, const struct street *street,
                            struct buf *json)
{
    struct adapter *a = mem_alloc(sizeof *a);
    struct fault f = {0};
    struct buf found = {0};
    struct err e = {0};
    a->name = own(name);
    a->text = own(text);
    a->modules = modules;
    a->street = street;
    struct job job = {.a = a, .json = &found, .e = &e};
    bool ok = span_is_utf8(text) || err_set(&e, ERR_SCRIPT, "脚本不是 UTF-8 编码");
    ok = ok && load(a, &f) && enter(a, check, &job, true, &f);
    unload(a);
    /* it goes on in a state that its examples have not touched */
    ok = ok && make_ready(a, &f);
    if (!put_report(&found, &f, &e, json) || !ok) {
        adapter_free(a);
        a = NULL;
    }
    buf_free(&found);
    return a;
}

void adapter_free(struct adapter *a)
{
    if (!a)
        return;
    union { /* what was allocated here comes back as ours */
        const char *lent;
        char *own;
    } name = {a->name.p}, text = {a->text.p};
    unload(a);
    buf_free(&a->probe);
    mem_free(name.own);
    mem_free(text.own);
    mem_free(a);
}

/* A state whose limit was hit is finished: the next call gets a new one. */
static bool call(struct adapter *a, lua_CFunction function, struct job *job, struct err *e)
{
    struct fault f = {0};
    bool ok = true;
    if (a->box && sandbox_is_dead(a->box))
        unload(a);
    if (!a->box)
        ok = make_ready(a, &f);
    ok = ok && enter(a, function, job, false, &f);
    if (!ok && (!a->box || a->script == 0))
        unload(a);
    if (!ok)
        return err_set(e, f.limit ? ERR_LIMIT : ERR_SCRIPT, "%s", f.text);
    struct err why = *job->e;
    return job->written || err_set(e, ERR_SCRIPT, "%.*s：%s", SPAN_ARG(a->name), why.text);
}

bool adapter_read(struct adapter *a, const struct json *head, struct span body,
                  struct buf *json, struct err *e)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct job job = {.a = a, .head = head, .json = &out, .e = e};
    job.body = parse(&arena, a->xml, body, e);
    bool ok = job.body && call(a, read_message, &job, e);
    arena_free(&arena);
    const struct json *result =
        ok ? json_parse(
                 &arena, buf_view(&out),
                 &(struct json_limits){.bytes = 4 << 20, .string = 1 << 20, .keys = 4096}, NULL,
                 e)
           : NULL;
    struct span refused = json_string(json_get(result, "refused"));
    if (refused.n)
        ok = err_set(e, ERR_INPUT, "%.*s", (int)span_cut_utf8(refused, 220), refused.p);
    ok = ok && result;
    if (ok)
        buf_span(json, buf_view(&out));
    buf_free(&out);
    arena_free(&arena);
    return ok;
}

bool adapter_ask(struct adapter *a, struct span cursor, struct buf *json, struct err *e)
{
    struct job job = {.a = a, .cursor = cursor, .json = json, .e = e};
    return call(a, ask, &job, e);
}
