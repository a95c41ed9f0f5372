#include "engine/runner.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "domain/dictionary.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/scenario.h"
#include "engine/instance.h"
#include "engine/late.h"
#include "engine/page.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

enum { RENEW_US = 500 * 1000, RENEW_TRIES = 100, RENEW_WAIT_MS = 50, TELL_US = 20 * 1000 };

void runner_init(struct runner *r, struct engine *en, struct span id)
{
    *r = (struct runner){.engine = en, .state = RUNNER_STALE};
    snprintf(r->id, sizeof r->id, "%.*s", SPAN_ARG(id));
}

static void forget(struct evaluated *x)
{
    buf_clear(&x->effects);
    buf_clear(&x->sets);
    x->effect_count = 0;
    x->runs = x->unknown = x->minute = x->alerts = 0;
}

void runner_fini(struct runner *r)
{
    instance_free(r->in);
    evaluated_free(&r->made);
    evaluated_free(&r->entry);
    buf_free(&r->overlay);
}

static struct span id_of(const struct runner *r)
{
    return span_of(r->id);
}

/* --- the watchdog's page --------------------------------------------------------------------------- */

static void page_begin(struct runner *r, uint64_t seq)
{
    struct page *p = r->engine->page;
    atomic_fetch_add(&p->turn, 1);
    memcpy(p->scenario, r->id, sizeof r->id);
    atomic_store(&p->since, clock_mono_us());
    atomic_store(&p->seq, seq);
    atomic_fetch_add(&p->turn, 1);
}

static void page_end(struct runner *r)
{
    atomic_store(&r->engine->page->seq, 0);
}

void runner_renew(struct engine *en)
{
    uint64_t seq = atomic_exchange(&en->page->seq, 0); /* waiting is not hanging */
    struct err e = {0};
    for (int i = 0; !view_renew(en->view, &e); i++) {
        if (i == RENEW_TRIES) {
            log_error("engine", "store not readable: %s", e.text);
            log_flush();
            _exit(1);
        }
        poll(NULL, 0, RENEW_WAIT_MS);
    }
    en->renewed_at = clock_mono_us();
    atomic_store(&en->page->since, en->renewed_at);
    atomic_store(&en->page->seq, seq);
}

/* --- outcomes --------------------------------------------------------------------------------------- */

static void send(struct runner *r, uint64_t to, const struct evaluated *made, bool fault)
{
    struct buf text = {0};
    evaluate_outcome_write(&text, id_of(r), r->version, r->sent, to, made, fault);
    r->on_way++;
    r->sent = to;
    r->engine->send(r->engine, buf_view(&text));
    buf_free(&text);
}

void runner_flush(struct runner *r)
{
    if (r->state != RUNNER_RUNNING || r->cursor == r->sent)
        return;
    send(r, r->cursor, &r->made, false);
    forget(&r->made);
    r->made_at = 0;
}

void runner_stale(struct runner *r)
{
    r->state = RUNNER_STALE;
    forget(&r->made);
    r->made_at = 0;
    instance_free(r->in);
    r->in = NULL;
}

void runner_answered(struct runner *r, uint64_t to, bool ok)
{
    if (r->on_way > 0)
        r->on_way--;
    if (!ok) {
        r->refused = true;
        return; /* process.c makes it stale once nothing of it is being judged */
    }
    while (r->overlay.n) {
        uint64_t seq;
        memcpy(&seq, r->overlay.p, sizeof seq);
        if (seq > to)
            break;
        uint32_t size;
        memcpy(&size, r->overlay.p + sizeof seq, sizeof size);
        buf_cut(&r->overlay, sizeof seq + sizeof size + size);
    }
}

/* --- what its scripts look out from ---------------------------------------------------------------- */

static bool settle(void *ctx, struct err *e)
{
    struct runner *r = ctx;
    uint64_t seq = atomic_load(&r->engine->page->seq);
    runner_flush(r);
    page_end(r); /* waiting is not hanging */
    bool ok = r->on_way == 0 || r->engine->wait(r->engine, r);
    page_begin(r, seq);
    if (!ok || r->refused)
        return err_set(e, ERR_CONFLICT, "outcome refused, begin again");
    runner_renew(r->engine);
    return true;
}

static bool lookup(const struct buf *sets, size_t at, size_t end, struct span key,
                   struct span *value)
{
    bool found = false;
    while (at < end) {
        uint32_t sizes[2];
        memcpy(sizes, sets->p + at, sizeof sizes);
        at += sizeof sizes;
        if (span_eq((struct span){sets->p + at, sizes[0]}, key)) {
            *value = (struct span){sets->p + at + sizes[0], sizes[1]};
            found = true;
        }
        at += (size_t)sizes[0] + sizes[1];
    }
    return found;
}

/* What an entry before the one in hand has set and is not committed yet; the last one counts. */
static bool state(void *ctx, struct span key, struct span *value)
{
    struct runner *r = ctx;
    bool found = false;
    for (size_t at = 0; at < r->overlay.n;) {
        uint32_t size;
        memcpy(&size, r->overlay.p + at + sizeof(uint64_t), sizeof size);
        at += sizeof(uint64_t) + sizeof size;
        found |= lookup(&r->overlay, at, at + size, key, value);
        at += size;
    }
    return found;
}

static void rest(void *ctx)
{
    struct runner *r = ctx;
    int64_t now = clock_mono_us();
    atomic_store(&r->engine->page->since, now);
    if (now - r->engine->renewed_at >= RENEW_US)
        runner_renew(r->engine);
}

/* --- judging ----------------------------------------------------------------------------------------- */

static void keep(struct runner *r, uint64_t seq)
{
    struct evaluated *x = &r->entry, *all = &r->made;
    if (x->effect_count) {
        if (all->effect_count)
            buf_char(&all->effects, ',');
        buf_span(&all->effects, buf_view(&x->effects));
        all->effect_count += x->effect_count;
    }
    all->runs += x->runs;
    all->unknown += x->unknown;
    if (x->alerts) {
        all->minute = x->minute;
        all->alerts = x->alerts;
    }
    if (x->sets.n) {
        uint32_t size = (uint32_t)x->sets.n;
        buf_put(&r->overlay, &seq, sizeof seq);
        buf_put(&r->overlay, &size, sizeof size);
        buf_span(&r->overlay, buf_view(&x->sets));
    }
}

static void set_aside(struct runner *r, const struct evaluate_fault *f)
{
    log_warn("engine", "%s stands still at seq=%llu line=%d: %s", r->id,
             (unsigned long long)f->seq, f->line, f->message);
    r->made.fault = *f;
    send(r, f->seq - 1, &r->made, true);
    forget(&r->made);
    r->made_at = 0;
    r->state = RUNNER_ASLEEP;
    instance_free(r->in);
    r->in = NULL;
}

/* Take the order to set this scenario aside here, if there is one. */
static bool is_aside(struct runner *r, uint64_t seq, struct evaluate_fault *f)
{
    for (struct aside **at = &r->engine->asides; *at; at = &(*at)->next) {
        struct aside *x = *at;
        if (x->seq != seq || strcmp(x->scenario, r->id) != 0)
            continue;
        *f = (struct evaluate_fault){.seq = seq};
        snprintf(f->message, sizeof f->message, "%s", x->why);
        *at = x->next;
        mem_free(x);
        return true;
    }
    return false;
}

static void name_entry(struct runner *r, const struct entry *entry, struct evaluate_fault *f)
{
    struct buf key = {0};
    const struct type *t = dictionary_by_id(r->in->dictionary, entry->type);
    key_put_text(&key, entry->key);
    snprintf(f->type, sizeof f->type, "%s", t ? t->name : entry->key.n ? "wake" : "tick");
    snprintf(f->key, sizeof f->key, "%.*s", (int)key.n, key.n ? key.p : "");
    buf_free(&key);
}

/* What a tick over a whole street took: the first thing asked when a street is slow at eight. */
static void tell_tick(const struct runner *r, const struct entry *entry, int64_t began)
{
    int64_t us = clock_mono_us() - began;
    if (us >= TELL_US)
        log_info("tick", "judged %s seq=%llu runs=%llu ms=%lld", r->id,
                 (unsigned long long)entry->seq, (unsigned long long)r->entry.runs,
                 (long long)us / 1000);
}

void runner_judge(struct runner *r, const struct entry *entry)
{
    struct evaluate_fault fault;
    if (is_aside(r, entry->seq, &fault)) {
        name_entry(r, entry, &fault);
        set_aside(r, &fault);
        return;
    }
    struct evaluate_host host = {
        .view = r->engine->view,
        .ticks = r->engine->ticks,
        .settle = settle,
        .state = state,
        .pause = rest,
        .ctx = r,
        .alert_limit = r->engine->alert_limit,
    };
    struct err e = {0};
    if (r->made_at == 0)
        r->made_at = clock_mono_us();
    forget(&r->entry);
    page_begin(r, entry->seq);
    int64_t began = entry->type == ENTRY_TICK ? clock_mono_us() : 0;
    enum evaluate_result result = evaluate_entry(r->in, &host, entry, &r->entry, &e);
    page_end(r);
    if (began)
        tell_tick(r, entry, began);
    switch (result) {
    case EVALUATE_DONE:
        keep(r, entry->seq);
        r->cursor = entry->seq;
        return;
    case EVALUATE_FAULT:
        set_aside(r, &r->entry.fault);
        return;
    case EVALUATE_BROKEN:
        if (!r->refused)
            log_error("engine", "%s could not be judged at seq=%llu: %s", r->id,
                      (unsigned long long)entry->seq, e.text);
        runner_stale(r);
        return;
    }
}

bool runner_wants(const struct runner *r, uint16_t type)
{
    return r->state == RUNNER_RUNNING && instance_wants(r->in, type);
}

/* --- loading ------------------------------------------------------------------------------------------ */

static bool look(struct runner *r, struct arena *a, struct scenario *s, enum scenario_state *st)
{
    struct err e = {0};
    struct scenario_status status = {0};
    if (!scenario_get(r->engine->view, a, id_of(r), SEQ_LATEST, s, &e))
        return false;
    scenario_status(r->engine->view, a, id_of(r), &status);
    *st = status.state;
    return true;
}

bool runner_is_current(struct runner *r)
{
    struct arena a = {0};
    struct scenario s;
    enum scenario_state st;
    bool there = look(r, &a, &s, &st);
    bool runs = there && st == SCENARIO_RUNNING;
    bool same = r->state == RUNNER_RUNNING ? runs && s.version_seq == r->version : !runs;
    arena_free(&a);
    return same;
}

void runner_load(struct runner *r)
{
    struct arena a = {0};
    struct scenario s;
    enum scenario_state st;
    struct cursor c = {0};
    struct fault f = {0};
    struct err e = {0};
    instance_free(r->in);
    r->in = NULL;
    r->refused = false;
    r->state = RUNNER_ASLEEP;
    buf_clear(&r->overlay);
    forget(&r->made);
    r->made_at = 0;
    if (!look(r, &a, &s, &st) || st != SCENARIO_RUNNING) {
        arena_free(&a);
        return;
    }
    cursor_get(r->engine->view, id_of(r), &c);
    r->cursor = r->sent = c.seq;
    r->version = c.version ? c.version : s.version_seq;
    struct evaluate_fault fault = {.seq = c.seq + 1, .type = "load"};
    if (is_aside(r, c.seq + 1, &fault)) {
        snprintf(fault.type, sizeof fault.type, "load");
        arena_free(&a);
        set_aside(r, &fault);
        return;
    }
    page_begin(r, c.seq + 1);
    r->in = instance_new(r->engine->street, r->engine->modules, &a, &s, &f, &e);
    page_end(r);
    arena_free(&a);
    if (r->in) {
        r->in->minute_at = c.minute;
        r->in->minute_alerts = c.alerts;
        r->state = RUNNER_RUNNING;
        return;
    }
    fault.line = f.line;
    snprintf(fault.message, sizeof fault.message, "%s", f.text[0] ? f.text : e.text);
    set_aside(r, &fault);
}
