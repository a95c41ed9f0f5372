/* A group of commands in one transaction: applied in order, committed, then answered in order. Private. */
#ifndef WY_STORE_GROUP_H
#define WY_STORE_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/writer.h"
#include "util/err.h"

struct group_result {
    size_t commands, refused;
    uint64_t head; /* after the commit */
    bool appended; /* and it is on disk */
    bool full;     /* refused for want of room */
};

/* Take commands off *queue until the group is large enough, and answer each. */
void group_run(struct store *s, struct command **queue, struct group_result *out);

#endif
