/* How the alerts of the two sides differ, key by key, and the result as JSON. */
#include <stdlib.h>
#include <string.h>

#include "domain/alert_replay.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/street.h"
#include "engine/backtest_impl.h"
#include "engine/case_impl.h"
#include "engine/instance.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"
#include "util/mem.h"

enum {
    MOVED_DAYS = 31, /* further apart, one is lost and another gained */
    GROUPS_MAX = 4000,
    VERSIONS_MAX = 200,
};

enum kind { SAME, GAINED, LOST, MOVED };
static const char *const kind_names[] = {"same", "gained", "lost", "moved"};

struct group {
    struct span id;
    uint64_t n[MOVED + 1];
};
struct groups { /* few: offices, communities, weeks */
    struct group *items;
    size_t count, cap;
};
struct version { /* in force on the live side from `from` on */
    uint64_t from;
    int64_t number, at;
    struct span kind;
};
struct side {
    struct alert_history *history;
    struct arena arena; /* of its key in hand */
    struct span key;
    struct alert_turn *turns;
    size_t count;
    bool *paired;
    bool there;
    uint64_t retracted, all;
};
struct diff {
    struct backtest *b;
    struct view *own;
    struct arena arena;
    struct side live, draft;
    struct groups offices, communities, weeks;
    uint64_t n[MOVED + 1];
    struct buf examples[MOVED + 1]; /* JSON objects, joined by ',' */
    struct version *versions;
    size_t version_count;
};

/* --- counting --------------------------------------------------------------------------------------------- */

static void count(struct diff *d, struct groups *g, struct span id, enum kind kind)
{
    for (size_t i = 0; i < g->count; i++) {
        if (span_eq(g->items[i].id, id)) {
            g->items[i].n[kind]++;
            return;
        }
    }
    if (g->count == GROUPS_MAX)
        return;
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 16;
        g->items = mem_array(g->items, g->cap, sizeof *g->items);
    }
    struct group *x = &g->items[g->count++];
    *x = (struct group){.id = arena_span(&d->arena, id)};
    x->n[kind]++;
}

static void count_all(struct diff *d, const struct alert_turn *x, enum kind kind)
{
    char text[16];
    struct buf week = {text, 0, sizeof text};
    calendar_put_week(&week, calendar_day_of(x->at));
    d->n[kind]++;
    count(d, &d->weeks, buf_view(&week), kind);
    count(d, &d->offices, x->office, kind);
    for (size_t i = 0; i < x->community_count; i++)
        count(d, &d->communities, x->communities[i], kind);
    if (!x->community_count)
        count(d, &d->communities, SPAN(""), kind);
}

/* --- what it may hang on (design.md, rules of order 9) ------------------------------------------------------- */

static bool read_versions(struct diff *d, struct err *e)
{
    struct entry list[VERSIONS_MAX];
    size_t n = 0;
    struct span key = key_of1(&d->arena, d->b->request->id, e);
    if (d->b->is_new)
        return true;
    if (!key.n || !version_history(d->b->view, &d->arena, ENTRY_VERSION, key, SEQ_LATEST, list,
                                   VERSIONS_MAX, &n, e))
        return false;
    d->versions = arena_alloc(&d->arena, (n + 1) * sizeof *d->versions);
    for (size_t i = n; i-- > 0;) {
        const struct json *body = json_parse(&d->arena, list[i].body, &case_wide, NULL, NULL);
        int64_t from = 0;
        struct version *x = &d->versions[d->version_count++];
        json_int(json_get(body, "from_seq"), &from);
        json_int(json_get(body, "number"), &x->number);
        x->from = (uint64_t)from;
        x->at = list[i].at;
        x->kind = json_string(json_get(body, "kind"));
    }
    return true;
}

static const struct version *in_force(const struct diff *d, uint64_t seq)
{
    const struct version *x = NULL;
    for (size_t i = 0; i < d->version_count; i++)
        if (d->versions[i].from <= seq)
            x = &d->versions[i];
    return x;
}

static bool is_old(const struct diff *d, uint64_t seq)
{
    const struct version *x = in_force(d, seq);
    return x && x->number != d->b->live.number;
}

static void put_marks(struct diff *d, struct json_w *w, struct span key, uint64_t seq)
{
    struct arena a = {0};
    struct span value, full = key_of2(&a, d->b->request->id, key, NULL);
    const struct version *x = in_force(d, seq);
    json_w_name(w, "hangs_on");
    json_w_array(w);
    if (!x)
        json_w_str(w, "not_live_yet");
    else if (is_old(d, seq))
        json_w_str(w, "version");
    if (table_get(d->own, &a, BACKTEST_PEOPLE, full, &value))
        json_w_str(w, "people");
    json_w_array_end(w);
    if (x)
        json_w_kint(w, "version_in_force", x->number);
    arena_free(&a);
}

/* --- one difference ------------------------------------------------------------------------------------------ */

static void put_time(struct json_w *w, const char *name, int64_t us)
{
    char text[64];
    struct buf b = {text, 0, sizeof text};
    calendar_put_datetime(&b, us);
    json_w_kspan(w, name, buf_view(&b));
}

static void put_turn(struct json_w *w, const struct alert_turn *x, bool is_live)
{
    if (is_live)
        json_w_kstr(w, "id", x->id);
    json_w_kint(w, "seq", (int64_t)x->cause);
    put_time(w, "at", x->at);
    json_w_kstr(w, "level", alert_level_name(x->level));
    if (is_live)
        json_w_kint(w, "version", x->version);
    if (x->carried)
        json_w_kbool(w, "carried", true);
    if (x->reopened)
        json_w_kbool(w, "reopened", true);
}

static void put_words(struct json_w *w, const struct alert_turn *x)
{
    json_w_kspan(w, "kind", x->kind);
    json_w_kspan(w, "office", x->office);
    json_w_name(w, "communities");
    json_w_array(w);
    for (size_t i = 0; i < x->community_count; i++)
        json_w_span(w, x->communities[i]);
    json_w_array_end(w);
    json_w_kspan(w, "title", x->title);
    if (x->about_type.n) {
        json_w_name(w, "about");
        json_w_object(w);
        json_w_kspan(w, "type", x->about_type);
        json_w_kspan(w, "id", x->about_id);
        json_w_object_end(w);
    }
}

/* `live` or `draft` may be NULL. */
static void tell(struct diff *d, struct span key, const struct alert_turn *live,
                 const struct alert_turn *draft, enum kind kind)
{
    const struct alert_turn *x = draft ? draft : live;
    count_all(d, x, kind);
    if (kind == SAME || d->n[kind] > (uint64_t)d->b->request->examples)
        return;
    struct buf *out = &d->examples[kind];
    if (out->n)
        buf_char(out, ',');
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kspan(&w, "key", key);
    put_words(&w, x);
    if (kind == MOVED) {
        json_w_name(&w, "live");
        json_w_object(&w);
        put_turn(&w, live, true);
        json_w_object_end(&w);
        json_w_name(&w, "draft");
        json_w_object(&w);
        put_turn(&w, draft, false);
        json_w_object_end(&w);
    } else {
        put_turn(&w, x, kind == LOST);
    }
    put_marks(d, &w, key, x->cause);
    json_w_object_end(&w);
    json_w_end(&w);
}

/* --- one key --------------------------------------------------------------------------------------------------- */

static void pair(struct diff *d, struct alert_turn *live, struct alert_turn *draft)
{
    bool same = live->cause == draft->cause && live->level == draft->level;
    tell(d, d->live.key, live, draft, same ? SAME : MOVED);
}

static bool is_near(const struct alert_turn *x, const struct alert_turn *y)
{
    int64_t apart = x->at > y->at ? x->at - y->at : y->at - x->at;
    return apart <= MOVED_DAYS * CALENDAR_DAY_US;
}

/* Those of the same entry belong together; of the rest the next ones in time. */
static void pair_all(struct diff *d, bool by_cause)
{
    struct side *l = &d->live, *r = &d->draft;
    for (size_t i = 0; i < l->count; i++) {
        for (size_t k = 0; k < r->count && !l->paired[i]; k++) {
            if (r->paired[k] || (by_cause ? l->turns[i].cause != r->turns[k].cause
                                          : !is_near(&l->turns[i], &r->turns[k])))
                continue;
            l->paired[i] = r->paired[k] = true;
            pair(d, &l->turns[i], &r->turns[k]);
        }
    }
}

static void tell_rest(struct diff *d, struct side *s, enum kind kind)
{
    for (size_t i = 0; s->there && i < s->count; i++)
        if (!s->paired[i])
            tell(d, s->key, kind == LOST ? &s->turns[i] : NULL,
                 kind == GAINED ? &s->turns[i] : NULL, kind);
}

static bool next(struct side *s, struct err *e)
{
    struct err why = {0};
    arena_reset(&s->arena);
    s->there = alert_history_next(s->history, &s->arena, &s->key, &s->turns, &s->count,
                                  &s->retracted, &why);
    if (s->there) {
        s->paired = arena_alloc(&s->arena, s->count);
        s->all += s->count;
    }
    return why.code == ERR_NONE || why.code == ERR_MISSING ||
           err_set(e, why.code, "%s", why.text);
}

static bool compare(struct diff *d, struct err *e)
{
    struct side *l = &d->live, *r = &d->draft;
    bool ok = next(l, e) && next(r, e);
    for (int turns = 0; ok && (l->there || r->there); turns++) {
        int order = !l->there ? 1 : !r->there ? -1 : span_cmp(l->key, r->key);
        if (order == 0) {
            pair_all(d, true);
            pair_all(d, false);
        }
        if (order <= 0)
            tell_rest(d, l, LOST);
        if (order >= 0)
            tell_rest(d, r, GAINED);
        ok = (order > 0 || next(l, e)) && (order < 0 || next(r, e));
        if (turns % 256 == 255 && ok)
            ok = view_renew(d->b->view, e);
    }
    return ok;
}

/* --- the result ------------------------------------------------------------------------------------------------ */

static int by_id(const void *x, const void *y)
{
    return span_cmp(((const struct group *)x)->id, ((const struct group *)y)->id);
}

static void put_groups(struct json_w *w, const char *name, const char *id, struct groups *g,
                       const char *(*label)(const struct street *, struct span, const char *),
                       const struct street *street)
{
    if (g->count)
        qsort(g->items, g->count, sizeof *g->items, by_id);
    json_w_name(w, name);
    json_w_array(w);
    for (size_t i = 0; i < g->count; i++) {
        json_w_object(w);
        json_w_kspan(w, id, g->items[i].id);
        if (label)
            json_w_kstr(w, "name", label(street, g->items[i].id, ""));
        for (int k = SAME; k <= MOVED; k++)
            json_w_kint(w, kind_names[k], (int64_t)g->items[i].n[k]);
        json_w_object_end(w);
    }
    json_w_array_end(w);
}

static void put_head(struct diff *d, struct json_w *w)
{
    const struct backtest *b = d->b;
    json_w_kspan(w, "scenario", b->request->id);
    json_w_kspan(w, "title", b->in->scenario.title);
    json_w_kbool(w, "draft", b->is_draft);
    json_w_kstr(w, "against", "live");
    json_w_name(w, "reads");
    if (json_get(b->in->scenario.manifest, "reads"))
        json_w_value(w, json_get(b->in->scenario.manifest, "reads"));
    else
        json_w_null(w);
    put_time(w, "from", b->request->from);
    put_time(w, "to", b->request->until);
    bool any = b->last >= b->first;
    json_w_kint(w, "first_seq", any ? (int64_t)b->first : 0);
    json_w_kint(w, "last_seq", any ? (int64_t)b->last : 0);
    json_w_kint(w, "entries", (int64_t)(b->last + 1 - b->first));
    json_w_kint(w, "judged", (int64_t)b->judged);
    json_w_kint(w, "runs", (int64_t)b->runs);
    json_w_kint(w, "unknown", (int64_t)b->unknown);
    json_w_kbool(w, "complete", b->fault_count < BACKTEST_FAULTS_MAX);
}

static void put_totals(struct diff *d, struct json_w *w)
{
    json_w_name(w, "totals");
    json_w_object(w);
    json_w_kint(w, "live", (int64_t)d->live.all);
    json_w_kint(w, "draft", (int64_t)d->draft.all);
    for (int k = SAME; k <= MOVED; k++)
        json_w_kint(w, kind_names[k], (int64_t)d->n[k]);
    json_w_kint(w, "live_retracted", (int64_t)d->live.retracted);
    json_w_kint(w, "draft_retracted", (int64_t)d->draft.retracted);
    json_w_object_end(w);
}

static void put_examples(struct diff *d, struct json_w *w)
{
    for (int k = GAINED; k <= MOVED; k++) {
        json_w_name(w, kind_names[k]);
        struct buf list = {0};
        buf_char(&list, '[');
        buf_span(&list, buf_view(&d->examples[k]));
        buf_char(&list, ']');
        json_w_raw(w, buf_view(&list));
        buf_free(&list);
    }
}

static void put_faults(struct diff *d, struct json_w *w)
{
    json_w_name(w, "faults");
    json_w_array(w);
    for (size_t i = 0; i < d->b->fault_count; i++) {
        const struct evaluate_fault *f = &d->b->faults[i];
        json_w_object(w);
        json_w_kint(w, "seq", (int64_t)f->seq);
        json_w_kstr(w, "type", f->type);
        json_w_kstr(w, "key", f->key);
        json_w_kint(w, "line", f->line);
        json_w_kstr(w, "message", f->message);
        json_w_object_end(w);
    }
    json_w_array_end(w);
}

static void put_conditions(struct diff *d, struct json_w *w)
{
    const struct backtest *b = d->b;
    json_w_name(w, "acts");
    json_w_object(w);
    json_w_kint(w, "same", (int64_t)b->acts_same);
    json_w_kint(w, "other", (int64_t)b->acts_other);
    json_w_kint(w, "nowhere", (int64_t)b->acts_nowhere);
    json_w_object_end(w);
    json_w_name(w, "versions"); /* in force on the live side in the period */
    json_w_array(w);
    for (size_t i = 0; i < d->version_count; i++) {
        const struct version *x = &d->versions[i];
        bool followed = i + 1 < d->version_count && d->versions[i + 1].from <= b->first;
        if (followed || x->from > b->last)
            continue;
        json_w_object(w);
        json_w_kint(w, "number", x->number);
        json_w_kint(w, "from_seq", (int64_t)x->from);
        put_time(w, "at", x->at);
        json_w_kspan(w, "kind", x->kind);
        json_w_object_end(w);
    }
    json_w_array_end(w);
}

static void put(struct diff *d, struct buf *json)
{
    const struct street *street = d->b->street;
    struct json_w w = json_w_begin(json);
    json_w_object(&w);
    put_head(d, &w);
    put_totals(d, &w);
    put_groups(&w, "offices", "id", &d->offices, street_office_name, street);
    put_groups(&w, "communities", "id", &d->communities, street_community_name, street);
    put_groups(&w, "weeks", "week", &d->weeks, NULL, NULL);
    put_examples(d, &w);
    put_faults(d, &w);
    put_conditions(d, &w);
    json_w_object_end(&w);
    json_w_end(&w);
}

static void side_close(struct side *s)
{
    if (s->history)
        alert_history_close(s->history);
    arena_free(&s->arena);
}

bool backtest_result(struct backtest *b, struct view *own, struct buf *json, struct err *e)
{
    struct diff d = {.b = b, .own = own};
    struct span id = b->request->id;
    d.live.history = alert_history_open(b->view, id, b->first, b->last);
    /* what time brought behind the last entry carries its seq; before the first, that of the one before */
    d.draft.history = alert_history_open(own, id, b->first, b->last);
    bool ok = read_versions(&d, e) && compare(&d, e);
    if (ok)
        put(&d, json);
    side_close(&d.live);
    side_close(&d.draft);
    for (int k = 0; k <= MOVED; k++)
        buf_free(&d.examples[k]);
    mem_free(d.offices.items);
    mem_free(d.communities.items);
    mem_free(d.weeks.items);
    arena_free(&d.arena);
    return ok;
}
