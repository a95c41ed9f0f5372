#include "unit.h"

#include "net/session.h"

static const int64_t MIN = 60LL * 1000000, HOUR = 3600LL * 1000000;

static void a_session_ends_by_disuse_by_age_and_by_a_clock_set_back(void **state)
{
    (void)state;
    const int64_t t = 1700000000LL * 1000000;
    assert_false(session_time_is_up(t, t, t));
    assert_false(session_time_is_up(t, t, t + 30 * MIN));
    assert_true(session_time_is_up(t, t, t + 30 * MIN + 1));
    assert_false(session_time_is_up(t, t + 12 * HOUR, t + 12 * HOUR));
    assert_true(session_time_is_up(t, t + 12 * HOUR, t + 12 * HOUR + 1));
    assert_false(session_time_is_up(t, t, t - 30 * MIN));
    assert_true(session_time_is_up(t, t, t - 30 * MIN - 1));
    assert_true(session_time_is_up(t, t, t - 10 * 365 * 24 * HOUR));
    assert_true(session_time_is_up(t, t, t + 10 * 365 * 24 * HOUR));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_ends_by_disuse_by_age_and_by_a_clock_set_back),
    };
    return unit_run(tests);
}
