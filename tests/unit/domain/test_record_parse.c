#include "records_fixture.h"

#include "domain/key.h"
#include "store/vault.h"
#include "util/json.h"

/* The record as people see it, without _seq and _at; or "field: message" of the refusal. */
static const char *parse(struct fixture *f, const char *type, const char *text)
{
    const struct type *t = fixture_type(f->dictionary, type);
    struct record r;
    const char *field = NULL;
    struct err e = {0};
    if (!record_parse(t, span_of(text), NULL, &f->arena, &r, &field, &e)) {
        assert_int_equal(e.code == ERR_LIMIT ? ERR_INPUT : e.code, ERR_INPUT);
        assert_true(span_is_utf8(span_of(e.text)));
        return arena_printf(&f->arena, "%s: %s", field, e.text);
    }
    assert_true(row_is_sound(t, r.body));
    struct buf b = {0};
    key_put_text(&b, r.key);
    for (int i = 0; i < t->field_count; i++) {
        struct row_value v = row_get(t, r.body, i);
        if (v.null)
            continue;
        buf_printf(&b, " %s=", t->fields[i].name);
        row_put_text(&b, &v);
    }
    const char *out = arena_span(&f->arena, buf_view(&b)).p;
    buf_free(&b);
    return out;
}

static void setup(struct fixture *f)
{
    *f = (struct fixture){.dictionary = fixture_dictionary()};
}

static void teardown(struct fixture *f)
{
    dictionary_free(f->dictionary);
    arena_free(&f->arena);
}

#define ENT(rest) "{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-06\"" rest "}"

static void good_records_are_taken(void **state)
{
    (void)state;
    struct fixture f;
    static const char *const cases[][2] = {
        {ENT(""), "E1|2020-06 ent_id=E1 snapshot_month=2020-06"},
        {ENT(",\"staff_count\":5.0,\"reg_capital_cny\":1e3"),
         "E1|2020-06 ent_id=E1 snapshot_month=2020-06 reg_capital_cny=1000 staff_count=5"},
        {ENT(",\"reg_capital_cny\":-0.0"),
         "E1|2020-06 ent_id=E1 snapshot_month=2020-06 reg_capital_cny=0"},
        {ENT(",\"name\":null,\"type\":\"enterprise\",\"stored_at\":7,\"_seq\":9,\"_at\":\"x\""),
         "E1|2020-06 ent_id=E1 snapshot_month=2020-06"},
        {ENT(",\"name\":\"第一行\\n第二行\\t\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9\""),
         "E1|2020-06 ent_id=E1 snapshot_month=2020-06 "
         "name=第一行\n第二行\t\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9"},
        {ENT(",\"established_on\":\"1944-02-29\",\"is_key\":false,\"reg_status\":\"cancelled\","
             "\"tags\":[]"),
         "E1|2020-06 ent_id=E1 snapshot_month=2020-06 reg_status=cancelled "
         "established_on=1944-02-29 tags= is_key=false"},
        {"{\"tags\":[\"a\",\"b;c\"],\"snapshot_month\":\"2020-06\",\"ent_id\":"
         "\"\\u0045\\u0031\"}",
         "E1|2020-06 ent_id=E1 snapshot_month=2020-06 tags=a;b;c"},
    };
    setup(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(parse(&f, "enterprise", cases[i][0]), cases[i][1]);
    /* times of any zone are kept as those of the street, in keys as well */
    assert_string_equal(
        parse(&f, "sensor_reading",
              "{\"device_id\":\"D\",\"at\":\"2020-06-30T23:30:00.5Z\",\"metric\":\"temp_c\"}"),
        "D|2020-07-01T07:30:00.500000+08:00|temp_c device_id=D "
        "at=2020-07-01T07:30:00.500000+08:00 metric=temp_c");
    teardown(&f);
}

static void bad_records_are_refused_with_field_and_cure(void **state)
{
    (void)state;
    struct fixture f;
    static const struct {
        const char *text, *field, *says; /* what the sentence holds */
    } cases[] = {
        {"", "", "对象"},
        {"[]", "", "对象"},
        {"{\"ent_id\":\"E1\"", "", ""},
        {"{\"ent_id\":\"E1\"}", "snapshot_month", "必填"},
        {"{\"ent_id\":null,\"snapshot_month\":\"2020-06\"}", "ent_id", "必填"},
        {"{\"ent_id\":\"\",\"snapshot_month\":\"2020-06\"}", "ent_id", "不能为空"},
        {"{\"ent_id\":\"a\\nb\",\"snapshot_month\":\"2020-06\"}", "ent_id", "控制字符"},
        {"{\"ent_id\":5,\"snapshot_month\":\"2020-06\"}", "ent_id", "收到“5”"},
        {"{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-13\"}", "snapshot_month",
         "写成 2020-07"},
        {"{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-06-01\"}", "snapshot_month",
         "2020-06-01"},
        {"{\"ent_id\":\"E1\",\"ent_id\":\"E2\",\"snapshot_month\":\"2020-06\"}", "", "ent_id"},
        {ENT(",\"staf_count\":5"), "staf_count", "是不是 staff_count"},
        {ENT(",\"zzz\":5"), "zzz", "没有字段"},
        {ENT(",\"staff_count\":\"5\""), "staff_count", "收到“5”"},
        {ENT(",\"staff_count\":5.5"), "staff_count", "5.5"},
        {ENT(",\"staff_count\":9007199254740992"), "staff_count", "9007199254740991"},
        {ENT(",\"staff_count\":99999999999999999999"), "", ""},
        {ENT(",\"staff_count\":true"), "staff_count", "true"},
        {ENT(",\"reg_capital_cny\":\"1\""), "reg_capital_cny", "数字"},
        {ENT(",\"reg_status\":\"open\""), "reg_status", "active cancelled"},
        {ENT(",\"reg_status\":\"\""), "reg_status", "active"},
        {ENT(",\"established_on\":\"2020-02-30\""), "established_on", "2020-02-30"},
        {ENT(",\"established_on\":\"\""), "established_on", "日期"},
        {ENT(",\"is_key\":1"), "is_key", "true 或 false"},
        {ENT(",\"tags\":\"a\""), "tags", "列表"},
        {ENT(",\"tags\":[1]"), "tags", "列表"},
        {ENT(",\"tags\":[\"\\u0007\"]"), "tags", "控制字符"},
        {ENT(",\"name\":\"a\\u202eb\""), "name", "控制字符"},
        {ENT(",\"name\":\"\xff\""), "", ""},
        {ENT(",\"name\":{\"a\":1}"), "name", "文字"},
    };
    setup(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *out = parse(&f, "enterprise", cases[i].text);
        size_t n = strlen(cases[i].field);
        if (strncmp(out, cases[i].field, n) != 0 || out[n] != ':' ||
            !strstr(out, cases[i].says))
            fail_msg("%s → %s", cases[i].text, out);
    }
    assert_non_null(strstr(
        parse(&f, "sensor_reading",
              "{\"device_id\":\"D\",\"at\":\"2020-06-30T23:30:00\",\"metric\":\"temp_c\"}"),
        "带时区"));
    teardown(&f);
}

static void keys_and_lines_end_at_their_limits(void **state)
{
    (void)state;
    struct fixture f;
    char text[300 + 64 * 1024], id[300];
    setup(&f);
    memset(id, 'x', sizeof id);
    for (int n = 246; n <= 249;
         n++) { /* 256 bytes with "2020-06" and two zeros: 247 are left */
        snprintf(text, sizeof text, "{\"ent_id\":\"%.*s\",\"snapshot_month\":\"2020-06\"}", n,
                 id);
        const char *out = parse(&f, "enterprise", text);
        assert_int_equal(strstr(out, "主键太长") == NULL, n <= 247);
    }
    size_t head = (size_t)snprintf(
        text, sizeof text, "{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-06\",\"name\":\"");
    for (size_t whole = 64 * 1024; whole <= 64 * 1024 + 1; whole++) {
        memset(text + head, 'y', whole - head - 2);
        memcpy(text + whole - 2, "\"}", 3);
        assert_int_equal(strncmp(parse(&f, "enterprise", text), "E1|", 3) == 0,
                         whole == 64 * 1024);
    }
    teardown(&f);
}

/* ---- private fields ---- */

static const char *shown(struct fixture *f, const struct type *t, const struct record *r,
                         struct vault *vault, bool reveal)
{
    struct entry entry = {.seq = 1, .key = r->key, .body = r->body};
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    record_view(t, &entry, vault, reveal, &w);
    const struct json *v = json_parse(&f->arena, buf_view(&b), NULL, NULL, NULL);
    buf_free(&b);
    return arena_printf(&f->arena, "%s %s", json_cstr(json_get(v, "name"), "null"),
                        json_cstr(json_get(v, "phone"), "null"));
}

static void private_fields_are_sealed_masked_and_erased(void **state)
{
    (void)state;
    struct fixture f;
    struct err e = {0};
    struct record r, again;
    const char *field;
    static const char text[] =
        "{\"person_key\":\"p1\",\"name\":\"张三丰\",\"phone\":\"13812348000\"}";
    fixture_open(&f);
    struct vault *vault = vault_open(f.dir, &e);
    assert_non_null(vault);
    const struct type *t = fixture_type(f.dictionary, "identity");
    assert_true(record_parse(t, span_of(text), vault, &f.arena, &r, &field, &e));
    assert_true(record_parse(t, span_of(text), vault, &f.arena, &again, &field, &e));
    assert_true(span_eq(r.body, again.body)); /* a repeat makes no new version */
    assert_null(memmem(r.body.p, r.body.n, "张", 3));
    assert_null(memmem(r.body.p, r.body.n, "8000", 4));
    assert_string_equal(shown(&f, t, &r, vault, true), "张三丰 13812348000");
    assert_string_equal(shown(&f, t, &r, vault, false), "张** 138****8000");
    assert_string_equal(shown(&f, t, &r, NULL, true), "*** ***");
    /* without a vault they are left out */
    assert_true(record_parse(t, span_of(text), NULL, &f.arena, &again, &field, &e));
    assert_string_equal(shown(&f, t, &again, vault, true), "null null");
    assert_true(vault_person_erase(vault, SPAN("identity|p1"), &e));
    assert_string_equal(shown(&f, t, &r, vault, true), "（已抹除） （已抹除）");
    assert_false(record_parse(t, span_of(text), vault, &f.arena, &again, &field, &e));
    assert_int_equal(e.code, ERR_INPUT);
    vault_close(vault);
    fixture_close(&f);
}

static void event_time_is_a_moment_or_the_start_of_the_day(void **state)
{
    (void)state;
    struct fixture f;
    struct record r;
    const char *field;
    struct err e = {0};
    int64_t us, want;
    setup(&f);
    const struct type *t = fixture_type(f.dictionary, "camera_event");
    assert_true(record_parse(
        t, SPAN("{\"event_id\":\"c\",\"occurred_at\":\"2020-07-01T08:00:00+08:00\"}"), NULL,
        &f.arena, &r, &field, &e));
    assert_true(record_event_time(t, r.body, &us));
    assert_true(calendar_parse_datetime(SPAN("2020-07-01T00:00:00Z"), &want) && us == want);
    t = fixture_type(f.dictionary, "enterprise");
    assert_true(record_parse(t, SPAN(ENT("")), NULL, &f.arena, &r, &field, &e));
    assert_false(record_event_time(t, r.body, &us));
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_records_are_taken),
        cmocka_unit_test(bad_records_are_refused_with_field_and_cure),
        cmocka_unit_test(keys_and_lines_end_at_their_limits),
        cmocka_unit_test(private_fields_are_sealed_masked_and_erased),
        cmocka_unit_test(event_time_is_a_moment_or_the_start_of_the_day),
    };
    return unit_run(tests);
}
