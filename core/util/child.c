#include "util/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/clock.h"

enum { ERRORS_MAX = 8192, LIMIT_MS = 60000, OUTPUT_MAX = 64 << 20 };

extern char **environ;

struct pipes {
    int in[2], out[2], err[2]; /* [0] is read, [1] is written */
};

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void pipes_close(struct pipes *p)
{
    shut(&p->in[0]);
    shut(&p->in[1]);
    shut(&p->out[0]);
    shut(&p->out[1]);
    shut(&p->err[0]);
    shut(&p->err[1]);
}

static bool pipes_open(struct pipes *p)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->in, O_CLOEXEC) == 0 && pipe2(p->out, O_CLOEXEC) == 0 &&
        pipe2(p->err, O_CLOEXEC) == 0)
        return true;
    pipes_close(p);
    return false;
}

static int start(pid_t *pid, const char *const *argv, const struct pipes *p)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGTERM);
    sigaddset(&usual, SIGINT);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, p->in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, p->out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, p->err[1], 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &usual);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    union { /* posix_spawn takes char *const * and changes nothing */
        const char *const *given;
        char *const *taken;
    } words = {.given = argv};
    int status = posix_spawn(pid, argv[0], &actions, &attr, words.taken, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

/* Take what is there; false at the end of the stream. */
static bool drain(int fd, struct buf *into, size_t max)
{
    char bytes[16384];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (into->n < max)
        buf_put(into, bytes, (size_t)n < max - into->n ? (size_t)n : max - into->n);
    return n > 0;
}

/* False: it does not read on. */
static bool pour(int fd, struct span *left)
{
    ssize_t n = write(fd, left->p, left->n);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    left->p += n;
    left->n -= (size_t)n;
    return left->n > 0;
}

static int64_t limit_from_now(const struct child_run *r)
{
    return clock_mono_us() + (int64_t)(r->limit_ms ? r->limit_ms : LIMIT_MS) * 1000;
}

/* Whole lines go out; true if there was one. */
static bool hand_over(struct child_run *r)
{
    size_t at = 0;
    const char *end;
    while ((end = r->output.n > at ? memchr(r->output.p + at, '\n', r->output.n - at) : NULL)) {
        size_t n = (size_t)(end - r->output.p) - at;
        r->line(r->ctx, (struct span){r->output.p + at, n});
        at += n + 1;
    }
    buf_cut(&r->output, at);
    return at > 0;
}

static bool talk(struct child_run *r, struct pipes *p, int64_t until, struct err *e)
{
    enum { LOOK_MS = 100 }; /* for the order to cancel */
    struct span left = r->input;
    size_t max = r->output_max ? r->output_max : OUTPUT_MAX;
    if (left.n == 0)
        shut(&p->in[1]);
    while (p->out[0] >= 0 || p->err[0] >= 0) {
        struct pollfd fds[3] = {
            {p->in[1], POLLOUT, 0}, {p->out[0], POLLIN, 0}, {p->err[0], POLLIN, 0}};
        int64_t wait_ms = (until - clock_mono_us()) / 1000;
        if (wait_ms <= 0)
            return err_set(e, ERR_LIMIT, "子进程超过时限，已终止");
        if (r->cancel && atomic_load(r->cancel))
            return err_set(e, ERR_CONFLICT, "已取消");
        if (r->cancel && wait_ms > LOOK_MS)
            wait_ms = LOOK_MS;
        if (poll(fds, 3, (int)wait_ms) < 0 && errno != EINTR)
            return err_set(e, ERR_SYSTEM, "poll：%s", strerror(errno));
        if (fds[0].revents && !pour(p->in[1], &left))
            shut(&p->in[1]);
        if (fds[1].revents && !drain(p->out[0], &r->output, max + 1))
            shut(&p->out[0]);
        if (fds[2].revents && !drain(p->err[0], &r->errors, ERRORS_MAX))
            shut(&p->err[0]);
        if (r->line && hand_over(r))
            until = limit_from_now(r);
        if (r->output.n > max)
            return err_set(e, ERR_LIMIT, "子进程输出超过 %zu 字节，已终止", max);
    }
    return true;
}

/* It has closed its streams; it may still take its time to end. */
static bool await(pid_t pid, int *status, int64_t until)
{
    for (useconds_t nap_us = 200;; nap_us = nap_us < 20000 ? nap_us * 2 : nap_us) {
        pid_t done = waitpid(pid, status, WNOHANG);
        if (done == pid)
            return true;
        if (clock_mono_us() > until)
            return false;
        usleep(nap_us);
    }
}

bool child_run(struct child_run *r, struct err *e)
{
    struct pipes p;
    pid_t pid;
    int status = 0;
    int64_t until = limit_from_now(r);
    r->output = (struct buf){0};
    r->errors = (struct buf){0};
    r->exit_code = -1;
    if (!pipes_open(&p))
        return err_set(e, ERR_SYSTEM, "不能建立管道：%s", strerror(errno));
    int failed = start(&pid, r->argv, &p);
    if (failed) {
        pipes_close(&p);
        return err_set(e, ERR_SYSTEM, "不能启动 %s：%s", r->argv[0], strerror(failed));
    }
    shut(&p.in[0]);
    shut(&p.out[1]);
    shut(&p.err[1]);
    fcntl(p.in[1], F_SETFL, O_NONBLOCK);
    sigset_t pipe_signal, before; /* who closes its stdin early must not end us */
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    bool ok = talk(r, &p, until, e);
    pipes_close(&p);
    sigtimedwait(&pipe_signal, NULL, &(struct timespec){0, 0}); /* take ours away again */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r->line)
        until = limit_from_now(r);
    if (!ok || !await(pid, &status, until)) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return ok ? err_set(e, ERR_LIMIT, "子进程超过时限，已终止") : false;
    }
    r->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (!WIFEXITED(status))
        return err_set(e, ERR_SYSTEM, "子进程被信号 %d 终止", WTERMSIG(status));
    return true;
}

void child_free(struct child_run *r)
{
    buf_free(&r->output);
    buf_free(&r->errors);
}
