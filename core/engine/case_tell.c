#include "engine/case_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "domain/alert.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/outcome.h"
#include "domain/record.h"
#include "domain/street.h"
#include "domain/timetable.h"
#include "engine/evaluate.h"
#include "engine/instance.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"
#include "util/json.h"

enum { RINGS_MAX = 10000 };

bool case_fail(struct case_play *p, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (p->why->n)
        buf_char(p->why, '\n');
    buf_str(p->why, text);
    return false;
}

static bool apply_act(struct command *c, struct txn *t, struct err *e)
{
    struct case_act *a = (struct case_act *)c; /* command is its first member */
    if (a->clock > a->play->clock) {
        if (!txn_clock_hold(t, a->clock, e))
            return false;
        a->play->clock = a->clock;
    }
    return !a->job || a->job(a, t, e);
}

bool case_commit(struct case_play *p, struct case_act *a)
{
    struct err e = {0};
    a->play = p;
    a->command.apply = apply_act;
    if (store_apply(p->store, &a->command, &e) && view_renew(p->view, &e))
        return true;
    return case_fail(p, "%s", e.text);
}

/* --- judging what came -------------------------------------------------------------------------------- */

static bool apply_outcome(struct case_act *a, struct txn *t, struct err *e)
{
    return outcome_apply(t, a->play->street, a->json, e);
}

static bool settle_entry(struct case_play *p, const struct entry *entry)
{
    struct evaluate_host host = {.view = p->view, .ticks = &p->ticks};
    struct evaluated x = {0};
    struct err e = {0};
    struct arena a = {0};
    struct buf text = {0};
    bool ok = false;
    switch (evaluate_entry(p->in, &host, entry, &x, &e)) {
    case EVALUATE_BROKEN:
        case_fail(p, "%s", e.text);
        break;
    case EVALUATE_FAULT:
        case_fail(p, "第 %d 行出错（%s %s）：%s", x.fault.line, x.fault.type, x.fault.key,
                  x.fault.message);
        break;
    case EVALUATE_DONE:
        evaluate_outcome_write(&text, p->in->scenario.id, p->in->scenario.version_seq,
                               p->cursor, entry->seq, &x, false);
        struct case_act act = {.job = apply_outcome};
        act.json = json_parse(&a, buf_view(&text), &case_wide, NULL, &e);
        ok = act.json ? case_commit(p, &act) : case_fail(p, "%s", e.text);
        p->cursor = entry->seq;
        break;
    }
    evaluated_free(&x);
    buf_free(&text);
    arena_free(&a);
    return ok;
}

/* Every new entry once, in order, as the engine does it. */
static bool catch_up(struct case_play *p)
{
    while (p->seen < view_head(p->view)) {
        struct arena a = {0};
        struct entry entry;
        struct err e = {0};
        bool ok = journal_get(p->view, &a, p->seen + 1, &entry, &e);
        if (!ok)
            case_fail(p, "%s", e.text);
        p->seen++;
        if (ok && instance_wants(p->in, entry.type))
            ok = settle_entry(p, &entry);
        arena_free(&a);
        if (!ok)
            return false;
    }
    return true;
}

/* --- what happens in a step --------------------------------------------------------------------------- */

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool put_record(struct case_act *a, struct txn *t, struct err *e)
{
    struct batch batch = {.type = a->record->type,
                          .records = a->record,
                          .count = 1,
                          .source = SPAN("example"),
                          .quiet = true};
    struct batch_result result;
    return record_apply(t, street_dictionary(a->play->street), &batch, &result, e);
}

static bool ring(struct case_act *a, struct txn *t, struct err *e)
{
    return timetable_ring(t, a->instant, e);
}

bool case_wakes(struct case_play *p, int64_t until)
{
    struct span key;
    int64_t due;
    for (int i = 0; due_first(p->view, &p->arena, &due, &key) && due <= until; i++) {
        struct case_act a = {.job = ring, .instant = due, .clock = latest(p->clock, due)};
        if (i == RINGS_MAX)
            return case_fail(p, "闹钟响个不停（%d 次）", RINGS_MAX);
        if (!case_commit(p, &a) || !catch_up(p))
            return false;
    }
    return true;
}

static bool tell_record(struct case_play *p, const struct json *item, size_t number)
{
    struct buf text = {0};
    struct span name = case_form_record(item, &text);
    const struct type *t = dictionary_find(street_dictionary(p->street), name);
    struct record record;
    struct err e = {0};
    const char *field = "";
    if (!t) {
        buf_free(&text);
        return case_fail(p, "第 %zu 条记录：没有记录类型 %.*s", number, SPAN_ARG(name));
    }
    bool ok = record_parse(t, buf_view(&text), NULL, &p->arena, &record, &field, &e);
    buf_free(&text);
    if (!ok)
        return case_fail(p, "第 %zu 条记录 %s.%s：%s", number, t->name, field, e.text);
    record.type = t;
    int64_t time;
    if (!record_event_time(t, record.body, &time) || time > p->at)
        time = p->at;
    struct case_act a = {.job = put_record, .record = &record, .clock = latest(p->clock, time)};
    return case_wakes(p, a.clock - 1) && case_commit(p, &a) && catch_up(p);
}

bool case_records(struct case_play *p, const struct json *records)
{
    for (size_t i = 0; i < json_count(records); i++)
        if (!tell_record(p, json_item(records, i), i + 1))
            return false;
    return true;
}

static bool withdraw_record(struct case_act *a, struct txn *t, struct err *e)
{
    return record_withdraw(t, a->type, a->key, &a->seq, e);
}

static bool tell_removed_one(struct case_play *p, const struct json *item)
{
    struct buf text = {0};
    struct err e = {0};
    struct span name = case_form_removed(item, &text);
    struct case_act a = {.job = withdraw_record};
    a.type = dictionary_find(street_dictionary(p->street), name);
    a.key = a.type ? key_from_text(&p->arena, buf_view(&text), (size_t)a.type->key_count, &e)
                   : SPAN_NONE;
    bool ok = a.key.n && case_commit(p, &a) && catch_up(p);
    if (!a.type)
        case_fail(p, "removed：没有记录类型 %.*s", SPAN_ARG(name));
    else if (!a.key.n || (ok && !a.seq))
        ok = case_fail(p, "removed：没有记录 %.*s %.*s", SPAN_ARG(name), (int)text.n,
                       text.n ? text.p : "");
    buf_free(&text);
    return ok;
}

bool case_removed(struct case_play *p, const struct json *list)
{
    for (size_t i = 0; i < json_count(list); i++)
        if (!tell_removed_one(p, json_item(list, i)))
            return false;
    return true;
}

static bool act_alert(struct case_act *a, struct txn *t, struct err *e)
{
    struct alert out;
    return alert_act(t, a->play->street, NULL, a->id, a->text, a->json, &out, e);
}

static bool tell_action(struct case_play *p, const struct json *action, const struct alert *al)
{
    struct case_act a = {.job = act_alert, .json = action, .id = span_of(al->id)};
    a.text = json_string(json_get(action, "action"));
    return (case_commit(p, &a) && catch_up(p)) ||
           case_fail(p, "办理 %.*s 没有成功", SPAN_ARG(al->key));
}

bool case_actions(struct case_play *p, const struct json *actions, bool *done, bool at_end)
{
    for (size_t i = 0; i < json_count(actions); i++) {
        const struct json *action = json_item(actions, i);
        struct span key =
            case_form_key(p->in->scenario.id, json_string(json_get(action, "key")));
        struct alert al;
        struct err e = {0};
        if (done[i])
            continue;
        bool known =
            alert_get(p->view, &p->arena, p->in->scenario.id, key, SEQ_LATEST, &al, &e);
        if (!known && at_end)
            return case_fail(p, "没有告警 %.*s，不能对它办理", SPAN_ARG(key));
        bool now = known && (at_end || alert_is_open(&al) ||
                             span_eq(json_string(json_get(action, "action")), SPAN("reopen")));
        if (now && !tell_action(p, action, &al))
            return false;
        done[i] = now;
    }
    return true;
}

static bool append(struct case_act *a, struct txn *t, struct err *e)
{
    return txn_append(t, &a->entry, e) != 0;
}

bool case_ticks(struct case_play *p)
{
    struct buf body = {0}, time = {0};
    struct json_w w = json_w_begin(&body);
    bool any = false;
    calendar_put_datetime(&time, p->at);
    json_w_object(&w);
    json_w_kspan(&w, "due", buf_view(&time));
    json_w_name(&w, "specs");
    json_w_array(&w);
    for (size_t i = 0; i < p->in->every_count; i++) {
        bool said = false;
        for (size_t k = 0; k < i && !said; k++)
            said = span_eq(p->in->every[k].at, p->in->every[i].at);
        if (said || !schedule_is_due(&p->in->every[i].schedule, p->at))
            continue;
        json_w_span(&w, p->in->every[i].at);
        any = true;
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    struct case_act a = {.job = append};
    a.entry = (struct entry_new){.type = ENTRY_TICK, .body = buf_view(&body)};
    bool ok = !any || (case_commit(p, &a) && catch_up(p));
    buf_free(&body);
    buf_free(&time);
    return ok;
}
