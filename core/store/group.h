/* A group of commands in one transaction: applied in order, committed, then answered in order. Private. */
#ifndef WY_STORE_GROUP_H
#define WY_STORE_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/writer.h"
#include "util/err.h"

/* Refused commands wait for the commit too: what they were refused for may be in this very group. */
struct verdict {
    struct command *command;
    struct err *err; /* NULL: applied */
};
struct group_result {
    size_t commands, refused;
    uint64_t head; /* after the commit */
    bool appended; /* and it is on disk */
    bool lost;     /* none of it is on disk, whatever the verdicts say */
    struct err why;
    struct verdict *list;
    size_t cap;
};

/* Take commands off *queue until the group is large enough, apply and commit. group_answer must follow. */
void group_run(struct store *s, struct command **queue, struct group_result *out);
void group_answer(struct group_result *r);

#endif
