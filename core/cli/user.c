#include "domain/user.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/http_client.h"
#include "cli/local.h"
#include "store/writer.h"
#include "util/json.h"

struct add {
    struct command command;
    const struct street *street;
    const struct json *body;
};

static bool apply(struct command *c, struct txn *t, struct err *e)
{
    const struct add *add = (const struct add *)c;
    return user_add(t, add->street, add->body, e);
}

static void put_body(struct buf *body, const char *name, const char *display, const char *role,
                     const char *office, const struct cli_list *communities,
                     const char *password)
{
    struct json_w w = json_w_begin(body);
    json_w_object(&w);
    json_w_kstr(&w, "name", name);
    json_w_kstr(&w, "display", display ? display : name);
    json_w_kstr(&w, "role", role);
    if (office)
        json_w_kstr(&w, "office", office);
    json_w_name(&w, "communities");
    json_w_array(&w);
    for (int i = 0; i < communities->count; i++)
        json_w_str(&w, communities->items[i]);
    json_w_array_end(&w);
    json_w_kstr(&w, "password", password);
    json_w_object_end(&w);
    json_w_end(&w);
}

/* The account first, its password then: a taken name must not get a new password. */
static bool add_here(const char *data, const char *scripts, struct span body, const char *name,
                     const char *password, struct err *e)
{
    struct local l;
    struct arena a = {0};
    struct add add = {.command = {.apply = apply}};
    add.body = json_parse(&a, body, NULL, NULL, e);
    bool ok = add.body && user_check_new(span_of(name), span_of(password), e) &&
              local_open(&l, data, scripts, e);
    if (ok) {
        add.street = l.street;
        ok = store_apply(l.store, &add.command, e) &&
             user_set_password(l.vault, span_of(name), span_of(password), e);
        local_close(&l);
    }
    arena_free(&a);
    return ok;
}

static bool add_there(const char *url, const char *as, struct span body, struct err *e)
{
    char headers[560] = "";
    if (!http_sign_in(url, as, headers, e))
        return false;
    strcat(headers, "Content-Type: application/json\r\n");
    struct http_call c = {
        .method = "POST", .path = "/api/v1/users", .headers = headers, .body = body};
    bool ok = http_ask(url, &c, e);
    buf_free(&c.answer);
    return ok;
}

int user_main(int argc, char **argv)
{
    const char *role = NULL, *office = NULL, *display = NULL, *data = "data", *to = NULL,
               *as = NULL;
    const char *scripts = "scripts";
    bool from_stdin = false, json = false;
    struct cli_list communities = {0};
    const struct cli_option options[] = {
        {"--role", "角色", "admin leader office editor community grid", .text = &role},
        {"--office", "科室", "科室编号（scripts/office/org.lua）", .text = &office},
        {"--community", "社区", "社区编号，可以给几次", .list = &communities},
        {"--display", "姓名", "显示的名字，缺省与账号相同", .text = &display},
        {"--password-stdin", NULL, "从标准输入的第一行读密码", .on = &from_stdin},
        {"--json", NULL, "输出 {\"name\",\"role\"}", .on = &json},
        {"--data", "目录", "数据目录（服务停着），缺省 data", .text = &data},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--to", "网址", "运行着的服务，如 http://127.0.0.1:8080", .text = &to},
        {"--as", "账号", "与 --to 一起：以哪个管理员的身份，密码在 WANGYI_PASSWORD",
         .text = &as},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi user add 账号 --role 角色 --password-stdin [选项]",
        "已有的账号用 wangyi user set 更改，见 wangyi user set --help。", options, 2, 2};
    int words, code;
    char password[1024];
    struct err e = {0};
    struct buf body = {0};
    if (argc > 1 && strcmp(argv[1], "set") == 0)
        return user_set_main(argc, argv);
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (strcmp(argv[1], "add") != 0)
        return cli_misused(&usage, "user 后面是 add 或 set");
    if (!role || !from_stdin || (to && !as))
        return cli_misused(&usage, !role ? "请用 --role 给出角色"
                                   : !from_stdin ? "请加 --password-stdin，并从标准输入给出密码"
                                                 : "用 --to 时请用 --as 给出管理员账号");
    if (!cli_stdin_line(password, sizeof password, &e))
        return cli_failed(&e);
    put_body(&body, argv[2], display, role, office, &communities, password);
    bool ok = to ? add_there(to, as, buf_view(&body), &e)
                 : add_here(data, scripts, buf_view(&body), argv[2], password, &e);
    if (ok && json)
        printf("{\"name\":\"%s\",\"role\":\"%s\"}\n", argv[2], role);
    explicit_bzero(password, sizeof password);
    explicit_bzero(body.p, body.n);
    buf_free(&body);
    return ok ? CLI_DONE : cli_failed(&e);
}
