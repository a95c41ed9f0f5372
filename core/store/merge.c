/*
 * From memory to disk. When the growing tail is long enough it is frozen and another begins; the frozen
 * one is put into the index table slice by slice, in key order, one slice with each commit. `merged` moves
 * with the last slice; until then the tail stays and the table holds some keys twice, which a walk does
 * not mind. After a crash the tail comes back from the journal and the slices are put again.
 *
 * The border between the two tails is on disk with the first entry behind it: whoever follows the journal
 * in another process cuts its own tails at the same place, and can drop one whole when it is merged.
 */
#include "store/store_impl.h"
#include "util/buf.h"
#include "util/err.h"

/* How long the tail may grow. A large index gets a longer one: its pages are written once per merge, and
 * more postings share the cost; up to four times, for memory and for the time a start takes. */
static size_t limit(const struct store *s)
{
    size_t least = s->options.tail_postings, want = s->indexed / 8;
    return want < least ? least : want < least * 4 ? want : least * 4;
}

void merge_cut(struct store *s)
{
    struct tails *t = &s->tails;
    if (t->count == TAILS_MAX || tail_count(t->list[0]) < limit(s))
        return;
    pthread_mutex_lock(&s->lock);
    tail_freeze(t->list[0], s->head);
    t->list[t->count++] = tail_new(s->head);
    pthread_mutex_unlock(&s->lock);
    s->merge_at = tail_first(t->list[0]);
}

static bool put_state(struct txn *t, struct err *e)
{
    char value[16];
    be64_put(value, t->merged);
    be64_put(value + 8, t->frozen);
    return txn_put(t, TABLE_META, SPAN(META_INDEX), (struct span){value, sizeof value}, 0, e);
}

/* A cursor that is already on the right page finds the next place without going down the tree. */
static int put_with(MDB_cursor *c, const struct tail_node **at, size_t slice)
{
    const struct tail_node *n = *at;
    int rc = 0;
    for (; rc == 0 && n && slice; slice--, n = tail_next(n)) {
        struct span key = tail_key(n);
        __builtin_prefetch(tail_next(n));
        char seq[8];
        be64_put(seq, tail_seq(n));
        MDB_val k = db_val(key), v = {key.p[0] == 'P' ? sizeof seq : 0, seq};
        rc = mdb_cursor_put(c, &k, &v, MDB_NOOVERWRITE);
        if (rc == MDB_KEYEXIST) /* the same posting, from an entry before */
            rc = 0;
    }
    *at = n;
    return rc;
}

static bool put_slice(struct txn *t, const struct tail_node **at, size_t slice, struct err *e)
{
    MDB_cursor *c;
    int rc = mdb_cursor_open(t->view.txn, t->store->db.table[TABLE_INDEX], &c);
    if (rc == 0) {
        rc = put_with(c, at, slice);
        mdb_cursor_close(c);
    }
    if (rc == 0)
        return true;
    t->rc = rc;
    return db_fail(e, rc);
}

bool merge_step(struct txn *t, struct err *e)
{
    struct store *s = t->store;
    if (s->tails.count < TAILS_MAX)
        return true;
    struct tail *front = s->tails.list[0];
    size_t added = tail_count(s->tails.list[1]) - t->tail_count;
    size_t least = s->options.tail_postings / MERGE_PARTS + 1;
    size_t slice = added * 2 > least ? added * 2 : least;
    t->frozen = tail_to(front);
    if (!put_slice(t, &s->merge_at, slice, e))
        return false;
    if (!s->merge_at) {
        MDB_stat st;
        t->merged = t->frozen;
        if (mdb_stat(t->view.txn, s->db.table[TABLE_INDEX], &st) == 0)
            s->indexed = st.ms_entries;
    }
    return (t->merged == s->merged && t->frozen == s->frozen) || put_state(t, e);
}

void merge_done(struct txn *t)
{
    struct store *s = t->store;
    s->merged = t->merged;
    s->frozen = t->frozen;
    if (s->tails.count < TAILS_MAX || tail_to(s->tails.list[0]) > s->merged)
        return;
    pthread_mutex_lock(&s->lock);
    tail_drop(s->tails.list[0]);
    s->tails.list[0] = s->tails.list[1];
    s->tails.count = 1;
    pthread_mutex_unlock(&s->lock);
}

void merge_again(struct store *s)
{
    s->merge_at = s->tails.count == TAILS_MAX ? tail_first(s->tails.list[0]) : NULL;
}
