#include "records_fixture.h"

#include "util/json.h"

static void fill(struct row_writer *w, const struct type *t, bool backwards, struct buf *body)
{
    struct span tags[] = {SPAN("高新"), SPAN(""), SPAN("小微")};
    row_writer_begin(w, t);
    for (int k = 0; k < 10; k++) {
        int i = backwards ? 9 - k : k;
        switch (i) {
        case 0:
            row_writer_text(w, 0, SPAN("E1"));
            break;
        case 1:
            row_writer_integer(w, 1, 18262); /* 2020-01-01 */
            break;
        case 2:
            row_writer_text(w, 2, SPAN(""));
            break;
        case 4:
            row_writer_text(w, 4, SPAN("active"));
            break;
        case 5:
            row_writer_integer(w, 5, -9132); /* 1944-12-31 */
            break;
        case 6:
            row_writer_number(w, 6, -0.0);
            break;
        case 7:
            row_writer_integer(w, 7, -9007199254740991);
            break;
        case 8:
            row_writer_strings(w, 8, tags, 3);
            break;
        default: /* 3 and 9 stay null */
            break;
        }
    }
    row_writer_finish(w, body);
}

static void every_kind_comes_back(void **state)
{
    (void)state;
    struct dictionary *d = fixture_dictionary();
    const struct type *t = fixture_type(d, "enterprise");
    struct row_writer w = {0};
    struct buf body = {0}, json = {0};
    fill(&w, t, false, &body);
    assert_true(row_is_sound(t, buf_view(&body)));
    struct json_w j = json_w_begin(&json);
    json_w_array(&j);
    for (int i = 0; i < t->field_count; i++) {
        struct row_value v = row_get(t, buf_view(&body), i);
        row_put_json(&j, &v);
    }
    json_w_array_end(&j);
    assert_span(buf_view(&json),
                "[\"E1\",\"2020-01\",\"\",null,\"active\",\"1944-12-31\",0,-9007199254740991,"
                "[\"高新\",\"\",\"小微\"],null]");
    struct row_value list = row_get(t, buf_view(&body), 8);
    buf_clear(&json);
    row_put_text(&json, &list);
    assert_span(buf_view(&json), "高新;;小微");
    buf_free(&json);
    buf_free(&body);
    row_writer_fini(&w);
    dictionary_free(d);
}

static void equal_content_is_equal_bytes(void **state)
{
    (void)state;
    struct dictionary *d = fixture_dictionary();
    const struct type *t = fixture_type(d, "enterprise");
    struct row_writer w = {0};
    struct buf a = {0}, b = {0};
    fill(&w, t, false, &a);
    fill(&w, t, true, &b);
    assert_true(span_eq(buf_view(&a), buf_view(&b)));
    /* a field set twice keeps the last value */
    row_writer_begin(&w, t);
    row_writer_text(&w, 0, SPAN("first"));
    row_writer_text(&w, 0, SPAN("E2"));
    row_writer_finish(&w, &a);
    row_writer_begin(&w, t);
    row_writer_text(&w, 0, SPAN("E2"));
    row_writer_finish(&w, &b);
    assert_true(span_eq(buf_view(&a), buf_view(&b)));
    assert_int_equal(b.p[1], 1); /* nothing is kept of fields behind the last value */
    assert_true(row_get(t, buf_view(&b), 9).null);
    buf_free(&a);
    buf_free(&b);
    row_writer_fini(&w);
    dictionary_free(d);
}

static void damaged_bodies_are_not_sound(void **state)
{
    (void)state;
    struct dictionary *d = fixture_dictionary();
    const struct type *t = fixture_type(d, "enterprise");
    struct row_writer w = {0};
    struct buf body = {0}, json = {0};
    unit_seed(__func__);
    fill(&w, t, false, &body);
    for (size_t n = 0; n < body.n; n++) {
        char *copy = malloc(n ? n : 1);
        memcpy(copy, body.p, n);
        assert_false(row_is_sound(t, (struct span){copy, n}));
        free(copy);
    }
    for (int round = 0; round < 20000; round++) {
        char *copy = malloc(body.n);
        struct span s = {copy, body.n};
        memcpy(copy, body.p, body.n);
        for (unsigned k = unit_below(3) + 1; k; k--)
            copy[unit_below(2) ? unit_below(48) : unit_below((unsigned)body.n)] =
                (char)unit_random();
        if (row_is_sound(t, s)) { /* then everything can be read */
            buf_clear(&json);
            struct json_w j = json_w_begin(&json);
            json_w_array(&j);
            for (int i = 0; i < t->field_count; i++) {
                struct row_value v = row_get(t, s, i);
                if (v.kind != FIELD_DATE && v.kind != FIELD_MONTH)
                    row_put_json(&j, &v);
            }
            json_w_array_end(&j);
        }
        free(copy);
    }
    buf_free(&json);
    buf_free(&body);
    row_writer_fini(&w);
    dictionary_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(equal_content_is_equal_bytes),
        cmocka_unit_test(damaged_bodies_are_not_sound),
    };
    return unit_run(tests);
}
