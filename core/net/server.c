#include "net/server_impl.h"

#include <errno.h>
#include <ev.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "domain/street.h"
#include "net/backtests.h"
#include "net/http.h"
#include "net/hub.h"
#include "net/inlet.h"
#include "net/jobs.h"
#include "net/listener.h"
#include "net/pull.h"
#include "net/request.h"
#include "net/session.h"
#include "net/static.h"
#include "net/ws.h"
#include "store/picture.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

enum { STOP_GRACE_TICKS = 20, TICKS_A_SECOND = 4, DRAIN_WAITS = 3000 };

struct server {
    struct server_options o;
    struct ev_loop *loop;
    ev_timer tick;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    struct listener *listener;
    struct view *view;
    bool view_held;
    struct sessions *sessions;
    struct static_files *files;
    struct hub *hub;
    struct jobs *jobs, *hash_jobs, *feed_jobs;
    struct inlet_board *inlets;
    struct pull *pull;
    struct job expiring; /* of pictures; `expires` while it is under way */
    atomic_bool expires;
    struct backtests *backtests;
    struct request_list *requests;
    struct exchange *exchanges;
    struct server_counters counters;
    int ticks, stopping_ticks;
    bool stopping, quiet;
    struct server_task *later, **later_last; /* wait for the store to be readable */
    atomic_bool stop_asked;

    pthread_mutex_t lock; /* what other threads touch: */
    struct street *street;
    struct server_task *first, **last;
    bool closed; /* no loop to wake any more */

    atomic_bool committed; /* `commit_task` is queued */
    struct server_task commit_task, street_task;
    atomic_bool street_queued;
};

/* The writer keeps its listeners for ever, servers come and go (tests). */
static struct {
    pthread_mutex_t lock;
    struct server *server;
} commits = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- what others ask --------------------------------------------------------------------------------- */

const struct server_options *server_options(const struct server *s)
{
    return &s->o;
}

struct sessions *server_sessions(struct server *s)
{
    return s->sessions;
}

struct static_files *server_files(struct server *s)
{
    return s->files;
}

struct hub *server_hub(struct server *s)
{
    return s->hub;
}

struct jobs *server_jobs(struct server *s)
{
    return s->jobs;
}

struct backtests *server_backtests(struct server *s)
{
    return s->backtests;
}

struct jobs *server_hash_jobs(struct server *s)
{
    return s->hash_jobs;
}

struct jobs *server_feed_jobs(struct server *s)
{
    return s->feed_jobs;
}

struct inlet_board *server_inlets(struct server *s)
{
    return s->inlets;
}

struct pull *server_pull(struct server *s)
{
    return s->pull;
}

struct ev_loop *server_loop(struct server *s)
{
    return s->loop;
}

struct request_list **server_requests(struct server *s)
{
    return &s->requests;
}

struct exchange **server_exchanges(struct server *s)
{
    return &s->exchanges;
}

struct server_counters *server_counters(struct server *s)
{
    return &s->counters;
}

struct listener *server_listener(struct server *s)
{
    return s->listener;
}

bool server_is_tls(const struct server *s)
{
    return s->o.tls_cert != NULL;
}

bool server_is_stopping(const struct server *s)
{
    return s->stopping;
}

int server_port(const struct server *s)
{
    return listener_port(s->listener);
}

struct view *server_view(struct server *s)
{
    struct err e = {0};
    s->view_held = view_renew(s->view, &e);
    if (!s->view_held)
        log_warn("server", "the store cannot be read now: %s", e.text);
    return s->view_held ? s->view : NULL;
}

struct street *server_street(struct server *s)
{
    return s->street; /* only the loop replaces it */
}

struct street *server_street_ref(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    struct street *street = s->street ? street_ref(s->street) : NULL;
    pthread_mutex_unlock(&s->lock);
    return street;
}

/* --- tasks from other threads ------------------------------------------------------------------------- */

void server_post(struct server *s, struct server_task *t)
{
    pthread_mutex_lock(&s->lock);
    bool idle = !s->first;
    t->next = NULL;
    *s->last = t;
    s->last = &t->next;
    if (idle && s->lws && !s->closed)
        lws_cancel_service(s->lws);
    pthread_mutex_unlock(&s->lock);
}

void server_post_later(struct server *s, struct server_task *t)
{
    t->next = NULL;
    *s->later_last = t;
    s->later_last = &t->next;
}

static void run_later(struct server *s)
{
    struct server_task *t = s->later, *next;
    s->later = NULL;
    s->later_last = &s->later;
    for (; t; t = next) {
        next = t->next;
        t->run(t);
    }
}

static void run_tasks(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    struct server_task *t = s->first, *next;
    s->first = NULL;
    s->last = &s->first;
    pthread_mutex_unlock(&s->lock);
    for (; t; t = next) {
        next = t->next;
        t->run(t);
    }
}

static void on_committed(struct server_task *t)
{
    struct server *s = (struct server *)((char *)t - offsetof(struct server, commit_task));
    struct view *v = server_view(s);
    if (!v) {
        server_post_later(s, t);
        return;
    }
    atomic_store(&s->committed, false);
    if (s->hub && !s->stopping)
        hub_committed(s->hub, view_head(v));
}

static void commit_listener(void *ctx, uint64_t head)
{
    (void)ctx;
    (void)head;
    pthread_mutex_lock(&commits.lock);
    struct server *s = commits.server;
    if (s && !atomic_exchange(&s->committed, true))
        server_post(s, &s->commit_task);
    pthread_mutex_unlock(&commits.lock);
}

static void street_read(struct server *s, struct view *v)
{
    struct err e = {0};
    struct street *now = street_load(v, SEQ_LATEST, &e);
    if (!now) {
        if (e.code != ERR_MISSING)
            log_error("server", "the office's files cannot be read: %s", e.text);
        return;
    }
    pthread_mutex_lock(&s->lock);
    struct street *before = s->street;
    s->street = now;
    pthread_mutex_unlock(&s->lock);
    street_unref(before);
}

static void on_street(struct server_task *t)
{
    struct server *s = (struct server *)((char *)t - offsetof(struct server, street_task));
    struct view *v = server_view(s);
    if (!v) {
        server_post_later(s, t);
        return;
    }
    atomic_store(&s->street_queued, false);
    street_read(s, v);
}

void server_street_changed(struct server *s)
{
    if (!atomic_exchange(&s->street_queued, true))
        server_post(s, &s->street_task);
}

/* --- the loop ------------------------------------------------------------------------------------------ */

static void stop_begin(struct server *s)
{
    s->stopping = true;
    listener_close(s->listener);
    if (s->hub)
        hub_stop(s->hub);
    log_info("server", "stopping open=%zu", http_open(s));
}

static void expire_pictures(struct job *j)
{
    struct server *s = (struct server *)((char *)j - offsetof(struct server, expiring));
    int64_t before = clock_wall_us() / 1000000 - (int64_t)s->o.picture_days * 86400;
    uint64_t n = picture_expire(s->o.data_dir, before);
    if (n)
        log_info("server", "pictures expired=%llu", (unsigned long long)n);
    atomic_store(&s->expires, false);
}

/* Old pictures go by the office's policy; the records that spoke of them stay. */
static void expire_hourly(struct server *s)
{
    if (!s->o.data_dir || !s->o.picture_days || s->stopping ||
        s->ticks % (3600 * TICKS_A_SECOND) != TICKS_A_SECOND ||
        atomic_exchange(&s->expires, true))
        return;
    s->expiring.run = expire_pictures;
    if (!jobs_add(s->jobs, &s->expiring))
        atomic_store(&s->expires, false);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server *s = timer->data;
    (void)events;
    if (atomic_load(&s->stop_asked) && !s->stopping)
        stop_begin(s);
    if (s->stopping && (!http_open(s) || ++s->stopping_ticks > STOP_GRACE_TICKS))
        ev_break(loop, EVBREAK_ALL);
    http_tick(s);
    run_later(s);
    listener_tick(s->listener);
    /* lws looks at its own timeouts only after an event of its own: let there be one. */
    if (!s->closed)
        lws_cancel_service(s->lws);
    if (++s->ticks % TICKS_A_SECOND)
        return;
    expire_hourly(s);
    sessions_tick(s->sessions);
    if (!s->stopping)
        hub_tick(s->hub);
    request_reap(s, false);
    if (s->view_held) { /* an old view would hold the store's free pages */
        view_release(s->view);
        s->view_held = false;
    }
}

static void forget_peer(struct lws *wsi)
{
    struct peer *p = lws_get_opaque_user_data(wsi);
    lws_set_opaque_user_data(wsi, NULL);
    if (p)
        listener_forget(p);
}

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                   size_t len)
{
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        run_tasks(lws_context_user(lws_get_context(wsi)));
        return 0;
    }
    int result = http_callback(wsi, reason, user, in, len);
    if (reason == LWS_CALLBACK_WSI_DESTROY)
        forget_peer(wsi);
    return result;
}

static int on_ws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                 size_t len)
{
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED)
        return 0; /* comes once a protocol: the other one has it */
    int result = ws_callback(wsi, reason, user, in, len);
    if (reason == LWS_CALLBACK_WSI_DESTROY)
        forget_peer(wsi);
    return result;
}

static const struct lws_protocols protocols[] = {
    {.name = HTTP_PROTOCOL, .callback = on_http, .per_session_data_size = HTTP_SESSION_BYTES},
    {.name = WS_PROTOCOL,
     .callback = on_ws,
     .per_session_data_size = WS_SESSION_BYTES,
     .rx_buffer_size = 4096,
     .tx_packet_size =
         64 * 1024}, /* of what ws_send.c hands to lws; 0 would mean 4096 a turn */
    {0},
};

/* --- building ------------------------------------------------------------------------------------------ */

static void lws_log(int level, const char *line)
{
    size_t n = strlen(line);
    while (n && line[n - 1] == '\n')
        n--;
    if (level == LLL_ERR)
        log_warn("lws", "%.*s", (int)n, line);
    else
        log_debug("lws", "%.*s", (int)n, line);
}

static bool context_make(struct server *s, struct err *e)
{
    static const lws_retry_bo_t life = {.secs_since_valid_ping = 20,
                                        .secs_since_valid_hangup = 60};
    void *loops[] = {s->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER, /* listener.c accepts */
        .protocols = protocols,
        .user = s,
        .foreign_loops = loops,
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .pt_serv_buf_size = 32 * 1024,
        .max_http_header_data = 8192,
        .max_http_header_pool = 1024,
        .timeout_secs = 10,
        .keepalive_timeout = 15,
        .timeout_secs_ah_idle = 10,
        .retry_and_idle_policy = &life,
        .vhost_name = "wangyi",
        .gid = -1,
        .uid = -1,
    };
    if (server_is_tls(s)) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = s->o.tls_cert;
        info.ssl_private_key_filepath = s->o.tls_key;
        info.alpn = "http/1.1"; /* never h2: dependencies.md 1.4 */
        /* SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_RENEGOTIATION */
        info.ssl_options_set = 0x04000000L | 0x10000000L | 0x40000000L;
    }
    lws_set_log_level(LLL_ERR, lws_log);
    listener_take_descriptors();
    s->lws = lws_create_context(&info);
    if (!s->lws)
        return err_set(e, ERR_SYSTEM, "网络库无法启动，请检查内存与文件句柄上限");
    s->vhost = lws_create_vhost(s->lws, &info);
    if (!s->vhost)
        return err_set(e, ERR_SYSTEM, "网络库无法启动，请检查证书 %s 与私钥 %s",
                       s->o.tls_cert ? s->o.tls_cert : "-", s->o.tls_key ? s->o.tls_key : "-");
    return true;
}

static bool port_write(const struct server *s, struct err *e)
{
    if (!s->o.port_file)
        return true;
    FILE *f = fopen(s->o.port_file, "we");
    bool ok = f && fprintf(f, "%d\n", server_port(s)) > 0;
    if (f && fclose(f))
        ok = false;
    return ok ||
           err_set(e, ERR_SYSTEM, "无法写入端口文件 %s：%s", s->o.port_file, strerror(errno));
}

static bool options_check(const struct server_options *o, struct err *e)
{
    if (!o->listen)
        return err_set(e, ERR_INPUT, "缺少监听地址，例如 127.0.0.1:8080");
    if (!o->tls_cert != !o->tls_key)
        return err_set(e, ERR_INPUT, "证书与私钥须同时给出");
    return true;
}

static bool file_readable(const char *path, struct err *e)
{
    return !path || access(path, R_OK) == 0 ||
           err_set(e, ERR_INPUT, "读不了 %s：%s", path, strerror(errno));
}

bool server_check(const struct server_options *o, struct err *e)
{
    return options_check(o, e) && file_readable(o->tls_cert, e) &&
           file_readable(o->tls_key, e) && listener_check(o->listen, e);
}

static bool build(struct server *s, struct err *e)
{
    s->loop = ev_loop_new(EVFLAG_AUTO);
    if (!s->loop)
        return err_set(e, ERR_SYSTEM, "事件循环无法启动");
    s->view = view_open(s->o.store, e);
    if (!s->view)
        return false;
    s->view_held = true;
    s->jobs = jobs_new(4, 256);
    s->hash_jobs = jobs_new(2, 64);
    s->feed_jobs = jobs_new(1, 32);
    s->inlets = inlet_board_new();
    s->backtests = backtests_new(s);
    street_read(s, s->view);
    s->files = static_load(s->o.web_dir, e);
    s->sessions = s->files ? sessions_new(s, e) : NULL;
    if (!s->sessions || !context_make(s, e))
        return false;
    s->hub = hub_new(s, e);
    if (!s->hub)
        return false;
    s->listener = listener_open(s, s->vhost, s->o.listen, e);
    if (!s->listener || !port_write(s, e))
        return false;
    ev_timer_init(&s->tick, on_tick, 1.0 / TICKS_A_SECOND, 1.0 / TICKS_A_SECOND);
    s->tick.data = s;
    ev_timer_start(s->loop, &s->tick);
    return true;
}

static void listen_for_commits(struct server *s)
{
    pthread_mutex_lock(&commits.lock);
    commits.server = s;
    pthread_mutex_unlock(&commits.lock);
    writer_on_commit(s->o.writer, commit_listener, NULL);
}

struct server *server_new(const struct server_options *o, struct err *e)
{
    if (!options_check(o, e))
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    struct server *s = mem_alloc(sizeof *s);
    s->o = *o;
    s->last = &s->first;
    s->later_last = &s->later;
    s->commit_task.run = on_committed;
    s->street_task.run = on_street;
    pthread_mutex_init(&s->lock, NULL);
    if (!build(s, e)) {
        server_free(s);
        return NULL;
    }
    listen_for_commits(s);
    log_info("server", "listening on %s port=%d tls=%d files=%zu", o->listen, server_port(s),
             server_is_tls(s), static_count(s->files));
    return s;
}

/* No connection, no worker and no command of ours is left afterwards: writer and engine may be stopped. */
static void quiesce(struct server *s)
{
    if (s->quiet)
        return;
    s->quiet = true;
    listener_close(s->listener);
    if (s->loop)
        ev_timer_stop(s->loop, &s->tick);
    pthread_mutex_lock(&commits.lock);
    if (commits.server == s)
        commits.server = NULL;
    pthread_mutex_unlock(&commits.lock);
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    pthread_mutex_unlock(&s->lock);
    if (s->lws) {
        lws_context_destroy(
            s->lws); /* libev closes in place: one call frees it all, unlike libuv */
        s->lws = NULL;
    }
    for (int i = 0; i < DRAIN_WAITS && request_any_busy(s); i++) {
        run_tasks(s);
        run_later(s);
        usleep(10 * 1000);
    }
    backtests_stop(s->backtests);
    run_tasks(s);
    jobs_free(s->jobs);
    jobs_free(s->hash_jobs);
    jobs_free(s->feed_jobs);
    s->jobs = s->hash_jobs = s->feed_jobs = NULL;
    run_tasks(s);
    if (request_any_busy(s))
        log_error("server", "a command was not answered by the writer");
    else
        request_reap(s, true);
}

bool server_run(struct server *s, struct err *e)
{
    (void)e;
    s->pull = pull_start(s);
    ev_run(s->loop, 0);
    pull_stop(s->pull);
    s->pull = NULL;
    quiesce(s);
    return true;
}

/* Also called in signal handlers' threads: the tick sees it within a quarter of a second. */
void server_stop(struct server *s)
{
    atomic_store(&s->stop_asked, true);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    quiesce(s);
    hub_free(s->hub);
    backtests_free(s->backtests);
    sessions_free(s->sessions);
    inlet_board_free(s->inlets);
    listener_free(s->listener);
    static_free(s->files);
    view_close(s->view);
    street_unref(s->street);
    if (s->loop)
        ev_loop_destroy(s->loop);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}
