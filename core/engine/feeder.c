#include "engine/feeder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/frame.h"
#include "engine/sandbox.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

extern char **environ;

enum { FEEDS_MAX = 64, NAME_MAX_BYTES = 32, ANSWER_MS = 15000, LOAD_MS = 60000 };

struct file {
    char name[NAME_MAX_BYTES + 1];
    struct span text; /* what serves, or is to be tried first; own */
    struct buf feed;  /* JSON of what serves; empty: nothing does */
    char problem[240];
};

struct feeder {
    const char *self, *scripts_dir;
    pthread_mutex_t lock; /* everything below */
    struct file files[FEEDS_MAX];
    int count;
    pid_t pid;
    int control;
    struct buf in, out;
    uint64_t starts;
};

/* --- the process ----------------------------------------------------------------------------------------- */

static void process_end(struct feeder *f)
{
    int status;
    if (f->control >= 0)
        close(f->control);
    f->control = -1;
    buf_clear(&f->in);
    buf_clear(&f->out);
    if (f->pid <= 0)
        return;
    kill(f->pid, SIGKILL);
    while (waitpid(f->pid, &status, 0) < 0 && errno == EINTR)
        ;
    f->pid = 0;
}

/* The child has its socket as descriptor 3 and nothing else of ours. */
static bool process_spawn(struct feeder *f, int socket, struct err *e)
{
    const char *const argv[] = {f->self,        "engine",    "feed", "--scripts",
                                f->scripts_dir, "--control", "3",    NULL};
    union { /* posix_spawn takes char *const * and changes nothing */
        const char *const *given;
        char *const *taken;
    } words = {.given = argv};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGTERM);
    sigaddset(&usual, SIGINT);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, socket, 3);
    posix_spawn_file_actions_addclosefrom_np(&actions, 4);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &usual);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn(&f->pid, f->self, &actions, &attr, words.taken, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    if (!failed)
        return true;
    f->pid = 0;
    return err_set(e, ERR_SYSTEM, "不能启动 %s：%s", f->self, strerror(failed));
}

static bool process_start(struct feeder *f, struct err *e)
{
    int pair[2], high;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_set(e, ERR_SYSTEM, "socketpair：%s", strerror(errno));
    /* dup2 of a descriptor onto itself would keep CLOEXEC: never let it be 3 */
    high = fcntl(pair[1], F_DUPFD_CLOEXEC, 10);
    close(pair[1]);
    bool ok = high >= 0 && process_spawn(f, high, e);
    if (high < 0)
        err_set(e, ERR_SYSTEM, "dup：%s", strerror(errno));
    else
        close(high);
    if (!ok) {
        close(pair[0]);
        return false;
    }
    f->control = pair[0];
    f->starts++;
    return true;
}

/* Send the frame in f->out, wait for the one that answers. It stays in f->in until frame_drop. */
static bool exchange(struct feeder *f, int limit_ms, struct span *frame, struct err *e)
{
    int64_t until = clock_mono_us() + (int64_t)limit_ms * 1000;
    bool broken = false;
    while (!frame_get(&f->in, frame, &broken)) {
        int64_t left = (until - clock_mono_us()) / 1000;
        struct pollfd p = {f->control, (short)(f->out.n ? POLLIN | POLLOUT : POLLIN), 0};
        if (broken || left <= 0)
            return err_set(e, ERR_LIMIT, "转换数据超过 %d 秒，已中止", limit_ms / 1000);
        if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
            return err_set(e, ERR_SYSTEM, "poll：%s", strerror(errno));
        if (((p.revents & POLLOUT) && !frame_write(f->control, &f->out)) ||
            ((p.revents & (POLLIN | POLLHUP | POLLERR)) && !frame_read(f->control, &f->in)))
            return err_set(e, ERR_SYSTEM, "转换数据的进程中途退出");
    }
    return true;
}

static bool question(struct feeder *f, const char *op, struct span feed, struct span head,
                     struct span body, int limit_ms, struct span *frame, struct err *e)
{
    struct buf text = {0};
    struct json_w w = json_w_begin(&text);
    json_w_object(&w);
    json_w_kstr(&w, "op", op);
    json_w_kspan(&w, "feed", feed);
    json_w_object_end(&w);
    json_w_end(&w);
    if (head.n) {
        text.n--;
        buf_char(&text, ',');
        buf_span(&text, head);
        buf_char(&text, '}');
    }
    buf_char(&text, '\n');
    buf_span(&text, body);
    frame_put(&f->out, buf_view(&text));
    buf_free(&text);
    bool ok = exchange(f, limit_ms, frame, e);
    if (!ok) {
        log_warn("feed", "the process is started anew: feed=%.*s", SPAN_ARG(feed));
        process_end(f);
    }
    return ok;
}

/* --- the files ------------------------------------------------------------------------------------------- */

static void text_free(struct span *text)
{
    union { /* what was allocated here comes back as ours */
        const char *lent;
        char *own;
    } p = {text->p};
    mem_free(p.own);
    *text = SPAN_NONE;
}

/* Why it was refused, as one line. */
static void note_problem(struct file *x, const struct json *report)
{
    const struct json *first = json_item(json_get(report, "problems"), 0);
    snprintf(x->problem, sizeof x->problem, "%s",
             json_cstr(json_get(first, "message"), "检查不了这个文件"));
    x->problem[span_cut_utf8(span_of(x->problem), sizeof x->problem - 1)] = '\0';
    log_warn("feed", "%s: %s", x->name, x->problem);
}

/* Offer `text`; when it passes it serves from now on. False: the process is gone. */
static bool offer(struct feeder *f, struct file *x, struct span text, bool *passed,
                  struct err *e)
{
    struct span frame;
    struct arena a = {0};
    const struct json_limits limits = {.bytes = 4 << 20, .keys = 4096, .string = 1 << 20};
    *passed = false;
    if (!question(f, "load", span_of(x->name), SPAN_NONE, text, LOAD_MS, &frame, e)) {
        snprintf(x->problem, sizeof x->problem, "%s", e->text);
        return false;
    }
    const struct json *report = json_parse(&a, frame, &limits, NULL, e);
    *passed = json_bool(json_get(report, "ok"), false);
    if (*passed) {
        buf_clear(&x->feed);
        struct json_w w = json_w_begin(&x->feed);
        json_w_value(&w, json_get(report, "feed"));
        json_w_end(&w);
        x->problem[0] = '\0';
    } else {
        note_problem(x, report);
    }
    frame_drop(&f->in, frame);
    arena_free(&a);
    return true;
}

/* A process in which all that serves is loaded. */
static bool ready(struct feeder *f, struct err *e)
{
    if (f->pid > 0)
        return true;
    if (!process_start(f, e))
        return false;
    for (int i = 0; i < f->count; i++) {
        struct file *x = &f->files[i];
        char problem[sizeof x->problem];
        bool passed;
        memcpy(problem, x->problem, sizeof problem); /* is about the file on disk: it stays */
        if (x->feed.n && !offer(f, x, x->text, &passed, e))
            return false;
        memcpy(x->problem, problem, sizeof problem);
    }
    return true;
}

static struct file *file_of(struct feeder *f, struct span name)
{
    for (int i = 0; i < f->count; i++)
        if (span_eq(span_of(f->files[i].name), name))
            return &f->files[i];
    return NULL;
}

static void take(struct feeder *f, const char *stem)
{
    struct sandbox_module m;
    struct err e = {0};
    bool passed = false;
    struct file *x = file_of(f, span_of(stem));
    if (!x) {
        if (f->count == FEEDS_MAX)
            return;
        x = &f->files[f->count++];
        *x = (struct file){0};
        snprintf(x->name, sizeof x->name, "%.*s", NAME_MAX_BYTES, stem);
    }
    if (!sandbox_module_read(&m, f->scripts_dir, "feeds", stem, &e) || !ready(f, &e)) {
        snprintf(x->problem, sizeof x->problem, "%s", e.text);
        return;
    }
    if (offer(f, x, m.text, &passed, &e) && passed) {
        char *copy = mem_alloc(m.text.n + 1);
        memcpy(copy, m.text.p, m.text.n);
        text_free(&x->text);
        x->text = (struct span){copy, m.text.n};
    }
    sandbox_module_free(&m);
}

static bool is_feed(const struct dirent *entry, char stem[NAME_MAX_BYTES + 1])
{
    size_t n = strlen(entry->d_name);
    if (n < 5 || n - 4 > NAME_MAX_BYTES || strcmp(entry->d_name + n - 4, ".lua") != 0)
        return false;
    memcpy(stem, entry->d_name, n - 4);
    stem[n - 4] = '\0';
    for (const char *c = stem; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '_')
            return false;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void drop(struct feeder *f, int i)
{
    text_free(&f->files[i].text);
    buf_free(&f->files[i].feed);
    f->files[i] = f->files[--f->count];
}

bool feeder_reload(struct feeder *f)
{
    char path[4096], stem[NAME_MAX_BYTES + 1];
    bool here[FEEDS_MAX] = {false}, sound = true;
    snprintf(path, sizeof path, "%s/feeds", f->scripts_dir);
    pthread_mutex_lock(&f->lock);
    process_end(f); /* the next one reads what the files require anew */
    DIR *d = opendir(path);
    for (struct dirent *entry; d && (entry = readdir(d));)
        if (is_feed(entry, stem)) {
            take(f, stem);
            struct file *x = file_of(f, span_of(stem));
            if (x)
                here[x - f->files] = true;
        }
    if (d)
        closedir(d);
    for (int i = f->count; d && i-- > 0;)
        if (!here[i])
            drop(f, i);
    qsort(f->files, (size_t)f->count, sizeof *f->files, by_name);
    for (int i = 0; i < f->count; i++)
        sound = sound && !f->files[i].problem[0];
    pthread_mutex_unlock(&f->lock);
    return sound;
}

/* --- from outside ---------------------------------------------------------------------------------------- */

struct feeder *feeder_new(const char *self, const char *scripts_dir)
{
    struct feeder *f = mem_alloc(sizeof *f);
    f->self = self;
    f->scripts_dir = scripts_dir;
    f->control = -1;
    pthread_mutex_init(&f->lock, NULL);
    feeder_reload(f);
    log_info("feed", "formats=%d", f->count);
    return f;
}

void feeder_free(struct feeder *f)
{
    if (!f)
        return;
    process_end(f);
    while (f->count)
        drop(f, f->count - 1);
    buf_free(&f->in);
    buf_free(&f->out);
    pthread_mutex_destroy(&f->lock);
    mem_free(f);
}

void feeder_list(struct feeder *f, struct buf *json)
{
    pthread_mutex_lock(&f->lock);
    struct json_w w = json_w_begin(json);
    json_w_array(&w);
    for (int i = 0; i < f->count; i++) {
        const struct file *x = &f->files[i];
        json_w_object(&w);
        json_w_kstr(&w, "name", x->name);
        json_w_kstr(&w, "problem", x->problem[0] ? x->problem : NULL);
        json_w_kraw(&w, "feed", buf_view(&x->feed));
        json_w_object_end(&w);
    }
    json_w_array_end(&w);
    json_w_end(&w);
    pthread_mutex_unlock(&f->lock);
}

static enum err_code code_of(struct span name)
{
    static const enum err_code all[] = {ERR_INPUT, ERR_MISSING, ERR_LIMIT, ERR_SCRIPT};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (span_eq(name, span_of(err_code_name(all[i]))))
            return all[i];
    return ERR_SYSTEM;
}

/* {"ok":true,"result":{…}}: the result as it stands. */
static bool unwrap(struct span frame, struct buf *json, struct err *e)
{
    static const char head[] = "{\"ok\":true,\"result\":";
    struct arena a = {0};
    size_t n = sizeof head - 1;
    if (frame.n > n && !memcmp(frame.p, head, n)) {
        buf_put(json, frame.p + n, frame.n - n - 1);
        return true;
    }
    const struct json *v = json_parse(&a, frame, NULL, NULL, e);
    if (v)
        err_set(e, code_of(json_string(json_get(v, "code"))), "%s",
                json_cstr(json_get(v, "message"), "转换不了这份数据"));
    arena_free(&a);
    return false;
}

bool feeder_call(struct feeder *f, const char *op, struct span feed, struct span head,
                 struct span body, struct buf *json, struct err *e)
{
    struct span frame;
    pthread_mutex_lock(&f->lock);
    const struct file *x = file_of(f, feed);
    bool ok = x && x->feed.n;
    if (!ok)
        err_set(e, ERR_MISSING, "没有这种数据格式，或它的文件还没有通过检查");
    if (ok) {
        ok = ready(f, e) && question(f, op, feed, head, body, ANSWER_MS, &frame, e);
        /* A process that was gone when it was asked says nothing of the message: ask the next one. */
        if (!ok && e->code == ERR_SYSTEM)
            ok = ready(f, e) && question(f, op, feed, head, body, ANSWER_MS, &frame, e);
    }
    if (ok) {
        ok = unwrap(frame, json, e);
        frame_drop(&f->in, frame);
    }
    pthread_mutex_unlock(&f->lock);
    return ok;
}

uint64_t feeder_restarts(struct feeder *f)
{
    pthread_mutex_lock(&f->lock);
    uint64_t n = f->starts ? f->starts - 1 : 0;
    pthread_mutex_unlock(&f->lock);
    return n;
}
