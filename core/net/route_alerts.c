/* Alerts over HTTP and the websocket: lists, one with its story, and what people do with it. */
#include "domain/access.h"
#include "domain/alert.h"
#include "net/idempotency.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "store/txn.h"
#include "store/writer.h"

enum { PAGE_MAX = 50 };

static bool flag_read(struct span value, bool *out, struct err *e)
{
    *out = span_eq(value, SPAN("1")) || span_eq(value, SPAN("true"));
    return *out || span_eq(value, SPAN("0")) || span_eq(value, SPAN("false")) ||
           err_set(e, ERR_INPUT, "open 须为 1（只看未办结的）或 0，给的是“%.*s”",
                   (int)span_cut_utf8(value, 40), value.p);
}

/* `*pointer` names the argument that is refused. */
static bool filter_read(struct request *r, struct alert_filter *f, const char **pointer,
                        struct err *e)
{
    struct span rest = r->query, name, value;
    int64_t n = PAGE_MAX;
    *f = (struct alert_filter){0};
    while (request_query_next(&rest, &name, &value)) {
        *pointer = arena_printf(r->arena, "/%.*s", (int)span_cut_utf8(name, 40), name.p);
        if (span_eq(name, SPAN("limit"))) {
            if (!span_int(value, &n) || n < 1)
                return err_set(e, ERR_INPUT, "limit 须为 1 至 %d 的整数", PAGE_MAX);
        } else if (span_eq(name, SPAN("after"))) {
            f->after = value;
        } else if (span_eq(name, SPAN("open"))) {
            if (!flag_read(value, &f->open, e))
                return false;
        } else if (!alert_filter_set(f, r->arena, name, value, e)) {
            return false;
        }
    }
    *pointer = "";
    f->limit = n > PAGE_MAX ? PAGE_MAX : (int)n;
    return true;
}

/* What the list itself says comes next; SPAN_NONE at its end. */
static struct span next_of(struct request *r, struct span text)
{
    const struct json_limits limits = {.bytes = text.n + 1};
    struct json_scan s;
    struct span name, next = SPAN_NONE;
    struct json_value value;
    struct err e;
    if (!json_scan_open(&s, r->arena, text, &limits, &e))
        return SPAN_NONE;
    while (json_scan_next(&s, &name, &value, &e))
        if (span_eq(name, SPAN("next")) && value.type == JSON_STRING)
            next = value.string;
    return next;
}

static void list(struct request *r)
{
    struct alert_filter f;
    struct buf b = {0};
    struct err e;
    const char *pointer = "";
    struct json_w w = json_w_begin(&b);
    if (!filter_read(r, &f, &pointer, &e)) {
        buf_free(&b);
        answer_err_at(r, &e, pointer, 0);
        return;
    }
    if (!alert_list(r->view, r->arena, r->street, r->person, &f, &w, &e)) {
        buf_free(&b);
        answer_err(r, &e);
        return;
    }
    struct span next = next_of(r, buf_view(&b));
    if (next.n)
        answer_next(r, next);
    answer_json(r, 200, &b);
}

/* What may not be seen is not there. */
static bool find_seen(struct request *r, struct view *v, struct span id, struct alert *al,
                      struct err *e)
{
    if (!alert_find(v, r->arena, id, al, e))
        return false;
    if (access_may(r->person, r->street, ACCESS_ALERT_SEE, al))
        return true;
    return err_set(e, ERR_MISSING, "没有这条告警，或您无权查看");
}

static void put_etag(struct request *r, const struct alert *al)
{
    answer_header(r, "ETag", arena_printf(r->arena, "\"%llu\"", (unsigned long long)al->rev));
}

static void one(struct request *r)
{
    struct alert al;
    struct err e;
    if (!find_seen(r, r->view, r->params[0], &al, &e)) {
        answer_err(r, &e);
        return;
    }
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    alert_view_full(r->view, r->arena, r->street, r->person, &al, &w);
    put_etag(r, &al);
    answer_json(r, 200, &b);
}

/* One act of a person, on its way through the writer. */
struct act {
    struct command command; /* first */
    struct request *r;
    struct span id, action;
    struct alert out;
    bool stale;
};

static bool is_stale(const struct act *act, const struct alert *al)
{
    struct span tag = act->r->if_match;
    int64_t rev;
    if (!tag.n || span_eq(tag, SPAN("*")))
        return false;
    if (tag.n < 2 || tag.p[0] != '"' || tag.p[tag.n - 1] != '"')
        return true;
    return !span_int((struct span){tag.p + 1, tag.n - 2}, &rev) || (uint64_t)rev != al->rev;
}

/* The alert as it is after the act. */
static bool put_now(struct request *r, struct view *v, struct act *act, struct buf *b,
                    struct err *e)
{
    struct json_w w = json_w_begin(b);
    if (!alert_find(v, r->arena, act->id, &act->out, e))
        return false;
    alert_view(v, r->arena, r->street, &act->out, &w);
    return true;
}

static bool act_apply(struct command *c, struct txn *t, struct err *e)
{
    struct act *act = (struct act *)c;
    struct request *r = act->r;
    struct alert before;
    if (!find_seen(r, txn_view(t), act->id, &before, e))
        return false;
    act->stale = is_stale(act, &before);
    if (act->stale)
        return err_set(e, ERR_CONFLICT, "这条告警已有新的变化，请看过最新内容后再试");
    if (!alert_act(t, r->street, r->person, act->id, act->action, r->json, NULL, e))
        return false;
    if (!r->idempotency_key.n)
        return true;
    struct buf b = {0};
    bool ok =
        put_now(r, txn_view(t), act, &b, e) && idempotency_keep(r, t, 200, buf_view(&b), e);
    buf_free(&b);
    return ok;
}

static void act_finish(struct request *r, struct command *c, const struct err *e)
{
    struct act *act = (struct act *)c;
    struct buf b = {0};
    struct err lost;
    if (act->stale) {
        answer_problem(r, 412, "stale", e->text, SPAN_NONE);
        return;
    }
    if (!e && !put_now(r, r->view, act, &b, &lost))
        e = &lost;
    if (e) {
        buf_free(&b);
        answer_err(r, e);
        return;
    }
    put_etag(r, &act->out);
    answer_json(r, 200, &b);
}

static void submit(struct request *r, struct span id, struct span action)
{
    struct act *act = arena_alloc(r->arena, sizeof *act);
    struct err e;
    if (!find_seen(r, r->view, id, &act->out, &e)) {
        answer_err(r, &e);
        return;
    }
    act->command.apply = act_apply;
    act->r = r;
    act->id = id;
    act->action = action;
    request_submit(r, &act->command, act_finish);
}

static void act_on(struct request *r)
{
    struct span action = json_string(json_get(r->json, "action"));
    struct err e;
    if (!action.n) {
        err_set(&e, ERR_INPUT, "缺少 action：请写明要执行的操作，如 sign、note、submit、close");
        answer_err(r, &e);
        return;
    }
    submit(r, r->params[0], action);
}

/* ---- websocket: one command a move ---- */

static void command(struct request *r, struct span action)
{
    struct span id = json_string(json_get(r->json, "alert"));
    struct err e;
    if (!id.n)
        id = json_string(json_get(r->json, "id")); /* as in the alert itself */
    if (!id.n) {
        err_set(&e, ERR_INPUT, "缺少 alert：请在 data 里写明告警的编号");
        answer_err(r, &e);
        return;
    }
    submit(r, id, action);
}

#define MOVE(name)                                                                             \
    static void command_##name(struct request *r)                                              \
    {                                                                                          \
        command(r, SPAN(#name));                                                               \
    }
MOVE(sign)
MOVE(note)
MOVE(submit)
MOVE(close)
MOVE(false_alarm)
MOVE(duplicate)
MOVE(reopen)

extern const struct ws_command ws_commands_alerts[];
const struct ws_command ws_commands_alerts[] = {
    {"alert.sign", ACCESS_ALERT_ACT, command_sign},
    {"alert.note", ACCESS_ALERT_ACT, command_note},
    {"alert.submit", ACCESS_ALERT_ACT, command_submit},
    {"alert.close", ACCESS_ALERT_ACT, command_close},
    {"alert.false_alarm", ACCESS_ALERT_ACT, command_false_alarm},
    {"alert.duplicate", ACCESS_ALERT_ACT, command_duplicate},
    {"alert.reopen", ACCESS_ALERT_ACT, command_reopen},
    {0},
};

static const struct route routes[] = {
    {.method = "GET",
     .path = "/api/v1/alerts",
     .summary = "Alerts this person may see, newest raised first",
     .act = ACCESS_ALERT_SEE,
     .handle = list},
    {.method = "GET",
     .path = "/api/v1/alerts/{id}",
     .summary = "One alert with its evidence, timeline and allowed actions",
     .act = ACCESS_ALERT_SEE,
     .handle = one},
    {.method = "POST",
     .path = "/api/v1/alerts/{id}/actions",
     .summary = "Do something with an alert: sign, note, submit, close, false_alarm, "
                "duplicate, reopen",
     .act = ACCESS_ALERT_ACT,
     .body = BODY_JSON,
     .handle = act_on},
};
extern const struct route_family route_alerts;
const struct route_family route_alerts = {routes, sizeof routes / sizeof *routes};
