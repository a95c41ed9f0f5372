/* What a scenario has made so far, into the throw-away store of a backtest. */
#include <string.h>

#include "domain/alert_replay.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "store/version.h"
#include "store/view.h"
#include "util/buf.h"
#include "util/calendar.h"
#include "util/json.h"

enum {
    AT_ONCE = 500,
    LAG_MAX = 65536 /* entries behind the first that are looked at for what came late */
};

static const struct json_limits wide = {
    .bytes = 1 << 20, .depth = 48, .keys = 65536, .string = 1 << 20};

static bool timer_at(struct arena *a, struct span body, int64_t *at)
{
    const struct json *b = json_parse(a, body, &wide, NULL, NULL);
    return calendar_parse_datetime(json_string(json_get(b, "at")), at);
}

static bool drop_due(struct txn *t, struct arena *a, struct span key, struct err *e)
{
    struct entry old;
    int64_t at;
    return !version_get(txn_view(t), a, ENTRY_TIMER, key, SEQ_LATEST, &old, NULL) ||
           old.op != ENTRY_PUT || !timer_at(a, old.body, &at) || due_drop(t, at, key, e);
}

static bool copy(struct txn *t, struct arena *a, const struct entry *x, struct err *e)
{
    struct entry_new entry = {
        .type = x->type, .op = x->op, .cause = x->cause, .key = x->key, .body = x->body};
    int64_t at;
    if (x->type == ENTRY_TIMER && !drop_due(t, a, x->key, e))
        return false;
    if (!txn_append(t, &entry, e))
        return false;
    return x->type != ENTRY_TIMER || x->op != ENTRY_PUT || !timer_at(a, x->body, &at) ||
           due_put(t, at, x->key, e);
}

/* Keys of one type as they stood in the journal just before. *more: it is not through. */
static bool copy_some(struct txn *t, struct outcome_import *in, uint16_t type, bool *more,
                      struct err *e)
{
    struct arena own = {0}, a = {0};
    struct entry entry;
    struct err why = {0};
    struct version_scan *s =
        version_scan_open(in->from, type, key_of1(&own, in->scenario, e),
                          arena_span(&own, buf_view(&in->after)), false, in->first - 1);
    bool ok = true;
    *more = false;
    for (int n = 0; ok && n < AT_ONCE; n++) {
        *more = version_scan_next(s, &a, &entry, &why);
        if (!*more)
            break;
        buf_clear(&in->after);
        buf_span(&in->after, entry.key);
        ok = copy(t, &a, &entry, e);
        arena_reset(&a);
    }
    version_scan_close(s);
    arena_free(&a);
    arena_free(&own);
    return ok && (why.code == ERR_NONE || why.code == ERR_MISSING ||
                  err_set(e, why.code, "%s", why.text));
}

/* An engine that was behind: its work on what lies before `first` stands behind it. *end: its work on what
 * comes then has begun. */
static bool copy_late(struct txn *t, struct outcome_import *in, struct arena *a,
                      const struct entry *x, bool *end, struct err *e)
{
    struct span part = SPAN_NONE;
    *end = false;
    bool own = (x->type == ENTRY_ALERT || x->type == ENTRY_STATE || x->type == ENTRY_TIMER) &&
               x->cause && key_split(x->key, &part, 1) && span_eq(part, in->scenario);
    struct entry cause;
    if (!own)
        return true;
    if (x->cause >=
        in->first) { /* a timer that rang is the writer's work, which is never behind */
        *end = !journal_get(in->from, a, x->cause, &cause, NULL) || cause.type != ENTRY_WAKE ||
               x->type != ENTRY_TIMER;
        return true;
    }
    return x->type == ENTRY_ALERT ? alert_import_late(t, in->from, x->key, in->first, e)
                                  : copy(t, a, x, e);
}

static bool copy_lag(struct txn *t, struct outcome_import *in, bool *more, struct err *e)
{
    struct arena a = {0};
    struct entry chunk[256];
    size_t n = 0;
    bool end = false;
    bool ok = journal_read(in->from, &a, in->first + in->looked, chunk, 256, &n, e);
    for (size_t i = 0; ok && !end && i < n; i++)
        ok = copy_late(t, in, &a, &chunk[i], &end, e);
    in->looked += n;
    *more = n > 0 && !end && in->looked < LAG_MAX;
    arena_free(&a);
    return ok;
}

bool outcome_import(struct txn *t, struct outcome_import *in, struct err *e)
{
    static const uint16_t types[] = {ENTRY_ALERT, ENTRY_STATE, ENTRY_TIMER};
    bool more = false, lag = in->turn == 3, ok;
    e->code = ERR_NONE;
    if (in->turn > 3)
        return false;
    ok = lag ? copy_lag(t, in, &more, e) : copy_some(t, in, types[in->turn], &more, e);
    if (ok && !more) {
        in->turn++;
        buf_clear(&in->after);
    }
    return ok;
}
