/* What people do with alerts: whether they may now, what it asks for, and the entry it makes. */
#include "domain/alert_impl.h"

#include <string.h>

#include "domain/access.h"
#include "domain/key.h"
#include "domain/record.h"
#include "domain/row.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "domain/user.h"
#include "store/version.h"
#include "util/json.h"

enum { WORDS_MAX = 4000, SUBMITTED_MAX = 16 * 1024 };

/* One act under way. */
struct acting {
    struct txn *t;
    struct arena *a;
    const struct street *street;
    const struct person *person;
    const struct json *data;
    const struct alert_move *move;
    struct fold now; /* the alert as it is */
    struct life life;
};

/* The reason of a false alarm may also be called that, a note note. */
static struct span words_of(const struct acting *c)
{
    static const char *const names[] = {"text", "reason", "note"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct span words = span_trim(json_string(json_get(c->data, names[i])));
        if (words.n)
            return words;
    }
    return span_trim(json_string(json_get(json_get(c->data, "evidence"), "text")));
}

/* --- evidence --------------------------------------------------------------------------- */

/* Brought now, or with the last submission. */
static bool has_brought(const struct acting *c, const char *name)
{
    const struct json *given = json_get(json_get(c->data, "evidence"), name);
    const struct json *before =
        c->now.submitted.n
            ? json_get(json_parse(c->a, c->now.submitted, NULL, NULL, NULL), name)
            : NULL;
    const struct json *both[] = {given, before};
    for (int i = 0; i < 2; i++) {
        if (json_is(both[i], JSON_STRING) ? span_trim(both[i]->string).n > 0
                                          : both[i] && !json_is(both[i], JSON_NULL))
            return true;
    }
    return strcmp(name, "note") == 0 && (words_of(c).n || c->now.submitted_text.n);
}

static bool result_counts(const struct acting *c, struct span result)
{
    for (size_t i = 0; i < json_count(c->life.results); i++) {
        if (span_eq(json_string(json_item(c->life.results, i)), result))
            return true;
    }
    return result.n && !c->life.results;
}

static struct span text_field(const struct type *t, struct span body, const char *name)
{
    int field = type_field(t, span_of(name));
    struct row_value v = {.null = true};
    if (field >= 0)
        v = row_get(t, body, field);
    return v.null || (v.kind != FIELD_STRING && v.kind != FIELD_ENUM) ? SPAN_NONE : v.text;
}

/* Is there a visit for this alert, with a result, and to `subject` if one is named? */
static bool was_visited(const struct acting *c, const struct type *visit, struct span subject)
{
    struct view *v = txn_view(c->t);
    const struct alert *al = &c->now.al;
    struct span full =
        span_of(arena_printf(c->a, "%.*s|%.*s", SPAN_ARG(al->scenario), SPAN_ARG(al->key)));
    struct record_where where = {type_field(visit, SPAN("alert_key")), full};
    if (where.field < 0)
        return true;
    struct record_scan *s = record_scan_open(v, visit, &where, 1, true, SPAN_NONE, SEQ_LATEST);
    struct entry entry;
    bool found = false;
    while (!found && record_scan_next(s, c->a, &entry, NULL))
        found = result_counts(c, text_field(visit, entry.body, "result")) &&
                (!subject.n || span_eq(subject, text_field(visit, entry.body, "subject_id")));
    record_scan_close(s);
    return found;
}

/* "enterprise|EA": only what still exists must be visited. */
static bool still_exists(const struct acting *c, struct span type_name, struct span subject)
{
    const struct type *t = dictionary_find(street_dictionary(c->street), type_name);
    struct span prefix = t ? key_of1(c->a, subject, NULL) : SPAN_NONE;
    if (!prefix.n)
        return true;
    struct version_scan *s =
        version_scan_open(txn_view(c->t), t->id, prefix, SPAN_NONE, false, SEQ_LATEST);
    struct entry entry;
    bool found = version_scan_next(s, c->a, &entry, NULL);
    version_scan_close(s);
    return found;
}

static bool check_visits(const struct acting *c, struct err *e)
{
    const struct type *visit =
        c->street ? dictionary_find(street_dictionary(c->street), SPAN("visit")) : NULL;
    if (!visit)
        return true;
    if (!was_visited(c, visit, SPAN_NONE))
        return err_set(e, ERR_CONFLICT,
                       "办结前须有一条本告警的走访记录（alert_key 为“%.*s|%.*s”）且写明结果%s",
                       SPAN_ARG(c->now.al.scenario), SPAN_ARG(c->now.al.key),
                       c->life.results ? "，结果须在规定范围内" : "");
    for (size_t i = 0; i < c->now.evidence_of_count; i++) {
        struct span subject = c->now.evidence_of[i], type = span_split(&subject, '|');
        if (subject.n && still_exists(c, type, subject) && !was_visited(c, visit, subject))
            return err_set(e, ERR_CONFLICT, "办结前还须走访 %.*s，并写明结果",
                           SPAN_ARG(subject));
    }
    return true;
}

static const char *evidence_label(const char *name)
{
    static const char *const labels[][2] = {
        {"note", "情况说明"},
        {"photo", "照片"},
        {"cause", "原因（真实火情、烹饪、故障、测试）"},
        {"restored_at", "恢复时间"},
    };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strcmp(labels[i][0], name) == 0)
            return labels[i][1];
    return name;
}

static bool check_evidence(const struct acting *c, struct err *e)
{
    if (c->life.close == LIFE_AUTO)
        return true;
    for (size_t i = 0; i < json_count(c->life.evidence); i++) {
        const char *name = json_cstr(json_item(c->life.evidence, i), "");
        if (strcmp(name, "visit") == 0) {
            if (!check_visits(c, e))
                return false;
        } else if (!has_brought(c, name)) {
            return err_set(e, ERR_CONFLICT, "办结前须提供%s（%s）", evidence_label(name), name);
        }
    }
    return true;
}

/* --- what an action asks for ------------------------------------------------------------ */

static bool check_verdict(const struct acting *c, struct span *verdict, struct err *e)
{
    *verdict = json_string(json_get(c->data, "verdict"));
    if (!json_get(c->data,
                  "verdict")) /* what it asks for as evidence is asked for all the same */
        *verdict = SPAN("solved");
    if (!span_eq(*verdict, SPAN("solved")) && !span_eq(*verdict, SPAN("not_solved")))
        return err_set(e, ERR_INPUT,
                       "办结须选定结论（verdict）：solved（已解决）或 not_solved（未解决）");
    if (c->person && span_eq(*verdict, SPAN("not_solved")) && !words_of(c).n)
        return err_set(e, ERR_INPUT, "结论为“未解决”时须在 text 里写明理由");
    return !c->person || check_evidence(c, e);
}

static bool check_needs(const struct acting *c, struct step *s, struct err *e)
{
    const char *action = c->move->action;
    s->text = words_of(c);
    if (s->text.n > WORDS_MAX)
        return err_set(e, ERR_INPUT, "文字太长：最多 %d 字节，现有 %zu 字节", WORDS_MAX,
                       s->text.n);
    if (strcmp(action, "close") == 0)
        return check_verdict(c, &s->verdict, e);
    if (strcmp(action, "false_alarm") == 0) {
        s->verdict = SPAN("false_alarm");
        return s->text.n || !c->person || err_set(e, ERR_INPUT, "标记误报须在 text 里写明理由");
    }
    if (strcmp(action, "duplicate") == 0)
        s->verdict = SPAN("duplicate");
    if (strcmp(action, "note") == 0 || strcmp(action, "submit") == 0)
        return s->text.n || !c->person || err_set(e, ERR_INPUT, "请在 text 里写明处置情况");
    return true;
}

static bool take_evidence(const struct acting *c, struct step *s, struct err *e)
{
    const struct json *evidence = json_get(c->data, "evidence");
    if (!evidence || json_is(evidence, JSON_NULL))
        return true;
    if (!json_is(evidence, JSON_OBJECT))
        return err_set(e, ERR_INPUT, "evidence 须是一个 JSON 对象，如 {\"note\":\"…\"}");
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_value(&w, evidence);
    json_w_end(&w);
    s->submitted = evidence->count ? arena_span(c->a, buf_view(&b)) : SPAN_NONE;
    buf_free(&b);
    return s->submitted.n <= SUBMITTED_MAX ||
           err_set(e, ERR_INPUT, "反馈材料太大：最多 %d 字节；照片请只写编号", SUBMITTED_MAX);
}

/* --- may they? -------------------------------------------------------------------------- */

static bool check_right(const struct acting *c, struct err *e)
{
    const struct alert *al = &c->now.al;
    if (!c->person)
        return true;
    if (!access_may(c->person, c->street, ACCESS_ALERT_SEE, al))
        return err_set(e, ERR_MISSING, "没有这条告警");
    return access_may(c->person, c->street,
                      c->move->closes ? ACCESS_ALERT_CLOSE : ACCESS_ALERT_ACT, al) ||
           err_set(e, ERR_DENIED,
                   c->move->closes ? "只有责任科室可以%s这条告警" : "您不能%s这条告警",
                   alert_action_label(c->move->action));
}

static bool check_place(const struct acting *c, bool is_latest, struct err *e)
{
    int64_t rev;
    if (!is_latest)
        return err_set(e, ERR_CONFLICT,
                       "这条告警已了结，同一事项已有新的告警，请到新告警上处理");
    if (json_int(json_get(c->data, "rev"), &rev) && rev != (int64_t)c->now.al.rev)
        return err_set(e, ERR_CONFLICT,
                       "这条告警刚被别人处理过（现为第 %llu 版），请刷新后再试",
                       (unsigned long long)c->now.al.rev);
    return (c->move->from >> c->now.al.state & 1u) ||
           err_set(e, ERR_CONFLICT, "告警现为“%s”，不能%s", alert_state_label(c->now.al.state),
                   alert_action_label(c->move->action));
}

static void find_life(struct acting *c)
{
    struct scenario sc;
    const struct alert *al = &c->now.al;
    bool known = scenario_get(txn_view(c->t), c->a, al->scenario, SEQ_LATEST, &sc, NULL);
    life_of(known ? sc.manifest : NULL, al->kind, al->level, SPAN_NONE, &c->life);
}

static bool act(struct acting *c, bool is_latest, struct fold *after, struct err *e)
{
    struct step s = {.kind = STEP_ACT, .action = span_of(c->move->action)};
    bool appended;
    find_life(c);
    if (!check_right(c, e) || !check_place(c, is_latest, e) || !check_needs(c, &s, e) ||
        !take_evidence(c, &s, e))
        return false;
    memcpy(s.id, c->now.al.id, sizeof s.id);
    s.by = c->person ? c->person->name : SPAN_NONE;
    if (!alert_is_open(&c->now.al)) {
        s.effective = SEQ_LATEST; /* opened again: its time begins now, by today's calendar */
        s.at = txn_now(c->t);
        alert_plan(c->t, c->street, &c->life, &s);
    }
    struct span key = key_of2(c->a, c->now.al.scenario, c->now.al.key, e);
    return key.n && alert_append(c->t, c->a, key, &s, 0, NULL, after, &appended, e);
}

/* Everything it read dies with it: what is told has no texts. */
static void tell(const struct alert *al, struct alert *out)
{
    *out = (struct alert){.level = al->level,
                          .state = al->state,
                          .count = al->count,
                          .rev = al->rev,
                          .raised_at = al->raised_at,
                          .last_at = al->last_at,
                          .due_at = al->due_at,
                          .sign_due_at = al->sign_due_at,
                          .closed_at = al->closed_at,
                          .seq = al->seq,
                          .version_seq = al->version_seq,
                          .evidence_seq = al->evidence_seq,
                          .version_number = al->version_number,
                          .touched = al->touched,
                          .normal = al->normal};
    memcpy(out->id, al->id, sizeof out->id);
}

bool alert_act(struct txn *t, const struct street *street, const struct person *person,
               struct span id, struct span action, const struct json *data, struct alert *out,
               struct err *e)
{
    struct arena a = {0};
    struct acting c = {.t = t, .a = &a, .street = street, .person = person, .data = data};
    struct fold after;
    bool is_latest, ok = alert_load_id(txn_view(t), &a, id, &c.now, &is_latest, e);
    c.move = alert_move_find(action);
    if (ok && !c.move)
        ok = err_set(e, ERR_INPUT,
                     "不认识的操作“%.*s”；可用的有 "
                     "sign、note、submit、close、false_alarm、duplicate、reopen",
                     (int)span_cut_utf8(action, 40), action.n ? action.p : "");
    ok = ok && act(&c, is_latest, &after, e);
    if (ok && out)
        tell(&after.al, out);
    arena_free(&a);
    return ok;
}
