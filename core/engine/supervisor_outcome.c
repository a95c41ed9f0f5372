#include "engine/supervisor_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "domain/outcome.h"
#include "domain/street.h"
#include "engine/frame.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

struct outcome_command {
    struct command command;
    struct supervisor *supervisor;
    struct arena arena;
    const struct json *json;
    unsigned life;
    bool ok;
    struct outcome_command *next;
};
void supervisor_wake(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0 && errno != EAGAIN)
        log_error("engine", "eventfd: %s", strerror(errno));
}

/* The office files as they are now; read again when they have changed. */
static struct street *street_now(struct supervisor *s, struct txn *t, struct err *e)
{
    if (s->street && !atomic_exchange(&s->street_old, false))
        return s->street;
    struct street *fresh = street_load(txn_view(t), SEQ_LATEST, e);
    if (fresh) {
        if (s->street)
            street_unref(s->street);
        s->street = fresh;
    } else {
        atomic_store(&s->street_old, true);
    }
    return fresh;
}

static bool apply_outcome(struct command *c, struct txn *t, struct err *e)
{
    struct outcome_command *o = (struct outcome_command *)c;
    struct street *street = street_now(o->supervisor, t, e);
    return street && outcome_apply(t, street, o->json, e);
}

static void outcome_done(struct command *c, const struct err *e)
{
    struct outcome_command *o = (struct outcome_command *)c;
    struct supervisor *s = o->supervisor;
    o->ok = e == NULL;
    if (e && e->code != ERR_CONFLICT)
        log_error("engine", "outcome not stored: %s", e->text);
    pthread_mutex_lock(&s->lock);
    o->next = NULL;
    struct outcome_command **at = &s->answered;
    while (*at)
        at = &(*at)->next;
    *at = o;
    int fd = s->wake_fd; /* the supervisor lives until this has been taken off the list */
    supervisor_wake(fd);
    pthread_mutex_unlock(&s->lock);
}

static struct counted *counted_of(struct supervisor *s, struct span id)
{
    for (struct counted *c = s->counted; c; c = c->next)
        if (span_eq(span_of(c->scenario), id))
            return c;
    struct counted *c = mem_alloc(sizeof *c);
    snprintf(c->scenario, sizeof c->scenario, "%.*s", SPAN_ARG(id));
    c->next = s->counted;
    s->counted = c;
    return c;
}

static void count(struct supervisor *s, const struct json *outcome)
{
    int64_t runs = 0, unknown = 0;
    struct counted *c = counted_of(s, json_string(json_get(outcome, "scenario")));
    json_int(json_get(outcome, "runs"), &runs);
    json_int(json_get(outcome, "unknown"), &unknown);
    c->counters.runs += (uint64_t)runs;
    c->counters.unknown += (uint64_t)unknown;
    c->counters.errors += json_get(outcome, "fault") != NULL;
    s->stats.outcomes++;
}

void supervisor_submit(struct supervisor *s, struct span frame)
{
    static const struct json_limits wide = {
        .bytes = FRAME_MAX, .depth = 40, .keys = 100000, .string = 1 << 20};
    struct outcome_command *o = mem_alloc(sizeof *o);
    struct err e = {0};
    o->json = json_parse(&o->arena, frame, &wide, NULL, &e);
    if (!o->json) {
        log_error("engine", "outcome not readable: %s", e.text);
        arena_free(&o->arena);
        mem_free(o);
        if (s->pid > 0)
            kill(s->pid, SIGKILL); /* it begins again at the stored cursor */
        return;
    }
    o->command.apply = apply_outcome;
    o->command.done = outcome_done;
    o->supervisor = s;
    o->life = s->life;
    pthread_mutex_lock(&s->lock);
    count(s, o->json);
    s->on_way++;
    pthread_mutex_unlock(&s->lock);
    writer_submit(s->options.writer, &o->command);
}

/* --- answers to the engine ------------------------------------------------------------------------------ */

static void put_ack(struct supervisor *s, const struct outcome_command *o)
{
    struct buf text = {0};
    struct json_w w = json_w_begin(&text);
    int64_t to = 0;
    json_int(json_get(o->json, "to"), &to);
    json_w_object(&w);
    json_w_kstr(&w, "t", "ack");
    json_w_kspan(&w, "scenario", json_string(json_get(o->json, "scenario")));
    json_w_kint(&w, "to", to);
    json_w_kbool(&w, "ok", o->ok);
    json_w_object_end(&w);
    json_w_end(&w);
    frame_put(&s->out, buf_view(&text));
    buf_free(&text);
}

/* What the engine has seen counts once nothing of it is on its way to disk. Under the lock. */
void supervisor_seen(struct supervisor *s)
{
    if (s->on_way > 0 || s->seen_told <= s->seen)
        return;
    s->seen = s->seen_told;
    s->stats.slowest_cursor = s->seen;
    pthread_cond_broadcast(&s->changed);
}

/* The fault is stored: nobody has to be told any more. */
static void drop_aside(struct supervisor *s, const struct json *fault,
                       const struct json *outcome)
{
    int64_t seq = 0;
    json_int(json_get(fault, "seq"), &seq);
    struct span id = json_string(json_get(outcome, "scenario"));
    for (struct aside **at = &s->asides; *at;) {
        struct aside *x = *at;
        if (x->seq == (uint64_t)seq && span_eq(span_of(x->scenario), id)) {
            *at = x->next;
            mem_free(x);
        } else {
            at = &x->next;
        }
    }
}

void supervisor_answer(struct supervisor *s)
{
    pthread_mutex_lock(&s->lock);
    struct outcome_command *list = s->answered;
    s->answered = NULL;
    bool changed = s->say_changed;
    s->say_changed = false;
    for (struct outcome_command *o = list; o; o = o->next) {
        s->on_way--;
        s->stats.refused += !o->ok;
        if (!o->ok && o->life == s->life)
            s->seen_told = 0; /* it will judge again what was refused */
    }
    supervisor_seen(s);
    pthread_mutex_unlock(&s->lock);
    while (list) {
        struct outcome_command *o = list;
        list = o->next;
        if (o->ok && json_get(o->json, "fault"))
            drop_aside(s, json_get(o->json, "fault"), o->json);
        if (o->life == s->life && s->control >= 0)
            put_ack(s, o);
        arena_free(&o->arena);
        mem_free(o);
    }
    if (changed && s->control >= 0)
        frame_put(&s->out, SPAN("{\"t\":\"changed\"}"));
}
