#include "net/answer.h"

#include "net/request_impl.h"
#include "net/server_impl.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/json.h"

int answer_status(enum err_code code)
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
    if (idempotency_is_due(c))
        idempotency_keep_late(c);
    else
        call_hand_over(c);
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

struct json_w answer_list_begin(struct buf *out)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_name(&w, "items");
    json_w_array(&w);
    return w;
}

void answer_list_end(struct json_w *w, struct span next)
{
    json_w_array_end(w);
    json_w_name(w, "next");
    if (next.n)
        json_w_span(w, next);
    else
        json_w_null(w);
    json_w_object_end(w);
    json_w_end(w);
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
static void put_error(struct json_w *w, const char *pointer, int64_t line, const char *code,
                      const char *message)
{
    json_w_array(w);
    json_w_object(w);
    json_w_kstr(w, "pointer", pointer);
    if (line)
        json_w_kint(w, "line", line);
    json_w_kstr(w, "code", code);
    json_w_kstr(w, "message", message);
    json_w_object_end(w);
    json_w_array_end(w);
}

void answer_problem(struct request *r, int status, const char *code, const char *detail,
                    struct span errors)
{
    if (status == 401) /* no other scheme: at Basic browsers open a dialog of their own */
        answer_header(r, "WWW-Authenticate", "Bearer realm=\"wangyi\"");
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
        put_error(&w, "", 0, code, detail);
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
    int status = e->code == ERR_STORE ? store_status(r->server) : answer_status(e->code);
    if (status >= 500)
        answer_header(r, "Retry-After", "5");
    answer_problem(r, status, err_code_name(e->code), e->text, SPAN_NONE);
}

void answer_err_at(struct request *r, const struct err *e, const char *pointer, int64_t line)
{
    struct buf errors = {0};
    struct json_w w = json_w_begin(&errors);
    put_error(&w, pointer, line, err_code_name(e->code), e->text);
    json_w_end(&w);
    answer_problem(r, answer_status(e->code), err_code_name(e->code), e->text,
                   buf_view(&errors));
    buf_free(&errors);
}

void answer_bad_json(struct request *r, const struct err *e, size_t at)
{
    int64_t line = 1;
    for (size_t i = 0; i < at && i < r->body.n; i++)
        line += r->body.p[i] == '\n';
    answer_err_at(r, e, "", line);
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
