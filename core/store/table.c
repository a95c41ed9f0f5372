/* Small tables by name, all in one LMDB table. */
#include "store/store_impl.h"

#include <string.h>

#include "util/err.h"
#include "util/log.h"

enum { NAME_BYTES = 20, KEY_BYTES = 300, VALUE_BYTES = 4096 };

static void row_key(struct key_buf *k, const char *table, struct span key)
{
    must(strlen(table) <= NAME_BYTES);
    k->n = 0;
    key_put(k, table, strlen(table) + 1);
    key_put(k, key.p, key.n);
}

static bool row_ok(struct span key, struct span value, struct err *e)
{
    return (key.n > 0 && key.n <= KEY_BYTES && value.n <= VALUE_BYTES) ||
           err_set(e, ERR_INPUT, "表的键须有 1 到 %d 字节，值最多 %d 字节", KEY_BYTES,
                   VALUE_BYTES);
}

bool table_get(struct view *v, struct arena *a, const char *table, struct span key,
               struct span *value)
{
    struct key_buf k;
    struct span found;
    int rc = 0;
    must(v->active);
    if (!row_ok(key, SPAN_NONE, NULL))
        return false;
    row_key(&k, table, key);
    if (!db_get(v->txn, v->store->db.table[TABLE_SMALL], key_span(&k), &found, &rc)) {
        if (rc != 0)
            log_error("store", "read failed table=%s: %s", table, mdb_strerror(rc));
        return false;
    }
    *value = arena_span(a, found);
    return true;
}

bool table_put(struct txn *t, const char *table, struct span key, struct span value,
               struct err *e)
{
    struct key_buf k;
    if (!row_ok(key, value, e))
        return false;
    row_key(&k, table, key);
    return txn_put(t, TABLE_SMALL, key_span(&k), value, 0, e);
}

bool table_drop(struct txn *t, const char *table, struct span key, struct err *e)
{
    struct key_buf k;
    if (!row_ok(key, SPAN_NONE, e))
        return false;
    row_key(&k, table, key);
    return txn_drop(t, TABLE_SMALL, key_span(&k), e);
}

size_t table_read(struct view *v, struct arena *a, const char *table, struct span before,
                  struct table_row *out, size_t max)
{
    struct key_buf end;
    MDB_cursor *c;
    size_t n = 0, head = strlen(table) + 1;
    must(v->active);
    if (before.n > KEY_BYTES ||
        mdb_cursor_open(v->txn, v->store->db.table[TABLE_SMALL], &c) != 0)
        return 0;
    row_key(&end, table, before);
    if (!before.n)
        end.p[head - 1] = 1; /* behind every row of this table */
    MDB_val k = db_val(key_span(&end)), value;
    int rc = max ? mdb_cursor_get(c, &k, &value, MDB_SET_RANGE) : MDB_NOTFOUND;
    if (max)
        rc = mdb_cursor_get(c, &k, &value, rc == 0 ? MDB_PREV : MDB_LAST);
    while (rc == 0 && n < max && k.mv_size > head && memcmp(k.mv_data, table, head) == 0) {
        out[n].key =
            arena_span(a, (struct span){(const char *)k.mv_data + head, k.mv_size - head});
        out[n++].value = arena_span(a, db_span(value));
        rc = mdb_cursor_get(c, &k, &value, MDB_PREV);
    }
    mdb_cursor_close(c);
    return n;
}
