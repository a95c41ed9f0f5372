#include "engine/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "domain/outcome.h"
#include "domain/street.h"
#include "engine/frame.h"
#include "engine/page.h"
#include "store/store.h"
#include "store/version.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    WALL_MS = 10000,
    LOOK_MS = 100, /* how often the watchdog looks */
    BACKOFF_MAX_MS = 1000,
    HEALTHY_US = 10 * 1000 * 1000,
    STOP_MS = 3000,  /* how long a process may take to end by itself */
    CLOSED_MS = 500, /* and once it has closed its socket */
    CRASHES_MAX = 2, /* on the same entry, then its scenario is set aside */
};

struct counted {
    char scenario[PAGE_NAME];
    struct scenario_counters counters;
    struct counted *next;
};

struct aside {
    char scenario[PAGE_NAME];
    uint64_t seq;
    const char *why;
    struct aside *next;
};

struct supervisor {
    struct supervisor_options options;
    char alert_limit[16];
    pthread_t thread;
    struct page *page;
    int page_fd, head_fd,
        wake_fd; /* head: the journal has grown; wake: this thread is wanted */

    /* the process; the supervisor's thread only */
    pid_t pid;
    int control;
    unsigned life; /* number of the process: answers to an earlier one go nowhere */
    struct buf in, out;
    int64_t started_at, start_at; /* clock_mono_us; start_at: not before */
    int backoff_ms;
    char crash_scenario[PAGE_NAME];
    uint64_t crash_seq;
    int crashes;
    struct aside *asides;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* seen has moved */
    /* under the lock */
    bool stopping, say_changed, ready;
    struct outcome_command *answered; /* done, to be acknowledged */
    int on_way;                       /* outcomes at the writer */
    uint64_t seen, seen_told;         /* counts once everything sent before it is done */
    struct counted *counted;
    struct supervisor_stats stats;

    /* the writer's thread only */
    struct street *street;
    _Atomic bool street_old;
    struct supervisor *next; /* of the retired ones */
};

/* --- outcomes to the writer --------------------------------------------------------------------------- */

struct outcome_command {
    struct command command;
    struct supervisor *supervisor;
    struct arena arena;
    const struct json *json;
    unsigned life;
    bool ok;
    struct outcome_command *next;
};

static void wake(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0 && errno != EAGAIN)
        log_error("engine", "eventfd: %s", strerror(errno));
}

/* The office files as they are now; read again when they have changed. */
static struct street *street_now(struct supervisor *s, struct txn *t, struct err *e)
{
    if (s->street && !atomic_exchange(&s->street_old, false))
        return s->street;
    struct street *fresh = street_load(txn_view(t), SEQ_LATEST, e);
    if (fresh) {
        if (s->street)
            street_unref(s->street);
        s->street = fresh;
    } else {
        atomic_store(&s->street_old, true);
    }
    return fresh;
}

static bool apply_outcome(struct command *c, struct txn *t, struct err *e)
{
    struct outcome_command *o = (struct outcome_command *)c;
    struct street *street = street_now(o->supervisor, t, e);
    return street && outcome_apply(t, street, o->json, e);
}

static void outcome_done(struct command *c, const struct err *e)
{
    struct outcome_command *o = (struct outcome_command *)c;
    struct supervisor *s = o->supervisor;
    o->ok = e == NULL;
    if (e && e->code != ERR_CONFLICT)
        log_error("engine", "outcome not stored: %s", e->text);
    pthread_mutex_lock(&s->lock);
    o->next = NULL;
    struct outcome_command **at = &s->answered;
    while (*at)
        at = &(*at)->next;
    *at = o;
    int fd = s->wake_fd; /* the supervisor lives until this has been taken off the list */
    wake(fd);
    pthread_mutex_unlock(&s->lock);
}

static struct counted *counted_of(struct supervisor *s, struct span id)
{
    for (struct counted *c = s->counted; c; c = c->next)
        if (span_eq(span_of(c->scenario), id))
            return c;
    struct counted *c = mem_alloc(sizeof *c);
    snprintf(c->scenario, sizeof c->scenario, "%.*s", SPAN_ARG(id));
    c->next = s->counted;
    s->counted = c;
    return c;
}

static void count(struct supervisor *s, const struct json *outcome)
{
    int64_t runs = 0, unknown = 0;
    struct counted *c = counted_of(s, json_string(json_get(outcome, "scenario")));
    json_int(json_get(outcome, "runs"), &runs);
    json_int(json_get(outcome, "unknown"), &unknown);
    c->counters.runs += (uint64_t)runs;
    c->counters.unknown += (uint64_t)unknown;
    c->counters.errors += json_get(outcome, "fault") != NULL;
    s->stats.outcomes++;
}

static void submit(struct supervisor *s, struct span frame)
{
    static const struct json_limits wide = {
        .bytes = FRAME_MAX, .depth = 40, .keys = 100000, .string = 1 << 20};
    struct outcome_command *o = mem_alloc(sizeof *o);
    struct err e = {0};
    o->json = json_parse(&o->arena, frame, &wide, NULL, &e);
    if (!o->json) {
        log_error("engine", "outcome not readable: %s", e.text);
        arena_free(&o->arena);
        mem_free(o);
        if (s->pid > 0)
            kill(s->pid, SIGKILL); /* it begins again at the stored cursor */
        return;
    }
    o->command.apply = apply_outcome;
    o->command.done = outcome_done;
    o->supervisor = s;
    o->life = s->life;
    pthread_mutex_lock(&s->lock);
    count(s, o->json);
    s->on_way++;
    pthread_mutex_unlock(&s->lock);
    writer_submit(s->options.writer, &o->command);
}

/* --- answers to the engine ------------------------------------------------------------------------------ */

static void put_ack(struct supervisor *s, const struct outcome_command *o)
{
    struct buf text = {0};
    struct json_w w = json_w_begin(&text);
    int64_t to = 0;
    json_int(json_get(o->json, "to"), &to);
    json_w_object(&w);
    json_w_kstr(&w, "t", "ack");
    json_w_kspan(&w, "scenario", json_string(json_get(o->json, "scenario")));
    json_w_kint(&w, "to", to);
    json_w_kbool(&w, "ok", o->ok);
    json_w_object_end(&w);
    json_w_end(&w);
    frame_put(&s->out, buf_view(&text));
    buf_free(&text);
}

/* What the engine has seen counts once nothing of it is on its way to disk. Under the lock. */
static void seen_counts(struct supervisor *s)
{
    if (s->on_way > 0 || s->seen_told <= s->seen)
        return;
    s->seen = s->seen_told;
    s->stats.slowest_cursor = s->seen;
    pthread_cond_broadcast(&s->changed);
}

/* The fault is stored: nobody has to be told any more. */
static void drop_aside(struct supervisor *s, const struct json *fault,
                       const struct json *outcome)
{
    int64_t seq = 0;
    json_int(json_get(fault, "seq"), &seq);
    struct span id = json_string(json_get(outcome, "scenario"));
    for (struct aside **at = &s->asides; *at;) {
        struct aside *x = *at;
        if (x->seq == (uint64_t)seq && span_eq(span_of(x->scenario), id)) {
            *at = x->next;
            mem_free(x);
        } else {
            at = &x->next;
        }
    }
}

static void answer(struct supervisor *s)
{
    pthread_mutex_lock(&s->lock);
    struct outcome_command *list = s->answered;
    s->answered = NULL;
    bool changed = s->say_changed;
    s->say_changed = false;
    for (struct outcome_command *o = list; o; o = o->next) {
        s->on_way--;
        s->stats.refused += !o->ok;
        if (!o->ok && o->life == s->life)
            s->seen_told = 0; /* it will judge again what was refused */
    }
    seen_counts(s);
    pthread_mutex_unlock(&s->lock);
    while (list) {
        struct outcome_command *o = list;
        list = o->next;
        if (o->ok && json_get(o->json, "fault"))
            drop_aside(s, json_get(o->json, "fault"), o->json);
        if (o->life == s->life && s->control >= 0)
            put_ack(s, o);
        arena_free(&o->arena);
        mem_free(o);
    }
    if (changed && s->control >= 0)
        frame_put(&s->out, SPAN("{\"t\":\"changed\"}"));
}

static void hear_frame(struct supervisor *s, struct span frame)
{
    if (span_starts(frame, SPAN("{\"t\":\"outcome\""))) {
        submit(s, frame);
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
        seen_counts(s);
    }
    pthread_mutex_unlock(&s->lock);
    arena_free(&a);
}

static bool hear(struct supervisor *s)
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

/* --- the process ------------------------------------------------------------------------------------------- */

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

static void start(struct supervisor *s)
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
    wake(s->head_fd);
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
static void reap_soon(struct supervisor *s, int ms)
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

static void look_at_page(struct supervisor *s)
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
    while (hear(s) && s->in.n) /* what it sent before still counts */
        ;
    reap(s, &blame, 0);
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static void end_process(struct supervisor *s)
{
    shutdown(s->control, SHUT_RDWR);
    reap_soon(s, STOP_MS);
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
    answer(s);
    if (s->control < 0)
        return;
    bool alive = true;
    if (s->out.n)
        alive = frame_write(s->control, &s->out);
    if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
        alive = hear(s) && alive;
    if (alive)
        look_at_page(s);
    else
        reap_soon(s, CLOSED_MS);
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
            start(s);
        turn(s);
    }
}

/* --- doors ---------------------------------------------------------------------------------------------------------- */

static void committed(void *ctx, uint64_t head)
{
    struct supervisor *s = ctx;
    (void)head;
    wake(s->head_fd);
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
    pthread_condattr_t mono;
    s->options = *o;
    snprintf(s->alert_limit, sizeof s->alert_limit, "%d", o->alert_limit);
    s->control = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &mono);
    pthread_condattr_destroy(&mono);
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
    wake(s->wake_fd);
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
    wake(s->wake_fd);
}

bool supervisor_caught_up(struct supervisor *s, uint64_t seq, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&s->lock);
    while (s->seen < seq && !s->stopping &&
           pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
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
