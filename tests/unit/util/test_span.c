#include <math.h>

#include "unit.h"
#include "util/err.h"
#include "util/span.h"

static void splitting_gives_every_part_also_empty_ones(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *parts[5];
    } cases[] = {
        {"a|b|c", {"a", "b", "c"}}, {"|", {"", ""}}, {"a|", {"a", ""}}, {"", {""}},
        {"||x", {"", "", "x"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span rest = span_of(cases[i].text);
        size_t k = 0;
        while (rest.p) {
            struct span part = span_split(&rest, '|');
            assert_non_null(cases[i].parts[k]);
            assert_true(span_eq(part, span_of(cases[i].parts[k])));
            k++;
        }
        assert_null(cases[i].parts[k]);
    }
}

static void comparing_is_bytewise_and_shorter_comes_first(void **state)
{
    (void)state;
    assert_true(span_cmp(SPAN("a"), SPAN("ab")) < 0);
    assert_true(span_cmp(SPAN("b"), SPAN("ab")) > 0);
    assert_true(span_cmp(SPAN("\x7f"), SPAN("\x80")) < 0);
    assert_true(span_cmp(SPAN("a\0a"), SPAN("a\0b")) < 0);
    assert_int_equal(span_cmp(SPAN_NONE, SPAN("")), 0);
    assert_true(span_eq(SPAN_NONE, SPAN("")));
    assert_false(span_eq(SPAN("a"), SPAN("b")));
    assert_true(span_starts(SPAN("letter|1"), SPAN("letter|")));
    assert_true(span_starts(SPAN("x"), SPAN_NONE));
    assert_false(span_starts(SPAN("let"), SPAN("letter")));
    assert_null(span_of(NULL).p);
}

static void trimming_takes_ascii_space_only(void **state)
{
    (void)state;
    assert_span(span_trim(SPAN(" \t\r\n小河 桥\v\f ")), "小河 桥");
    assert_span(span_trim(SPAN("   ")), "");
    assert_span(span_trim(SPAN_NONE), "");
    assert_span(span_trim(SPAN("\xE3\x80\x80x")), "\xE3\x80\x80x");
}

static void integers_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t v;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x1", false, 0},
        {"１", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t v = 42;
        assert_int_equal(span_int(span_of(cases[i].text), &v), cases[i].good);
        assert_true(v == (cases[i].good ? cases[i].v : 42));
    }
}

static void every_int64_reads_back(void **state)
{
    (void)state;
    unit_seed(__func__);
    for (int i = 0; i < 20000; i++) {
        int64_t v = (int64_t)unit_random() >> unit_below(64), back;
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)v);
        assert_true(span_int(span_of(text), &back) && back == v);
    }
}

static void numbers_follow_the_json_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        double v;
    } cases[] = {
        {"0", true, 0},      {"-1.5e2", true, -150}, {"8200000", true, 8200000},
        {"0.1", true, 0.1},  {"1e-400", true, 0},    {"18446744073709551616", true, 0x1p64},
        {"1e400", false, 0}, {"01", false, 0},       {"1.", false, 0},
        {".5", false, 0},    {"1 ", false, 0},       {"", false, 0},
        {"inf", false, 0},   {"nan", false, 0},      {"1,000", false, 0},
        {"0x10", false, 0},  {"1e", false, 0},       {"--1", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double v = 42;
        assert_int_equal(span_number(span_of(cases[i].text), &v), cases[i].good);
        assert_true(v == (cases[i].good ? cases[i].v : 42));
    }
}

static void random_decimals_read_as_strtod_reads_them(void **state)
{
    (void)state;
    unit_seed(__func__);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        int digits = 1 + (int)unit_below(19);
        double v, wanted;
        switch (unit_below(3)) {
        case 0:
            snprintf(text, sizeof text, "%lld.%0*u",
                     (long long)(unit_random() >> unit_below(60) >> 1), 1 + (int)unit_below(8),
                     unit_below(100000));
            break;
        case 1:
            snprintf(text, sizeof text, "-%llde%d",
                     (long long)(unit_random() >> unit_below(60) >> 1),
                     (int)unit_below(60) - 30);
            break;
        default:
            snprintf(text, sizeof text, "%.*e", digits, (double)(int64_t)unit_random() / 7.0);
        }
        wanted = strtod(text, NULL);
        assert_true(span_number(span_of(text), &v));
        if (memcmp(&v, &wanted, sizeof v) != 0)
            fail_msg("%s read as %a, wanted %a", text, v, wanted);
    }
}

static const struct {
    const char *text;
    bool good;
} utf8_cases[] = {
    {"", true},
    {"plain ascii longer than a word", true},
    {"小河直街 é 😀", true},
    {"\xEF\xBF\xBF\xF4\x8F\xBF\xBF", true},
    {"\x80", false},
    {"1234567\xFF"
     "9",
     false},
    {"\xC0\x80", false},
    {"\xC1\xBF", false},
    {"\xE0\x9F\xBF", false},
    {"\xED\xA0\x80", false},
    {"\xED\xBF\xBF", false},
    {"\xF0\x8F\xBF\xBF", false},
    {"\xF4\x90\x80\x80", false},
    {"\xF5\x80\x80\x80", false},
    {"\xE4\xB8", false},
    {"\xE4\xB8\x41", false},
    {"\xC3", false},
    {"\xF0\x9F\x98", false},
};

static void only_strict_utf8_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof utf8_cases / sizeof *utf8_cases; i++)
        assert_int_equal(span_is_utf8(span_of(utf8_cases[i].text)), utf8_cases[i].good);
    assert_true(span_is_utf8(SPAN_NONE));
}

/* The plain definition: decode by the bits, then look at the range. */
static bool utf8_by_the_book(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned c = p[i++];
        unsigned more = c < 0x80       ? 0
                        : c >> 5 == 6  ? 1
                        : c >> 4 == 14 ? 2
                        : c >> 3 == 30 ? 3
                                       : 9;
        if (more == 9 || i + more > n)
            return false;
        uint32_t cp = more == 0 ? c : c & (0x3FU >> more);
        for (unsigned k = 0; k < more; k++, i++) {
            if (p[i] >> 6 != 2)
                return false;
            cp = cp << 6 | (p[i] & 0x3FU);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (cp < least[more] || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000))
            return false;
    }
    return true;
}

static void random_bytes_are_judged_by_the_book(void **state)
{
    (void)state;
    static const unsigned char likely[] = {0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                                           0xBF, 0xC2, 0xE0, 0xE4, 0xED, 0xEF,
                                           0xF0, 0xF4, 0xC1, 0xF5, 0x00, 0x7F};
    long good = 0;
    unit_seed(__func__);
    for (int i = 0; i < 300000; i++) {
        unsigned char text[24];
        size_t n = unit_below(7) + (unit_below(4) == 0 ? 16 : 0);
        for (size_t k = 0; k < n; k++)
            text[k] = k < 15 && n > 15 ? 'a' : likely[unit_below(sizeof likely)];
        bool wanted = utf8_by_the_book(text, n);
        assert_int_equal(span_is_utf8((struct span){(char *)text, n}), wanted);
        good += wanted;
    }
    assert_true(good > 10000);
}

static void a_cut_never_splits_a_character(void **state)
{
    (void)state;
    struct span s = SPAN("a小é😀b");
    static const size_t wanted[] = {0, 1, 1, 1, 4, 4, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < sizeof wanted / sizeof *wanted; max++) {
        assert_int_equal(span_cut_utf8(s, max), wanted[max]);
        assert_true(span_is_utf8((struct span){s.p, wanted[max]}));
    }
    assert_int_equal(span_cut_utf8(SPAN("\x80\x80\x80\x80\x80\x80"), 5), 5);
    assert_int_equal(span_cut_utf8(SPAN_NONE, 5), 0);
}

static void controls_and_marks_that_mislead_are_found(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a\nb",
        "\t",
        "\x7f",
        "\xC2\x85",
        "\xE2\x80\xAE b",
        "\xE2\x81\xA6",
        "\xE2\x80\x8B",
        "\xE2\x80\x8F",
        "\xEF\xBB\xBF",
        "\xE2\x80\xA8",
        "\xD8\x9C",
        "\xFF",
        "\xF3\xA0\x80\x81",
        "\x1b[31m",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(span_has_control(span_of(bad[i])));
    assert_true(span_has_control(SPAN("a\0b")));
    assert_false(span_has_control(SPAN("娑婆桥社区 3 幢，“老旧小区”— é 😀\xC2\xA0")));
    assert_false(span_has_control(SPAN_NONE));
}

static void an_error_text_is_cut_at_a_whole_character(void **state)
{
    (void)state;
    for (int pad = 200; pad < 260; pad++) {
        struct err e = {0};
        assert_false(err_set(&e, ERR_INPUT, "%0*d娑婆桥社区", pad, 1));
        assert_true(strlen(e.text) < sizeof e.text);
        assert_true(span_is_utf8(span_of(e.text)));
        assert_true(strlen(e.text) >= (pad < 237 ? (size_t)pad : 237));
    }
}

static void an_error_may_wrap_its_own_text(void **state)
{
    (void)state;
    struct err e = {0};
    err_set(&e, ERR_STORE, "disk full");
    err_set(&e, ERR_SYSTEM, "while saving: %s", e.text);
    assert_string_equal(e.text, "while saving: disk full");
    static const char *const names[] = {"none",  "input",  "denied", "missing", "conflict",
                                        "limit", "script", "store",  "system"};
    for (int code = ERR_NONE; code <= ERR_SYSTEM; code++)
        assert_string_equal(err_code_name((enum err_code)code), names[code]);
    assert_string_equal(err_code_name(e.code), "system");
    assert_false(err_set(NULL, ERR_INPUT, "nobody asked"));
}

static void break_an_invariant(void)
{
    int one = 1;
    must(one == 2);
}

static void a_broken_invariant_stops_the_process(void **state)
{
    (void)state;
    must(1 == 1);
    assert_true(unit_dies(break_an_invariant));
}

static void distance_counts_slips_of_the_pen(void **state)
{
    (void)state;
    static char far[66];
    memset(far, 'x', sizeof far);
    assert_int_equal(span_distance(SPAN("ent_id"), SPAN("ent_id")), 0);
    assert_int_equal(span_distance(SPAN("ent_di"), SPAN("ent_id")), 2);
    assert_int_equal(span_distance(SPAN("entid"), SPAN("ent_id")), 1);
    assert_int_equal(span_distance(SPAN("kitten"), SPAN("sitting")), 3);
    assert_int_equal(span_distance(SPAN_NONE, SPAN("abc")), 3);
    assert_true(span_distance((struct span){far, 65}, SPAN("x")) == SIZE_MAX);
    assert_int_equal(span_distance((struct span){far, 64}, (struct span){far, 63}), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_slips_of_the_pen),
        cmocka_unit_test(splitting_gives_every_part_also_empty_ones),
        cmocka_unit_test(comparing_is_bytewise_and_shorter_comes_first),
        cmocka_unit_test(trimming_takes_ascii_space_only),
        cmocka_unit_test(integers_are_read_whole_or_not_at_all),
        cmocka_unit_test(every_int64_reads_back),
        cmocka_unit_test(numbers_follow_the_json_grammar),
        cmocka_unit_test(random_decimals_read_as_strtod_reads_them),
        cmocka_unit_test(only_strict_utf8_passes),
        cmocka_unit_test(random_bytes_are_judged_by_the_book),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(controls_and_marks_that_mislead_are_found),
        cmocka_unit_test(an_error_text_is_cut_at_a_whole_character),
        cmocka_unit_test(an_error_may_wrap_its_own_text),
        cmocka_unit_test(a_broken_invariant_stops_the_process),
    };
    return unit_run(tests);
}
