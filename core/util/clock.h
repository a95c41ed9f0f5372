/*
 * The only home of the system's clocks. Everything in domain/ and in scripts takes its time from journal
 * entries; what reads a clock directly is the writer (to stamp entries), net (sessions, deadlines) and logs.
 */
#ifndef WY_UTIL_CLOCK_H
#define WY_UTIL_CLOCK_H

#include <stdint.h>

int64_t clock_wall_us(void);   /* microseconds since 1970-01-01T00:00Z */
int64_t clock_mono_us(void);   /* microseconds that only grow */
int64_t clock_thread_us(void); /* processor time of the calling thread; costs a system call */

#endif
