#include "store/index.h"

#include <string.h>

#include "store/walk.h"
#include "util/err.h"
#include "util/mem.h"

struct index_scan {
    struct walk walk;
    struct view *view;
    bool opened, started;
    struct err failed;   /* of opening; told by the first next */
    struct key_buf head; /* all postings of the value */
    struct key_buf from; /* where to seek */
    int64_t first, last; /* times */
    bool backwards;
    uint64_t upto;
};

struct index_scan *index_scan_open(struct view *v, uint16_t type, uint16_t field,
                                   struct span value, int64_t from, int64_t to, bool backwards)
{
    struct index_scan *s = mem_alloc(sizeof *s);
    s->view = v;
    s->first = from;
    s->last = to;
    s->backwards = backwards;
    s->upto = UINT64_MAX;
    key_posting_head(&s->head, type, field, value);
    s->from = s->head;
    if (!backwards) {
        key_time(&s->from, from);
    } else if (to < INT64_MAX) {
        key_time(&s->from, to + 1);
    } else { /* behind all times: the value's closing 00 becomes 01 */
        s->from.p[s->from.n - 1] = 1;
    }
    s->opened = walk_open(&s->walk, v, backwards, &s->failed);
    return s;
}

void index_scan_upto(struct index_scan *s, uint64_t seq)
{
    s->upto = seq;
}

static bool step(struct index_scan *s, struct err *e)
{
    if (s->started && s->walk.turn == s->view->turn)
        return walk_next(&s->walk, e);
    if (!walk_seek(&s->walk, key_span(&s->from), e))
        return false;
    /* after a renewal `from` is the last posting told */
    if (s->started && !s->backwards && span_eq(s->walk.at, key_span(&s->from)))
        return walk_next(&s->walk, e);
    return true;
}

bool index_scan_next(struct index_scan *s, struct arena *a, struct span *key, int64_t *time,
                     struct err *e)
{
    struct err local = s->failed;
    struct span found;
    uint16_t type, field;
    int64_t at;
    if (s->opened && step(s, &local) && span_starts(s->walk.at, key_span(&s->head))) {
        if (!key_posting_split(s->walk.at, &type, &field, NULL, &at, &found)) {
            db_fail(&local, MDB_CORRUPTED);
        } else if (at >= s->first && at <= s->last) {
            s->started = true;
            s->from.n = 0;
            key_put(&s->from, s->walk.at.p, s->walk.at.n);
            bool later = s->upto != UINT64_MAX && walk_brought(&s->walk) > s->upto;
            *key = later ? SPAN_NONE : arena_span(a, found);
            if (time)
                *time = at;
            return true;
        }
    }
    if (e)
        *e = local;
    return false;
}

void index_scan_close(struct index_scan *s)
{
    if (!s)
        return;
    if (s->opened)
        walk_close(&s->walk);
    mem_free(s);
}
