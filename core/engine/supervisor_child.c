#include "engine/supervisor_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/frame.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    WALL_MS = 10000,
    BACKOFF_MAX_MS = 1000,
    HEALTHY_US = 10 * 1000 * 1000,
    CRASHES_MAX = 2, /* on the same entry, then its scenario is set aside */
};

/* In the child: only what is safe behind a fork of a process with threads. */
_Noreturn static void become_engine(const struct supervisor *s, int control,
                                    const char *const argv[])
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fcntl(control, F_SETFD, 0);
    fcntl(s->head_fd, F_SETFD, 0);
    fcntl(s->page_fd, F_SETFD, 0);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* The first frames of a process: whom to set aside, then that it may begin. */
static void put_begin(struct supervisor *s)
{
    struct buf text = {0};
    for (const struct aside *x = s->asides; x; x = x->next) {
        buf_clear(&text);
        struct json_w w = json_w_begin(&text);
        json_w_object(&w);
        json_w_kstr(&w, "t", "aside");
        json_w_kstr(&w, "scenario", x->scenario);
        json_w_kint(&w, "seq", (int64_t)x->seq);
        json_w_kstr(&w, "why", x->why);
        json_w_object_end(&w);
        json_w_end(&w);
        frame_put(&s->out, buf_view(&text));
    }
    buf_free(&text);
    frame_put(&s->out, SPAN("{\"t\":\"begin\"}"));
}

void supervisor_child_start(struct supervisor *s)
{
    int pair[2];
    char control[16], head[16], page[16];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("engine", "socketpair: %s", strerror(errno));
        s->start_at = clock_mono_us() + BACKOFF_MAX_MS * 1000;
        return;
    }
    snprintf(control, sizeof control, "%d", pair[1]);
    snprintf(head, sizeof head, "%d", s->head_fd);
    snprintf(page, sizeof page, "%d", s->page_fd);
    const struct supervisor_options *o = &s->options;
    const char *const argv[] = {o->self,         "engine",       "--data",    o->data_dir,
                                "--scripts",     o->scripts_dir, "--control", control,
                                "--head",        head,           "--page",    page,
                                "--alert-limit", s->alert_limit, NULL};
    atomic_store(&s->page->seq, 0);
    s->life++;
    s->pid = fork();
    if (s->pid == 0)
        become_engine(s, pair[1], argv);
    close(pair[1]);
    if (s->pid < 0) {
        log_error("engine", "fork: %s", strerror(errno));
        close(pair[0]);
        s->start_at = clock_mono_us() + BACKOFF_MAX_MS * 1000;
        return;
    }
    s->control = pair[0];
    s->started_at = clock_mono_us();
    buf_clear(&s->in);
    buf_clear(&s->out);
    put_begin(s);
    supervisor_wake(s->head_fd);
    pthread_mutex_lock(&s->lock);
    s->stats.pid = s->pid;
    s->stats.running = true;
    pthread_mutex_unlock(&s->lock);
}

/* --- setting a scenario aside --------------------------------------------------------------------------------- */

/* Told to each new process until one has said so in an outcome: it judges again what was not stored yet of the
 * entries before, and stops at this one. So nothing before it is lost, and the cursor stands right. */
static void set_aside(struct supervisor *s, const char *scenario, uint64_t seq, const char *why)
{
    struct aside *x = mem_alloc(sizeof *x);
    snprintf(x->scenario, sizeof x->scenario, "%s", scenario);
    x->seq = seq;
    x->why = why;
    x->next = s->asides;
    s->asides = x;
    log_warn("engine", "%s set aside at seq=%llu", scenario, (unsigned long long)seq);
    pthread_mutex_lock(&s->lock);
    s->stats.set_aside++;
    pthread_mutex_unlock(&s->lock);
}

/* Who is being judged; false if nobody, or if it changes just now. */
static bool read_page(struct supervisor *s, char scenario[PAGE_NAME], uint64_t *seq,
                      int64_t *since)
{
    uint64_t turn = atomic_load(&s->page->turn);
    *seq = atomic_load(&s->page->seq);
    *since = atomic_load(&s->page->since);
    memcpy(scenario, s->page->scenario, PAGE_NAME);
    scenario[PAGE_NAME - 1] = 0;
    return *seq && !(turn & 1) && atomic_load(&s->page->turn) == turn;
}

/* --- its end ----------------------------------------------------------------------------------------------------- */

static void plan_restart(struct supervisor *s)
{
    int64_t now = clock_mono_us();
    bool healthy = now - s->started_at > HEALTHY_US;
    s->backoff_ms = healthy ? 0 : s->backoff_ms ? s->backoff_ms * 2 : 10;
    if (s->backoff_ms > BACKOFF_MAX_MS)
        s->backoff_ms = BACKOFF_MAX_MS;
    s->start_at = now + (int64_t)s->backoff_ms * 1000;
}

/* Whom the process was killed for. */
struct blame {
    char scenario[PAGE_NAME];
    uint64_t seq;
};

/* The process is gone: close its socket, find out whom it was judging, plan the next one. */
static void bury(struct supervisor *s, int status, const struct blame *killed_for)
{
    char scenario[PAGE_NAME];
    uint64_t seq;
    int64_t since;
    bool judging = read_page(s, scenario, &seq, &since);
    close(s->control);
    s->control = -1;
    s->pid = 0;
    pthread_mutex_lock(&s->lock);
    bool stopping = s->stopping;
    s->ready = s->stats.running = false;
    s->stats.pid = 0;
    s->seen_told = 0;
    s->stats.restarts += !stopping;
    pthread_mutex_unlock(&s->lock);
    if (stopping)
        return;
    log_warn("engine", "process ended status=%d%s%s", status, judging ? " while judging " : "",
             judging ? scenario : "");
    if (killed_for) {
        set_aside(s, killed_for->scenario, killed_for->seq,
                  "超过时间上限，已停下；请检查脚本后再启用");
        s->crashes = 0;
    } else if (judging) {
        bool again = seq == s->crash_seq && strcmp(scenario, s->crash_scenario) == 0;
        s->crashes = again ? s->crashes + 1 : 1;
        s->crash_seq = seq;
        memcpy(s->crash_scenario, scenario, sizeof s->crash_scenario);
        if (s->crashes >= CRASHES_MAX) {
            set_aside(s, scenario, seq, "判断这一条时引擎两次崩溃，已停下；请检查脚本后再启用");
            s->crashes = 0;
        }
    }
    plan_restart(s);
}

static void reap(struct supervisor *s, const struct blame *killed_for, int options)
{
    int status;
    pid_t pid = waitpid(s->pid, &status, options);
    if (pid == s->pid || (pid < 0 && errno == ECHILD))
        bury(s, status, killed_for);
}

/* It has closed its socket or is told to end: wait for it a little, then end it. */
void supervisor_child_reap(struct supervisor *s, int ms)
{
    for (int waited = 0; s->pid > 0 && waited < ms; waited += 5) {
        reap(s, NULL, WNOHANG);
        if (s->pid > 0)
            poll(NULL, 0, 5);
    }
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        reap(s, NULL, 0);
    }
}

void supervisor_child_look(struct supervisor *s)
{
    struct blame blame;
    int64_t since;
    int wall = s->options.wall_ms ? s->options.wall_ms : WALL_MS;
    if (!read_page(s, blame.scenario, &blame.seq, &since) ||
        clock_mono_us() - since < (int64_t)wall * 1000)
        return;
    log_warn("engine", "%s takes more than %d ms at seq=%llu, killed pid=%d", blame.scenario,
             wall, (unsigned long long)blame.seq, (int)s->pid);
    kill(s->pid, SIGKILL);
    while (supervisor_hear(s) && s->in.n) /* what it sent before still counts */
        ;
    reap(s, &blame, 0);
}
