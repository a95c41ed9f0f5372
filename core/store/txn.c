#include "store/txn.h"

#include <stddef.h>
#include <string.h>

#include "store/store_impl.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/id.h"
#include "util/log.h"

enum { BODY_MAX = 16 << 20, POSTINGS_MAX = 4096, READER_CHECK_US = 5000000 };

bool txn_begin(struct store *s, struct txn *t, struct err *e)
{
    must(!s->options.read_only);
    memset(t, 0, offsetof(struct txn, batch));
    t->store = s;
    t->first = s->head;
    t->merged = s->merged;
    t->frozen = s->frozen;
    t->batch.tail = NULL;
    t->batch.count = 0;
    t->held = s->held;
    t->held_now = s->held_now;
    if (clock_mono_us() - s->checked_readers > READER_CHECK_US) {
        mdb_reader_check(s->db.env, NULL);
        s->checked_readers = clock_mono_us();
    }
    merge_cut(s);
    t->batch.tail = s->tails.list[s->tails.count - 1];
    t->tail_count = tail_count(t->batch.tail);
    int rc = mdb_txn_begin(s->db.env, NULL, 0, &t->view.txn);
    if (rc != 0) {
        s->failed = true; /* the write lock or the map is gone: only opening anew helps */
        return db_fail(e, rc);
    }
    t->view.store = s;
    t->view.active = t->view.writing = true;
    t->view.tails = s->tails; /* borrowed: only this thread changes them */
    t->view.at = (struct snapshot){s->head, s->merged, s->frozen, s->at};
    t->view.turn = 1;
    return true;
}

static void close_cursors(struct txn *t)
{
    if (t->view.journal)
        mdb_cursor_close(t->view.journal);
    if (t->view.index)
        mdb_cursor_close(t->view.index);
    if (t->append)
        mdb_cursor_close(t->append);
    t->view.journal = t->view.index = t->append = NULL;
    t->view.active = false;
}

/* The tails hold postings of entries that will never be: forget them. */
static void undo(struct txn *t)
{
    struct store *s = t->store;
    struct err e = {0};
    if (t->view.at.head != t->first && !s->failed && !store_reload(s, &e)) {
        log_error("store", "cannot read the index back code=%s", err_code_name(e.code));
        s->failed = true;
    }
    merge_again(s);
}

void txn_abort(struct txn *t)
{
    close_cursors(t);
    mdb_txn_abort(t->view.txn);
    undo(t);
}

void txn_flush(struct txn *t)
{
    if (t->batch.count)
        tail_batch_flush(&t->batch);
}

bool txn_commit(struct txn *t, struct err *e)
{
    struct store *s = t->store;
    txn_flush(t); /* before anyone can see what is committed */
    if (t->rc == 0 && (!idem_purge(t) || !merge_step(t, e)) && t->rc == 0)
        t->rc = MDB_CORRUPTED;
    if (t->rc != 0) {
        db_fail(e, t->rc);
        txn_abort(t);
        return false;
    }
    close_cursors(t);
    int rc = mdb_txn_commit(t->view.txn);
    if (rc != 0) { /* LMDB has ended the transaction */
        log_error("store", "commit failed: %s", mdb_strerror(rc));
        s->failed = rc != MDB_MAP_FULL;
        t->rc = rc;
        undo(t);
        return db_fail(e, rc);
    }
    s->head = t->view.at.head;
    s->at = t->view.at.at;
    s->held = t->held;
    s->held_now = t->held_now;
    merge_done(t);
    return true;
}

struct view *txn_view(struct txn *t)
{
    return &t->view;
}

static uint64_t draw(struct store *s)
{
    if (!s->seeds_left) {
        id_random(s->seeds, sizeof s->seeds);
        s->seeds_left = SEEDS;
    }
    return s->seeds[--s->seeds_left];
}

static void stamp(struct txn *t)
{
    if (t->stamped)
        return;
    int64_t last = t->view.at.at, wall;
    if (t->held) {
        t->next_at = t->held_now > last ? t->held_now : last;
    } else {
        wall = clock_wall_us();
        t->next_at = wall > last ? wall : last + 1;
    }
    t->next_seed = draw(t->store);
    t->stamped = true;
}

int64_t txn_now(struct txn *t)
{
    stamp(t);
    return t->next_at;
}

void txn_next(struct txn *t, uint64_t *seq, int64_t *at, uint64_t *seed)
{
    stamp(t);
    if (seq)
        *seq = t->view.at.head + 1;
    if (at)
        *at = t->next_at;
    if (seed)
        *seed = t->next_seed;
}

static bool txn_fail(struct txn *t, int rc, struct err *e)
{
    if (t->rc == 0)
        t->rc = rc;
    return db_fail(e, t->rc);
}

static bool is_fit(const struct entry_new *in, struct err *e)
{
    if (in->key.n && !key_is_valid(in->key))
        return err_set(e, ERR_INPUT, "键无效：最多 %d 字节，每段以 00 结尾，不含 FF",
                       STORE_KEY_MAX);
    if (in->body.n > BODY_MAX)
        return err_set(e, ERR_LIMIT, "一条记录最多 16 MiB，这一条有 %zu 字节", in->body.n);
    if (in->posting_count > POSTINGS_MAX)
        return err_set(e, ERR_LIMIT, "一条记录最多 %d 个索引值", POSTINGS_MAX);
    return true;
}

uint64_t txn_append(struct txn *t, const struct entry_new *in, struct err *e)
{
    struct store *s = t->store;
    if (t->rc != 0)
        return db_fail(e, t->rc);
    if (!is_fit(in, e))
        return 0;
    stamp(t);
    struct entry entry = {
        .seq = t->view.at.head + 1,
        .at = t->next_at,
        .seed = t->next_seed,
        .cause = in->cause,
        .type = in->type,
        .op = in->op,
        .key = in->key,
        .body = in->body,
    };
    char key[8];
    be64_put(key, entry.seq);
    MDB_val k = {sizeof key, key};
    MDB_val v = {entry_size(in->key, in->body, in->postings, in->posting_count), NULL};
    int rc = 0;
    if (!t->append)
        rc = mdb_cursor_open(t->view.txn, s->db.table[TABLE_JOURNAL], &t->append);
    if (rc == 0)
        rc = mdb_cursor_put(t->append, &k, &v, MDB_APPEND | MDB_RESERVE);
    if (rc != 0)
        return txn_fail(t, rc, e);
    entry_encode(v.mv_data, &entry, in->postings, in->posting_count);
    tail_batch_entry(&t->batch, &entry, in->postings, in->posting_count);
    t->view.at.head = entry.seq;
    t->view.at.at = entry.at;
    t->stamped = false;
    t->changes++;
    return entry.seq;
}

bool txn_put(struct txn *t, enum store_table table, struct span key, struct span value,
             unsigned flags, struct err *e)
{
    if (t->rc != 0)
        return db_fail(e, t->rc);
    MDB_val k = db_val(key), v = db_val(value);
    int rc = mdb_put(t->view.txn, t->store->db.table[table], &k, &v, flags);
    if (rc == MDB_KEYEXIST && (flags & MDB_NOOVERWRITE))
        return true;
    if (rc != 0)
        return txn_fail(t, rc, e);
    t->changes++;
    return true;
}

bool txn_drop(struct txn *t, enum store_table table, struct span key, struct err *e)
{
    if (t->rc != 0)
        return db_fail(e, t->rc);
    MDB_val k = db_val(key);
    int rc = mdb_del(t->view.txn, t->store->db.table[table], &k, NULL);
    if (rc == MDB_NOTFOUND)
        return true;
    if (rc != 0)
        return txn_fail(t, rc, e);
    t->changes++;
    return true;
}
