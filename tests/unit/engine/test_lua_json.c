#include "unit.h"

#include "engine/lua_json.h"
#include "engine/sandbox_impl.h"
#include "util/mem.h"

static struct sandbox *sb;
static struct buf out;
static struct err err;
static bool went;

static int open_one(void **state)
{
    (void)state;
    sb = sandbox_new(NULL, NULL);
    return 0;
}

static int close_one(void **state)
{
    (void)state;
    sandbox_free(sb);
    buf_free(&out);
    return 0;
}

static const struct lua_json_style *style;

static int put_value(lua_State *L)
{
    went = lua_json_put(L, 1, &out, style, &err);
    return 0;
}

/* The value of a Lua expression as JSON; "" if it was refused. */
static const char *json_of(const char *expression)
{
    char text[2000];
    struct fault f;
    lua_State *L = sandbox_state(sb);
    snprintf(text, sizeof(text), "%s", expression);
    if (strncmp(expression, "local", 5) != 0)
        snprintf(text, sizeof(text), "return %s", expression);
    lua_settop(L, 0);
    assert_true(sandbox_load(sb, span_of(text), "v.lua", NULL, &f));
    lua_pushcfunction(L, put_value);
    lua_insert(L, 1);
    buf_clear(&out);
    buf_str(&out, "before ");
    err = (struct err){0};
    assert_true(sandbox_call(sb, 1, 0, NULL, &f));
    assert_int_equal(lua_gettop(L), 0);
    if (!went) {
        assert_span(buf_view(&out), "before ");
        assert_int_equal(err.code, ERR_INPUT);
        return "";
    }
    buf_char(&out, 0);
    return out.p + 7;
}

static void values_have_their_json(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"nil", "null"},
        {"true", "true"},
        {"42", "42"},
        {"-9223372036854775807 - 1", "-9223372036854775808"},
        {"9223372036854775807", "9223372036854775807"},
        {"1.5", "1.5"},
        {"0.1", "0.1"},
        {"'中文\\n\"'", "\"中文\\n\\\"\""},
        {"{}", "[]"},
        {"{ 1, 2, { 3 } }", "[1,2,[3]]"},
        {"{ b = 1, a = { c = true } }", "{\"a\":{\"c\":true},\"b\":1}"},
        {"{ [1] = 'x', [2] = 'y' }", "[\"x\",\"y\"]"},
        {"{ { } , { a = {} } }", "[[],{\"a\":[]}]"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        assert_string_equal(json_of(pairs[i][0]), pairs[i][1]);
    assert_string_equal(json_of("{ 2.0, 2, -0.0 }"), "[2.0,2,-0.0]");
}

static void what_json_cannot_say_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "0/0",
        "1/0",
        "-1/0",
        "function() end",
        "{ function() end }",
        "{ 1, a = 2 }",
        "{ [3] = 1 }",
        "{ 1, nil, 3 }",
        "{ [1.5] = 1 }",
        "{ [true] = 1 }",
        "'\\xff'",
        "'a\\0b'",
        "{ ['\\xff'] = 1 }",
        "{ [0] = 1 }",
        "{ [-1] = 1 }",
        "coroutine.create(function() end)",
        "local t = {} t.t = t return t",
        "local t = {} for i = 1, 17 do t = { t } end return t",
        "('x'):rep(65535)",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (*json_of(bad[i]))
            print_message("%s\n", bad[i]);
        assert_false(went);
        assert_true(err.text[0]);
    }
}

static void limits_are_exact(void **state)
{
    (void)state;
    json_of("('x'):rep(65534)"); /* with its quotes 64 KiB */
    assert_true(went);
    json_of("local t = {} for i = 1, 15 do t = { t } end return t");
    assert_true(went);
}

static void no_metamethod_is_run(void **state)
{
    (void)state;
    assert_string_equal(json_of("setmetatable({ a = 1 }, { __pairs = error, __index = error, "
                                "__len = error, __tostring = error })"),
                        "{\"a\":1}");
}

static void styles_decide_about_empty_tables_and_numbers(void **state)
{
    (void)state;
    static const char *const lists[] = {"list", NULL};
    static const struct lua_json_style office = {
        .max_bytes = 1000, .number_names = true, .lists = lists};
    style = &office;
    assert_string_equal(json_of("{ list = {}, map = {}, [1] = nil }"),
                        "{\"list\":[],\"map\":{}}");
    assert_string_equal(json_of("{ [2021] = 1, [2020] = { 'a' } }"),
                        "{\"2020\":[\"a\"],\"2021\":1}");
    assert_string_equal(json_of("{ { {} } }"), "[[{}]]");
    style = NULL;
}

static struct span given;

static int push_given(lua_State *L)
{
    if (!lua_json_push_text(L, given, &err))
        return 0;
    return 1;
}

static void json_comes_back_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"a\":[1,2.5,\"x\",true,false],\"b\":{\"c\":[]},\"d\":-7}",
        "[[[[1]]]]",
        "\"中\"",
        "9007199254740993",
        "1.5",
        "2.0",
        "true",
        "[]",
    };
    lua_State *L = sandbox_state(sb);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct fault f;
        given = span_of(texts[i]);
        lua_settop(L, 0);
        lua_pushcfunction(L, push_given);
        assert_true(sandbox_call(sb, 0, 1, NULL, &f));
        lua_pushcfunction(L, put_value);
        lua_insert(L, 1);
        buf_clear(&out);
        assert_true(sandbox_call(sb, 1, 0, NULL, &f));
        assert_true(went);
        assert_int_equal(out.n, strlen(texts[i]));
        assert_memory_equal(out.p, texts[i], out.n);
    }
    given = SPAN("{\"a\":");
    lua_pushcfunction(L, push_given);
    struct fault f;
    assert_true(sandbox_call(sb, 0, 1, NULL, &f));
    assert_true(lua_isnil(L, -1));
    lua_settop(L, 0);
}

static void an_open_writer_survives_a_refusal(void **state)
{
    (void)state;
    lua_State *L = sandbox_state(sb);
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_name(&w, "v");
    lua_settop(L, 0);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushcfunction(L, push_given);
    lua_rawseti(L, -2, 1);
    lua_setfield(L, -2, "deep");
    assert_false(lua_json_write(L, 1, &w, &err));
    json_w_null(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    assert_span(buf_view(&b), "{\"v\":null}");
    buf_free(&b);
    lua_settop(L, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_their_json),
        cmocka_unit_test(what_json_cannot_say_is_refused),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(no_metamethod_is_run),
        cmocka_unit_test(styles_decide_about_empty_tables_and_numbers),
        cmocka_unit_test(json_comes_back_the_same),
        cmocka_unit_test(an_open_writer_survives_a_refusal),
    };
    if (getenv("F"))
        cmocka_set_test_filter(getenv("F"));
    return cmocka_run_group_tests(tests, open_one, close_one);
}
