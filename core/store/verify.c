/* The check of everything on disk: `wangyi verify`, and every restore. Runs in a child process: a damaged
 * page can bring LMDB itself down, and that too must become a sentence. */
#include "store/backup.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/picture.h"
#include "store/store_impl.h"
#include "store/vault_impl.h"
#include "util/buf.h"
#include "util/err.h"

enum { TOLD_MAX = 1000 };

struct check {
    struct db db;
    MDB_txn *txn;
    struct snapshot at;
    struct verify_report report;
    int out; /* findings go here, each ended by NUL */
};

__attribute__((format(printf, 2, 3))) static void problem(struct check *c, const char *fmt, ...)
{
    if (c->report.problems++ >= TOLD_MAX)
        return;
    char text[400];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    length = span_cut_utf8((struct span){text, length}, length);
    text[length] = '\0';
    if (write(c->out, text, length + 1) < 0)
        _exit(1);
}

#define ull unsigned long long

static bool fetch(struct check *c, uint64_t seq, struct entry *out, struct span *bytes)
{
    char key[8];
    int rc;
    be64_put(key, seq);
    return db_get(c->txn, c->db.table[TABLE_JOURNAL], (struct span){key, 8}, bytes, &rc) &&
           entry_decode(*bytes, seq, out, NULL);
}

static bool is_indexed(struct check *c, const struct key_buf *k)
{
    struct span value;
    int rc;
    return db_get(c->txn, c->db.table[TABLE_INDEX], key_span(k), &value, &rc);
}

/* Everything an entry brought to the index is there, as far as it says it has been merged. */
static void check_indexed(struct check *c, const struct entry *entry, struct span bytes)
{
    struct key_buf k;
    struct posting p;
    if (entry->key.n) {
        c->report.versions++;
        key_version(&k, entry->type, entry->key, entry->seq);
        if (entry->seq <= c->at.merged && !is_indexed(c, &k))
            problem(c, "索引里缺第 %llu 条记录的版本", (ull)entry->seq);
    }
    for (struct entry_postings i = entry_postings(bytes); entry_postings_next(&i, &p);) {
        c->report.postings++;
        key_posting(&k, entry->type, p.field, p.value, p.time, entry->key);
        if (entry->seq <= c->at.merged && !is_indexed(c, &k))
            problem(c, "索引里缺第 %llu 条记录的字段 %u", (ull)entry->seq, p.field);
    }
}

static MDB_cursor *walk(struct check *c, enum store_table table)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(c->txn, c->db.table[table], &cursor);
    if (rc == 0)
        return cursor;
    problem(c, "表 %s 无法读取：%s", store_table_names[table], mdb_strerror(rc));
    return NULL;
}

static void walked(struct check *c, MDB_cursor *cursor, enum store_table table, int rc)
{
    if (rc != MDB_NOTFOUND)
        problem(c, "表 %s 读到一半出错：%s", store_table_names[table], mdb_strerror(rc));
    mdb_cursor_close(cursor);
}

static void check_journal(struct check *c)
{
    MDB_val k, v;
    int64_t last = INT64_MIN;
    int rc;
    MDB_cursor *cursor = walk(c, TABLE_JOURNAL);
    if (!cursor)
        return;
    for (uint64_t want = 1; (rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0; want++) {
        uint64_t seq = k.mv_size == 8 ? be64_get(k.mv_data) : 0;
        struct entry entry;
        struct err e;
        c->report.entries++;
        if (seq != want) {
            problem(c, "日志在第 %llu 条处断开，接着是第 %llu 条", (ull)want, (ull)seq);
            want = seq;
        }
        if (!entry_decode(db_span(v), seq, &entry, &e)) {
            problem(c, "%s", e.text);
            continue;
        }
        if (entry.at < last)
            problem(c, "第 %llu 条记录的时间早于前一条", (ull)seq);
        last = entry.at;
        if (entry.key.n && !key_is_valid(entry.key))
            problem(c, "第 %llu 条记录的键无效", (ull)seq);
        else
            check_indexed(c, &entry, db_span(v));
    }
    walked(c, cursor, TABLE_JOURNAL, rc);
    if (c->at.merged > c->at.head || c->at.frozen > c->at.head)
        problem(c, "索引说它到第 %llu 条，日志只到第 %llu 条", (ull)c->at.merged,
                (ull)c->at.head);
}

static bool brings(struct span bytes, struct span at, const struct entry *entry)
{
    struct posting p;
    struct key_buf k;
    for (struct entry_postings i = entry_postings(bytes); entry_postings_next(&i, &p);) {
        key_posting(&k, entry->type, p.field, p.value, p.time, entry->key);
        if (span_eq(key_span(&k), at))
            return true;
    }
    return false;
}

static bool is_sound(struct check *c, struct span at, struct span value)
{
    struct entry entry;
    struct span bytes;
    uint64_t seq;
    if (at.n > 11 && at.p[0] == 'V') {
        seq = key_version_seq(at);
        return fetch(c, seq, &entry, &bytes) && entry.type == be16_get(at.p + 1) &&
               span_eq(entry.key, key_version_key(at));
    }
    seq = value.n == 8 ? be64_get(value.p) : 0;
    return at.n && at.p[0] == 'P' && fetch(c, seq, &entry, &bytes) && brings(bytes, at, &entry);
}

static void check_index(struct check *c)
{
    MDB_val k, v;
    int rc;
    uint64_t bad = 0;
    MDB_cursor *cursor = walk(c, TABLE_INDEX);
    if (!cursor)
        return;
    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
        if (!is_sound(c, db_span(k), db_span(v)) && bad++ < 10)
            problem(c, "索引里有一条与日志不符（表 index，长 %zu 字节）", k.mv_size);
    if (bad > 10)
        problem(c, "索引里共有 %llu 条与日志不符", (ull)bad);
    walked(c, cursor, TABLE_INDEX, rc);
}

static void check_streams(struct check *c)
{
    MDB_val k, v;
    int rc;
    struct buf last = {0};
    uint64_t offset = 0;
    MDB_cursor *cursor = walk(c, TABLE_STREAM);
    if (!cursor)
        return;
    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        if (k.mv_size < 10 || v.mv_size != 8) {
            problem(c, "流表里有一条无法辨认");
            continue;
        }
        struct span name = {k.mv_data, k.mv_size - 9};
        uint64_t at = be64_get(name.p + name.n + 1), seq = be64_get(v.mv_data);
        if (!span_eq(name, buf_view(&last))) {
            c->report.streams++;
            buf_clear(&last);
            buf_span(&last, name);
            offset = 0;
        }
        if (at != offset + 1)
            problem(c, "流 %.*s 在第 %llu 号后断开", SPAN_ARG(name), (ull)offset);
        offset = at;
        if (seq == 0 || seq > c->at.head)
            problem(c, "流 %.*s 的第 %llu 号指向没有的记录", SPAN_ARG(name), (ull)at);
    }
    walked(c, cursor, TABLE_STREAM, rc);
    buf_free(&last);
}

static void check_cursors(struct check *c)
{
    MDB_val k, v;
    int rc;
    MDB_cursor *cursor = walk(c, TABLE_CURSOR);
    if (!cursor)
        return;
    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        struct span name = db_span(k);
        if ((v.mv_size != 16 && v.mv_size != 32) || be64_get(v.mv_data) > c->at.head)
            problem(c, "场景 %.*s 的进度超出日志", SPAN_ARG(name));
    }
    walked(c, cursor, TABLE_CURSOR, rc);
}

static void check_vault(struct check *c, const char *data_dir)
{
    struct buf file = {0};
    struct err e = {0};
    buf_printf(&file, "%s/vault/data.mdb", data_dir);
    buf_put(&file, "", 1);
    if (access(file.p, F_OK) == 0) {
        struct vault *v = vault_open_read(data_dir, &e);
        if (!v || !vault_verify(v, &e))
            problem(c, "密钥库（vault）：%s", e.text);
        vault_close(v);
    }
    buf_free(&file);
}

static bool open_it(struct check *c, const char *path, struct err *e)
{
    struct span format;
    int rc;
    struct db_options o = {.path = path,
                           .tables = store_table_names,
                           .table_count = TABLE_COUNT,
                           .read_only = true};
    if (!db_open(&c->db, &o, NULL, e))
        return false;
    rc = mdb_txn_begin(c->db.env, NULL, MDB_RDONLY, &c->txn);
    if (rc != 0)
        return db_fail(e, rc);
    if (!db_get(c->txn, c->db.table[TABLE_META], SPAN(META_FORMAT), &format, &rc) ||
        format.n != 8 || be64_get(format.p) != STORE_FORMAT)
        return err_set(e, ERR_STORE, "数据目录的格式不是第 %d 版，请换用相应版本的 wangyi",
                       STORE_FORMAT);
    return snapshot_read(&c->db, c->txn, &c->at, e);
}

/* What the child sends last, behind a lone NUL. */
struct last_words {
    bool read;
    struct verify_report report;
    struct err err;
};

/* A damaged page may end in a signal, which must end this process quietly and nothing else. */
static void die_quietly(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
}

static void run(const char *data_dir, int out)
{
    die_quietly();
    struct check c = {.out = out};
    struct last_words last = {.read = false};
    struct buf path = {0};
    buf_printf(&path, "%s/store", data_dir);
    buf_put(&path, "", 1);
    last.read = open_it(&c, path.p, &last.err);
    if (last.read) {
        check_journal(&c);
        check_index(&c);
        check_streams(&c);
        check_cursors(&c);
        check_vault(&c, data_dir);
    }
    last.report = c.report;
    if (c.txn)
        mdb_txn_abort(c.txn);
    db_close(&c.db);
    buf_free(&path);
    bool sent =
        write(out, "", 1) == 1 && write(out, &last, sizeof last) == (ssize_t)sizeof last;
    _exit(sent ? 0 : 1);
}

/* Tell whole sentences as they come; true when the lone NUL has been met. */
static bool tell(struct buf *b, void (*fn)(void *ctx, const char *text), void *ctx,
                 uint64_t *told)
{
    for (;;) {
        char *end = b->n ? memchr(b->p, 0, b->n) : NULL;
        if (!end)
            return false;
        size_t n = (size_t)(end - b->p);
        if (n == 0)
            return true;
        ++*told;
        if (fn)
            fn(ctx, b->p);
        buf_cut(b, n + 1);
    }
}

bool store_verify(const char *data_dir, struct verify_report *out,
                  void (*fn)(void *ctx, const char *text), void *ctx, struct err *e)
{
    int ends[2];
    struct buf b = {0};
    struct last_words last = {.read = false};
    uint64_t told = 0;
    bool over = false;
    *out = (struct verify_report){0};
    if (pipe(ends) != 0)
        return err_set(e, ERR_SYSTEM, "系统资源不足（%s），请稍后重试", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run(data_dir, ends[1]);
    }
    close(ends[1]);
    while (child > 0) {
        ssize_t n = read(ends[0], buf_space(&b, 4096), 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        b.n += (size_t)n;
        over = over || tell(&b, fn, ctx, &told);
    }
    close(ends[0]);
    if (child > 0)
        waitpid(child, NULL, 0);
    bool whole = over && b.n == 1 + sizeof last;
    if (whole)
        memcpy(&last, b.p + 1, sizeof last);
    buf_free(&b);
    if (child < 0)
        return err_set(e, ERR_SYSTEM, "系统资源不足（%s），请稍后重试", strerror(errno));
    if (!whole) { /* it died on a damaged page */
        out->problems = told + 1;
        if (fn)
            fn(ctx, "数据库文件的结构已损坏，读到一半无法继续，请用备份恢复：wangyi restore");
        return true;
    }
    *out = last.report;
    if (!last.read && e)
        *e = last.err;
    return last.read && picture_verify(data_dir, &out->pictures, &out->problems, fn, ctx, e);
}
