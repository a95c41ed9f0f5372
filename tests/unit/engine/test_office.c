#include "unit.h"

#include <sys/stat.h>

#include "engine/engine.h"
#include "util/json.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    memcpy(dir, "/tmp/wangyi-office-XXXXXX", 26);
    if (!mkdtemp(dir))
        return -1;
    char path[100];
    snprintf(path, sizeof(path), "%s/office", dir);
    return mkdir(path, 0700);
}

static int drop_dir(void **state)
{
    (void)state;
    static const char *const names[] = {"office/records.lua", "office/org.lua",
                                        "office/calendar.lua", "office", ""};
    for (size_t i = 0; i < 5; i++) {
        char path[100];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        remove(path);
    }
    return 0;
}

static void write_file(const char *name, const char *text)
{
    char path[100];
    snprintf(path, sizeof(path), "%s/office/%s.lua", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void write_small(void)
{
    write_file("records", "return { types = {} }");
    write_file("org", "return { home = '1', offices = {}, subdistricts = {} }");
    write_file("calendar", "return { [2020] = { off = { '2020-01-01' }, work = {} } }");
}

static void the_shipped_files_become_json(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    assert_true(engine_office("scripts", &b, &e));
    struct arena a = {0};
    struct json_limits limits = {.bytes = 4 << 20, .keys = 1000};
    const struct json *v = json_parse(&a, buf_view(&b), &limits, NULL, &e);
    assert_non_null(v);
    const struct json *types = json_get(json_get(v, "records"), "types");
    assert_true(json_count(types) > 50);
    for (size_t i = 0; i < json_count(types);
         i++) { /* lists are lists, also where they are empty */
        assert_true(json_is(json_get(json_item(types, i), "indexes"), JSON_ARRAY));
        assert_true(json_is(json_get(json_item(types, i), "key"), JSON_ARRAY));
        assert_true(json_is(json_get(json_item(types, i), "fields"), JSON_ARRAY));
    }
    assert_true(json_is(json_get(json_get(v, "org"), "subdistricts"), JSON_OBJECT));
    assert_true(json_count(json_get(json_get(v, "org"), "communities")) == 9);
    assert_true(
        json_is(json_get(json_get(json_get(v, "calendar"), "2020"), "off"), JSON_ARRAY));
    arena_free(&a);
    buf_free(&b);
}

static void empty_tables_are_lists_only_under_known_names(void **state)
{
    (void)state;
    write_small();
    struct buf b = {0};
    struct err e = {0};
    assert_true(engine_office(dir, &b, &e));
    buf_char(&b, 0);
    assert_string_equal(b.p, "{\"records\":{\"types\":[]},\"org\":{\"home\":\"1\",\"offices\":["
                             "],\"subdistricts\":{}},"
                             "\"calendar\":{\"2020\":{\"off\":[\"2020-01-01\"],\"work\":[]}}}");
    buf_free(&b);
}

static void the_same_files_give_the_same_bytes(void **state)
{
    (void)state;
    struct buf first = {0};
    struct err e = {0};
    assert_true(engine_office("scripts", &first, &e));
    for (int i = 0; i < 3; i++) {
        struct buf again = {0};
        assert_true(engine_office("scripts", &again, &e));
        assert_int_equal(first.n, again.n);
        assert_memory_equal(first.p, again.p, first.n);
        buf_free(&again);
    }
    buf_free(&first);
}

static void mistakes_name_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"return {\n  home = = 1 }", "office/org.lua:2: "},
        {"\n\nreturn nothing.here", "office/org.lua:3: 没有定义的名字 nothing"},
        {"return 5", "office/org.lua 没有返回表"},
        {"return { f = function() end }", "office/org.lua：function 不能存"},
        {"while true do end", "用量超限"},
        {"return os.getenv('HOME')", "没有 os"},
        {"return { 1, a = 2 }", "既有文本又有编号"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_small();
        write_file("org", cases[i].text);
        struct buf b = {0};
        struct err e = {0};
        assert_false(engine_office(dir, &b, &e));
        if (!strstr(e.text, cases[i].said))
            print_message("%s\n  %s\n", cases[i].text, e.text);
        assert_non_null(strstr(e.text, cases[i].said));
        assert_int_equal(e.code, ERR_SCRIPT);
        assert_int_equal(b.n, 0);
        buf_free(&b);
    }
}

static void a_missing_file_is_told(void **state)
{
    (void)state;
    struct buf b = {0};
    struct err e = {0};
    assert_false(engine_office("/nonexistent", &b, &e));
    assert_non_null(strstr(e.text, "/nonexistent/office/records.lua"));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_files_become_json),
        cmocka_unit_test(empty_tables_are_lists_only_under_known_names),
        cmocka_unit_test(the_same_files_give_the_same_bytes),
        cmocka_unit_test(mistakes_name_file_and_line),
        cmocka_unit_test(a_missing_file_is_told),
    };
    if (getenv("F"))
        cmocka_set_test_filter(getenv("F"));
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
