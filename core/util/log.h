/*
 * One line an event on stderr: "2026-01-31T09:00:00.123Z warn letter: stored late id=01J… wait_ms=812".
 *
 * Ids and sizes, never people's words. Control characters and bidi marks are escaped. Each source
 * (group) may write ten lines a second; what is beyond is counted and told in one line afterwards.
 * Thread-safe.
 */
#ifndef WY_UTIL_LOG_H
#define WY_UTIL_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level max);
void log_line(enum log_level level, const char *group, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Tell now what was left out; otherwise the next line of any group does it. For the end of a process. */
void log_flush(void);

#define log_error(group, ...) log_line(LOG_ERROR, group, __VA_ARGS__)
#define log_warn(group, ...)  log_line(LOG_WARN, group, __VA_ARGS__)
#define log_info(group, ...)  log_line(LOG_INFO, group, __VA_ARGS__)
#define log_debug(group, ...) log_line(LOG_DEBUG, group, __VA_ARGS__)

#endif
