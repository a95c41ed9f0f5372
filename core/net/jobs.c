#include "net/jobs.h"

#include <pthread.h>
#include <signal.h>

#include "util/err.h"
#include "util/mem.h"

enum { THREADS_MAX = 8 };

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct job *first, **last; /* under lock, as all below */
    size_t queued, queue_max;
    bool closing;
    pthread_t threads[THREADS_MAX];
    int count;
};

static struct job *take(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->first && !jobs->closing)
        pthread_cond_wait(&jobs->some, &jobs->lock);
    struct job *j = jobs->first;
    if (j) {
        jobs->first = j->next;
        jobs->queued--;
        if (!jobs->first)
            jobs->last = &jobs->first;
    }
    pthread_mutex_unlock(&jobs->lock);
    return j;
}

static void *work(void *ctx)
{
    struct jobs *jobs = ctx;
    struct job *j;
    while ((j = take(jobs)))
        j->run(j);
    return NULL;
}

struct jobs *jobs_new(int threads, size_t queue_max)
{
    must(threads > 0 && threads <= THREADS_MAX);
    struct jobs *jobs = mem_alloc(sizeof *jobs);
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->some, NULL);
    jobs->last = &jobs->first;
    jobs->queue_max = queue_max;
    /* Signals are for the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (jobs->count < threads &&
           pthread_create(&jobs->threads[jobs->count], NULL, work, jobs) == 0)
        jobs->count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    must(jobs->count > 0);
    return jobs;
}

bool jobs_add(struct jobs *jobs, struct job *j)
{
    pthread_mutex_lock(&jobs->lock);
    bool room = jobs->queued < jobs->queue_max && !jobs->closing;
    if (room) {
        j->next = NULL;
        *jobs->last = j;
        jobs->last = &j->next;
        jobs->queued++;
        pthread_cond_signal(&jobs->some);
    }
    pthread_mutex_unlock(&jobs->lock);
    return room;
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->closing = true;
    pthread_cond_broadcast(&jobs->some);
    pthread_mutex_unlock(&jobs->lock);
    for (int i = 0; i < jobs->count; i++)
        pthread_join(jobs->threads[i], NULL);
    pthread_cond_destroy(&jobs->some);
    pthread_mutex_destroy(&jobs->lock);
    mem_free(jobs);
}
