/*
 * An engine process gives up what it does not need before the first script is loaded: no new files, no
 * sockets, no other programs, no core dumps. Each fence that the kernel has is put up; the log says which.
 */
#ifndef WY_ENGINE_PRIVILEGE_H
#define WY_ENGINE_PRIVILEGE_H

#include <stdbool.h>

#include "util/err.h"

enum privilege_fence {
    PRIVILEGE_NO_NEW = 1, /* no_new_privs */
    PRIVILEGE_LIMITS = 2, /* rlimits */
    PRIVILEGE_LANDLOCK = 4,
    PRIVILEGE_SECCOMP = 8,
};
/* All threads must have been started, all files opened and mapped before. Sets *fences (may be NULL) to what
 * holds now. False only if not even no_new_privs and rlimits could be had: then do not run scripts. */
bool privilege_drop(unsigned *fences, struct err *e);

#endif
