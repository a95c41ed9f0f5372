#include "unit.h"

#include "util/buf.h"
#include "util/xml.h"

static const struct json *parse(struct arena *a, const char *text, struct err *e)
{
    *e = (struct err){0};
    return xml_parse(a, span_of(text), e);
}

static const struct json *child(const struct json *v, size_t i)
{
    return json_item(json_get(v, "children"), i);
}

static void elements_become_plain_values(void **state)
{
    (void)state;
    struct arena a = {0};
    struct err e;
    const struct json *v = parse(
        &a,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<n:event n:v=\"2\" b='&lt;&#x4e2d;'>\n"
        " <id> A&amp;1 </id><id><![CDATA[<b>]]></id><empty/>\n</n:event>",
        &e);
    assert_non_null(v);
    assert_span(json_string(json_get(v, "name")), "event");
    assert_span(json_string(json_get(v, "text")), "");
    assert_span(json_string(json_get(json_get(v, "attributes"), "v")), "2");
    assert_span(json_string(json_get(json_get(v, "attributes"), "b")), "<中");
    assert_int_equal(json_count(json_get(v, "children")), 3);
    assert_span(json_string(json_get(child(v, 0), "text")), "A&1");
    assert_span(json_string(json_get(child(v, 1), "text")), "<b>");
    assert_span(json_string(json_get(child(v, 2), "name")), "empty");
    arena_free(&a);
}

static void other_encodings_become_utf8(void **state)
{
    (void)state;
    struct arena a = {0};
    struct err e;
    const struct json *v =
        parse(&a, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xE9</a>", &e);
    assert_span(json_string(json_get(v, "text")), "é");
    assert_null(parse(&a, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>\xE9</a>", &e));
    assert_null(parse(&a, "<?xml version=\"1.0\" encoding=\"GBK\"?><a>\xD6\xD0</a>", &e));
    assert_int_equal(e.code, ERR_INPUT);
    arena_free(&a);
}

static void what_is_no_xml_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "text",       "<a>", "<a></b>",     "<a/><b/>",        "<a b>",
        "<a b=1/>", "<a>&x;</a>", "<a",  "<a>\x01</a>", "<a b='1' b='2'/>"};
    struct arena a = {0};
    struct err e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(parse(&a, bad[i], &e));
        assert_int_equal(e.code, ERR_INPUT);
        assert_non_null(strstr(e.text, "行"));
    }
    arena_free(&a);
}

static void a_doctype_is_refused_whatever_it_says(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<!DOCTYPE a><a/>", "<!DOCTYPE a SYSTEM 'http://127.0.0.1/x'><a/>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"};
    struct arena a = {0};
    struct err e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(parse(&a, bad[i], &e));
        assert_non_null(strstr(e.text, "DOCTYPE"));
    }
    arena_free(&a);
}

static const struct json *nested(struct arena *a, int depth, struct err *e)
{
    struct buf b = {0};
    for (int i = 0; i < depth; i++)
        buf_str(&b, "<a>");
    for (int i = 0; i < depth; i++)
        buf_str(&b, "</a>");
    const struct json *v = xml_parse(a, buf_view(&b), e);
    buf_free(&b);
    return v;
}

static const struct json *wide(struct arena *a, int children, int attributes, struct err *e)
{
    struct buf b = {0};
    buf_str(&b, "<r");
    for (int i = 0; i < attributes; i++)
        buf_printf(&b, " a%d=''", i);
    buf_str(&b, ">");
    for (int i = 0; i < children; i++)
        buf_str(&b, "<a/>");
    buf_str(&b, "</r>");
    const struct json *v = xml_parse(a, buf_view(&b), e);
    buf_free(&b);
    return v;
}

static void depth_width_attributes_and_size_are_bounded(void **state)
{
    (void)state;
    struct arena a = {0};
    struct err e = {0};
    assert_non_null(nested(&a, XML_DEPTH_MAX, &e));
    assert_null(nested(&a, XML_DEPTH_MAX + 1, &e));
    assert_int_equal(e.code, ERR_LIMIT);
    assert_non_null(wide(&a, XML_ELEMENTS_MAX - 1, 0, &e));
    assert_null(wide(&a, XML_ELEMENTS_MAX, 0, &e));
    assert_non_null(wide(&a, 0, XML_ATTRIBUTES_MAX, &e));
    assert_null(wide(&a, 0, XML_ATTRIBUTES_MAX + 1, &e));
    assert_int_equal(e.code, ERR_LIMIT);
    struct buf b = {0};
    memset(buf_space(&b, XML_BYTES_MAX + 1), ' ', XML_BYTES_MAX + 1);
    memcpy(b.p, "<a/>", 4);
    assert_non_null(xml_parse(&a, (struct span){b.p, XML_BYTES_MAX}, &e));
    assert_null(xml_parse(&a, (struct span){b.p, XML_BYTES_MAX + 1}, &e));
    buf_free(&b);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_become_plain_values),
        cmocka_unit_test(other_encodings_become_utf8),
        cmocka_unit_test(what_is_no_xml_is_refused_with_its_line),
        cmocka_unit_test(a_doctype_is_refused_whatever_it_says),
        cmocka_unit_test(depth_width_attributes_and_size_are_bounded),
    };
    return unit_run(tests);
}
