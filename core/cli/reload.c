#include <stdio.h>

#include "cli/cli.h"
#include "cli/http_client.h"
#include "cli/import.h"
#include "cli/local.h"
#include "util/json.h"

static bool reload_there(const char *url, const char *as, struct buf *json, struct err *e)
{
    char headers[512] = "";
    if (!http_sign_in(url, as, headers, e))
        return false;
    struct http_call c = {.method = "POST", .path = "/api/v1/reload", .headers = headers};
    bool ok = http_ask(url, &c, e);
    if (ok)
        buf_span(json, buf_view(&c.answer));
    buf_free(&c.answer);
    return ok;
}

static bool reload_here(const char *data, const char *scripts, const char *scenarios,
                        struct buf *json, struct err *e)
{
    struct local l;
    struct import_result r = {0};
    bool office = false;
    if (!local_open_existing(&l, data, scripts, e))
        return false;
    struct importer in = {.store = l.store, .scripts_dir = scripts, .scenarios_dir = scenarios};
    bool ok = import_office(&in, &office, e) &&
              import_scenarios(&in, SPAN("console"), SPAN("wangyi reload"), &r, e);
    if (ok)
        buf_printf(json, "{\"changed\":%.*s,\"unchanged\":%d,\"refused\":%.*s}",
                   SPAN_ARG(buf_view(&r.changed)), r.unchanged, SPAN_ARG(buf_view(&r.refused)));
    import_result_free(&r);
    local_close(&l);
    return ok;
}

/* How many were refused. */
static size_t tell(struct span json, bool as_json)
{
    struct arena a = {0};
    const struct json *r = json_parse(&a, json, NULL, NULL, NULL);
    const struct json *changed = json_get(r, "changed"), *refused = json_get(r, "refused");
    size_t count = json_count(refused);
    int64_t same = 0, line, number;
    json_int(json_get(r, "unchanged"), &same);
    if (as_json)
        printf("%.*s\n", SPAN_ARG(json));
    for (size_t i = 0; i < json_count(changed) && !as_json; i++) {
        const struct json *x = json_item(changed, i);
        printf("%s：第 %lld 版生效\n", json_cstr(json_get(x, "id"), ""),
               json_int(json_get(x, "number"), &number) ? (long long)number : 0);
    }
    for (size_t i = 0; i < count && !as_json; i++) {
        const struct json *x = json_item(refused, i);
        printf("%s:%lld：%s\n", json_cstr(json_get(x, "id"), ""),
               json_int(json_get(x, "line"), &line) ? (long long)line : 0,
               json_cstr(json_get(x, "message"), ""));
    }
    if (!as_json)
        printf("读入 %zu 个，未变 %lld 个，拒绝 %zu 个\n", json_count(changed), (long long)same,
               count);
    arena_free(&a);
    return count;
}

int reload_main(int argc, char **argv)
{
    const char *data = "data", *scripts = "scripts", *scenarios = "scenarios", *to = NULL,
               *as = NULL;
    bool json = false;
    const struct cli_option options[] = {
        {"--to", "网址", "运行着的服务，如 http://127.0.0.1:8080", .text = &to},
        {"--as", "账号", "与 --to 一起：以哪个管理员的身份，密码在 WANGYI_PASSWORD",
         .text = &as},
        {"--data", "目录", "数据目录（服务停着），缺省 data", .text = &data},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--scenarios", "目录", "缺省 scenarios", .text = &scenarios},
        {"--json", NULL, "以 JSON 输出", .on = &json},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi reload [--to 网址 --as 账号 | --data 目录]",
        "读入磁盘上改过的场景和科室文件。没有通过检查的文件不读入，现行版本照旧运行。", options,
        0, 0};
    int words, code;
    struct err e = {0};
    struct buf out = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (to && !as)
        return cli_misused(&usage, "用 --to 时请用 --as 给出管理员账号");
    bool ok =
        to ? reload_there(to, as, &out, &e) : reload_here(data, scripts, scenarios, &out, &e);
    size_t refused = ok ? tell(buf_view(&out), json) : 0;
    buf_free(&out);
    return !ok ? cli_failed(&e) : refused ? CLI_FAILED : CLI_DONE;
}
