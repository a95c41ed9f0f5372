#include "store/version.h"

#include <string.h>

#include "store/walk.h"
#include "util/err.h"
#include "util/mem.h"

static uint64_t bound(const struct view *v, uint64_t as_of)
{
    return as_of < v->at.head ? as_of : v->at.head;
}

/* The entry a version posting names; it must be what the posting says. */
static bool fetch(struct view *v, struct arena *a, struct span at, struct entry *out,
                  struct err *e)
{
    uint64_t seq = key_version_seq(at);
    struct span key = key_version_key(at);
    if (!journal_get(v, a, seq, out, e)) {
        if (e && e->code == ERR_MISSING)
            db_fail(e, MDB_CORRUPTED);
        return false;
    }
    return span_eq(out->key, key) || db_fail(e, MDB_CORRUPTED);
}

/* Place `w` on the newest version of a key with seq <= as_of. */
static bool place(struct walk *w, uint16_t type, struct span key, uint64_t as_of, struct err *e)
{
    struct key_buf at;
    key_version(&at, type, key, as_of);
    return walk_seek(w, key_span(&at), e) && w->at.n == at.n &&
           memcmp(w->at.p, at.p, at.n - 8) == 0;
}

static bool is_version(struct span at, const struct key_buf *want)
{
    return at.n == want->n && memcmp(at.p, want->p, want->n - 8) == 0;
}

/* The index key of the newest version with seq <= as_of. What a tail holds is newer than what the tails
 * before it and the table hold, so the first that knows the key has the answer. */
static bool newest(struct view *v, uint16_t type, struct span key, uint64_t as_of,
                   struct span *at, struct err *e)
{
    struct key_buf want;
    key_version(&want, type, key, as_of);
    if (!view_cover(v, e))
        return false;
    uint32_t hash = tail_hash(type, key);
    for (int i = v->tails.count - 1; i >= 0; i--) {
        if (!tail_may_hold(v->tails.list[i], hash))
            continue;
        const struct tail_node *n = tail_seek(v->tails.list[i], key_span(&want));
        if (n && is_version(tail_key(n), &want)) {
            *at = tail_key(n);
            return true;
        }
    }
    MDB_cursor *c = view_index(v, e);
    if (!c)
        return false;
    MDB_val k = db_val(key_span(&want)), value;
    int rc = mdb_cursor_get(c, &k, &value, MDB_SET_RANGE);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return db_fail(e, rc);
    *at = db_span(k);
    return rc == 0 && is_version(*at, &want);
}

/* The commonest answer to the commonest question: err_set would spend as long as the search. */
static bool missing(struct err *e)
{
    static const char text[] = "没有这条数据";
    if (e) {
        e->code = ERR_MISSING;
        memcpy(e->text, text, sizeof text);
    }
    return false;
}

bool version_get(struct view *v, struct arena *a, uint16_t type, struct span key,
                 uint64_t as_of, struct entry *out, struct err *e)
{
    struct err local = {0};
    struct span at;
    must(v->active);
    if (!key_is_valid(key))
        return missing(e);
    if (v->writing && tail_batch_may_hold(&txn_of(v)->batch, tail_hash(type, key)))
        txn_flush(txn_of(v));
    if (newest(v, type, key, bound(v, as_of), &at, &local))
        return fetch(v, a, at, out, e);
    if (local.code == ERR_NONE)
        return missing(e);
    if (e)
        *e = local;
    return false;
}

bool version_history(struct view *v, struct arena *a, uint16_t type, struct span key,
                     uint64_t as_of, struct entry *out, size_t max, size_t *count,
                     struct err *e)
{
    struct walk w;
    struct err local = {0};
    struct key_buf head;
    *count = 0;
    if (!key_is_valid(key) || max == 0)
        return true;
    key_version_head(&head, type, key);
    bool on = walk_borrow(&w, v, &local) && place(&w, type, key, bound(v, as_of), &local);
    while (on && w.at.n == head.n + 8 && span_starts(w.at, key_span(&head))) {
        if (!fetch(v, a, w.at, &out[*count], e))
            return false;
        if (++*count == max)
            return true;
        on = walk_next(&w, &local);
    }
    if (local.code == ERR_NONE)
        return true;
    if (e)
        *e = local;
    return false;
}

struct version_scan {
    struct walk walk;
    bool opened;
    struct err failed; /* of opening; told by the first next */
    struct view *view;
    uint16_t type;
    uint64_t as_of;
    bool backwards, over;
    struct key_buf prefix; /* of index keys */
    struct key_buf from; /* where to seek: behind the last key, in the direction of the walk */
};

/* Behind all versions of a key: ~seq never is FF×8. Backwards: before them, but behind those of the keys
 * it is the beginning of: ~seq begins with FF, which no key holds. */
static void step_over(struct version_scan *s, struct span key)
{
    char edge[8];
    memset(edge, s->backwards ? 0 : 0xFF, sizeof edge);
    edge[0] = (char)0xFF;
    key_version_head(&s->from, s->type, key);
    key_put(&s->from, edge, sizeof edge);
}

/* Where to begin: the prefix's near edge or the one of `after`, whichever lies further on. */
static void start(struct version_scan *s, struct span after)
{
    struct key_buf edge = s->prefix;
    if (s->backwards) { /* keys hold no FF: behind all that begin with prefix, ~seq included */
        char top[9];
        memset(top, 0xFF, sizeof top);
        key_put(&edge, top, sizeof top);
    }
    s->from = edge;
    if (!after.n)
        return;
    step_over(s, after);
    int cmp = span_cmp(key_span(&s->from), key_span(&edge));
    if (s->backwards ? cmp > 0 : cmp < 0)
        s->from = edge;
}

struct version_scan *version_scan_open(struct view *v, uint16_t type, struct span prefix,
                                       struct span after, bool backwards, uint64_t as_of)
{
    struct version_scan *s = mem_alloc(sizeof *s);
    s->view = v;
    s->type = type;
    s->as_of = as_of;
    s->backwards = backwards;
    if (prefix.n > STORE_KEY_MAX || after.n > STORE_KEY_MAX) {
        err_set(&s->failed, ERR_INPUT, "键太长，最多 %d 字节", STORE_KEY_MAX);
        return s;
    }
    key_version_head(&s->prefix, type, prefix);
    start(s, after);
    s->opened = walk_open(&s->walk, v, backwards, &s->failed);
    return s;
}

void version_scan_close(struct version_scan *s)
{
    if (!s)
        return;
    if (s->opened)
        walk_close(&s->walk);
    mem_free(s);
}

enum { STEPS = 3 }; /* a short history is walked over faster than it is jumped over */

/* Is what the walk stands on a version of the key that step_over was told? */
static bool is_of_last(const struct version_scan *s)
{
    struct span at = s->walk.at;
    return at.n == s->from.n && memcmp(at.p, s->from.p, at.n - 8) == 0;
}

/* Stand on any version of the next key. */
static bool next_key(struct version_scan *s, struct err *e)
{
    struct walk *w = &s->walk;
    bool on;
    if (w->turn == s->view->turn && w->at.p && !s->backwards) {
        for (int i = 0; i < STEPS; i++) {
            if (!walk_next(w, e))
                return false;
            if (!is_of_last(s))
                return span_starts(w->at, key_span(&s->prefix));
        }
    }
    on = walk_seek(w, key_span(&s->from), e);
    return on && span_starts(w->at, key_span(&s->prefix));
}

/* From any version of a key to the one as of the scan's seq. The scan of an engine that lags meets many keys
 * that came later: most have one version, so a step or two tell as much as a seek. False: there was none then;
 * *standing: the walk is on the next key already. */
static bool to_version(struct version_scan *s, uint64_t as_of, bool *standing, struct err *e)
{
    struct walk *w = &s->walk;
    struct key_buf at;
    *standing = false;
    for (int i = 0; i < STEPS && !s->backwards; i++) {
        if (key_version_seq(w->at) <= as_of)
            return true;
        if (!walk_next(w, e) || !span_starts(w->at, key_span(&s->prefix))) {
            s->over = true;
            return false;
        }
        if (!is_of_last(s)) {
            *standing = true;
            return false;
        }
    }
    key_version(&at, s->type, key_version_key(w->at), as_of);
    w->backwards = false;
    bool on = walk_seek(w, key_span(&at), e) && w->at.n == at.n &&
              memcmp(w->at.p, at.p, at.n - 8) == 0;
    w->backwards = s->backwards;
    return on;
}

bool version_scan_next(struct version_scan *s, struct arena *a, struct entry *out,
                       struct err *e)
{
    struct err local = s->failed;
    bool standing = false;
    while (s->opened && !s->over && (standing || next_key(s, &local))) {
        step_over(s, key_version_key(s->walk.at));
        if (!to_version(s, bound(s->view, s->as_of), &standing, &local)) {
            if (local.code != ERR_NONE)
                break;
            if (!standing)
                s->walk.at = SPAN_NONE; /* no version yet then: on to the next key by a seek */
            continue;
        }
        if (!fetch(s->view, a, s->walk.at, out, &local))
            break;
        if (out->op != ENTRY_WITHDRAW)
            return true;
    }
    if (e)
        *e = local;
    return false;
}
