/*
 * Errors of the outside world: bad input, refused requests, a full disk, a script's fault.
 *
 * A function that can fail this way returns false and fills `struct err`, its last argument. Our own
 * bugs stop the process through must(); running out of memory stops it inside mem.c.
 */
#ifndef WY_UTIL_ERR_H
#define WY_UTIL_ERR_H

#include <stdbool.h>

enum err_code {
    ERR_NONE,
    ERR_INPUT,    /* the request or record is wrong; the text says where and what cures it */
    ERR_DENIED,   /* this person may not do that */
    ERR_MISSING,  /* no such thing, or none this person may know of */
    ERR_CONFLICT, /* it changed meanwhile, or it is in a state that forbids this */
    ERR_LIMIT,    /* too large, too many, too often */
    ERR_SCRIPT,   /* a scenario's script is at fault */
    ERR_STORE,    /* the store cannot take writes now: map or disk full, or failed */
    ERR_SYSTEM,   /* the operating system refused something else */
};

/* Owned by the caller; nothing to free. A zeroed struct is "no error". */
struct err {
    enum err_code code;
    char text[240]; /* one sentence, UTF-8, cut at a whole character */
};

/* Fill `e` (may be NULL) and return false, so that `return err_set(…)` reads well. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The ASCII name of a code ("input", "denied" …), stable: it appears in API answers. */
const char *err_code_name(enum err_code code);

/* Log file, line and condition, then abort. Compiled in always: a broken invariant must not go on. */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))
_Noreturn void must_failed(const char *cond, const char *file, int line);

#endif
