#include "util/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/span.h"

bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (!e)
        return false;
    e->code = code;
    /* Written aside: an argument may point into e->text itself ("%s" of the error underneath). */
    char text[1024];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    length = span_cut_utf8((struct span){text, length}, sizeof e->text - 1);
    text[length] = '\0';
    for (size_t i = 0; i <= length; i++)
        e->text[i] = text[i];
    return false;
}

const char *err_code_name(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return "none";
    case ERR_INPUT:
        return "input";
    case ERR_DENIED:
        return "denied";
    case ERR_MISSING:
        return "missing";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_LIMIT:
        return "limit";
    case ERR_SCRIPT:
        return "script";
    case ERR_STORE:
        return "store";
    case ERR_SYSTEM:
        return "system";
    }
    return "unknown";
}

void must_failed(const char *cond, const char *file, int line)
{
    /* Not through log.c: its lock or its limit must not stand before the last words. */
    dprintf(STDERR_FILENO, "error must: %s:%d: broken invariant: %s\n", file, line, cond);
    abort();
}
