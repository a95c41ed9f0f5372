/*
 * Any bytes as a script: it must end within its budget, leave the stack as it was, and say a sentence if it
 * fails. What it returns is written as JSON, and the pattern matcher gets its pieces from the same bytes.
 */
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

#include "engine/lua_json.h"
#include "engine/sandbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct limit_budget small = {
    .steps = 200000, .host_calls = 1000, .memory = 4 << 20, .deadline_ms = 4000};

static struct buf out;

static int write_result(lua_State *L)
{
    struct err e;
    buf_clear(&out);
    if (lua_json_put(L, 1, &out, NULL, &e) && lua_json_push_text(L, buf_view(&out), &e))
        lua_pop(L, 1);
    return 0;
}

static void check_fault(const struct fault *f)
{
    must(f->text[0] && span_is_utf8(span_of(f->text)));
    must(f->message >= f->text && f->message < f->text + sizeof(f->text));
}

static void run_script(struct span text)
{
    struct sandbox *sb = sandbox_new(NULL, NULL);
    struct fault f;
    lua_State *L = sandbox_state(sb);
    if (sandbox_load(sb, text, "fuzz.lua", &small, &f)) {
        must(lua_gettop(L) == 1);
        lua_pushcfunction(L, write_result);
        lua_insert(L, 1);
        if (!sandbox_call(sb, 1, 0, &small, &f))
            check_fault(&f);
    } else {
        check_fault(&f);
    }
    must(lua_gettop(L) == 0);
    must(limit_used(L).memory <= small.memory);
    sandbox_free(sb);
}

/* First byte: where the pattern ends. */
static void run_pattern(const uint8_t *data, size_t size)
{
    static const char text[] =
        "return function(s, p) s:find(p) s:gsub(p, '%0') for a in s:gmatch(p) do end end";
    if (size < 2)
        return;
    size_t n = data[0] % size;
    struct sandbox *sb = sandbox_new(NULL, NULL);
    struct fault f;
    must(sandbox_load(sb, SPAN(text), "match.lua", &small, &f));
    lua_State *L = sandbox_state(sb);
    lua_pushlstring(L, (const char *)data + 1 + n, size - 1 - n);
    lua_pushlstring(L, (const char *)data + 1, n);
    if (!sandbox_call(sb, 2, 0, &small, &f))
        check_fault(&f);
    sandbox_free(sb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_script((struct span){(const char *)data, size});
    run_pattern(data, size);
    return 0;
}
