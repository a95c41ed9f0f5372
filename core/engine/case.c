#include "engine/case_impl.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/street.h"
#include "engine/instance.h"
#include "store/store.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"
#include "util/json.h"
#include "util/mem.h"

struct case_bench {
    struct store *store;
};

/* --- the store ------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

struct store *case_store_open(size_t map_bytes, struct err *e)
{
    char dir[512];
    const char *base = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/wangyi-case-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(dir)) {
        err_set(e, ERR_SYSTEM, "不能在临时目录里建立 %s，请检查 TMPDIR", dir);
        return NULL;
    }
    struct store_options o = {.dir = dir, .no_sync = true, .map_bytes = map_bytes};
    struct store *store = store_open(&o, e);
    nftw(dir, remove_one, 8,
         FTW_DEPTH | FTW_PHYS); /* open files stay: nothing is left behind */
    return store;
}

struct case_bench *case_bench_open(struct err *e)
{
    struct store *store = case_store_open(1ul << 30, e);
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

/* --- a step, a case ------------------------------------------------------------------------------------- */

static const struct json *records_of(const struct json *step)
{
    const struct json *list = json_get(step, "records");
    return list ? list : json_get(step, "given");
}

/* A step without `at` goes on where the clock stands; the first has nowhere to stand. */
static bool set_time(struct case_play *p, const struct json *step)
{
    const struct json *at = json_get(step, "at");
    struct span text = json_string(at);
    if (!at && !p->at)
        return case_fail(p, "缺少 at：请写明判断的时刻");
    if (at && (!calendar_parse_datetime(text, &p->at) || p->at < p->clock))
        return case_fail(p, "时刻 %.*s 写错了，或者早于前面的时刻", SPAN_ARG(text));
    return true;
}

static bool set_values(struct case_play *p, const struct json *changes)
{
    struct err e = {0};
    if (!case_form_settings(p->in, changes, &p->arena, &p->settings, &e))
        return case_fail(p, "%s", e.text);
    p->in->values = &p->settings.values;
    p->in->local = &p->settings.local;
    return true;
}

/* What people do comes before the step's records; in a step without any it is done at its
 * `at`. */
static bool go_to_actions(struct case_play *p, const struct json *step)
{
    if (!json_count(json_get(step, "actions")) || json_count(records_of(step)) ||
        json_count(p->given))
        return true;
    struct case_act clock = {.clock = p->at};
    return case_wakes(p, p->at - 1) && case_commit(p, &clock);
}

static bool run_step(struct case_play *p, const struct json *step)
{
    const struct json *actions = json_get(step, "actions"), *expect = json_get(step, "expect");
    bool *done = arena_alloc(&p->arena, json_count(actions) + 1);
    memset(done, 0, json_count(actions) + 1);
    if (!set_time(p, step) || !set_values(p, json_get(step, "settings")) ||
        !go_to_actions(p, step) || !case_actions(p, actions, done, false) ||
        !case_records(p, p->given) || !case_records(p, records_of(step)))
        return false;
    p->given = NULL;
    struct case_act clock = {.clock = p->at};
    if (!case_wakes(p, p->at) || !case_commit(p, &clock) ||
        !case_removed(p, json_get(step, "removed")) ||
        (json_get(step, "at") && !case_ticks(p)) || !case_wakes(p, p->at) ||
        !case_actions(p, actions, done, true))
        return false;
    return !expect || case_compare(p, expect);
}

/* Without its text: that is read with every effect, and nobody asks for it in a case. */
static bool publish(struct case_act *a, struct txn *t, struct err *e)
{
    const struct case_script *s = a->play->script;
    struct scenario_publish p = {.id = s->id,
                                 .text = SPAN("--"),
                                 .kind = SPAN("file"),
                                 .author = SPAN("example"),
                                 .manifest = s->manifest};
    uint64_t version;
    return scenario_publish(t, &p, &version, e);
}

static bool load(struct case_play *p)
{
    struct case_act a = {.job = publish, .clock = CALENDAR_DAY_US};
    struct arena arena = {0};
    struct scenario s;
    struct fault f = {0};
    struct err e = {0};
    if (!case_commit(p, &a))
        return false;
    bool ok = scenario_get(p->view, &arena, p->script->id, SEQ_LATEST, &s, &e);
    s.text = p->script->text;
    if (ok)
        p->in = instance_new(p->street, p->script->modules, &arena, &s, &f, &e);
    arena_free(&arena);
    if (!p->in)
        return case_fail(p, "%s", f.text[0] ? f.text : e.text);
    struct cursor c;
    cursor_get(p->view, p->script->id, &c);
    p->cursor = c.seq;
    p->seen = view_head(p->view);
    p->settings.values.type = p->settings.local.type = JSON_OBJECT;
    if (p->script->line)
        sandbox_on_line(p->in->box, p->script->line, p->script->ctx);
    p->in->checked = p->script->check;
    p->in->checked_ctx = p->script->ctx;
    return true;
}

static bool run_steps(struct case_play *p, const struct json *one)
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
    return !expect || case_compare(p, expect);
}

bool case_run(struct case_bench *b, const struct case_script *s, const struct json *one,
              struct buf *why)
{
    struct case_play p = {.script = s, .store = b->store, .why = why};
    struct err e = {0};
    bool ok = false;
    buf_clear(why);
    p.street = street_ref((struct street *)(uintptr_t)s->street);
    if (!store_reset(b->store, &e) || !(p.view = view_open(b->store, &e)))
        case_fail(&p, "%s", e.text);
    else
        ok = load(&p) && run_steps(&p, one);
    instance_free(p.in);
    tick_log_clear(&p.ticks);
    view_close(p.view);
    street_unref(p.street);
    arena_free(&p.arena);
    return ok;
}
