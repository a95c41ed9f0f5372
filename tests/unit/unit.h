/*
 * What every unit test program begins with: cmocka in its right order, a seeded random source, and a way
 * to see a process die. Environment: SEED=n repeats a random test, F='*pattern*' runs some tests only.
 */
#ifndef WY_TESTS_UNIT_H
#define WY_TESTS_UNIT_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/span.h"

/* run the tests of a table; for the last line of main() */
#define unit_run(tests)                                                                        \
    (getenv("F") ? cmocka_set_test_filter(getenv("F")) : (void)0,                              \
     cmocka_run_group_tests(tests, NULL, NULL))

#define assert_span(actual, literal)                                                           \
    do {                                                                                       \
        struct span unit_span_ = (actual);                                                     \
        assert_int_equal(unit_span_.n, sizeof(literal) - 1);                                   \
        if (unit_span_.n)                                                                      \
            assert_memory_equal(unit_span_.p, literal, unit_span_.n);                          \
    } while (0)

static uint64_t unit_state;

/* Start the random source and print how to get the same run again. */
static inline void unit_seed(const char *test)
{
    const char *given = getenv("SEED");
    uint64_t seed =
        given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20;
    printf("SEED=%llu  # %s\n", (unsigned long long)seed, test);
    unit_state = seed * 0x9E3779B97F4A7C15ULL + 1;
}

static inline uint64_t unit_random(void) /* splitmix64 */
{
    uint64_t z = unit_state += 0x9E3779B97F4A7C15ULL;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
    return z ^ z >> 31;
}

static inline unsigned unit_below(unsigned n)
{
    return (unsigned)(unit_random() % n);
}

/* True if fn() in a child ends it by a signal or with a code other than 0; its words go nowhere. */
static inline bool unit_dies(void (*fn)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        fn();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#endif
