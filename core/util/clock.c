#include "util/clock.h"

#include <errno.h>
#include <time.h>

#include "util/err.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    must(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_thread_us(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void clock_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t mono;
    must(pthread_condattr_init(&mono) == 0);
    must(pthread_condattr_setclock(&mono, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(c, &mono) == 0);
    pthread_condattr_destroy(&mono);
}

bool clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *held, int64_t until_mono_us)
{
    struct timespec until = {.tv_sec = until_mono_us / 1000000,
                             .tv_nsec = until_mono_us % 1000000 * 1000};
    int rc = pthread_cond_timedwait(c, held, &until);
    must(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}
