/*
 * A short-lived process of its own: text in on stdin, text out on stdout, a limit of time. What is checked or
 * converted by code we do not trust runs there and not in the server.
 */
#ifndef WY_UTIL_CHILD_H
#define WY_UTIL_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct child_run {
    const char *const *argv; /* argv[0] is the path; ends with NULL */
    struct span input;       /* written to its stdin, which is then closed */
    int limit_ms;            /* it is killed after this; 0 = 60 000 */
    size_t output_max;       /* it is killed when it writes more; 0 = 64 MiB */
    /* Set: each line of its stdout is handed over as it comes, without its end, and not kept; then limit_ms counts
     * from the last one. */
    void (*line)(void *ctx, struct span line);
    void *ctx;
    const atomic_bool
        *cancel;       /* may be NULL; it is killed soon after this is set, with ERR_CONFLICT */
    struct buf output; /* what it wrote to stdout; the caller frees */
    struct buf errors; /* the first 8 KiB of its stderr; the caller frees */
    int exit_code;     /* of a process that ended by itself, 128 + signal otherwise */
};
/* True if it ended by itself, with whatever code. False (ERR_SYSTEM, ERR_LIMIT) if it could not be started, took
 * too long, wrote too much or was killed. It inherits no file descriptor but 0, 1 and 2 and no blocked signal. */
bool child_run(struct child_run *r, struct err *e);
void child_free(struct child_run *r); /* output and errors */

#endif
