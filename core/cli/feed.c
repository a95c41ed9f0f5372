/* `wangyi feed`: check the files of scripts/feeds with their examples; the secret of a feed that fetches. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/import.h"
#include "store/vault.h"
#include "util/child.h"
#include "util/json.h"

enum { SECRET_MAX = 1000, CHECK_MS = 60000 };

static bool keep(const char *data, const char *name, const char *secret, struct err *e)
{
    char path[4096], key[96];
    snprintf(path, sizeof path, "%s/vault", data);
    if (access(path, F_OK) != 0)
        return err_set(e, ERR_MISSING, "%.150s 里没有保险库，请核对 --data", data);
    struct vault *v = vault_open(data, e);
    if (!v)
        return false;
    snprintf(key, sizeof key, "feed/%s", name);
    bool ok = vault_put(v, span_of(key), span_of(secret), e);
    vault_close(v);
    return ok;
}

static int secret_main(const char *name, const char *data)
{
    char secret[SECRET_MAX];
    struct err e = {0};
    if (!import_is_id(span_of(name)))
        err_set(&e, ERR_INPUT, "名字是 scripts/feeds 里的文件名（不带 .lua）");
    else if (!cli_stdin_line(secret, sizeof secret, &e) || !keep(data, name, secret, &e))
        ;
    else
        fprintf(stderr, "已存入保险库。\n");
    explicit_bzero(secret, sizeof secret);
    return e.code == ERR_NONE ? CLI_DONE : cli_failed(&e);
}

static bool check_one(const char *name, const char *scripts)
{
    const char *argv[] = {cli_self(), "engine", "feed", name, "--scripts", scripts, NULL};
    char path[4096];
    struct child_run child = {.argv = argv, .limit_ms = CHECK_MS};
    struct arena a = {0};
    struct buf text = {0};
    struct err e = {0};
    snprintf(path, sizeof path, "%s/feeds/%s.lua", scripts, name);
    bool ok = import_is_id(span_of(name)) && cli_read_file(path, 1 << 20, &text, &e);
    child.input = buf_view(&text);
    ok = ok && child_run(&child, &e);
    const struct json *report =
        ok ? json_parse(&a, buf_view(&child.output), NULL, NULL, &e) : NULL;
    const struct json *problems = json_get(report, "problems");
    ok = json_bool(json_get(report, "ok"), false);
    if (ok) {
        int64_t n = 0;
        json_int(json_get(json_get(report, "feed"), "examples"), &n);
        printf("%s：通过（%lld 个例子）\n", name, (long long)n);
    }
    for (size_t i = 0; i < json_count(problems); i++)
        printf("%s：%s\n", name, json_cstr(json_get(json_item(problems, i), "message"), ""));
    if (!report)
        printf("%s：%s\n", name, e.code ? e.text : "检查没有完成");
    child_free(&child);
    buf_free(&text);
    arena_free(&a);
    return ok;
}

int feed_main(int argc, char **argv)
{
    const char *data = "data", *scripts = "scripts";
    const struct cli_option options[] = {
        {"--data", "目录", "secret：数据目录，缺省 data", .text = &data},
        {"--scripts", "目录", "check：缺省 scripts", .text = &scripts},
        {0},
    };
    const struct cli_usage usage = {"wangyi feed check 名字… | wangyi feed secret 名字",
                                    "check 用例子检查 scripts/feeds/名字.lua；secret "
                                    "从标准输入读口令，存进保险库，定时取数时用。",
                                    options, 2, -1};
    int words, code;
    bool ok = true;
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (strcmp(argv[1], "secret") == 0 && words == 2)
        return secret_main(argv[2], data);
    if (strcmp(argv[1], "check") != 0)
        return cli_misused(&usage, "feed 后面是 check 或 secret");
    for (int i = 2; i <= words; i++)
        ok = check_one(argv[i], scripts) && ok;
    return ok ? CLI_DONE : CLI_FAILED;
}
