#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/log.h"

/* LMDB forbids a second environment of one file in a process: closing one drops the locks of the other.
 * This list makes that mistake an error instead of a mystery. */
enum { OPEN_MAX = 64, READERS_MAX = 512 };
static struct {
    pthread_mutex_t lock;
    pid_t pid; /* whose list it is: a child begins with none */
    struct {
        dev_t dev;
        ino_t ino;
    } file[OPEN_MAX];
    size_t count;
} opened = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool claim(struct db *d, struct err *e)
{
    bool ok = true;
    pthread_mutex_lock(&opened.lock);
    if (opened.pid != getpid())
        opened.count = 0;
    opened.pid = getpid();
    for (size_t i = 0; i < opened.count; i++)
        if (opened.file[i].dev == d->dev && opened.file[i].ino == d->ino)
            ok = false;
    must(opened.count < OPEN_MAX);
    if (ok) {
        opened.file[opened.count].dev = d->dev;
        opened.file[opened.count++].ino = d->ino;
    }
    pthread_mutex_unlock(&opened.lock);
    if (!ok)
        err_set(e, ERR_STORE, "这个数据目录在本进程中已经打开，请先关闭再打开");
    return ok;
}

static void unclaim(const struct db *d)
{
    pthread_mutex_lock(&opened.lock);
    for (size_t i = 0; i < opened.count; i++) {
        if (opened.file[i].dev == d->dev && opened.file[i].ino == d->ino) {
            opened.file[i] = opened.file[--opened.count];
            break;
        }
    }
    pthread_mutex_unlock(&opened.lock);
}

bool db_fail(struct err *e, int rc)
{
    switch (rc) {
    case MDB_MAP_FULL:
        return err_set(e, ERR_STORE,
                       "数据库空间已用完，暂时不能写入，查看不受影响；请管理员扩大空间后重试");
    case ENOSPC:
    case EDQUOT:
        return err_set(e, ERR_STORE,
                       "磁盘已满，暂时不能写入，查看不受影响；请管理员清理磁盘后重试");
    case MDB_READERS_FULL:
        return err_set(e, ERR_STORE, "同时读取的人过多，请稍后重试");
    case MDB_MAP_RESIZED:
        return err_set(e, ERR_STORE, "数据库刚被扩大，请重新打开");
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return err_set(e, ERR_STORE, "数据库文件已损坏（%s），请用备份恢复：wangyi restore",
                       mdb_strerror(rc));
    default:
        return err_set(e, ERR_STORE,
                       "数据库读写出错（%s），请稍后重试；一再出现时请管理员检查磁盘",
                       mdb_strerror(rc));
    }
}

bool db_is_full(int rc)
{
    return rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT;
}

static int open_tables(struct db *d, const struct db_options *o)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(d->env, NULL, o->read_only ? MDB_RDONLY : 0, &txn);
    for (size_t i = 0; rc == 0 && i < o->table_count; i++)
        rc = mdb_dbi_open(txn, o->tables[i], o->read_only ? 0 : MDB_CREATE, &d->table[i]);
    if (rc == 0)
        return mdb_txn_commit(txn);
    if (txn)
        mdb_txn_abort(txn);
    return rc;
}

/* LMDB maps what the meta page promises; a file that is shorter would end in SIGBUS. */
static bool is_whole(const struct db *d, const char *file)
{
    MDB_envinfo info;
    struct stat st;
    mdb_env_info(d->env, &info);
    return stat(file, &st) == 0 &&
           (uint64_t)st.st_size >= ((uint64_t)info.me_last_pgno + 1) * d->page_bytes;
}

/* A new file is only there after a power cut if its directory, and that one's, have been synced. */
static bool sync_dirs(const char *path)
{
    static const char *const steps[] = {"", "/..", "/../.."};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s%s", path, steps[i]);
        int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool ok = fd >= 0 && fsync(fd) == 0;
        if (fd >= 0)
            close(fd);
        if (!ok && i < 2) /* what stands above the data directory may be closed to us */
            return false;
    }
    return true;
}

static bool is_unfinished(int rc, const char *file)
{
    struct stat st;
    return rc == ENOENT || rc == MDB_NOTFOUND ||
           (rc == MDB_INVALID && (stat(file, &st) != 0 || st.st_size < 2 * 4096));
}

bool db_open(struct db *d, const struct db_options *o, bool *unfinished, struct err *e)
{
    bool claimed = false;
    char file[4096];
    struct stat st;
    *d = (struct db){0};
    if (unfinished)
        *unfinished = false;
    must(o->table_count <= DB_TABLES_MAX);
    if ((size_t)snprintf(file, sizeof file, "%s/data.mdb", o->path) >= sizeof file)
        return err_set(e, ERR_INPUT, "数据目录的路径太长");
    if (stat(file, &st) == 0) {
        d->dev = st.st_dev;
        d->ino = st.st_ino;
        if (!claim(d, e))
            return false;
        claimed = true;
    }

    unsigned flags =
        MDB_NOTLS | (o->read_only ? MDB_RDONLY : 0) | (o->no_sync ? MDB_NOSYNC : 0);
    int rc = mdb_env_create(&d->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(d->env, DB_TABLES_MAX);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(d->env, READERS_MAX);
    if (rc == 0 && o->map_bytes)
        rc = mdb_env_set_mapsize(d->env, o->map_bytes);
    if (rc == 0)
        rc = mdb_env_open(d->env, o->path, flags, 0640);
    if (rc == 0) {
        MDB_stat stat_;
        mdb_env_stat(d->env, &stat_);
        d->page_bytes = stat_.ms_psize;
        if (!is_whole(d, file)) {
            err_set(e, ERR_STORE, "数据库文件被截短，已损坏，请用备份恢复：wangyi restore");
            goto fail;
        }
        int dead = 0;
        mdb_reader_check(d->env, &dead);
        if (dead)
            log_info("store", "cleared slots of dead readers count=%d", dead);
        rc = open_tables(d, o);
    }
    if (rc != 0) {
        if (unfinished)
            *unfinished = o->read_only && is_unfinished(rc, file);
        if (rc == ENOENT || rc == MDB_NOTFOUND)
            err_set(e, ERR_STORE, "这里没有数据目录：%s，请检查路径", o->path);
        else
            db_fail(e, rc);
        goto fail;
    }
    if (!claimed && stat(file, &st) == 0) {
        d->dev = st.st_dev;
        d->ino = st.st_ino;
        claimed = claim(d, e);
        if (!claimed)
            goto fail;
        if (!o->read_only && !o->no_sync && !sync_dirs(o->path)) {
            db_fail(e, errno);
            goto fail;
        }
    }
    return true;

fail:
    if (d->env)
        mdb_env_close(d->env);
    if (claimed)
        unclaim(d);
    *d = (struct db){0};
    return false;
}

void db_close(struct db *d)
{
    if (!d->env)
        return;
    mdb_env_close(d->env);
    unclaim(d);
    *d = (struct db){0};
}

uint64_t db_bytes_map(const struct db *d)
{
    MDB_envinfo info;
    mdb_env_info(d->env, &info);
    return info.me_mapsize;
}

uint64_t db_bytes_used(const struct db *d, MDB_txn *txn)
{
    MDB_envinfo info;
    MDB_cursor *c;
    MDB_val k, v;
    uint64_t spare = 0;
    mdb_env_info(d->env, &info);
    /* table 0 is LMDB's own list of free pages: txnid → count, page, page … */
    if (mdb_cursor_open(txn, 0, &c) == 0) {
        while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
            size_t count = 0;
            if (v.mv_size >= sizeof count)
                memcpy(&count, v.mv_data, sizeof count);
            spare += count;
        }
        mdb_cursor_close(c);
    }
    uint64_t all = (uint64_t)info.me_last_pgno + 1;
    return (all > spare ? all - spare : 0) * d->page_bytes;
}

bool db_get(MDB_txn *txn, MDB_dbi table, struct span key, struct span *value, int *rc)
{
    MDB_val k = db_val(key), v;
    *rc = mdb_get(txn, table, &k, &v);
    if (*rc == 0)
        *value = db_span(v);
    bool found = *rc == 0;
    if (*rc == MDB_NOTFOUND)
        *rc = 0;
    return found;
}
