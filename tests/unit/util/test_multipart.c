#include "unit.h"

#include "util/buf.h"
#include "util/multipart.h"

static struct multipart_part parts[MULTIPART_PARTS_MAX];

static size_t split(const char *body, struct err *e)
{
    *e = (struct err){0};
    return multipart_split(span_of(body), SPAN("b"), parts, e);
}

static void boundaries_are_read_as_the_rfc_has_them(void **state)
{
    (void)state;
    assert_span(multipart_boundary(SPAN("multipart/form-data; boundary=abc")), "abc");
    assert_span(multipart_boundary(SPAN("Multipart/Mixed;charset=x; Boundary=\"a b:c\"; x=y")),
                "a b:c");
    static const char *const none[] = {
        "",
        "text/xml; boundary=a",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=a\tb",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; "
        "boundary=1234567890123456789012345678901234567890123456789012345678"
        "9012345678901"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(multipart_boundary(span_of(none[i])).p);
}

static void parts_come_out_as_they_were_put_in(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(
        split("preamble\r\n--b\r\nContent-Disposition: form-data; name=\"alarm\"; "
              "filename=\"a;b.xml\"\r\nContent-Type: application/xml; "
              "charset=\"UTF-8\"\r\n\r\n<a/>\r\n--b  \r\n\r\n\r\n--b-x\r\n--b--end",
              &e),
        0); /* "--b-x" stands where a boundary does, and is none */
    assert_int_equal(
        split("preamble\r\n--b\r\nContent-Disposition: form-data; name=\"alarm\"; "
              "filename=\"a;b.xml\"\r\nContent-Type: application/xml; "
              "charset=\"UTF-8\"\r\n\r\n<a/>\r\n--b  \r\nX: y\r\n\r\n--b inside\r\n"
              "--b--\r\nepilogue",
              &e),
        0); /* the same at the start of a part */
    assert_int_equal(split("preamble\r\n--b\r\nContent-Disposition: form-data; name=\"alarm\"; "
                           "filename=\"a;b.xml\"\r\nContent-Type: application/xml; "
                           "charset=\"UTF-8\"\r\n\r\n<a/>\r\n--b  \r\nX: y\r\n\r\n -- b\r\n\r\n"
                           "--b--\r\nepilogue",
                           &e),
                     2);
    assert_span(parts[0].name, "alarm");
    assert_span(parts[0].filename, "a;b.xml");
    assert_span(parts[0].type, "application/xml");
    assert_span(parts[0].body, "<a/>");
    assert_null(parts[1].type.p);
    assert_span(parts[1].body, " -- b\r\n");
}

static void what_is_cut_off_or_unclear_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "--b\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n--b--";
    static const char *const bad[] = {
        "",
        "--b",
        "--b--",
        "--b\r\n\r\n--b--",
        "--b\n\nx\n--b--",
        "--b\r\nno colon\r\n\r\nx\r\n--b--",
        "--b\r\n: x\r\n\r\nx\r\n--b--",
        "--b\r\nX: \xFF\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--",
        "--b\r\nX: y\r\nx\r\n--b--"};
    struct err e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(split(bad[i], &e), 0);
        assert_int_equal(e.code, ERR_INPUT);
    }
    assert_int_equal(split(whole, &e), 1);
    for (size_t n = 0; n < sizeof whole - 1; n++)
        assert_int_equal(multipart_split((struct span){whole, n}, SPAN("b"), parts, &e), 0);
}

static void parts_and_headers_are_bounded(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct buf b = {0};
        struct err e = {0};
        for (int i = 0; i < MULTIPART_PARTS_MAX + over; i++)
            buf_str(&b, "--b\r\nX: y\r\n\r\nx\r\n");
        buf_str(&b, "--b--");
        size_t n = multipart_split(buf_view(&b), SPAN("b"), parts, &e);
        assert_int_equal(n, over ? 0 : MULTIPART_PARTS_MAX);
        buf_clear(&b);
        buf_str(&b, "--b\r\n");
        for (int i = 0; i < MULTIPART_HEADERS_MAX + over; i++)
            buf_str(&b, "X: y\r\n");
        buf_str(&b, "\r\nx\r\n--b--");
        n = multipart_split(buf_view(&b), SPAN("b"), parts, &e);
        assert_int_equal(n, over ? 0 : 1);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries_are_read_as_the_rfc_has_them),
        cmocka_unit_test(parts_come_out_as_they_were_put_in),
        cmocka_unit_test(what_is_cut_off_or_unclear_is_refused),
        cmocka_unit_test(parts_and_headers_are_bounded),
    };
    return unit_run(tests);
}
