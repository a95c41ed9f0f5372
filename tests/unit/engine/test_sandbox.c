#include "unit.h"

#include "engine/sandbox.h"
#include "engine/sandbox_impl.h"

static struct sandbox_modules modules;

static int read_modules(void **state)
{
    (void)state;
    struct err e;
    return sandbox_modules_read(&modules, "scripts", &e) ? 0 : -1;
}

static int free_modules(void **state)
{
    (void)state;
    sandbox_modules_free(&modules);
    return 0;
}

static char answer[4096];
static struct fault fault;

/* Run `text` in a fresh sandbox; its result as text in answer[]. */
static bool run(const char *text)
{
    struct sandbox *sb = sandbox_new(&modules, NULL);
    bool ok = sandbox_load(sb, span_of(text), "ent_x.lua", NULL, &fault);
    struct buf b = {0};
    if (ok)
        sandbox_put_text(sandbox_state(sb), -1, &b);
    snprintf(answer, sizeof(answer), "%.*s", (int)b.n, b.n ? b.p : "");
    buf_free(&b);
    sandbox_free(sb);
    return ok;
}

static void a_chunk_returns_its_value(void **state)
{
    (void)state;
    assert_true(run("return 1 + 1"));
    assert_string_equal(answer, "2");
    assert_true(run(""));
    assert_string_equal(answer, "nil");
}

static void globals_cannot_be_written(void **state)
{
    (void)state;
    assert_false(run("local a = 1\ntotal = a"));
    assert_int_equal(fault.line, 2);
    assert_string_equal(fault.text, "ent_x.lua:2: 不能给全局变量 total 赋值：请在前面加 local");
    assert_string_equal(fault.message, "不能给全局变量 total 赋值：请在前面加 local");
    assert_false(run("ipairs = nil"));
    assert_false(run("function helper() end"));
    assert_true(run("local function helper() return 3 end return helper()"));
}

static void unknown_globals_cannot_be_read(void **state)
{
    (void)state;
    assert_false(run("\n\nreturn helpr(1)"));
    assert_int_equal(fault.line, 3);
    assert_non_null(strstr(fault.text, "helpr"));
    assert_false(run("print(1)"));
    assert_non_null(strstr(fault.text, "ctx:log"));
    assert_false(run("return os.time()"));
    assert_non_null(strstr(fault.text, "ctx.now"));
}

static void pairs_has_an_order(void **state)
{
    (void)state;
    static const char text[] =
        "local t = { z = 1, a = 2, [10] = 3, [2] = 4, [1.5] = 5, [true] = 6, [false] = 7, B = "
        "8, [''] = 9, [-1] = 0 }\n"
        "local out = {} for k in pairs(t) do out[#out + 1] = tostring(k) end\n"
        "return table.concat(out, ' ')";
    for (int i = 0; i < 20; i++) { /* each state has a hash seed of its own */
        assert_true(run(text));
        assert_string_equal(answer, "-1 1.5 2 10  B a z false true");
    }
}

/* What pairs says must not depend on the order in which keys came, on deletions or on the state. */
static void pairs_order_depends_on_keys_only(void **state)
{
    (void)state;
    unit_seed(__func__);
    char first[4096] = "";
    for (int round = 0; round < 30; round++) {
        struct buf b = {0};
        buf_str(&b, "local t, n = {}, {}\n");
        int order[60];
        for (int i = 0; i < 60; i++)
            order[i] = i;
        for (int i = 59; i > 0; i--) {
            int j = (int)unit_below((unsigned)i + 1), swap = order[i];
            order[i] = order[j], order[j] = swap;
        }
        for (int i = 0; i < 60; i++)
            buf_printf(&b, "t['x%d'] = 1 t['k%d'] = %d t[%d] = 1 t['x%d'] = nil\n", i, order[i],
                       order[i], order[i], i);
        buf_str(
            &b,
            "for k, v in pairs(t) do n[#n + 1] = tostring(k) end return table.concat(n, ',')");
        buf_char(&b, 0);
        assert_true(run(b.p));
        buf_free(&b);
        if (round == 0)
            memcpy(first, answer, sizeof(first));
        assert_string_equal(answer, first);
    }
}

static void next_walks_in_the_same_order(void **state)
{
    (void)state;
    assert_true(run("local t = { b = 1, a = 2, [3] = 3, [1] = 4 }\n"
                    "local out, k = {}, nil\n"
                    "repeat k = next(t, k) out[#out + 1] = tostring(k) until k == nil\n"
                    "return table.concat(out, ' ')"));
    assert_string_equal(answer, "1 3 a b nil");
    assert_true(run("return next({}) == nil and next({ 5 }) == 1"));
    assert_string_equal(answer, "true");
}

static void pairs_sees_changes_of_present_keys_only(void **state)
{
    (void)state;
    assert_true(run("local t, n = { a = 1, b = 2, c = 3 }, ''\n"
                    "for k, v in pairs(t) do t.b = nil t.d = 4 n = n .. k .. v end return n"));
    assert_string_equal(answer, "a1c3");
}

static void modules_are_read_only_and_shared_by_require(void **state)
{
    (void)state;
    assert_true(run("local c = require 'std.calendar' return tostring(require 'std.calendar' "
                    "== c) .. c.add_days('2020-01-31', 1)"));
    assert_string_equal(answer, "true2020-02-01");
    assert_false(run("require('std.calendar').add_dayz('2020-01-01', 1)"));
    assert_string_equal(fault.message, "std.calendar 里没有 add_dayz");
    assert_true(run("local org = require 'office.org' return org.home .. #org.offices .. "
                    "tostring(org.nothing) .. org.offices[1].id"));
    assert_string_equal(answer, "3301050039nilparty_building");
    assert_false(run("require('office.org').offices[1] = nil"));
    assert_true(run("local n = 0 for _, o in ipairs(require('office.org').offices) do for k in "
                    "pairs(o) do n = n + 1 end end return n > 9"));
    assert_string_equal(answer, "true");
    assert_true(run("local org = require 'office.org' return org.offices[1] == org.offices[1] "
                    "and next(org.subdistricts) == '330105001'"));
    assert_string_equal(answer, "true");
    assert_false(run("require 'std.nothing'"));
    assert_non_null(strstr(fault.text, "std.calendar"));
}

static void faults_name_the_line_of_the_script(void **state)
{
    (void)state;
    assert_false(run("local calendar = require 'std.calendar'\n\nlocal n = "
                     "calendar.days_between('2020-13-01', '2020-01-01')"));
    assert_int_equal(fault.line, 3);
    assert_false(fault.syntax);
    assert_false(run("local function deep(n) if n == 0 then error('到底了') end return (deep(n "
                     "- 1)) end\n\ndeep(5)"));
    assert_int_equal(fault.line, 1);
    assert_string_equal(fault.text, "ent_x.lua:1: 到底了");
    assert_false(run("local co = coroutine.wrap(function()\n error('里面') end)\nco()"));
    assert_true(fault.line == 2 || fault.line == 3);
    assert_false(run("return {\n  a = 1,\n  b = = 2,\n}"));
    assert_true(fault.syntax);
    assert_int_equal(fault.line, 3);
    assert_string_equal(fault.message, "'=' 这里写错了");
    assert_false(run("local row = nil\nreturn row.name"));
    assert_string_equal(fault.text,
                        "ent_x.lua:2: row 是空值（nil），取不了它的字段：先判断它有没有");
    assert_false(run("\nwhile true do end"));
    assert_int_equal(fault.line, 2);
    assert_int_equal(fault.limit, LIMIT_STEPS);
    assert_false(run("\n\nlocal s = 'x' while true do s = s .. s end"));
    assert_int_equal(fault.line, 3);
}

static void error_values_are_never_run(void **state)
{
    (void)state;
    assert_false(run("error(setmetatable({}, { __tostring = function() return 'ran' end }))"));
    assert_null(strstr(fault.text, "ran"));
    assert_false(run("error(42)"));
    assert_string_equal(fault.message, "42");
    assert_false(run("error('a\\xff\\xfeb')"));
    assert_true(fault.text[0]);
}

static void methods_of_texts_work(void **state)
{
    (void)state;
    assert_true(run("return ('%s|%d'):format(('Ab'):lower(), #'中')"));
    assert_string_equal(answer, "ab|3");
    assert_false(run("return ('x'):foo()"));
    assert_string_equal(fault.message, "string 里没有 foo");
}

static void bytecode_is_refused(void **state)
{
    (void)state;
    assert_false(run("\x1bLua"));
    assert_true(fault.syntax);
    assert_non_null(strstr(fault.text, "文本"));
}

static void a_script_of_256_kib_loads_and_one_byte_more_does_not(void **state)
{
    (void)state;
    size_t n = 256 * 1024;
    char *text = malloc(n + 2);
    memset(text, ' ', n + 1);
    memcpy(text, "return 7", 8);
    text[n] = 0;
    assert_true(run(text));
    assert_string_equal(answer, "7");
    text[n] = ' ';
    text[n + 1] = 0;
    assert_false(run(text));
    assert_non_null(strstr(fault.text, "262144"));
    free(text);
}

static int say_host(lua_State *L)
{
    lua_pushlightuserdata(L, sandbox_host(L));
    lua_pushinteger(L, sandbox_line(L));
    return 2;
}

static void bindings_know_their_host_and_line(void **state)
{
    (void)state;
    int mine = 0;
    struct sandbox *sb = sandbox_new(NULL, &mine);
    static const char text[] =
        "return function(f) \n local co = coroutine.wrap(function() return f() end)\n"
        " local a = f()\n local b, line = co()\n return a == b, line end";
    assert_true(sandbox_load(sb, SPAN(text), "t.lua", NULL, &fault));
    lua_State *L = sandbox_state(sb);
    lua_pushcfunction(L, say_host);
    assert_true(sandbox_call(sb, 1, 2, NULL, &fault));
    assert_true(lua_toboolean(L, -2));
    assert_int_equal(lua_tointeger(L, -1), 2);
    assert_int_equal(lua_gettop(L), 2);
    sandbox_free(sb);
}

static int raise_chinese(lua_State *L)
{
    return sandbox_raise(L, "不能这样：%s", "因为");
}

static void a_fault_leaves_the_stack_as_it_was(void **state)
{
    (void)state;
    struct sandbox *sb = sandbox_new(NULL, NULL);
    lua_State *L = sandbox_state(sb);
    lua_pushinteger(L, 5);
    assert_true(
        sandbox_load(sb, SPAN("return function(f)\n\n f() end"), "t.lua", NULL, &fault));
    lua_pushvalue(L, 2);
    lua_pushcfunction(L, raise_chinese);
    assert_false(sandbox_call(sb, 1, 1, NULL, &fault));
    assert_string_equal(fault.text, "t.lua:3: 不能这样：因为");
    assert_int_equal(lua_gettop(L), 2);
    assert_int_equal(lua_tointeger(L, 1), 5);
    assert_false(sandbox_is_dead(sb));
    sandbox_free(sb);
}

static void frozen_tables_are_walked_but_not_written(void **state)
{
    (void)state;
    struct sandbox *sb = sandbox_new(NULL, NULL);
    lua_State *L = sandbox_state(sb);
    static const char text[] =
        "return function(t)\n"
        "  local out = {}\n"
        "  for k, v in pairs(t) do out[#out + 1] = k .. (type(v) == 'table' and v.x or v) end\n"
        "  out[#out + 1] = #t.list out[#out + 1] = table.concat(t.list, '+') out[#out + 1] = "
        "rawget(t, 'a')\n"
        "  out[#out + 1] = tostring(pcall(function() t.a = 2 end))\n"
        "  out[#out + 1] = tostring(pcall(rawset, t, 'a', 2))\n"
        "  out[#out + 1] = tostring(pcall(function() t.sub.x = 2 end))\n"
        "  out[#out + 1] = tostring(pcall(table.insert, t.list, 1))\n"
        "  out[#out + 1] = tostring(getmetatable(t))\n"
        "  return table.concat(out, ' ')\n"
        "end";
    assert_true(sandbox_load(sb, SPAN(text), "t.lua", NULL, &fault));
    lua_newtable(L);
    lua_pushinteger(L, 1);
    lua_setfield(L, -2, "a");
    lua_newtable(L);
    lua_pushinteger(L, 9);
    lua_setfield(L, -2, "x");
    lua_setfield(L, -2, "sub");
    lua_newtable(L);
    for (int i = 1; i <= 3; i++) {
        lua_pushinteger(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_pushinteger(L, 0);
    lua_setfield(L, -2, "x");
    lua_setfield(L, -2, "list");
    sandbox_freeze(L, NULL);
    assert_true(sandbox_call(sb, 1, 1, NULL, &fault));
    assert_string_equal(lua_tostring(L, -1),
                        "a1 list0 sub9 3 1+2+3 1 false false false false false");
    sandbox_free(sb);
}

static void sort_is_stable_and_leaves_the_table_alone_on_error(void **state)
{
    (void)state;
    assert_true(run("local t = {} for i = 1, 100 do t[i] = { k = i % 7, i = i } end\n"
                    "table.sort(t, function(a, b) return a.k < b.k end)\n"
                    "for i = 2, 100 do if t[i - 1].k == t[i].k and t[i - 1].i > t[i].i then "
                    "return 'unstable' end end\n"
                    "return 'stable'"));
    assert_string_equal(answer, "stable");
    assert_true(run("local t = { 3, 1, 'x', 2 } local ok = pcall(table.sort, t) return "
                    "tostring(ok) .. t[1] .. t[2] .. t[3] .. t[4]"));
    assert_string_equal(answer, "false31x2");
}

static void note_line(void *ctx, int line)
{
    buf_printf(ctx, "%d ", line);
}

static void lines_are_told_for_coverage(void **state)
{
    (void)state;
    struct sandbox *sb = sandbox_new(&modules, NULL);
    struct buf b = {0};
    sandbox_on_line(sb, note_line, &b);
    static const char text[] = "local c = require 'std.calendar'\nif c then\n  "
                               "c.add_days('2020-01-01', 1)\nelse\n  c = 2\nend\n"
                               "coroutine.wrap(function()\n c = 1\nend)()";
    assert_true(sandbox_load(sb, SPAN(text), "t.lua", NULL, &fault));
    buf_char(&b, 0);
    assert_string_equal(b.p, "1 2 3 7 9 7 8 9 9 ");
    buf_free(&b);
    sandbox_free(sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_returns_its_value),
        cmocka_unit_test(globals_cannot_be_written),
        cmocka_unit_test(unknown_globals_cannot_be_read),
        cmocka_unit_test(pairs_has_an_order),
        cmocka_unit_test(pairs_order_depends_on_keys_only),
        cmocka_unit_test(next_walks_in_the_same_order),
        cmocka_unit_test(pairs_sees_changes_of_present_keys_only),
        cmocka_unit_test(modules_are_read_only_and_shared_by_require),
        cmocka_unit_test(faults_name_the_line_of_the_script),
        cmocka_unit_test(error_values_are_never_run),
        cmocka_unit_test(methods_of_texts_work),
        cmocka_unit_test(bytecode_is_refused),
        cmocka_unit_test(a_script_of_256_kib_loads_and_one_byte_more_does_not),
        cmocka_unit_test(bindings_know_their_host_and_line),
        cmocka_unit_test(a_fault_leaves_the_stack_as_it_was),
        cmocka_unit_test(frozen_tables_are_walked_but_not_written),
        cmocka_unit_test(sort_is_stable_and_leaves_the_table_alone_on_error),
        cmocka_unit_test(lines_are_told_for_coverage),
    };
    if (getenv("F"))
        cmocka_set_test_filter(getenv("F"));
    return cmocka_run_group_tests(tests, read_modules, free_modules);
}
