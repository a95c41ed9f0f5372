#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/http_client.h"
#include "cli/local.h"
#include "domain/user.h"
#include "store/writer.h"
#include "util/json.h"

struct add {
    struct command command;
    const struct local *local;
    const struct json *body;
    char key[96];
};

static bool apply(struct command *c, struct txn *t, struct err *e)
{
    struct add *a = (struct add *)c;
    return key_add(t, a->local->vault, a->local->street, a->body, SPAN("console"), a->key, e);
}

static void put_body(struct buf *body, const char *types, const char *label)
{
    struct span rest = span_of(types);
    struct json_w w = json_w_begin(body);
    json_w_object(&w);
    json_w_name(&w, "types");
    json_w_array(&w);
    while (rest.p) {
        struct span one = span_trim(span_split(&rest, ','));
        if (one.n)
            json_w_span(&w, one);
    }
    json_w_array_end(&w);
    json_w_kstr(&w, "label", label);
    json_w_object_end(&w);
    json_w_end(&w);
}

static bool add_here(const char *data, const char *scripts, const struct json *body,
                     char key[96], struct err *e)
{
    struct local l;
    if (!local_open(&l, data, scripts, e))
        return false;
    struct add add = {.command = {.apply = apply}, .local = &l, .body = body};
    bool ok = store_apply(l.store, &add.command, e);
    if (ok)
        memcpy(key, add.key, sizeof add.key);
    explicit_bzero(add.key, sizeof add.key);
    local_close(&l);
    return ok;
}

static bool add_there(const char *url, const char *as, struct span body, char key[96],
                      struct err *e)
{
    char headers[560] = "";
    struct arena a = {0};
    if (!http_sign_in(url, as, headers, e))
        return false;
    strcat(headers, "Content-Type: application/json\r\n");
    struct http_call c = {
        .method = "POST", .path = "/api/v1/keys", .headers = headers, .body = body};
    bool ok = http_ask(url, &c, e);
    const struct json *answer = ok ? json_parse(&a, buf_view(&c.answer), NULL, NULL, e) : NULL;
    if (answer)
        snprintf(key, 96, "%s", json_cstr(json_get(answer, "key"), ""));
    buf_free(&c.answer);
    arena_free(&a);
    return answer && (key[0] || err_set(e, ERR_SYSTEM, "服务器没有给出密钥"));
}

struct revoke {
    struct command command;
    struct span id;
};

static bool apply_revoke(struct command *c, struct txn *t, struct err *e)
{
    return key_revoke(t, ((const struct revoke *)c)->id, SPAN("console"), e);
}

static bool revoke_here(const char *data, const char *scripts, const char *id, struct err *e)
{
    struct local l;
    if (!local_open_existing(&l, data, scripts, e))
        return false;
    struct revoke r = {.command = {.apply = apply_revoke}, .id = span_of(id)};
    bool ok = store_apply(l.store, &r.command, e);
    local_close(&l);
    return ok;
}

static bool revoke_there(const char *url, const char *as, const char *id, struct err *e)
{
    char headers[560] = "";
    struct buf path = {0};
    if (!http_sign_in(url, as, headers, e))
        return false;
    buf_str(&path, "/api/v1/keys/");
    http_put_escaped(&path, id);
    buf_char(&path, '\0');
    struct http_call c = {.method = "DELETE", .path = path.p, .headers = headers};
    bool ok = http_ask(url, &c, e);
    buf_free(&c.answer);
    buf_free(&path);
    return ok;
}

static int revoke_main(int argc, char **argv)
{
    const char *data = "data", *scripts = "scripts", *to = NULL, *as = NULL;
    const struct cli_option options[] = {
        {"--data", "目录", "数据目录（服务停着），缺省 data", .text = &data},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--to", "网址", "运行着的服务，如 http://127.0.0.1:8080", .text = &to},
        {"--as", "账号", "与 --to 一起：以哪个管理员的身份，密码在 WANGYI_PASSWORD",
         .text = &as},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi key revoke 编号 [--data 目录 | --to 网址 --as 账号]",
        "停用一个密钥，不能恢复；它打开的连接立即结束。", options, 2, 2};
    int words, code;
    struct err e = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (to && !as)
        return cli_misused(&usage, "用 --to 时请用 --as 给出管理员账号");
    bool ok = to ? revoke_there(to, as, argv[2], &e) : revoke_here(data, scripts, argv[2], &e);
    return ok ? CLI_DONE : cli_failed(&e);
}

/* wy_<id>_<secret> */
static void print_key(const char *key, bool json)
{
    const char *id = strchr(key, '_');
    int n = id ? (int)strcspn(id + 1, "_") : 0;
    if (json)
        printf("{\"id\":\"%.*s\",\"key\":\"%s\"}\n", n, id ? id + 1 : "", key);
    else
        printf("%s\n", key);
    if (!json)
        fprintf(stderr, "密钥只显示这一次，请妥善保存。\n");
}

int key_main(int argc, char **argv)
{
    const char *types = NULL, *label = "命令行添加", *data = "data", *to = NULL, *as = NULL;
    const char *scripts = "scripts";
    bool json = false;
    const struct cli_option options[] = {
        {"--types", "类型", "能送入的数据类型，逗号分开（scripts/office/records.lua）",
         .text = &types},
        {"--label", "说明", "给谁用的", .text = &label},
        {"--json", NULL, "输出 {\"id\",\"key\"}", .on = &json},
        {"--data", "目录", "数据目录（服务停着），缺省 data", .text = &data},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--to", "网址", "运行着的服务，如 http://127.0.0.1:8080", .text = &to},
        {"--as", "账号", "与 --to 一起：以哪个管理员的身份，密码在 WANGYI_PASSWORD",
         .text = &as},
        {0},
    };
    const struct cli_usage usage = {"wangyi key add --types 类型,类型 [选项]",
                                    "不再用的密钥用 wangyi key revoke 编号 停用。", options, 1,
                                    1};
    int words, code;
    char key[96] = "";
    struct err e = {0};
    struct arena a = {0};
    struct buf body = {0};
    if (argc > 1 && strcmp(argv[1], "revoke") == 0)
        return revoke_main(argc, argv);
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (strcmp(argv[1], "add") != 0)
        return cli_misused(&usage, "key 后面是 add 或 revoke");
    if (!types || (to && !as))
        return cli_misused(&usage, !types ? "请用 --types 给出数据类型"
                                          : "用 --to 时请用 --as 给出管理员账号");
    put_body(&body, types, label);
    const struct json *parsed = json_parse(&a, buf_view(&body), NULL, NULL, &e);
    bool ok = parsed && (to ? add_there(to, as, buf_view(&body), key, &e)
                            : add_here(data, scripts, parsed, key, &e));
    if (ok)
        print_key(key, json);
    explicit_bzero(key, sizeof key);
    buf_free(&body);
    arena_free(&a);
    return ok ? CLI_DONE : cli_failed(&e);
}
