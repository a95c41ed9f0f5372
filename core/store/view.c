#include "store/view.h"

#include "store/store_impl.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

void tails_hold(struct tails *to, const struct tails *from)
{
    *to = *from;
    for (int i = 0; i < to->count; i++)
        tail_hold(to->list[i]);
}

void tails_drop(struct tails *t)
{
    for (int i = 0; i < t->count; i++)
        tail_drop(t->list[i]);
    t->count = 0;
}

bool snapshot_read(const struct db *d, MDB_txn *txn, struct snapshot *out, struct err *e)
{
    MDB_stat st;
    struct span value;
    char key[8];
    *out = (struct snapshot){0};
    int rc = mdb_stat(txn, d->table[TABLE_JOURNAL], &st);
    if (rc != 0)
        return db_fail(e, rc);
    out->head = st.ms_entries; /* seqs are dense from 1 on */
    if (out->head) {
        be64_put(key, out->head);
        if (db_get(txn, d->table[TABLE_JOURNAL], (struct span){key, 8}, &value, &rc))
            out->at = entry_at(value);
        else
            return db_fail(e, rc ? rc : MDB_CORRUPTED);
    }
    if (db_get(txn, d->table[TABLE_META], SPAN(META_INDEX), &value, &rc) && value.n == 16) {
        out->merged = be64_get(value.p);
        out->frozen = be64_get(value.p + 8);
    }
    return rc == 0 || db_fail(e, rc);
}

static void tails_add(struct tails *t, uint64_t from)
{
    must(t->count < TAILS_MAX);
    t->list[t->count++] = tail_new(from);
}

static void tails_drop_first(struct tails *t)
{
    tail_drop(t->list[0]);
    for (int i = 1; i < t->count; i++)
        t->list[i - 1] = t->list[i];
    t->count--;
}

/* Put the entries after *done up to `to` into a tail. */
static bool follow(struct tail *tail, uint64_t *done, uint64_t to, const struct db *d,
                   MDB_txn *txn, struct err *e)
{
    struct tail_batch batch;
    bool ok = true;
    uint64_t seq = *done;
    batch.tail = tail;
    batch.count = 0;
    while (ok && seq < to) {
        char key[8];
        int rc;
        struct span bytes;
        struct entry entry;
        be64_put(key, ++seq);
        if (!db_get(txn, d->table[TABLE_JOURNAL], (struct span){key, 8}, &bytes, &rc))
            ok = db_fail(e, rc ? rc : MDB_CORRUPTED);
        else if ((ok = entry_decode(bytes, seq, &entry, e)))
            tail_batch_bytes(&batch, &entry, bytes);
    }
    tail_batch_flush(&batch);
    *done = ok ? seq : seq - 1;
    return ok;
}

bool tails_follow(struct tails *tails, uint64_t *done, const struct db *d, MDB_txn *txn,
                  const struct snapshot *at, struct err *e)
{
    if (*done < at->merged) { /* far behind: what it holds is on disk by now */
        tails_drop(tails);
        *done = at->merged;
    }
    while (tails->count && tail_to(tails->list[0]) <= at->merged)
        tails_drop_first(tails);
    if (!tails->count)
        tails_add(tails, *done);
    struct tail *last = tails->list[tails->count - 1];
    bool border = at->frozen > tail_from(last) && at->frozen >= *done && at->frozen < at->head;
    if (border && tails->count < TAILS_MAX) {
        if (!follow(last, done, at->frozen, d, txn, e))
            return false;
        tail_freeze(last, at->frozen);
        tails_add(tails, at->frozen);
        last = tails->list[tails->count - 1];
    }
    return follow(last, done, at->head, d, txn, e);
}

struct view *view_open(struct store *s, struct err *e)
{
    struct view *v = mem_alloc(sizeof *v);
    v->store = s;
    pthread_mutex_lock(&s->lock);
    v->next = s->views;
    if (v->next)
        v->next->prev = v;
    s->views = v;
    pthread_mutex_unlock(&s->lock);
    if (view_renew(v, e))
        return v;
    view_close(v);
    return NULL;
}

void view_forget(struct view *v)
{
    must(!v->active);
    if (v->journal)
        mdb_cursor_close(v->journal);
    if (v->index)
        mdb_cursor_close(v->index);
    if (v->txn)
        mdb_txn_abort(v->txn);
    v->journal = v->index = NULL;
    v->txn = NULL;
    v->turn++;
}

void view_close(struct view *v)
{
    if (!v)
        return;
    struct store *s = v->store;
    view_release(v);
    pthread_mutex_lock(&s->lock);
    view_forget(v);
    if (v->next)
        v->next->prev = v->prev;
    if (v->prev)
        v->prev->next = v->next;
    else
        s->views = v->next;
    pthread_mutex_unlock(&s->lock);
    mem_free(v);
}

void view_release(struct view *v)
{
    struct store *s = v->store;
    must(!v->writing);
    if (!v->active)
        return;
    mdb_txn_reset(v->txn);
    tails_drop(&v->tails);
    v->turn++;
    pthread_mutex_lock(&s->lock);
    v->active = false;
    if (--s->active == 0)
        pthread_cond_broadcast(&s->idle);
    pthread_mutex_unlock(&s->lock);
}

static bool enter(struct view *v, struct err *e)
{
    struct store *s = v->store;
    pthread_mutex_lock(&s->lock);
    bool closed = s->closed;
    if (!closed) {
        s->active++;
        v->active = true;
    }
    pthread_mutex_unlock(&s->lock);
    return !closed || err_set(e, ERR_STORE, "数据库正在恢复，请几秒后重试");
}

static int snapshot_take(struct view *v)
{
    struct db *d = &v->store->db;
    if (!v->txn)
        return mdb_txn_begin(d->env, NULL, MDB_RDONLY, &v->txn);
    int rc = mdb_txn_renew(v->txn);
    if (rc == 0 && v->journal)
        rc = mdb_cursor_renew(v->txn, v->journal);
    if (rc == 0 && v->index)
        rc = mdb_cursor_renew(v->txn, v->index);
    return rc;
}

/* Do the store's tails cover what the snapshot has and the table has not? */
static bool covers(const struct tails *t, const struct snapshot *at)
{
    must(t->count > 0);
    return tail_from(t->list[0]) <= at->merged && tail_to(t->list[t->count - 1]) >= at->head;
}

/* Take hold of tails that cover the snapshot. *again: the snapshot is older than the tails are; a newer
 * one must be taken. Who follows another process does so when the index is asked: many never ask. */
static void cover(struct view *v, bool *again)
{
    struct store *s = v->store;
    v->uncovered = s->options.read_only;
    *again = false;
    if (v->uncovered)
        return;
    pthread_mutex_lock(&s->lock);
    *again = !covers(&s->tails, &v->at);
    if (!*again)
        tails_hold(&v->tails, &s->tails);
    pthread_mutex_unlock(&s->lock);
}

bool view_follow(struct view *v, struct err *e)
{
    struct store *s = v->store;
    struct tails own = {0};
    uint64_t done = 0;
    pthread_mutex_lock(&s->lock);
    bool ok = tails_follow(&s->tails, &s->tail_head, &s->db, v->txn, &v->at, e);
    bool shared = ok && covers(&s->tails, &v->at);
    if (shared)
        tails_hold(&v->tails, &s->tails);
    pthread_mutex_unlock(&s->lock);
    if (ok && !shared) { /* another view has gone further: what this one needs is made anew */
        ok = tails_follow(&own, &done, &s->db, v->txn, &v->at, e);
        if (ok)
            v->tails = own;
        else
            tails_drop(&own);
    }
    v->uncovered = !ok;
    return ok;
}

bool view_renew(struct view *v, struct err *e)
{
    must(!v->writing);
    view_release(v);
    if (!enter(v, e))
        return false;
    v->turn++;
    for (bool again = true; again;) {
        int rc = snapshot_take(v);
        if (rc != 0)
            db_fail(e, rc);
        if (rc == 0 && snapshot_read(&v->store->db, v->txn, &v->at, e)) {
            cover(v, &again);
            if (again)
                mdb_txn_reset(v->txn);
            continue;
        }
        if (v->txn)
            mdb_txn_reset(v->txn);
        struct store *s = v->store;
        pthread_mutex_lock(&s->lock);
        v->active = false;
        if (--s->active == 0)
            pthread_cond_broadcast(&s->idle);
        view_forget(v);
        pthread_mutex_unlock(&s->lock);
        return false;
    }
    return true;
}

uint64_t view_head(const struct view *v)
{
    return v->at.head;
}

int64_t view_now(const struct view *v)
{
    return v->at.at;
}

static MDB_cursor *cursor(struct view *v, MDB_cursor **at, enum store_table table,
                          struct err *e)
{
    must(v->active);
    if (*at)
        return *at;
    int rc = mdb_cursor_open(v->txn, v->store->db.table[table], at);
    if (rc != 0) {
        *at = NULL;
        db_fail(e, rc);
    }
    return *at;
}

MDB_cursor *view_journal(struct view *v, struct err *e)
{
    return cursor(v, &v->journal, TABLE_JOURNAL, e);
}

MDB_cursor *view_index(struct view *v, struct err *e)
{
    return cursor(v, &v->index, TABLE_INDEX, e);
}
