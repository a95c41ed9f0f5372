#include "store/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/crc.h"
#include "store/db.h"
#include "store/vault_impl.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/id.h"
#include "util/log.h"
#include "util/mem.h"

/*
 *   table   key     value
 *   item    key     crc:4 value
 *   person  person  crc:4 'k' key:32, or 'x' for ever: erased
 */
enum { TABLE_ITEM, TABLE_PERSON, VAULT_TABLES };
enum { KEY_MAX_BYTES = 480 };
static const char *const names[VAULT_TABLES] = {"item", "person"};
static const size_t map_bytes = (size_t)1 << 30;

struct vault {
    char *path;
    struct db db; /* env NULL: could not be opened again after a compaction */
    /* read: any use, LMDB itself serves many; write: the file is being replaced or opened anew */
    pthread_rwlock_t lock;
    /* a commit ended in an I/O error: what LMDB says after that is not to be trusted (F9) */
    atomic_bool broken;
};

static bool open_db(struct vault *v, bool read_only, struct err *e)
{
    struct db_options o = {.path = v->path,
                           .tables = names,
                           .table_count = VAULT_TABLES,
                           .map_bytes = read_only ? 0 : map_bytes,
                           .read_only = read_only};
    return db_open(&v->db, &o, NULL, e);
}

static struct vault *vault_new(const char *data_dir)
{
    struct vault *v = mem_alloc(sizeof *v);
    size_t n = strlen(data_dir) + sizeof "/vault";
    v->path = mem_alloc(n);
    snprintf(v->path, n, "%s/vault", data_dir);
    pthread_rwlock_init(&v->lock, NULL);
    return v;
}

struct vault *vault_open(const char *data_dir, struct err *e)
{
    struct vault *v = vault_new(data_dir);
    bool ok = (mkdir(data_dir, 0750) == 0 || errno == EEXIST) &&
              (mkdir(v->path, 0700) == 0 || errno == EEXIST);
    if (!ok)
        err_set(e, ERR_STORE, "无法建立目录 %s：%s", v->path, strerror(errno));
    if (ok && open_db(v, false, e))
        return v;
    vault_close(v);
    return NULL;
}

struct vault *vault_open_read(const char *data_dir, struct err *e)
{
    struct vault *v = vault_new(data_dir);
    if (open_db(v, true, e))
        return v;
    vault_close(v);
    return NULL;
}

void vault_close(struct vault *v)
{
    if (!v)
        return;
    db_close(&v->db);
    pthread_rwlock_destroy(&v->lock);
    mem_free(v->path);
    mem_free(v);
}

static bool reopen(struct vault *v, struct err *e)
{
    pthread_rwlock_wrlock(&v->lock);
    bool ok = true;
    if (v->broken) {
        db_close(&v->db);
        ok = open_db(v, false, e);
        v->broken = !ok;
        log_warn("vault", "opened anew after a failed write ok=%d", ok);
    }
    pthread_rwlock_unlock(&v->lock);
    return ok;
}

static bool begin(struct vault *v, bool write, MDB_txn **txn, struct err *e)
{
    if (v->broken && !reopen(v, e))
        return false;
    pthread_rwlock_rdlock(&v->lock);
    int rc = v->db.env ? mdb_txn_begin(v->db.env, NULL, write ? 0 : MDB_RDONLY, txn) : EIO;
    if (rc == 0)
        return true;
    pthread_rwlock_unlock(&v->lock);
    return db_fail(e, rc);
}

static bool end(struct vault *v, MDB_txn *txn, int rc, struct err *e)
{
    if (rc == 0) {
        rc = mdb_txn_commit(txn);
        if (rc != 0 && rc != MDB_MAP_FULL)
            v->broken = true;
    } else {
        mdb_txn_abort(txn);
    }
    pthread_rwlock_unlock(&v->lock);
    return rc == 0 || db_fail(e, rc);
}

static uint32_t checksum(struct span key, const char *p, size_t n)
{
    return crc32c(crc32c(0, key.p, key.n), p, n);
}

static bool open_value(struct span key, struct span bytes, struct span *value)
{
    if (bytes.n < 4 || be32_get(bytes.p) != checksum(key, bytes.p + 4, bytes.n - 4)) {
        log_error("vault", "checksum wrong, value not used; restore from a backup");
        return false;
    }
    *value = (struct span){bytes.p + 4, bytes.n - 4};
    return true;
}

static bool is_key(struct span key)
{
    return key.n > 0 && key.n <= KEY_MAX_BYTES;
}

static bool get(struct vault *v, int table, struct arena *a, struct span key,
                struct span *value, struct err *e)
{
    MDB_txn *txn;
    struct span bytes;
    int rc;
    if (!is_key(key) || !begin(v, false, &txn, e))
        return false;
    bool found = db_get(txn, v->db.table[table], key, &bytes, &rc);
    if (found && !open_value(key, bytes, value)) {
        found = false;
        rc = MDB_CORRUPTED;
    }
    if (found)
        *value = arena_span(a, *value);
    mdb_txn_abort(txn);
    pthread_rwlock_unlock(&v->lock);
    return rc == 0 ? found : db_fail(e, rc);
}

static int put_in(struct vault *v, MDB_txn *txn, int table, struct span key, struct span value)
{
    MDB_val k = db_val(key), place = {value.n + 4, NULL};
    int rc = mdb_put(txn, v->db.table[table], &k, &place, MDB_RESERVE);
    if (rc != 0)
        return rc;
    char *p = place.mv_data;
    if (value.n)
        memcpy(p + 4, value.p, value.n);
    uint32_t crc = checksum(key, p + 4, value.n);
    for (int i = 0; i < 4; i++)
        p[i] = (char)(crc >> (24 - 8 * i) & 0xFF);
    return 0;
}

static bool put(struct vault *v, int table, struct span key, struct span value, struct err *e)
{
    MDB_txn *txn;
    if (!is_key(key))
        return err_set(e, ERR_INPUT, "键须有 1 到 %d 字节", KEY_MAX_BYTES);
    return begin(v, true, &txn, e) && end(v, txn, put_in(v, txn, table, key, value), e);
}

bool vault_get(struct vault *v, struct arena *a, struct span key, struct span *value)
{
    return get(v, TABLE_ITEM, a, key, value, NULL);
}

bool vault_read(struct vault *v, struct arena *a, struct span key, struct span *value,
                struct err *e)
{
    e->code = ERR_NONE;
    return get(v, TABLE_ITEM, a, key, value, e);
}

bool vault_put(struct vault *v, struct span key, struct span value, struct err *e)
{
    return put(v, TABLE_ITEM, key, value, e);
}

bool vault_drop(struct vault *v, struct span key, struct err *e)
{
    MDB_txn *txn;
    if (!is_key(key))
        return true;
    if (!begin(v, true, &txn, e))
        return false;
    MDB_val k = db_val(key);
    int rc = mdb_del(txn, v->db.table[TABLE_ITEM], &k, NULL);
    if (rc == MDB_NOTFOUND) {
        mdb_txn_abort(txn);
        pthread_rwlock_unlock(&v->lock);
        return true;
    }
    return end(v, txn, rc, e);
}

static bool each(struct vault *v, int table, struct span prefix,
                 bool (*fn)(void *ctx, struct span key, struct span value), void *ctx,
                 struct err *e)
{
    MDB_txn *txn;
    MDB_cursor *c;
    if (!begin(v, false, &txn, e))
        return false;
    int rc = mdb_cursor_open(txn, v->db.table[table], &c);
    bool damaged = false;
    if (rc == 0) {
        MDB_val k = db_val(prefix), value;
        rc = mdb_cursor_get(c, &k, &value, prefix.n ? MDB_SET_RANGE : MDB_FIRST);
        while (rc == 0 && span_starts(db_span(k), prefix)) {
            struct span plain;
            if (!open_value(db_span(k), db_span(value), &plain))
                damaged = true;
            else if (!fn(ctx, db_span(k), plain))
                break;
            rc = mdb_cursor_get(c, &k, &value, MDB_NEXT);
        }
        mdb_cursor_close(c);
    }
    mdb_txn_abort(txn);
    pthread_rwlock_unlock(&v->lock);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return db_fail(e, rc);
    return !damaged || db_fail(e, MDB_CORRUPTED);
}

bool vault_each(struct vault *v, struct span prefix,
                bool (*fn)(void *ctx, struct span key, struct span value), void *ctx,
                struct err *e)
{
    return each(v, TABLE_ITEM, prefix, fn, ctx, e);
}

static bool take_key(struct span value, uint8_t out[VAULT_KEY_BYTES], struct err *e)
{
    if (value.n != 1 + VAULT_KEY_BYTES || value.p[0] != 'k')
        return err_set(e, ERR_MISSING, "此人的资料已被抹除");
    memcpy(out, value.p + 1, VAULT_KEY_BYTES);
    return true;
}

static bool make_key(struct vault *v, struct span person, uint8_t out[VAULT_KEY_BYTES],
                     struct err *e)
{
    MDB_txn *txn;
    struct span bytes, value;
    int rc;
    if (!begin(v, true, &txn, e))
        return false;
    if (db_get(txn, v->db.table[TABLE_PERSON], person, &bytes,
               &rc)) { /* made or erased meanwhile */
        bool ok = open_value(person, bytes, &value) ? take_key(value, out, e)
                                                    : db_fail(e, MDB_CORRUPTED);
        mdb_txn_abort(txn);
        pthread_rwlock_unlock(&v->lock);
        return ok;
    }
    char fresh[1 + VAULT_KEY_BYTES] = "k";
    id_random(fresh + 1, VAULT_KEY_BYTES);
    if (rc == 0)
        rc = put_in(v, txn, TABLE_PERSON, person, (struct span){fresh, sizeof fresh});
    if (!end(v, txn, rc, e))
        return false;
    memcpy(out, fresh + 1, VAULT_KEY_BYTES);
    return true;
}

bool vault_person_key(struct vault *v, struct span person, bool make,
                      uint8_t out[VAULT_KEY_BYTES], struct err *e)
{
    struct arena a = {0};
    struct span value;
    struct err why = {0};
    if (!is_key(person))
        return err_set(e, ERR_INPUT, "人员编号须有 1 到 %d 字节", KEY_MAX_BYTES);
    bool ok = get(v, TABLE_PERSON, &a, person, &value, &why);
    if (ok)
        ok = take_key(value, out, e);
    else if (why.code != ERR_NONE)
        ok = err_set(e, why.code, "%s", why.text);
    else if (make)
        ok = make_key(v, person, out, e);
    else
        ok = err_set(e, ERR_MISSING, "没有此人的密钥");
    arena_free(&a);
    return ok;
}

static bool has_all(struct vault *v, const struct span *persons, size_t count, bool *all,
                    struct err *e)
{
    MDB_txn *txn;
    struct span bytes;
    int rc = 0;
    if (!begin(v, false, &txn, e))
        return false;
    *all = true;
    for (size_t i = 0; i < count && *all && rc == 0; i++)
        *all = !is_key(persons[i]) ||
               db_get(txn, v->db.table[TABLE_PERSON], persons[i], &bytes, &rc);
    mdb_txn_abort(txn);
    pthread_rwlock_unlock(&v->lock);
    return rc == 0 || db_fail(e, rc);
}

bool vault_person_keys_make(struct vault *v, const struct span *persons, size_t count,
                            struct err *e)
{
    MDB_txn *txn;
    struct span bytes;
    bool all;
    int rc = 0;
    if (!has_all(v, persons, count, &all, e))
        return false;
    if (all)
        return true;
    if (!begin(v, true, &txn, e))
        return false;
    for (size_t i = 0; i < count && rc == 0; i++) {
        char fresh[1 + VAULT_KEY_BYTES] = "k";
        if (!is_key(persons[i]) ||
            db_get(txn, v->db.table[TABLE_PERSON], persons[i], &bytes, &rc))
            continue;
        id_random(fresh + 1, VAULT_KEY_BYTES);
        if (rc == 0)
            rc = put_in(v, txn, TABLE_PERSON, persons[i], (struct span){fresh, sizeof fresh});
    }
    return end(v, txn, rc, e);
}

/* LMDB leaves old bytes in free pages: only a compacted copy in place of the file destroys the key. */
static bool compact(struct vault *v, struct err *e)
{
    char next[4096], file[4096];
    bool ok = false;
    int n = snprintf(next, sizeof next, "%s/data.next", v->path);
    int m = snprintf(file, sizeof file, "%s/data.mdb", v->path);
    if (n < 0 || m < 0 || (size_t)n >= sizeof next || (size_t)m >= sizeof file)
        return err_set(e, ERR_INPUT, "数据目录的路径太长");
    pthread_rwlock_wrlock(&v->lock);
    unlink(next);
    int fd = open(next, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = fd < 0 ? errno : v->db.env ? mdb_env_copyfd2(v->db.env, fd, MDB_CP_COMPACT) : EIO;
    if (rc == 0 && fsync(fd) != 0)
        rc = errno;
    if (fd >= 0)
        close(fd);
    if (rc != 0) {
        unlink(next);
        db_fail(e, rc);
    } else {
        db_close(&v->db);
        if (rename(next, file) != 0)
            err_set(e, ERR_STORE, "无法替换 %s：%s", file, strerror(errno));
        else
            ok = true;
        int dir = open(v->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0) {
            fsync(dir);
            close(dir);
        }
        ok = open_db(v, false, e) && ok;
    }
    pthread_rwlock_unlock(&v->lock);
    return ok;
}

bool vault_person_erase(struct vault *v, struct span person, struct err *e)
{
    return put(v, TABLE_PERSON, person, SPAN("x"), e) && compact(v, e);
}

bool vault_copy(struct vault *v, const char *dir, struct err *e)
{
    pthread_rwlock_rdlock(&v->lock);
    int rc = v->db.env ? mdb_env_copy2(v->db.env, dir, MDB_CP_COMPACT) : EIO;
    pthread_rwlock_unlock(&v->lock);
    return rc == 0 || db_fail(e, rc);
}

static bool ignore(void *ctx, struct span key, struct span value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)ctx;
    return true;
}

bool vault_verify(struct vault *v, struct err *e)
{
    uint64_t n = 0;
    return each(v, TABLE_ITEM, SPAN_NONE, ignore, &n, e) &&
           each(v, TABLE_PERSON, SPAN_NONE, ignore, &n, e);
}
