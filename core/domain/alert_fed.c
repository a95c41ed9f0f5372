/*
 * Lineage: from a version of a record to the alerts it fed, and what it takes to judge an alert again when
 * such a version is taken back (engine/taken_back.h).
 */
#include "domain/alert_impl.h"

#include <stdlib.h>
#include <string.h>

#include "domain/access.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "store/version.h"
#include "util/json.h"
#include "util/mem.h"

enum { AT_ONCE = 32, VERSIONS_MAX = 2000, KEYS_MAX = 5000 };

static const struct json_limits wide = {.bytes = 512 * 1024, .keys = 65536, .string = 1 << 20};

static bool among(const struct alert_versions *versions, size_t count, uint64_t seq)
{
    for (size_t i = 0; i < count; i++)
        if (versions[i].first <= seq && seq <= versions[i].last)
            return true;
    return false;
}

static bool rests_on(struct arena *a, struct span evidence,
                     const struct alert_versions *versions, size_t count)
{
    const struct json *v = json_parse(a, evidence, &wide, NULL, NULL);
    const struct json *lists[] = {json_get(v, "reads"), json_get(v, "also_read")};
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < json_count(lists[i]); k++) {
            const struct json *one = json_item(lists[i], k);
            int64_t seq = 0;
            if (json_int(i ? one : json_get(one, "seq"), &seq) &&
                among(versions, count, (uint64_t)seq))
                return true;
        }
    return false;
}

/* --- which alerts ------------------------------------------------------------------------------------ */

struct fed {
    struct view *view;
    struct arena *a;
    const struct street *street;
    const struct person *person;
    const struct alert_versions *versions;
    size_t count;
    struct json_w *w;
    int left;
    bool more;
};

static void tell_life(struct fed *f, struct arena *own, const char *id)
{
    struct alert al;
    if (!alert_find(f->view, own, span_of(id), &al, NULL) ||
        !access_may(f->person, f->street, ACCESS_ALERT_SEE, &al))
        return;
    f->more = f->left == 0;
    if (f->more)
        return;
    alert_view(f->view, own, f->street, &al, f->w);
    f->left--;
}

/* The lives of this key whose evidence, at any time, was one of the versions. */
static bool tell_key(struct fed *f, struct span entry_key, struct err *e)
{
    struct arena own = {0};
    struct entry entries[AT_ONCE];
    char last[27] = "";
    uint64_t as_of = SEQ_LATEST;
    bool ok = true;
    for (size_t looked = 0; ok && !f->more && looked < VERSIONS_MAX;) {
        size_t n = 0;
        arena_reset(&own);
        ok = version_history(f->view, &own, ENTRY_ALERT, entry_key, as_of, entries, AT_ONCE, &n,
                             e);
        for (size_t i = 0; ok && i < n && !f->more; i++) {
            struct alert_body body;
            struct fold fold;
            if (!alert_body_split(entries[i].body, &own, &body, NULL) || !body.evidence.n ||
                !rests_on(&own, body.evidence, f->versions, f->count) ||
                !alert_body_fold(&entries[i], &body, &own, &fold, NULL) ||
                strcmp(last, fold.al.id) == 0)
                continue;
            memcpy(last, fold.al.id, sizeof last);
            tell_life(f, &own, last);
        }
        looked += n;
        if (n < AT_ONCE || entries[n - 1].seq <= 1)
            break;
        as_of = entries[n - 1].seq - 1;
    }
    arena_free(&own);
    return ok;
}

static int by_key(const void *x, const void *y)
{
    return span_cmp(*(const struct span *)x, *(const struct span *)y);
}

static bool find_keys(struct fed *f, struct span **keys, size_t *n, struct err *e)
{
    *keys = mem_array(NULL, KEYS_MAX, sizeof **keys);
    *n = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct index_scan *s =
            index_scan_open(f->view, ENTRY_ALERT, ALERT_BY_READ, SPAN("*"),
                            (int64_t)f->versions[i].first, (int64_t)f->versions[i].last, false);
        struct span key;
        int64_t seq;
        struct err why = {0};
        while (*n < KEYS_MAX && index_scan_next(s, f->a, &key, &seq, &why)) {
            if (!*n || !span_eq((*keys)[*n - 1], key))
                (*keys)[(*n)++] = arena_span(f->a, key);
        }
        index_scan_close(s);
        if (why.code != ERR_NONE && why.code != ERR_MISSING)
            return err_set(e, why.code, "%s", why.text);
    }
    f->more = *n == KEYS_MAX;
    return true;
}

bool alert_fed(struct view *v, struct arena *a, const struct street *street,
               const struct person *person, const struct alert_versions *versions, size_t count,
               int limit, struct json_w *w, bool *more, struct err *e)
{
    struct fed f = {.view = v,
                    .a = a,
                    .street = street,
                    .person = person,
                    .versions = versions,
                    .count = count,
                    .w = w,
                    .left = limit};
    struct span *keys;
    size_t n;
    bool ok = find_keys(&f, &keys, &n, e), cut = f.more;
    f.more = false;
    if (ok && n)
        qsort(keys, n, sizeof *keys, by_key);
    for (size_t i = 0; ok && i < n && !f.more; i++)
        if (!i || !span_eq(keys[i], keys[i - 1]))
            ok = tell_key(&f, keys[i], e);
    mem_free(keys);
    *more = f.more || cut;
    return ok;
}

/* --- judging again --------------------------------------------------------------------------------------- */

struct gathered {
    struct span scenario;
    struct arena *a;
    struct span *keys;
    size_t n, cap;
};

static void gather(struct gathered *g, struct span entry_key)
{
    struct span parts[2] = {SPAN_NONE, SPAN_NONE};
    if (key_split(entry_key, parts, 2) != 2 || !span_eq(parts[0], g->scenario))
        return;
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 64;
        g->keys = mem_array(g->keys, g->cap, sizeof *g->keys);
    }
    g->keys[g->n++] = arena_span(g->a, entry_key);
}

static bool gather_row(void *ctx, const struct board_row *row)
{
    gather(ctx, row->entry_key);
    return true;
}

/* What has moved since may have been open then. */
static bool gather_since(struct view *v, uint64_t as_of, struct gathered *g, struct err *e)
{
    struct arena own = {0};
    bool ok = true, going = true;
    uint64_t seqs[AT_ONCE];
    for (uint64_t end = stream_head(v, SPAN("alerts")); ok && going && end > 0;) {
        uint64_t from = end > AT_ONCE ? end - AT_ONCE + 1 : 1;
        size_t n = stream_read(v, SPAN("alerts"), from, seqs, (size_t)(end - from + 1));
        arena_reset(&own);
        for (size_t i = n; ok && going && i-- > 0;) {
            struct entry entry;
            going = seqs[i] > as_of;
            ok = !going || journal_get(v, &own, seqs[i], &entry, e);
            if (ok && going)
                gather(g, entry.key);
        }
        end = from - 1;
    }
    arena_free(&own);
    return ok;
}

bool alert_open_each(struct view *v, struct span scenario, uint64_t as_of,
                     bool (*fn)(void *ctx, const struct alert *al), void *ctx, struct err *e)
{
    struct arena keep = {0}, own = {0};
    struct gathered g = {.scenario = scenario, .a = &keep};
    board_each(v, INT64_MAX, SPAN_NONE, gather_row, &g);
    bool ok = gather_since(v, as_of, &g, e), going = true;
    if (ok && g.n)
        qsort(g.keys, g.n, sizeof *g.keys, by_key);
    for (size_t i = 0; ok && going && i < g.n; i++) {
        struct fold f;
        struct step *later;
        size_t later_count;
        if (i && span_eq(g.keys[i], g.keys[i - 1]))
            continue;
        arena_reset(&own);
        ok = alert_load_at(v, &own, g.keys[i], as_of, &f, &later, &later_count, e);
        if (ok && f.exists && alert_is_open(&f.al))
            going = fn(ctx, &f.al);
    }
    mem_free(g.keys);
    arena_free(&own);
    arena_free(&keep);
    return ok;
}

bool alert_evidence(struct view *v, struct arena *a, const struct alert *al, struct span *out,
                    struct err *e)
{
    struct entry entry;
    struct alert_body body;
    *out = SPAN_NONE;
    if (!al->evidence_seq)
        return true;
    if (!journal_get(v, a, al->evidence_seq, &entry, e))
        return e->code == ERR_MISSING;
    if (entry.type == ENTRY_ALERT && alert_body_split(entry.body, a, &body, NULL))
        *out = body.evidence;
    return true;
}

bool alert_triggers(struct view *v, struct arena *a, const struct alert *al, uint64_t as_of,
                    uint64_t *causes, size_t max, size_t *count, struct err *e)
{
    struct span key = key_of2(a, al->scenario, al->key, e);
    struct entry entries[AT_ONCE];
    uint64_t upto = SEQ_LATEST;
    *count = 0;
    for (;;) {
        size_t n = 0;
        if (!key.n || !version_history(v, a, ENTRY_ALERT, key, upto, entries, AT_ONCE, &n, e))
            return false;
        for (size_t i = 0; i < n; i++) {
            struct alert_body body;
            struct fold f;
            struct step s;
            if (!alert_body_split(entries[i].body, a, &body, NULL) ||
                !alert_body_fold(&entries[i], &body, a, &f, NULL) ||
                !alert_body_step(&entries[i], &body, a, &s, NULL))
                continue;
            if (f.exists && strcmp(f.al.id, al->id) != 0)
                return true;
            if (s.kind == STEP_TRIGGER && s.effective <= as_of && *count < max)
                causes[(*count)++] = s.effective;
        }
        if (*count == max || n < AT_ONCE || entries[n - 1].seq <= 1)
            return true;
        upto = entries[n - 1].seq - 1;
    }
}
