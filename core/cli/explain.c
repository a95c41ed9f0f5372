/* `wangyi explain`: why it fired, or which check failed first and by how much. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/http_client.h"
#include "cli/question.h"
#include "util/calendar.h"
#include "util/json.h"

enum { LIMIT_MS = 20 * 1000 };

static const struct json_limits wide = {
    .bytes = 64u << 20, .depth = 32, .keys = 4096, .string = 1 << 20};

struct options {
    const char *about, *at, *data, *scripts, *url, *as;
    bool json;
};

static bool ask_here(const struct options *o, const char *id, struct buf *json, struct err *e)
{
    struct buf request = {0};
    struct json_w w = json_w_begin(&request);
    json_w_object(&w);
    json_w_kstr(&w, "scenario", id);
    json_w_kstr(&w, "about", o->about);
    if (o->at)
        json_w_kstr(&w, "at", o->at);
    json_w_object_end(&w);
    json_w_end(&w);
    struct question q = {.what = "explain",
                         .data_dir = o->data,
                         .scripts_dir = o->scripts,
                         .request = buf_view(&request),
                         .limit_ms = LIMIT_MS};
    bool ok = question_ask(&q, json, e);
    buf_free(&request);
    return ok;
}

static bool ask_there(const struct options *o, const char *id, struct buf *json, struct err *e)
{
    char headers[640] = "";
    struct buf path = {0};
    if (!http_sign_in(o->url, o->as, headers, e))
        return false;
    buf_str(&path, "/api/v1/scenarios/");
    http_put_escaped(&path, id);
    buf_str(&path, "/explain?about=");
    http_put_escaped(&path, o->about);
    if (o->at) {
        buf_str(&path, "&at=");
        http_put_escaped(&path, o->at);
    }
    buf_char(&path, 0);
    struct http_call c = {.method = "GET", .path = path.p, .headers = headers};
    bool ok = http_ask(o->url, &c, e);
    if (ok)
        buf_span(json, buf_view(&c.answer));
    buf_free(&c.answer);
    buf_free(&path);
    return ok;
}

/* --- in words ------------------------------------------------------------------------------------------------ */

static void put_value(struct buf *b, const struct json *v)
{
    struct json_w w = json_w_begin(b);
    if (json_is(v, JSON_STRING))
        buf_span(b, json_string(v));
    else if (v)
        json_w_value(&w, v);
}

static void put_reads(struct buf *b, const struct json *reads)
{
    for (size_t i = 0; i < json_count(reads); i++) {
        const struct json *r = json_item(reads, i), *fields = json_get(r, "fields");
        int64_t seq = 0;
        json_int(json_get(r, "seq"), &seq);
        buf_printf(b, "    依据 %s %s（第 %lld 条）：", json_cstr(json_get(r, "label"), ""),
                   json_cstr(json_get(r, "key"), ""), (long long)seq);
        for (size_t k = 0; k < json_count(fields); k++) {
            const struct json *f = json_item(fields, k), *text = json_get(f, "text");
            buf_printf(b, "%s%s ", k ? "，" : "", json_cstr(json_get(f, "label"), ""));
            put_value(b, text ? text : json_get(f, "value"));
            buf_str(b, json_cstr(json_get(f, "unit"), ""));
        }
        buf_char(b, '\n');
    }
}

static void put_judgement(struct buf *b, const struct json *j)
{
    static const char *const words[][2] = {
        {"record", "记录"}, {"removed", "撤回"}, {"tick", "定时"}, {"wake", "闹钟"}};
    const struct json *evidence = json_get(j, "evidence"), *entry = json_get(evidence, "entry");
    struct span at = json_string(json_get(entry, "at"));
    struct span trigger = json_string(json_get(j, "trigger"));
    for (size_t i = 0; i < 4; i++)
        if (span_eq(trigger, span_of(words[i][0])))
            buf_str(b, words[i][1]);
    buf_printf(b, " %s",
               json_cstr(json_get(j, "every"), json_cstr(json_get(entry, "key"), "")));
    if (at.n >= 16)
        buf_printf(b, "（%.10s %.5s）", at.p, at.p + 11);
    buf_printf(b, "\n  %s\n", json_cstr(json_get(j, "sentence"), ""));
    put_reads(b, json_get(evidence, "reads"));
}

static void tell(struct span json, struct buf *b)
{
    struct arena a = {0};
    const struct json *r = json_parse(&a, json, &wide, NULL, NULL);
    const struct json *list = json_get(r, "judgements"), *reasons = json_get(r, "reasons");
    buf_printf(b, "%s\n", json_cstr(json_get(r, "sentence"), ""));
    for (size_t i = 0; i < json_count(list); i++)
        put_judgement(b, json_item(list, i));
    for (size_t i = 0; json_count(list) && i < json_count(reasons); i++)
        buf_printf(b, "另外：%s\n", json_cstr(json_get(json_item(reasons, i), "sentence"), ""));
    arena_free(&a);
}

int explain_main(int argc, char **argv)
{
    struct options o = {.data = "data", .scripts = "scripts"};
    const struct cli_option options[] = {
        {"--about", "类型|编号", "问的是谁，如 enterprise|91330105TEST000101",
         .text = &o.about},
        {"--at", "时间", "到什么时候为止，缺省现在", .text = &o.at},
        {"--json", NULL, "以 JSON 输出", .on = &o.json},
        {"--data", "目录", "数据目录，缺省 data；只读", .text = &o.data},
        {"--scripts", "目录", "缺省 scripts", .text = &o.scripts},
        {"--to", "网址", "运行着的服务，如 http://127.0.0.1:8080", .text = &o.url},
        {"--as", "账号", "与 --to 一起：以谁的身份，密码在 WANGYI_PASSWORD", .text = &o.as},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi explain 场景编号 --about 类型|编号 [--at 时间]",
        "为什么报了；或者哪一项检查先不成立、差多少、看的是哪些记录；没有判断过也说明原因。",
        options, 1, 1};
    int words, code;
    struct err e = {0};
    struct buf json = {0}, text = {0};
    int64_t us;
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (!o.about || !strchr(o.about, '|'))
        return cli_misused(&usage, "请用 --about 类型|编号 说明问的是谁");
    if (o.at && !calendar_parse_moment(span_of(o.at), true, &us))
        return cli_misused(&usage, "--at 应是日期（2026-03-01）、月份或带时区的时刻");
    if (o.url && !o.as)
        return cli_misused(&usage, "用 --to 时请用 --as 给出账号");
    bool ok = o.url ? ask_there(&o, argv[1], &json, &e) : ask_here(&o, argv[1], &json, &e);
    if (ok && o.json) {
        buf_span(&text, buf_view(&json));
        buf_char(&text, '\n');
    } else if (ok) {
        tell(buf_view(&json), &text);
    }
    ok = ok && cli_write_out(text.p, text.n);
    buf_free(&json);
    buf_free(&text);
    return ok ? CLI_DONE : cli_failed(&e);
}
