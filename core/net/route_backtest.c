/* Backtests over HTTP: asked for, looked at, cancelled. Who may change the scenario may try it. */
#include "domain/access.h"
#include "domain/dictionary.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "net/backtests.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "store/version.h"
#include "util/calendar.h"

enum { SCRIPT_MAX = 256 * 1024 };

/* An editor of its office; of a scenario that is not live yet: any. *known: it is. */
static bool may_try(struct request *r, bool *known, struct err *e)
{
    struct scenario s;
    *known = scenario_get(r->view, r->arena, r->params[0], SEQ_LATEST, &s, e);
    if (!*known)
        return e->code == ERR_MISSING;
    if (access_may(r->person, r->street, ACCESS_SCENARIO_EDIT, &s.office))
        return true;
    return err_set(e, ERR_DENIED, "只有本场景所属科室的编辑人员或管理员可以回测");
}

static void put_request(struct request *r, struct buf *out)
{
    static const char *const names[] = {"text", "values", "from", "to", "against", "examples"};
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kspan(&w, "scenario", r->params[0]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct json *v = json_get(r->json, names[i]);
        if (!v || json_is(v, JSON_NULL))
            continue;
        json_w_name(&w, names[i]);
        json_w_value(&w, v);
    }
    json_w_object_end(&w);
    json_w_end(&w);
}

static bool check(struct request *r, bool known, const char **where, struct err *e)
{
    const struct json *text = json_get(r->json, "text"), *values = json_get(r->json, "values");
    const struct json *examples = json_get(r->json, "examples");
    struct span against = json_string(json_get(r->json, "against"));
    int64_t from, to, n;
    *where = "/from";
    if (!calendar_parse_moment(json_string(json_get(r->json, "from")), false, &from))
        return err_set(e, ERR_INPUT, "from 应是时刻（2026-03-01T00:00:00+08:00）、日期或月份");
    *where = "/to";
    if (!calendar_parse_moment(json_string(json_get(r->json, "to")), true, &to))
        return err_set(e, ERR_INPUT, "to 应是时刻（2026-03-01T00:00:00+08:00）、日期或月份");
    if (to <= from)
        return err_set(e, ERR_INPUT, "时段的终点应晚于起点");
    *where = "/text";
    if (text && !json_is(text, JSON_STRING) && !json_is(text, JSON_NULL))
        return err_set(e, ERR_INPUT, "text 应是脚本全文；省略时用现行版本的");
    if (!known && !json_is(text, JSON_STRING))
        return err_set(e, ERR_MISSING, "没有这个场景；试新的请在 text 里给出脚本全文");
    *where = "/values";
    if (values && !json_is(values, JSON_OBJECT) && !json_is(values, JSON_NULL))
        return err_set(e, ERR_INPUT, "values 应是 {设置名: 值}");
    *where = "/against";
    if (against.n && !span_eq(against, SPAN("live")))
        return err_set(e, ERR_INPUT, "against 目前只能是 live");
    *where = "/examples";
    if (examples && (!json_int(examples, &n) || n < 0 || n > 10000))
        return err_set(e, ERR_INPUT, "examples 应是 0 至 10000 的整数");
    return true;
}

static void start(struct request *r)
{
    struct err e = {0};
    struct buf request = {0}, b = {0};
    char job[27];
    const char *where;
    bool known;
    if (!may_try(r, &known, &e)) {
        answer_err(r, &e);
        return;
    }
    if (!check(r, known, &where, &e)) {
        answer_err_at(r, &e, where, 0);
        return;
    }
    put_request(r, &request);
    bool ok = backtests_add(server_backtests(r->server), r->params[0], r->person->name,
                            buf_view(&request), job, &e);
    buf_free(&request);
    if (!ok) {
        answer_err(r, &e);
        return;
    }
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_kstr(&w, "job", job);
    json_w_kspan(&w, "scenario", r->params[0]);
    json_w_kstr(&w, "state", "queued");
    json_w_object_end(&w);
    json_w_end(&w);
    answer_header(r, "Location",
                  arena_printf(r->arena, "/api/v1/scenarios/%.*s/backtest/%s",
                               SPAN_ARG(r->params[0]), job));
    answer_json(r, 202, &b);
}

/* Whose it is, and what its script has read: titles may say of it. */
static bool may_see(struct request *r, const struct backtest_view *v, struct err *e)
{
    bool known;
    if (!may_try(r, &known, e))
        return false;
    if (!known && !span_eq(v->owner, r->person->name) &&
        !access_may(r->person, r->street, ACCESS_ADMINISTER, NULL))
        return err_set(e, ERR_MISSING, "没有这次回测，或者结果已经过期");
    const struct json *reads =
        v->reads.n ? json_parse(r->arena, v->reads, NULL, NULL, NULL) : NULL;
    for (size_t i = 0; i < json_count(reads); i++) {
        const struct type *t =
            dictionary_find(street_dictionary(r->street), json_string(json_item(reads, i)));
        if (t && !access_may(r->person, r->street, ACCESS_TYPE_SEE, t))
            return err_set(e, ERR_DENIED, "脚本读了您无权查看的“%s”，结果不能给您看", t->label);
    }
    return true;
}

static void look(struct request *r)
{
    struct backtest_view v;
    struct buf b = {0};
    struct err e = {0};
    if (backtests_view(server_backtests(r->server), r->arena, r->params[0], r->params[1], &v,
                       &b, &e) &&
        may_see(r, &v, &e)) {
        answer_json(r, 200, &b);
        return;
    }
    buf_free(&b);
    answer_err(r, &e);
}

static void cancel(struct request *r)
{
    struct err e = {0};
    bool known;
    if (may_try(r, &known, &e) &&
        backtests_cancel(server_backtests(r->server), r->params[0], r->params[1], &e))
        answer_empty(r, 204);
    else
        answer_err(r, &e);
}

static const struct route routes[] = {
    {.method = "POST",
     .path = "/api/v1/scenarios/{id}/backtest",
     .summary = "Try a text or other settings on what is stored; changes nothing",
     .act = ACCESS_SCENARIO_EDIT,
     .body = BODY_JSON,
     .body_max = 2 * SCRIPT_MAX,
     .handle = start},
    {.method = "GET",
     .path = "/api/v1/scenarios/{id}/backtest/{job}",
     .summary = "How far a backtest is, and its result",
     .act = ACCESS_SCENARIO_EDIT,
     .handle = look},
    {.method = "DELETE",
     .path = "/api/v1/scenarios/{id}/backtest/{job}",
     .summary = "Cancel a backtest",
     .act = ACCESS_SCENARIO_EDIT,
     .handle = cancel},
};
extern const struct route_family route_backtest;
const struct route_family route_backtest = {routes, sizeof routes / sizeof *routes};
