/* `wangyi withdraw BATCH`: take a batch back whole; and what a server does at its start with one cut off. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/http_client.h"
#include "cli/local.h"
#include "cli/withdraw.h"
#include "domain/batch.h"
#include "domain/street.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "util/json.h"
#include "util/log.h"

struct part {
    struct command command; /* first */
    const struct street *street;
    struct batch_withdraw what;
    struct arena *arena;
    struct batch_about batch;
};

static bool apply(struct command *c, struct txn *t, struct err *e)
{
    struct part *p = (struct part *)c;
    arena_reset(p->arena);
    return batch_withdraw_part(t, p->street, &p->what, p->arena, &p->batch, e);
}

static bool all_parts(struct store *s, const struct street *street,
                      const struct batch_withdraw *what, struct arena *a,
                      struct batch_about *out, struct err *e)
{
    struct part p;
    bool ok;
    do {
        p = (struct part){
            .command = {.apply = apply}, .street = street, .what = *what, .arena = a};
        ok = store_apply(s, &p.command, e);
    } while (ok && p.batch.state != BATCH_WITHDRAWN);
    *out = p.batch;
    return ok;
}

bool withdraw_resume(struct store *s, struct err *e)
{
    struct arena a = {0}, part = {0};
    bool ok = true, more = true;
    while (ok && more) {
        struct view *v = view_open(s, e);
        struct batch_about b;
        ok = v != NULL;
        struct span id = ok ? batch_withdrawal_open(v, &a) : SPAN_NONE;
        struct street *street = id.n ? street_load(v, SEQ_LATEST, e) : NULL;
        view_close(v);
        more = id.n && street;
        if (more) {
            struct err why = {0};
            log_info("batch", "going on with a withdrawal that was cut off: %.*s",
                     SPAN_ARG(id));
            more = all_parts(s, street, &(struct batch_withdraw){.id = id}, &part, &b, &why);
            if (!more) /* it can be asked for again; the server must start */
                log_error("batch", "withdrawal of %.*s not ended: %s", SPAN_ARG(id), why.text);
        }
        street_unref(street);
    }
    arena_free(&a);
    arena_free(&part);
    return ok;
}

static bool withdraw_here(const char *data, const char *scripts, const char *id,
                          const char *reason, struct buf *out, struct err *e)
{
    struct local l;
    struct arena a = {0};
    struct batch_about b;
    const struct batch_withdraw what = {
        .id = span_of(id), .reason = span_of(reason), .by = SPAN("console")};
    if (!local_open_existing(&l, data, scripts, e))
        return false;
    bool ok = all_parts(l.store, l.street, &what, &a, &b, e);
    if (ok) {
        struct json_w w = json_w_begin(out);
        batch_view(&b, &w);
        json_w_end(&w);
    }
    local_close(&l);
    arena_free(&a);
    return ok;
}

static bool withdraw_there(const char *url, const char *as, const char *id, const char *reason,
                           struct buf *out, struct err *e)
{
    char proof[512] = "";
    struct buf path = {0}, headers = {0}, body = {0};
    if (!http_sign_in(url, as, proof, e))
        return false;
    buf_str(&path, "/api/v1/batches/");
    http_put_escaped(&path, id);
    buf_str(&path, "/withdraw");
    buf_char(&path, '\0');
    buf_printf(&headers, "%sContent-Type: application/json\r\n", proof);
    buf_char(&headers, '\0');
    struct json_w w = json_w_begin(&body);
    json_w_object(&w);
    json_w_kstr(&w, "reason", reason);
    json_w_object_end(&w);
    json_w_end(&w);
    struct http_call c = {
        .method = "POST", .path = path.p, .headers = headers.p, .body = buf_view(&body)};
    bool ok = http_ask(url, &c, e);
    if (ok)
        buf_span(out, span_trim(buf_view(&c.answer)));
    buf_free(&c.answer);
    buf_free(&path);
    buf_free(&headers);
    buf_free(&body);
    return ok;
}

static void tell(struct span answer)
{
    struct arena a = {0};
    const struct json *b = json_parse(&a, answer, NULL, NULL, NULL);
    static const char *const names[] = {"restored", "taken_back", "kept"};
    int64_t n[3] = {0};
    for (int i = 0; i < 3; i++)
        json_int(json_get(b, names[i]), &n[i]);
    printf("批次 %s 已撤回：恢复原样 %lld 条，撤回 %lld 条，后来又有更新而保留 %lld 条\n",
           json_cstr(json_get(b, "id"), ""), (long long)n[0], (long long)n[1], (long long)n[2]);
    arena_free(&a);
}

int withdraw_main(int argc, char **argv)
{
    const char *data = NULL, *to = NULL, *as = NULL, *reason = NULL, *scripts = "scripts";
    bool json = false;
    const struct cli_option options[] = {
        {"--reason", "原因", "为什么撤回；会写进日志，也会告诉收到过告警的人", .text = &reason},
        {"--data", "目录", "数据目录（服务停着），缺省 data", .text = &data},
        {"--to", "网址", "运行着的服务，如 http://127.0.0.1:8080", .text = &to},
        {"--as", "账号", "与 --to 一起：归口科室或管理员的账号，密码在 WANGYI_PASSWORD",
         .text = &as},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--json", NULL, "以 JSON 输出", .on = &json},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi withdraw 批次 --reason 原因 [--data 目录 | --to 网址 --as 账号]",
        "把一个批次带来的数据整批撤回：每条记录回到此前的样子，此前没有的撤掉；批次之后又更新过"
        "的不动。\n"
        "批次写作“来源|"
        "批次号”，批次号只有一个来源用过时可以只写它。没有做完的，再运行一次就接着做。",
        options, 1, 1};
    int words, code;
    struct err e = {0};
    struct buf out = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    if (!reason || (to && !as) || (to && data))
        return cli_misused(&usage, !reason      ? "请用 --reason 写明原因"
                                   : to && data ? "--data 和 --to 只能用一个"
                                                : "用 --to 时请用 --as 给出账号");
    bool ok = to ? withdraw_there(to, as, argv[1], reason, &out, &e)
                 : withdraw_here(data ? data : "data", scripts, argv[1], reason, &out, &e);
    if (ok && json)
        printf("%.*s\n", SPAN_ARG(buf_view(&out)));
    else if (ok)
        tell(buf_view(&out));
    buf_free(&out);
    return ok ? CLI_DONE : cli_failed(&e);
}
