#include "net/backtests.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "net/hub.h"
#include "net/jobs.h"
#include "net/server_impl.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/json.h"
#include "util/mem.h"

enum { KEEP = 32, WAITING_MAX = 8, TELL_US = 500 * 1000 };

enum state { QUEUED, RUNNING, DONE, FAILED, CANCELLED };
static const char *const state_names[] = {"queued", "running", "done", "failed", "cancelled"};

struct item {
    struct job job;          /* of the pool */
    struct server_task task; /* tells the sockets; under way while `telling` */
    struct backtests *all;
    struct item *next; /* newest first */
    char id[27];
    char *scenario, *owner;
    struct buf request, result;
    struct err e;
    atomic_bool cancel;
    enum state state; /* under lock, as all below */
    uint64_t done, total;
    bool telling;
    int64_t told_at;
};
struct backtests {
    struct server *server;
    struct jobs *jobs;
    pthread_mutex_t lock;
    struct item *items;
};

static void item_free(struct item *x)
{
    mem_free(x->scenario);
    mem_free(x->owner);
    buf_free(&x->request);
    buf_free(&x->result);
    mem_free(x);
}

static char *copy_text(struct span s)
{
    char *p = mem_alloc(s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

/* --- telling ----------------------------------------------------------------------------------------------- */

static void put_head(const struct item *x, struct json_w *w)
{
    json_w_kstr(w, "job", x->id);
    json_w_kstr(w, "scenario", x->scenario);
    json_w_kstr(w, "state", state_names[x->state]);
    json_w_kint(w, "done", (int64_t)x->done);
    json_w_kint(w, "total", (int64_t)x->total);
}

/* On the loop. */
static void tell_sockets(struct server_task *t)
{
    struct item *x = (struct item *)((char *)t - offsetof(struct item, task));
    struct buf data = {0};
    struct json_w w = json_w_begin(&data);
    pthread_mutex_lock(&x->all->lock);
    x->telling = false;
    json_w_object(&w);
    put_head(x, &w);
    json_w_object_end(&w);
    pthread_mutex_unlock(&x->all->lock);
    json_w_end(&w);
    struct hub *hub = server_hub(x->all->server);
    if (hub && !server_is_stopping(x->all->server))
        hub_tell_scenarios(hub, "wangyi.backtest.progress", span_of(x->scenario),
                           buf_view(&data));
    buf_free(&data);
}

/* Under the lock. */
static void tell(struct item *x)
{
    x->told_at = clock_mono_us();
    if (x->telling)
        return;
    x->telling = true;
    server_post(x->all->server, &x->task);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct item *x = ctx;
    pthread_mutex_lock(&x->all->lock);
    x->done = done;
    x->total = total;
    if (clock_mono_us() - x->told_at >= TELL_US)
        tell(x);
    pthread_mutex_unlock(&x->all->lock);
}

/* --- running ----------------------------------------------------------------------------------------------- */

static void set_state(struct item *x, enum state state)
{
    pthread_mutex_lock(&x->all->lock);
    x->state = state;
    tell(x);
    pthread_mutex_unlock(&x->all->lock);
}

static void run(struct job *j)
{
    struct item *x = (struct item *)j; /* its first member */
    const struct server_engine *engine = &server_options(x->all->server)->engine;
    struct buf result = {0};
    struct err e = {0};
    bool ok = false;
    if (!atomic_load(&x->cancel)) {
        set_state(x, RUNNING);
        ok = engine->backtest ? engine->backtest(engine->ctx, buf_view(&x->request),
                                                 on_progress, x, &x->cancel, &result, &e)
                              : err_set(&e, ERR_SYSTEM, "这里不能回测");
    }
    pthread_mutex_lock(&x->all->lock);
    x->result = result;
    x->e = e;
    if (ok)
        x->done = x->total;
    pthread_mutex_unlock(&x->all->lock);
    set_state(x, ok ? DONE : atomic_load(&x->cancel) ? CANCELLED : FAILED);
}

/* Under the lock: what nobody has asked for since 32 newer ones came. */
static void forget_old(struct backtests *b)
{
    int n = 0;
    for (struct item **at = &b->items; *at;) {
        struct item *x = *at;
        if (++n <= KEEP || x->state < DONE || x->telling) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        item_free(x);
    }
}

bool backtests_add(struct backtests *b, struct span scenario, struct span owner,
                   struct span request, char job[27], struct err *e)
{
    struct item *x = mem_alloc(sizeof *x);
    uint64_t seed;
    id_random(&seed, sizeof seed);
    id_from_seed(x->id, seed, SPAN("backtest"));
    memcpy(job, x->id, sizeof x->id);
    x->job.run = run;
    x->task.run = tell_sockets;
    x->all = b;
    x->scenario = copy_text(scenario);
    x->owner = copy_text(owner);
    buf_span(&x->request, request);
    pthread_mutex_lock(&b->lock);
    bool ok = jobs_add(b->jobs, &x->job);
    if (ok) {
        x->next = b->items;
        b->items = x;
        forget_old(b);
    }
    pthread_mutex_unlock(&b->lock);
    if (!ok) {
        item_free(x);
        return err_set(e, ERR_LIMIT, "等着做的回测太多，请稍后再试");
    }
    return true;
}

/* --- asking ------------------------------------------------------------------------------------------------ */

/* Under the lock. */
static struct item *find(struct backtests *b, struct span scenario, struct span job,
                         struct err *e)
{
    for (struct item *x = b->items; x; x = x->next)
        if (span_eq(span_of(x->id), job) && span_eq(span_of(x->scenario), scenario))
            return x;
    err_set(e, ERR_MISSING, "没有这次回测，或者结果已经过期");
    return NULL;
}

static struct span reads_of(struct arena *a, struct span result)
{
    static const struct json_limits wide = {
        .bytes = 256u << 20, .depth = 32, .keys = 4096, .string = 1 << 20};
    struct json_scan scan;
    struct json_value value;
    struct span name;
    if (!json_scan_open(&scan, a, result, &wide, NULL))
        return SPAN_NONE;
    while (json_scan_next(&scan, &name, &value, NULL))
        if (span_eq(name, SPAN("reads")))
            return arena_span(a, value.raw);
    return SPAN_NONE;
}

bool backtests_view(struct backtests *b, struct arena *a, struct span scenario, struct span job,
                    struct backtest_view *out, struct buf *json, struct err *e)
{
    *out = (struct backtest_view){.ended = false};
    pthread_mutex_lock(&b->lock);
    const struct item *x = find(b, scenario, job, e);
    if (x) {
        struct json_w w = json_w_begin(json);
        out->ended = x->state >= DONE;
        out->owner = arena_span(a, span_of(x->owner));
        if (x->state == DONE)
            out->reads = reads_of(a, buf_view(&x->result));
        json_w_object(&w);
        put_head(x, &w);
        if (x->state == DONE)
            json_w_kraw(&w, "result", buf_view(&x->result));
        if (x->state == FAILED) {
            json_w_name(&w, "error");
            json_w_object(&w);
            json_w_kstr(&w, "code", err_code_name(x->e.code));
            json_w_kstr(&w, "message", x->e.text);
            json_w_object_end(&w);
        }
        json_w_object_end(&w);
        json_w_end(&w);
    }
    pthread_mutex_unlock(&b->lock);
    return x != NULL;
}

bool backtests_cancel(struct backtests *b, struct span scenario, struct span job, struct err *e)
{
    pthread_mutex_lock(&b->lock);
    struct item *x = find(b, scenario, job, e);
    if (x)
        atomic_store(&x->cancel, true);
    pthread_mutex_unlock(&b->lock);
    return x != NULL;
}

/* --- begin and end ------------------------------------------------------------------------------------------- */

struct backtests *backtests_new(struct server *s)
{
    struct backtests *b = mem_alloc(sizeof *b);
    b->server = s;
    pthread_mutex_init(&b->lock, NULL);
    b->jobs = jobs_new(1, WAITING_MAX);
    return b;
}

void backtests_stop(struct backtests *b)
{
    if (!b || !b->jobs)
        return;
    pthread_mutex_lock(&b->lock);
    for (struct item *x = b->items; x; x = x->next)
        atomic_store(&x->cancel, true);
    pthread_mutex_unlock(&b->lock);
    jobs_free(b->jobs);
    b->jobs = NULL;
}

void backtests_free(struct backtests *b)
{
    if (!b)
        return;
    backtests_stop(b);
    while (b->items) {
        struct item *x = b->items;
        b->items = x->next;
        item_free(x);
    }
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
}
