/* Reading alerts: what is stored, as of a place in effective order, by id, and all of a
 * scenario. */
#include "domain/alert_impl.h"

#include <stdlib.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "store/version.h"
#include "util/mem.h"

static bool read_fold(const struct entry *entry, struct arena *a, struct fold *out,
                      struct err *e)
{
    struct alert_body body;
    return alert_body_split(entry->body, a, &body, e) &&
           alert_body_fold(entry, &body, a, out, e);
}

bool alert_load(struct view *v, struct arena *a, struct span entry_key, struct fold *out,
                struct err *e)
{
    struct entry entry;
    struct err why = {0};
    *out = (struct fold){0};
    if (version_get(v, a, ENTRY_ALERT, entry_key, SEQ_LATEST, &entry, &why))
        return read_fold(&entry, a, out, e);
    return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
}

/* --- as of a place in effective order --------------------------------------------------- */

struct gathered {
    struct step *steps;
    size_t n, cap;
    uint64_t lowest; /* smallest effective of what was asked for and gathered */
};

static void gather(struct gathered *g, const struct step *s)
{
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 16;
        g->steps = mem_array(g->steps, g->cap, sizeof *g->steps);
    }
    g->steps[g->n++] = *s;
    if (s->effective < g->lowest)
        g->lowest = s->effective;
}

static int by_effect(const void *x, const void *y)
{
    const struct step *a = x, *b = y;
    if (a->effective != b->effective)
        return a->effective < b->effective ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* Walk back until a state that holds nothing behind what was gathered; that one is `base`. */
static bool walk_back(struct view *v, struct arena *a, struct span entry_key,
                      struct gathered *g, struct fold *base, struct err *e)
{
    enum { AT_ONCE = 32 };
    struct entry entries[AT_ONCE];
    for (uint64_t as_of = SEQ_LATEST;;) {
        size_t n;
        if (!version_history(v, a, ENTRY_ALERT, entry_key, as_of, entries, AT_ONCE, &n, e))
            return false;
        for (size_t i = 0; i < n; i++) {
            struct alert_body body;
            struct step s;
            if (!alert_body_split(entries[i].body, a, &body, e) ||
                !alert_body_fold(&entries[i], &body, a, base, e))
                return false;
            if (base->effective <= g->lowest)
                return true;
            if (!alert_body_step(&entries[i], &body, a, &s, e))
                return false;
            gather(g, &s);
        }
        if (n < AT_ONCE || entries[n - 1].seq <= 1)
            break;
        as_of = entries[n - 1].seq - 1;
    }
    struct fold first = {0}; /* nothing lies before */
    first.al.scenario = base->al.scenario;
    first.al.key = base->al.key;
    *base = first;
    return true;
}

bool alert_load_at(struct view *v, struct arena *a, struct span entry_key, uint64_t effective,
                   struct fold *out, struct step **later, size_t *later_count, struct err *e)
{
    *later = NULL;
    *later_count = 0;
    if (!alert_load(v, a, entry_key, out, e))
        return false;
    if (!out->exists || out->effective <= effective)
        return true;
    struct gathered g = {.lowest = effective};
    bool ok = walk_back(v, a, entry_key, &g, out, e);
    if (ok && g.n) {
        qsort(g.steps, g.n, sizeof *g.steps, by_effect);
        size_t i = 0;
        while (i < g.n && g.steps[i].effective <= effective)
            fold_step(a, out, &g.steps[i++]);
        *later_count = g.n - i;
        *later = arena_copy(a, g.steps + i, (g.n - i) * sizeof *g.steps);
    }
    mem_free(g.steps);
    return ok;
}

bool alert_get(struct view *v, struct arena *a, struct span scenario, struct span key,
               uint64_t as_of, struct alert *out, struct err *e)
{
    struct span entry_key = key_of2(a, scenario, key, e);
    struct fold f;
    struct step *later;
    size_t n;
    if (!entry_key.n || !alert_load_at(v, a, entry_key, as_of, &f, &later, &n, e))
        return false;
    if (!f.exists)
        return err_set(e, ERR_MISSING, "没有这条告警");
    *out = f.al;
    return true;
}

/* --- by id ------------------------------------------------------------------------------ */

static bool is_life(const struct fold *f, struct span id)
{
    return f->exists && span_eq(span_of(f->al.id), id);
}

bool alert_load_id(struct view *v, struct arena *a, struct span id, struct fold *out,
                   bool *is_latest, struct err *e)
{
    struct span key = SPAN_NONE;
    int64_t time;
    struct err why = {0};
    struct index_scan *s = id.n == 26 ? index_scan_open(v, ENTRY_ALERT, ALERT_BY_ID, id,
                                                        INT64_MIN, INT64_MAX, true)
                                      : NULL;
    bool found = s && index_scan_next(s, a, &key, &time, &why);
    index_scan_close(s);
    if (!found)
        return why.code ? err_set(e, why.code, "%s", why.text)
                        : err_set(e, ERR_MISSING, "没有这条告警");
    if (!alert_load(v, a, key, out, e))
        return false;
    *is_latest = is_life(out, id);
    while (out->exists && !is_life(out, id) && out->prior) {
        struct entry entry;
        if (!journal_get(v, a, out->prior, &entry, e) || !read_fold(&entry, a, out, e))
            return false;
    }
    return is_life(out, id) || err_set(e, ERR_MISSING, "没有这条告警");
}

bool alert_find(struct view *v, struct arena *a, struct span id, struct alert *out,
                struct err *e)
{
    struct fold f;
    bool is_latest;
    if (!alert_load_id(v, a, id, &f, &is_latest, e))
        return false;
    *out = f.al;
    return true;
}

/* --- all of a scenario ------------------------------------------------------------------ */

struct alert_scan {
    struct view *view;
    struct arena own; /* of the prefix */
    struct version_scan *versions;
    uint64_t as_of;
};

struct alert_scan *alert_scan_open(struct view *v, struct span scenario, uint64_t as_of)
{
    struct alert_scan *s = mem_alloc(sizeof *s);
    s->view = v;
    s->as_of = as_of;
    struct span prefix = key_of1(&s->own, scenario, NULL);
    if (prefix.n)
        s->versions = version_scan_open(v, ENTRY_ALERT, prefix, SPAN_NONE, false, SEQ_LATEST);
    return s;
}

bool alert_scan_next(struct alert_scan *s, struct arena *a, struct alert *out, struct err *e)
{
    struct entry entry;
    while (s->versions && version_scan_next(s->versions, a, &entry, e)) {
        struct fold f;
        struct step *later;
        size_t n;
        if (!read_fold(&entry, a, &f, e))
            return false;
        if (f.effective > s->as_of &&
            !alert_load_at(s->view, a, entry.key, s->as_of, &f, &later, &n, e))
            return false;
        if (!f.exists)
            continue;
        *out = f.al;
        return true;
    }
    return false;
}

void alert_scan_close(struct alert_scan *s)
{
    if (!s)
        return;
    version_scan_close(s->versions);
    arena_free(&s->own);
    mem_free(s);
}
