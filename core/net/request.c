#include "net/request.h"

#include <string.h>

#include "domain/street.h"
#include "net/jobs.h"
#include "net/server_impl.h"
#include "store/txn.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/id.h"
#include "util/log.h"
#include "util/mem.h"

enum { KEY_MAX = 128, WHAT_CHARS = 64 };

/* The whole of a request; struct request must stay its first member. */
struct call {
    struct request r;
    struct arena arena;
    struct answer answer;
    void *owner;
    void (*answered)(void *owner, struct request *r, struct answer *a);
    void (*gone)(struct request *r);
    void (*progress)(void *owner, struct request *r);
    bool is_answered, abandoned;
    int busy;              /* jobs and commands under way: it must not be freed */
    bool once, keep, kept; /* Idempotency-Key: honoured; its answer may be stored; is stored */
    bool replayed;         /* answered from the store: what the route says now is dropped */
    char what[WHAT_CHARS + 1]; /* hash of what was asked with the key */
    struct call *next;         /* the server's list of those that are over */
};

/* Freed lazily, not when they are over: a route function may still hold `r` after it has answered. */
struct request_list {
    struct call *over;
    size_t alive; /* `over` included */
    size_t busy;  /* jobs and commands of all */
};

static struct call *call_of(const struct request *r)
{
    return (struct call *)(uintptr_t)r;
}

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

static void busy_begin(struct call *c)
{
    c->busy++;
    (*server_requests(c->r.server))->busy++;
}

static void busy_end(struct call *c)
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

bool request_is_busy(const struct request *r)
{
    return call_of(r)->busy > 0;
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

/* --- answers ----------------------------------------------------------------------------------- */

int err_status(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return 200;
    case ERR_INPUT:
        return 400;
    case ERR_DENIED:
        return 403;
    case ERR_MISSING:
        return 404;
    case ERR_CONFLICT:
        return 409;
    case ERR_LIMIT:
        return 413;
    case ERR_SCRIPT:
        return 422;
    case ERR_STORE:
        return 503;
    case ERR_SYSTEM:
        return 500;
    }
    return 500;
}

static void hand_over(struct call *c)
{
    if (!c->abandoned)
        c->answered(c->owner, &c->r, &c->answer);
}

static bool must_keep(const struct call *c)
{
    return c->once && !c->kept && !c->replayed && c->answer.status < 400;
}

static void keep_then_hand_over(struct call *c);

void answer_header(struct request *r, const char *name, const char *value)
{
    struct call *c = call_of(r);
    if (c->is_answered)
        return;
    must(!span_has_control(span_of(name)) && !span_has_control(span_of(value)));
    buf_printf(&c->answer.headers, "%s: %s\r\n", name, value);
}

void answer_body(struct request *r, int status, const char *type, struct buf *take_body)
{
    struct call *c = call_of(r);
    if (c->is_answered) {
        must(c->replayed || c->abandoned); /* a route answers once */
        buf_free(take_body);
        return;
    }
    c->is_answered = true;
    c->answer.status = status;
    c->answer.type = type;
    c->answer.body = *take_body;
    *take_body = (struct buf){0};
    if (must_keep(c))
        keep_then_hand_over(c);
    else
        hand_over(c);
}

static void put_percent(struct buf *out, struct span s, bool path)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~' ||
                     (path && c == '/');
        if (plain)
            buf_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void answer_json(struct request *r, int status, struct buf *take_json)
{
    answer_body(r, status, "application/json", take_json);
}

void answer_empty(struct request *r, int status)
{
    struct buf none = {0};
    answer_body(r, status, NULL, &none);
}

static const char *status_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "请求有误"},       {401, "尚未登录"},     {403, "无权操作"},
        {404, "没有找到"},       {405, "方法不支持"},   {409, "状态冲突"},
        {411, "缺少长度"},       {412, "版本已变化"},   {413, "内容过大"},
        {415, "格式不支持"},     {422, "无法处理"},     {429, "过于频繁"},
        {500, "服务器内部错误"}, {503, "暂时无法服务"}, {507, "存储空间不足"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "错误";
}

/* One item that speaks of the whole request, for problems that know no better place. */
static void put_error(struct json_w *w, const char *code, const char *message)
{
    json_w_array(w);
    json_w_object(w);
    json_w_kstr(w, "pointer", "");
    json_w_kstr(w, "code", code);
    json_w_kstr(w, "message", message);
    json_w_object_end(w);
    json_w_array_end(w);
}

void answer_problem(struct request *r, int status, const char *code, const char *detail,
                    struct span errors)
{
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    json_w_kstr(&w, "type", "about:blank");
    json_w_kstr(&w, "title", status_title(status));
    json_w_kint(&w, "status", status);
    json_w_kstr(&w, "detail", detail);
    json_w_kstr(&w, "code", code);
    json_w_name(&w, "errors");
    if (errors.n)
        json_w_raw(&w, errors);
    else
        put_error(&w, code, detail);
    json_w_object_end(&w);
    json_w_end(&w);
    answer_body(r, status, "application/problem+json", &out);
}

void answer_unreadable(struct request *r)
{
    struct err e = {0};
    err_set(&e, ERR_STORE, "数据库正在恢复，请几秒后重试");
    answer_err(r, &e);
}

/* A full map or disk is told apart from a store that has failed (reliability.md P10). */
static int store_status(struct server *s)
{
    struct writer_stats stats;
    writer_stats(server_options(s)->writer, &stats);
    return stats.state == WRITER_FULL ? 507 : 503;
}

void answer_err(struct request *r, const struct err *e)
{
    int status = e->code == ERR_STORE ? store_status(r->server) : err_status(e->code);
    if (status >= 500)
        answer_header(r, "Retry-After", "5");
    answer_problem(r, status, err_code_name(e->code), e->text, SPAN_NONE);
}

void answer_next(struct request *r, struct span after)
{
    struct span rest = r->query, name, value;
    struct buf link = {0};
    buf_char(&link, '<');
    put_percent(&link, r->path, true);
    buf_str(&link, "?after=");
    put_percent(&link, after, false);
    while (request_query_next(&rest, &name, &value)) {
        if (span_eq(name, SPAN("after")))
            continue;
        buf_char(&link, '&');
        put_percent(&link, name, false);
        buf_char(&link, '=');
        put_percent(&link, value, false);
    }
    buf_str(&link, ">; rel=\"next\"");
    answer_header(r, "Link", arena_printf(r->arena, "%.*s", SPAN_ARG(buf_view(&link))));
    buf_free(&link);
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
    busy_end(c);
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
    busy_begin(call_of(r));
    if (jobs_add(jobs, &o->job))
        return;
    busy_end(call_of(r));
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

static struct span once_key(struct call *c, struct arena *a)
{
    return span_of(arena_printf(a, "%.*s\n%.*s", SPAN_ARG(c->r.person->name),
                                SPAN_ARG(c->r.idempotency_key)));
}

/* On the writer's thread. The request's arena is not touched by the loop while a command is in
 * flight but by streams, which never come here twice with `first`. */
static bool submit_apply(struct command *outer, struct txn *t, struct err *e)
{
    struct submit *s = (struct submit *)outer;
    struct call *c = call_of(s->r);
    if (c->once && s->first) {
        struct arena a = {0};
        struct span stored;
        if (idem_get(txn_view(t), &a, once_key(c, &a), &stored)) {
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

static void replay(struct call *c, struct span stored);

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
        replay(c, s->stored);
        mem_free((char *)(uintptr_t)s->stored.p);
    }
    s->finish(r, s->inner, s->e.code == ERR_NONE ? NULL : &s->e);
    mem_free(s);
    busy_end(c); /* freed at the earliest by the next request_new */
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
    busy_begin(call_of(r));
    writer_submit(server_options(r->server)->writer, &s->outer);
}

/* --- idempotency ------------------------------------------------------------------------------- */

/* Stored: 64 hex characters of what was asked, the status in three digits, the JSON answered. */
static struct span stored_make(struct call *c, struct arena *a, int status, struct span json)
{
    if (!c->keep)
        json = SPAN_NONE;
    return span_of(arena_printf(a, "%s%03d%.*s", c->what, status, SPAN_ARG(json)));
}

bool request_keep(struct request *r, struct txn *t, int status, struct span json, struct err *e)
{
    struct call *c = call_of(r);
    if (!c->once)
        return true;
    struct arena a = {0};
    bool ok = idem_put(t, once_key(c, &a), stored_make(c, &a, status, json), e);
    c->kept = ok;
    arena_free(&a);
    return ok;
}

static void replay(struct call *c, struct span stored)
{
    struct request *r = &c->r;
    int64_t status = 0;
    bool same = stored.n >= WHAT_CHARS + 3 && !memcmp(stored.p, c->what, WHAT_CHARS) &&
                span_int((struct span){stored.p + WHAT_CHARS, 3}, &status);
    if (!same) {
        answer_problem(r, 422, "idempotency_key",
                       "这个 Idempotency-Key 已用于另一个请求，请换一个", SPAN_NONE);
    } else if (stored.n == WHAT_CHARS + 3 && (status != 204 || !c->keep)) {
        answer_problem(r, 409, "conflict", "这个请求已经处理过，其结果只显示一次", SPAN_NONE);
    } else {
        struct buf body = {0};
        buf_put(&body, stored.p + WHAT_CHARS + 3, stored.n - WHAT_CHARS - 3);
        c->replayed = true;
        answer_header(r, "Idempotency-Replayed", "true");
        answer_body(r, (int)status, status == 204 ? NULL : "application/json", &body);
    }
    c->replayed = true;
}

static void what_make(struct call *c)
{
    struct request *r = &c->r;
    struct buf all = {0};
    const struct span parts[] = {r->method, r->path, r->query, r->body};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_be64(&all, parts[i].n);
        buf_span(&all, parts[i]);
    }
    id_sha256_hex(c->what, buf_view(&all));
    buf_free(&all);
}

bool request_replay(struct request *r, bool keep)
{
    struct call *c = call_of(r);
    struct span stored, key = r->idempotency_key;
    if (!key.n || !r->person)
        return false;
    bool sound = key.n <= KEY_MAX;
    for (size_t i = 0; i < key.n && sound; i++)
        sound = key.p[i] > 0x20 && key.p[i] < 0x7F;
    if (!sound) {
        answer_problem(r, 400, "input", "Idempotency-Key 须为 1 至 128 个可见 ASCII 字符",
                       SPAN_NONE);
        return true;
    }
    c->keep = keep;
    what_make(c);
    if (!request_renew(r)) {
        answer_unreadable(r);
        return true;
    }
    if (idem_get(r->view, r->arena, once_key(c, r->arena), &stored)) {
        replay(c, stored);
        return true;
    }
    c->once = true;
    return false;
}

/* For routes that have no command of their own to keep the answer with. */
struct late_keep {
    struct command command; /* first */
    struct server_task task;
    struct call *c;
};

static bool late_apply(struct command *command, struct txn *t, struct err *e)
{
    struct call *c = ((struct late_keep *)command)->c;
    return request_keep(&c->r, t, c->answer.status, buf_view(&c->answer.body), e);
}

static void late_finish(struct server_task *t)
{
    struct late_keep *k = (struct late_keep *)((char *)t - offsetof(struct late_keep, task));
    struct call *c = k->c;
    mem_free(k);
    hand_over(c); /* also if it could not be kept: what was asked is done */
    busy_end(c);
}

static void late_done(struct command *command, const struct err *e)
{
    struct late_keep *k = (struct late_keep *)command;
    (void)e;
    k->task.run = late_finish;
    server_post(k->c->r.server, &k->task);
}

static void keep_then_hand_over(struct call *c)
{
    struct late_keep *k = mem_alloc(sizeof *k);
    k->command.apply = late_apply;
    k->command.done = late_done;
    k->c = c;
    busy_begin(c);
    writer_submit(server_options(c->r.server)->writer, &k->command);
}
