/* Timed waits: they end when told, when signalled, and at once when the time has passed. */
#include "unit.h"
#include "util/clock.h"

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
};

static void *tell(void *ctx)
{
    struct waiting *w = ctx;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->told);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void a_wait_ends_when_its_time_is_up(void **state)
{
    (void)state;
    struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER};
    clock_cond_init(&w.told);
    pthread_mutex_lock(&w.lock);
    int64_t start = clock_mono_us(), until = start + 20 * 1000;
    while (clock_cond_wait(&w.told, &w.lock, until))
        ;
    assert_true(clock_mono_us() >= until);
    assert_true(clock_mono_us() - start < 10 * 1000000);
    assert_false(clock_cond_wait(&w.told, &w.lock, start - 5 * 1000000));
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.told);
}

static void a_signal_ends_a_wait_early(void **state)
{
    (void)state;
    struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    clock_cond_init(&w.told);
    pthread_mutex_lock(&w.lock);
    int64_t until = clock_mono_us() + 60LL * 1000000;
    assert_int_equal(pthread_create(&thread, NULL, tell, &w), 0);
    while (!w.done && clock_cond_wait(&w.told, &w.lock, until))
        ;
    assert_true(w.done);
    assert_true(clock_mono_us() < until);
    pthread_mutex_unlock(&w.lock);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&w.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_when_its_time_is_up),
        cmocka_unit_test(a_signal_ends_a_wait_early),
    };
    return unit_run(tests);
}
