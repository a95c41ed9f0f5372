/* What the net floor needs of engine, ticker and files, without knowing them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/local.h"
#include "cli/question.h"
#include "cli/serve.h"
#include "engine/feeder.h"
#include "engine/supervisor.h"
#include "engine/ticker.h"
#include "store/backup.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"

static bool check(void *ctx, struct span id, struct span text, struct span values,
                  struct buf *json, struct err *e)
{
    const struct serve *s = ctx;
    return import_check(s->scripts_dir, id, text, values, json, e);
}

static bool backtest(void *ctx, struct span request,
                     void (*progress)(void *ctx, uint64_t done, uint64_t total),
                     void *progress_ctx, const atomic_bool *cancel, struct buf *json,
                     struct err *e)
{
    const struct serve *s = ctx;
    struct question q = {.what = "backtest",
                         .data_dir = s->data_dir,
                         .scripts_dir = s->scripts_dir,
                         .request = request,
                         .progress = progress,
                         .ctx = progress_ctx,
                         .cancel = cancel,
                         .limit_ms = 60 * 1000};
    return question_ask(&q, json, e);
}

static bool explain(void *ctx, struct span request, struct buf *json, struct err *e)
{
    const struct serve *s = ctx;
    struct question q = {.what = "explain",
                         .data_dir = s->data_dir,
                         .scripts_dir = s->scripts_dir,
                         .request = request,
                         .limit_ms = 20 * 1000};
    return question_ask(&q, json, e);
}

static void changed(void *ctx)
{
    struct serve *s = ctx;
    supervisor_changed(s->supervisor);
    ticker_changed(s->ticker);
}

/* One more file that is refused; the one before stays in force, the others are read all the same. */
static void refuse(struct import_result *r, const char *id, const char *why)
{
    struct buf list = {0};
    buf_char(&list, '[');
    struct json_w w = json_w_begin(&list);
    json_w_object(&w);
    json_w_kstr(&w, "id", id);
    json_w_kint(&w, "line", 0);
    json_w_kstr(&w, "message", why);
    json_w_object_end(&w);
    json_w_end(&w);
    struct span others = buf_view(&r->refused); /* "[…]" */
    if (r->refused_count++)
        buf_char(&list, ',');
    buf_put(&list, others.p + 1, others.n - 1);
    buf_free(&r->refused);
    r->refused = list;
}

static void reload_feeds(struct serve *s, struct import_result *r)
{
    struct arena a = {0};
    struct buf json = {0};
    const struct json_limits limits = {.bytes = 4 << 20, .keys = 4096, .string = 1 << 20};
    if (s->feeder && !feeder_reload(s->feeder)) {
        feeder_list(s->feeder, &json);
        const struct json *list = json_parse(&a, buf_view(&json), &limits, NULL, NULL);
        for (size_t i = 0; i < json_count(list); i++) {
            const struct json *one = json_item(list, i);
            const char *why = json_cstr(json_get(one, "problem"), NULL);
            if (why)
                refuse(r, arena_printf(&a, "feeds/%s", json_cstr(json_get(one, "name"), "")),
                       why);
        }
    }
    buf_free(&json);
    arena_free(&a);
}

bool serve_reload(struct serve *s, struct span author, struct span reason, struct buf *json,
                  struct err *e)
{
    struct importer in = {s->store, s->writer, s->scripts_dir, s->scenarios_dir};
    struct import_result r;
    struct err why = {0};
    bool office = false;
    pthread_mutex_lock(&s->reloading);
    bool office_ok = import_office(&in, &office, &why);
    bool ok = import_scenarios(&in, author, reason, &r, e);
    pthread_mutex_unlock(&s->reloading);
    if (ok && !office_ok)
        refuse(&r, "office", why.text);
    if (ok)
        reload_feeds(s, &r);
    if (ok)
        buf_printf(json, "{\"changed\":%.*s,\"unchanged\":%d,\"refused\":%.*s}",
                   SPAN_ARG(buf_view(&r.changed)), r.unchanged, SPAN_ARG(buf_view(&r.refused)));
    if (ok)
        log_info("reload", "changed=%d unchanged=%d refused=%d office=%s", r.changed_count,
                 r.unchanged, r.refused_count,
                 office      ? "changed"
                 : office_ok ? "same"
                             : "refused");
    import_result_free(&r);
    if (office && s->server)
        server_street_changed(s->server);
    if (s->supervisor)
        changed(s);
    return ok;
}

static bool feed_call(void *ctx, const char *op, struct span feed, struct span head,
                      struct span body, struct buf *json, struct err *e)
{
    struct serve *s = ctx;
    return feeder_call(s->feeder, op, feed, head, body, json, e);
}

static void feed_list(void *ctx, struct buf *json)
{
    struct serve *s = ctx;
    feeder_list(s->feeder, json);
}

static bool reload(void *ctx, struct span author, struct span reason, struct buf *json,
                   struct err *e)
{
    return serve_reload(ctx, author, reason, json, e);
}

static bool move_clock(void *ctx, int64_t to, struct err *e)
{
    struct serve *s = ctx;
    return ticker_move(s->ticker, to, e);
}

static bool backup(void *ctx, struct buf *json, struct err *e)
{
    struct serve *s = ctx;
    char dir[4096], name[32];
    struct tm tm;
    time_t now = (time_t)(clock_wall_us() / 1000000);
    gmtime_r(&now, &tm);
    strftime(name, sizeof name, "%Y%m%dT%H%M%SZ", &tm);
    if ((size_t)snprintf(dir, sizeof dir, "%s/backups", s->data_dir) >=
        sizeof dir - sizeof name - 1)
        return err_set(e, ERR_INPUT, "数据目录的路径太长");
    if (!local_make_dir(dir, e))
        return false;
    strcat(strcat(dir, "/"), name);
    if (!backup_write(s->store, s->vault, dir, e))
        return false;
    struct json_w w = json_w_begin(json);
    json_w_object(&w);
    json_w_kstr(&w, "dir", dir);
    json_w_object_end(&w);
    json_w_end(&w);
    return true;
}

static void counters(void *ctx, struct span scenario, struct scenario_counters *out)
{
    struct serve *s = ctx;
    supervisor_counters(s->supervisor, scenario, out);
}

static void metrics(void *ctx, struct buf *text)
{
    struct serve *s = ctx;
    struct supervisor_stats st;
    supervisor_stats(s->supervisor, &st);
    buf_printf(
        text,
        "# TYPE wangyi_engine_up gauge\nwangyi_engine_up %d\n"
        "# TYPE wangyi_engine_restarts_total counter\nwangyi_engine_restarts_total %llu\n"
        "# TYPE wangyi_engine_outcomes_total counter\nwangyi_engine_outcomes_total %llu\n"
        "# TYPE wangyi_engine_outcomes_refused_total "
        "counter\nwangyi_engine_outcomes_refused_total %llu\n"
        "# TYPE wangyi_engine_set_aside_total counter\nwangyi_engine_set_aside_total %llu\n"
        "# TYPE wangyi_engine_slowest_cursor gauge\nwangyi_engine_slowest_cursor %llu\n",
        st.running, (unsigned long long)st.restarts, (unsigned long long)st.outcomes,
        (unsigned long long)st.refused, (unsigned long long)st.set_aside,
        (unsigned long long)st.slowest_cursor);
}

static bool ready(void *ctx, struct err *e)
{
    struct serve *s = ctx;
    struct supervisor_stats st;
    supervisor_stats(s->supervisor, &st);
    return st.running || err_set(e, ERR_SYSTEM, "引擎正在启动");
}

void serve_engine(struct serve *s, struct server_engine *out)
{
    *out = (struct server_engine){.ctx = s,
                                  .check = check,
                                  .backtest = backtest,
                                  .explain = explain,
                                  .reload = reload,
                                  .move_clock = move_clock,
                                  .backup = backup,
                                  .feed_call = feed_call,
                                  .feed_list = feed_list,
                                  .changed = changed,
                                  .counters = counters,
                                  .metrics = metrics,
                                  .ready = ready};
}
