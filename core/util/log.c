#include "util/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/utf8.h"

enum { GROUPS_MAX = 256, GROUP_NAME = 48, LINES_A_SECOND = 10, TEXT_MAX = 2048 };

struct group {
    char name[GROUP_NAME];
    int64_t since_us; /* start of the second that is being counted */
    unsigned lines;
    unsigned long dropped;
};

/* All under `lock`; the last group takes what finds no place of its own. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct group groups[GROUPS_MAX];
static size_t group_count;
static atomic_int level_max = LOG_INFO;

void log_set_level(enum log_level max)
{
    atomic_store(&level_max, (int)max);
}

/* Controls and marks that could forge or hide a line become \xNN or \u{NNNN}; returns the length. */
static size_t escape(char *out, size_t size, const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + n;
    size_t at = 0;
    while (p < end && at + 16 < size) {
        size_t length = utf8_length(p, end);
        uint32_t cp = length ? utf8_decode(p, length) : p[0];
        if (length == 0 || utf8_is_control(cp)) {
            at += (size_t)(cp > 0xFF ? sprintf(out + at, "\\u{%04X}", cp)
                                     : sprintf(out + at, "\\x%02X", cp));
        } else {
            memcpy(out + at, p, length);
            at += length;
        }
        p += length ? length : 1;
    }
    return at;
}

/* One write per line, so that lines of several processes on one stderr do not mix. */
static void put_line(enum log_level level, const char *group, const char *text, size_t n)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char line[TEXT_MAX * 2 + 128];
    int64_t now = clock_wall_us();
    time_t second = (time_t)(now / 1000000);
    struct tm t;
    gmtime_r(&second, &t);
    size_t at = strftime(line, 32, "%Y-%m-%dT%H:%M:%S", &t);
    at += (size_t)snprintf(line + at, 96, ".%03dZ %s ", (int)(now % 1000000 / 1000),
                           names[level]);
    at += escape(line + at, GROUP_NAME + 20, group, strlen(group));
    line[at++] = ':';
    line[at++] = ' ';
    at += escape(line + at, sizeof line - at - 1, text, n);
    line[at++] = '\n';
    for (size_t done = 0; done < at;) {
        ssize_t k = write(STDERR_FILENO, line + done, at - done);
        if (k <= 0)
            return;
        done += (size_t)k;
    }
}

static void tell_dropped(struct group *g)
{
    char text[96];
    int n = snprintf(text, sizeof text, "%lu more lines within a second left out", g->dropped);
    g->dropped = 0;
    put_line(LOG_WARN, g->name, text, (size_t)n);
}

static void tell_all_dropped(int64_t now, int64_t older_than)
{
    for (size_t i = 0; i < group_count; i++) {
        if (groups[i].dropped && now - groups[i].since_us >= older_than)
            tell_dropped(&groups[i]);
    }
}

static struct group *group_of(const char *name)
{
    size_t n = strnlen(name, GROUP_NAME - 1);
    for (size_t i = 0; i < group_count; i++) {
        if (strncmp(groups[i].name, name, n) == 0 && groups[i].name[n] == '\0')
            return &groups[i];
    }
    if (group_count == GROUPS_MAX)
        return &groups[GROUPS_MAX - 1];
    struct group *g = &groups[group_count++];
    if (group_count == GROUPS_MAX)
        memcpy(g->name, "other", 6);
    else
        memcpy(g->name, name, n);
    g->since_us = INT64_MIN / 2;
    return g;
}

static bool may_write(struct group *g, int64_t now)
{
    if (now - g->since_us >= 1000000) {
        g->since_us = now;
        g->lines = 0;
    }
    if (g->lines < LINES_A_SECOND) {
        g->lines++;
        return true;
    }
    g->dropped++;
    return false;
}

void log_line(enum log_level level, const char *group, const char *fmt, ...)
{
    if ((int)level > atomic_load(&level_max))
        return;
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0)
        return;

    int64_t now = clock_mono_us();
    pthread_mutex_lock(&lock);
    tell_all_dropped(now, 1000000);
    if (may_write(group_of(group), now))
        put_line(level, group, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    pthread_mutex_unlock(&lock);
}

void log_flush(void)
{
    pthread_mutex_lock(&lock);
    tell_all_dropped(0, INT64_MIN);
    pthread_mutex_unlock(&lock);
}
