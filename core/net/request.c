#include "net/request.h"

#include <stddef.h>
#include <string.h>

#include "domain/street.h"
#include "net/jobs.h"
#include "net/request_impl.h"
#include "net/server_impl.h"
#include "store/txn.h"
#include "store/writer.h"
#include "util/log.h"
#include "util/mem.h"

/* Freed lazily, not when they are over: a route function may still hold `r` after it has answered. */
struct request_list {
    struct call *over;
    size_t alive; /* `over` included */
    size_t busy;  /* jobs and commands of all */
};

/* --- life -------------------------------------------------------------------------------------- */

struct request *request_new(struct server *s, void *owner,
                            void (*answered)(void *owner, struct request *r, struct answer *a))
{
    struct request_list **list = server_requests(s);
    if (!*list)
        *list = mem_alloc(sizeof **list);
    request_reap(s, false);
    struct call *c = mem_alloc(sizeof *c);
    c->r.server = s;
    c->r.arena = &c->arena;
    c->owner = owner;
    c->answered = answered;
    (*list)->alive++;
    return &c->r;
}

/* Abandoned by its owner, and nothing of it is under way: once for each request. */
static void over_if_done(struct call *c)
{
    struct request_list *list = *server_requests(c->r.server);
    if (!c->abandoned || c->busy)
        return;
    c->next = list->over;
    list->over = c;
}

void call_busy_begin(struct call *c)
{
    c->busy++;
    (*server_requests(c->r.server))->busy++;
}

void call_busy_end(struct call *c)
{
    c->busy--;
    (*server_requests(c->r.server))->busy--;
    over_if_done(c);
}

static void call_free(struct call *c)
{
    if (c->gone)
        c->gone(&c->r);
    street_unref(c->r.street);
    buf_free(&c->answer.headers);
    buf_free(&c->answer.body);
    arena_free(&c->arena);
    mem_free(c);
}

void request_reap(struct server *s, bool all)
{
    struct request_list **list = server_requests(s);
    if (!*list)
        return;
    while ((*list)->over) {
        struct call *c = (*list)->over;
        (*list)->over = c->next;
        (*list)->alive--;
        call_free(c);
    }
    if (all) {
        if ((*list)->alive)
            log_error("request", "never answered count=%zu", (*list)->alive);
        mem_free(*list);
        *list = NULL;
    }
}

bool request_any_busy(struct server *s)
{
    struct request_list *list = *server_requests(s);
    return list && list->busy;
}

void request_abandon(struct request *r)
{
    struct call *c = call_of(r);
    must(!c->abandoned);
    c->abandoned = true;
    c->owner = NULL;
    over_if_done(c);
}

bool request_is_answered(const struct request *r)
{
    return call_of(r)->is_answered;
}

int request_in_flight(const struct request *r)
{
    return call_of(r)->busy;
}

bool request_renew(struct request *r)
{
    r->view = server_view(r->server);
    if (!r->street)
        r->street = server_street_ref(r->server);
    return r->view != NULL;
}

void request_on_end(struct request *r, void (*gone)(struct request *r))
{
    call_of(r)->gone = gone;
}

void request_on_progress(struct request *r, void (*progress)(void *owner, struct request *r))
{
    call_of(r)->progress = progress;
}

bool request_query_next(struct span *rest, struct span *name, struct span *value)
{
    if (!rest->n)
        return false;
    struct span line = span_split(rest, '\n');
    *name = span_split(&line, '=');
    *value = line.p ? line : SPAN("");
    return true;
}

struct span request_query(struct request *r, const char *name)
{
    struct span rest = r->query, n, value;
    while (request_query_next(&rest, &n, &value))
        if (span_eq(n, span_of(name)))
            return value;
    return SPAN_NONE;
}

int64_t request_query_int(struct request *r, const char *name, int64_t fallback)
{
    int64_t v;
    return span_int(request_query(r, name), &v) ? v : fallback;
}

void call_hand_over(struct call *c)
{
    if (!c->abandoned)
        c->answered(c->owner, &c->r, &c->answer);
}

/* --- workers ----------------------------------------------------------------------------------- */

struct offload {
    struct job job; /* first */
    struct server_task task;
    struct request *r;
    void *ctx;
    void (*work)(struct request *r, void *ctx);
    void (*finish)(struct request *r, void *ctx);
};

static void offload_finish(struct server_task *t)
{
    struct offload *o = (struct offload *)((char *)t - offsetof(struct offload, task));
    struct call *c = call_of(o->r);
    if (!request_renew(o->r)) {
        server_post_later(o->r->server, t);
        return;
    }
    o->finish(o->r, o->ctx);
    call_busy_end(c);
    if (c->progress && !c->abandoned)
        c->progress(c->owner, o->r);
}

static void offload_work(struct job *j)
{
    struct offload *o = (struct offload *)j;
    o->work(o->r, o->ctx);
    o->task.run = offload_finish;
    server_post(o->r->server, &o->task);
}

void request_offload_to(struct request *r, struct jobs *jobs,
                        void (*work)(struct request *r, void *ctx),
                        void (*finish)(struct request *r, void *ctx), void *ctx)
{
    struct offload *o = arena_alloc(r->arena, sizeof *o);
    *o = (struct offload){
        .job.run = offload_work, .r = r, .ctx = ctx, .work = work, .finish = finish};
    call_busy_begin(call_of(r));
    if (jobs_add(jobs, &o->job))
        return;
    call_busy_end(call_of(r));
    answer_header(r, "Retry-After", "2");
    answer_problem(r, 503, "busy", "服务器正忙，请过几秒再试", SPAN_NONE);
}

void request_offload(struct request *r, void (*work)(struct request *r, void *ctx),
                     void (*finish)(struct request *r, void *ctx), void *ctx)
{
    request_offload_to(r, server_jobs(r->server), work, finish, ctx);
}

/* --- the writer -------------------------------------------------------------------------------- */

/* Stands in the queue for the route's command: adds idempotency and the way back to the loop. */
struct submit {
    struct command outer; /* first */
    struct server_task task;
    struct request *r;
    struct command *inner;
    void (*finish)(struct request *r, struct command *c, const struct err *e);
    bool first;
    bool repeated; /* the same key was done meanwhile: `stored` holds its answer */
    struct span stored;
    struct err e;
};

/* On the writer's thread. The request's arena is not touched by the loop while a command is in
 * flight but by streams, which never come here twice with `first`. */
static bool submit_apply(struct command *outer, struct txn *t, struct err *e)
{
    struct submit *s = (struct submit *)outer;
    struct call *c = call_of(s->r);
    if (c->once && s->first) {
        struct arena a = {0};
        struct span stored;
        if (idempotency_find(c, txn_view(t), &a, &stored)) {
            s->repeated = true;
            s->stored.p = memcpy(mem_alloc(stored.n + 1), stored.p, stored.n);
            s->stored.n = stored.n;
        }
        arena_free(&a);
        if (s->repeated)
            return err_set(e, ERR_CONFLICT, "同一请求已经处理过");
    }
    return s->inner->apply(s->inner, t, e);
}
static void submit_finish(struct server_task *t)
{
    struct submit *s = (struct submit *)((char *)t - offsetof(struct submit, task));
    struct call *c = call_of(s->r);
    struct request *r = s->r;
    if (!request_renew(r)) {
        server_post_later(r->server, t);
        return;
    }
    if (s->repeated) {
        idempotency_answer(c, s->stored);
        mem_free((char *)(uintptr_t)s->stored.p);
    }
    s->finish(r, s->inner, s->e.code == ERR_NONE ? NULL : &s->e);
    mem_free(s);
    call_busy_end(c); /* freed at the earliest by the next request_new */
    if (c->progress && !c->abandoned)
        c->progress(c->owner, r);
}

static void submit_done(struct command *outer, const struct err *e)
{
    struct submit *s = (struct submit *)outer;
    if (e)
        s->e = *e;
    if (s->inner->done)
        s->inner->done(s->inner, e);
    s->task.run = submit_finish;
    server_post(s->r->server, &s->task);
}

void request_submit(struct request *r, struct command *command,
                    void (*finish)(struct request *r, struct command *c, const struct err *e))
{
    struct submit *s = mem_alloc(sizeof *s);
    s->outer.apply = submit_apply;
    s->outer.done = submit_done;
    s->r = r;
    s->inner = command;
    s->finish = finish;
    s->first = !call_of(r)->kept && !call_of(r)->progress;
    call_busy_begin(call_of(r));
    writer_submit(server_options(r->server)->writer, &s->outer);
}
