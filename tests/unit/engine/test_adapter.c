#include "host.h"

#include "engine/adapter.h"

/* What a file needs beside its `read` to be one. */
static struct adapter *load(const char *read, const char *rest, struct buf *report)
{
    char text[2000];
    host_open();
    snprintf(
        text, sizeof text,
        "return { title = 'T', types = { 'device_alarm' }, accepts = 'json', read = %s, %s }",
        read, rest);
    buf_clear(report);
    return adapter_new(SPAN("probe"), span_of(text), &host_modules, host_street, report);
}

static const char example[] = "examples = { { json = '{}' } }";

static bool read_with(struct adapter *a, const char *body, struct buf *out, struct err *e)
{
    struct arena arena = {0};
    const struct json *head = json_parse(
        &arena, SPAN("{\"headers\":{\"ce-id\":\"1\"},\"cursor\":\"c\"}"), NULL, NULL, e);
    buf_clear(out);
    *e = (struct err){0};
    bool ok = adapter_read(a, head, span_of(body), out, e);
    buf_char(out, '\0');
    arena_free(&arena);
    return ok;
}

static void a_message_becomes_items(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    struct adapter *a =
        load("function(m) if not m.body.id then return {} end return { "
             "{ 'device_alarm', { alarm_id = m.body.id, device_id = m.headers['ce-id'] "
             "}, once = true }, { ignore = 'x' }, { refuse = 'why', field = 'f' } }, "
             "{ cursor = m.cursor .. '2', more = true } end",
             example, &b);
    assert_non_null(a);
    assert_true(read_with(a, "{\"id\":\"A\"}", &b, &e));
    assert_string_equal(
        b.p,
        "{\"items\":[{\"once\":true,\"record\":{\"alarm_id\":\"A\",\"device_id\":\"1\"},"
        "\"type\":"
        "\"device_alarm\"},{\"ignore\":\"x\"},{\"field\":\"f\",\"refuse\":\"why\"}],\"next\":{"
        "\"cursor\":\"c2\",\"more\":true}}");
    adapter_free(a);
    buf_free(&b);
}

static void files_that_are_not_right_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *read, *rest, *says;
    } bad[] = {
        {"function( return end", example, "probe.lua:1"},
        {"function() return {} end", "examples = {}", "例子"},
        {"function() return {} end", "examples = { { json = '{' } }", "读不了"},
        {"function() return {} end",
         "examples = { { json = '{}', expect = { { 'device_alarm' } } } }", "应有 1 条"},
        {"function() return { { 'enterprise', {} } } end", example, "types"},
        {"function() return { 1 } end", example, "不是表"},
        {"function() return { { 'device_alarm', { nonsense = 1 } } } end",
         "examples = { { json = '{}', expect = { { 'device_alarm', {} } } } }", "nonsense"},
        {"function() error('oh') end", example, "oh"},
        {"function() while true do end end", example, "probe.lua"},
        {"function() return {} end",
         "examples = { { json = '{}' } }, pull = { url = 'http://x' }", "request"},
        {"function() return {} end", "examples = { { json = '{}' } }, tpyo = 1", "tpyo"},
        {"5", example, "read"},
    };
    struct buf b = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(load(bad[i].read, bad[i].rest, &b));
        buf_char(&b, '\0');
        if (!strstr(b.p, bad[i].says) || !strstr(b.p, "\"ok\":false"))
            fail_msg("case %zu: %s", i, b.p);
    }
    buf_free(&b);
}

static void one_that_runs_wild_is_stopped_and_begins_anew(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    struct adapter *a = load(
        "function(m) local how = m.body.how if how == 'loop' then while true do end elseif how "
        "== "
        "'memory' then local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end elseif "
        "how == "
        "'error' then error('oh', 0) elseif how == 'bad' then return { { 'device_alarm', { f = "
        "print_nothing } } } elseif how == 'function' then return { { 'device_alarm', { f = "
        "m.read "
        "or function() end } } } end return nil, 'no ' .. tostring(how) end",
        "examples = { { json = '{}', unread = 'no nil' } }", &b);
    if (!a)
        fail_msg("%.*s", SPAN_ARG(buf_view(&b)));
    for (int round = 0; round < 2; round++) {
        assert_false(read_with(a, "{\"how\":\"loop\"}", &b, &e));
        assert_int_equal(e.code, ERR_LIMIT);
        assert_false(read_with(a, "{\"how\":\"memory\"}", &b, &e));
        assert_int_equal(e.code, ERR_LIMIT);
        assert_false(read_with(a, "{\"how\":\"error\"}", &b, &e));
        assert_int_equal(e.code, ERR_SCRIPT);
        assert_false(read_with(a, "{\"how\":\"bad\"}", &b, &e));
        assert_int_equal(e.code, ERR_SCRIPT);
        assert_false(read_with(a, "{\"how\":\"function\"}", &b, &e));
        assert_int_equal(e.code, ERR_SCRIPT);
        assert_false(read_with(a, "{\"how\":\"well\"}", &b, &e));
        assert_int_equal(e.code, ERR_INPUT);
        assert_string_equal(e.text, "no well");
    }
    adapter_free(a);
    buf_free(&b);
}

static void the_message_is_at_fault_where_it_is(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    struct adapter *a = load("function() return {} end", example, &b);
    assert_non_null(a);
    assert_false(read_with(a, "", &b, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_false(read_with(a, "{\"a\":1,\"a\":2}", &b, &e));
    assert_int_equal(e.code, ERR_INPUT);
    assert_true(read_with(a, "[]", &b, &e));
    adapter_free(a);
    buf_free(&b);
}

static void the_shipped_ones_pass(void **state)
{
    (void)state;
    static const char *const names[] = {"hikvision", "alertmanager", "cloudevents",
                                        "device_platform", "district_hub"};
    struct buf b = {0};
    host_open();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sandbox_module m;
        struct err e = {0};
        assert_true(sandbox_module_read(&m, "scripts", "feeds", names[i], &e));
        buf_clear(&b);
        struct adapter *a =
            adapter_new(span_of(names[i]), m.text, &host_modules, host_street, &b);
        if (!a)
            fail_msg("%s: %.*s", names[i], SPAN_ARG(buf_view(&b)));
        adapter_free(a);
        sandbox_module_free(&m);
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_becomes_items),
        cmocka_unit_test(files_that_are_not_right_say_why),
        cmocka_unit_test(one_that_runs_wild_is_stopped_and_begins_anew),
        cmocka_unit_test(the_message_is_at_fault_where_it_is),
        cmocka_unit_test(the_shipped_ones_pass),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
