/* Running it: health, metrics, the held clock, reload, backup, the description of the interface. */
#include "net/hub.h"
#include "net/inlet.h"
#include "net/listener.h"
#include "net/request.h"
#include "net/router.h"
#include "net/server_impl.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/writer.h"
#include "util/calendar.h"

static void healthy(struct request *r)
{
    struct buf out = {0};
    buf_str(&out, "{\"ok\":true}");
    answer_json(r, 200, &out);
}

/* Ready only when it can really write, and the engine has said that it is there. */
static void ready(struct request *r)
{
    const struct server_options *o = server_options(r->server);
    struct writer_stats stats;
    struct err e = {0};
    writer_stats(o->writer, &stats);
    if (stats.state == WRITER_FULL)
        err_set(&e, ERR_STORE, "存储空间已满，暂时只能读取");
    else if (stats.state == WRITER_FAILED)
        err_set(&e, ERR_STORE, "存储正在恢复，暂时只能读取");
    else if (!o->engine.ready || o->engine.ready(o->engine.ctx, &e))
        e.code = ERR_NONE;
    if (e.code == ERR_NONE) {
        healthy(r);
        return;
    }
    answer_header(r, "Retry-After", "1");
    answer_problem(r, 503, err_code_name(e.code), e.text, SPAN_NONE);
}

static void put_metric(struct buf *out, const char *name, const char *kind, uint64_t value)
{
    buf_printf(out, "# TYPE wangyi_%s %s\nwangyi_%s %llu\n", name, kind, name,
               (unsigned long long)value);
}

static void put_http(struct server *s, struct buf *out)
{
    const struct server_counters *c = server_counters(s);
    put_metric(out, "connections", "gauge", listener_connections(server_listener(s)));
    put_metric(out, "connections_total", "counter", c->connections_all);
    put_metric(out, "connections_refused_total", "counter", c->refused_connections);
    put_metric(out, "http_requests_total", "counter", c->requests);
    put_metric(out, "http_requests_refused_total", "counter", c->refused_requests);
    buf_str(out, "# TYPE wangyi_http_answers_total counter\n");
    for (int i = 2; i < 6; i++)
        buf_printf(out, "wangyi_http_answers_total{class=\"%dxx\"} %llu\n", i,
                   (unsigned long long)c->answers[i]);
}

static void put_hub(struct server *s, struct buf *out)
{
    struct hub_stats h;
    hub_stats(server_hub(s), &h);
    put_metric(out, "websockets", "gauge", h.connections);
    put_metric(out, "subscriptions", "gauge", h.subscriptions);
    put_metric(out, "ws_messages_in_total", "counter", h.messages_in);
    put_metric(out, "ws_events_out_total", "counter", h.events_out);
    put_metric(out, "ws_bytes_out_total", "counter", h.bytes_out);
    put_metric(out, "ws_dropped_slow_total", "counter", h.dropped_slow);
}

static void put_store(struct server *s, struct buf *out)
{
    struct store_stats st;
    struct writer_stats w;
    store_stats(server_options(s)->store, &st);
    writer_stats(server_options(s)->writer, &w);
    put_metric(out, "journal_head", "gauge", st.head);
    put_metric(out, "index_tail_postings", "gauge", st.tail_postings);
    put_metric(out, "store_bytes_used", "gauge", st.bytes_used);
    put_metric(out, "store_bytes_map", "gauge", st.bytes_map);
    put_metric(out, "writer_ready", "gauge", w.state == WRITER_READY);
    put_metric(out, "commits_total", "counter", w.commits);
    put_metric(out, "commands_total", "counter", w.commands);
    put_metric(out, "commands_refused_total", "counter", w.refused);
    put_metric(out, "commands_queued", "gauge", w.queue);
    buf_printf(out, "# TYPE wangyi_commit_max_seconds gauge\nwangyi_commit_max_seconds %.6f\n",
               w.commit_ms_max / 1000);
}

static void metrics(struct request *r)
{
    struct buf out = {0};
    const struct server_engine *engine = &server_options(r->server)->engine;
    put_http(r->server, &out);
    put_hub(r->server, &out);
    put_store(r->server, &out);
    inlet_metrics(server_inlets(r->server), &out);
    if (engine->metrics)
        engine->metrics(engine->ctx, &out);
    answer_body(r, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}

/* --- what may take long ---------------------------------------------------------------------------------- */

struct chore {
    bool ok;
    int64_t to;
    struct span reason;
    struct buf json;
    struct err e;
};

static void chore_gone(struct request *r)
{
    struct chore *c = r->stream;
    if (c)
        buf_free(&c->json);
}

static struct chore *chore_new(struct request *r)
{
    struct chore *c = arena_alloc(r->arena, sizeof *c);
    r->stream = c;
    request_on_end(r, chore_gone);
    return c;
}

static void chore_finish(struct request *r, void *ctx)
{
    struct chore *c = ctx;
    if (c->ok)
        answer_json(r, 200, &c->json);
    else
        answer_err(r, &c->e);
}

static void clock_work(struct request *r, void *ctx)
{
    struct chore *c = ctx;
    const struct server_engine *engine = &server_options(r->server)->engine;
    c->ok = engine->move_clock(engine->ctx, c->to, &c->e);
}

static void clock_finish(struct request *r, void *ctx)
{
    struct chore *c = ctx;
    if (c->ok) {
        int64_t now = c->to;
        bool held = clock_is_held(r->view, &now);
        buf_str(&c->json, "{\"now\":\"");
        calendar_put_datetime(&c->json, now);
        buf_printf(&c->json, "\",\"held\":%s}", held ? "true" : "false");
    }
    chore_finish(r, ctx);
}

/* A mistyped year must not make the street run through a century of ticks. */
static const int64_t CLOCK_STEP_MAX_US = (int64_t)3653 * 24 * 3600 * 1000000;

static void clock_post(struct request *r)
{
    struct chore *c = chore_new(r);
    int64_t now;
    if (!calendar_parse_datetime(json_string(json_get(r->json, "to")), &c->to)) {
        err_set(&c->e, ERR_INPUT, "to 须为带时区的时间，例如 2020-07-15T08:30:00+08:00");
        answer_err(r, &c->e);
        return;
    }
    if (!clock_is_held(r->view, &now)) {
        err_set(&c->e, ERR_CONFLICT, "时钟在走，不能拨动；只有演练用的时钟（--clock）可以");
        answer_err(r, &c->e);
        return;
    }
    if (c->to < now) {
        err_set(&c->e, ERR_CONFLICT, "时钟不能往回拨");
        answer_err(r, &c->e);
        return;
    }
    if (c->to - now > CLOCK_STEP_MAX_US) {
        err_set(&c->e, ERR_INPUT, "一次最多拨动十年：途中的每一次定时都要运行，也不能再拨回来");
        answer_err(r, &c->e);
        return;
    }
    request_offload(r, clock_work, clock_finish, c);
}

static void reload_work(struct request *r, void *ctx)
{
    struct chore *c = ctx;
    const struct server_engine *engine = &server_options(r->server)->engine;
    c->ok = engine->reload(engine->ctx, r->person->name, c->reason, &c->json, &c->e);
}

static void reload(struct request *r)
{
    struct chore *c = chore_new(r);
    struct span reason = json_string(json_get(r->json, "reason"));
    c->reason = reason.n ? reason : SPAN("从磁盘重新加载");
    request_offload(r, reload_work, chore_finish, c);
}

static void backup_work(struct request *r, void *ctx)
{
    struct chore *c = ctx;
    const struct server_engine *engine = &server_options(r->server)->engine;
    c->ok = engine->backup(engine->ctx, &c->json, &c->e);
}

static void backup(struct request *r)
{
    request_offload(r, backup_work, chore_finish, chore_new(r));
}

static const struct route routes[] = {
    {.method = "GET",
     .path = "/-/healthy",
     .summary = "The process lives",
     .open = true,
     .handle = healthy},
    {.method = "GET",
     .path = "/-/ready",
     .summary = "It can read, write and evaluate",
     .open = true,
     .handle = ready},
    {.method = "GET",
     .path = "/metrics",
     .summary = "Counters for Prometheus",
     .open = true,
     .handle = metrics},
    {.method = "GET",
     .path = "/api/v1/openapi.json",
     .summary = "This document",
     .open = true,
     .handle = openapi_handle},
    {.method = "POST",
     .path = "/api/v1/clock",
     .summary = "Move a held clock on; ticks and timers on the way ring",
     .act = ACCESS_ADMINISTER,
     .body = BODY_JSON,
     .slow = true,
     .handle = clock_post},
    {.method = "POST",
     .path = "/api/v1/reload",
     .summary = "Read scenarios and office files from disk again",
     .act = ACCESS_ADMINISTER,
     .body = BODY_JSON,
     .slow = true,
     .handle = reload},
    {.method = "POST",
     .path = "/api/v1/backup",
     .summary = "Write a consistent copy of the store beside it",
     .act = ACCESS_ADMINISTER,
     .body = BODY_JSON,
     .slow = true,
     .handle = backup},
};
const struct route_family route_run;
const struct route_family route_run = {routes, sizeof routes / sizeof *routes};
