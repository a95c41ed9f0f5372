#include "store/walk.h"

#include <string.h>

#include "util/buf.h"
#include "util/err.h"

bool walk_open(struct walk *w, struct view *v, bool backwards, struct err *e)
{
    must(v->active);
    *w = (struct walk){.view = v, .backwards = backwards, .owned = true, .turn = v->turn};
    int rc = mdb_cursor_open(v->txn, v->store->db.table[TABLE_INDEX], &w->table);
    return rc == 0 || db_fail(e, rc);
}

bool walk_borrow(struct walk *w, struct view *v, struct err *e)
{
    must(v->active);
    *w = (struct walk){.view = v, .turn = v->turn, .table = view_index(v, e)};
    return w->table != NULL;
}

void walk_close(struct walk *w)
{
    if (w->owned && w->table)
        mdb_cursor_close(w->table);
    w->table = NULL;
}

static bool table_result(struct walk *w, int rc, struct err *e)
{
    w->table_valid = rc == 0;
    return rc == 0 || rc == MDB_NOTFOUND || db_fail(e, rc);
}

static bool table_seek(struct walk *w, struct span key, struct err *e)
{
    w->key = db_val(key);
    int rc = mdb_cursor_get(w->table, &w->key, &w->value, MDB_SET_RANGE);
    if (w->backwards && (rc == 0 || rc == MDB_NOTFOUND))
        rc = mdb_cursor_get(w->table, &w->key, &w->value, rc == 0 ? MDB_PREV : MDB_LAST);
    return table_result(w, rc, e);
}

static bool table_step(struct walk *w, struct err *e)
{
    int rc = mdb_cursor_get(w->table, &w->key, &w->value, w->backwards ? MDB_PREV : MDB_NEXT);
    return table_result(w, rc, e);
}

/* Nodes of entries behind the view's head are not there yet. */
static const struct tail_node *visible(const struct walk *w, int i, const struct tail_node *n)
{
    while (n && tail_seq(n) > w->view->at.head)
        n = w->backwards ? tail_before(w->view->tails.list[i], tail_key(n)) : tail_next(n);
    return n;
}

static bool is_better(const struct walk *w, struct span a, struct span b)
{
    int cmp = span_cmp(a, b);
    return w->backwards ? cmp > 0 : cmp < 0;
}

static bool choose(struct walk *w)
{
    bool found = w->table_valid;
    if (found)
        w->at = db_span(w->key);
    for (int i = 0; i < w->view->tails.count; i++) {
        if (!w->node[i])
            continue;
        struct span key = tail_key(w->node[i]);
        if (!found || is_better(w, key, w->at))
            w->at = key;
        found = true;
    }
    return found;
}

bool walk_seek(struct walk *w, struct span key, struct err *e)
{
    struct view *v = w->view;
    must(v->active);
    if (!view_cover(v, e))
        return false;
    if (v->writing)
        txn_flush(txn_of(v));
    if (w->turn != v->turn) { /* renewed since: the cursor belongs to what was */
        if (w->owned && !v->writing)
            mdb_cursor_renew(v->txn, w->table);
        w->turn = v->turn;
    }
    for (int i = 0; i < v->tails.count; i++) {
        const struct tail *t = v->tails.list[i];
        w->node[i] = visible(w, i, w->backwards ? tail_before(t, key) : tail_seek(t, key));
    }
    return table_seek(w, key, e) && choose(w);
}

bool walk_next(struct walk *w, struct err *e)
{
    must(w->turn == w->view->turn);
    if (w->view->writing)
        txn_flush(txn_of(w->view));
    struct span was = w->at;
    for (int i = 0; i < w->view->tails.count; i++) {
        const struct tail_node *n = w->node[i];
        if (!n || !span_eq(tail_key(n), was))
            continue;
        n = w->backwards ? tail_before(w->view->tails.list[i], was) : tail_next(n);
        w->node[i] = visible(w, i, n);
    }
    if (w->table_valid && span_eq(db_span(w->key), was) && !table_step(w, e))
        return false;
    return choose(w);
}

uint64_t walk_brought(const struct walk *w)
{
    if (w->table_valid && span_eq(db_span(w->key), w->at)) /* the table knows what is older */
        return w->value.mv_size == 8 ? be64_get(w->value.mv_data) : 0;
    for (int i = 0; i < w->view->tails.count; i++)
        if (w->node[i] && span_eq(tail_key(w->node[i]), w->at))
            return tail_seq(w->node[i]);
    return 0;
}
