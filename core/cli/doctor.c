/* `wangyi doctor`: what an administrator should know before and while the server runs. Changes nothing. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"
#include "store/store.h"
#include "util/calendar.h"
#include "util/child.h"
#include "util/clock.h"
#include "util/json.h"

enum verdict { GOOD, WARN, BAD };

struct report {
    struct json_w *json; /* NULL: plain lines */
    int warnings, bad;
};

static void say(struct report *r, enum verdict v, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void say(struct report *r, enum verdict v, const char *what, const char *fmt, ...)
{
    static const char *const words[] = {"ok", "warn", "bad"};
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    r->warnings += v == WARN;
    r->bad += v == BAD;
    if (!r->json) {
        printf("%-5s %-10s %s\n", words[v], what, text);
        return;
    }
    json_w_object(r->json);
    json_w_kstr(r->json, "verdict", words[v]);
    json_w_kstr(r->json, "what", what);
    json_w_kstr(r->json, "text", text);
    json_w_object_end(r->json);
}

static void check_machine(struct report *r)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    say(r, files.rlim_cur < 4096 ? WARN : GOOD, "files", "可同时打开 %llu 个文件%s",
        (unsigned long long)files.rlim_cur,
        files.rlim_cur < 4096 ? "，建议至少 4096（ulimit -n），否则连接多时会被拒绝" : "");
    struct rlimit space;
    getrlimit(RLIMIT_AS, &space);
    say(r, space.rlim_cur == RLIM_INFINITY ? GOOD : WARN, "memory", "%s",
        space.rlim_cur == RLIM_INFINITY
            ? "地址空间不限"
            : "地址空间有限制（ulimit -v），数据库的映射可能打不开");
    if (geteuid() == 0)
        say(r, WARN, "user", "以 root 运行；请用专门的账号");
    struct buf b = {0};
    calendar_put_datetime(&b, clock_wall_us());
    bool sane = clock_wall_us() > 1700000000LL * 1000000;
    say(r, sane ? GOOD : WARN, "clock", "%.*s%s", SPAN_ARG(buf_view(&b)),
        sane ? "" : "，系统时钟不对");
    buf_free(&b);
    /* asks for the version of its interface, makes nothing */
    bool landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
    struct stat st;
    bool seccomp = stat("/proc/sys/kernel/seccomp", &st) == 0;
    say(r, seccomp ? GOOD : WARN, "sandbox", "seccomp %s，landlock %s", seccomp ? "有" : "没有",
        landlock ? "有" : "没有");
}

static void check_disk(struct report *r, const char *data)
{
    struct statvfs fs;
    struct stat st;
    if (stat(data, &st) != 0) {
        say(r, errno == ENOENT ? GOOD : BAD, "data", "%s：%s", data,
            errno == ENOENT ? "还没有，第一次 serve 时建立" : strerror(errno));
        return;
    }
    say(r, st.st_mode & 077 ? WARN : GOOD, "rights", "%s 的权限是 %03o%s", data,
        st.st_mode & 0777, st.st_mode & 077 ? "，请 chmod 700" : "");
    if (access(data, W_OK) != 0)
        say(r, BAD, "rights", "%s 不能写：%s", data, strerror(errno));
    if (statvfs(data, &fs) == 0) {
        double free_gb = (double)fs.f_bavail * (double)fs.f_frsize / 1e9;
        say(r,
            free_gb < 1   ? BAD
            : free_gb < 5 ? WARN
                          : GOOD,
            "disk", "空余 %.1f GB%s", free_gb,
            free_gb < 5 ? "，请清理或扩容：写满后只能读" : "");
    }
}

static void check_store(struct report *r, const char *data)
{
    struct err e = {0};
    struct stat st;
    char path[4096];
    snprintf(path, sizeof path, "%s/store", data);
    if (stat(path, &st) != 0)
        return;
    struct store *s = store_open(&(struct store_options){.dir = data, .read_only = true}, &e);
    if (!s) {
        say(r, BAD, "store", "%s", e.text);
        return;
    }
    struct store_stats stats;
    store_stats(s, &stats);
    bool tight = stats.bytes_used > stats.bytes_map / 10 * 9;
    say(r, tight ? BAD : GOOD, "store", "日志到 %llu，用 %.1f MB，映射 %.0f GB%s",
        (unsigned long long)stats.head, (double)stats.bytes_used / 1e6,
        (double)stats.bytes_map / 1e9, tight ? "，快满了" : "");
    store_close(s);
}

static void check_files(struct report *r, const char *scripts, const char *web)
{
    struct err e = {0};
    struct stat st;
    const char *argv[] = {cli_self(), "engine", "office", "--scripts", scripts, NULL};
    struct child_run child = {.argv = argv, .limit_ms = 20000};
    bool ran = child_run(&child, &e);
    bool ok = ran && child.exit_code == 0;
    say(r, ok ? GOOD : BAD, "office", "%s",
        ok    ? "科室文件可以读入"
        : ran ? (buf_char(&child.errors, '\0'), child.errors.p)
              : e.text);
    child_free(&child);
    char path[4096];
    snprintf(path, sizeof path, "%s/staff/index.html", web);
    bool pages = stat(path, &st) == 0;
    say(r, pages ? GOOD : WARN, "web", "%s%s", path,
        pages ? "" : " 没有：请先 make web，否则只有接口");
}

int doctor_main(int argc, char **argv)
{
    const char *data = "data", *scripts = "scripts", *web = "build/web";
    bool json = false;
    const struct cli_option options[] = {
        {"--data", "目录", "数据目录，服务运行着也可以；缺省 data", .text = &data},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--web", "目录", "缺省 build/web", .text = &web},
        {"--json", NULL, "以 JSON 输出", .on = &json},
        {0},
    };
    const struct cli_usage usage = {"wangyi doctor [选项]", "只看不改。有 bad 时退出码 1。",
                                    options, 0, 0};
    int words, code;
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    struct report r = {.json = json ? &w : NULL};
    if (json)
        json_w_array(&w);
    check_machine(&r);
    check_disk(&r, data);
    check_store(&r, data);
    check_files(&r, scripts, web);
    if (json) {
        json_w_array_end(&w);
        buf_char(&out, '\n');
        cli_write_out(out.p, out.n);
    }
    buf_free(&out);
    return r.bad ? CLI_FAILED : CLI_DONE;
}
