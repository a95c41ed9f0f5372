/*
 * The processes that run scripts: `engine` beside the server, `engine check` and `engine office` for one
 * question each. Started by serve, reload and check with what they need; nobody calls them by hand.
 */
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "domain/street.h"
#include "util/json.h"

static bool load_street(const char *scripts, struct street **street, struct err *e)
{
    struct buf json = {0}, parts[3] = {{0}};
    static const char *const names[3] = {"records", "org", "calendar"};
    const struct json_limits limits = {.bytes = 16 << 20, .keys = 4096, .string = 1 << 20};
    struct arena a = {0};
    const struct json *all = NULL;
    if (engine_office(scripts, &json, e))
        all = json_parse(&a, buf_view(&json), &limits, NULL, e);
    for (int i = 0; i < 3 && all; i++) {
        struct json_w w = json_w_begin(&parts[i]);
        json_w_value(&w, json_get(all, names[i]));
        json_w_end(&w);
    }
    *street =
        all ? street_make(buf_view(&parts[0]), buf_view(&parts[1]), buf_view(&parts[2]), e)
            : NULL;
    for (int i = 0; i < 3; i++)
        buf_free(&parts[i]);
    buf_free(&json);
    arena_free(&a);
    return *street != NULL;
}

static int office(const char *scripts)
{
    struct buf json = {0};
    struct err e = {0};
    if (!engine_office(scripts, &json, &e))
        return cli_failed(&e);
    bool ok = cli_write_out(json.p, json.n);
    buf_free(&json);
    return ok ? CLI_DONE : CLI_FAILED;
}

static int check(const char *id, const char *scripts, const char *values)
{
    struct street *street;
    struct buf text = {0}, json = {0};
    struct err e = {0};
    if (!load_street(scripts, &street, &e))
        return cli_failed(&e);
    bool ok =
        cli_read_file("-", 1 << 20, &text, &e) &&
        engine_check(street, scripts, span_of(id), buf_view(&text), span_of(values), &json, &e);
    ok = ok && cli_write_out(json.p, json.n);
    buf_free(&json);
    buf_free(&text);
    street_unref(street);
    return ok ? CLI_DONE : cli_failed(&e);
}

static void put_line(void *ctx, struct span json)
{
    (void)ctx;
    printf("%.*s\n", SPAN_ARG(json));
    fflush(stdout);
}

/* The question on stdin, the answer in lines on stdout. */
static int answer(const char *data, const char *scripts,
                  void (*engine)(const struct engine_question *q))
{
    struct buf request = {0};
    struct err e = {0};
    if (!data || !cli_read_file("-", 4 << 20, &request, &e))
        return data ? cli_failed(&e) : CLI_USAGE;
    engine(&(struct engine_question){data, scripts, buf_view(&request), put_line, NULL});
    buf_free(&request);
    return CLI_DONE;
}

static int feed(const char *scripts, int control)
{
    struct street *street;
    struct err e = {0};
    if (!load_street(scripts, &street, &e))
        return cli_failed(&e);
    int code = engine_feed(street, scripts, control);
    street_unref(street);
    return code;
}

static int feed_check(const char *name, const char *scripts)
{
    struct street *street;
    struct buf text = {0}, json = {0};
    struct err e = {0};
    if (!load_street(scripts, &street, &e))
        return cli_failed(&e);
    bool ok = cli_read_file("-", 1 << 20, &text, &e) &&
              engine_feed_check(street, scripts, span_of(name), buf_view(&text), &json, &e);
    ok = ok && cli_write_out(json.p, json.n);
    buf_free(&json);
    buf_free(&text);
    street_unref(street);
    return ok ? CLI_DONE : cli_failed(&e);
}

#if defined(__SANITIZE_ADDRESS__)
/* Inside its fences the engine cannot look for leaks at its end, which would count as a crash. */
static bool fenced;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return fenced;
}
#define SET_FENCED() (void)(fenced = true)
#else
#define SET_FENCED() (void)0
#endif

static int number(const char *text)
{
    int64_t n;
    return text && span_int(span_of(text), &n) && n >= 0 && n < 1 << 20 ? (int)n : -1;
}

int engine_main(int argc, char **argv)
{
    const char *data = NULL, *scripts = "scripts", *values = NULL, *alerts = "100";
    const char *control = NULL, *head = NULL, *page = NULL;
    const struct cli_option options[] = {
        {"--data", "目录", "数据目录", .text = &data},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--control", "FD", "与服务相连的套接字", .text = &control},
        {"--head", "FD", "日志增长时响的 eventfd", .text = &head},
        {"--page", "FD", "共享页", .text = &page},
        {"--alert-limit", "数", "一个场景每分钟至多发几条告警，0 为不限", .text = &alerts},
        {"--values", "JSON", "check：参数值", .text = &values},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi engine [check 编号 | office | backtest | explain]（由 serve 启动）", NULL,
        options, 0, 2};
    int words, code;
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    SET_FENCED();
    if (words == 1 && strcmp(argv[1], "office") == 0)
        return office(scripts);
    if (words == 2 && strcmp(argv[1], "check") == 0)
        return check(argv[2], scripts, values);
    if (words == 2 && strcmp(argv[1], "feed") == 0)
        return feed_check(argv[2], scripts);
    if (words == 1 && strcmp(argv[1], "feed") == 0 && number(control) >= 0)
        return feed(scripts, number(control));
    if (words == 1 && strcmp(argv[1], "backtest") == 0)
        return answer(data, scripts, engine_backtest);
    if (words == 1 && strcmp(argv[1], "explain") == 0)
        return answer(data, scripts, engine_explain);
    const struct engine_options o = {.data_dir = data,
                                     .scripts_dir = scripts,
                                     .control = number(control),
                                     .head_fd = number(head),
                                     .page_fd = number(page),
                                     .alert_limit = number(alerts)};
    if (words || !data || o.control < 0 || o.head_fd < 0 || o.page_fd < 0 || o.alert_limit < 0)
        return cli_misused(&usage, "engine 由 serve 启动，不单独使用");
    return engine_run(&o);
}
