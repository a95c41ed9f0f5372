#include "engine/case.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "domain/alert.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/outcome.h"
#include "domain/record.h"
#include "domain/street.h"
#include "domain/timetable.h"
#include "engine/case_form.h"
#include "engine/evaluate.h"
#include "engine/instance.h"
#include "engine/late.h"
#include "engine/lua_json.h"
#include "store/store.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/calendar.h"
#include "util/json.h"
#include "util/mem.h"

enum { RINGS_MAX = 10000, DIFFERENCES_MAX = 10 };

static const struct json_limits wide = {
    .bytes = 256u << 20, .depth = 32, .keys = 1u << 20, .string = 1u << 20};

struct case_bench {
    struct store *store;
};

/* --- the store ------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

struct case_bench *case_bench_open(struct err *e)
{
    char dir[512];
    const char *base = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/wangyi-case-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(dir)) {
        err_set(e, ERR_SYSTEM, "不能在临时目录里建立 %s，请检查 TMPDIR", dir);
        return NULL;
    }
    struct store_options o = {.dir = dir, .no_sync = true, .map_bytes = 1ul << 30};
    struct store *store = store_open(&o, e);
    nftw(dir, remove_one, 8,
         FTW_DEPTH | FTW_PHYS); /* open files stay: nothing is left behind */
    if (!store)
        return NULL;
    struct case_bench *b = mem_alloc(sizeof *b);
    b->store = store;
    return b;
}

void case_bench_close(struct case_bench *b)
{
    if (!b)
        return;
    store_close(b->store);
    mem_free(b);
}

/* --- one case in progress -------------------------------------------------------------------------- */

struct play {
    const struct case_script *script;
    struct store *store;
    struct view *view;
    struct street *street;
    struct instance *in;
    struct tick_log ticks;
    struct arena arena;
    int64_t clock, at;
    uint64_t cursor, seen;         /* committed; looked at */
    struct case_settings settings; /* overrides so far */
    const struct json *given;      /* of the case as a whole: comes with the first step */
    struct buf *why;
    struct err e;
};

/* Fill `why` and fail. */
__attribute__((format(printf, 2, 3))) static bool fail(struct play *p, const char *fmt, ...)
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

/* Everything the case does to the store is one command with one job. */
struct act {
    struct command command;
    struct play *play;
    bool (*job)(struct act *a, struct txn *t, struct err *e);
    int64_t clock; /* hold the clock here first */
    int64_t instant;
    const struct record *record;
    const struct type *type; /* of the record `key` that is withdrawn */
    struct span key;
    uint64_t seq; /* of what the job wrote; 0: nothing */
    const struct json *json;
    struct span text, id;
    struct entry_new entry;
};

static bool apply_act(struct command *c, struct txn *t, struct err *e)
{
    struct act *a = (struct act *)c; /* command is its first member */
    if (a->clock > a->play->clock) {
        if (!txn_clock_hold(t, a->clock, e))
            return false;
        a->play->clock = a->clock;
    }
    return !a->job || a->job(a, t, e);
}

static bool commit(struct play *p, struct act *a)
{
    struct err e = {0};
    a->play = p;
    a->command.apply = apply_act;
    if (store_apply(p->store, &a->command, &e) && view_renew(p->view, &e))
        return true;
    return fail(p, "%s", e.text);
}

/* --- judging what came -------------------------------------------------------------------------------- */

static bool apply_outcome(struct act *a, struct txn *t, struct err *e)
{
    return outcome_apply(t, a->play->street, a->json, e);
}

static bool settle_entry(struct play *p, const struct entry *entry)
{
    struct evaluate_host host = {.view = p->view, .ticks = &p->ticks};
    struct evaluated x = {0};
    struct err e = {0};
    struct arena a = {0};
    struct buf text = {0};
    bool ok = false;
    switch (evaluate_entry(p->in, &host, entry, &x, &e)) {
    case EVALUATE_BROKEN:
        fail(p, "%s", e.text);
        break;
    case EVALUATE_FAULT:
        fail(p, "第 %d 行出错（%s %s）：%s", x.fault.line, x.fault.type, x.fault.key,
             x.fault.message);
        break;
    case EVALUATE_DONE:
        evaluate_outcome_write(&text, p->in->scenario.id, p->in->scenario.version_seq,
                               p->cursor, entry->seq, &x, false);
        struct act act = {.job = apply_outcome};
        act.json = json_parse(&a, buf_view(&text), &wide, NULL, &e);
        ok = act.json ? commit(p, &act) : fail(p, "%s", e.text);
        p->cursor = entry->seq;
        break;
    }
    evaluated_free(&x);
    buf_free(&text);
    arena_free(&a);
    return ok;
}

/* Every new entry once, in order, as the engine does it. */
static bool catch_up(struct play *p)
{
    while (p->seen < view_head(p->view)) {
        struct arena a = {0};
        struct entry entry;
        struct err e = {0};
        bool ok = journal_get(p->view, &a, p->seen + 1, &entry, &e);
        if (!ok)
            fail(p, "%s", e.text);
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

static bool put_record(struct act *a, struct txn *t, struct err *e)
{
    struct batch batch = {.type = a->record->type,
                          .records = a->record,
                          .count = 1,
                          .source = SPAN("example"),
                          .quiet = true};
    struct batch_result result;
    return record_apply(t, street_dictionary(a->play->street), &batch, &result, e);
}

static bool ring(struct act *a, struct txn *t, struct err *e)
{
    return timetable_ring(t, a->instant, e);
}

/* Timers due up to `until`, each at its time. */
static bool tell_wakes(struct play *p, int64_t until)
{
    struct span key;
    int64_t due;
    for (int i = 0; due_first(p->view, &p->arena, &due, &key) && due <= until; i++) {
        struct act a = {.job = ring, .instant = due, .clock = latest(p->clock, due)};
        if (i == RINGS_MAX)
            return fail(p, "闹钟响个不停（%d 次）", RINGS_MAX);
        if (!commit(p, &a) || !catch_up(p))
            return false;
    }
    return true;
}

static bool tell_record(struct play *p, const struct json *item, size_t number)
{
    struct buf text = {0};
    struct span name = case_form_record(item, &text);
    const struct type *t = dictionary_find(street_dictionary(p->street), name);
    struct record record;
    struct err e = {0};
    const char *field = "";
    if (!t) {
        buf_free(&text);
        return fail(p, "第 %zu 条记录：没有记录类型 %.*s", number, SPAN_ARG(name));
    }
    bool ok = record_parse(t, buf_view(&text), NULL, &p->arena, &record, &field, &e);
    buf_free(&text);
    if (!ok)
        return fail(p, "第 %zu 条记录 %s.%s：%s", number, t->name, field, e.text);
    record.type = t;
    int64_t time;
    if (!record_event_time(t, record.body, &time) || time > p->at)
        time = p->at;
    struct act a = {.job = put_record, .record = &record, .clock = latest(p->clock, time)};
    return tell_wakes(p, a.clock - 1) && commit(p, &a) && catch_up(p);
}

static bool tell_records(struct play *p, const struct json *records)
{
    for (size_t i = 0; i < json_count(records); i++)
        if (!tell_record(p, json_item(records, i), i + 1))
            return false;
    return true;
}

static bool withdraw_record(struct act *a, struct txn *t, struct err *e)
{
    return record_withdraw(t, a->type, a->key, &a->seq, e);
}

static bool tell_removed_one(struct play *p, const struct json *item)
{
    struct buf text = {0};
    struct err e = {0};
    struct span name = case_form_removed(item, &text);
    struct act a = {.job = withdraw_record};
    a.type = dictionary_find(street_dictionary(p->street), name);
    a.key = a.type ? key_from_text(&p->arena, buf_view(&text), (size_t)a.type->key_count, &e)
                   : SPAN_NONE;
    bool ok = a.key.n && commit(p, &a) && catch_up(p);
    if (!a.type)
        fail(p, "removed：没有记录类型 %.*s", SPAN_ARG(name));
    else if (!a.key.n || (ok && !a.seq))
        ok = fail(p, "removed：没有记录 %.*s %.*s", SPAN_ARG(name), (int)text.n,
                  text.n ? text.p : "");
    buf_free(&text);
    return ok;
}

static bool tell_removed(struct play *p, const struct json *list)
{
    for (size_t i = 0; i < json_count(list); i++)
        if (!tell_removed_one(p, json_item(list, i)))
            return false;
    return true;
}

static bool act_alert(struct act *a, struct txn *t, struct err *e)
{
    struct alert out;
    return alert_act(t, a->play->street, NULL, a->id, a->text, a->json, &out, e);
}

static bool tell_action(struct play *p, const struct json *action, const struct alert *al)
{
    struct act a = {.job = act_alert, .json = action, .id = span_of(al->id)};
    a.text = json_string(json_get(action, "action"));
    return (commit(p, &a) && catch_up(p)) || fail(p, "办理 %.*s 没有成功", SPAN_ARG(al->key));
}

/* What people do comes before the step's records; what they do to an alert that only this step raises comes
 * at its end. `done` has one flag for each action. */
static bool tell_actions(struct play *p, const struct json *actions, bool *done, bool at_end)
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
            return fail(p, "没有告警 %.*s，不能对它办理", SPAN_ARG(key));
        bool now = known && (at_end || alert_is_open(&al) ||
                             span_eq(json_string(json_get(action, "action")), SPAN("reopen")));
        if (now && !tell_action(p, action, &al))
            return false;
        done[i] = now;
    }
    return true;
}

static bool set_values(struct play *p, const struct json *changes)
{
    struct err e = {0};
    if (!case_form_settings(p->in, changes, &p->arena, &p->settings, &e))
        return fail(p, "%s", e.text);
    p->in->values = &p->settings.values;
    p->in->local = &p->settings.local;
    return true;
}

static bool append(struct act *a, struct txn *t, struct err *e)
{
    return txn_append(t, &a->entry, e) != 0;
}

/* One TICK entry with what is due exactly now. */
static bool tell_ticks(struct play *p)
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
    struct act a = {.job = append};
    a.entry = (struct entry_new){.type = ENTRY_TICK, .body = buf_view(&body)};
    bool ok = !any || (commit(p, &a) && catch_up(p));
    buf_free(&body);
    buf_free(&time);
    return ok;
}

/* --- the expected end ---------------------------------------------------------------------------------- */

static const struct json *wanted(const struct play *p, const struct json *expect,
                                 struct span key)
{
    for (size_t i = 0; i < json_count(expect); i++)
        if (span_eq(case_form_key(p->in->scenario.id,
                                  json_string(json_get(json_item(expect, i), "key"))),
                    key))
            return json_item(expect, i);
    return NULL;
}

/* One difference; the first ones are told. */
__attribute__((format(printf, 3, 4))) static void differ(struct play *p, int *count,
                                                         const char *fmt, ...)
{
    char text[700];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (++*count <= DIFFERENCES_MAX)
        fail(p, "%s", text);
}

static bool compare(struct play *p, const struct json *expect)
{
    struct alert_scan *s = alert_scan_open(p->view, p->in->scenario.id, SEQ_LATEST);
    size_t n = json_count(expect), found = 0;
    /* with one kind of alert its name is the script's own affair */
    bool named = json_count(json_get(p->in->scenario.manifest, "life")) > 1;
    bool *met = arena_alloc(&p->arena, n + 1);
    struct alert al;
    struct err e = {0};
    int bad = 0;
    while (alert_scan_next(s, &p->arena, &al, &e)) {
        if (!alert_is_open(&al))
            continue;
        const struct json *want = wanted(p, expect, al.key);
        if (!want) {
            differ(p, &bad, "多出告警 %.*s（%s %.*s）：%.*s", SPAN_ARG(al.key),
                   alert_level_name(al.level), SPAN_ARG(al.kind), SPAN_ARG(al.title));
            continue;
        }
        met[want - json_item(expect, 0)] = true;
        found++;
        struct span level = json_string(json_get(want, "level"));
        struct span kind = json_string(json_get(want, "kind"));
        if (level.p && !span_eq(level, span_of(alert_level_name(al.level))))
            differ(p, &bad, "告警 %.*s 的级别应为 %.*s，现在是 %s", SPAN_ARG(al.key),
                   SPAN_ARG(level), alert_level_name(al.level));
        if (kind.n && named && !span_eq(kind, al.kind))
            differ(p, &bad, "告警 %.*s 的种类应为 %.*s，现在是 %.*s", SPAN_ARG(al.key),
                   SPAN_ARG(kind), SPAN_ARG(al.kind));
    }
    alert_scan_close(s);
    if (e.code != ERR_NONE && e.code != ERR_MISSING)
        return fail(p, "%s", e.text);
    for (size_t i = 0; i < n && found < n; i++) {
        struct span key = json_string(json_get(json_item(expect, i), "key"));
        struct span level = json_string(json_get(json_item(expect, i), "level"));
        if (!met[i])
            differ(p, &bad, "缺少告警 %.*s（%.*s）", SPAN_ARG(key), SPAN_ARG(level));
    }
    if (bad > DIFFERENCES_MAX)
        fail(p, "……共 %d 处不同", bad);
    return bad == 0;
}

/* --- a step, a case ------------------------------------------------------------------------------------- */

static const struct json *records_of(const struct json *step)
{
    const struct json *list = json_get(step, "records");
    return list ? list : json_get(step, "given");
}

/* A step without `at` goes on where the clock stands; the first has nowhere to stand. */
static bool set_time(struct play *p, const struct json *step)
{
    const struct json *at = json_get(step, "at");
    struct span text = json_string(at);
    if (!at && !p->at)
        return fail(p, "缺少 at：请写明判断的时刻");
    if (at && (!calendar_parse_datetime(text, &p->at) || p->at < p->clock))
        return fail(p, "时刻 %.*s 写错了，或者早于前面的时刻", SPAN_ARG(text));
    return true;
}

static bool run_step(struct play *p, const struct json *step)
{
    const struct json *actions = json_get(step, "actions"), *expect = json_get(step, "expect");
    bool *done = arena_alloc(&p->arena, json_count(actions) + 1);
    memset(done, 0, json_count(actions) + 1);
    if (!set_time(p, step) || !set_values(p, json_get(step, "settings")) ||
        !tell_actions(p, actions, done, false) || !tell_records(p, p->given) ||
        !tell_records(p, records_of(step)))
        return false;
    p->given = NULL;
    struct act clock = {.clock = p->at};
    if (!tell_wakes(p, p->at) || !commit(p, &clock) ||
        !tell_removed(p, json_get(step, "removed")) ||
        (json_get(step, "at") && !tell_ticks(p)) || !tell_wakes(p, p->at) ||
        !tell_actions(p, actions, done, true))
        return false;
    return !expect || compare(p, expect);
}

static bool publish(struct act *a, struct txn *t, struct err *e)
{
    const struct case_script *s = a->play->script;
    struct scenario_publish p = {.id = s->id,
                                 .text = s->text,
                                 .kind = SPAN("file"),
                                 .author = SPAN("example"),
                                 .manifest = s->manifest};
    uint64_t version;
    return scenario_publish(t, &p, &version, e);
}

static bool load(struct play *p)
{
    struct act a = {.job = publish, .clock = CALENDAR_DAY_US};
    struct arena arena = {0};
    struct scenario s;
    struct fault f = {0};
    struct err e = {0};
    if (!commit(p, &a))
        return false;
    bool ok = scenario_get(p->view, &arena, p->script->id, SEQ_LATEST, &s, &e);
    if (ok)
        p->in = instance_new(p->street, p->script->modules, &arena, &s, &f, &e);
    arena_free(&arena);
    if (!p->in)
        return fail(p, "%s", f.text[0] ? f.text : e.text);
    struct cursor c;
    cursor_get(p->view, p->script->id, &c);
    p->cursor = c.seq;
    p->seen = view_head(p->view);
    p->settings.values.type = p->settings.local.type = JSON_OBJECT;
    if (p->script->line)
        sandbox_on_line(p->in->box, p->script->line, p->script->ctx);
    return true;
}

static bool run_steps(struct play *p, const struct json *one)
{
    const struct json *steps = json_get(one, "steps");
    if (!set_values(p, steps ? json_get(one, "settings") : NULL))
        return false;
    if (!steps)
        return run_step(p, one);
    p->given = records_of(one);
    for (size_t i = 0; i < json_count(steps); i++)
        if (!run_step(p, json_item(steps, i))) {
            buf_printf(p->why, "（第 %zu 步）", i + 1);
            return false;
        }
    const struct json *expect = json_get(one, "expect");
    return !expect || compare(p, expect);
}

bool case_run(struct case_bench *b, const struct case_script *s, const struct json *one,
              struct buf *why)
{
    struct play p = {.script = s, .store = b->store, .why = why};
    struct err e = {0};
    bool ok = false;
    buf_clear(why);
    p.street = street_ref((struct street *)(uintptr_t)s->street);
    if (!store_reset(b->store, &e) || !(p.view = view_open(b->store, &e)))
        fail(&p, "%s", e.text);
    else
        ok = load(&p) && run_steps(&p, one);
    instance_free(p.in);
    tick_log_clear(&p.ticks);
    view_close(p.view);
    street_unref(p.street);
    arena_free(&p.arena);
    return ok;
}

/* --- examples of a script --------------------------------------------------------------------------------- */

struct examples {
    const struct instance *in;
    struct buf *json;
    struct err *e;
    bool ok;
};

static int put_examples(lua_State *L)
{
    static const struct lua_json_style style = {.max_bytes = 64u << 20};
    struct examples *x = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, x->in->script);
    lua_getfield(L, -1, "examples");
    x->ok = lua_istable(L, -1) ? lua_json_put(L, -1, x->json, &style, x->e)
                               : err_set(x->e, ERR_SCRIPT, "场景没有 examples");
    return 0;
}

bool case_examples(const struct case_script *s, struct buf *json, struct err *e)
{
    struct scenario scenario = {.id = s->id, .text = s->text};
    struct arena arena = {0};
    struct fault f = {0};
    scenario.manifest = json_parse(&arena, s->manifest, &wide, NULL, e);
    struct street *street = (struct street *)(uintptr_t)s->street;
    struct instance *in = instance_new(street, s->modules, &arena, &scenario, &f, e);
    if (!in)
        return f.text[0] ? err_set(e, ERR_SCRIPT, "%s", f.text) : false;
    struct examples x = {in, json, e, false};
    lua_State *L = sandbox_state(in->box);
    lua_pushcfunction(L, put_examples);
    lua_pushlightuserdata(L, &x);
    if (!sandbox_call(in->box, 1, 0, &limit_large, &f))
        err_set(e, ERR_SCRIPT, "%s", f.text);
    instance_free(in);
    return x.ok;
}

/* --- evaluate.h ---------------------------------------------------------------------------------------------- */

static struct case_bench *prepared;

bool evaluate_prepare(struct err *e)
{
    if (!prepared)
        prepared = case_bench_open(e);
    return prepared != NULL;
}

bool evaluate_examples(const struct street *street, const struct sandbox_modules *modules,
                       struct span id, struct span text, const struct json *manifest,
                       struct json_w *examples, bool *all_ok, struct err *e)
{
    struct buf m = {0}, json = {0}, why = {0};
    struct arena a = {0};
    struct json_w w = json_w_begin(&m);
    json_w_value(&w, manifest);
    json_w_end(&w);
    struct case_script s = {id, text, buf_view(&m), street, modules, NULL, NULL};
    const struct json *list = NULL;
    bool ok = evaluate_prepare(e) && case_examples(&s, &json, e) &&
              (list = json_parse(&a, buf_view(&json), &wide, NULL, e));
    *all_ok = ok;
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *one = json_item(list, i);
        bool good = case_run(prepared, &s, one, &why);
        *all_ok &= good;
        json_w_object(examples);
        json_w_kspan(examples, "name", json_string(json_get(one, "name")));
        json_w_kbool(examples, "ok", good);
        json_w_kspan(examples, "message", buf_view(&why));
        json_w_object_end(examples);
    }
    buf_free(&m);
    buf_free(&json);
    buf_free(&why);
    arena_free(&a);
    return ok;
}
