/*
 * Lists of alerts. Open ones come from the board (alert_board.c), in one walk with their
 * counts; all others from the postings, newest raised first, each verified by reading it.
 */
#include "domain/alert_impl.h"

#include <stdio.h>
#include <string.h>

#include "domain/access.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "util/json.h"

enum { LIMIT_MAX = 50, CANDIDATES_MAX = 4000 };

/* --- the place a list goes on from: the id of the last one ------------------------------ */

struct place {
    bool given;
    int64_t raised_at;
    struct span entry_key;
};

static bool parse_place(struct view *v, struct arena *a, struct span after, struct place *out,
                        struct err *e)
{
    *out = (struct place){.raised_at = INT64_MAX};
    if (!after.n)
        return true;
    struct fold f;
    bool is_latest;
    struct err why = {0};
    if (after.n != 26 || !alert_load_id(v, a, after, &f, &is_latest, &why))
        return err_set(e, why.code == ERR_STORE ? ERR_STORE : ERR_INPUT,
                       "after 须是上一页答复里的 next，请从第一页重新查起");
    *out = (struct place){true, f.al.raised_at, key_of2(a, f.al.scenario, f.al.key, e)};
    return out->entry_key.n > 0;
}

/* Newest first, keys of equal times in falling order. */
static bool is_behind(const struct place *p, int64_t raised_at, struct span entry_key)
{
    if (!p->given || raised_at != p->raised_at)
        return raised_at < p->raised_at || !p->given;
    return span_cmp(entry_key, p->entry_key) < 0;
}

/* --- the walk over the open ones -------------------------------------------------------- */

struct listing {
    struct view *view;
    struct arena *a;
    const struct street *street;
    const struct person *person;
    const struct alert_filter *filter;
    struct place from;
    uint64_t counts[LEVEL_RED + 1];
    bool count_states; /* the state filter speaks of open ones, so it bounds the counts too */
    bool detailed;     /* the filter asks for what is not in a row of the board */
    bool listing_open; /* the items are found on this walk */
    int limit, found;
    struct span keys[LIMIT_MAX]; /* entry keys of the items */
    char ids[LIMIT_MAX][27];
    bool more;
};

/* What the row does not hold is read with the alert itself. */
static bool has_details(struct listing *l, const struct board_row *row)
{
    struct arena own = {0};
    struct fold f;
    bool has = alert_load(l->view, &own, row->entry_key, &f, NULL) && f.exists &&
               filter_details(l->view, &own, l->filter, &f.al);
    arena_free(&own);
    return has;
}

static bool visit_open(void *ctx, const struct board_row *row)
{
    struct listing *l = ctx;
    const struct alert *al = &row->al;
    if (!filter_places(l->filter, al) || (l->count_states && !filter_state(l->filter, al)) ||
        !access_may(l->person, l->street, ACCESS_ALERT_SEE, al) ||
        (l->detailed && !has_details(l, row)))
        return true;
    l->counts[al->level]++;
    if (!l->listing_open || !filter_level(l->filter, al) ||
        !is_behind(&l->from, al->raised_at, row->entry_key))
        return true;
    if (l->found == l->limit) {
        l->more = true;
        return true; /* the counts go on */
    }
    l->keys[l->found] = arena_span(l->a, row->entry_key);
    memcpy(l->ids[l->found++], al->id, sizeof al->id);
    return true;
}

static void put_open(struct listing *l, struct json_w *w)
{
    for (int i = 0; i < l->found; i++) {
        struct fold f;
        if (alert_load(l->view, l->a, l->keys[i], &f, NULL) && f.exists)
            alert_view(l->view, l->a, l->street, &f.al, w);
    }
}

/* --- the walk over the postings --------------------------------------------------------- */

/* The field whose value bounds the walk best. Lists of values cannot be walked as one. */
static struct index_scan *open_postings(const struct listing *l)
{
    const struct alert_filter *f = l->filter;
    const struct {
        uint16_t field;
        struct span value;
    } ways[] = {{ALERT_BY_KEY, f->key},
                {ALERT_BY_SCENARIO, f->scenario},
                {ALERT_BY_COMMUNITY, f->community},
                {ALERT_BY_OFFICE, f->office}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (ways[i].value.n && !memchr(ways[i].value.p, ',', ways[i].value.n))
            return index_scan_open(l->view, ENTRY_ALERT, ways[i].field, ways[i].value,
                                   INT64_MIN, l->from.raised_at, true);
    }
    return index_scan_open(l->view, ENTRY_ALERT, ALERT_BY_TIME, SPAN("*"), INT64_MIN,
                           l->from.raised_at, true);
}

/* The life of this key that was raised at `raised_at`. */
static bool load_life(struct listing *l, struct arena *a, struct span entry_key,
                      int64_t raised_at, struct fold *f)
{
    if (!alert_load(l->view, a, entry_key, f, NULL))
        return false;
    while (f->exists && f->al.raised_at != raised_at && f->prior) {
        struct entry entry;
        struct alert_body body;
        if (!journal_get(l->view, a, f->prior, &entry, NULL) ||
            !alert_body_split(entry.body, a, &body, NULL) ||
            !alert_body_fold(&entry, &body, a, f, NULL))
            return false;
    }
    return f->exists && f->al.raised_at == raised_at;
}

static void put_any(struct listing *l, struct json_w *w)
{
    struct index_scan *s = open_postings(l);
    struct arena keep = {0},
                 own = {0}; /* keys of this round and of the one before; the candidate */
    struct span key, last = SPAN_NONE;
    struct buf last_key = {0};
    int64_t raised_at, last_at = 0;
    int tried = 0;
    struct err e = {0};
    char last_id[27] = "";
    while (!l->more && index_scan_next(s, &keep, &key, &raised_at, &e)) {
        struct fold f;
        bool repeat = last.p && raised_at == last_at && span_eq(key, last);
        arena_reset(&own);
        if (!repeat && is_behind(&l->from, raised_at, key) &&
            load_life(l, &own, key, raised_at, &f)) {
            bool wanted = filter_places(l->filter, &f.al) && filter_level(l->filter, &f.al) &&
                          filter_state(l->filter, &f.al) &&
                          access_may(l->person, l->street, ACCESS_ALERT_SEE, &f.al) &&
                          filter_details(l->view, &own, l->filter, &f.al);
            l->more = wanted ? l->found == l->limit : ++tried > CANDIDATES_MAX;
            if (wanted && !l->more) {
                alert_view(l->view, &own, l->street, &f.al, w);
                l->found++;
            }
            if (!l->more || !wanted)
                memcpy(last_id, f.al.id, sizeof last_id);
        }
        buf_clear(&last_key);
        buf_span(&last_key, key);
        last = buf_view(&last_key);
        last_at = raised_at;
        arena_reset(&keep);
    }
    if (l->more) /* goes on behind the last one looked at, shown or not */
        memcpy(l->ids[l->limit - 1], last_id, sizeof last_id);
    index_scan_close(s);
    buf_free(&last_key);
    arena_free(&keep);
    arena_free(&own);
}

bool alert_list(struct view *v, struct arena *a, const struct street *street,
                const struct person *person, const struct alert_filter *f, struct json_w *w,
                struct err *e)
{
    struct listing l = {.view = v, .a = a, .street = street, .person = person, .filter = f};
    bool open, over;
    l.limit = f->limit < 1 ? 1 : f->limit > LIMIT_MAX ? LIMIT_MAX : f->limit;
    if (!parse_place(v, a, f->after, &l.from, e))
        return false;
    filter_states(f, &open, &over);
    l.count_states = open && !over;
    l.listing_open = !over;
    l.detailed = filter_has_details(f);
    board_each(v, INT64_MAX, SPAN_NONE, visit_open, &l);
    json_w_object(w);
    json_w_name(w, "items");
    json_w_array(w);
    if (over)
        put_any(&l, w);
    else
        put_open(&l, w);
    json_w_array_end(w);
    json_w_name(w, "next");
    if (l.more)
        json_w_str(w, l.ids[l.limit - 1]);
    else
        json_w_null(w);
    json_w_name(w, "counts");
    json_w_object(w);
    for (int i = LEVEL_RED; i >= LEVEL_BLUE; i--)
        json_w_kint(w, alert_level_name((enum alert_level)i), (int64_t)l.counts[i]);
    json_w_object_end(w);
    json_w_object_end(w);
    return true;
}
