/*
 * The only home of the system's clocks. Everything in domain/ and in scripts takes its time from journal
 * entries; what reads a clock directly is the writer (to stamp entries), net (sessions, deadlines) and logs.
 */
#ifndef WY_UTIL_CLOCK_H
#define WY_UTIL_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

int64_t clock_wall_us(void);   /* microseconds since 1970-01-01T00:00Z */
int64_t clock_mono_us(void);   /* microseconds that only grow */
int64_t clock_thread_us(void); /* processor time of the calling thread; costs a system call */

/* Timed waiting by the clock that only grows: a wall clock set back must not prolong it. The condition is
 * made by clock_cond_init; a wait, like pthread_cond_wait, may wake for no reason. False: the time is up. */
void clock_cond_init(pthread_cond_t *c);
bool clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *held, int64_t until_mono_us);

#endif
