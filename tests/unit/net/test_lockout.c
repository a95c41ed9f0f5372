#include "unit.h"

#include "net/lockout.h"

static const int64_t MIN = 60LL * 1000000;
static int64_t until;
static int failures;

/* One whole try; false: it was not let through. */
static bool try_at(struct lockout *l, const char *who, enum lockout_result result, int64_t now)
{
    if (lockout_begin(l, span_of(who), now))
        return false;
    lockout_end(l, span_of(who), result, now, &until, &failures);
    return true;
}

static void the_fifth_failure_locks_for_ten_minutes_then_twice_as_long(void **state)
{
    (void)state;
    struct lockout *l = lockout_new(5, 10 * MIN, 0);
    int64_t now = 0, lock = 10 * MIN;
    for (int i = 0; i < 5; i++)
        assert_true(try_at(l, "a", LOCKOUT_WRONG, now));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(lockout_begin(l, SPAN("a"), now), lock / 1000000);
        assert_int_equal(lockout_begin(l, SPAN("a"), now + lock - 1), 1);
        now += lock;
        lock *= 2;
        assert_true(try_at(l, "a", LOCKOUT_WRONG, now));
    }
    assert_true(try_at(l, "b", LOCKOUT_WRONG, now)); /* others are free */
    lockout_free(l);
}

static void who_is_given_another_password_may_try_at_once(void **state)
{
    (void)state;
    struct lockout *l = lockout_new(5, 10 * MIN, 0);
    for (int i = 0; i < 5; i++)
        assert_true(try_at(l, "a", LOCKOUT_WRONG, 0));
    assert_false(try_at(l, "a", LOCKOUT_RIGHT, 1));
    lockout_lift(l, SPAN("a"));
    lockout_lift(l, SPAN("nobody"));
    for (int i = 0; i < 4; i++)
        assert_true(try_at(l, "a", LOCKOUT_WRONG, 1));
    assert_true(try_at(l, "a", LOCKOUT_RIGHT, 1));
    lockout_free(l);
}

static void a_right_password_starts_anew(void **state)
{
    (void)state;
    struct lockout *l = lockout_new(5, 10 * MIN, 0);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 4; i++)
            assert_true(try_at(l, "a", LOCKOUT_WRONG, 0));
        assert_true(try_at(l, "a", LOCKOUT_RIGHT, 0));
    }
    lockout_free(l);
}

static void tries_under_way_count(void **state)
{
    (void)state;
    struct lockout *l = lockout_new(5, 10 * MIN, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(lockout_begin(l, SPAN("a"), 0), 0);
    assert_true(lockout_begin(l, SPAN("a"), 0) > 0);
    lockout_end(l, SPAN("a"), LOCKOUT_NEITHER, 0, &until, &failures);
    assert_int_equal(lockout_begin(l, SPAN("a"), 0), 0);
    for (int i = 0; i < 4; i++)
        assert_false(lockout_end(l, SPAN("a"), LOCKOUT_WRONG, 0, &until, &failures));
    assert_true(lockout_end(l, SPAN("a"), LOCKOUT_WRONG, 0, &until, &failures));
    assert_int_equal(failures, 5);
    assert_int_equal(until, 10 * MIN);
    lockout_free(l);
}

static void an_address_forgets_by_and_by(void **state)
{
    (void)state;
    struct lockout *l = lockout_new(50, 10 * MIN, 12 * 1000000);
    for (int i = 0; i < 2000; i++) /* one mistake in twelve seconds, all day: an office */
        assert_true(try_at(l, "office", LOCKOUT_WRONG, i * 12LL * 1000000));
    int let = 0;
    for (int i = 0; i < 200; i++) /* two a second: a guesser */
        let += try_at(l, "guesser", LOCKOUT_WRONG, i * 500000LL);
    assert_in_range(let, 50, 60);
    lockout_free(l);
}

static void locks_outlive_floods_of_names_and_a_day_frees_memory(void **state)
{
    (void)state;
    struct lockout *l = lockout_new(5, 10 * MIN, 0);
    char name[32];
    for (int i = 0; i < 5; i++)
        assert_true(try_at(l, "target", LOCKOUT_WRONG, 0));
    for (int i = 0; i < 60000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_true(try_at(l, name, LOCKOUT_WRONG, 1));
    }
    assert_true(lockout_begin(l, SPAN("target"), 1) > 0);
    lockout_tick(l, 25 * 60 * MIN);
    assert_int_equal(lockout_begin(l, SPAN("target"), 25 * 60 * MIN), 0);
    lockout_restore(l, SPAN("back"), 7, 26 * 60 * MIN);
    assert_int_equal(lockout_begin(l, SPAN("back"), 25 * 60 * MIN), 3600);
    lockout_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fifth_failure_locks_for_ten_minutes_then_twice_as_long),
        cmocka_unit_test(who_is_given_another_password_may_try_at_once),
        cmocka_unit_test(a_right_password_starts_anew),
        cmocka_unit_test(tries_under_way_count),
        cmocka_unit_test(an_address_forgets_by_and_by),
        cmocka_unit_test(locks_outlive_floods_of_names_and_a_day_frees_memory),
    };
    return unit_run(tests);
}
