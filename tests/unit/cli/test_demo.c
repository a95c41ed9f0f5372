#include "unit.h"

#include "cli/demo_impl.h"
#include "util/calendar.h"
#include "util/json.h"

/* GB 32100: the sum over 17 characters, weights 3^i mod 31, and the check character is 0 mod 31. */
static void credit_codes_have_right_check_characters(void **state)
{
    (void)state;
    static const char set[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    for (unsigned i = 0; i < DEMO_ENTERPRISES; i++) {
        char code[19];
        demo_credit_code(code, i);
        assert_int_equal(strlen(code), 18);
        int sum = 0, weight = 1;
        for (int k = 0; k < 18; k++) {
            const char *at = strchr(set, code[k]);
            assert_non_null(at);
            sum += (int)(at - set) * (k < 17 ? weight : 1);
            weight = weight * 3 % 31;
        }
        assert_int_equal(sum % 31, 0);
    }
}

static void enterprise_names_are_their_own(void **state)
{
    (void)state;
    char(*names)[96] = calloc(DEMO_ENTERPRISES, sizeof *names);
    unsigned same = 0;
    for (unsigned i = 0; i < DEMO_ENTERPRISES; i++) {
        demo_enterprise_name(names[i], i);
        for (unsigned k = 0; k < i; k++)
            same += strcmp(names[i], names[k]) == 0;
    }
    free(names);
    assert_int_equal(same, 0);
}

static void the_story_goes_forward_in_time(void **state)
{
    (void)state;
    int64_t last = 0;
    struct arena a = {0};
    for (unsigned i = 0; i < demo_event_count; i++) {
        int64_t at;
        assert_true(calendar_parse_datetime(span_of(demo_events[i].at), &at));
        assert_true(at > last);
        last = at;
        if (!demo_events[i].type)
            continue;
        char text[2048];
        snprintf(text, sizeof text, "%s", demo_events[i].json);
        for (char *p = text; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        assert_non_null(json_parse(&a, span_of(text), NULL, NULL, NULL));
    }
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credit_codes_have_right_check_characters),
        cmocka_unit_test(enterprise_names_are_their_own),
        cmocka_unit_test(the_story_goes_forward_in_time),
    };
    return unit_run(tests);
}
