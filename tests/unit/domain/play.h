/*
 * A street in a temp folder for tests of alerts and scenarios: clock held, one scenario "s"
 * with kinds of every close type, and one line for each thing that happens: a record comes,
 * the script has an effect, a person acts. JSON is written with ' for ".
 */
#ifndef WY_TESTS_PLAY_H
#define WY_TESTS_PLAY_H

#include "unit.h"

#include <ftw.h>

#include "domain/alert.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/outcome.h"
#include "domain/record.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "domain/user.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/calendar.h"
#include "util/json.h"

#define PLAY_START "2020-03-10T08:00:00+08:00" /* a Tuesday */

struct play {
    char dir[64];
    struct store *store;
    struct street *street;
    struct arena a;
    struct view *view;
    uint64_t last; /* seq of the latest record */
    struct err e;  /* of the last thing that failed */
};

static const char play_records[] =
    "{\"types\":["
    "{\"id\":\"enterprise\",\"label\":\"企业\",\"owner\":\"regional_dev\",\"key\":[\"ent_id\"],"
    "\"fields\":["
    "{\"name\":\"ent_id\",\"type\":\"string\",\"label\":\"代码\"}]},"
    "{\"id\":\"visit\",\"label\":\"走访\",\"owner\":\"command_center\",\"key\":[\"visit_id\"],"
    "\"indexes\":[\"subject_id\",\"alert_key\"],\"fields\":["
    "{\"name\":\"visit_id\",\"type\":\"string\",\"label\":\"编号\"},"
    "{\"name\":\"subject_id\",\"type\":\"string\",\"label\":\"对象\"},"
    "{\"name\":\"alert_key\",\"type\":\"string\",\"label\":\"告警\"},"
    "{\"name\":\"result\",\"type\":\"string\",\"label\":\"结果\"}]},"
    "{\"id\":\"calendar_day\",\"label\":\"工作日历\",\"key\":[\"date\"],\"time\":\"date\","
    "\"fields\":["
    "{\"name\":\"date\",\"type\":\"date\",\"label\":\"日\"},"
    "{\"name\":\"is_workday\",\"type\":\"boolean\",\"label\":\"上班\"}]}]}";
static const char play_org[] = "{\"home\":\"330105003\",\"street\":\"小河街道\",\"offices\":[{"
                               "\"id\":\"regional_dev\",\"name\":\"区域发展办\"},"
                               "{\"id\":\"safety\",\"name\":\"平安办\"}],\"communities\":[{"
                               "\"id\":\"xiaohe\",\"name\":\"小河社区\"},"
                               "{\"id\":\"dahulu\",\"name\":\"大浒路社区\"}],\"roles\":[]}";
static const char play_manifest[] =
    "{'title':'示例场景','office':'regional_dev','settings':[{'name':'limit','label':'阈值','"
    "default':15,'min':1,"
    "'max':100,'per':'community'},{'name':'basis','label':'口径','default':'month','choices':['"
    "month','ytd']}],"
    "'every':[{'at':'daily 07:00'}],'reads':['enterprise'],"
    "'life':{'auto':{'close':'auto'},'ev':{'close':'evidence','evidence':['note']},"
    "'both':{'close':'auto+evidence','evidence':['visit'],'results':['solved','normal'],"
    "'limits':{'yellow':{'close':'10wd'},'sign':'2h'},'quiet':'72h'}},'examples':['一个例子']}";

#define play_ok(p, call)                                                                       \
    do {                                                                                       \
        if (!(call))                                                                           \
            fail_msg("%s: %s", #call, (p)->e.text);                                            \
    } while (0)

static inline struct span play_json(struct play *p, const char *fmt, va_list args)
{
    char *text = NULL;
    int n = vasprintf(&text, fmt, args);
    assert_true(n >= 0);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    struct span s = arena_span(&p->a, (struct span){text, (size_t)n});
    free(text);
    return s;
}

__attribute__((format(printf, 2, 3))) static inline struct span play_text(struct play *p,
                                                                          const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct span s = play_json(p, fmt, args);
    va_end(args);
    return s;
}

struct play_command {
    struct command command;
    struct play *p;
    bool (*fn)(struct play *p, struct txn *t, void *ctx, struct err *e);
    void *ctx;
};

static inline bool play_run(struct command *c, struct txn *t, struct err *e)
{
    struct play_command *pc = (struct play_command *)c;
    return pc->fn(pc->p, t, pc->ctx, e);
}

static inline bool play_do(struct play *p,
                           bool (*fn)(struct play *, struct txn *, void *, struct err *),
                           void *ctx)
{
    struct play_command c = {.command = {.apply = play_run}, .p = p, .fn = fn, .ctx = ctx};
    p->e = (struct err){0};
    bool ok = store_apply(p->store, &c.command, &p->e);
    struct err e = {0};
    if (!view_renew(p->view, &e))
        fail_msg("view_renew: %s", e.text);
    return ok;
}

static inline bool play_hold_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    int64_t us;
    (void)p;
    assert_true(calendar_parse_datetime(span_of(ctx), &us));
    return txn_clock_hold(t, us, e);
}

/* The clock stands there from now on. */
static inline void play_at(struct play *p, const char *time)
{
    char copy[40];
    snprintf(copy, sizeof copy, "%s", time);
    play_ok(p, play_do(p, play_hold_fn, copy));
}

static inline bool play_publish_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    uint64_t seq;
    (void)p;
    return scenario_publish(t, ctx, &seq, e);
}

static inline bool play_publish(struct play *p, const char *id, const char *text,
                                const char *manifest)
{
    struct scenario_publish s = {.id = span_of(id),
                                 .text = span_of(text),
                                 .kind = SPAN("file"),
                                 .author = SPAN("test"),
                                 .reason = SPAN("测试"),
                                 .manifest = play_text(p, "%s", manifest)};
    return play_do(p, play_publish_fn, &s);
}

static inline void play_open(struct play *p)
{
    *p = (struct play){0};
    snprintf(p->dir, sizeof p->dir, "/tmp/wy-play-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    struct store_options o = {.dir = p->dir, .no_sync = true, .map_bytes = (size_t)1 << 30};
    play_ok(p, (p->store = store_open(&o, &p->e)) != NULL);
    play_ok(p, (p->street = street_make(span_of(play_records), span_of(play_org), SPAN_NONE,
                                        &p->e)) != NULL);
    play_ok(p, (p->view = view_open(p->store, &p->e)) != NULL);
    play_at(p, PLAY_START);
    play_ok(p, play_publish(p, "s", "return {}", play_manifest));
}

static inline int play_rm(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void play_close(struct play *p)
{
    view_close(p->view);
    street_unref(p->street);
    store_close(p->store);
    arena_free(&p->a);
    nftw(p->dir, play_rm, 16, FTW_DEPTH | FTW_PHYS);
}

static inline bool play_record_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    struct entry_new entry = {.type = ENTRY_CLOCK, .body = SPAN("{}")};
    (void)ctx;
    return (p->last = txn_append(t, &entry, e)) != 0;
}

/* Something the scenario judges has come (what, does not matter here). */
static inline uint64_t play_record(struct play *p)
{
    play_ok(p, play_do(p, play_record_fn, NULL));
    return p->last;
}

static inline bool play_outcome_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    return outcome_apply(t, p->street, ctx, e);
}

static inline bool play_outcome(struct play *p, struct span text)
{
    struct json_limits limits = {.bytes = 4 << 20, .keys = 4096, .string = 1 << 20};
    const struct json *o = json_parse(&p->a, text, &limits, NULL, &p->e);
    if (!o)
        fail_msg("%s: %.*s", p->e.text, SPAN_ARG(text));
    return play_do(p, play_outcome_fn, (void *)(uintptr_t)o);
}

/* The scenario judges everything up to `to` and leaves these effects (caused by `to`). */
static inline bool play_judge(struct play *p, uint64_t to, struct span effects)
{
    struct cursor c;
    assert_true(cursor_get(p->view, SPAN("s"), &c));
    return play_outcome(
        p,
        play_text(p, "{'scenario':'s','version':%llu,'from':%llu,'to':%llu,'effects':[%.*s]}",
                  (unsigned long long)c.version, (unsigned long long)c.seq,
                  (unsigned long long)to, SPAN_ARG(effects)));
}

/* A record comes and the script answers at once with this effect: members of it without
 * "cause". */
__attribute__((format(printf, 2, 3))) static inline void play_effect(struct play *p,
                                                                     const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct span members = play_json(p, fmt, args);
    va_end(args);
    uint64_t seq = play_record(p);
    play_ok(p, play_judge(p, seq,
                          play_text(p, "{'cause':%llu,%.*s}", (unsigned long long)seq,
                                    SPAN_ARG(members))));
}

/* Raise `key` of `kind` at `level`; `rests_on` is the seq of the record that the trigger
 * rests on. */
static inline void play_raise(struct play *p, const char *key, const char *kind,
                              const char *level, int rests_on)
{
    play_effect(
        p,
        "'do':'alert','key':'%s','kind':'%s','level':'%s','title':'标题','text':'正文',"
        "'about':['enterprise','E1'],'communities':['xiaohe'],'quiet_default':'0h',"
        "'evidence':{'sentence':'因为','reads':[{'type':'enterprise','key':'E1','seq':%d}]}",
        key, kind, level, rests_on);
}

static inline void play_clear(struct play *p, const char *key)
{
    play_effect(p, "'do':'clear','key':'%s'", key);
}

static inline bool play_has(struct play *p, const char *key, struct alert *out)
{
    p->e = (struct err){0};
    return alert_get(p->view, &p->a, SPAN("s"), span_of(key), SEQ_LATEST, out, &p->e);
}

static inline struct alert play_alert(struct play *p, const char *key)
{
    struct alert al;
    play_ok(p, play_has(p, key, &al));
    return al;
}

static inline void assert_alert(struct play *p, const char *key, const char *state,
                                const char *level, int count)
{
    struct alert al = play_alert(p, key);
    assert_string_equal(alert_state_name(al.state), state);
    assert_string_equal(alert_level_name(al.level), level);
    assert_int_equal(al.count, count);
}

struct play_act {
    const struct person *person;
    struct span id, action;
    const struct json *data;
};

static inline bool play_act_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    struct play_act *a = ctx;
    struct alert out;
    return alert_act(t, p->street, a->person, a->id, a->action, a->data, &out, e);
}

static inline struct person play_person(enum role role, const char *office)
{
    return (struct person){.name = SPAN("zhang"),
                           .display = SPAN("张三"),
                           .role = role,
                           .office = span_of(office)};
}

/* Somebody of the office does this to the latest life of `key`; members of the body. */
__attribute__((format(printf, 4, 5))) static inline bool
play_acts(struct play *p, const char *key, const char *action, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct span members = play_json(p, fmt, args);
    va_end(args);
    struct alert al = play_alert(p, key);
    struct person staff = play_person(ROLE_OFFICE, "regional_dev");
    struct play_act act = {
        &staff, span_of(al.id), span_of(action),
        json_parse(&p->a, play_text(p, "{%.*s}", SPAN_ARG(members)), NULL, NULL, &p->e)};
    assert_non_null(act.data);
    return play_do(p, play_act_fn, &act);
}

#define must_act(p, ...)                                                                       \
    do {                                                                                       \
        if (!play_acts(p, __VA_ARGS__))                                                        \
            fail_msg("%s", (p)->e.text);                                                       \
    } while (0)
#define must_refuse(p, code_, ...)                                                             \
    do {                                                                                       \
        assert_false(play_acts(p, __VA_ARGS__));                                               \
        assert_int_equal((p)->e.code, code_);                                                  \
    } while (0)

static inline int64_t play_time(const char *text)
{
    int64_t us = 0;
    assert_true(calendar_parse_datetime(span_of(text), &us));
    return us;
}

#endif
