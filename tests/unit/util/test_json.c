/* Jansson stands here only as a second opinion; its names are moved out of the way of ours. */
#define json_string  jansson_string
#define json_type    jansson_type
#define JSON_OBJECT  JANSSON_OBJECT
#define JSON_ARRAY   JANSSON_ARRAY
#define JSON_STRING  JANSSON_STRING
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_REAL    JANSSON_REAL
#define JSON_TRUE    JANSSON_TRUE
#define JSON_FALSE   JANSSON_FALSE
#define JSON_NULL    JANSSON_NULL
#include <jansson.h>
#undef json_string
#undef json_type
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_INTEGER
#undef JSON_REAL
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL

#include <float.h>
#include <math.h>

#include "unit.h"
#include "util/json.h"

static struct arena arena;

static int free_arena(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct json *parse(const char *text)
{
    struct err e = {0};
    const struct json *v = json_parse(&arena, span_of(text), NULL, NULL, &e);
    if (!v)
        print_message("refused: %s — %s\n", text, e.text);
    assert_non_null(v);
    return v;
}

struct refusal {
    const char *text;
    size_t at;
    const char *words; /* part of the error text */
};

static void check_refusals(const struct refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err e = {0};
        size_t at = 999;
        const struct json *v = json_parse(&arena, span_of(cases[i].text), NULL, &at, &e);
        if (v || at != cases[i].at || !strstr(e.text, cases[i].words))
            fail_msg("%s: accepted=%d at=%zu (wanted %zu): %s", cases[i].text, v != NULL, at,
                     cases[i].at, e.text);
        char where[40];
        snprintf(where, sizeof where, "第 %zu 个字节：", at + 1);
        assert_ptr_equal(strstr(e.text, where), e.text);
        assert_true(span_is_utf8(span_of(e.text)));
    }
}
#define refuse(cases) check_refusals(cases, sizeof(cases) / sizeof *(cases))

static void every_type_is_read_with_its_value(void **state)
{
    (void)state;
    const struct json *v =
        parse(" {\"n\":null,\"t\":true,\"f\":false,\"i\":-12,\"r\":0.5,\"s\":\"小河\","
              "\"a\":[1,[],{}],\"o\":{\"k\":\"v\"}} \n");
    int64_t i;
    double d;
    assert_true(json_is(v, JSON_OBJECT));
    assert_int_equal(json_count(v), 8);
    assert_true(json_is(json_get(v, "n"), JSON_NULL));
    assert_true(json_bool(json_get(v, "t"), false));
    assert_false(json_bool(json_get(v, "f"), true));
    assert_true(json_int(json_get(v, "i"), &i) && i == -12);
    assert_true(json_number(json_get(v, "i"), &d) && d == -12.0);
    assert_true(json_number(json_get(v, "r"), &d) && d == 0.5);
    assert_false(json_int(json_get(v, "r"), &i));
    assert_span(json_string(json_get(v, "s")), "小河");
    assert_string_equal(json_cstr(json_get(v, "s"), ""), "小河");
    assert_int_equal(json_count(json_get(v, "a")), 3);
    assert_int_equal(json_count(json_item(json_get(v, "a"), 1)), 0);
    assert_string_equal(json_cstr(json_get(json_get(v, "o"), "k"), ""), "v");
    assert_span(v->names[7], "o");
}

static void chains_over_what_is_not_there_give_nothing(void **state)
{
    (void)state;
    const struct json *v = parse("[1]");
    int64_t i = 7;
    double d = 7;
    assert_null(json_get(json_get(v, "a"), "b"));
    assert_null(json_item(v, 1));
    assert_null(json_item(NULL, 0));
    assert_false(json_int(NULL, &i) || json_number(NULL, &d) || json_is(NULL, JSON_NULL));
    assert_true(json_bool(NULL, true));
    assert_int_equal(json_count(NULL), 0);
    assert_string_equal(json_cstr(NULL, "x"), "x");
    assert_null(json_string(json_item(v, 0)).p);
    assert_true(i == 7 && d == 7);
}

static void strings_outlive_the_text_and_end_in_nul(void **state)
{
    (void)state;
    char text[] = "[\"plain\",\"esc\\u0061ped\"]";
    const struct json *v = json_parse(&arena, span_of(text), NULL, NULL, NULL);
    assert_non_null(v);
    memset(text, 'x', sizeof text - 1);
    assert_string_equal(json_cstr(json_item(v, 0), ""), "plain");
    assert_string_equal(json_cstr(json_item(v, 1), ""), "escaped");
}

static void escapes_become_the_characters_they_stand_for(void **state)
{
    (void)state;
    const struct json *v =
        parse("[\"\\\"\\\\\\/"
              "\\b\\f\\n\\r\\t\",\"\\u00e9\\u4E2d\\ud83d\\uDE00\\uFFFF\",\"a\\u000ab\"]");
    assert_span(json_string(json_item(v, 0)), "\"\\/\b\f\n\r\t");
    assert_span(json_string(json_item(v, 1)), "é中😀\xEF\xBF\xBF");
    assert_span(json_string(json_item(v, 2)), "a\nb");
}

static void a_number_beyond_int64_is_refused_rather_than_rounded(void **state)
{
    (void)state;
    int64_t i;
    assert_true(json_int(parse("9223372036854775807"), &i) && i == INT64_MAX);
    assert_true(json_int(parse("-9223372036854775808"), &i) && i == INT64_MIN);
    static const struct refusal cases[] = {
        {"9223372036854775808", 0, "整数超出范围"},
        {"-9223372036854775809", 0, "整数超出范围"},
        {"[18446744073709551616]", 1, "整数超出范围"},
        {"99999999999999999999999999", 0, "整数超出范围"},
    };
    refuse(cases);
}

static void reals_are_read_to_the_nearest_double(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.1",
        "1e3",
        "1E-3",
        "123456789012345678.5",
        "9007199254740993.0",
        "0.30000000000000004",
        "1.7976931348623157e308",
        "4.9e-324",
        "2.2250738585072011e-308",
        "1e-400",
        "-0.0",
        "5e22",
        "5e23",
        "9007199254740993e10",
        "123456.789e-22",
        "6.02214076e+23",
        "3.14159265358979323846264338",
    };
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        double d, wanted = strtod(texts[k], NULL);
        const struct json *v = parse(texts[k]);
        assert_int_equal(v->type, JSON_REAL);
        assert_true(json_number(v, &d));
        assert_memory_equal(&d, &wanted, sizeof d);
    }
    int64_t i;
    assert_true(json_int(parse("2e3"), &i) && i == 2000);
    assert_false(json_int(parse("9.3e18"), &i));
    assert_true(json_int(parse("-9223372036854775808.0"), &i) && i == INT64_MIN);
}

static void numbers_of_another_grammar_are_refused(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"01", 1, "不是合法的数字"},
        {"-", 1, "不是合法的数字"},
        {"-a", 1, "不是合法的数字"},
        {"1.", 2, "不是合法的数字"},
        {"[1.e5]", 3, "不是合法的数字"},
        {"1e", 2, "不是合法的数字"},
        {"1e+", 3, "不是合法的数字"},
        {"-01", 2, "不是合法的数字"},
        {"+1", 0, "这里应当是一个值"},
        {".5", 0, "这里应当是一个值"},
        {"NaN", 0, "这里应当是一个值"},
        {"Infinity", 0, "这里应当是一个值"},
        {"1e309", 0, "数太大"},
        {"-1e999999999", 0, "数太大"},
        {"0x10", 1, "多余的内容"},
        {"1 2", 2, "多余的内容"},
        {"0.00000000000000000000000000000000000000001", 0, "数字最多 40 位"},
    };
    refuse(cases);
}

static void a_repeated_name_is_refused_at_its_place(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"{\"ent_id\":1,\"ent_id\":2}", 12, "重复的字段名“ent_id”"},
        {"{\"a\":1,\"\\u0061\":2}", 7, "重复的字段名“a”"},
        {"[{\"x\":{\"\":0,\"\":0}}]", 12, "重复的字段名“”"},
        {"{\"a_name_that_would_fill_the_whole_error_text_if_it_were_shown_in_full_to_the_"
         "office\":1,"
         "\"a_name_that_would_fill_the_whole_error_text_if_it_were_shown_in_full_to_the_"
         "office\":2}",
         88, "shown_in_full_to_the_…”"},
        {"{\"\\n\":1,\"\\n\":2}", 8, "重复的字段名“?”"},
    };
    refuse(cases);
    parse("{\"a\":{\"a\":{\"a\":1}},\"A\":1,\"b\":{\"a\":2}}");
}

static void broken_structure_is_refused_with_what_was_wanted(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"", 0, "文本不完整"},
        {"  ", 2, "文本不完整"},
        {"{", 1, "加引号的字段名"},
        {"{\"a\"", 4, "冒号"},
        {"{\"a\" 1}", 5, "应当是冒号，却是“1”"},
        {"{\"a\":}", 5, "应当是一个值，却是“}”"},
        {"{\"a\":1,}", 7, "加引号的字段名"},
        {"{\"a\":1 \"b\":2}", 7, "逗号或 }"},
        {"{a:1}", 1, "加引号的字段名，却是“a”"},
        {"[1,]", 3, "一个值"},
        {"[1", 2, "逗号或 ]"},
        {"[1}", 2, "逗号或 ]"},
        {"]", 0, "一个值"},
        {"tru", 0, "true"},
        {"nul]", 0, "null"},
        {"truex", 4, "多余的内容"},
        {"{} x", 3, "多余的内容"},
        {"'a'", 0, "一个值"},
        {"/**/1", 0, "一个值"},
        {"\xEF\xBB\xBF{}", 0, "一个值"},
        {"\xFF", 0, "UTF-8"},
    };
    refuse(cases);
    struct err e;
    assert_null(json_parse(&arena, SPAN("{}\0"), NULL, NULL, &e));
    assert_null(json_parse(&arena, SPAN_NONE, NULL, NULL, &e));
}

static void strings_that_are_not_clean_utf8_are_refused(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"\"abc", 0, "没有结束的引号"},        {"\"a\nb\"", 2, "控制字符 0x0A"},
        {"\"\x1f\"", 1, "控制字符 0x1F"},      {"\"\\x\"", 1, "没有这种转义"},
        {"\"\\", 1, "转义符处中断"},           {"\"\\u12\"", 1, "四位十六进制"},
        {"\"\\u12g4\"", 1, "四位十六进制"},    {"\"\\u0000\"", 1, "\\u0000"},
        {"\"\\ud800\"", 1, "没有成对"},        {"\"\\ud800\\u0041\"", 1, "没有成对"},
        {"\"\\udc00\\ud800\"", 1, "没有成对"}, {"\"中\xE4\xB8\"", 4, "UTF-8"},
        {"\"\xC0\x80\"", 1, "UTF-8"},          {"\"\xED\xA0\x80\"", 1, "UTF-8"},
        {"\"\xF4\x90\x80\x80\"", 1, "UTF-8"},  {"\"\xF0\x80\x80\x80\"", 1, "UTF-8"},
        {"\"1234567\x80\"", 8, "UTF-8"},
    };
    refuse(cases);
    struct err e;
    assert_null(json_parse(&arena, SPAN("\"a\0b\""), NULL, NULL, &e));
    assert_non_null(strstr(e.text, "0x00"));
}

/* Each byte of the ASCII range at each offset, so that the word-wise scan meets all of them. */
static void every_byte_is_judged_alike_at_every_offset(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (size_t before = 0; before < 20; before++) {
            char text[64] = "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"";
            text[1 + before] = (char)c;
            size_t n = strlen("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"");
            const struct json *v = json_parse(&arena, (struct span){text, n}, NULL, NULL, NULL);
            bool good = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            assert_int_equal(v != NULL, good);
        }
        arena_reset(&arena);
    }
}

static void limits_hold_at_their_exact_value(void **state)
{
    (void)state;
    static const struct {
        struct json_limits limits;
        const char *good, *bad;
    } cases[] = {
        {{.bytes = 6}, "[1,2] ", "[1,2]  "},
        {{.depth = 2}, "[{}]", "[[[]]]"},
        {{.depth = 1}, "{\"a\":1}", "{\"a\":[]}"},
        {{.keys = 2}, "[{\"a\":1,\"b\":2},{\"c\":1,\"d\":2}]", "{\"a\":1,\"b\":2,\"c\":3}"},
        {{.string = 3}, "\"\\u0061bc\"", "\"abcd\""},
        {{.string = 3}, "[\"中\",\"\\u4e2d\"]", "\"中a\""},
        {{.string = 3}, "{\"abc\":1}", "{\"abcd\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        assert_non_null(json_parse(&arena, span_of(cases[i].good), &cases[i].limits, NULL, &e));
        assert_null(json_parse(&arena, span_of(cases[i].bad), &cases[i].limits, NULL, &e));
        assert_int_equal(e.code, ERR_LIMIT);
    }
}

static void the_default_limits_are_those_of_the_promise(void **state)
{
    (void)state;
    struct err e;
    char deep[80] = {0};
    memset(deep, '[', 32);
    memset(deep + 32, ']', 32);
    parse(deep);
    memset(deep, '[', 33);
    memset(deep + 33, ']', 33);
    assert_null(json_parse(&arena, span_of(deep), NULL, NULL, &e));
    assert_non_null(strstr(e.text, "32 层"));

    for (int keys = 256; keys <= 257; keys++) {
        struct buf b = {0};
        struct json_w w = json_w_begin(&b);
        json_w_object(&w);
        for (int i = 0; i < keys; i++) {
            char name[16];
            snprintf(name, sizeof name, "k%d", i);
            json_w_kint(&w, name, i);
        }
        json_w_object_end(&w);
        json_w_end(&w);
        assert_int_equal(json_parse(&arena, buf_view(&b), NULL, NULL, &e) != NULL, keys == 256);
        buf_free(&b);
    }

    size_t most = 64 * 1024;
    char *text = malloc(256 * 1024 + 1);
    memset(text, 'a', most + 3);
    text[0] = '"';
    text[most + 1] = '"';
    assert_non_null(json_parse(&arena, (struct span){text, most + 2}, NULL, NULL, &e));
    text[most + 1] = 'a';
    text[most + 2] = '"';
    assert_null(json_parse(&arena, (struct span){text, most + 3}, NULL, NULL, &e));

    memset(text, ' ', 256 * 1024 + 1);
    text[0] = '1';
    assert_non_null(json_parse(&arena, (struct span){text, 256 * 1024}, NULL, NULL, &e));
    assert_null(json_parse(&arena, (struct span){text, 256 * 1024 + 1}, NULL, NULL, &e));
    free(text);
}

static void a_scan_gives_the_members_one_by_one(void **state)
{
    (void)state;
    struct span text =
        SPAN(" {\"s\":\"plain\", \"e\":\"a\\tb\",\"i\":-5 ,\"r\":2.5,\"b\":true,\"n\":null,"
             "\"l\":[\"x\", \"y\"] ,\"o\":{\"k\":[]}}\r\n");
    struct json_scan s;
    struct json_value v;
    struct span name;
    struct err e = {0};
    assert_true(json_scan_open(&s, &arena, text, NULL, &e));
    assert_true(json_scan_next(&s, &name, &v, &e));
    assert_span(name, "s");
    assert_span(v.string, "plain");
    assert_true(v.string.p > text.p && v.string.p < text.p + text.n);
    assert_true(json_scan_next(&s, &name, &v, &e));
    assert_span(v.string, "a\tb");
    assert_true(json_scan_next(&s, &name, &v, &e));
    assert_true(v.type == JSON_INT && v.integer == -5 && v.real == -5.0);
    assert_true(json_scan_next(&s, &name, &v, &e));
    assert_true(v.type == JSON_REAL && v.real == 2.5);
    assert_true(json_scan_next(&s, &name, &v, &e));
    assert_true(v.type == JSON_BOOL && v.boolean);
    assert_true(json_scan_next(&s, &name, &v, &e));
    assert_int_equal(v.type, JSON_NULL);
    assert_true(json_scan_next(&s, &name, &v, &e));
    assert_int_equal(v.type, JSON_ARRAY);
    assert_span(v.raw, "[\"x\", \"y\"]");
    assert_true(json_scan_next(&s, &name, &v, &e));
    assert_span(name, "o");
    assert_span(v.raw, "{\"k\":[]}");
    assert_false(json_scan_next(&s, &name, &v, &e));
    assert_false(s.failed);
    assert_int_equal(s.at, text.n);
    assert_false(json_scan_next(&s, &name, &v, &e));
    assert_false(s.failed);
}

static bool scan_all(struct span text, const struct json_limits *limits, size_t *at,
                     struct err *e)
{
    struct json_scan s;
    struct json_value v;
    struct span name;
    if (json_scan_open(&s, &arena, text, limits, e)) {
        while (json_scan_next(&s, &name, &v, e))
            ;
    }
    *at = s.at;
    return !s.failed;
}

static void a_scan_refuses_what_is_no_object_or_no_json(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"", 0, "对象的 {"},
        {"[]", 0, "对象的 {"},
        {"{\"a\":1", 6, "逗号或 }"},
        {"{\"a\":1}{", 7, "多余的内容"},
        {"{\"a\":1,}", 7, "加引号的字段名"},
        {"{,}", 1, "加引号的字段名"},
        {"{\"a\":[1,{\"b\":1,\"b\":2}]}", 15, "重复的字段名“b”"},
        {"{\"a\":1,\"a\":2}", 7, "重复的字段名“a”"},
        {"{\"a\":[\"\\ud800\"]}", 7, "没有成对"},
        {"{\"a\":[01]}", 7, "不是合法的数字"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        size_t at;
        assert_false(scan_all(span_of(cases[i].text), NULL, &at, &e));
        assert_int_equal(at, cases[i].at);
        assert_non_null(strstr(e.text, cases[i].words));
    }
}

static void names_stay_unique_however_many_there_are(void **state)
{
    (void)state;
    struct json_limits limits = {.keys = 3000};
    for (int twice = -1; twice < 3000; twice += 601) {
        struct buf b = {0};
        buf_char(&b, '{');
        for (int i = 0; i < 3000; i++)
            buf_printf(&b, "%s\"a_rather_long_name_%d_of_a_field\":%d", i ? "," : "",
                       i == 2999 && twice >= 0 ? twice : i, i);
        buf_char(&b, '}');
        size_t at;
        struct err e = {0};
        bool good = twice < 0;
        assert_int_equal(scan_all(buf_view(&b), &limits, &at, &e), good);
        assert_int_equal(json_parse(&arena, buf_view(&b), &limits, &at, &e) != NULL, good);
        buf_free(&b);
        arena_reset(&arena);
    }
}

static void the_writer_sets_commas_and_escapes(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_str(&b, "x=");
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_kstr(&w, "s", "引\"\\\b\f\n\r\t\x01/\x7f");
    json_w_kspan(&w, "n",
                 SPAN("a\0b\xFF\xE4\xB8"
                      "c"));
    json_w_kstr(&w, "null", NULL);
    json_w_name(&w, "a");
    json_w_array(&w);
    json_w_int(&w, INT64_MIN);
    json_w_array(&w);
    json_w_array_end(&w);
    json_w_object(&w);
    json_w_object_end(&w);
    json_w_bool(&w, true);
    json_w_array_end(&w);
    json_w_kraw(&w, "raw", SPAN("[1]"));
    json_w_kraw(&w, "none", SPAN_NONE);
    json_w_kbool(&w, "f", false);
    json_w_object_end(&w);
    json_w_end(&w);
    assert_span(
        buf_view(&b),
        "x={\"s\":\"引\\\"\\\\\\b\\f\\n\\r\\t\\u0001/\x7f\",\"n\":\"a�b���c\",\"null\":null,"
        "\"a\":[-9223372036854775808,[],{},true],\"raw\":[1],\"none\":null,\"f\":false}");
    buf_free(&b);
}

static void reals_are_written_in_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        {6800000, "6800000"},
        {0, "0"},
        {-0.0, "-0.0"},
        {0.1, "0.1"},
        {-2.5, "-2.5"},
        {17.07, "17.07"},
        {1e-6, "0.000001"},
        {0.000012, "0.000012"},
        {1e-7, "1e-07"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e15, "1000000000000000"},
        {9007199254740991, "9007199254740991"},
        {1e300, "1e+300"},
        {-1234567.875, "-1234567.875"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {5e-324, "4.94065645841247e-324"},
        {(double)NAN, "null"},
        {(double)INFINITY, "null"},
        {-(double)INFINITY, "null"},
        {-3, "-3"},
        {99999999999999.99, "99999999999999.98"},
        {120.15, "120.15"},
        {30.2741, "30.2741"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        struct json_w w = json_w_begin(&b);
        json_w_real(&w, cases[i].v);
        json_w_end(&w);
        buf_char(&b, '\0');
        assert_string_equal(b.p, cases[i].text);
        buf_free(&b);
    }
}

static double random_double(void)
{
    uint64_t bits = unit_random();
    double v;
    switch (unit_below(4)) {
    case 0:
        return (double)(int64_t)(unit_random() >> unit_below(63)) / 100;
    case 1:
        return (double)unit_below(1000000) / (double)(1 + unit_below(1000000));
    case 2:
        return (double)(int64_t)bits;
    default:
        memcpy(&v, &bits, sizeof v);
        return v;
    }
}

static void every_real_written_reads_back_the_same(void **state)
{
    (void)state;
    unit_seed(__func__);
    for (int i = 0; i < 100000; i++) {
        double v = random_double(), back;
        struct buf b = {0};
        struct json_w w = json_w_begin(&b);
        json_w_real(&w, v);
        json_w_end(&w);
        const struct json *tree = json_parse(&arena, buf_view(&b), NULL, NULL, NULL);
        assert_non_null(tree);
        if (isfinite(v)) {
            assert_true(json_number(tree, &back));
            if (back != v)
                fail_msg("%a written as %.*s", v, SPAN_ARG(buf_view(&b)));
        } else {
            assert_true(json_is(tree, JSON_NULL));
        }
        buf_free(&b);
        arena_reset(&arena);
    }
}

static void close_unopened(void)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object_end(&w);
}

static void close_crosswise(void)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_array(&w);
    json_w_object_end(&w);
}

static void end_too_early(void)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_array(&w);
    json_w_end(&w);
}

static void value_without_name(void)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_int(&w, 1);
}

static void name_in_an_array(void)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_array(&w);
    json_w_name(&w, "a");
}

static void a_writer_used_wrongly_stops_the_process(void **state)
{
    (void)state;
    assert_true(unit_dies(close_unopened));
    assert_true(unit_dies(close_crosswise));
    assert_true(unit_dies(end_too_early));
    assert_true(unit_dies(value_without_name));
    assert_true(unit_dies(name_in_an_array));
}

/* ---- against jansson ---- */

static void put_space(struct buf *b)
{
    static const char space[] = " \t\n\r";
    while (unit_below(4) == 0)
        buf_char(b, space[unit_below(4)]);
}

static void put_random_string(struct buf *b)
{
    static const char *const parts[] = {
        "a",
        "type",
        "小河",
        "\\n",
        "\\u4e2d",
        "\\ud83d\\ude00",
        "é",
        "😀",
        "\\\"",
        "ent_id",
        "垃圾分类",
        "\\/",
        "0123456789",
        "\\u00E9",
        " ",
        "\xEF\xBF\xBF",
        "\x7f",
        "\\u0001",
        /* and what must be refused */
        "\\u0000",
        "\\ud800",
        "\x01",
        "\xC0\xAF",
        "\\x",
        "\xED\xA0\x80",
    };
    unsigned n = unit_below(8) == 0 ? 24 : 18;
    buf_char(b, '"');
    while (unit_below(3))
        buf_str(b, parts[unit_below(n)]);
    buf_char(b, '"');
}

static void put_random_value(struct buf *b, int depth);

static void put_random_container(struct buf *b, int depth, bool object)
{
    unsigned n = unit_below(5);
    buf_char(b, object ? '{' : '[');
    for (unsigned i = 0; i < n; i++) {
        put_space(b);
        if (i)
            buf_char(b, ',');
        put_space(b);
        if (object) {
            put_random_string(b);
            put_space(b);
            buf_char(b, ':');
            put_space(b);
        }
        put_random_value(b, depth - 1);
    }
    put_space(b);
    buf_char(b, object ? '}' : ']');
}

static void put_random_value(struct buf *b, int depth)
{
    static const char *const words[] = {"true",
                                        "false",
                                        "null",
                                        "0",
                                        "-0",
                                        "1",
                                        "-1",
                                        "0.0",
                                        "1e5",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "1E+2",
                                        "9223372036854775808",
                                        "1e400",
                                        "1e-400",
                                        "12345678901234567890.5"};
    switch (unit_below(depth > 0 ? 7 : 5)) {
    case 0:
        put_random_string(b);
        return;
    case 1:
        buf_str(b, words[unit_below(unit_below(10) ? 12 : 16)]);
        return;
    case 2:
        buf_printf(b, "%lld", (long long)(unit_random() >> unit_below(64)));
        return;
    case 3:
        buf_printf(b, "%.*g", 1 + (int)unit_below(20),
                   (double)(int64_t)unit_random() / 1000003.0);
        return;
    case 4:
        buf_printf(b, "%d.%02u", (int)unit_below(2000) - 1000, unit_below(100));
        return;
    default:
        put_random_container(b, depth, unit_below(2));
    }
}

static void mutate(struct buf *b)
{
    static const char alphabet[] = "{}[],:\"\\0123456789.eE+-truefalsn \n\x80\xE4";
    unsigned times = unit_below(4);
    for (unsigned i = 0; i < times && b->n; i++) {
        size_t at = unit_below((unsigned)b->n);
        size_t n = 1 + unit_below(6);
        if (n > b->n - at)
            n = b->n - at;
        switch (unit_below(4)) {
        case 0: /* another byte */
            b->p[at] = alphabet[unit_below(sizeof alphabet - 1)];
            break;
        case 1: /* some bytes less */
            memmove(b->p + at, b->p + at + n, b->n - at - n);
            b->n -= n;
            break;
        case 2: /* some bytes twice */
            buf_space(b, n);
            memmove(b->p + at + n, b->p + at, b->n - at);
            b->n += n;
            break;
        default: /* the end is missing */
            b->n = at;
        }
    }
}

static bool same_value(const struct json *ours, json_t *theirs)
{
    switch (json_typeof(theirs)) {
    case JANSSON_NULL:
        return ours->type == JSON_NULL;
    case JANSSON_TRUE:
    case JANSSON_FALSE:
        return ours->type == JSON_BOOL &&
               ours->boolean == (json_typeof(theirs) == JANSSON_TRUE);
    case JANSSON_INTEGER:
        return ours->type == JSON_INT && ours->integer == json_integer_value(theirs);
    case JANSSON_REAL: {
        double d = json_real_value(theirs);
        return ours->type == JSON_REAL && memcmp(&ours->real, &d, sizeof d) == 0;
    }
    case JANSSON_STRING:
        return ours->type == JSON_STRING &&
               span_eq(ours->string,
                       (struct span){json_string_value(theirs), json_string_length(theirs)});
    case JANSSON_ARRAY:
        if (ours->type != JSON_ARRAY || ours->count != json_array_size(theirs))
            return false;
        for (size_t i = 0; i < ours->count; i++) {
            if (!same_value(&ours->items[i], json_array_get(theirs, i)))
                return false;
        }
        return true;
    case JANSSON_OBJECT:
        if (ours->type != JSON_OBJECT || ours->count != json_object_size(theirs))
            return false;
        for (size_t i = 0; i < ours->count; i++) {
            json_t *member = json_object_get(theirs, ours->names[i].p);
            if (!member || !same_value(&ours->items[i], member))
                return false;
        }
        return true;
    }
    return false;
}

/* A double without a fraction is written as an integer; the rest must come back alike. */
static bool has_whole_real(const struct json *v)
{
    if (v->type == JSON_REAL)
        return fabs(v->real) >= 0x1p53 || v->real == (double)(int64_t)v->real;
    for (size_t i = 0; i < json_count(v); i++) {
        if (has_whole_real(json_item(v, i)))
            return true;
    }
    return false;
}

static void written_reads_back_with_jansson(const struct json *ours)
{
    struct buf b = {0};
    json_error_t error;
    struct json_w w = json_w_begin(&b);
    json_w_value(&w, ours);
    json_w_end(&w);
    json_t *theirs = json_loadb(b.p, b.n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (!theirs || (!has_whole_real(ours) && !same_value(ours, theirs)))
        fail_msg("written: %.*s\n  %s", SPAN_ARG(buf_view(&b)), theirs ? "" : error.text);
    json_decref(theirs);
    buf_free(&b);
}

static void both_readers_agree(struct span text, long *accepted)
{
    struct err e = {0};
    json_error_t error;
    json_t *theirs = json_loadb(text.n ? text.p : "", text.n,
                                JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    const struct json *ours = json_parse(&arena, text, NULL, NULL, &e);
    bool agree = ours ? theirs && same_value(ours, theirs) : !theirs || e.code == ERR_LIMIT;
    if (!agree)
        fail_msg("%.*s\n  ours: %s %s\n  theirs: %s %s", SPAN_ARG(text),
                 ours ? "accepted" : "refused", e.text, theirs ? "accepted" : "refused",
                 theirs ? "" : error.text);
    if (ours)
        written_reads_back_with_jansson(ours);
    *accepted += ours != NULL;
    json_decref(theirs);

    size_t at;
    bool scanned = scan_all(text, NULL, &at, &e);
    assert_int_equal(scanned, ours && ours->type == JSON_OBJECT);
    arena_reset(&arena);
}

static void random_texts_are_judged_as_jansson_judges_them(void **state)
{
    (void)state;
    unit_seed(__func__);
    long accepted = 0, total = 60000;
    for (long i = 0; i < total; i++) {
        struct buf b = {0};
        put_space(&b);
        put_random_container(&b, 4, unit_below(3) > 0);
        if (unit_below(2))
            mutate(&b);
        /* an exact copy, so that a read past the end is seen by the sanitizer */
        char *text = malloc(b.n ? b.n : 1);
        memcpy(text, b.n ? b.p : "", b.n);
        both_readers_agree((struct span){text, b.n}, &accepted);
        free(text);
        buf_free(&b);
    }
    printf("%ld of %ld texts were JSON\n", accepted, total);
    assert_true(accepted > total / 5 && accepted < total * 9 / 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, free_arena)
    const struct CMUnitTest tests[] = {
        TEST(every_type_is_read_with_its_value),
        TEST(chains_over_what_is_not_there_give_nothing),
        TEST(strings_outlive_the_text_and_end_in_nul),
        TEST(escapes_become_the_characters_they_stand_for),
        TEST(a_number_beyond_int64_is_refused_rather_than_rounded),
        TEST(reals_are_read_to_the_nearest_double),
        TEST(numbers_of_another_grammar_are_refused),
        TEST(a_repeated_name_is_refused_at_its_place),
        TEST(broken_structure_is_refused_with_what_was_wanted),
        TEST(strings_that_are_not_clean_utf8_are_refused),
        TEST(every_byte_is_judged_alike_at_every_offset),
        TEST(limits_hold_at_their_exact_value),
        TEST(the_default_limits_are_those_of_the_promise),
        TEST(a_scan_gives_the_members_one_by_one),
        TEST(a_scan_refuses_what_is_no_object_or_no_json),
        TEST(names_stay_unique_however_many_there_are),
        TEST(the_writer_sets_commas_and_escapes),
        TEST(reals_are_written_in_their_shortest_form),
        TEST(every_real_written_reads_back_the_same),
        TEST(a_writer_used_wrongly_stops_the_process),
        TEST(random_texts_are_judged_as_jansson_judges_them),
    };
    return unit_run(tests);
}
