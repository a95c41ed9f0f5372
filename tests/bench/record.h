/* The record all intake benchmarks send: 250 bytes of JSON, one in a hundred raises an alert. */
#ifndef WY_BENCH_RECORD_H
#define WY_BENCH_RECORD_H

#include <stdio.h>

enum { RECORD_MAX = 320 };

static inline int record_write(char *out, const char *run, long n)
{
    return snprintf(out, RECORD_MAX,
                    "{\"visit_id\":\"%s-%09ld\",\"subject_type\":\"enterprise\",\"subject_id\":"
                    "\"91330105B%09ld\","
                    "\"visited_at\":\"2020-07-%02ldT%02ld:%02ld:%02ld+08:00\",\"visitor_id\":"
                    "\"staff-%03ld\","
                    "\"result\":\"%s\",\"note\":\"asked about orders, staff and rent; nothing "
                    "else to report\"}",
                    run, n, n % 3000, 1 + n % 28, 8 + n / 3600 % 10, n / 60 % 60, n % 60,
                    n % 200, n % 100 == 0 ? "trouble" : "ok");
}

#endif
