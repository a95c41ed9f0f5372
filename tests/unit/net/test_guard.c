#include "unit.h"

#include "net/guard.h"

/* A request that is let through, to be spoilt in one place each. */
static const struct guard_head good = {
    .method = GUARD_POST,
    .path = {"/api/v1/session", 15},
    .version = {"HTTP/1.1", 8},
    .host = {"a", 1},
    .content_length = {"12", 2},
    .host_fragments = 1,
    .length_fragments = 1,
};

static struct guard_verdict with_length(const char *text, int fragments)
{
    struct guard_head h = good;
    h.content_length = span_of(text);
    h.length_fragments = fragments;
    return guard_check(&h);
}

static void a_plain_request_passes(void **state)
{
    (void)state;
    struct guard_verdict v = guard_check(&good);
    assert_int_equal(v.status, 0);
    assert_int_equal(v.content_length, 12);
    struct guard_head get = {.method = GUARD_GET,
                             .path = {"/", 1},
                             .version = {"HTTP/1.0", 8},
                             .host = {"a:1", 3},
                             .host_fragments = 1};
    v = guard_check(&get);
    assert_int_equal(v.status, 0);
    assert_int_equal(v.content_length, -1);
}

static void lengths_are_one_to_ten_digits_and_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"-1",
                                      "+3",
                                      "3abc",
                                      "3, 3",
                                      "3,  30",
                                      " 3",
                                      "3 ",
                                      "0x10",
                                      "1e3",
                                      "12345678901",
                                      "12345678901234567890123",
                                      "\xef\xbc\x93"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(guard_length(span_of(bad[i])), -1);
        assert_int_equal(with_length(bad[i], 1).status, 400);
    }
    assert_int_equal(guard_length(SPAN("0")), 0);
    assert_int_equal(guard_length(SPAN("0000000012")), 12);
    assert_int_equal(guard_length(SPAN("9999999999")), 9999999999);
    assert_int_equal(guard_length(SPAN("")), -1);
    assert_int_equal(with_length("12", 2).status, 400); /* twice the same is two as well */
    assert_int_equal(with_length("", 0).status, 411);
    assert_int_equal(with_length("", 1).status, 400);
}

static void each_single_fault_is_refused(void **state)
{
    (void)state;
    struct guard_head h = good;
    static const char *const versions[] = {"",         "HTTP/1.2", "HTTP/2.0",
                                           "HTTP/9.9", "http/1.1", "HTTP/1.1 "};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        h.version = span_of(versions[i]);
        assert_int_equal(guard_check(&h).status, 400);
    }
    h = good, h.transfer_encoding = SPAN("identity");
    assert_int_equal(guard_check(&h).status, 411);
    h = good, h.host_fragments = 2;
    assert_int_equal(guard_check(&h).status, 400);
    h = good, h.host_fragments = 0, h.host = SPAN_NONE;
    assert_int_equal(guard_check(&h).status, 400);
    h = good, h.host = SPAN("a\tb");
    assert_int_equal(guard_check(&h).status, 400);
    h = good, h.cookie_fragments = 2;
    assert_int_equal(guard_check(&h).status, 400);
    h = good, h.authorization_fragments = 2;
    assert_int_equal(guard_check(&h).status, 400);
    h = good, h.method = GUARD_OTHER;
    assert_int_equal(guard_check(&h).status, 405);
    h = good, h.method = GUARD_GET;
    assert_int_equal(guard_check(&h).status, 400);
    h.method = GUARD_DELETE;
    assert_int_equal(guard_check(&h).status, 400);
    h.content_length = SPAN("0");
    assert_int_equal(guard_check(&h).status, 0);
}

static void paths_are_text_without_controls(void **state)
{
    (void)state;
    static char longest[2050];
    struct guard_head h = good;
    const struct span bad[] = {SPAN(""),        SPAN("x"),         SPAN("/\n"),
                               SPAN("/a\r\nb"), SPAN("/\0"),       SPAN("/\x7f"),
                               SPAN("/\xff"),   SPAN("/\xc0\xaf"), SPAN("*")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        h.path = bad[i];
        assert_int_equal(guard_check(&h).status, 400);
    }
    memset(longest, '/', sizeof longest);
    h.path = (struct span){longest, 2048};
    assert_int_equal(guard_check(&h).status, 0);
    h.path.n = 2049;
    assert_int_equal(guard_check(&h).status, 400);
    h.path = SPAN("/记录");
    assert_int_equal(guard_check(&h).status, 0);
}

static void an_origin_is_ours_or_it_is_not(void **state)
{
    (void)state;
    struct span host = SPAN("a.example:8080");
    assert_true(guard_origin(SPAN("http://a.example:8080"), host, false));
    assert_true(guard_origin(SPAN("http://A.Example:8080"), host, false));
    assert_true(guard_origin(SPAN("https://a.example:8080"), host, true));
    static const char *const foreign[] = {"",
                                          "null",
                                          "http://",
                                          "https://a.example:8080",
                                          "http://a.example",
                                          "http://a.example:80801",
                                          "http://a.example:8080/",
                                          "http://b.a.example:8080",
                                          "http://a.example:8080.evil",
                                          "a.example:8080",
                                          "HTTP://a.example:8080",
                                          "http://a.example:8080 http://a.example:8080",
                                          " http://a.example:8080"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_false(guard_origin(span_of(foreign[i]), host, false));
    assert_false(guard_origin(SPAN("http://"), SPAN_NONE, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_passes),
        cmocka_unit_test(lengths_are_one_to_ten_digits_and_nothing_else),
        cmocka_unit_test(each_single_fault_is_refused),
        cmocka_unit_test(paths_are_text_without_controls),
        cmocka_unit_test(an_origin_is_ours_or_it_is_not),
    };
    return unit_run(tests);
}
