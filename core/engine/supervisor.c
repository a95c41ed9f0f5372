#include "engine/supervisor_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain/street.h"
#include "engine/frame.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    LOOK_MS = 100,   /* how often the watchdog looks */
    STOP_MS = 3000,  /* how long a process may take to end by itself */
    CLOSED_MS = 500, /* and once it has closed its socket */
};

static void hear_frame(struct supervisor *s, struct span frame)
{
    if (span_starts(frame, SPAN("{\"t\":\"outcome\""))) {
        supervisor_submit(s, frame);
        return;
    }
    struct arena a = {0};
    const struct json *m = json_parse(&a, frame, NULL, NULL, NULL);
    struct span t = json_string(json_get(m, "t"));
    int64_t seq = 0;
    pthread_mutex_lock(&s->lock);
    if (span_eq(t, SPAN("ready"))) {
        s->ready = true;
    } else if (span_eq(t, SPAN("seen")) && json_int(json_get(m, "seq"), &seq)) {
        s->seen_told = (uint64_t)seq;
        supervisor_seen(s);
    }
    pthread_mutex_unlock(&s->lock);
    arena_free(&a);
}

bool supervisor_hear(struct supervisor *s)
{
    struct span frame;
    bool broken = false;
    if (!frame_read(s->control, &s->in))
        return false;
    while (frame_get(&s->in, &frame, &broken)) {
        hear_frame(s, frame);
        frame_drop(&s->in, frame);
    }
    return !broken;
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static void end_process(struct supervisor *s)
{
    shutdown(s->control, SHUT_RDWR);
    supervisor_child_reap(s, STOP_MS);
}

static bool is_stopping(struct supervisor *s, bool *nothing_on_way)
{
    pthread_mutex_lock(&s->lock);
    bool stopping = s->stopping;
    *nothing_on_way = s->on_way == 0 && !s->answered;
    pthread_mutex_unlock(&s->lock);
    return stopping;
}

static void turn(struct supervisor *s)
{
    struct pollfd fds[2] = {{.fd = s->wake_fd, .events = POLLIN},
                            {.fd = s->control, .events = POLLIN}};
    if (s->out.n)
        fds[1].events |= POLLOUT;
    poll(fds, s->control >= 0 ? 2 : 1, s->control >= 0 ? LOOK_MS : 10);
    uint64_t n;
    if (fds[0].revents & POLLIN && read(s->wake_fd, &n, sizeof n) < 0 && errno != EAGAIN)
        log_error("engine", "eventfd: %s", strerror(errno));
    supervisor_answer(s);
    if (s->control < 0)
        return;
    bool alive = true;
    if (s->out.n)
        alive = frame_write(s->control, &s->out);
    if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
        alive = supervisor_hear(s) && alive;
    if (alive)
        supervisor_child_look(s);
    else
        supervisor_child_reap(s, CLOSED_MS);
}

static void *run(void *arg)
{
    struct supervisor *s = arg;
    for (;;) {
        bool quiet;
        bool stopping = is_stopping(s, &quiet);
        if (stopping && s->pid > 0)
            end_process(s);
        if (stopping && quiet)
            return NULL;
        if (!stopping && s->pid == 0 && quiet && clock_mono_us() >= s->start_at)
            supervisor_child_start(s);
        turn(s);
    }
}

/* --- doors ---------------------------------------------------------------------------------------------------------- */

static void committed(void *ctx, uint64_t head)
{
    struct supervisor *s = ctx;
    (void)head;
    supervisor_wake(s->head_fd);
}

static bool open_shared(struct supervisor *s, struct err *e)
{
    s->page_fd = memfd_create("wangyi-page", MFD_CLOEXEC);
    s->head_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->page_fd < 0 || s->head_fd < 0 || s->wake_fd < 0 ||
        ftruncate(s->page_fd, PAGE_BYTES) < 0)
        return err_set(e, ERR_SYSTEM, "不能准备引擎进程的共享内存：%s", strerror(errno));
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->page_fd, 0);
    if (page == MAP_FAILED)
        return err_set(e, ERR_SYSTEM, "不能映射引擎进程的共享内存：%s", strerror(errno));
    s->page = page;
    return true;
}

static void close_shared(struct supervisor *s)
{
    if (s->page)
        munmap(s->page, PAGE_BYTES);
    int fds[] = {s->page_fd, s->head_fd, s->wake_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* The writer goes on telling it of commits: the struct and its eventfd stay until the process ends. */
static void retire(struct supervisor *s)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct supervisor *retired;
    munmap(s->page, PAGE_BYTES);
    close(s->page_fd);
    close(s->wake_fd);
    pthread_mutex_lock(&lock);
    s->next = retired;
    retired = s;
    pthread_mutex_unlock(&lock);
}

struct supervisor *supervisor_start(const struct supervisor_options *o, struct err *e)
{
    struct supervisor *s = mem_alloc(sizeof *s);
    s->options = *o;
    snprintf(s->alert_limit, sizeof s->alert_limit, "%d", o->alert_limit);
    s->control = -1;
    pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->changed);
    if (!open_shared(s, e)) {
        close_shared(s);
        mem_free(s);
        return NULL;
    }
    writer_on_commit(o->writer, committed, s);
    int failed = pthread_create(&s->thread, NULL, run, s);
    if (failed) {
        err_set(e, ERR_SYSTEM, "不能启动引擎的监护线程：%s", strerror(failed));
        retire(s);
        return NULL;
    }
    return s;
}

void supervisor_stop(struct supervisor *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    supervisor_wake(s->wake_fd);
    pthread_join(s->thread, NULL);
    while (s->counted) {
        struct counted *c = s->counted;
        s->counted = c->next;
        mem_free(c);
    }
    while (s->asides) {
        struct aside *x = s->asides;
        s->asides = x->next;
        mem_free(x);
    }
    buf_free(&s->in);
    buf_free(&s->out);
    if (s->street)
        street_unref(s->street);
    s->street = NULL;
    retire(s);
}

void supervisor_changed(struct supervisor *s)
{
    atomic_store(&s->street_old, true);
    pthread_mutex_lock(&s->lock);
    s->say_changed = true;
    pthread_mutex_unlock(&s->lock);
    supervisor_wake(s->wake_fd);
}

bool supervisor_caught_up(struct supervisor *s, uint64_t seq, int ms)
{
    int64_t until = clock_mono_us() + ms * INT64_C(1000);
    pthread_mutex_lock(&s->lock);
    while (s->seen < seq && !s->stopping && clock_cond_wait(&s->changed, &s->lock, until))
        ;
    bool ok = s->seen >= seq;
    pthread_mutex_unlock(&s->lock);
    return ok;
}

void supervisor_counters(struct supervisor *s, struct span scenario,
                         struct scenario_counters *out)
{
    *out = (struct scenario_counters){0};
    pthread_mutex_lock(&s->lock);
    for (const struct counted *c = s->counted; c; c = c->next)
        if (span_eq(span_of(c->scenario), scenario))
            *out = c->counters;
    pthread_mutex_unlock(&s->lock);
}

void supervisor_stats(struct supervisor *s, struct supervisor_stats *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->stats;
    out->running = s->stats.running && s->ready;
    pthread_mutex_unlock(&s->lock);
}
