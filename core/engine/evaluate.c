#include "engine/evaluate.h"

#include <stdio.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "engine/evaluate_impl.h"
#include "engine/late.h"
#include "engine/lua_json.h"
#include "engine/taken_back.h"
#include "store/version.h"
#include "util/calendar.h"
#include "util/id.h"
#include "util/json.h"

/* One entry's effects are stored together or not at all; the writer takes twice as many (outcome.c). */
enum { BULK_LOOK = 1000, EFFECTS_MAX = 100000, BYTES_MAX = 128 << 20 };

/* --- one protected call --------------------------------------------------------------------------- */

struct call {
    struct evaluation *ev;
    int function;
    struct span timer, data; /* wake: its key, its data as JSON */
};

/* Runs inside sandbox_call, because pushing arguments may run out of the state's memory. */
static int enter(lua_State *L)
{
    struct call *c = lua_touserdata(L, 1);
    struct evaluation *ev = c->ev;
    int n = 1;
    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->function); // function
    if (c->timer.p) {
        api_push_span(L, c->timer);
        if (!c->data.n || !lua_json_push_text(L, c->data, NULL))
            lua_pushnil(L);
        n = 3; // function key data
    } else if (ev->row) {
        api_push_row(L, ev, ev->type, ev->row);
        n = 2; // function row
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, ev->in->context); // function … ctx
    lua_call(L, n, 0);
    return 0;
}

static void note_fault(struct work *w, const struct fault *f)
{
    struct evaluate_fault *out = &w->out->fault;
    const struct entry *e = w->ev.row ? w->ev.row : w->ev.entry;
    struct buf key = {0};
    key_put_text(&key, e->key);
    *out = (struct evaluate_fault){.seq = w->ev.entry->seq, .line = f->line};
    const char *type = w->ev.type ? w->ev.type->name : e->type == ENTRY_WAKE ? "wake" : "tick";
    snprintf(out->type, sizeof out->type, "%s", type);
    snprintf(out->key, sizeof out->key, "%.*s", (int)key.n, key.n ? key.p : "");
    snprintf(out->message, sizeof out->message, "%s", f->message ? f->message : f->text);
    buf_free(&key);
}

/* What the call is about has been set in w->ev; its scratch is emptied first. */
static enum evaluate_result call(struct work *w, struct call *c,
                                 const struct limit_budget *budget, struct effects *into)
{
    struct evaluation *ev = &w->ev;
    struct instance *in = ev->in;
    struct fault f;
    ev->effects = into;
    ev->runs++;
    in->generation++;
    in->running = ev;
    trace_begin(&ev->trace, &ev->scratch);
    if (ev->host->watch)
        ev->host->watch->begins(ev->host->watch->ctx, ev);
    c->ev = ev;
    lua_State *L = sandbox_state(in->box);
    lua_pushcfunction(L, enter);
    lua_pushlightuserdata(L, c);
    bool ok = sandbox_call(in->box, 1, 0, budget, &f);
    api_scans_close(ev);
    in->running = NULL;
    if (ev->host->watch)
        ev->host->watch->ends(ev->host->watch->ctx, ev);
    if (ev->stop.code != ERR_NONE) {
        *w->e = ev->stop;
        return EVALUATE_BROKEN;
    }
    if (!ok)
        note_fault(w, &f);
    return ok ? EVALUATE_DONE : EVALUATE_FAULT;
}

/* --- merging what one run made -------------------------------------------------------------------- */

/* Slots of keys that are alerted, by hash; items' index + 1. */
struct merge {
    struct effects *list;
    uint32_t *slots;
    size_t mask;
};

static uint32_t *slot_of(struct merge *m, struct span key)
{
    size_t at = id_hash64(key) & m->mask;
    while (m->slots[at] && !span_eq(m->list->items[m->slots[at] - 1].key, key))
        at = (at + 1) & m->mask;
    return &m->slots[at];
}

/* Per key one alert: the highest level, the first text; an alert overrules a clear (REQUESTS 7). */
static void merge(struct work *w, struct effects *list, size_t from)
{
    size_t size = 16;
    if (list->count - from < 2)
        return;
    while (size < (list->count - from) * 2)
        size *= 2;
    struct merge m = {list, arena_alloc(&w->ev.keep, size * sizeof(uint32_t)), size - 1};
    for (size_t i = from; i < list->count; i++) {
        struct effect *x = &list->items[i];
        if (x->kind != EFFECT_ALERT)
            continue;
        uint32_t *slot = slot_of(&m, x->key);
        if (!*slot) {
            *slot = (uint32_t)i + 1;
            continue;
        }
        struct effect *first = &list->items[*slot - 1];
        x->dropped = true;
        if (x->level > first->level) {
            first->level = x->level;
            first->evidence = x->evidence;
        }
    }
    for (size_t i = from; i < list->count; i++) {
        struct effect *x = &list->items[i];
        if (x->kind == EFFECT_CLEAR && *slot_of(&m, x->key))
            x->dropped = true;
    }
}

/* Too many fresh alerts in one run are one alert (scenarios.md 1.6, 3). */
static enum evaluate_result guard_bulk(struct work *w, struct effects *list)
{
    struct evaluation *ev = &w->ev;
    size_t alerts = (size_t)ev->bulk.dropped, fresh = alerts;
    for (size_t i = 0; i < list->count; i++)
        alerts += list->items[i].kind == EFFECT_ALERT && !list->items[i].dropped;
    if (alerts <= BULK_MAX)
        return EVALUATE_DONE;
    if (!api_settle(ev, w->e))
        return EVALUATE_BROKEN;
    bool *is_fresh = arena_alloc(&ev->keep, list->count + 1);
    memset(is_fresh, 0, list->count + 1);
    for (size_t i = 0; i < list->count; i++) {
        struct effect *x = &list->items[i];
        struct err e = {0};
        if (x->kind != EFFECT_ALERT || x->dropped)
            continue;
        is_fresh[i] = api_is_fresh(ev, x->key, &e);
        if (e.code != ERR_NONE) {
            *w->e = e;
            return EVALUATE_BROKEN;
        }
        fresh += is_fresh[i];
    }
    if (fresh <= BULK_MAX)
        return EVALUATE_DONE;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].kind == EFFECT_ALERT && is_fresh[i])
            list->items[i].dropped = true;
    ev->type = NULL;
    ev->row = NULL;
    ev->effects = list;
    api_bulk_alert(ev, fresh);
    return EVALUATE_DONE;
}

/* --- writing effects ------------------------------------------------------------------------------ */

static const char *const effect_names[] = {
    [EFFECT_ALERT] = "alert", [EFFECT_CLEAR] = "clear", [EFFECT_RETRACT] = "retract",
    [EFFECT_SET] = "set",     [EFFECT_WAKE] = "wake",   [EFFECT_SLEEP] = "sleep",
    [EFFECT_LOG] = "log",     [EFFECT_TOPIC] = "topic",
};

static void note_set(struct buf *sets, const struct effect *x)
{
    uint32_t sizes[2] = {(uint32_t)x->key.n, (uint32_t)x->members.n};
    buf_put(sets, sizes, sizeof sizes);
    buf_span(sets, x->key);
    buf_span(sets, x->members);
}

static void emit_one(struct work *w, const struct effect *x)
{
    struct buf *b = &w->out->effects;
    struct json_w j;
    if (w->out->effect_count++)
        buf_char(b, ',');
    buf_printf(b, "{\"do\":\"%s\",\"cause\":%llu", effect_names[x->kind],
               (unsigned long long)w->ev.entry->seq);
    if (x->kind == EFFECT_LOG) {
        buf_str(b, ",\"text\":");
        j = json_w_begin(b);
        json_w_span(&j, x->members);
        json_w_end(&j);
        buf_char(b, '}');
        return;
    }
    buf_str(b, ",\"key\":");
    j = json_w_begin(b);
    json_w_span(&j, x->key);
    json_w_end(&j);
    w->alerts += x->kind == EFFECT_ALERT || x->kind == EFFECT_TOPIC;
    if (x->kind == EFFECT_ALERT)
        buf_printf(b, ",\"level\":\"%s\"", alert_level_name(x->level));
    if (x->kind == EFFECT_SET) {
        note_set(&w->out->sets, x);
        buf_str(b, x->members.n ? ",\"value\":" : "");
    }
    buf_span(b, x->members);
    if (x->kind == EFFECT_ALERT) {
        buf_str(b, ",\"evidence\":");
        buf_span(b, x->evidence);
    }
    buf_char(b, '}');
}

static void emit_all(struct work *w, const struct effects *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->items[i].dropped)
            emit_one(w, &list->items[i]);
}

enum evaluate_result evaluate_emit(struct work *w, struct effects *list)
{
    enum evaluate_result r = w->ev.in->steady ? steady_pass(w, list) : EVALUATE_DONE;
    if (r == EVALUATE_DONE)
        emit_all(w, list);
    return r;
}

static void emit_unknown(struct work *w)
{
    for (const struct unknown *u = w->ev.unknown; u; u = u->next) {
        const char *text =
            u->count > 1 ? arena_printf(&w->ev.keep, "数据不全（%llu 次）：%.*s",
                                        (unsigned long long)u->count, SPAN_ARG(u->reason))
                         : arena_printf(&w->ev.keep, "数据不全：%.*s", SPAN_ARG(u->reason));
        emit_one(w, &(struct effect){.kind = EFFECT_LOG, .members = span_of(text)});
    }
}

/* --- judgements ------------------------------------------------------------------------------------ */

int64_t evaluate_time(const struct type *t, const struct entry *row)
{
    int64_t us;
    return row->body.n && record_event_time(t, row->body, &us) ? us : row->at;
}

/* Point the evaluation at a record. `row` must not live in scratch. */
static void look_at(struct work *w, const struct type *t, const struct entry *row, int64_t now,
                    uint64_t as_of)
{
    w->ev.type = t;
    w->ev.row = row;
    w->ev.by = NULL;
    w->ev.every = NULL;
    w->ev.now = now;
    w->ev.as_of = as_of;
    w->ev.community = row ? api_row_community(&w->ev, t, row) : SPAN_NONE;
}

enum evaluate_result evaluate_record(struct work *w, const struct instance_handler *h,
                                     const struct entry *row, int64_t now, uint64_t as_of,
                                     struct effects *into)
{
    size_t from = into->count;
    arena_reset(&w->ev.scratch);
    look_at(w, h->type, row, now, as_of);
    w->ev.by = h == instance_removed(w->ev.in, h->type->id) ? "removed" : "on";
    w->ev.quiet = "24h";
    struct call c = {.function = h->function};
    enum evaluate_result r = call(w, &c, &limit_small, into);
    if (r == EVALUATE_DONE)
        merge(w, into, from);
    return r;
}

static const char *quiet_of(const struct instance_every *every)
{
    return every->schedule.kind == SCHEDULE_5MIN ? "24h" : "0h";
}

static enum evaluate_result call_subject(struct work *w, const struct instance_every *every,
                                         const struct entry *row, int64_t due, uint64_t as_of,
                                         struct effects *into)
{
    look_at(w, every->over, row, due, as_of);
    w->ev.by = "every";
    w->ev.every = every;
    w->ev.quiet = quiet_of(every);
    struct call c = {.function = every->function};
    return call(w, &c, row ? &limit_small : &limit_large, into);
}

enum evaluate_result evaluate_subject(struct work *w, const struct instance_every *every,
                                      const struct entry *row, int64_t due, uint64_t as_of,
                                      struct effects *into)
{
    size_t from = into->count;
    arena_reset(&w->ev.scratch);
    enum evaluate_result r = call_subject(w, every, row, due, as_of, into);
    if (r == EVALUATE_DONE)
        merge(w, into, from);
    return r;
}

static bool too_many_effects(struct work *w, size_t count, size_t bytes)
{
    char text[160];
    if (count <= EFFECTS_MAX && bytes <= BYTES_MAX)
        return false;
    snprintf(text, sizeof text,
             "一次运行留下的后果太多（上限 %d 个、%d MiB），请检查条件后再启用", EFFECTS_MAX,
             BYTES_MAX >> 20);
    struct fault f = {.message = text};
    note_fault(w, &f);
    return true;
}

static bool narrow(struct evaluation *ev, const struct instance_every *every,
                   struct record_where **where, size_t *count)
{
    struct record_where *all = arena_alloc(&ev->keep, (*count + 8) * sizeof *all);
    size_t more = ev->host->watch->narrow(ev->host->watch->ctx, every->over, all);
    if (*count)
        memcpy(all + more, *where, *count * sizeof *all);
    *where = all;
    *count += more;
    return more > 0;
}

/* One entry of `every` over all its subjects: effects are collected and merged as one run. */
static enum evaluate_result run_over(struct work *w, const struct instance_every *every,
                                     int64_t due, struct effects *list)
{
    struct evaluation *ev = &w->ev;
    struct record_where *where = every->where;
    size_t count = every->where_count;
    if (ev->host->watch && !narrow(ev, every, &where, &count))
        return EVALUATE_DONE;
    struct record_scan *scan = record_scan_open(ev->host->view, every->over, where, count,
                                                false, SPAN_NONE, ev->entry->seq);
    enum evaluate_result r = EVALUATE_DONE;
    struct entry row;
    struct err e = {0};
    struct arena subject = {0};
    while (r == EVALUATE_DONE && record_scan_next(scan, &subject, &row, &e)) {
        arena_reset(&ev->scratch);
        r = call_subject(w, every, &row, due, ev->entry->seq, list);
        if (r == EVALUATE_DONE && too_many_effects(w, list->count, arena_size(&ev->keep)))
            r = EVALUATE_FAULT;
        if (r != EVALUATE_FAULT)
            arena_reset(&subject);
        if (r == EVALUATE_DONE && ev->host->pause)
            ev->host->pause(ev->host->ctx);
    }
    if (r == EVALUATE_DONE && e.code != ERR_NONE && e.code != ERR_MISSING) {
        *w->e = e;
        r = EVALUATE_BROKEN;
    }
    record_scan_close(scan);
    w->ev.row = NULL;
    w->ev.community = SPAN_NONE;
    arena_free(&subject);
    return r;
}

static enum evaluate_result run_every(struct work *w, const struct instance_every *every,
                                      int64_t due)
{
    struct effects list = {0};
    enum evaluate_result r;
    arena_reset(&w->ev.scratch);
    w->ev.bulk = (struct bulk){.on = w->ev.in->bulk_guard, .look_at = BULK_LOOK};
    if (every->over)
        r = run_over(w, every, due, &list);
    else
        r = call_subject(w, every, NULL, due, w->ev.entry->seq, &list);
    w->ev.bulk.on = false;
    if (r != EVALUATE_DONE)
        return r;
    merge(w, &list, 0);
    if (w->ev.in->bulk_guard)
        r = guard_bulk(w, &list);
    return r == EVALUATE_DONE ? evaluate_emit(w, &list) : r;
}

/* --- entries --------------------------------------------------------------------------------------- */

static bool body_time(const struct json *body, int64_t *us)
{
    return calendar_parse_datetime(json_string(json_get(body, "due")), us);
}

static enum evaluate_result judge_tick(struct work *w)
{
    const struct entry *entry = w->ev.entry;
    const struct json *body = json_parse(&w->ev.keep, entry->body, NULL, NULL, w->e);
    int64_t due;
    if (!body)
        return EVALUATE_BROKEN;
    if (!body_time(body, &due))
        due = entry->at;
    const struct json *specs = json_get(body, "specs");
    const struct instance *in = w->ev.in;
    for (size_t i = 0; i < in->every_count; i++) {
        bool is_due = false;
        for (size_t k = 0; k < json_count(specs) && !is_due; k++)
            is_due = span_eq(json_string(json_item(specs, k)), in->every[i].at);
        if (!is_due)
            continue;
        enum evaluate_result r = run_every(w, &in->every[i], due);
        if (r != EVALUATE_DONE)
            return r;
    }
    return EVALUATE_DONE;
}

/* A timer that this scenario has moved or dropped at an earlier entry does not ring, even if the writer told
 * it to before it knew: own effects count from the entry that caused them, not from their commit. */
static enum evaluate_result still_set(struct work *w, bool *set)
{
    const struct entry *entry = w->ev.entry;
    struct entry timers[16];
    size_t n = 0;
    *set = true;
    if (!api_settle(&w->ev, w->e))
        return EVALUATE_BROKEN;
    struct err e = {0};
    if (!version_history(api_own(&w->ev), &w->ev.scratch, ENTRY_TIMER, entry->key, SEQ_LATEST,
                         timers, 16, &n, &e) &&
        e.code != ERR_MISSING) {
        *w->e = e;
        return EVALUATE_BROKEN;
    }
    for (size_t i = 0; i < n && timers[i].seq > entry->cause; i++)
        if (timers[i].cause < entry->seq)
            *set = false;
    return EVALUATE_DONE;
}

static const struct json_limits wake_limits = {
    .bytes = 1 << 20, .depth = 48, .keys = 65536, .string = 1 << 20};

static enum evaluate_result judge_wake(struct work *w)
{
    const struct entry *entry = w->ev.entry;
    struct span parts[2] = {SPAN_NONE, SPAN_NONE};
    if (key_split(entry->key, parts, 2) != 2 || !span_eq(parts[0], w->ev.in->scenario.id))
        return EVALUATE_DONE;
    bool set;
    enum evaluate_result r = still_set(w, &set);
    if (r != EVALUATE_DONE || !set)
        return r;
    const struct json *body = json_parse(&w->ev.keep, entry->body, &wake_limits, NULL, w->e);
    if (!body)
        return EVALUATE_BROKEN;
    int64_t due;
    if (!body_time(body, &due))
        due = entry->at;
    struct effects list = {0};
    if (parts[1].n && parts[1].p[0] == STEADY_MARK) {
        r = w->ev.in->steady ? steady_ring(w, parts[1], due, &list) : EVALUATE_DONE;
        if (r == EVALUATE_DONE)
            emit_all(w, &list);
        return r;
    }
    r = evaluate_wake(w, entry, &list);
    return r == EVALUATE_DONE ? evaluate_emit(w, &list) : r;
}

enum evaluate_result evaluate_wake(struct work *w, const struct entry *entry,
                                   struct effects *into)
{
    struct span parts[2] = {SPAN_NONE, SPAN_NONE};
    int64_t due;
    if (w->ev.in->wake == LUA_NOREF || key_split(entry->key, parts, 2) != 2)
        return EVALUATE_DONE; /* a version before this one had set it */
    const struct json *body = json_parse(&w->ev.keep, entry->body, &wake_limits, NULL, w->e);
    if (!body)
        return EVALUATE_BROKEN;
    if (!body_time(body, &due))
        due = entry->at;
    struct buf data = {0};
    struct call c = {.function = w->ev.in->wake, .timer = arena_span(&w->ev.keep, parts[1])};
    if (json_get(body, "data")) {
        struct json_w j = json_w_begin(&data);
        json_w_value(&j, json_get(body, "data"));
        json_w_end(&j);
        c.data = arena_span(&w->ev.keep, buf_view(&data));
        buf_free(&data);
    }
    size_t from = into->count;
    look_at(w, NULL, NULL, due, w->ev.entry->seq);
    w->ev.by = "wake";
    w->ev.quiet = "24h";
    enum evaluate_result r = call(w, &c, &limit_small, into);
    if (r == EVALUATE_DONE)
        merge(w, into, from);
    return r;
}

static enum evaluate_result judge_record(struct work *w)
{
    const struct entry *entry = w->ev.entry;
    const struct type *t = dictionary_by_id(w->ev.in->dictionary, entry->type);
    if (!t)
        return EVALUATE_DONE;
    if (entry->op == ENTRY_PUT)
        return late_judge(w, t, instance_on(w->ev.in, entry->type));
    const struct instance_handler *removed = instance_removed(w->ev.in, entry->type);
    /* a withdrawal carries what was withdrawn */
    return entry->body.n ? late_withdrawn(w, t, removed) : EVALUATE_DONE;
}

/* More alerts a minute than a street can read: stop with a word to the owner. Counted in the journal's own
 * time, so an engine that catches up stops where one that kept pace did. */
static bool too_many_alerts(struct work *w)
{
    struct instance *in = w->ev.in;
    uint64_t minute = (uint64_t)(w->ev.entry->at / CALENDAR_MINUTE_US);
    if (in->minute_at != minute) {
        in->minute_at = minute;
        in->minute_alerts = 0;
    }
    in->minute_alerts += (uint64_t)w->alerts;
    w->out->minute = minute;
    w->out->alerts = in->minute_alerts;
    return w->alerts && in->minute_alerts > (uint64_t)w->ev.host->alert_limit;
}

static enum evaluate_result judge(struct work *w)
{
    const struct entry *entry = w->ev.entry;
    if (entry->type == ENTRY_TICK)
        return judge_tick(w);
    if (entry->type == ENTRY_WITHDRAWAL)
        return taken_back_judge(w);
    enum evaluate_result r = entry->type == ENTRY_WAKE ? judge_wake(w) : judge_record(w);
    if (r == EVALUATE_DONE && w->ev.host->alert_limit > 0 && too_many_alerts(w)) {
        char text[160];
        snprintf(text, sizeof text, "告警过多：一分钟内超过 %d 条，已停下；请检查条件后再启用",
                 w->ev.host->alert_limit);
        struct fault f = {.message = text};
        w->ev.in->minute_alerts = 0; /* a retry begins anew */
        note_fault(w, &f);
        return EVALUATE_FAULT;
    }
    return r;
}

enum evaluate_result evaluate_entry(struct instance *in, const struct evaluate_host *host,
                                    const struct entry *entry, struct evaluated *out,
                                    struct err *e)
{
    struct work w = {.out = out, .e = e};
    struct arena *arenas[] = {&w.ev.keep, &w.ev.scratch, &w.ev.brief};
    for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++)
        *arenas[i] = in->spare[i];
    w.ev.in = in;
    w.ev.host = host;
    w.ev.entry = entry;
    w.ev.as_of = entry->seq;
    w.ev.now = entry->at;
    size_t effects = out->effects.n;
    uint32_t count = out->effect_count;
    size_t sets = w.sets_from = out->sets.n;
    enum evaluate_result r = judge(&w);
    if (r == EVALUATE_DONE &&
        too_many_effects(&w, out->effect_count - count, out->effects.n - effects))
        r = EVALUATE_FAULT;
    if (r == EVALUATE_DONE) {
        emit_unknown(&w);
        out->runs += w.ev.runs;
        out->unknown += w.ev.unknowns;
    } else {
        out->effects.n = effects;
        out->effect_count = count;
        out->sets.n = sets;
    }
    buf_free(&w.ev.json);
    for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++) {
        arena_reset(arenas[i]);
        in->spare[i] = *arenas[i];
    }
    return r;
}

void evaluated_free(struct evaluated *x)
{
    buf_free(&x->effects);
    buf_free(&x->sets);
}

/* The fault as JSON object (domain/scenario.h). */
static void put_fault(const struct evaluate_fault *f, struct json_w *w)
{
    json_w_object(w);
    json_w_kint(w, "seq", (int64_t)f->seq);
    json_w_kstr(w, "type", f->type);
    json_w_kstr(w, "key", f->key);
    json_w_kint(w, "line", f->line);
    json_w_kstr(w, "message", f->message);
    json_w_object_end(w);
}

void evaluate_outcome_write(struct buf *out, struct span scenario, uint64_t version,
                            uint64_t from, uint64_t to, const struct evaluated *x, bool fault)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kspan(&w, "scenario", scenario);
    json_w_kint(&w, "version", (int64_t)version);
    json_w_kint(&w, "from", (int64_t)from);
    json_w_kint(&w, "to", (int64_t)to);
    json_w_kint(&w, "runs", (int64_t)x->runs);
    json_w_kint(&w, "unknown", (int64_t)x->unknown);
    if (x->alerts) {
        json_w_kint(&w, "minute", (int64_t)x->minute);
        json_w_kint(&w, "alerts", (int64_t)x->alerts);
    }
    if (fault) {
        json_w_name(&w, "fault");
        put_fault(&x->fault, &w);
    }
    json_w_name(&w, "effects");
    json_w_array(&w);
    buf_span(out, buf_view(&x->effects));
    json_w_array_end(&w);
    json_w_object_end(&w);
    json_w_end(&w);
}
