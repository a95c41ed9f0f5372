/* The examples in a scenario's file: reading them out of the script, telling them as cases (evaluate.h). */
#include <lauxlib.h>
#include <lua.h>

#include "engine/case_impl.h"
#include "engine/evaluate.h"
#include "engine/instance.h"
#include "engine/lua_json.h"
#include "util/json.h"

struct examples {
    const struct instance *in;
    struct buf *json;
    struct err *e;
    bool ok;
};

static int put_examples(lua_State *L)
{
    static const struct lua_json_style style = {.max_bytes = 64u << 20};
    struct examples *x = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, x->in->script);
    lua_getfield(L, -1, "examples");
    x->ok = lua_istable(L, -1) ? lua_json_put(L, -1, x->json, &style, x->e)
                               : err_set(x->e, ERR_SCRIPT, "场景没有 examples");
    return 0;
}

bool case_examples(const struct case_script *s, struct buf *json, struct err *e)
{
    struct scenario scenario = {.id = s->id, .text = s->text};
    struct arena arena = {0};
    struct fault f = {0};
    scenario.manifest = json_parse(&arena, s->manifest, &case_wide, NULL, e);
    struct street *street = (struct street *)(uintptr_t)s->street;
    struct instance *in = instance_new(street, s->modules, &arena, &scenario, &f, e);
    if (!in) {
        arena_free(&arena);
        return f.text[0] ? err_set(e, ERR_SCRIPT, "%s", f.text) : false;
    }
    struct examples x = {in, json, e, false};
    lua_State *L = sandbox_state(in->box);
    lua_pushcfunction(L, put_examples);
    lua_pushlightuserdata(L, &x);
    if (!sandbox_call(in->box, 1, 0, &limit_large, &f))
        err_set(e, ERR_SCRIPT, "%s", f.text);
    instance_free(in);
    arena_free(&arena);
    return x.ok;
}

static struct case_bench *prepared;

bool evaluate_prepare(struct err *e)
{
    if (!prepared)
        prepared = case_bench_open(e);
    return prepared != NULL;
}

bool evaluate_examples(const struct street *street, const struct sandbox_modules *modules,
                       struct span id, struct span text, const struct json *manifest,
                       struct json_w *examples, bool *all_ok, struct err *e)
{
    struct buf m = {0}, json = {0}, why = {0};
    struct arena a = {0};
    struct json_w w = json_w_begin(&m);
    json_w_value(&w, manifest);
    json_w_end(&w);
    struct case_script s = {
        .id = id, .text = text, .manifest = buf_view(&m), .street = street, .modules = modules};
    const struct json *list = NULL;
    bool ok = evaluate_prepare(e) && case_examples(&s, &json, e) &&
              (list = json_parse(&a, buf_view(&json), &case_wide, NULL, e));
    *all_ok = ok;
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *one = json_item(list, i);
        bool good = case_run(prepared, &s, one, &why);
        *all_ok &= good;
        json_w_object(examples);
        json_w_kspan(examples, "name", json_string(json_get(one, "name")));
        json_w_kbool(examples, "ok", good);
        json_w_kspan(examples, "message", buf_view(&why));
        json_w_object_end(examples);
    }
    buf_free(&m);
    buf_free(&json);
    buf_free(&why);
    arena_free(&a);
    return ok;
}
