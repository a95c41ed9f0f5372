#include "store/journal.h"

#include "store/store_impl.h"
#include "util/buf.h"
#include "util/err.h"

/* Raw bytes of an entry, unchecked, valid as long as the view stands. */
static bool journal_bytes(struct view *v, uint64_t seq, struct span *out, struct err *e)
{
    MDB_cursor *c = view_journal(v, e);
    if (!c)
        return false;
    char key[8];
    be64_put(key, seq);
    MDB_val k = {sizeof key, key}, value;
    int rc = mdb_cursor_get(c, &k, &value, MDB_SET);
    if (rc == MDB_NOTFOUND)
        return err_set(e, ERR_MISSING, "没有第 %llu 条记录", (unsigned long long)seq);
    if (rc != 0)
        return db_fail(e, rc);
    *out = db_span(value);
    return true;
}

/* Check, then copy: one allocation holds key and body, which stand side by side, and a NUL. */
static bool take(struct arena *a, struct span bytes, uint64_t seq, struct entry *out,
                 struct err *e)
{
    if (!entry_decode(bytes, seq, out, e))
        return false;
    size_t key_n = out->key.n, body_n = out->body.n;
    const char *copy = arena_span(a, (struct span){out->key.p, key_n + body_n}).p;
    out->key = (struct span){copy, key_n};
    out->body = (struct span){copy + key_n, body_n};
    return true;
}

bool journal_get(struct view *v, struct arena *a, uint64_t seq, struct entry *out,
                 struct err *e)
{
    struct span bytes;
    return journal_bytes(v, seq, &bytes, e) && take(a, bytes, seq, out, e);
}

bool journal_read(struct view *v, struct arena *a, uint64_t from, struct entry *out, size_t max,
                  size_t *count, struct err *e)
{
    *count = 0;
    if (from == 0)
        from = 1;
    if (from > v->at.head || max == 0)
        return true;
    MDB_cursor *c = view_journal(v, e);
    if (!c)
        return false;
    char key[8];
    be64_put(key, from);
    MDB_val k = {sizeof key, key}, value;
    int rc = mdb_cursor_get(c, &k, &value, MDB_SET);
    for (;;) {
        uint64_t seq = from + *count;
        if (rc != 0)
            return db_fail(e, rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc);
        if (k.mv_size != 8 || be64_get(k.mv_data) != seq)
            return db_fail(e, MDB_CORRUPTED);
        if (!take(a, db_span(value), seq, &out[*count], e))
            return false;
        ++*count;
        if (*count == max || seq == v->at.head)
            return true;
        rc = mdb_cursor_get(c, &k, &value, MDB_NEXT);
    }
}
