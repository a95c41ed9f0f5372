/*
 * `wangyi engine office`: what an office writes in scripts/office/ as Lua, made JSON. The files run in the same
 * sandbox as scenarios: a dictionary may use loops and functions, but no more than that.
 */
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/lua_json.h"
#include "engine/sandbox_impl.h"

static const char *const list_names[] = {
    "types",       "fields", "key",           "indexes", "choices", "offices", "receivers",
    "communities", "roles",  "council_roles", "off",     "work",    NULL,
};
static const struct lua_json_style office_style = {
    .max_bytes = 1 << 20, .number_names = true, .lists = list_names};

struct job {
    struct buf *json;
    struct err *e;
    bool ok;
};

static int write_result(lua_State *L) // job*, value
{
    struct job *job = lua_touserdata(L, 1);
    job->ok = lua_json_put(L, 2, job->json, &office_style, job->e);
    return 0;
}

/* One file → its value as JSON, appended. */
static bool put_file(struct sandbox *sb, const struct sandbox_module *m, struct buf *json,
                     struct err *e)
{
    lua_State *L = sandbox_state(sb);
    struct job job = {.json = json, .e = e};
    struct fault f;
    if (!sandbox_load(sb, m->text, m->file + 1, NULL, &f))
        return err_set(e, ERR_SCRIPT, "%s", f.text);
    lua_pushcfunction(L, write_result); // value, function
    lua_pushlightuserdata(L, &job);
    lua_pushvalue(L, -3);
    if (!lua_istable(L, -1))
        return err_set(e, ERR_SCRIPT, "%s 没有返回表", m->file + 1);
    if (!sandbox_call(sb, 2, 0, NULL, &f))
        return err_set(e, ERR_SCRIPT, "%s", f.text);
    if (!job.ok) {
        struct err why = *e;
        return err_set(e, ERR_SCRIPT, "%s：%.180s", m->file + 1, why.text);
    }
    return true;
}

bool engine_office(const char *scripts_dir, struct buf *json, struct err *e)
{
    static const char *const names[] = {"records", "org", "calendar"};
    size_t start = json->n;
    bool ok = true;
    for (size_t i = 0; ok && i < 3; i++) {
        struct sandbox_module m;
        if (!sandbox_module_read(&m, scripts_dir, "office", names[i], e)) {
            ok = false;
            break;
        }
        buf_printf(json, "%c\"%s\":", i ? ',' : '{', names[i]);
        struct sandbox *sb = sandbox_new(NULL, NULL);
        ok = put_file(sb, &m, json, e);
        sandbox_free(sb);
        sandbox_module_free(&m);
    }
    if (ok)
        buf_char(json, '}');
    else
        json->n = start;
    return ok;
}
