#include "unit.h"

#include "domain/key.h"
#include "store/store.h"

static const char *text_of(struct span key)
{
    static char out[600];
    struct buf b = {0};
    key_put_text(&b, key);
    memcpy(out, b.n ? b.p : "", b.n);
    out[b.n] = '\0';
    buf_free(&b);
    return out;
}

static void parts_are_joined_and_split(void **state)
{
    (void)state;
    struct arena a = {0};
    struct span parts[4];
    struct span key = key_of2(&a, SPAN("E1"), SPAN("2020-06"), NULL);
    assert_span(key, "E1\0"
                     "2020-06\0");
    assert_int_equal(key_split(key, parts, 4), 2);
    assert_span(parts[0], "E1");
    assert_span(parts[1], "2020-06");
    assert_int_equal(key_split(key, parts, 1), 1);
    assert_string_equal(text_of(key), "E1|2020-06");
    assert_int_equal(key_split(SPAN_NONE, parts, 4), 0);
    arena_free(&a);
}

static void nul_and_length_are_refused(void **state)
{
    (void)state;
    struct arena a = {0};
    struct err e = {0};
    char text[STORE_KEY_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_null(key_of1(&a, (struct span){"a\0b", 3}, &e).p);
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(key_of1(&a, (struct span){text, STORE_KEY_MAX - 1}, &e).p);
    assert_null(key_of1(&a, (struct span){text, STORE_KEY_MAX}, &e).p);
    assert_null(key_of2(&a, (struct span){text, STORE_KEY_MAX - 2}, SPAN("x"), &e).p);
    arena_free(&a);
}

static void text_becomes_the_key_again(void **state)
{
    (void)state;
    struct arena a = {0};
    struct err e = {0};
    assert_span(key_from_text(&a, SPAN("E1|2020-06"), 2, &e), "E1\0"
                                                              "2020-06\0");
    assert_span(key_from_text(&a, SPAN("a|b|c"), 2, &e), "a\0b|c\0");
    assert_span(key_from_text(&a, SPAN("a|b"), 1, &e), "a|b\0");
    assert_null(key_from_text(&a, SPAN("E1"), 2, &e).p);
    assert_int_equal(e.code, ERR_INPUT);
    assert_null(key_from_text(&a, SPAN("E1"), 0, &e).p);
    assert_null(key_from_text(&a, SPAN("E1"), 99, &e).p);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_joined_and_split),
        cmocka_unit_test(nul_and_length_are_refused),
        cmocka_unit_test(text_becomes_the_key_again),
    };
    return unit_run(tests);
}
