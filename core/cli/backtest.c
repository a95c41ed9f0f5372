/* `wangyi backtest`: what a script would have raised on what is stored, against what was raised. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/http_client.h"
#include "cli/question.h"
#include "util/calendar.h"
#include "util/json.h"

enum { SCRIPT_MAX = 256 << 10, SILENT_MS = 60 * 1000, POLL_MS = 300 };

struct options {
    const char *from, *until, *against, *data, *scripts, *url, *as, *examples;
    struct cli_list to, settings;
    bool json, csv;
};

/* --- the request ------------------------------------------------------------------------------------------ */

/* "scenarios/ent_x.lua" is a file, "ent_x" a scenario's id. */
static bool is_file(const char *word)
{
    size_t n = strlen(word);
    return strchr(word, '/') || (n > 4 && strcmp(word + n - 4, ".lua") == 0);
}

static struct span id_of(const char *word)
{
    const char *slash = strrchr(word, '/');
    struct span id = span_of(slash ? slash + 1 : word);
    if (is_file(word) && id.n > 4 && memcmp(id.p + id.n - 4, ".lua", 4) == 0)
        id.n -= 4;
    return id;
}

/* --to says where the server is, or when the period ends: whatever it can be read as. */
static bool sort_to(struct options *o, struct err *e)
{
    for (int i = 0; i < o->to.count; i++) {
        int64_t us;
        const char **place =
            calendar_parse_moment(span_of(o->to.items[i]), true, &us) ? &o->until : &o->url;
        if (*place)
            return err_set(e, ERR_INPUT, "--to %s 多给了一次", o->to.items[i]);
        *place = o->to.items[i];
    }
    int64_t us;
    if (!o->from || !o->until)
        return err_set(e, ERR_INPUT, "请用 --from 和 --until 给出时段");
    if (!calendar_parse_moment(span_of(o->from), false, &us) ||
        !calendar_parse_moment(span_of(o->until), true, &us))
        return err_set(e, ERR_INPUT,
                       "--from 和 --until 应是日期（2026-03-01）、月份或带时区的时刻");
    return true;
}

/* name=value; what is no JSON is a text. */
static bool put_setting(struct json_w *w, const char *setting, struct err *e)
{
    struct span rest = span_of(setting), name;
    struct arena a = {0};
    if (!strchr(setting, '='))
        return err_set(e, ERR_INPUT, "--setting 要写成 名=值：%s", setting);
    name = span_split(&rest, '=');
    json_w_name_span(w, name);
    const struct json *value = rest.n ? json_parse(&a, rest, NULL, NULL, NULL) : NULL;
    if (value)
        json_w_value(w, value);
    else
        json_w_span(w, rest);
    arena_free(&a);
    return true;
}

static bool put_request(const struct options *o, const char *word, struct buf *out,
                        struct err *e)
{
    struct buf text = {0};
    struct json_w w = json_w_begin(out);
    bool ok = true;
    int64_t examples;
    json_w_object(&w);
    json_w_kspan(&w, "scenario", id_of(word));
    json_w_kstr(&w, "from", o->from);
    json_w_kstr(&w, "to", o->until);
    if (o->against)
        json_w_kstr(&w, "against", o->against);
    if (o->examples && span_int(span_of(o->examples), &examples))
        json_w_kint(&w, "examples", examples);
    if (is_file(word)) {
        ok = cli_read_file(word, SCRIPT_MAX, &text, e);
        json_w_kspan(&w, "text", buf_view(&text));
    }
    if (o->settings.count) {
        json_w_name(&w, "values");
        json_w_object(&w);
        for (int i = 0; ok && i < o->settings.count; i++)
            ok = put_setting(&w, o->settings.items[i], e);
        json_w_object_end(&w);
    }
    json_w_object_end(&w);
    json_w_end(&w);
    buf_free(&text);
    return ok;
}

/* --- asking ------------------------------------------------------------------------------------------------ */

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    if (!isatty(STDERR_FILENO) || !total)
        return;
    int width = (int)(done * 30 / total);
    fprintf(stderr, "\r[%.*s%*s] %3d%%", width, "##############################", 30 - width,
            "", (int)(done * 100 / total));
    if (done >= total)
        fprintf(stderr, "\r%40s\r", "");
}

static bool ask_here(const struct options *o, const struct buf *request, struct buf *json,
                     struct err *e)
{
    struct question q = {.what = "backtest",
                         .data_dir = o->data,
                         .scripts_dir = o->scripts,
                         .request = buf_view(request),
                         .progress = show_progress,
                         .limit_ms = SILENT_MS};
    bool ok = question_ask(&q, json, e);
    show_progress(NULL, 1, 1);
    return ok;
}

/* One look at the job. *done: it has ended. */
static bool look(const struct options *o, const char *headers, const char *path, bool *done,
                 struct buf *json, struct err *e)
{
    static const struct json_limits wide = {
        .bytes = 256u << 20, .depth = 32, .keys = 4096, .string = 1 << 20};
    struct http_call c = {.method = "GET", .path = path, .headers = headers};
    struct arena a = {0};
    bool ok = http_ask(o->url, &c, e);
    const struct json *j = ok ? json_parse(&a, buf_view(&c.answer), &wide, NULL, e) : NULL;
    struct span state = json_string(json_get(j, "state"));
    int64_t at = 0, total = 0;
    json_int(json_get(j, "done"), &at);
    json_int(json_get(j, "total"), &total);
    show_progress(NULL, (uint64_t)at, (uint64_t)total);
    ok = j != NULL;
    *done = !span_eq(state, SPAN("queued")) && !span_eq(state, SPAN("running"));
    if (ok && *done) {
        struct json_w w = json_w_begin(json);
        const struct json *result = json_get(j, "result");
        show_progress(NULL, 1, 1);
        ok = result ? true
                    : err_set(e, ERR_INPUT, "%s",
                              json_cstr(json_get(json_get(j, "error"), "message"), "已取消"));
        if (result)
            json_w_value(&w, result);
    }
    arena_free(&a);
    buf_free(&c.answer);
    return ok;
}

static bool ask_there(const struct options *o, const char *word, const struct buf *request,
                      struct buf *json, struct err *e)
{
    char headers[640] = "", posted[704];
    struct arena a = {0};
    struct buf path = {0};
    if (!http_sign_in(o->url, o->as, headers, e))
        return false;
    struct span id = id_of(word);
    buf_str(&path, "/api/v1/scenarios/");
    http_put_escaped(&path, arena_span(&a, id).p);
    buf_str(&path, "/backtest");
    buf_char(&path, 0);
    snprintf(posted, sizeof posted, "%sContent-Type: application/json\r\n", headers);
    struct http_call c = {.method = "POST",
                          .path = path.p,
                          .headers = posted,
                          .body = buf_view(request),
                          .length = (int64_t)request->n};
    bool ok = http_ask(o->url, &c, e), done = false;
    const struct json *j = ok ? json_parse(&a, buf_view(&c.answer), NULL, NULL, e) : NULL;
    path.n--;
    buf_printf(&path, "/%s", json_cstr(json_get(j, "job"), ""));
    buf_char(&path, 0);
    ok = j != NULL;
    while (ok && !done) {
        ok = look(o, headers, path.p, &done, json, e);
        if (ok && !done)
            poll(NULL, 0, POLL_MS);
    }
    buf_free(&c.answer);
    buf_free(&path);
    arena_free(&a);
    return ok;
}

/* --- the command --------------------------------------------------------------------------------------------- */

static bool tell(const struct options *o, const struct buf *json)
{
    struct buf text = {0};
    if (o->json) {
        buf_span(&text, buf_view(json));
        buf_char(&text, '\n');
    } else if (o->csv) {
        backtest_csv(buf_view(json), &text);
    } else {
        backtest_tell(buf_view(json), &text);
    }
    bool ok = cli_write_out(text.p, text.n);
    buf_free(&text);
    return ok;
}

int backtest_main(int argc, char **argv)
{
    struct options o = {.data = "data", .scripts = "scripts"};
    const struct cli_option options[] = {
        {"--from", "时间", "时段的起点：日期、月份或时刻", .text = &o.from},
        {"--until", "时间", "时段的终点；日期算到那天结束", .text = &o.until},
        {"--setting", "名=值", "换一个参数再看，可以给几次", .list = &o.settings},
        {"--against", "live", "与现行版本那时报出的比较（缺省）", .text = &o.against},
        {"--examples", "数", "每类差异至多列几条，缺省 100", .text = &o.examples},
        {"--json", NULL, "以 JSON 输出", .on = &o.json},
        {"--csv", NULL, "差异以 CSV 输出", .on = &o.csv},
        {"--data", "目录", "数据目录，缺省 data；只读", .text = &o.data},
        {"--scripts", "目录", "缺省 scripts", .text = &o.scripts},
        {"--to", "网址", "运行着的服务，如 http://127.0.0.1:8080；给的是时间时与 --until 相同",
         .list = &o.to},
        {"--as", "账号", "与 --to 一起：以谁的身份，密码在 WANGYI_PASSWORD", .text = &o.as},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi backtest 场景编号|文件.lua --from 时间 --until 时间 [--setting 名=值]…",
        "在存下的数据上试一个脚本：如果那段时间是它在运行，会多报、少报什么。不动任何数据。",
        options, 1, 1};
    int words, code;
    struct err e = {0};
    struct buf request = {0}, json = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (!sort_to(&o, &e))
        return cli_misused(&usage, e.text);
    if (o.url && !o.as)
        return cli_misused(&usage, "用 --to 时请用 --as 给出账号");
    bool ok = put_request(&o, argv[1], &request, &e) &&
              (o.url ? ask_there(&o, argv[1], &request, &json, &e)
                     : ask_here(&o, &request, &json, &e)) &&
              tell(&o, &json);
    buf_free(&request);
    buf_free(&json);
    return ok ? CLI_DONE : cli_failed(&e);
}
