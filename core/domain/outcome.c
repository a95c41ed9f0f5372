#include "domain/outcome.h"

#include <string.h>

#include "domain/alert.h"
#include "domain/alert_replay.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/scenario.h"
#include "domain/topic.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "util/buf.h"
#include "util/calendar.h"
#include "util/json.h"

enum { EFFECTS_MAX = 200000, LOG_MAX = 4000 };

/* One batch under way. */
struct batch_of {
    struct txn *t;
    struct arena *a;
    const struct street *street;
    struct scenario scenario;
    uint64_t from, to, version;
    struct cursor cursor; /* as it will be */
};

/* --- checking: everything before the first append --------------------------------------- */

static const char *const verbs[] = {"alert", "clear", "retract", "set",
                                    "wake",  "sleep", "log",     "topic"};

enum {
    VERB_RETRACT = 2,
    VERB_LOG = 6
}; /* the first three are alerts', the last two no state */

static int verb_of(const struct json *effect)
{
    struct span what = json_string(json_get(effect, "do"));
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (span_eq(what, span_of(verbs[i])))
            return (int)i;
    }
    return -1;
}

static uint64_t cause_of(const struct json *effect)
{
    int64_t cause = 0;
    return json_int(json_get(effect, "cause"), &cause) && cause > 0 ? (uint64_t)cause : 0;
}

static bool bad(struct err *e, const char *what)
{
    return err_set(e, ERR_INPUT, "引擎送来的结果不合约定：%s", what);
}

static bool check_effect(struct batch_of *b, const struct json *effect, struct err *e)
{
    int verb = verb_of(effect);
    uint64_t cause = cause_of(effect);
    enum alert_level level;
    int64_t at;
    if (verb < 0)
        return bad(e, "不认识的 do");
    if (cause <= b->from || cause > b->to)
        return bad(e, "cause 不在本批范围内");
    if (strcmp(verbs[verb], "log") == 0)
        return true;
    struct span key = json_string(json_get(effect, "key"));
    if (!key.n || !key_of2(b->a, b->scenario.id, key, NULL).n)
        return bad(e, "key 缺失或太长");
    if (strcmp(verbs[verb], "alert") == 0 &&
        !alert_level_parse(json_string(json_get(effect, "level")), &level))
        return bad(e, "level 须是 red、orange、yellow 或 blue");
    if (strcmp(verbs[verb], "wake") == 0 &&
        !calendar_parse_datetime(json_string(json_get(effect, "at")), &at))
        return bad(e, "wake 的 at 不是时刻");
    return strcmp(verbs[verb], "topic") != 0 || topic_check(b->street, &b->scenario, effect, e);
}

static bool check_place(struct batch_of *b, const struct json *outcome, struct span id,
                        struct err *e)
{
    struct cursor *c = &b->cursor;
    struct scenario_status status;
    int64_t from = -1, to = -1, version = -1;
    if (!json_int(json_get(outcome, "from"), &from) ||
        !json_int(json_get(outcome, "to"), &to) ||
        !json_int(json_get(outcome, "version"), &version) || from < 0 || to < from)
        return bad(e, "from、to、version 不对");
    b->from = (uint64_t)from;
    b->to = (uint64_t)to;
    b->version = (uint64_t)version;
    if (!cursor_get(txn_view(b->t), id, c) || c->seq != b->from || c->version != b->version)
        return err_set(e, ERR_CONFLICT, "场景“%.*s”的进度已变，这一批结果作废", SPAN_ARG(id));
    scenario_status(txn_view(b->t), b->a, id, &status);
    if (status.state != SCENARIO_RUNNING)
        return err_set(e, ERR_CONFLICT, "场景“%.*s”没有在运行，这一批结果作废", SPAN_ARG(id));
    if (b->to > view_head(txn_view(b->t)))
        return bad(e, "to 超过了日志的末尾");
    return scenario_get(txn_view(b->t), b->a, id, SEQ_LATEST, &b->scenario, e);
}

static bool check(struct batch_of *b, const struct json *outcome, struct err *e)
{
    const struct json *effects = json_get(outcome, "effects");
    struct span id = json_string(json_get(outcome, "scenario"));
    if (!id.n)
        return bad(e, "没有 scenario");
    if (!check_place(b, outcome, id, e))
        return false;
    if (json_count(effects) > EFFECTS_MAX)
        return bad(e, "一批里的后果太多");
    for (size_t i = 0; i < json_count(effects); i++) {
        if (!check_effect(b, json_item(effects, i), e))
            return false;
    }
    return true;
}

/* --- effects that are not alerts -------------------------------------------------------- */

static bool put_keyed(struct batch_of *b, uint16_t type, struct span key, uint64_t cause,
                      struct span body, struct err *e)
{
    struct entry_new entry = {.type = type,
                              .op = body.p ? ENTRY_PUT : ENTRY_WITHDRAW,
                              .cause = cause,
                              .key = key,
                              .body = body};
    return txn_append(b->t, &entry, e) != 0;
}

static bool set_state(struct batch_of *b, const struct json *effect, struct span key,
                      struct err *e)
{
    const struct json *value = json_get(effect, "value");
    struct entry before;
    if (!value || json_is(value, JSON_NULL)) {
        bool there =
            version_get(txn_view(b->t), b->a, ENTRY_STATE, key, SEQ_LATEST, &before, NULL) &&
            before.op == ENTRY_PUT;
        return !there || put_keyed(b, ENTRY_STATE, key, cause_of(effect), SPAN_NONE, e);
    }
    struct buf body = {0};
    struct json_w w = json_w_begin(&body);
    json_w_value(&w, value);
    json_w_end(&w);
    bool ok = put_keyed(b, ENTRY_STATE, key, cause_of(effect), buf_view(&body), e);
    buf_free(&body);
    return ok;
}

/* A timer that is set: when it is due. */
static bool timer_at(struct batch_of *b, struct span key, int64_t *at)
{
    struct entry before;
    if (!version_get(txn_view(b->t), b->a, ENTRY_TIMER, key, SEQ_LATEST, &before, NULL) ||
        before.op != ENTRY_PUT)
        return false;
    const struct json_limits limits = {
        .bytes = 1 << 20, .depth = 48, .keys = 65536, .string = 1 << 20};
    const struct json *body = json_parse(b->a, before.body, &limits, NULL, NULL);
    return calendar_parse_datetime(json_string(json_get(body, "at")), at);
}

static bool set_timer(struct batch_of *b, const struct json *effect, struct span key,
                      struct err *e)
{
    int64_t at = 0, old;
    bool was_set = timer_at(b, key, &old);
    const struct json *data = json_get(effect, "data");
    calendar_parse_datetime(json_string(json_get(effect, "at")), &at);
    struct buf body = {0};
    struct json_w w = json_w_begin(&body);
    json_w_object(&w);
    json_w_kspan(&w, "at", json_string(json_get(effect, "at")));
    if (data) {
        json_w_name(&w, "data");
        json_w_value(&w, data);
    }
    json_w_object_end(&w);
    json_w_end(&w);
    bool ok = put_keyed(b, ENTRY_TIMER, key, cause_of(effect), buf_view(&body), e) &&
              (!was_set || old == at || due_drop(b->t, old, key, e)) &&
              due_put(b->t, at, key, e);
    buf_free(&body);
    return ok;
}

/* It rang after the entry that silences it: an engine that lagged did not know yet. */
static bool rang_since(struct batch_of *b, struct span key, uint64_t cause)
{
    struct entry last;
    return version_get(txn_view(b->t), b->a, ENTRY_TIMER, key, SEQ_LATEST, &last, NULL) &&
           last.op == ENTRY_WITHDRAW && last.cause > cause;
}

/* Also where nothing is left to drop: the entry tells the engine not to hear what rang. */
static bool drop_timer(struct batch_of *b, const struct json *effect, struct span key,
                       struct err *e)
{
    int64_t old;
    if (!timer_at(b, key, &old))
        return !rang_since(b, key, cause_of(effect)) ||
               put_keyed(b, ENTRY_TIMER, key, cause_of(effect), SPAN_NONE, e);
    return put_keyed(b, ENTRY_TIMER, key, cause_of(effect), SPAN_NONE, e) &&
           due_drop(b->t, old, key, e);
}

static bool put_log(struct batch_of *b, const struct json *effect, struct err *e)
{
    struct span text = json_string(json_get(effect, "text"));
    struct buf body = {0};
    struct json_w w = json_w_begin(&body);
    json_w_object(&w);
    json_w_kspan(&w, "scenario", b->scenario.id);
    json_w_kspan(
        &w, "text",
        (struct span){text.p, text.n > LOG_MAX ? span_cut_utf8(text, LOG_MAX) : text.n});
    json_w_object_end(&w);
    json_w_end(&w);
    struct entry_new entry = {
        .type = ENTRY_LOG, .cause = cause_of(effect), .body = buf_view(&body)};
    uint64_t seq = txn_append(b->t, &entry, e);
    buf_free(&body);
    const char *stream = arena_printf(b->a, "log/%.*s", SPAN_ARG(b->scenario.id));
    return seq && stream_append(b->t, span_of(stream), seq, NULL, e);
}

static bool apply_effect(struct batch_of *b, const struct json *effect, struct err *e)
{
    const char *verb = verbs[verb_of(effect)];
    if (strcmp(verb, "log") == 0)
        return put_log(b, effect, e);
    if (strcmp(verb, "topic") == 0)
        return topic_propose(b->t, b->street, &b->scenario, effect, e);
    struct span key = key_of2(b->a, b->scenario.id, json_string(json_get(effect, "key")), e);
    if (strcmp(verb, "set") == 0)
        return set_state(b, effect, key, e);
    if (strcmp(verb, "wake") == 0)
        return set_timer(b, effect, key, e);
    if (strcmp(verb, "sleep") == 0)
        return drop_timer(b, effect, key, e);
    return alert_apply(b->t, b->street, &b->scenario, effect, e);
}

bool outcome_replay(struct txn *t, const struct street *street, const struct scenario *scenario,
                    const struct json *effects, int64_t at, struct err *e)
{
    struct arena a = {0};
    struct batch_of b = {.t = t, .a = &a, .street = street, .scenario = *scenario};
    bool ok = true;
    for (size_t i = 0; ok && i < json_count(effects); i++) {
        const struct json *effect = json_item(effects, i);
        int verb = verb_of(effect);
        if (verb < 0)
            ok = bad(e, "不认识的 do");
        else if (verb <= VERB_RETRACT)
            ok = alert_replay(t, street, scenario, effect, at, e);
        else if (verb < VERB_LOG)
            ok = apply_effect(&b, effect, e);
        arena_reset(&a);
    }
    arena_free(&a);
    return ok;
}

/* After a fault the count of alerts begins anew: whoever starts the scenario again has seen it. */
static void move_cursor(struct batch_of *b, const struct json *outcome, bool fault)
{
    int64_t minute = 0, alerts = 0;
    b->cursor.seq = b->to;
    if (json_int(json_get(outcome, "minute"), &minute) &&
        json_int(json_get(outcome, "alerts"), &alerts) && minute > 0 && alerts > 0) {
        b->cursor.minute = (uint64_t)minute;
        b->cursor.alerts = (uint64_t)alerts;
    }
    if (fault)
        b->cursor.alerts = 0;
}

bool outcome_apply(struct txn *t, const struct street *street, const struct json *outcome,
                   struct err *e)
{
    struct arena a = {0};
    struct batch_of b = {.t = t, .a = &a, .street = street};
    const struct json *effects = json_get(outcome, "effects"),
                      *fault = json_get(outcome, "fault");
    bool ok = check(&b, outcome, e);
    for (size_t i = 0; ok && i < json_count(effects); i++)
        ok = apply_effect(&b, json_item(effects, i), e);
    if (ok && json_is(fault, JSON_OBJECT)) {
        int64_t seq = 0;
        json_int(json_get(fault, "seq"), &seq);
        ok = scenario_stop(t, b.scenario.id, fault, (uint64_t)seq, e);
    }
    move_cursor(&b, outcome, json_is(fault, JSON_OBJECT));
    ok = ok && cursor_put(t, b.scenario.id, &b.cursor, e);
    arena_free(&a);
    return ok;
}
