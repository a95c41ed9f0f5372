#include "records_fixture.h"

#include "domain/street.h"
#include "util/json.h"

#define AT "2020-01-02T09:00:00+08:00"

static const char org[] = "{\"home\":\"330105003\",\"street\":\"小河街道\",\"offices\":[{"
                          "\"id\":\"safety\",\"name\":\"平安办\"}],"
                          "\"receivers\":[{\"id\":\"police\",\"name\":\"派出所\"}],"
                          "\"communities\":[{\"id\":\"xiaohe\",\"name\":\"小河社区\"}]}";
static const char calendar_one[] =
    "{\"2020\":{\"off\":[\"2020-10-01\",\"2020-10-02\"],\"work\":[\"2020-09-27\"]}}";
/* 10-02 is gone, 09-27 is off after all, 10-10 is new */
static const char calendar_two[] =
    "{\"2020\":{\"off\":[\"2020-10-01\",\"2020-09-27\"],\"work\":[\"2020-10-10\"]}}";

struct importing {
    const char *records, *org, *calendar;
    bool changed;
};

static bool import(void *ctx, struct txn *t, struct err *e)
{
    struct importing *i = ctx;
    return street_import(t, span_of(i->records), span_of(i->org), span_of(i->calendar),
                         &i->changed, e);
}

static bool day_is(struct fixture *f, const char *date, bool expect)
{
    struct err e = {0};
    struct view *v = fixture_view(f);
    struct street *s = street_load(v, SEQ_LATEST, &e);
    int64_t day;
    assert_non_null(s);
    assert_true(calendar_parse_date(span_of(date), &day));
    struct street_workdays w = {.view = v, .street = s, .as_of = SEQ_LATEST};
    struct workdays days = street_workdays(&w);
    bool is = days.is_workday(days.ctx, day);
    assert_int_equal(days.is_workday(days.ctx, day), is); /* out of the cache */
    street_unref(s);
    view_close(v);
    return is == expect;
}

static uint64_t head(struct fixture *f)
{
    struct view *v = fixture_view(f);
    uint64_t n = view_head(v);
    view_close(v);
    return n;
}

static void the_office_files_are_stored_once(void **state)
{
    (void)state;
    struct fixture f;
    struct err e = {0};
    struct importing i = {fixture_records, org, calendar_one, false};
    fixture_open(&f);
    struct view *v = fixture_view(&f);
    assert_null(street_load(v, SEQ_LATEST, &e));
    assert_int_equal(e.code, ERR_MISSING);
    view_close(v);
    assert_true(fixture_do(&f, AT, import, &i, &e) && i.changed);
    assert_int_equal(head(&f), 3 + 3); /* three files, three days */
    assert_true(fixture_do(&f, NULL, import, &i, &e) && !i.changed);
    assert_int_equal(head(&f), 6);
    v = fixture_view(&f);
    struct street *s = street_load(v, SEQ_LATEST, &e);
    assert_span(street_home(s), "330105003");
    assert_true(street_has_office(s, SPAN("safety")) && !street_has_office(s, SPAN("police")));
    assert_true(street_has_community(s, SPAN("xiaohe")) &&
                !street_has_community(s, SPAN("dahe")));
    assert_string_equal(street_office_name(s, SPAN("police"), "?"), "派出所");
    assert_string_equal(street_office_name(s, SPAN("x"), "?"), "?");
    assert_string_equal(street_community_name(s, SPAN("xiaohe"), "?"), "小河社区");
    assert_int_equal(dictionary_count(street_dictionary(s)), 7);
    assert_span(json_string(json_get(street_org(s), "street")), "小河街道");
    struct street *again = street_ref(s);
    street_unref(s);
    assert_span(street_home(again), "330105003");
    street_unref(again);
    view_close(v);
    fixture_close(&f);
}

static void holidays_become_records_and_follow_the_file(void **state)
{
    (void)state;
    struct fixture f;
    struct err e = {0};
    struct importing i = {fixture_records, org, calendar_one, false};
    fixture_open(&f);
    assert_true(fixture_do(&f, AT, import, &i, &e));
    assert_true(day_is(&f, "2020-10-01", false)); /* Thursday */
    assert_true(day_is(&f, "2020-10-02", false));
    assert_true(day_is(&f, "2020-09-27", true));  /* Sunday */
    assert_true(day_is(&f, "2020-10-10", false)); /* Saturday */
    assert_true(day_is(&f, "2020-10-09", true));
    i.calendar = calendar_two;
    assert_true(fixture_do(&f, NULL, import, &i, &e) && i.changed);
    assert_true(day_is(&f, "2020-10-01", false));
    assert_true(day_is(&f, "2020-10-02", true));
    assert_true(day_is(&f, "2020-09-27", false));
    assert_true(day_is(&f, "2020-10-10", true));
    fixture_close(&f);
}

static void a_departments_record_wins_over_the_file(void **state)
{
    (void)state;
    struct fixture f;
    struct err e = {0};
    struct importing i = {fixture_records, org, "{}", false};
    fixture_open(&f);
    assert_true(fixture_do(&f, AT, import, &i, &e));
    fixture_send(&f, NULL, "calendar_day", "{\"date\":\"2020-10-01\",\"is_workday\":true}");
    i.calendar = calendar_one;
    assert_true(fixture_do(&f, NULL, import, &i, &e));
    assert_true(day_is(&f, "2020-10-01", true));
    assert_true(day_is(&f, "2020-10-02", false));
    fixture_send(&f, NULL, "calendar_day", "{\"date\":\"2020-10-02\",\"is_workday\":true}");
    assert_true(day_is(&f, "2020-10-02", true));
    i.calendar = calendar_two; /* takes 10-02 out: the department's word stays */
    assert_true(fixture_do(&f, NULL, import, &i, &e));
    assert_true(day_is(&f, "2020-10-02", true));
    fixture_close(&f);
}

static void what_does_not_follow_is_refused_whole(void **state)
{
    (void)state;
    struct fixture f;
    struct err e = {0};
    struct importing i = {fixture_records, org, calendar_one, false};
    fixture_open(&f);
    assert_true(fixture_do(&f, AT, import, &i, &e));
    uint64_t before = head(&f);
    i.records = "{\"types\":[{\"id\":\"t\",\"key\":[\"a\"],\"fields\":[{\"name\":\"a\","
                "\"type\":\"string\"}]}]}";
    assert_false(fixture_do(&f, NULL, import, &i, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    i.records = fixture_records;
    i.calendar = "{\"2020\":{\"off\":[\"2020-10-1\"]}}";
    assert_false(fixture_do(&f, NULL, import, &i, &e));
    assert_int_equal(e.code, ERR_INPUT);
    i.calendar = calendar_one;
    i.org = "{\"offices\":[{\"id\":\"a\"},{\"id\":\"a\"}]}";
    assert_false(fixture_do(&f, NULL, import, &i, &e));
    i.org = "nonsense";
    assert_false(fixture_do(&f, NULL, import, &i, &e));
    assert_int_equal(head(&f), before);
    /* SPAN_NONE keeps what is stored */
    struct importing none = {NULL, NULL, NULL, true};
    assert_true(fixture_do(&f, NULL, import, &none, &e) && !none.changed);
    fixture_close(&f);
}

static void without_records_monday_to_friday_are_worked(void **state)
{
    (void)state;
    struct err e = {0};
    struct street *s = street_make(span_of(fixture_records), span_of(org), span_of("[]"), &e);
    assert_non_null(s);
    struct street_workdays w = {.street = s};
    struct workdays days = street_workdays(&w);
    for (int64_t day = 0; day < 700; day++)
        assert_int_equal(days.is_workday(days.ctx, day), calendar_split(day).weekday <= 5);
    street_unref(s);
    street_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_office_files_are_stored_once),
        cmocka_unit_test(holidays_become_records_and_follow_the_file),
        cmocka_unit_test(a_departments_record_wins_over_the_file),
        cmocka_unit_test(what_does_not_follow_is_refused_whole),
        cmocka_unit_test(without_records_monday_to_friday_are_worked),
    };
    return unit_run(tests);
}
