#include "domain/alert_replay.h"

#include <stdlib.h>
#include <string.h>

#include "domain/alert_impl.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/scenario.h"
#include "store/version.h"
#include "store/view.h"
#include "util/id.h"
#include "util/json.h"
#include "util/mem.h"

/* The id of a life that nobody outside sees: it only has to differ from life to life. */
static void name_life(struct arena *a, struct step *s, struct span entry_key)
{
    id_from_seed(s->id, s->effective, arena_span(a, entry_key));
}

static bool put(struct txn *t, struct span key, uint64_t cause, const struct step *s,
                const struct alert_told *told, const struct fold *f, struct err *e)
{
    struct buf body = {0};
    alert_body_put(&body, s, told, f, SPAN_NONE);
    struct entry_new entry = {.type = ENTRY_ALERT,
                              .op = ENTRY_PUT,
                              .cause = cause,
                              .key = key,
                              .body = buf_view(&body)};
    bool ok = txn_append(t, &entry, e) != 0;
    buf_free(&body);
    return ok;
}

/* Everything comes in order here, so no step ever goes before another. */
static bool fold_in(struct txn *t, struct arena *a, struct span key, struct fold *f,
                    struct step *s, uint64_t cause, struct err *e)
{
    struct span parts[2] = {SPAN_NONE, SPAN_NONE};
    key_split(key, parts, 2);
    f->al.scenario = parts[0];
    f->al.key = parts[1];
    txn_next(t, &s->seq, NULL, NULL);
    struct alert_told told = {.existed = f->exists, .from = f->al.state};
    told.result = fold_step(a, f, s);
    if (told.result == RESULT_NOTHING)
        return true;
    told.to = f->al.state;
    told.level = f->al.level;
    f->al.seq = s->seq;
    return put(t, key, cause, s, &told, f, e);
}

/* --- in ------------------------------------------------------------------------------------ */

bool alert_import_late(struct txn *t, struct view *from, struct span entry_key, uint64_t first,
                       struct err *e)
{
    struct arena a = {0};
    struct fold f;
    struct step *later, s = {.kind = STEP_ACT, .action = SPAN("import")};
    size_t n;
    bool ok = alert_load_at(from, &a, entry_key, first - 1, &f, &later, &n, e);
    if (ok && f.exists) {
        struct alert_told told = {.result = RESULT_ACT, .to = f.al.state, .level = f.al.level};
        txn_next(t, &s.seq, NULL, NULL);
        s.effective = f.effective;
        memcpy(s.id, f.al.id, sizeof s.id);
        f.al.seq = s.seq;
        ok = put(t, entry_key, 0, &s, &told, &f, e);
    }
    arena_free(&a);
    return ok;
}

/* --- effects and acts ------------------------------------------------------------------------ */

bool alert_replay(struct txn *t, const struct street *street, const struct scenario *scenario,
                  const struct json *effect, int64_t at, struct err *e)
{
    struct arena a = {0};
    struct fold f;
    struct life life;
    int64_t cause = 0;
    json_int(json_get(effect, "cause"), &cause);
    struct span key = key_of2(&a, scenario->id, json_string(json_get(effect, "key")), e);
    struct step s = {.effective = (uint64_t)cause, .at = at};
    bool ok = key.n > 0 &&
              alert_effect_read(t, &a, street, scenario, effect, key, &s, &life, e) &&
              alert_load(txn_view(t), &a, key, &f, e);
    if (ok && s.kind == STEP_TRIGGER)
        name_life(&a, &s, key);
    ok = ok && fold_in(t, &a, key, &f, &s, (uint64_t)cause, e);
    arena_free(&a);
    return ok;
}

/* Was the life raised at that moment one of the key's earlier ones? */
static bool had_life(struct view *v, struct arena *a, struct span key, const struct fold *now,
                     int64_t raised_at, bool *had, struct err *e)
{
    uint64_t prior = now->prior;
    *had = false;
    while (prior && !*had) {
        struct entry entry;
        struct alert_body body;
        struct fold f;
        struct err why = {0};
        if (!journal_get(v, a, prior, &entry, &why))
            return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
        if (entry.type != ENTRY_ALERT || !span_eq(entry.key, key))
            return true; /* one that was imported: its earlier lives stayed behind */
        if (!alert_body_split(entry.body, a, &body, e) ||
            !alert_body_fold(&entry, &body, a, &f, e))
            return false;
        *had = f.al.raised_at == raised_at;
        prior = f.prior;
    }
    return true;
}

static bool act_on(struct txn *t, struct arena *a, const struct entry *act, struct step *s,
                   const struct fold *was, enum alert_replayed *how, struct err *e)
{
    struct fold f;
    bool gone = false;
    if (!alert_load(txn_view(t), a, act->key, &f, e))
        return false;
    *how = REPLAYED_NOWHERE;
    if (!f.exists)
        return true;
    bool same = f.al.raised_at == was->al.raised_at;
    if (!same && !had_life(txn_view(t), a, act->key, &f, was->al.raised_at, &gone, e))
        return false;
    *how = gone ? REPLAYED_NOTHING : same ? REPLAYED_SAME : REPLAYED_OTHER;
    memcpy(s->id, f.al.id, sizeof s->id);
    return gone || fold_in(t, a, act->key, &f, s, 0, e);
}

bool alert_replay_act(struct txn *t, const struct entry *act, enum alert_replayed *how,
                      struct err *e)
{
    struct arena a = {0};
    struct alert_body body;
    struct step s;
    struct fold was;
    *how = REPLAYED_NOTHING;
    bool ok =
        alert_body_split(act->body, &a, &body, e) && alert_body_step(act, &body, &a, &s, e);
    if (ok && s.kind == STEP_ACT)
        ok = alert_body_fold(act, &body, &a, &was, e) &&
             (strcmp(was.al.id, s.id) != 0 || act_on(t, &a, act, &s, &was, how, e));
    arena_free(&a);
    return ok;
}

/* --- what happened ------------------------------------------------------------------------------ */

struct alert_history {
    struct view *view;
    struct arena own;
    struct version_scan *keys;
    uint64_t first, last;
};

struct alert_history *alert_history_open(struct view *v, struct span scenario, uint64_t first,
                                         uint64_t last)
{
    struct alert_history *h = mem_alloc(sizeof *h);
    h->view = v;
    h->first = first;
    h->last = last;
    struct span prefix = key_of1(&h->own, scenario, NULL);
    h->keys = version_scan_open(v, ENTRY_ALERT, prefix, SPAN_NONE, false, SEQ_LATEST);
    return h;
}

void alert_history_close(struct alert_history *h)
{
    version_scan_close(h->keys);
    arena_free(&h->own);
    mem_free(h);
}

/* One event on the way back, as told when it was put in its place. What a script did has been told for good:
 * its steps come in rising order, so none is ever put in before one of them; only people's acts stand behind. */
struct back {
    struct alert_turn *turns; /* newest first */
    size_t n, cap;
    enum alert_level level; /* highest since the turn that is still to be found */
    bool risen;             /* … and a rise was among it */
    struct alert_turn rise;
    bool taken_back; /* the turn that is still to be found was retracted */
};

static bool take_words(const struct entry *entry, const struct alert_body *body,
                       struct arena *a, const struct step *s, struct alert_turn *x,
                       struct err *e)
{
    struct fold f;
    if (!alert_body_fold(entry, body, a, &f, e))
        return false;
    *x = (struct alert_turn){.level = s->level,
                             .cause = s->effective,
                             .at = s->at,
                             .version = s->version_number,
                             .kind = s->alert_kind,
                             .office = s->office,
                             .title = s->title,
                             .about_type = s->about_type,
                             .about_id = s->about_id,
                             .communities = s->communities,
                             .community_count = s->community_count};
    memcpy(x->id, f.al.id, sizeof x->id);
    return true;
}

static void add_turn(struct back *b, struct arena *a, const struct alert_turn *x)
{
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 4;
        struct alert_turn *more = arena_alloc(a, b->cap * sizeof *more);
        if (b->n)
            memcpy(more, b->turns, b->n * sizeof *more);
        b->turns = more;
    }
    b->turns[b->n++] = *x;
}

/* How the event is called in its body: step_result_name. */
static bool is(const struct step *s, enum step_result r)
{
    return span_eq(s->what, span_of(step_result_name(r)));
}

static bool step_back(struct back *b, struct arena *a, const struct entry *entry,
                      const struct alert_body *body, const struct step *s, uint64_t *retracted,
                      struct err *e)
{
    struct alert_turn x;
    if (s->kind == STEP_RETRACT) {
        struct fold f;
        if (!alert_body_fold(entry, body, a, &f, e))
            return false;
        b->taken_back = !alert_is_open(&f.al) && !f.al.touched;
        return true;
    }
    if (s->kind != STEP_TRIGGER || is(s, RESULT_AGAIN))
        return true;
    if (!take_words(entry, body, a, s, &x, e))
        return false;
    if (is(s, RESULT_LEVEL)) {
        if (!b->risen || s->level > b->level)
            b->level = s->level;
        b->risen = true;
        b->rise = x;
        return true;
    }
    x.reopened = is(s, RESULT_REOPEN);
    if (b->risen && b->level > x.level)
        x.level = b->level;
    b->risen = false;
    if (b->taken_back)
        ++*retracted;
    else
        add_turn(b, a, &x);
    b->taken_back = false;
    return true;
}

static bool look_back(struct alert_history *h, struct arena *a, struct span key, struct back *b,
                      uint64_t *retracted, struct err *e)
{
    enum { AT_ONCE = 32 };
    struct entry entries[AT_ONCE];
    struct arena own = {0}; /* a long row of repeats leaves nothing behind */
    uint64_t as_of = SEQ_LATEST;
    bool ok = true, done = false;
    while (ok && !done) {
        size_t n = 0;
        arena_reset(&own);
        ok = version_history(h->view, &own, ENTRY_ALERT, key, as_of, entries, AT_ONCE, &n, e);
        for (size_t i = 0; ok && !done && i < n; i++) {
            struct alert_body body;
            struct step s;
            ok = alert_body_split(entries[i].body, &own, &body, e) &&
                 alert_body_step(&entries[i], &body, &own, &s, e);
            if (!ok || s.effective > h->last)
                continue;
            done = s.effective < h->first; /* nothing a script did stands behind it */
            if (done || s.kind == STEP_ACT)
                continue;
            if (s.kind == STEP_TRIGGER && !is(&s, RESULT_AGAIN)) { /* its words are to stay */
                struct entry kept = entries[i];
                kept.body = arena_span(a, kept.body);
                ok = alert_body_split(kept.body, a, &body, e) &&
                     alert_body_step(&kept, &body, a, &s, e) &&
                     step_back(b, a, &kept, &body, &s, retracted, e);
            } else {
                ok = step_back(b, &own, &entries[i], &body, &s, retracted, e);
            }
        }
        done = done || n < AT_ONCE || entries[n - 1].seq <= 1;
        as_of = n ? entries[n - 1].seq - 1 : 0;
    }
    arena_free(&own);
    return ok;
}

bool alert_history_next(struct alert_history *h, struct arena *a, struct span *key,
                        struct alert_turn **turns, size_t *count, uint64_t *retracted,
                        struct err *e)
{
    struct entry entry;
    while (version_scan_next(h->keys, a, &entry, e)) {
        struct back b = {.n = 0};
        if (!look_back(h, a, entry.key, &b, retracted, e))
            return false;
        if (b.risen && !b.taken_back) {
            b.rise.level = b.level;
            b.rise.carried = true;
            add_turn(&b, a, &b.rise);
        }
        if (!b.n)
            continue;
        for (size_t i = 0; i < b.n / 2; i++) {
            struct alert_turn x = b.turns[i];
            b.turns[i] = b.turns[b.n - 1 - i];
            b.turns[b.n - 1 - i] = x;
        }
        struct span parts[2] = {SPAN_NONE, SPAN_NONE};
        key_split(entry.key, parts, 2);
        *key = parts[1];
        *turns = b.turns;
        *count = b.n;
        return true;
    }
    return false;
}
