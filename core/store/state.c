/* The small tables beside the journal: cursors, streams, answers by key, timers, named values, the clock. */
#include "store/store_impl.h"

#include <string.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/id.h"
#include "util/log.h"

enum { IDEM_RAW_MAX = 400, IDEM_PURGE = 64, NAME_MAX_BYTES = 400 };
static const int64_t idem_age_us = 7LL * 24 * 3600 * 1000000;

/* Reading small things cannot fail in a way the caller could mend: it is told to the log and taken for
 * "not there"; the next write or renewal will meet the same trouble and say so. */
static bool get(struct view *v, enum store_table table, struct span key, struct span *value)
{
    int rc;
    must(v->active);
    if (!key.n || key.n > (size_t)KEY_BUF)
        return false;
    bool found = db_get(v->txn, v->store->db.table[table], key, value, &rc);
    if (rc != 0)
        log_error("store", "read failed table=%s: %s", store_table_names[table],
                  mdb_strerror(rc));
    return found;
}

static bool name_ok(struct span name, struct err *e)
{
    return (name.n > 0 && name.n <= NAME_MAX_BYTES) ||
           err_set(e, ERR_INPUT, "名称须有 1 到 %d 字节", NAME_MAX_BYTES);
}

bool cursor_get(struct view *v, struct span scenario, struct cursor *out)
{
    struct span value;
    *out = (struct cursor){0};
    if (!get(v, TABLE_CURSOR, scenario, &value) || value.n < 16)
        return false;
    out->seq = be64_get(value.p);
    out->version = be64_get(value.p + 8);
    if (value.n == 32) { /* older ones have no count */
        out->minute = be64_get(value.p + 16);
        out->alerts = be64_get(value.p + 24);
    }
    return true;
}

bool cursor_put(struct txn *t, struct span scenario, const struct cursor *c, struct err *e)
{
    char value[32];
    be64_put(value, c->seq);
    be64_put(value + 8, c->version);
    be64_put(value + 16, c->minute);
    be64_put(value + 24, c->alerts);
    return name_ok(scenario, e) &&
           txn_put(t, TABLE_CURSOR, scenario, (struct span){value, sizeof value}, 0, e);
}

static void stream_key(struct key_buf *k, struct span stream, uint64_t offset)
{
    k->n = 0;
    key_put(k, stream.p, stream.n);
    key_put(k, "", 1);
    key_be64(k, offset);
}

static bool stream_ok(struct span stream)
{
    return stream.n > 0 && stream.n <= STORE_KEY_MAX && !memchr(stream.p, 0, stream.n);
}

uint64_t stream_head(struct view *v, struct span stream)
{
    must(v->active);
    if (!stream_ok(stream))
        return 0;
    struct key_buf end;
    MDB_cursor *c;
    uint64_t head = 0;
    stream_key(&end, stream, UINT64_MAX);
    if (mdb_cursor_open(v->txn, v->store->db.table[TABLE_STREAM], &c) != 0)
        return 0;
    MDB_val k = db_val(key_span(&end)), value;
    int rc = mdb_cursor_get(c, &k, &value, MDB_SET_RANGE);
    rc = mdb_cursor_get(c, &k, &value, rc == 0 ? MDB_PREV : MDB_LAST);
    if (rc == 0 && k.mv_size == end.n && memcmp(k.mv_data, end.p, end.n - 8) == 0)
        head = be64_get((const char *)k.mv_data + end.n - 8);
    mdb_cursor_close(c);
    return head;
}

bool stream_append(struct txn *t, struct span stream, uint64_t seq, uint64_t *offset,
                   struct err *e)
{
    if (!stream_ok(stream))
        return err_set(e, ERR_INPUT, "流的名称须有 1 到 %d 字节，不含 00", STORE_KEY_MAX);
    struct key_buf k;
    char value[8];
    uint64_t next = stream_head(&t->view, stream) + 1;
    stream_key(&k, stream, next);
    be64_put(value, seq);
    if (!txn_put(t, TABLE_STREAM, key_span(&k), (struct span){value, sizeof value}, 0, e))
        return false;
    if (offset)
        *offset = next;
    return true;
}

size_t stream_read(struct view *v, struct span stream, uint64_t from_offset, uint64_t *seqs,
                   size_t max)
{
    must(v->active);
    struct key_buf from;
    MDB_cursor *c;
    size_t count = 0;
    if (!stream_ok(stream) ||
        mdb_cursor_open(v->txn, v->store->db.table[TABLE_STREAM], &c) != 0)
        return 0;
    stream_key(&from, stream, from_offset);
    MDB_val k = db_val(key_span(&from)), value;
    int rc = max ? mdb_cursor_get(c, &k, &value, MDB_SET_RANGE) : MDB_NOTFOUND;
    while (rc == 0 && k.mv_size == from.n && memcmp(k.mv_data, from.p, from.n - 8) == 0 &&
           value.mv_size == 8) {
        seqs[count++] = be64_get(value.mv_data);
        if (count == max)
            break;
        rc = mdb_cursor_get(c, &k, &value, MDB_NEXT);
    }
    mdb_cursor_close(c);
    return count;
}

static void idem_key(struct key_buf *k, struct span key)
{
    char hash[65];
    k->n = 0;
    if (key.n <= IDEM_RAW_MAX - 200) {
        key_put(k, "r", 1);
        key_put(k, key.p, key.n);
        return;
    }
    id_sha256_hex(hash, key);
    key_put(k, "h", 1);
    key_put(k, hash, 64);
}

bool idem_get(struct view *v, struct arena *a, struct span key, struct span *answer)
{
    struct key_buf k;
    struct span value;
    idem_key(&k, key);
    if (!get(v, TABLE_IDEM, key_span(&k), &value) || value.n < 8)
        return false;
    if (key_time_get(value.p) + idem_age_us < v->at.at)
        return false;
    *answer = arena_span(a, (struct span){value.p + 8, value.n - 8});
    return true;
}

bool idem_put(struct txn *t, struct span key, struct span answer, struct err *e)
{
    struct key_buf k, age = {.n = 0};
    int64_t now = txn_now(t);
    if (t->rc != 0)
        return db_fail(e, t->rc);
    idem_key(&k, key);
    MDB_val dk = db_val(key_span(&k)), dv = {8 + answer.n, NULL};
    int rc = mdb_put(t->view.txn, t->store->db.table[TABLE_IDEM], &dk, &dv, MDB_RESERVE);
    if (rc != 0) {
        t->rc = rc;
        return db_fail(e, rc);
    }
    be64_put(dv.mv_data, (uint64_t)now ^ 1ULL << 63);
    if (answer.n)
        memcpy((char *)dv.mv_data + 8, answer.p, answer.n);
    t->changes++;
    key_time(&age, now);
    key_be64(&age, t->first << 20 | t->idem_count++);
    return txn_put(t, TABLE_IDEM_AGE, key_span(&age), key_span(&k), 0, e);
}

/* A few of the oldest go with each commit. False: t->rc says why. */
bool idem_purge(struct txn *t)
{
    MDB_cursor *c;
    MDB_val k, v;
    int64_t limit = t->view.at.at - idem_age_us;
    int rc = mdb_cursor_open(t->view.txn, t->store->db.table[TABLE_IDEM_AGE], &c);
    if (rc != 0) {
        t->rc = rc;
        return false;
    }
    rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
    for (int i = 0; rc == 0 && i < IDEM_PURGE && k.mv_size >= 8; i++) {
        int64_t at = key_time_get(k.mv_data);
        struct span stored;
        if (at >= limit)
            break;
        /* put again since: then its newer line takes it away */
        if (db_get(t->view.txn, t->store->db.table[TABLE_IDEM], db_span(v), &stored, &rc) &&
            stored.n >= 8 && key_time_get(stored.p) <= at) {
            struct key_buf copy = {.n = 0};
            key_put(&copy, v.mv_data, v.mv_size);
            MDB_val gone = db_val(key_span(&copy));
            rc = mdb_del(t->view.txn, t->store->db.table[TABLE_IDEM], &gone, NULL);
        }
        if (rc == 0)
            rc = mdb_cursor_del(c, 0);
        if (rc == 0)
            rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
    }
    mdb_cursor_close(c);
    if (rc != 0 && rc != MDB_NOTFOUND)
        t->rc = rc;
    return t->rc == 0;
}

static bool due_key(struct key_buf *k, int64_t at, struct span key, struct err *e)
{
    if (key.n > STORE_KEY_MAX)
        return err_set(e, ERR_INPUT, "键太长，最多 %d 字节", STORE_KEY_MAX);
    k->n = 0;
    key_time(k, at);
    key_put(k, key.p, key.n);
    return true;
}

bool due_put(struct txn *t, int64_t at, struct span key, struct err *e)
{
    struct key_buf k;
    return due_key(&k, at, key, e) && txn_put(t, TABLE_DUE, key_span(&k), SPAN_NONE, 0, e);
}

bool due_drop(struct txn *t, int64_t at, struct span key, struct err *e)
{
    struct key_buf k;
    return due_key(&k, at, key, e) && txn_drop(t, TABLE_DUE, key_span(&k), e);
}

bool due_first(struct view *v, struct arena *a, int64_t *at, struct span *key)
{
    must(v->active);
    MDB_cursor *c;
    MDB_val k, value;
    if (mdb_cursor_open(v->txn, v->store->db.table[TABLE_DUE], &c) != 0)
        return false;
    bool found = mdb_cursor_get(c, &k, &value, MDB_FIRST) == 0 && k.mv_size >= 8;
    if (found) {
        *at = key_time_get(k.mv_data);
        *key = arena_span(a, (struct span){(const char *)k.mv_data + 8, k.mv_size - 8});
    }
    mdb_cursor_close(c);
    return found;
}

bool meta_get(struct view *v, struct arena *a, const char *name, struct span *value)
{
    struct span found;
    if (!get(v, TABLE_META, span_of(name), &found))
        return false;
    *value = arena_span(a, found);
    return true;
}

bool meta_put(struct txn *t, const char *name, struct span value, struct err *e)
{
    must(name[0] != '.'); /* the store's own */
    return name_ok(span_of(name), e) && txn_put(t, TABLE_META, span_of(name), value, 0, e);
}

bool txn_clock_hold(struct txn *t, int64_t now, struct err *e)
{
    char value[8];
    if (now < t->view.at.at || (t->held && now < t->held_now))
        return err_set(e, ERR_CONFLICT, "时钟只能向前拨，不能拨回过去");
    be64_put(value, (uint64_t)now);
    if (!txn_put(t, TABLE_META, SPAN(META_CLOCK), (struct span){value, sizeof value}, 0, e))
        return false;
    t->held = true;
    t->held_now = now;
    t->stamped = false;
    return true;
}

bool txn_clock_release(struct txn *t, struct err *e)
{
    if (t->held && !txn_drop(t, TABLE_META, SPAN(META_CLOCK), e))
        return false;
    t->held = false;
    t->stamped = false;
    return true;
}

bool clock_is_held(struct view *v, int64_t *now)
{
    struct span value;
    if (!get(v, TABLE_META, SPAN(META_CLOCK), &value) || value.n != 8)
        return false;
    if (now)
        *now = (int64_t)be64_get(value.p);
    return true;
}

int64_t clock_now(struct view *v, bool *held)
{
    int64_t now;
    bool stands = clock_is_held(v, &now);
    if (held)
        *held = stands;
    return stands ? now : clock_wall_us() / 1000000 * 1000000;
}
