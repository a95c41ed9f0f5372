/*
 * A process that answers one question about what is stored: opens everything, gives up what it does not need,
 * then runs scripts. It steps back behind live evaluation.
 */
#include "engine/engine.h"

#include <string.h>
#include <sys/resource.h>

#include "domain/street.h"
#include "engine/backtest.h"
#include "engine/case_impl.h"
#include "engine/explain.h"
#include "engine/privilege.h"
#include "engine/sandbox.h"
#include "store/store.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"
#include "util/json.h"
#include "util/mem.h"

enum {
    SCRATCH_BYTES = 1 << 30,
    EXAMPLES = 100,
    EXAMPLES_MAX = 10000,
    NICE = 19,
    ALERT_LIMIT = 100
};

struct asked {
    const struct engine_question *question;
    struct arena arena;
    const struct json *request;
    struct store *store, *scratch;
    struct sandbox_modules modules;
    struct street *street;
};

static void tell_error(const struct engine_question *q, const struct err *e)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_name(&w, "error");
    json_w_object(&w);
    json_w_kstr(&w, "code", err_code_name(e->code));
    json_w_kstr(&w, "message", e->text);
    json_w_object_end(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    q->line(q->ctx, buf_view(&b));
    buf_free(&b);
}

static void tell_result(const struct engine_question *q, const struct buf *json)
{
    struct buf b = {0};
    buf_str(&b, "{\"result\":");
    buf_span(&b, buf_view(json));
    buf_char(&b, '}');
    q->line(q->ctx, buf_view(&b));
    buf_free(&b);
}

static void tell_progress(void *ctx, uint64_t done, uint64_t total)
{
    const struct engine_question *q = ctx;
    struct buf b = {0};
    buf_printf(&b, "{\"progress\":{\"done\":%llu,\"total\":%llu}}", (unsigned long long)done,
               (unsigned long long)total);
    q->line(q->ctx, buf_view(&b));
    buf_free(&b);
}

static bool load_street(struct asked *x, struct err *e)
{
    struct view *v = view_open(x->store, e);
    if (!v)
        return false;
    x->street = street_load(v, SEQ_LATEST, e);
    view_close(v);
    return x->street != NULL;
}

static bool ready(struct asked *x, bool scratch, struct err *e)
{
    const struct engine_question *q = x->question;
    struct store_options so = {.dir = q->data_dir, .read_only = true};
    if (scratch) /* for long: behind live evaluation */
        setpriority(PRIO_PROCESS, 0, NICE);
    x->request = json_parse(&x->arena, q->request, &case_wide, NULL, e);
    if (!x->request || !sandbox_modules_read(&x->modules, q->scripts_dir, e))
        return false;
    x->store = store_open(&so, e);
    if (!x->store)
        return false;
    if (scratch) {
        x->scratch = case_store_open((size_t)SCRATCH_BYTES * 16, e);
    }
    if (scratch && !x->scratch)
        return false;
    return (scratch ? privilege_drop_writing(NULL, e) : privilege_drop(NULL, e)) &&
           load_street(x, e);
}

static void done(struct asked *x)
{
    if (x->street)
        street_unref(x->street);
    if (x->scratch)
        store_close(x->scratch);
    if (x->store)
        store_close(x->store);
    sandbox_modules_free(&x->modules);
    arena_free(&x->arena);
}

static bool period(const struct asked *x, struct backtest_request *r, struct err *e)
{
    if (!calendar_parse_moment(json_string(json_get(x->request, "from")), false, &r->from) ||
        !calendar_parse_moment(json_string(json_get(x->request, "to")), true, &r->until))
        return err_set(e, ERR_INPUT,
                       "from 和 to 应是时刻（2026-03-01T00:00:00+08:00）或日期（2026-03-01）");
    return true;
}

static bool backtest(struct asked *x, struct buf *json, struct err *e)
{
    const struct json *values = json_get(x->request, "values");
    int64_t examples = EXAMPLES, limit = ALERT_LIMIT;
    struct backtest_request r = {.id = json_string(json_get(x->request, "scenario")),
                                 .text = json_string(json_get(x->request, "text"))};
    struct backtest_progress progress = {tell_progress, (void *)(uintptr_t)x->question};
    struct span against = json_string(json_get(x->request, "against"));
    if (!period(x, &r, e))
        return false;
    if (against.n && !span_eq(against, SPAN("live")))
        return err_set(e, ERR_INPUT,
                       "against 目前只能是 live：与现行版本在那段时间里报出的比较");
    if (values) {
        struct buf b = {0};
        struct json_w w = json_w_begin(&b);
        json_w_value(&w, values);
        json_w_end(&w);
        r.values = arena_span(&x->arena, buf_view(&b));
        buf_free(&b);
    }
    json_int(json_get(x->request, "examples"), &examples);
    json_int(json_get(x->request, "alert_limit"), &limit);
    r.examples = examples < 0 ? 0 : examples > EXAMPLES_MAX ? EXAMPLES_MAX : (int)examples;
    r.alert_limit = limit > 0 && limit < 1 << 20 ? (int)limit : 0;
    return backtest_run(x->store, x->scratch, x->street, &x->modules, &r, &progress, json, e);
}

static bool explain(struct asked *x, struct buf *json, struct err *e)
{
    struct explain_request r = {.id = json_string(json_get(x->request, "scenario")),
                                .about = json_string(json_get(x->request, "about")),
                                .at = INT64_MAX};
    struct span at = json_string(json_get(x->request, "at"));
    if (at.n && !calendar_parse_moment(at, true, &r.at))
        return err_set(e, ERR_INPUT, "at 应是时刻（2026-03-01T00:00:00+08:00）或日期");
    int64_t exact;
    if (at.n && !calendar_parse_datetime(at, &exact))
        r.at--; /* the end of that day, not the next one's beginning */
    return explain_run(x->store, x->street, &x->modules, &r, json, e);
}

void engine_explain(const struct engine_question *q)
{
    struct asked x = {.question = q};
    struct buf json = {0};
    struct err e = {0};
    if (ready(&x, false, &e) && explain(&x, &json, &e))
        tell_result(q, &json);
    else
        tell_error(q, &e);
    buf_free(&json);
    done(&x);
}

void engine_backtest(const struct engine_question *q)
{
    struct asked x = {.question = q};
    struct buf json = {0};
    struct err e = {0};
    if (ready(&x, true, &e) && backtest(&x, &json, &e))
        tell_result(q, &json);
    else
        tell_error(q, &e);
    buf_free(&json);
    done(&x);
}
