#include "store/writer.h"

#include <pthread.h>

#include "store/group.h"
#include "store/store_impl.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/log.h"
#include "util/mem.h"

enum { LISTENERS_MAX = 8, RETRY_MS = 200 };

struct writer {
    struct store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* under lock */
    struct command *first, **last;
    bool stopping;
    struct writer_stats stats;
    enum writer_state told; /* to the log; the writer's own */
    /* set before the first command */
    struct {
        void (*fn)(void *ctx, uint64_t head);
        void *ctx;
    } listeners[LISTENERS_MAX];
    _Atomic int listener_count; /* counted once it is filled in: commits may be going on */
};

/* As the store says, which is true before the first answer that tells of it. */
static enum writer_state state_of(const struct writer *w)
{
    return w->store->failed ? WRITER_FAILED : w->store->full ? WRITER_FULL : WRITER_READY;
}

static void log_state(struct writer *w)
{
    static const char *const words[] = {"ready", "full", "failed"};
    enum writer_state state = state_of(w);
    if (w->told != state)
        log_line(state == WRITER_READY ? LOG_INFO : LOG_ERROR, "writer", "state %s",
                 words[state]);
    w->told = state;
}

static void pause_ms(struct writer *w, int ms)
{
    int64_t until = clock_mono_us() + ms * 1000;
    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->stopping && clock_cond_wait(&w->wake, &w->lock, until))
        ;
    pthread_mutex_unlock(&w->lock);
}

/* Everything that waits; NULL and *stop at the end. With `hurry` it does not wait for work. */
static struct command *take(struct writer *w, bool hurry, bool *stop)
{
    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->stopping && !hurry)
        pthread_cond_wait(&w->wake, &w->lock);
    struct command *list = w->first;
    w->first = NULL;
    w->last = &w->first;
    *stop = w->stopping && !list;
    pthread_mutex_unlock(&w->lock);
    return list;
}

static void count(struct writer *w, const struct group_result *r, int64_t began)
{
    double ms = (double)(clock_mono_us() - began) / 1000;
    pthread_mutex_lock(&w->lock);
    w->stats.commits += r->appended;
    w->stats.commands += r->commands;
    w->stats.refused += r->refused;
    w->stats.queue -= r->commands;
    if (ms > w->stats.commit_ms_max)
        w->stats.commit_ms_max = ms;
    pthread_mutex_unlock(&w->lock);
}

static void run(struct writer *w, struct command **list)
{
    struct group_result r;
    int64_t began = clock_mono_us();
    group_run(w->store, list, &r);
    count(w, &r, began);
    group_answer(&r);
    log_state(w);
    for (int i = 0; r.appended && i < w->listener_count; i++)
        w->listeners[i].fn(w->listeners[i].ctx, r.head);
}

static void refuse(struct writer *w, struct command *list, const struct err *e)
{
    while (list) {
        struct command *c = list;
        list = c->next;
        count(w, &(struct group_result){.commands = 1, .refused = 1}, clock_mono_us());
        if (c->done)
            c->done(c, e);
    }
}

static void *work(void *arg)
{
    struct writer *w = arg;
    struct store *s = w->store;
    for (;;) {
        bool stop;
        if (s->full && !s->failed) { /* ready again as soon as there is room, asked or not */
            pause_ms(w, RETRY_MS * 5);
            s->full = store_is_full(s, false, &(struct err){0});
            log_state(w);
        }
        struct command *list = take(w, s->failed || s->full, &stop);
        if (stop)
            return NULL;
        while (list && !s->failed)
            run(w, &list);
        if (!s->failed)
            continue;
        struct err e = {0};
        if (store_recover(s, &e)) {
            log_state(w);
            while (list && !s->failed)
                run(w, &list);
            refuse(w, list, &e);
        } else {
            refuse(w, list, &e);
            pause_ms(w, RETRY_MS);
        }
    }
}

struct writer *writer_start(struct store *s, struct err *e)
{
    must(!s->options.read_only);
    struct writer *w = mem_alloc(sizeof *w);
    w->store = s;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    clock_cond_init(&w->wake);
    int rc = pthread_create(&w->thread, NULL, work, w);
    if (rc == 0)
        return w;
    mem_free(w);
    err_set(e, ERR_SYSTEM, "无法启动写入线程（错误 %d），请稍后重试", rc);
    return NULL;
}

void writer_stop(struct writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    mem_free(w);
}

void writer_submit(struct writer *w, struct command *c)
{
    c->next = NULL;
    pthread_mutex_lock(&w->lock);
    *w->last = c;
    w->last = &c->next;
    w->stats.queue++;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

struct waiting {
    struct command command;
    struct command *inner;
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool over, ok;
    struct err err;
};

static bool waiting_apply(struct command *c, struct txn *t, struct err *e)
{
    struct waiting *q = (struct waiting *)c;
    return q->inner->apply(q->inner, t, e);
}

static void waiting_done(struct command *c, const struct err *e)
{
    struct waiting *q = (struct waiting *)c;
    if (q->inner->done)
        q->inner->done(q->inner, e);
    pthread_mutex_lock(&q->lock);
    q->over = true;
    q->ok = !e;
    if (e)
        q->err = *e;
    pthread_cond_signal(&q->ready);
    pthread_mutex_unlock(&q->lock);
}

bool writer_call(struct writer *w, struct command *c, struct err *e)
{
    struct waiting q = {.command = {waiting_apply, waiting_done, NULL, c->reserve}, .inner = c};
    pthread_mutex_init(&q.lock, NULL);
    pthread_cond_init(&q.ready, NULL);
    writer_submit(w, &q.command);
    pthread_mutex_lock(&q.lock);
    while (!q.over)
        pthread_cond_wait(&q.ready, &q.lock);
    pthread_mutex_unlock(&q.lock);
    pthread_mutex_destroy(&q.lock);
    pthread_cond_destroy(&q.ready);
    if (!q.ok && e)
        *e = q.err;
    return q.ok;
}

void writer_on_commit(struct writer *w, void (*fn)(void *ctx, uint64_t head), void *ctx)
{
    int n = w->listener_count;
    must(n < LISTENERS_MAX);
    w->listeners[n].fn = fn;
    w->listeners[n].ctx = ctx;
    w->listener_count = n + 1;
}

void writer_stats(struct writer *w, struct writer_stats *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    w->stats.commit_ms_max = 0;
    out->state = state_of(w);
    pthread_mutex_unlock(&w->lock);
}
