#include "records_fixture.h"

#include "domain/entry_type.h"
#include "util/json.h"

static void types_and_fields_are_found(void **state)
{
    (void)state;
    struct dictionary *d = fixture_dictionary();
    assert_int_equal(dictionary_count(d), 7);
    assert_null(dictionary_find(d, SPAN("enterprises")));
    assert_null(dictionary_find(d, SPAN_NONE));
    assert_null(dictionary_at(d, 7));
    assert_null(dictionary_by_id(d, 5));
    for (int i = 0; i < dictionary_count(d); i++) {
        const struct type *t = dictionary_at(d, i);
        assert_int_equal(t->id, ENTRY_RECORDS + i);
        assert_ptr_equal(dictionary_find(d, span_of(t->name)), t);
        assert_ptr_equal(dictionary_by_id(d, t->id), t);
        for (int f = 0; f < t->field_count; f++) {
            assert_int_equal(type_field(t, span_of(t->fields[f].name)), f);
            assert_int_equal(type_field_by_label(t, span_of(t->fields[f].label)), f);
        }
        assert_int_equal(type_field(t, SPAN("nothing")), -1);
    }
    const struct type *t = fixture_type(d, "enterprise");
    assert_string_equal(type_field_near(t, SPAN("ent_ld")), "ent_id");
    assert_string_equal(type_field_near(t, SPAN("staff_cuont")), "staff_count");
    assert_null(type_field_near(t, SPAN("zzzzzzzz")));
    assert_int_equal(type_time_part(t), 1);
    assert_true(t->fields[0].required && !t->fields[2].required && t->fields[3].indexed);
    dictionary_free(d);
}

#define TYPE(rest) "{\"types\":[{\"id\":\"t\"," rest "}]}"
#define KEYED(rest)                                                                            \
    TYPE("\"key\":[\"a\"],\"fields\":[" F("a", "string") "," F("b", "date") "]" rest)

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "{\"types\":[]}",
        "{\"types\":{}}",
        TYPE("\"key\":[\"a\"]"),
        TYPE("\"key\":[\"a\"],\"fields\":[]"),
        TYPE("\"key\":[],\"fields\":[" F("a", "string") "]"),
        TYPE("\"key\":[\"b\"],\"fields\":[" F("a", "string") "]"),
        TYPE("\"key\":[\"a\",\"a\"],\"fields\":[" F("a", "string") "]"),
        TYPE("\"key\":[\"a\"],\"fields\":[" F("a", "text") "]"),
        TYPE("\"key\":[\"a\"],\"fields\":[" F("a", "strings") "]"),
        TYPE("\"key\":[\"a\"],\"fields\":[" F("A", "string") "]"),
        TYPE("\"key\":[\"a\"],\"fields\":[" F("_a", "string") "]"),
        TYPE("\"key\":[\"a\"],\"fields\":[" F("a", "string") "," F("a", "string") "]"),
        TYPE("\"key\":[\"a\"],\"fields\":[{\"name\":\"a\",\"type\":\"enum\"}]"),
        TYPE("\"key\":[\"a\"],\"fields\":[{\"name\":\"a\",\"type\":\"enum\",\"choices\":[]}]"),
        TYPE("\"key\":[\"a\"],\"fields\":[{\"name\":\"a\",\"type\":\"string\",\"private\":true}"
             "]"),
        TYPE("\"key\":[\"a\"],\"fields\":[" F(
            "a", "string") ",{\"name\":\"p\",\"type\":\"date\",\"private\":true}]"),
        KEYED(",\"time\":\"b\""), /* not in the key */
        KEYED(",\"time\":\"a\""), /* no time */
        KEYED(",\"event\":\"a\""),
        KEYED(",\"event\":\"c\""),
        KEYED(",\"scope\":\"c\""),
        KEYED(",\"indexes\":[\"c\"]"),
        "{\"types\":[{\"id\":\"T\"}]}",
        "{\"types\":[{\"id\":\"t\",\"key\":[\"a\"],\"fields\":[" F(
            "a", "string") "]},"
                           "{\"id\":\"t\",\"key\":[\"a\"],\"fields\":[" F("a", "string") "]}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = {0};
        if (dictionary_make(span_of(bad[i]), &e) || e.code != ERR_INPUT)
            fail_msg("accepted: %s", bad[i]);
    }
    struct err e = {0};
    struct dictionary *d =
        dictionary_make(span_of(KEYED(",\"event\":\"b\",\"indexes\":[\"b\"]")), &e);
    assert_non_null(d);
    dictionary_free(d);
    dictionary_free(NULL);
}

static bool follows(const char *before, const char *now)
{
    struct err e = {0};
    struct dictionary *b = dictionary_make(span_of(before), &e),
                      *n = dictionary_make(span_of(now), &e);
    if (!b || !n)
        fail_msg("%s", e.text);
    bool ok = dictionary_may_follow(b, n, &e);
    assert_true(ok || e.code == ERR_CONFLICT);
    dictionary_free(b);
    dictionary_free(n);
    return ok;
}

#define ONE(id, fields, rest)                                                                  \
    "{\"id\":\"" id "\",\"key\":[\"a\"],\"fields\":[" fields "]" rest "}"
#define TYPES(list) "{\"types\":[" list "]}"
#define AB          F("a", "string") "," F("b", "date")

static void only_appending_follows(void **state)
{
    (void)state;
    static const struct {
        const char *now;
        bool ok;
    } cases[] = {
        {TYPES(ONE("t", AB, "")), true},
        {TYPES(ONE("t", AB "," F("c", "string"), "")), true},
        {TYPES(ONE("t", AB "," F("c", "string"), ",\"indexes\":[\"c\"]")), true},
        {TYPES(ONE("t", AB, ",\"label\":\"新\",\"scope\":\"b\"") "," ONE("u", AB, "")), true},
        {TYPES(ONE("t", AB, ",\"indexes\":[\"b\"]")), false},
        {TYPES(ONE("t", AB, ",\"event\":\"b\"")), false},
        {TYPES(ONE("t", F("a", "string"), "")), false},
        {TYPES(ONE("t", F("b", "date") "," F("a", "string"), "")), false},
        {TYPES(ONE("t", F("a", "string") "," F("b", "month"), "")), false},
        {TYPES(ONE("u", AB, "") "," ONE("t", AB, "")), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (follows(TYPES(ONE("t", AB, "")), cases[i].now) != cases[i].ok)
            fail_msg("%s", cases[i].now);
    assert_false(
        follows(TYPES(ONE("t", AB, "") "," ONE("u", AB, "")), TYPES(ONE("t", AB, ""))));
    assert_true(follows(TYPES(ONE("t", AB, ",\"indexes\":[\"b\"]")), TYPES(ONE("t", AB, ""))));
}

static void the_list_of_types_reads_back(void **state)
{
    (void)state;
    struct dictionary *d = fixture_dictionary();
    struct arena a = {0};
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    dictionary_view(d, &w);
    json_w_end(&w);
    const struct json *v = json_parse(&a, buf_view(&b), NULL, NULL, NULL);
    assert_int_equal(json_count(v), 7);
    const struct json *ent = json_item(v, 0);
    assert_span(json_string(json_get(ent, "id")), "enterprise");
    assert_span(json_string(json_item(json_get(ent, "key"), 1)), "snapshot_month");
    assert_true(json_is(json_get(ent, "event"), JSON_NULL));
    assert_int_equal(json_count(json_get(ent, "fields")), 10);
    /* and makes the same dictionary again, as far as it tells */
    buf_free(&b);
    arena_free(&a);
    dictionary_free(d);
}

/* The real one, where lua and the scripts are at hand. */
static void the_streets_own_dictionary_is_good(void **state)
{
    (void)state;
    static const char cmd[] =
        "lua5.4 -e 'package.path=\"\"; local function w(v) if type(v)==\"table\" then "
        "if #v>0 or next(v)==nil then io.write(\"[\") for i,x in ipairs(v) do if i>1 then "
        "io.write(\",\") end w(x) end "
        "io.write(\"]\") else io.write(\"{\") local c=false for k,x in pairs(v) do if c then "
        "io.write(\",\") end c=true "
        "io.write(string.format(\"\\\"%s\\\":\",k)) w(x) end io.write(\"}\") end "
        "elseif type(v)==\"string\" then io.write(\"\\\"\",v,\"\\\"\") else "
        "io.write(tostring(v)) end end "
        "w(dofile(\"scripts/office/records.lua\"))' 2>/dev/null";
    struct buf text = {0};
    char chunk[4096];
    size_t n;
    FILE *p = popen(cmd, "r");
    assert_non_null(p);
    while ((n = fread(chunk, 1, sizeof chunk, p)) > 0)
        buf_put(&text, chunk, n);
    if (pclose(p) != 0 || text.n == 0) {
        buf_free(&text);
        skip();
    }
    struct err e = {0};
    struct dictionary *d = dictionary_make(buf_view(&text), &e);
    if (!d)
        fail_msg("%s", e.text);
    assert_true(dictionary_count(d) > 50);
    const struct type *t = fixture_type(d, "camera_event");
    const struct field *f = &t->fields[type_field(t, SPAN("event_type"))];
    assert_string_equal(f->choices[0], "shop_overflow");
    assert_string_equal(f->choice_labels[0], "出店经营");
    assert_true(fixture_type(d, "identity")->sealed);
    t = fixture_type(d, "project_progress");
    assert_false(t->fields[t->event].required);
    dictionary_free(d);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_and_fields_are_found),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(only_appending_follows),
        cmocka_unit_test(the_list_of_types_reads_back),
        cmocka_unit_test(the_streets_own_dictionary_is_good),
    };
    return unit_run(tests);
}
