#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "store/store_impl.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/id.h"
#include "util/log.h"
#include "util/mem.h"

enum { VERIFY_AFTER_FAILURE = 2000, CREATION_WAIT_MS = 3000, RECOVER_WAIT_S = 2 };
static const size_t map_default = (size_t)64 << 30;
static const uint64_t disk_reserve = (uint64_t)8 << 20;

static bool make_dir(const char *path, struct err *e)
{
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return true;
    return err_set(e, ERR_STORE, "无法建立目录 %s：%s", path, strerror(errno));
}

static char *join(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    char *p = mem_alloc(n);
    snprintf(p, n, "%s/%s", dir, name);
    return p;
}

/* An "open file description" lock: it can be asked for without being taken, and a child that is exec'd
 * does not inherit it (O_CLOEXEC). */
static bool lock_take(struct store *s, struct err *e)
{
    struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char *path = join(s->dir, "lock");
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    mem_free(path);
    if (s->lock_fd < 0)
        return err_set(e, ERR_STORE, "无法打开 %s/lock：%s", s->dir, strerror(errno));
    if (fcntl(s->lock_fd, F_OFD_SETLK, &want) == 0)
        return true;
    return err_set(e, ERR_STORE,
                   "%s 正由另一个 wangyi 写入；请先停止它，或用 --to URL 交给它办", s->dir);
}

bool store_is_written(const char *dir)
{
    struct flock ask = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char *path = join(dir, "lock");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    mem_free(path);
    bool yes = fd >= 0 && fcntl(fd, F_OFD_GETLK, &ask) == 0 && ask.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    return yes;
}

static bool db_start(struct store *s, bool *unfinished, struct err *e)
{
    struct db_options o = {
        .path = s->path,
        .tables = store_table_names,
        .table_count = TABLE_COUNT,
        .map_bytes = s->options.read_only ? 0 : s->options.map_bytes,
        .read_only = s->options.read_only,
        .no_sync = s->options.no_sync,
    };
    return db_open(&s->db, &o, unfinished, e);
}

static bool put_meta(struct store *s, MDB_txn *txn, struct span name, struct span value,
                     struct err *e)
{
    MDB_val k = db_val(name), v = db_val(value);
    int rc = mdb_put(txn, s->db.table[TABLE_META], &k, &v, 0);
    return rc == 0 || db_fail(e, rc);
}

/* Give an empty store its format and epoch. */
static bool found(struct store *s, MDB_txn *txn, struct err *e)
{
    uint64_t seed;
    char format[8];
    id_random(&seed, sizeof seed);
    id_from_seed(s->epoch, seed, SPAN("epoch"));
    be64_put(format, STORE_FORMAT);
    return put_meta(s, txn, SPAN(META_FORMAT), (struct span){format, 8}, e) &&
           put_meta(s, txn, SPAN(META_EPOCH), span_of(s->epoch), e);
}

/* Read format, epoch and clock. *fresh: it has none yet. */
static bool read_meta(struct store *s, MDB_txn *txn, bool *fresh, struct err *e)
{
    struct span v;
    int rc;
    MDB_dbi meta = s->db.table[TABLE_META];
    *fresh = !db_get(txn, meta, SPAN(META_FORMAT), &v, &rc);
    if (rc != 0)
        return db_fail(e, rc);
    if (*fresh)
        return true;
    uint64_t format = v.n == 8 ? be64_get(v.p) : 0;
    if (format != STORE_FORMAT)
        return err_set(
            e, ERR_STORE,
            "数据目录的格式是第 %llu 版，本程序只认第 %d 版；请换用相应版本的 wangyi",
            (unsigned long long)format, STORE_FORMAT);
    if (!db_get(txn, meta, SPAN(META_EPOCH), &v, &rc) || v.n >= sizeof s->epoch)
        return db_fail(e, rc ? rc : MDB_CORRUPTED);
    memcpy(s->epoch, v.p, v.n);
    s->epoch[v.n] = '\0';
    s->held = db_get(txn, meta, SPAN(META_CLOCK), &v, &rc) && v.n == 8;
    s->held_now = s->held ? (int64_t)be64_get(v.p) : 0;
    return rc == 0 || db_fail(e, rc);
}

static bool check_end(struct store *s, MDB_txn *txn, const struct snapshot *at, struct err *e)
{
    uint64_t from = at->head > VERIFY_AFTER_FAILURE ? at->head - VERIFY_AFTER_FAILURE : 0;
    for (uint64_t seq = from + 1; seq <= at->head; seq++) {
        char key[8];
        struct span bytes;
        struct entry entry;
        int rc;
        be64_put(key, seq);
        if (!db_get(txn, s->db.table[TABLE_JOURNAL], (struct span){key, 8}, &bytes, &rc))
            return db_fail(e, rc ? rc : MDB_CORRUPTED);
        if (!entry_decode(bytes, seq, &entry, e))
            return false;
    }
    return true;
}

/* What is in memory, made anew from the disk. Writer's thread, or before anyone else has the store. */
static bool load(struct store *s, bool check, bool *fresh, struct err *e)
{
    MDB_txn *txn = NULL;
    struct snapshot at;
    struct tails tails = {0};
    uint64_t done = 0;
    int rc = mdb_txn_begin(s->db.env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return db_fail(e, rc);
    bool ok = read_meta(s, txn, fresh, e) && snapshot_read(&s->db, txn, &at, e) &&
              (!check || check_end(s, txn, &at, e)) &&
              tails_follow(&tails, &done, &s->db, txn, &at, e);
    mdb_txn_abort(txn);
    if (!ok) {
        tails_drop(&tails);
        return false;
    }
    pthread_mutex_lock(&s->lock);
    tails_drop(&s->tails);
    s->tails = tails;
    s->tail_head = done;
    pthread_mutex_unlock(&s->lock);
    s->head = at.head;
    s->at = at.at;
    s->merged = at.merged;
    s->frozen = at.frozen;
    merge_again(s);
    return true;
}

bool store_reload(struct store *s, struct err *e)
{
    bool fresh;
    return load(s, false, &fresh, e);
}

static bool create(struct store *s, struct err *e)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->db.env, NULL, 0, &txn);
    if (rc != 0)
        return db_fail(e, rc);
    if (!found(s, txn, e)) {
        mdb_txn_abort(txn);
        return false;
    }
    rc = mdb_txn_commit(txn);
    return rc == 0 || db_fail(e, rc);
}

/* A reader may come while the writer is still making the files: it waits, but only then. */
static bool open_files(struct store *s, struct err *e)
{
    for (int waited = 0;; waited += 10) {
        bool unfinished = false, fresh = false;
        bool ok = db_start(s, &unfinished, e);
        if (ok && load(s, false, &fresh, e)) {
            if (!fresh)
                return true;
            if (!s->options.read_only)
                return create(s, e);
            unfinished = true;
            err_set(e, ERR_STORE, "%s 里还没有数据", s->dir);
        }
        db_close(&s->db);
        if (!unfinished || waited >= CREATION_WAIT_MS || !store_is_written(s->dir))
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
}

struct store *store_open(const struct store_options *options, struct err *e)
{
    struct store *s = mem_alloc(sizeof *s);
    s->options = *options;
    s->options.dir = NULL;
    if (!s->options.map_bytes)
        s->options.map_bytes = map_default;
    if (!s->options.tail_postings)
        s->options.tail_postings = TAIL_POSTINGS;
    s->dir = mem_strdup(options->dir);
    s->path = join(s->dir, "store");
    s->lock_fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->idle);
    bool ok =
        options->read_only || (make_dir(s->dir, e) && lock_take(s, e) && make_dir(s->path, e));
    if (ok && open_files(s, e))
        return s;
    store_close(s);
    return NULL;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    must(!s->views);
    tails_drop(&s->tails);
    db_close(&s->db);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->idle);
    mem_free(s->dir);
    mem_free(s->path);
    mem_free(s);
}

const char *store_epoch(const struct store *s)
{
    return s->epoch;
}

bool store_reset(struct store *s, struct err *e)
{
    MDB_txn *txn;
    bool fresh;
    must(s->options.no_sync && !s->options.read_only);
    int rc = mdb_txn_begin(s->db.env, NULL, 0, &txn);
    if (rc != 0)
        return db_fail(e, rc);
    for (int i = 0; rc == 0 && i < TABLE_COUNT; i++)
        rc = mdb_drop(txn, s->db.table[i], 0);
    if (rc != 0)
        db_fail(e, rc);
    if (rc != 0 || !found(s, txn, e)) {
        mdb_txn_abort(txn);
        return false;
    }
    rc = mdb_txn_commit(txn);
    return rc == 0 ? load(s, false, &fresh, e) : db_fail(e, rc);
}

void store_stats(struct store *s, struct store_stats *out)
{
    *out = (struct store_stats){0};
    struct view *v = view_open(s, NULL);
    if (!v)
        return;
    out->head = v->at.head;
    view_cover(v, NULL);
    for (int i = 0; i < v->tails.count; i++)
        out->tail_postings += tail_count(v->tails.list[i]);
    out->bytes_used = db_bytes_used(&s->db, v->txn);
    out->bytes_map = db_bytes_map(&s->db);
    view_close(v);
}

static bool disk_is_full(const struct store *s)
{
    struct statvfs fs;
    return !s->options.no_sync && statvfs(s->path, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize < disk_reserve;
}

static bool map_is_full(struct store *s)
{
    MDB_envinfo info;
    mdb_env_info(s->db.env, &info);
    uint64_t map = info.me_mapsize, limit = map - map / 20;
    if (((uint64_t)info.me_last_pgno + 1) * s->db.page_bytes < limit)
        return false;
    MDB_txn *txn; /* the file once reached so far: look how much of it is free again */
    if (mdb_txn_begin(s->db.env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    uint64_t used = db_bytes_used(&s->db, txn);
    mdb_txn_abort(txn);
    return used >= limit;
}

bool store_is_full(struct store *s, bool reserve, struct err *e)
{
    int rc = !reserve && map_is_full(s) ? MDB_MAP_FULL : disk_is_full(s) ? ENOSPC : 0;
    return rc != 0 && !db_fail(e, rc);
}

bool store_recover(struct store *s, struct err *e)
{
    bool fresh;
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    /* nobody holds a view for more than a second or so */
    int64_t until = clock_mono_us() + RECOVER_WAIT_S * INT64_C(1000000);
    while (s->active && clock_cond_wait(&s->idle, &s->lock, until))
        ;
    if (s->active) {
        pthread_mutex_unlock(&s->lock);
        return err_set(e, ERR_STORE, "数据库正在恢复，还在等一个读取结束，请稍后重试");
    }
    for (struct view *v = s->views; v; v = v->next)
        view_forget(v);
    pthread_mutex_unlock(&s->lock);

    db_close(&s->db);
    bool ok = db_start(s, NULL, e);
    if (ok && !(load(s, true, &fresh, e) && (!fresh || create(s, e)))) {
        db_close(&s->db);
        ok = false;
    }
    if (!ok)
        return false;
    log_warn("store", "opened anew after a failed write head=%llu",
             (unsigned long long)s->head);
    s->failed = false;
    pthread_mutex_lock(&s->lock);
    s->closed = false;
    pthread_mutex_unlock(&s->lock);
    return true;
}
