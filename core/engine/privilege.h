/*
 * A process that runs scripts gives up what it does not need before the first script is loaded: no new files,
 * no sockets, no other programs, no core dumps. Each fence that the kernel has is put up; the log says which.
 */
#ifndef WY_ENGINE_PRIVILEGE_H
#define WY_ENGINE_PRIVILEGE_H

#include <stdbool.h>

#include "util/err.h"

enum privilege_fence {
    PRIVILEGE_NO_NEW = 1, /* no_new_privs, not dumpable */
    PRIVILEGE_LIMITS = 2, /* rlimits */
    PRIVILEGE_LANDLOCK = 4,
    PRIVILEGE_SECCOMP = 8,
};
/* Open and map everything first; call it in the thread that will run the scripts, after other threads
 * have been started (landlock holds for this thread only, seccomp for all). LMDB read transactions go on
 * working. Sets *fences (may be NULL) to what holds. False only if not even
 * no_new_privs and rlimits could be had: then do not run scripts. */
bool privilege_drop(unsigned *fences, struct err *e);
/* The same for `check` and `test`, whose examples write into a store that is already open: files that are open
 * may grow, none may be opened. */
bool privilege_drop_writing(unsigned *fences, struct err *e);

#endif
