/* How an alert is to end and by when: the scenario's word, else the table. */
#include "unit.h"

#include "domain/life.h"
#include "util/json.h"

static struct life of(const char *text, const char *kind, enum alert_level level,
                      const char *quiet)
{
    static struct arena a;
    struct life l;
    arena_reset(&a);
    char copy[500];
    snprintf(copy, sizeof copy, "{'life':%s}", text);
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    const struct json *manifest = json_parse(&a, span_of(copy), NULL, NULL, NULL);
    assert_non_null(manifest);
    life_of(manifest, span_of(kind), level, span_of(quiet), &l);
    return l;
}

static void a_kind_that_says_nothing_has_the_table(void **state)
{
    (void)state;
    struct life l = of("{}", "x", LEVEL_RED, "24h");
    assert_int_equal(l.close, LIFE_AUTO);
    assert_int_equal(l.sign.amount, 15);
    assert_int_equal(l.sign.unit, LIMIT_MIN);
    assert_int_equal(l.close_by.amount, 4);
    assert_int_equal(l.close_by.unit, LIMIT_H);
    assert_true(l.quiet_us == CALENDAR_DAY_US);
    assert_null(l.evidence);
    life_of(NULL, SPAN("x"), LEVEL_BLUE, SPAN_NONE, &l);
    assert_int_equal(l.close_by.amount, 10);
    assert_true(l.quiet_us == 0);
}

static void limits_are_for_all_levels_or_for_one(void **state)
{
    (void)state;
    const char *text = "{'k':{'close':'evidence','evidence':['visit'],'limits':{'sign':'2h','"
                       "red':{'close':'5wd'},"
                       "'close':'15wd'}}}";
    struct life l = of(text, "k", LEVEL_RED, "");
    assert_int_equal(l.close, LIFE_EVIDENCE);
    assert_int_equal(l.close_by.amount, 5);
    assert_int_equal(l.sign.amount, 2);
    l = of(text, "k", LEVEL_YELLOW, "");
    assert_int_equal(l.close_by.amount, 15);
    assert_int_equal(json_count(l.evidence), 1);
}

static void quiet_times(void **state)
{
    (void)state;
    static const struct {
        const char *own, *fallback;
        int64_t hours;
    } cases[] = {{"72h", "24h", 72},
                 {"0h", "24h", 0},
                 {"3d", "", 72},
                 {"2wd", "", 48},
                 {"junk", "24h", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[80];
        snprintf(text, sizeof text, "{'k':{'quiet':'%s'}}", cases[i].own);
        struct life l = of(text, "k", LEVEL_BLUE, cases[i].fallback);
        assert_true(l.quiet_us == cases[i].hours * 60 * CALENDAR_MINUTE_US);
    }
}

static void close_types_come_back(void **state)
{
    (void)state;
    for (int i = LIFE_AUTO; i <= LIFE_AUTO_EVIDENCE; i++) {
        enum life_close c;
        assert_true(life_close_parse(span_of(life_close_name((enum life_close)i)), &c));
        assert_int_equal(c, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kind_that_says_nothing_has_the_table),
        cmocka_unit_test(limits_are_for_all_levels_or_for_one),
        cmocka_unit_test(quiet_times),
        cmocka_unit_test(close_types_come_back),
    };
    return unit_run(tests);
}
