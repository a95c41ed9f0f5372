/*
 * `wangyi ingest TYPE FILE`: the same door as everybody's. --to sends the file to a running server as it
 * is read; --data writes into the directory of a stopped one, 2000 lines a commit.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/http_client.h"
#include "cli/local.h"
#include "domain/record.h"
#include "domain/street.h"
#include "store/writer.h"
#include "util/clock.h"
#include "util/json.h"

enum { GROUP = 2000, PIECE_SIZE = 64 << 10 };

struct source {
    int fd;
    int64_t size, done; /* size -1: unknown */
    int64_t told_at;
    bool bar;
};

static bool source_open(struct source *s, const char *path, struct err *e)
{
    struct stat st;
    *s = (struct source){.size = -1,
                         .fd = strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY | O_CLOEXEC)};
    if (s->fd < 0)
        return err_set(e, ERR_MISSING, "打不开 %s：%s", path, strerror(errno));
    if (fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode))
        s->size = st.st_size;
    s->bar = isatty(2);
    return true;
}

static void source_close(struct source *s)
{
    if (s->bar)
        fputs("\r\033[K", stderr);
    if (s->fd > 0)
        close(s->fd);
}

static void tell_progress(struct source *s)
{
    int64_t now = clock_mono_us();
    if (!s->bar || now - s->told_at < 100000)
        return;
    s->told_at = now;
    if (s->size > 0) {
        int part = (int)(s->done * 30 / s->size);
        fprintf(stderr, "\r[%.*s%*s] %3lld%%  %.1f MB", part, "##############################",
                30 - part, "", (long long)(s->done * 100 / s->size), (double)s->done / 1e6);
    } else {
        fprintf(stderr, "\r%.1f MB", (double)s->done / 1e6);
    }
}

static int64_t source_read(void *ctx, char *into, size_t size, struct err *e)
{
    struct source *s = ctx;
    ssize_t n;
    do
        n = read(s->fd, into, size);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        err_set(e, ERR_SYSTEM, "读文件时出错：%s", strerror(errno));
        return -1;
    }
    s->done += n;
    tell_progress(s);
    return n;
}

/* A pipe has no length, which the server asks for: let it run into a file first. */
static bool source_measure(struct source *s, struct err *e)
{
    char bytes[PIECE_SIZE];
    int64_t n;
    if (s->size >= 0)
        return true;
    int fd = memfd_create("wangyi-ingest", MFD_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_SYSTEM, "内存不足：%s", strerror(errno));
    while ((n = source_read(s, bytes, sizeof bytes, e)) > 0)
        if (write(fd, bytes, (size_t)n) != n) {
            close(fd);
            return err_set(e, ERR_SYSTEM, "标准输入太大，请先存成文件");
        }
    if (s->fd > 0)
        close(s->fd);
    s->fd = fd;
    s->size = s->done;
    s->done = 0;
    return n == 0 && lseek(fd, 0, SEEK_SET) == 0;
}

struct job {
    const char *type, *path, *format, *scope, *batch;
    bool full;
    enum record_format kind;
};

static bool choose_format(struct job *j, struct err *e)
{
    static const char *const names[] = {
        [RECORD_NDJSON] = "ndjson", [RECORD_JSON] = "json", [RECORD_CSV] = "csv"};
    const char *dot = strrchr(j->path, '.');
    bool stdin_ = strcmp(j->path, "-") == 0;
    const char *name = j->format ? j->format : stdin_ ? "ndjson" : dot ? dot + 1 : "";
    if (!j->format && strcmp(name, "jsonl") == 0)
        name = "ndjson";
    for (int i = RECORD_NDJSON; i <= RECORD_CSV; i++)
        if (strcmp(name, names[i]) == 0) {
            j->kind = (enum record_format)i;
            return true;
        }
    return err_set(e, ERR_INPUT, "认不出文件格式，请用 --format 给出 ndjson、json 或 csv");
}

/* --- into a stopped server's directory ------------------------------------------------------------- */

struct totals {
    uint64_t accepted, unchanged, withdrawn, first_seq, last_seq;
    char batch[32];
    struct buf rejected; /* JSON objects, comma between */
    size_t refusals;
    bool withheld;
};

struct apply_batch {
    struct command command;
    struct dictionary *dictionary;
    struct batch batch;
    struct batch_result result;
};

static bool apply(struct command *c, struct txn *t, struct err *e)
{
    struct apply_batch *a = (struct apply_batch *)c;
    return record_apply(t, a->dictionary, &a->batch, &a->result, e);
}

static void note_refusals(struct record_reader *r, struct totals *t)
{
    const struct record_refusal *list;
    size_t n = record_reader_refusals(r, &list);
    for (size_t i = 0; i < n; i++) {
        if (t->refusals++)
            buf_char(&t->rejected, ',');
        struct json_w w = json_w_begin(&t->rejected);
        record_refusal_view(&list[i], &w);
        json_w_end(&w);
    }
}

/* What the reader holds becomes one commit; the parts of one file share a batch name. */
static bool flush(struct local *l, struct record_reader *r, const struct job *j,
                  const struct type *type, bool last, struct totals *t, struct err *e)
{
    const struct record *records;
    const struct record_refusal *refused;
    size_t count = record_reader_records(r, &records),
           refusals = record_reader_refusals(r, &refused);
    struct apply_batch a = {.command = {.apply = apply},
                            .dictionary = street_dictionary(l->street),
                            .batch = {.type = type,
                                      .records = records,
                                      .count = count,
                                      .refusals = refused,
                                      .refusal_count = refusals,
                                      .more = !j->full && !last,
                                      .source = SPAN("console"),
                                      .name = span_of(t->batch[0] ? t->batch : j->batch),
                                      .full = j->full,
                                      .last = last,
                                      .scope = span_of(j->scope)}};
    if (!store_apply(l->store, &a.command, e))
        return false;
    t->accepted += a.result.accepted;
    t->unchanged += a.result.unchanged;
    t->withdrawn += a.result.withdrawn;
    if (!t->first_seq)
        t->first_seq = a.result.first_seq;
    if (a.result.last_seq)
        t->last_seq = a.result.last_seq;
    t->withheld = t->withheld || a.result.withheld;
    memcpy(t->batch, a.result.name, sizeof t->batch);
    note_refusals(r, t);
    record_reader_drop(r);
    return true;
}

static bool load(struct local *l, struct source *s, const struct job *j, struct totals *t,
                 struct err *e)
{
    const struct type *type = dictionary_find(street_dictionary(l->street), span_of(j->type));
    if (!type)
        return err_set(e, ERR_MISSING, "没有名为“%.60s”的数据类型", j->type);
    struct record_reader *r = record_reader_new(type, j->kind, l->vault);
    char bytes[PIECE_SIZE];
    const struct record *records;
    int64_t n;
    bool ok = true;
    do {
        n = source_read(s, bytes, sizeof bytes, e);
        ok = n >= 0 && record_reader_feed(r, (struct span){bytes, (size_t)n}, n == 0, e);
        if (ok && n > 0 && record_reader_records(r, &records) >= GROUP)
            ok = flush(l, r, j, type, false, t, e);
    } while (ok && n > 0);
    if (ok)
        ok = flush(l, r, j, type, true, t, e);
    record_reader_free(r);
    return ok;
}

static bool ingest_here(const char *data, const char *scripts, struct source *s,
                        const struct job *j, struct buf *out, struct err *e)
{
    struct local l;
    struct totals t = {0};
    if (!local_open(&l, data, scripts, e))
        return false;
    bool ok = load(&l, s, j, &t, e);
    local_close(&l);
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kstr(&w, "batch", t.batch);
    json_w_kint(&w, "accepted", (int64_t)t.accepted);
    json_w_kint(&w, "unchanged", (int64_t)t.unchanged);
    json_w_name(&w, "rejected");
    struct buf list = {0};
    buf_printf(&list, "[%.*s]", SPAN_ARG(buf_view(&t.rejected)));
    json_w_raw(&w, buf_view(&list));
    json_w_kint(&w, "withdrawn", (int64_t)t.withdrawn);
    if (t.withheld)
        json_w_kbool(&w, "withheld", true);
    json_w_kint(&w, "first_seq", (int64_t)t.first_seq);
    json_w_kint(&w, "last_seq", (int64_t)t.last_seq);
    json_w_object_end(&w);
    json_w_end(&w);
    buf_free(&list);
    buf_free(&t.rejected);
    return ok;
}

/* --- to a running server ---------------------------------------------------------------------------- */

static bool ingest_there(const char *url, const char *key, struct source *s,
                         const struct job *j, struct buf *out, struct err *e)
{
    static const char *const media[] = {[RECORD_NDJSON] = "application/x-ndjson",
                                        [RECORD_JSON] = "application/json",
                                        [RECORD_CSV] = "text/csv"};
    struct buf path = {0}, headers = {0};
    if (!source_measure(s, e))
        return false;
    buf_str(&path, "/api/v1/records/");
    http_put_escaped(&path, j->type);
    buf_str(&path, j->full ? "?mode=full&last=1" : "?last=1");
    if (j->scope) {
        buf_str(&path, "&scope=");
        http_put_escaped(&path, j->scope);
    }
    if (j->batch) {
        buf_str(&path, "&batch=");
        http_put_escaped(&path, j->batch);
    }
    buf_char(&path, '\0');
    buf_printf(&headers, "Authorization: Bearer %s\r\nContent-Type: %s\r\n", key,
               media[j->kind]);
    buf_char(&headers, '\0');
    struct http_call c = {.method = "POST",
                          .path = path.p,
                          .headers = headers.p,
                          .length = s->size,
                          .more = source_read,
                          .ctx = s};
    bool ok = http_ask(url, &c, e);
    if (ok)
        buf_span(out, span_trim(buf_view(&c.answer)));
    buf_free(&c.answer);
    buf_free(&path);
    buf_free(&headers);
    return ok;
}

/* How many lines were refused. */
static size_t tell(struct span answer, bool as_json)
{
    struct arena a = {0};
    const struct json_limits limits = {.bytes = 256 << 20, .keys = 64, .string = 1 << 20};
    const struct json *r = json_parse(&a, answer, &limits, NULL, NULL);
    const struct json *rejected = json_get(r, "rejected");
    int64_t accepted = 0, unchanged = 0, withdrawn = 0, line;
    size_t n = json_count(rejected);
    json_int(json_get(r, "accepted"), &accepted);
    json_int(json_get(r, "unchanged"), &unchanged);
    json_int(json_get(r, "withdrawn"), &withdrawn);
    if (as_json)
        printf("%.*s\n", SPAN_ARG(answer));
    else
        printf("新增或变更 %lld，未变 %lld，撤回 %lld，拒绝 %zu\n", (long long)accepted,
               (long long)unchanged, (long long)withdrawn, n);
    if (json_bool(json_get(r, "withheld"), false))
        fprintf(stderr, "有坏行认不出是哪条记录，所以没有撤回任何记录；改正后请重新送全部\n");
    for (size_t i = 0; i < n && i < 20 && !as_json; i++) {
        const struct json *x = json_item(rejected, i);
        const char *field = json_cstr(json_get(x, "field"), "");
        fprintf(stderr, "第 %lld 行%s%s：%s\n",
                json_int(json_get(x, "line"), &line) ? (long long)line : 0, field[0] ? " " : "",
                field, json_cstr(json_get(x, "message"), ""));
    }
    if (n > 20 && !as_json)
        fprintf(stderr, "… 还有 %zu 行，加 --json 看全部\n", n - 20);
    arena_free(&a);
    return n;
}

int ingest_main(int argc, char **argv)
{
    const char *data = NULL, *to = NULL, *key = NULL, *mode = NULL, *scripts = "scripts";
    bool json = false;
    struct job j = {0};
    const struct cli_option options[] = {
        {"--data", "目录", "写进这个数据目录（服务停着），缺省 data", .text = &data},
        {"--to", "网址", "送给运行着的服务，如 http://127.0.0.1:8080", .text = &to},
        {"--key", "密钥", "与 --to 一起；缺省取环境变量 WANGYI_KEY", .text = &key},
        {"--format", "格式", "ndjson、json 或 csv；缺省看文件名，标准输入缺省 ndjson",
         .text = &j.format},
        {"--mode", "full", "这就是全部：范围里缺了的要撤回", .text = &mode},
        {"--scope", "值", "与 --mode full 一起：哪个范围，如 2020-06", .text = &j.scope},
        {"--batch", "名", "批次名，缺省自动取", .text = &j.batch},
        {"--scripts", "目录", "缺省 scripts", .text = &scripts},
        {"--json", NULL, "以 JSON 输出结果", .on = &json},
        {0},
    };
    const struct cli_usage usage = {
        "wangyi ingest 类型 文件 [--data 目录 | --to 网址 --key 密钥]",
        "逐行检查：好的收下，坏的逐行写明原因，有坏行时退出码 1。文件写 - 即标准输入。\n"
        "还没有运行过服务的目录里，到达时间一律记为最早（1970 年），以便随后用 --clock "
        "从任何时间开始。",
        options, 2, 2};
    int words, code;
    struct err e = {0};
    struct source s;
    struct buf out = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    j.type = argv[1];
    j.path = argv[2];
    j.full = mode && strcmp(mode, "full") == 0;
    if (to && !key)
        key = getenv("WANGYI_KEY");
    if ((to && !key) || (mode && !j.full) || (to && data))
        return cli_misused(&usage, mode && !j.full ? "--mode 只能是 full"
                                   : to && data    ? "--data 和 --to 只能用一个"
                                                : "请用 --key 或 WANGYI_KEY 给出密钥");
    if (!source_open(&s, j.path, &e))
        return cli_failed(&e);
    if (!choose_format(&j, &e))
        return cli_misused(&usage, e.text);
    bool ok = to ? ingest_there(to, key, &s, &j, &out, &e)
                 : ingest_here(data ? data : "data", scripts, &s, &j, &out, &e);
    source_close(&s);
    size_t refused = ok && out.n ? tell(buf_view(&out), json) : 0;
    buf_free(&out);
    return !ok ? cli_failed(&e) : refused ? CLI_FAILED : CLI_DONE;
}
