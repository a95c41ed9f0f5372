/* A few threads for work that may wait: what needs the writer's answer, a hash, a child process, a file. */
#ifndef WY_NET_JOBS_H
#define WY_NET_JOBS_H

#include <stdbool.h>
#include <stddef.h>

struct jobs;
struct job { /* embedded in the caller's own struct */
    void (*run)(struct job *j);
    struct job *next; /* the queue's */
};

struct jobs *jobs_new(int threads, size_t queue_max);
/* False: the queue is full, nothing was taken. Any thread. */
bool jobs_add(struct jobs *jobs, struct job *j);
void jobs_free(struct jobs *jobs); /* everything queued is still run */

#endif
