#include "store/backup.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/http_client.h"

static int backup_there(const char *url, const char *as)
{
    char headers[512] = "";
    struct err e = {0};
    struct http_call c = {.method = "POST", .path = "/api/v1/backup", .headers = headers};
    bool ok = http_sign_in(url, as, headers, &e) && http_ask(url, &c, &e);
    if (ok)
        printf("%.*s\n", SPAN_ARG(buf_view(&c.answer)));
    buf_free(&c.answer);
    return ok ? CLI_DONE : cli_failed(&e);
}

int backup_main(int argc, char **argv)
{
    const char *data = "data", *to = NULL, *as = NULL;
    const struct cli_option options[] = {
        {"--data", "目录", "数据目录，服务运行着也可以；缺省 data", .text = &data},
        {"--to", "网址", "请运行着的服务自己备份到它的数据目录下", .text = &to},
        {"--as", "账号", "与 --to 一起：以哪个管理员的身份，密码在 WANGYI_PASSWORD",
         .text = &as},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi backup 新目录 [--data 目录]  |  wangyi backup --to 网址 --as 账号", NULL,
        options, 0, 1};
    int words, code;
    struct err e = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (to ? !as || words : words != 1)
        return cli_misused(&usage, to ? "用 --to 时请用 --as 给出管理员账号，不带目录"
                                      : "请给出备份到的新目录");
    if (to)
        return backup_there(to, as);
    if (!backup_copy(data, argv[1], &e))
        return cli_failed(&e);
    fprintf(stderr, "已备份到 %s\n", argv[1]);
    return CLI_DONE;
}
