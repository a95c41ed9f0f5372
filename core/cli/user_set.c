/* "wangyi user set": what becomes of an account that is there. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/http_client.h"
#include "cli/local.h"
#include "domain/user.h"
#include "store/writer.h"
#include "util/json.h"

struct wanted {
    const char *name, *display, *role, *office;
    struct cli_list communities;
    bool disable, enable, password_stdin;
    char password[1024];
};

static void put_communities(struct json_w *w, const struct cli_list *list)
{
    json_w_name(w, "communities");
    json_w_array(w);
    for (int i = 0; i < list->count; i++)
        if (list->items[i][0])
            json_w_str(w, list->items[i]);
    json_w_array_end(w);
}

/* The body of PATCH /users/{name}. */
static void put_patch(struct buf *body, const struct wanted *u)
{
    struct json_w w = json_w_begin(body);
    json_w_object(&w);
    if (u->display)
        json_w_kstr(&w, "display", u->display);
    if (u->role)
        json_w_kstr(&w, "role", u->role);
    if (u->office)
        json_w_kstr(&w, "office", u->office);
    if (u->communities.count)
        put_communities(&w, &u->communities);
    if (u->disable || u->enable)
        json_w_kbool(&w, "disabled", u->disable);
    if (u->password_stdin)
        json_w_kstr(&w, "password", u->password);
    json_w_object_end(&w);
    json_w_end(&w);
}

struct set {
    struct command command; /* first */
    const struct local *local;
    struct user_change change;
};

static bool apply(struct command *c, struct txn *t, struct err *e)
{
    const struct set *s = (const struct set *)c;
    return user_change(t, s->local->vault, s->local->street, &s->change, e);
}

static bool set_here(const char *data, const char *scripts, const struct wanted *u,
                     struct span body, struct err *e)
{
    struct local l;
    struct arena a = {0};
    char hash[USER_HASH_MAX] = "";
    struct set s = {.command.apply = apply, .local = &l};
    s.change = (struct user_change){.name = span_of(u->name), .by = SPAN("console")};
    s.change.patch = json_parse(&a, body, NULL, NULL, e);
    bool ok = s.change.patch && local_open_existing(&l, data, scripts, e);
    if (ok) {
        if (u->password_stdin) {
            ok = user_hash_password(s.change.name, span_of(u->password), hash, e);
            s.change.hash = hash;
        }
        ok = ok && store_apply(l.store, &s.command, e);
        local_close(&l);
    }
    explicit_bzero(hash, sizeof hash);
    arena_free(&a);
    return ok;
}

static bool set_there(const char *url, const char *as, const char *name, struct span body,
                      struct err *e)
{
    char headers[560] = "";
    struct buf path = {0};
    if (!http_sign_in(url, as, headers, e))
        return false;
    strcat(headers, "Content-Type: application/json\r\n");
    buf_str(&path, "/api/v1/users/");
    http_put_escaped(&path, name);
    buf_char(&path, '\0');
    struct http_call c = {.method = "PATCH", .path = path.p, .headers = headers, .body = body};
    bool ok = http_ask(url, &c, e);
    buf_free(&c.answer);
    buf_free(&path);
    return ok;
}

static const char *misuse_of(const struct wanted *u, const char *to, const char *as)
{
    if (u->disable && u->enable)
        return "--disable 和 --enable 只能用一个";
    if (!u->display && !u->role && !u->office && !u->communities.count && !u->disable &&
        !u->enable && !u->password_stdin)
        return "请写明要更改什么，如 --role、--disable、--password-stdin";
    return to && !as ? "用 --to 时请用 --as 给出管理员账号" : NULL;
}

int user_set_main(int argc, char **argv)
{
    struct wanted u = {0};
    const char *data = "data", *scripts = "scripts", *to = NULL, *as = NULL;
    const struct cli_option options[] = {
        {"--display", "姓名", "显示的名字", .text = &u.display},
        {"--role", "角色", "admin leader office editor community grid", .text = &u.role},
        {"--office", "科室", "科室编号（scripts/office/org.lua），空的表示不属于科室",
         .text = &u.office},
        {"--community", "社区", "社区编号，可以给几次，代替原有的；空的表示没有",
         .list = &u.communities},
        {"--disable", NULL, "停用：不能再登录，已登录的立即退出", .on = &u.disable},
        {"--enable", NULL, "重新启用", .on = &u.enable},
        {"--password-stdin", NULL, "从标准输入的第一行读新密码", .on = &u.password_stdin},
        {"--data", "目录", "数据目录（服务停着），缺省 data", .text = &data},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--to", "网址", "运行着的服务，如 http://127.0.0.1:8080", .text = &to},
        {"--as", "账号", "与 --to 一起：以哪个管理员的身份，密码在 WANGYI_PASSWORD",
         .text = &as},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi user set 账号 [--role 角色] [--disable] [--password-stdin] …",
        "更改已有的账号。除显示名外，更改立即结束此人所有的登录。最后一个在用的管理员"
        "不能停用或改为别的角色。",
        options, 2, 2};
    int words, code;
    struct err e = {0};
    struct buf body = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    const char *why = misuse_of(&u, to, as);
    if (why)
        return cli_misused(&usage, why);
    u.name = argv[2];
    if (u.password_stdin && !cli_stdin_line(u.password, sizeof u.password, &e))
        return cli_failed(&e);
    put_patch(&body, &u);
    bool ok = to ? set_there(to, as, u.name, buf_view(&body), &e)
                 : set_here(data, scripts, &u, buf_view(&body), &e);
    explicit_bzero(u.password, sizeof u.password);
    explicit_bzero(body.p, body.n);
    buf_free(&body);
    return ok ? CLI_DONE : cli_failed(&e);
}
