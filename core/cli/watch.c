/* --watch: a saved file goes live by itself. Editors write in several steps, so it waits for quiet. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli/serve.h"
#include "util/log.h"
#include "util/mem.h"

enum { QUIET_MS = 200 };

struct watch {
    struct serve *serve;
    pthread_t thread;
    int notify, stop;
};

static bool add(struct watch *w, const char *dir, const char *below, struct err *e)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", dir, below);
    if (inotify_add_watch(w->notify, path,
                          IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                              IN_ONLYDIR) >= 0)
        return true;
    return err_set(e, ERR_SYSTEM, "不能监视目录 %s：%s", path, strerror(errno));
}

static bool add_if_there(struct watch *w, const char *dir, const char *below, struct err *e)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", dir, below);
    return access(path, F_OK) != 0 || add(w, dir, below, e);
}

/* Read away what has been told; true if it concerns a Lua file. */
static bool drain(int fd)
{
    _Alignas(struct inotify_event) char bytes[8192];
    bool any = false;
    ssize_t n;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        for (char *at = bytes; at < bytes + n;) {
            const struct inotify_event *event = (const void *)at;
            size_t length = event->len ? strlen(event->name) : 0;
            any = any || (event->mask & IN_Q_OVERFLOW) ||
                  (length > 4 && strcmp(event->name + length - 4, ".lua") == 0);
            at += sizeof *event + event->len;
        }
    }
    return any;
}

static void *run(void *arg)
{
    struct watch *w = arg;
    struct pollfd fds[2] = {{w->notify, POLLIN, 0}, {w->stop, POLLIN, 0}};
    bool pending = false;
    for (;;) {
        int n = poll(fds, 2, pending ? QUIET_MS : -1);
        if (n > 0 && fds[1].revents)
            return NULL;
        if (n > 0 && fds[0].revents)
            pending = drain(w->notify) || pending;
        if (n != 0 || !pending)
            continue;
        struct buf json = {0};
        struct err e = {0};
        pending = false;
        if (!serve_reload(w->serve, SPAN("watch"), SPAN("文件有改动"), &json, &e))
            log_error("reload", "%s", e.text);
        buf_free(&json);
    }
}

struct watch *watch_start(struct serve *s, struct err *e)
{
    struct watch *w = mem_alloc(sizeof *w);
    w->serve = s;
    w->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    w->stop = eventfd(0, EFD_CLOEXEC);
    bool ok = w->notify >= 0 && w->stop >= 0;
    if (!ok)
        err_set(e, ERR_SYSTEM, "inotify：%s", strerror(errno));
    ok = ok && add(w, s->scenarios_dir, "", e) && add(w, s->scripts_dir, "/office", e) &&
         add(w, s->scripts_dir, "/std", e) && add_if_there(w, s->scripts_dir, "/feeds", e);
    if (ok && pthread_create(&w->thread, NULL, run, w) == 0)
        return w;
    if (ok)
        err_set(e, ERR_SYSTEM, "不能启动线程");
    close(w->notify);
    close(w->stop);
    mem_free(w);
    return NULL;
}

void watch_stop(struct watch *w)
{
    if (!w)
        return;
    eventfd_write(w->stop, 1);
    pthread_join(w->thread, NULL);
    close(w->notify);
    close(w->stop);
    mem_free(w);
}
