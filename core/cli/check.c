#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/import.h"
#include "util/json.h"

static const struct json_limits report_limits = {
    .bytes = 16 << 20, .keys = 4096, .string = 1 << 20};

/* "scenarios/ent_new.lua" → "ent_new" */
static struct span id_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct span id = span_of(slash ? slash + 1 : path);
    if (id.n > 4 && strcmp(id.p + id.n - 4, ".lua") == 0)
        id.n -= 4;
    return id;
}

static void tell(const char *path, const struct json *report)
{
    const struct json *problems = json_get(report, "problems"),
                      *examples = json_get(report, "examples");
    for (size_t i = 0; i < json_count(problems); i++) {
        const struct json *p = json_item(problems, i);
        int64_t line = 0, column = 0;
        json_int(json_get(p, "line"), &line);
        json_int(json_get(p, "column"), &column);
        printf("%s:%lld:%lld: %s\n", path, (long long)line, (long long)column,
               json_cstr(json_get(p, "message"), ""));
    }
    size_t green = 0;
    for (size_t i = 0; i < json_count(examples); i++) {
        const struct json *x = json_item(examples, i);
        if (json_bool(json_get(x, "ok"), false))
            green++;
        else
            printf("%s: 样例“%s”：%s\n", path, json_cstr(json_get(x, "name"), ""),
                   json_cstr(json_get(x, "message"), ""));
    }
    if (json_bool(json_get(report, "ok"), false))
        printf("%s: 通过，%zu 个样例\n", path, green);
}

/* False: it has problems, or could not be tried. */
static bool check(const char *path, const char *scripts, bool json, struct err *e)
{
    struct buf text = {0}, out = {0};
    struct arena a = {0};
    struct span id = id_of(path);
    const struct json *report = NULL;
    if (cli_read_file(path, 1 << 20, &text, e) &&
        import_check(scripts, id, buf_view(&text), SPAN_NONE, &out, e))
        report = json_parse(&a, buf_view(&out), &report_limits, NULL, e);
    if (report && json) {
        struct buf line = {0};
        struct json_w w = json_w_begin(&line);
        json_w_object(&w);
        json_w_kstr(&w, "file", path);
        json_w_kspan(&w, "id", id);
        json_w_kraw(&w, "report", span_trim(buf_view(&out)));
        json_w_object_end(&w);
        json_w_end(&w);
        printf("%.*s\n", SPAN_ARG(buf_view(&line)));
        buf_free(&line);
    } else if (report) {
        tell(path, report);
    }
    bool ok = report && json_bool(json_get(report, "ok"), false);
    buf_free(&text);
    buf_free(&out);
    arena_free(&a);
    return ok;
}

int check_main(int argc, char **argv)
{
    const char *scripts = "scripts";
    bool json = false;
    const struct cli_option options[] = {
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--json", NULL, "每个文件一行 JSON", .on = &json},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi check 文件… [--json]",
        "检查场景脚本的语法、形状、字段和参数，再跑它的样例；不动任何数据。", options, 1, -1};
    int words, code, failed = 0;
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    for (int i = 1; i <= words; i++) {
        struct err e = {0};
        if (!check(argv[i], scripts, json, &e))
            failed++;
        if (e.code)
            fprintf(stderr, "%s: %s\n", argv[i], e.text);
    }
    return failed ? CLI_FAILED : CLI_DONE;
}
