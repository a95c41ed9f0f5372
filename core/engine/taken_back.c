#include "engine/taken_back.h"

#include <string.h>

#include "domain/batch.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "engine/evaluate_impl.h"
#include "engine/late.h"
#include "store/version.h"
#include "util/calendar.h"
#include "util/json.h"

enum { TRIGGERS_MAX = 8 };

static const struct json_limits wide = {.bytes = 512 * 1024, .keys = 65536, .string = 1 << 20};

/* One run of a tick without subjects, kept for the next alert that it raised. */
struct run {
    const struct instance_every *every;
    int64_t due;
    uint64_t cause;
    struct effects effects;
    struct run *next;
};
struct taken_back {
    struct work *w;
    struct batch_taken_back what;
    struct effects out;
    struct run *runs;
    struct arena arena; /* of one alert */
    enum evaluate_result result;
};

/* What a judgement was about: from an alert's evidence. */
struct judged {
    uint64_t cause;
    const struct type *type; /* NULL: a tick without subjects, a timer */
    struct span key;
    struct span by, spec;
    int64_t at;
};

/* --- does it rest on what was taken back? ------------------------------------------------------------- */

static bool is_void(struct taken_back *b, uint64_t seq, bool same_type)
{
    const struct batch_taken_back *what = &b->what;
    struct entry version;
    if (batch_ranges_have(what->ranges, what->range_count, seq))
        return true;
    if (!same_type || !what->range_count || seq < what->ranges[0].first)
        return false;
    /* a copy that an earlier withdrawal had put in place */
    return journal_get(b->w->ev.host->view, &b->arena, seq, &version, NULL) && version.cause &&
           batch_ranges_have(what->ranges, what->range_count, version.cause);
}

static bool rests_on_it(struct taken_back *b, const struct json *evidence)
{
    const struct json *reads = json_get(evidence, "reads"),
                      *also = json_get(evidence, "also_read");
    int64_t seq = 0, more = 0, also_more = 0;
    json_int(json_get(evidence, "reads_more"), &more);
    json_int(json_get(evidence, "also_read_more"), &also_more);
    if (also_more > 0 || more > (int64_t)json_count(also))
        return true; /* it read more than is known */
    for (size_t i = 0; i < json_count(reads); i++) {
        const struct json *r = json_item(reads, i);
        if (json_int(json_get(r, "seq"), &seq) &&
            is_void(b, (uint64_t)seq, span_eq(json_string(json_get(r, "type")), b->what.type)))
            return true;
    }
    for (size_t i = 0; i < json_count(also); i++)
        if (json_int(json_item(also, i), &seq) && is_void(b, (uint64_t)seq, true))
            return true;
    return false;
}

/* --- the same judgement, now -------------------------------------------------------------------------- */

static bool raises(const struct effects *list, struct span key)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct effect *x = &list->items[i];
        if (x->kind == EFFECT_ALERT && !x->dropped && span_eq(x->key, key))
            return true;
    }
    return false;
}

static bool went_wrong(struct taken_back *b, const struct err *e)
{
    if (e->code == ERR_NONE || e->code == ERR_MISSING)
        return false;
    *b->w->e = *e;
    b->result = EVALUATE_BROKEN;
    return true;
}

/* A record is there, or is gone: whichever handler that calls for must be the one. */
static bool again_record(struct taken_back *b, const struct judged *j, struct span alert_key)
{
    struct work *w = b->w;
    struct entry row;
    struct effects list = {0};
    struct err e = {0};
    uint64_t as_of = w->ev.entry->seq;
    if (!version_get(w->ev.host->view, &w->ev.keep, j->type->id, j->key, as_of, &row, &e)) {
        went_wrong(b, &e);
        return false;
    }
    bool gone = row.op == ENTRY_WITHDRAW;
    const struct instance_handler *h =
        gone ? instance_removed(w->ev.in, j->type->id) : instance_on(w->ev.in, j->type->id);
    if (!h || gone != span_eq(j->by, SPAN("removed")))
        return false;
    int64_t now = gone ? j->at : evaluate_time(j->type, &row);
    b->result = evaluate_record(w, h, &row, j->type->event < 0 ? j->at : now, as_of, &list);
    return raises(&list, alert_key);
}

static bool again_subject(struct taken_back *b, const struct instance_every *every,
                          const struct judged *j, struct span alert_key)
{
    struct work *w = b->w;
    struct entry row;
    struct effects list = {0};
    struct err e = {0};
    if (!late_subject_row(w, every, j->key, w->ev.entry->seq, &row, &e)) {
        went_wrong(b, &e);
        return false;
    }
    b->result = evaluate_subject(w, every, &row, j->at, w->ev.entry->seq, &list);
    return raises(&list, alert_key);
}

static bool again_whole(struct taken_back *b, const struct instance_every *every,
                        const struct judged *j, struct span alert_key)
{
    struct work *w = b->w;
    for (const struct run *r = b->runs; r; r = r->next)
        if (r->every == every && r->due == j->at && r->cause == j->cause)
            return raises(&r->effects, alert_key);
    struct run *r = arena_alloc(&w->ev.keep, sizeof *r);
    *r = (struct run){.every = every, .due = j->at, .cause = j->cause, .next = b->runs};
    b->result = evaluate_subject(w, every, NULL, j->at, w->ev.entry->seq, &r->effects);
    b->runs = r;
    return raises(&r->effects, alert_key);
}

static bool again_tick(struct taken_back *b, const struct judged *j, struct span alert_key)
{
    const struct instance *in = b->w->ev.in;
    for (size_t i = 0; i < in->every_count && b->result == EVALUATE_DONE; i++) {
        const struct instance_every *every = &in->every[i];
        if (every->over != j->type || (j->spec.n && !span_eq(every->at, j->spec)))
            continue;
        if (every->over ? again_subject(b, every, j, alert_key)
                        : again_whole(b, every, j, alert_key))
            return true;
    }
    return false;
}

static bool again_wake(struct taken_back *b, const struct judged *j, struct span alert_key)
{
    struct work *w = b->w;
    struct entry entry;
    struct effects list = {0};
    struct err e = {0};
    if (!journal_get(w->ev.host->view, &w->ev.keep, j->cause, &entry, &e)) {
        went_wrong(b, &e);
        return false;
    }
    if (entry.type != ENTRY_WAKE)
        return false;
    b->result = evaluate_wake(w, &entry, &list);
    return raises(&list, alert_key);
}

static bool again(struct taken_back *b, const struct judged *j, struct span alert_key)
{
    struct evaluation *ev = &b->w->ev;
    bool stands;
    ev->again = true;
    ev->own_as_of = j->cause - 1;
    if (span_eq(j->by, SPAN("every")))
        stands = again_tick(b, j, alert_key);
    else if (span_eq(j->by, SPAN("wake")))
        stands = again_wake(b, j, alert_key);
    else
        stands = again_record(b, j, alert_key);
    ev->own_as_of = 0;
    arena_reset(&ev->scratch);
    if (b->result == EVALUATE_DONE && ev->host->pause)
        ev->host->pause(ev->host->ctx);
    return stands;
}

/* --- which judgements ----------------------------------------------------------------------------------- */

/* False: the evidence does not say enough to run it again. */
static bool judged_read(struct taken_back *b, const struct json *evidence, struct judged *j)
{
    const struct json *entry = json_get(evidence, "entry");
    struct span type = json_string(json_get(entry, "type"));
    int64_t cause = 0;
    *j = (struct judged){.by = json_string(json_get(entry, "by")),
                         .spec = json_string(json_get(entry, "spec"))};
    if (!json_int(json_get(entry, "seq"), &cause) || cause < 1 || !j->by.n ||
        !calendar_parse_datetime(json_string(json_get(entry, "at")), &j->at))
        return false;
    j->cause = (uint64_t)cause;
    j->type = dictionary_find(b->w->ev.in->dictionary, type);
    if (!j->type)
        return !span_eq(j->by, SPAN("on")) && !span_eq(j->by, SPAN("removed"));
    j->key = key_from_text(&b->w->ev.keep, json_string(json_get(entry, "key")),
                           (size_t)j->type->key_count, NULL);
    return j->key.n > 0;
}

/* What found it so again, later: the entry, and for a tick the subject that the first judgement had. */
static bool judged_later(struct taken_back *b, uint64_t cause, const struct judged *first,
                         struct judged *j)
{
    struct work *w = b->w;
    struct entry entry;
    if (!journal_get(w->ev.host->view, &w->ev.keep, cause, &entry, NULL))
        return false;
    *j = (struct judged){.cause = cause, .at = entry.at};
    if (entry.type == ENTRY_TICK) {
        const struct json *body = json_parse(&w->ev.keep, entry.body, NULL, NULL, NULL);
        calendar_parse_datetime(json_string(json_get(body, "due")), &j->at);
        j->by = SPAN("every");
        j->spec = first->spec;
        j->type = first->type;
        j->key = first->key;
        return span_eq(first->by, SPAN("every"));
    }
    if (entry.type == ENTRY_WAKE) {
        j->by = SPAN("wake");
        return true;
    }
    j->type = dictionary_by_id(w->ev.in->dictionary, entry.type);
    j->by = entry.op == ENTRY_PUT ? SPAN("on") : SPAN("removed");
    j->key = entry.key;
    return j->type != NULL;
}

static bool stands(struct taken_back *b, const struct alert *al, const struct json *evidence)
{
    struct work *w = b->w;
    struct judged first, j;
    uint64_t causes[TRIGGERS_MAX];
    size_t n = 0;
    if (!judged_read(b, evidence, &first) || again(b, &first, al->key))
        return true;
    if (b->result == EVALUATE_DONE &&
        !alert_triggers(w->ev.host->view, &b->arena, al, w->ev.entry->seq - 1, causes,
                        TRIGGERS_MAX, &n, w->e))
        b->result = EVALUATE_BROKEN;
    for (size_t i = 0; i < n && b->result == EVALUATE_DONE; i++)
        if (causes[i] != first.cause && judged_later(b, causes[i], &first, &j) &&
            again(b, &j, al->key))
            return true;
    return false;
}

static bool look_at_alert(void *ctx, const struct alert *al)
{
    struct taken_back *b = ctx;
    struct evaluation *ev = &b->w->ev;
    struct span text;
    arena_reset(&b->arena);
    if (!alert_evidence(ev->host->view, &b->arena, al, &text, b->w->e)) {
        b->result = EVALUATE_BROKEN;
        return false;
    }
    const struct json *evidence =
        text.n ? json_parse(&b->arena, text, &wide, NULL, NULL) : NULL;
    if (!evidence || !rests_on_it(b, evidence) || stands(b, al, evidence))
        return b->result == EVALUATE_DONE;
    if (b->result != EVALUATE_DONE)
        return false;
    ev->effects = &b->out;
    ev->now = ev->entry->at;
    api_retract(
        ev, al->key,
        span_of(arena_printf(&ev->keep, "依据的数据已撤回：%.*s", SPAN_ARG(b->what.reason))));
    return true;
}

enum evaluate_result taken_back_judge(struct work *w)
{
    struct evaluation *ev = &w->ev;
    struct taken_back b = {.w = w, .result = EVALUATE_DONE};
    /* A backtest's own alerts keep no evidence: what was live is compared as it was before. */
    if (ev->host->own || !batch_taken_back_read(ev->entry->body, &ev->keep, &b.what))
        return EVALUATE_DONE;
    if (!dictionary_find(ev->in->dictionary, b.what.type))
        return EVALUATE_DONE;
    if (!api_settle(ev, w->e))
        return EVALUATE_BROKEN;
    if (!alert_open_each(ev->host->view, ev->in->scenario.id, ev->entry->seq - 1, look_at_alert,
                         &b, w->e))
        b.result = EVALUATE_BROKEN;
    arena_free(&b.arena);
    ev->again = false;
    if (b.result != EVALUATE_DONE)
        return b.result;
    arena_reset(&ev->scratch);
    ev->now = ev->entry->at;
    ev->row = NULL;
    ev->type = NULL;
    return evaluate_emit(w, &b.out);
}
