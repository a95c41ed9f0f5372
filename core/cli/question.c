#include "cli/question.h"

#include "cli/cli.h"
#include "util/child.h"
#include "util/json.h"
#include "util/log.h"

enum { ANSWER_MAX = 256 << 20 };

struct answer {
    const struct question *question;
    struct buf *json;
    struct err *e;
    bool done;
};

static enum err_code code_of(struct span name)
{
    for (int c = ERR_INPUT; c <= ERR_SYSTEM; c++)
        if (span_eq(name, span_of(err_code_name((enum err_code)c))))
            return (enum err_code)c;
    return ERR_SYSTEM;
}

static void take_line(void *ctx, struct span line)
{
    static const struct json_limits small = {.bytes = 1 << 16};
    static const char result[] = "{\"result\":";
    struct answer *x = ctx;
    const struct question *q = x->question;
    if (span_starts(line, SPAN(result)) && line.n > sizeof result) {
        buf_put(x->json, line.p + sizeof result - 1, line.n - sizeof result);
        x->done = true;
        return;
    }
    struct arena a = {0};
    const struct json *m = json_parse(&a, line, &small, NULL, NULL);
    const struct json *progress = json_get(m, "progress"), *error = json_get(m, "error");
    int64_t done = 0, total = 0;
    if (progress && q->progress && json_int(json_get(progress, "done"), &done) &&
        json_int(json_get(progress, "total"), &total))
        q->progress(q->ctx, (uint64_t)done, (uint64_t)total);
    if (error)
        err_set(x->e, code_of(json_string(json_get(error, "code"))), "%s",
                json_cstr(json_get(error, "message"), ""));
    arena_free(&a);
}

bool question_ask(const struct question *q, struct buf *json, struct err *e)
{
    const char *argv[] = {cli_self(),  "engine",    q->what,        "--data",
                          q->data_dir, "--scripts", q->scripts_dir, NULL};
    struct err told = {0};
    struct answer x = {q, json, &told, false};
    struct child_run r = {.argv = argv,
                          .input = q->request,
                          .limit_ms = q->limit_ms,
                          .output_max = ANSWER_MAX,
                          .line = take_line,
                          .ctx = &x,
                          .cancel = q->cancel};
    bool ok = child_run(&r, e);
    if (ok && told.code) {
        *e = told;
        ok = false;
    } else if (ok && !x.done) {
        log_error("question", "%s ended with %d: %.*s", q->what, r.exit_code,
                  r.errors.n > 400 ? 400 : (int)r.errors.n, r.errors.n ? r.errors.p : "");
        ok = err_set(e, ERR_SYSTEM, "引擎进程没有答复（退出码 %d）", r.exit_code);
    }
    child_free(&r);
    return ok;
}
