/*
 * `wangyi serve`: opens the store, brings the files on disk into the journal, then starts from the inside out:
 * writer, supervisor with its engine process, server, ticker; and stops in the opposite order.
 */
#include "cli/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/demo.h"
#include "cli/local.h"
#include "cli/withdraw.h"
#include "domain/street.h"
#include "engine/feeder.h"
#include "engine/supervisor.h"
#include "engine/ticker.h"
#include "store/store.h"
#include "store/vault.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/calendar.h"
#include "util/log.h"

struct options {
    const char *data, *listen, *scenarios, *scripts, *web, *tls_cert, *tls_key, *port_file,
        *clock, *alerts, *per_address, *keep, *pace;
    bool demo, watch;
    /* read from clock, alerts, per_address, keep, pace */
    int64_t hold, alert_limit, connections, picture_days, pace_s;
};

/* What the signals thread needs; it lives as long as the process. */
struct signals {
    struct serve *serve;
    sigset_t set;
    pthread_t thread;
};

static void *hear_signals(void *arg)
{
    struct signals *s = arg;
    int which;
    while (sigwait(&s->set, &which) == 0) {
        if (which == SIGUSR2) /* serve has ended by itself */
            return NULL;
        if (which != SIGHUP) {
            log_info("serve", "stopping signal=%d", which);
            server_stop(s->serve->server);
            continue;
        }
        struct buf json = {0};
        struct err e = {0};
        if (!serve_reload(s->serve, SPAN("SIGHUP"), SPAN("SIGHUP"), &json, &e))
            log_error("reload", "%s", e.text);
        buf_free(&json);
    }
    return NULL;
}

/* Before the first thread: everybody inherits the mask, only hear_signals waits for them. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

static void log_refused(const struct import_result *r)
{
    if (r->refused_count)
        log_warn("reload", "refused %.*s", SPAN_ARG(buf_view(&r->refused)));
}

/* Some office files were imported once: the street can live with them. */
static bool has_street(struct store *s)
{
    struct err e = {0};
    struct view *v = view_open(s, &e);
    struct street *street = v ? street_load(v, view_head(v), &e) : NULL;
    if (street)
        street_unref(street);
    if (v)
        view_close(v);
    return street != NULL;
}

/* Nobody else writes yet: the files' changes are in the journal before the engine first looks. */
static bool import_files(struct serve *s, struct err *e)
{
    struct importer in = {s->store, NULL, s->scripts_dir, s->scenarios_dir};
    struct import_result r;
    bool office;
    struct err why = {0};
    if (!import_office(&in, &office, &why)) {
        if (!has_street(s->store)) {
            *e = why;
            return false;
        }
        log_warn("reload", "office files refused, those before stay: %s", why.text);
    }
    bool ok = import_scenarios(&in, SPAN("serve"), SPAN("启动时读入"), &r, e);
    if (ok) {
        log_info("serve", "scenarios changed=%d unchanged=%d refused=%d", r.changed_count,
                 r.unchanged, r.refused_count);
        log_refused(&r);
    }
    import_result_free(&r);
    return ok;
}

static bool whole_number(const char *text, int64_t min, int64_t *out)
{
    return span_int(span_of(text), out) && *out >= min && *out <= 1000000;
}

/* What is wrong with the words on the command line themselves, or NULL. */
static const char *read_options(struct options *o)
{
    if (o->demo && o->clock)
        return "--demo 自带时钟，不能再用 --clock";
    if (o->clock && !calendar_parse_datetime(span_of(o->clock), &o->hold))
        return "--clock 要写成 2020-07-15T08:30:00+08:00 这样";
    if (!whole_number(o->alerts, 0, &o->alert_limit))
        return "--alert-limit 要是 0 到 1000000 的整数";
    if (!whole_number(o->per_address, 1, &o->connections))
        return "--per-address 要是 1 到 1000000 的整数";
    if (!whole_number(o->keep, 0, &o->picture_days))
        return "--keep-pictures 要是 0 到 1000000 的整数";
    if (!whole_number(o->pace, 0, &o->pace_s))
        return "--pace 要是 0 到 1000000 的整数";
    if (!o->tls_cert != !o->tls_key)
        return "--tls-cert 和 --tls-key 须同时给出";
    return NULL;
}

static struct server_options server_options_of(const struct options *o)
{
    return (struct server_options){.listen = o->listen,
                                   .web_dir = o->web,
                                   .tls_cert = o->tls_cert,
                                   .tls_key = o->tls_key,
                                   .port_file = o->port_file,
                                   .demo = o->demo,
                                   .per_address = (unsigned)o->connections};
}

/* Before anything is written, and before minutes go into a sample street. */
static bool check_places(const struct options *o, struct err *e)
{
    char host_scripts[4096];
    const struct server_options serving = server_options_of(o);
    snprintf(host_scripts, sizeof host_scripts, "%s/host", o->scripts);
    if (access(host_scripts, R_OK | X_OK))
        return err_set(e, ERR_INPUT, "读不了 %s：%s；--scripts 要指到产品的 scripts 目录",
                       host_scripts, strerror(errno));
    if (access(o->scenarios, R_OK | X_OK))
        return err_set(e, ERR_INPUT, "读不了场景目录 %s：%s", o->scenarios, strerror(errno));
    return server_check(&serving, e);
}

/* The store with everything in it that must be there before the first thread starts. */
static bool prepare(struct serve *s, const struct options *o, struct err *e)
{
    if (!local_make_dir(s->data_dir, e))
        return false;
    s->store = store_open(&(struct store_options){.dir = s->data_dir}, e);
    s->vault = s->store ? vault_open(s->data_dir, e) : NULL;
    if (!s->vault)
        return false;
    if (o->demo) {
        if (!demo_load(s, e))
            return false;
    } else if (!local_live(s->store, o->hold, e)) {
        return false;
    }
    return import_files(s, e) && withdraw_resume(s->store, e);
}

/* The one line a person waits for; logs go to stderr. */
static void tell_address(const struct options *o, int port)
{
    const char *colon = strrchr(o->listen, ':');
    printf("网驿已就绪，请用浏览器打开 %s://%.*s:%d\n", o->tls_cert ? "https" : "http",
           colon ? (int)(colon - o->listen) : 0, o->listen, port);
    fflush(stdout);
}

static bool start(struct serve *s, const struct options *o, struct err *e)
{
    s->writer = writer_start(s->store, e);
    if (!s->writer)
        return false;
    const struct supervisor_options supervised = {.self = cli_self(),
                                                  .data_dir = s->data_dir,
                                                  .scripts_dir = s->scripts_dir,
                                                  .store = s->store,
                                                  .writer = s->writer,
                                                  .alert_limit = (int)o->alert_limit};
    s->supervisor = supervisor_start(&supervised, e);
    if (!s->supervisor)
        return false;
    s->feeder = feeder_new(cli_self(), s->scripts_dir);
    struct server_options serving = server_options_of(o);
    serving.data_dir = s->data_dir;
    serving.picture_days = (unsigned)o->picture_days;
    serving.store = s->store;
    serving.writer = s->writer;
    serving.vault = s->vault;
    serve_engine(s, &serving.engine);
    s->server = server_new(&serving, e);
    if (!s->server)
        return false;
    s->ticker = ticker_start(s->store, s->writer, s->supervisor, e);
    if (s->ticker)
        tell_address(o, server_port(s->server));
    return s->ticker != NULL;
}

static void stop(struct serve *s)
{
    if (s->ticker)
        ticker_stop(s->ticker);
    if (s->supervisor)
        supervisor_stop(s->supervisor);
    if (s->writer)
        writer_stop(s->writer);
    if (s->server)
        server_free(s->server);
    feeder_free(s->feeder);
    if (s->vault)
        vault_close(s->vault);
    if (s->store)
        store_close(s->store);
}

static bool run(struct serve *s, const struct options *o, sigset_t set, struct err *e)
{
    struct signals signals = {.serve = s, .set = set};
    struct watch *watch = o->watch ? watch_start(s, e) : NULL;
    struct demo *demo = NULL;
    if (o->watch && !watch)
        return false;
    if (pthread_create(&signals.thread, NULL, hear_signals, &signals) != 0)
        return err_set(e, ERR_SYSTEM, "不能启动线程");
    if (o->demo)
        demo = demo_play(s, (long)o->pace_s * 1000);
    bool ok = server_run(s->server, e);
    demo_stop(demo);
    watch_stop(watch);
    pthread_kill(signals.thread, SIGUSR2);
    pthread_join(signals.thread, NULL);
    return ok;
}

int serve_main(int argc, char **argv)
{
    struct options o = {.data = "data",
                        .listen = "127.0.0.1:8080",
                        .scenarios = "scenarios",
                        .scripts = "scripts",
                        .web = "build/web",
                        .alerts = "100",
                        .per_address = "200",
                        .keep = "90",
                        .pace = "3"};
    const struct cli_option options[] = {
        {"--data", "目录", "数据目录，缺省 data", .text = &o.data},
        {"--listen", "地址:端口", "缺省 127.0.0.1:8080；端口 0 即任一空闲的",
         .text = &o.listen},
        {"--scenarios", "目录", "场景脚本，缺省 scenarios", .text = &o.scenarios},
        {"--scripts", "目录", "产品和科室的脚本，缺省 scripts", .text = &o.scripts},
        {"--web", "目录", "网页，缺省 build/web", .text = &o.web},
        {"--tls-cert", "文件", "PEM 证书；与 --tls-key 一起给出就用 HTTPS",
         .text = &o.tls_cert},
        {"--tls-key", "文件", "PEM 私钥", .text = &o.tls_key},
        {"--port-file", "文件", "把实际端口写进这个文件", .text = &o.port_file},
        {"--watch", NULL, "场景和科室文件一存盘就重新读入", .on = &o.watch},
        {"--demo", NULL, "在空目录里装入示例街道和账号，边看边有新数据", .on = &o.demo},
        {"--clock", "时间", "街道的时钟停在这个时间，由管理员拨动（演练、测试）",
         .text = &o.clock},
        {"--alert-limit", "数", "一个场景每分钟至多发几条告警，0 为不限，缺省 100",
         .text = &o.alerts},
        {"--per-address", "数", "一个地址至多同时有几个连接，缺省 200（网关后面要调大）",
         .text = &o.per_address},
        {"--pace", "秒", "示例街道隔几秒发生一件事，缺省 3", .text = &o.pace},
        {"--keep-pictures", "天", "图片保存多少天，0 为一直保存，缺省 90", .text = &o.keep},
        {0},
    };
    const struct cli_usage usage = {"wangyi serve [选项]",
                                    "SIGTERM、SIGINT 停止，SIGHUP 重新读入场景和科室文件。",
                                    options, 0, 0};
    int words, code;
    struct err e = {0};
    sigset_t set;
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    const char *wrong = read_options(&o);
    if (wrong)
        return cli_misused(&usage, wrong);
    struct serve s = {.data_dir = o.data,
                      .scripts_dir = o.scripts,
                      .scenarios_dir = o.scenarios,
                      .reloading = PTHREAD_MUTEX_INITIALIZER};
    if (!check_places(&o, &e))
        return cli_failed(&e);
    block_signals(&set);
    bool ok = prepare(&s, &o, &e) && start(&s, &o, &e) && run(&s, &o, set, &e);
    stop(&s);
    log_info("serve", "stopped");
    log_flush();
    return ok ? CLI_DONE : cli_failed(&e);
}
