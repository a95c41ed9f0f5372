#include "unit.h"

#include "domain/access.h"
#include "domain/alert.h"
#include "domain/dictionary.h"
#include "domain/user.h"

/* The people of the table, in the order of its columns. */
enum who {
    ADMIN,
    LEADER,
    OWN_OFFICE,
    OWN_EDITOR,
    OTHER_OFFICE,
    OTHER_EDITOR,
    COMMUNITY,
    FAR_COMMUNITY,
    GRID,
    RESIDENT,
    GUEST,
    MACHINE,
    FAR_MACHINE,
    DISABLED,
    WHO_COUNT,
};
static struct span xiaohe[] = {{"xiaohe", 6}}, far[] = {{"dahulu", 6}};
static struct span sends[] = {{"ent_income", 10}}, sends_other[] = {{"elder", 5}};
#define OFFICE(r, o)                                                                           \
    {                                                                                          \
        .role = r, .office = { o, sizeof o - 1 }                                               \
    }
#define PLACE(r, c)                                                                            \
    {                                                                                          \
        .role = r, .communities = c, .community_count = 1                                      \
    }
#define SENDER(t)                                                                              \
    {                                                                                          \
        .role = ROLE_MACHINE, .types = t, .type_count = 1                                      \
    }
static const struct person people[WHO_COUNT] = {
    [ADMIN] = {.role = ROLE_ADMIN},
    [LEADER] = {.role = ROLE_LEADER},
    [OWN_OFFICE] = OFFICE(ROLE_OFFICE, "dev"),
    [OWN_EDITOR] = OFFICE(ROLE_EDITOR, "dev"),
    [OTHER_OFFICE] = OFFICE(ROLE_OFFICE, "safety"),
    [OTHER_EDITOR] = OFFICE(ROLE_EDITOR, "safety"),
    [COMMUNITY] = PLACE(ROLE_COMMUNITY, xiaohe),
    [FAR_COMMUNITY] = PLACE(ROLE_COMMUNITY, far),
    [GRID] = PLACE(ROLE_GRID, xiaohe),
    [RESIDENT] = PLACE(ROLE_RESIDENT, xiaohe),
    [GUEST] = {.role = ROLE_GUEST},
    [MACHINE] = SENDER(sends),
    [FAR_MACHINE] = SENDER(sends_other),
    [DISABLED] = {.role = ROLE_ADMIN, .disabled = true},
};

static struct span also_safety[] = {{"safety", 6}};
static struct alert plain = {.office = {"dev", 3}, .communities = xiaohe, .community_count = 1};
static struct alert shared = {.office = {"dev", 3}, .also = also_safety, .also_count = 1};
static struct alert nobodys = {0};
static const struct type open_type = {.name = "ent_income", .owner = "dev"};
static const struct type closed_type = {
    .name = "ent_income", .owner = "dev", .restricted = true};
static struct span office_dev = {"dev", 3};

/* 'y' or '.' for each of the people above, in their order. */
static const struct {
    enum access_act act;
    const void *about;
    const char *may; /* A L Oo Oe To Te C Fc G R Gu M Fm D */
} table[] = {
    {ACCESS_ALERT_SEE, &plain, "yyyy..y.y....."},
    {ACCESS_ALERT_SEE, &shared, "yyyyyy........"},
    {ACCESS_ALERT_SEE, &nobodys, "yy............"},
    {ACCESS_ALERT_ACT, &plain, "y.yy..y.y....."},
    {ACCESS_ALERT_ACT, &shared, "y.yyyy........"},
    {ACCESS_ALERT_ACT, &nobodys, "y............."},
    {ACCESS_ALERT_CLOSE, &plain, "y.yy.........."},
    {ACCESS_ALERT_CLOSE, &shared, "y.yy.........."},
    {ACCESS_ALERT_CLOSE, &nobodys, "y............."},
    {ACCESS_TYPE_SEE, &open_type, "yyyyyyyyy....."},
    {ACCESS_TYPE_SEE, &closed_type, "yyyy.........."},
    {ACCESS_TYPE_PUT, &open_type, "y.yy.......y.."},
    {ACCESS_TYPE_PUT, &closed_type, "y.yy.......y.."},
    {ACCESS_PRIVATE_SEE, &open_type, "..yy.........."},
    {ACCESS_SCENARIO_SEE, NULL, "yyyyyyyy......"},
    {ACCESS_SCENARIO_EDIT, &office_dev, "y..y.........."},
    {ACCESS_ADMINISTER, NULL, "y............."},
    {ACCESS_STAFF, NULL, "yyyyyyyyy....."},
    {ACCESS_SELF, NULL, "yyyyyyyyy..yy."},
    /* without an object: for some */
    {ACCESS_ALERT_SEE, NULL, "yyyyyyyyy....."},
    {ACCESS_ALERT_ACT, NULL, "y.yyyyyyy....."},
    {ACCESS_ALERT_CLOSE, NULL, "y.yyyy........"},
    {ACCESS_TYPE_SEE, NULL, "yyyyyyyyy....."},
    {ACCESS_TYPE_PUT, NULL, "y.yyyy.....yy."},
    {ACCESS_PRIVATE_SEE, NULL, "..yyyy........"},
    {ACCESS_SCENARIO_EDIT, NULL, "y..y.y........"},
};

static void rights_are_as_in_the_table(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof table / sizeof *table; row++) {
        assert_int_equal(strlen(table[row].may), WHO_COUNT);
        for (int who = 0; who < WHO_COUNT; who++) {
            bool may = access_may(&people[who], NULL, table[row].act, table[row].about);
            if (may != (table[row].may[who] == 'y'))
                fail_msg("row %zu, person %d: %s", row, who, may ? "may" : "may not");
        }
    }
}

static void nobody_may_nothing(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof table / sizeof *table; row++)
        assert_false(access_may(NULL, NULL, table[row].act, table[row].about));
}

/* What is let in without an object must cover what is let in with one. */
static void the_first_answer_never_refuses_what_the_second_would_allow(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof table / sizeof *table; row++)
        for (int who = 0; who < WHO_COUNT; who++)
            if (access_may(&people[who], NULL, table[row].act, table[row].about))
                assert_true(access_may(&people[who], NULL, table[row].act, NULL));
}

/* An empty office or community is a gap in the data, not something two people share. */
static void empty_ids_are_not_the_same_id(void **state)
{
    (void)state;
    struct span empty[] = {{"", 0}};
    struct person office = {.role = ROLE_OFFICE}, place = PLACE(ROLE_COMMUNITY, empty);
    struct alert al = {
        .communities = empty, .community_count = 1, .also = empty, .also_count = 1};
    struct type t = {.name = "x", .owner = "", .restricted = true};
    assert_false(access_may(&office, NULL, ACCESS_ALERT_SEE, &al));
    assert_false(access_may(&place, NULL, ACCESS_ALERT_SEE, &al));
    assert_false(access_may(&office, NULL, ACCESS_TYPE_SEE, &t));
    assert_false(access_may(&office, NULL, ACCESS_TYPE_PUT, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_are_as_in_the_table),
        cmocka_unit_test(nobody_may_nothing),
        cmocka_unit_test(the_first_answer_never_refuses_what_the_second_would_allow),
        cmocka_unit_test(empty_ids_are_not_the_same_id),
    };
    return unit_run(tests);
}
