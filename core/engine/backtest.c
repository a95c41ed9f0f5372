#include "engine/backtest.h"

#include <stdio.h>
#include <string.h>

#include "domain/alert_replay.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/outcome.h"
#include "engine/backtest_impl.h"
#include "engine/case_impl.h"
#include "engine/explain_impl.h"
#include "engine/instance.h"
#include "engine/shape.h"
#include "store/version.h"
#include "store/view.h"
#include "util/clock.h"
#include "util/mem.h"

enum {
    CHUNK = 256,
    PIECE_ENTRIES = 8192, /* one transaction of the throw-away store */
    PIECE_EFFECTS = 1000,
    RENEW_US = 400 * 1000,
    TELL_US = 200 * 1000,
};

/* --- judging ------------------------------------------------------------------------------------------- */

static void rest(void *ctx)
{
    struct backtest *b = ctx;
    int64_t now = clock_mono_us();
    struct err e = {0};
    if (now - b->renewed_at >= RENEW_US) {
        view_renew(b->view, &e); /* what it cannot read then, the next read tells */
        b->renewed_at = now;
    }
    if (b->progress && now - b->told_at >= TELL_US) {
        b->told_at = now;
        b->progress->tell(b->progress->ctx, b->seq - b->first, b->last + 1 - b->first);
    }
}

static void forget(struct evaluated *x)
{
    buf_clear(&x->effects);
    buf_clear(&x->sets);
    x->effect_count = 0;
    x->runs = x->unknown = x->minute = x->alerts = 0;
}

static bool divert(struct backtest *b, const struct entry *entry, struct err *e)
{
    struct buf text = {0};
    buf_char(&text, '[');
    buf_span(&text, buf_view(&b->made.effects));
    buf_char(&text, ']');
    const struct json *effects = json_parse(&b->brief, buf_view(&text), &case_wide, NULL, e);
    buf_free(&text);
    b->effects += b->made.effect_count;
    return effects &&
           outcome_replay(b->txn, b->street, &b->in->scenario, effects, entry->at, e);
}

/* Live it would stand still here; this goes on behind the entry, as after "skip this record". */
static void note_fault(struct backtest *b)
{
    const struct evaluate_fault *f = &b->made.fault;
    if (span_starts(span_of(f->message), SPAN("告警过多")))
        b->alert_limit = 0; /* said once */
    if (b->fault_count < BACKTEST_FAULTS_MAX)
        b->faults[b->fault_count++] = *f;
}

bool backtest_judge(struct backtest *b, const struct entry *entry, struct err *e)
{
    struct evaluate_host host = {.view = b->view,
                                 .own = txn_view(b->txn),
                                 .ticks = &b->ticks,
                                 .pause = rest,
                                 .ctx = b,
                                 .alert_limit = b->alert_limit};
    bool ok = true;
    b->judged++;
    forget(&b->made);
    arena_reset(&b->brief);
    enum evaluate_result r = evaluate_entry(b->in, &host, entry, &b->made, e);
    if (r == EVALUATE_FAULT) {
        int limit = b->alert_limit;
        note_fault(b);
        if (limit != b->alert_limit) { /* to see what there would have been */
            host.alert_limit = 0;
            forget(&b->made);
            r = evaluate_entry(b->in, &host, entry, &b->made, e);
        }
    }
    b->runs += b->made.runs;
    b->unknown += b->made.unknown;
    if (r == EVALUATE_DONE && b->made.effect_count)
        ok = divert(b, entry, e);
    return ok && r != EVALUATE_BROKEN;
}

/* --- the scan -------------------------------------------------------------------------------------------- */

static bool is_own(const struct backtest *b, const struct entry *x)
{
    struct span id = b->request->id;
    return x->key.n > id.n && x->key.p[id.n] == '\0' && memcmp(x->key.p, id.p, id.n) == 0;
}

static bool take_act(struct backtest *b, const struct entry *x, struct err *e)
{
    enum alert_replayed how;
    if (x->cause) /* what a script did */
        return true;
    if (!alert_replay_act(b->txn, x, &how, e))
        return false;
    b->acts_same += how == REPLAYED_SAME;
    b->acts_other += how == REPLAYED_OTHER;
    b->acts_nowhere += how == REPLAYED_NOWHERE;
    return how == REPLAYED_SAME || how == REPLAYED_NOTHING ||
           table_put(b->txn, BACKTEST_PEOPLE, x->key, SPAN("1"), e);
}

static bool take(struct backtest *b, const struct entry *x, struct err *e)
{
    uint64_t before = x->seq > b->first ? x->seq - 1 : b->first;
    if (!backtest_pass_time(b, x->at, x->type == ENTRY_TICK, before, e))
        return false;
    switch (x->type) {
    case ENTRY_ALERT:
        return !is_own(b, x) || take_act(b, x, e);
    case ENTRY_WAKE:
        return !is_own(b, x) || backtest_live_wake(b, x, e);
    case ENTRY_TIMER:
        return !is_own(b, x) || backtest_live_timer(b, x, e);
    case ENTRY_VERSION:
        b->specs_old = true;
        return true;
    default:
        return !instance_wants(b->in, x->type) || backtest_judge(b, x, e);
    }
}

struct piece {
    struct command command; /* first */
    struct backtest *b;
    bool (*work)(struct backtest *b, struct err *e);
    bool ok;
    struct err
        e; /* what has been appended cannot be refused: told here, and the store thrown away */
};

static bool apply_piece(struct command *c, struct txn *t, struct err *e)
{
    struct piece *p = (struct piece *)c;
    (void)e;
    p->b->txn = t;
    p->ok = p->work(p->b, &p->e);
    p->b->txn = NULL;
    return true;
}

static bool do_piece(struct backtest *b, bool (*work)(struct backtest *b, struct err *e),
                     struct err *e)
{
    struct piece p = {.command = {.apply = apply_piece}, .b = b, .work = work};
    if (!store_apply(b->scratch, &p.command, e))
        return false;
    if (!p.ok)
        *e = p.e;
    return p.ok;
}

static bool scan_chunk(struct backtest *b, struct arena *a, struct err *e)
{
    struct entry chunk[CHUNK];
    uint64_t left = b->last + 1 - b->seq;
    size_t n = 0;
    if (!journal_read(b->view, a, b->seq, chunk, left < CHUNK ? (size_t)left : CHUNK, &n, e))
        return false;
    if (!n)
        return err_set(e, ERR_STORE, "日志在 %llu 处中断", (unsigned long long)b->seq);
    for (size_t i = 0; i < n && b->fault_count < BACKTEST_FAULTS_MAX; i++) {
        b->seq = chunk[i].seq;
        if (!take(b, &chunk[i], e))
            return false;
    }
    b->seq = chunk[n - 1].seq + 1;
    rest(b);
    return true;
}

static bool scan_piece(struct backtest *b, struct err *e)
{
    struct arena a = {0};
    uint64_t until = b->seq + PIECE_ENTRIES, effects = b->effects + PIECE_EFFECTS;
    bool ok = true;
    while (ok && b->seq <= b->last && b->seq < until && b->effects < effects &&
           b->fault_count < BACKTEST_FAULTS_MAX) {
        ok = scan_chunk(b, &a, e);
        arena_reset(&a);
    }
    arena_free(&a);
    return ok;
}

static bool last_piece(struct backtest *b, struct err *e)
{
    return backtest_pass_time(b, b->end, false, b->last, e);
}

static bool scan(struct backtest *b, struct err *e)
{
    while (b->seq <= b->last && b->fault_count < BACKTEST_FAULTS_MAX)
        if (!do_piece(b, scan_piece, e))
            return false;
    return b->fault_count == BACKTEST_FAULTS_MAX || do_piece(b, last_piece, e);
}

/* --- set-up ------------------------------------------------------------------------------------------------- */

static bool set_period(struct backtest *b, struct err *e)
{
    const struct backtest_request *r = b->request;
    uint64_t behind;
    if (r->until <= r->from)
        return err_set(e, ERR_INPUT, "时段的终点应晚于起点");
    if (!explain_seq_at(b->view, r->from, &b->first, e) ||
        !explain_seq_at(b->view, r->until, &behind, e))
        return false;
    b->last = behind - 1;
    b->seq = b->first;
    int64_t now = view_now(b->view);
    b->end = r->until < now ? r->until : now;
    return true;
}

/* Settings of the request over those in force; what the new text does not know any more drops out. */
static struct span merge_values(struct backtest *b, const struct json *over)
{
    struct buf text = {0};
    struct json_w w = json_w_begin(&text);
    const struct json *had = b->live.values;
    json_w_object(&w);
    for (size_t i = 0; i < json_count(had); i++) {
        bool replaced = false;
        for (size_t k = 0; k < json_count(over) && !replaced; k++)
            replaced = span_eq(had->names[i], over->names[k]);
        if (replaced)
            continue;
        json_w_name_span(&w, had->names[i]);
        json_w_value(&w, json_item(had, i));
    }
    for (size_t k = 0; k < json_count(over); k++) {
        if (json_is(json_item(over, k), JSON_NULL))
            continue; /* back to the default */
        json_w_name_span(&w, over->names[k]);
        json_w_value(&w, json_item(over, k));
    }
    json_w_object_end(&w);
    json_w_end(&w);
    struct span out = arena_span(&b->arena, buf_view(&text));
    buf_free(&text);
    return out;
}

static bool tell_problem(const struct json *problems, struct err *e)
{
    const struct json *first = json_item(problems, 0);
    int64_t line = 0;
    json_int(json_get(first, "line"), &line);
    return err_set(e, ERR_SCRIPT, "第 %lld 行：%s", (long long)line,
                   json_cstr(json_get(first, "message"), "没有通过检查"));
}

static bool knows_all(const struct json *settings, const struct json *over, struct err *e)
{
    for (size_t k = 0; k < json_count(over); k++) {
        bool known = false;
        for (size_t i = 0; i < json_count(settings) && !known; i++)
            known =
                span_eq(json_string(json_get(json_item(settings, i), "name")), over->names[k]);
        if (!known)
            return err_set(e, ERR_INPUT, "场景没有名为“%.*s”的参数",
                           (int)span_cut_utf8(over->names[k], 64), over->names[k].p);
    }
    return true;
}

static bool draft(struct backtest *b, struct arena *a, const struct sandbox_modules *modules,
                  struct scenario *s, struct err *e)
{
    const struct backtest_request *r = b->request;
    const struct json *over = NULL;
    struct shape shape = {0};
    if (r->values.n && !(over = json_parse(&b->arena, r->values, NULL, NULL, e)))
        return false;
    if (over && !json_is(over, JSON_OBJECT))
        return err_set(e, ERR_INPUT, "values 应为 {设置名: 值}");
    if (b->is_new && !r->text.n)
        return err_set(e, ERR_MISSING, "没有场景“%.*s”，也没有给出脚本",
                       (int)span_cut_utf8(r->id, 64), r->id.p);
    struct span values = merge_values(b, over), text = r->text.n ? r->text : b->live.text;
    if (!shape_check(a, b->street, modules, r->id, text, values, &shape, e))
        return false;
    if (!shape.manifest)
        return tell_problem(shape.problems, e);
    if (!knows_all(json_get(shape.manifest, "settings"), over, e))
        return false;
    *s = b->live;
    s->id = arena_span(a, r->id);
    s->text = arena_span(a, text);
    s->manifest = shape.manifest;
    s->title = json_string(json_get(shape.manifest, "title"));
    s->office = json_string(json_get(shape.manifest, "office"));
    s->values = json_parse(a, arena_span(a, values), &case_wide, NULL, e);
    s->local = json_parse(a, SPAN("{}"), NULL, NULL, NULL);
    if (b->live.local) { /* copied: the instance takes its arena along */
        struct buf local = {0};
        struct json_w w = json_w_begin(&local);
        json_w_value(&w, b->live.local);
        json_w_end(&w);
        s->local = json_parse(a, arena_span(a, buf_view(&local)), &case_wide, NULL, e);
        buf_free(&local);
    }
    b->is_draft = !span_eq(text, b->live.text) || json_count(over) > 0;
    return s->values && s->local;
}

static bool load(struct backtest *b, const struct sandbox_modules *modules, struct err *e)
{
    struct arena a = {0};
    struct scenario s;
    struct fault f = {0};
    b->is_new = !scenario_get(b->view, &b->arena, b->request->id, SEQ_LATEST, &b->live, e);
    if (b->is_new && e->code != ERR_MISSING)
        return false;
    e->code = ERR_NONE;
    if (!draft(b, &a, modules, &s, e)) {
        arena_free(&a);
        return false;
    }
    b->in = instance_new(b->street, modules, &a, &s, &f, e);
    if (!b->in)
        return f.text[0] ? err_set(e, ERR_SCRIPT, "%s", f.text) : false;
    backtest_specs(b);
    return true;
}

struct import_piece {
    struct command command; /* first */
    struct outcome_import in;
    struct err e;
    bool more;
};

static bool apply_import(struct command *c, struct txn *t, struct err *e)
{
    struct import_piece *p = (struct import_piece *)c;
    (void)e;
    p->more = outcome_import(t, &p->in, &p->e);
    if (p->more) /* what was looked for in vain on the way */
        p->e.code = ERR_NONE;
    return true;
}

static bool import(struct backtest *b, struct err *e)
{
    struct import_piece p = {
        .command = {.apply = apply_import},
        .in = {.from = b->view, .scenario = b->request->id, .first = b->first},
        .more = true};
    bool ok = true;
    while (ok && p.more) {
        ok = store_apply(b->scratch, &p.command, e);
        if (ok && p.e.code != ERR_NONE) {
            *e = p.e;
            ok = false;
        }
        rest(b);
    }
    buf_free(&p.in.after);
    return ok;
}

static bool finish(struct backtest *b, struct buf *json, struct err *e)
{
    struct view *own = view_open(b->scratch, e);
    bool ok = own && view_renew(b->view, e) && backtest_result(b, own, json, e);
    if (own)
        view_close(own);
    return ok;
}

bool backtest_run(struct store *store, struct store *scratch, struct street *street,
                  const struct sandbox_modules *modules, const struct backtest_request *r,
                  const struct backtest_progress *progress, struct buf *json, struct err *e)
{
    struct backtest *b = mem_alloc(sizeof *b);
    b->request = r;
    b->progress = progress;
    b->scratch = scratch;
    b->street = street;
    b->alert_limit = r->alert_limit;
    b->view = view_open(store, e);
    b->renewed_at = clock_mono_us();
    bool ok = b->view && set_period(b, e) && load(b, modules, e) && import(b, e) &&
              scan(b, e) && finish(b, json, e);
    instance_free(b->in);
    tick_log_clear(&b->ticks);
    evaluated_free(&b->made);
    if (b->view)
        view_close(b->view);
    arena_free(&b->brief);
    arena_free(&b->arena);
    mem_free(b);
    return ok;
}
