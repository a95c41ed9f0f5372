#include "domain/alert.h"

#include <string.h>

#include "domain/alert_impl.h"

static const char *const level_names[] = {"blue", "yellow", "orange", "red"};
static const char *const state_names[] = {
    "new",      "signed", "handling",    "submitted", "returned",
    "extended", "closed", "false_alarm", "duplicate", "retracted",
};

const char *alert_level_name(enum alert_level l)
{
    return level_names[l];
}

const char *alert_state_name(enum alert_state s)
{
    return state_names[s];
}

const char *alert_state_label(enum alert_state s)
{
    static const char *const labels[] = {"待签收", "已签收", "处置中", "待核查", "退回",
                                         "延期",   "已办结", "误报",   "重复",   "已撤回"};
    return labels[s];
}

const char *alert_action_label(const char *action)
{
    static const char *const labels[][2] = {
        {"sign", "签收"},       {"note", "补充说明"},        {"submit", "提交处置结果"},
        {"close", "办结"},      {"false_alarm", "标记误报"}, {"duplicate", "标记重复"},
        {"reopen", "重新打开"},
    };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        if (strcmp(labels[i][0], action) == 0)
            return labels[i][1];
    }
    return action;
}

static int find_name(struct span s, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (span_eq(s, span_of(names[i])))
            return i;
    }
    return -1;
}

bool alert_level_parse(struct span s, enum alert_level *out)
{
    int i = find_name(s, level_names, LEVEL_RED + 1);
    if (i >= 0)
        *out = (enum alert_level)i;
    return i >= 0;
}

bool alert_state_parse(struct span s, enum alert_state *out)
{
    int i = find_name(s, state_names, ALERT_RETRACTED + 1);
    if (i >= 0)
        *out = (enum alert_state)i;
    return i >= 0;
}

bool alert_is_open(const struct alert *al)
{
    return al->state < ALERT_CLOSED;
}

#define IN(state)   (1u << (state))
#define OPEN_STATES (IN(ALERT_CLOSED) - 1u)
#define OVER_STATES (IN(ALERT_CLOSED) | IN(ALERT_FALSE_ALARM) | IN(ALERT_DUPLICATE))

/* From state × action → state: the rule, the buttons and the test's input (design.md 7). A
 * key's earlier lives are not in it: they have no moves. */
static const struct alert_move moves[] = {
    {"sign", IN(ALERT_NEW), ALERT_SIGNED, false},
    {"note", OPEN_STATES, -1, false},
    {"submit", OPEN_STATES & ~IN(ALERT_NEW), ALERT_SUBMITTED, false},
    {"close", OPEN_STATES, ALERT_CLOSED, true},
    {"false_alarm", OPEN_STATES, ALERT_FALSE_ALARM, true},
    {"duplicate", OPEN_STATES, ALERT_DUPLICATE, true},
    {"reopen", OVER_STATES, ALERT_HANDLING, true},
};

const struct alert_move *alert_moves(size_t *count)
{
    *count = sizeof moves / sizeof moves[0];
    return moves;
}

const struct alert_move *alert_move_find(struct span action)
{
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        if (span_eq(action, span_of(moves[i].action)))
            return &moves[i];
    }
    return NULL;
}

const char *step_result_name(enum step_result r)
{
    static const char *const names[] = {"nothing", "raise", "again",   "level",
                                        "reopen",  "clear", "retract", "act"};
    return names[r];
}

/* --- the fold --------------------------------------------------------------------------- */

static void remember_trigger(struct fold *f, const struct step *s)
{
    f->al.last_at = s->at;
    f->al.normal = false;
    f->restored = false;
    f->trigger_level = s->level;
    f->fingerprint = s->fingerprint;
    f->last_cause = s->effective;
}

static void take_words(struct fold *f, const struct step *s)
{
    f->al.kind = s->alert_kind;
    f->al.office = s->office;
    f->al.title = s->title;
    f->al.text = s->body;
    f->al.about_type = s->about_type;
    f->al.about_id = s->about_id;
    f->al.scenario_title = s->scenario_title;
    f->al.level = s->level;
    f->al.version_seq = s->version_seq;
    f->al.version_number = s->version_number;
    f->al.evidence_seq = s->seq;
    size_t most = sizeof f->evidence_of / sizeof f->evidence_of[0];
    f->evidence_of_count = s->evidence_of_count < most ? s->evidence_of_count : most;
    for (size_t i = 0; i < f->evidence_of_count; i++)
        f->evidence_of[i] = s->evidence_of[i];
}

/* Whoever was told of it stays told. */
static void join_spans(struct arena *a, struct span **list, size_t *count,
                       const struct span *more, size_t more_count)
{
    struct span *all = arena_alloc(a, (*count + more_count + 1) * sizeof *all);
    size_t n = *count;
    if (n)
        memcpy(all, *list, n * sizeof *all);
    for (size_t i = 0; i < more_count; i++) {
        bool there = false;
        for (size_t j = 0; j < n && !there; j++)
            there = span_eq(all[j], more[i]);
        if (!there)
            all[n++] = more[i];
    }
    *list = all;
    *count = n;
}

static void take_places(struct arena *a, struct fold *f, const struct step *s)
{
    join_spans(a, &f->al.communities, &f->al.community_count, s->communities,
               s->community_count);
    join_spans(a, &f->al.also, &f->al.also_count, s->also, s->also_count);
}

static enum step_result raise(struct arena *a, struct fold *f, const struct step *s)
{
    struct fold fresh = {
        .exists = true, .prior = f->exists ? f->al.seq : 0, .effective = f->effective};
    fresh.al.scenario = f->al.scenario;
    fresh.al.key = f->al.key;
    memcpy(fresh.al.id, s->id, sizeof fresh.al.id);
    *f = fresh;
    take_words(f, s);
    take_places(a, f, s);
    remember_trigger(f, s);
    f->al.count = 1;
    f->al.raised_at = s->at;
    f->al.judged_at = s->judged_at;
    f->al.due_at = s->due_at;
    f->al.sign_due_at = s->sign_due_at;
    return RESULT_RAISE;
}

static enum step_result reopen(struct arena *a, struct fold *f, const struct step *s)
{
    take_words(f, s);
    take_places(a, f, s);
    remember_trigger(f, s);
    f->al.count += !s->rejudged;
    f->al.judged_at = s->judged_at;
    f->al.state = ALERT_NEW;
    f->al.closed_at = f->al.feedback_at = 0;
    f->al.verdict = f->al.signed_by = SPAN_NONE;
    f->al.due_at = s->due_at;
    f->al.sign_due_at = s->sign_due_at;
    f->submitted = f->submitted_text = SPAN_NONE;
    f->by_person = false;
    f->reopened = true;
    return RESULT_REOPEN;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return !a || (b && b < a) ? b : a;
}

static enum step_result again(struct arena *a, struct fold *f, const struct step *s)
{
    bool counts = s->effective != f->last_cause && !s->rejudged;
    bool higher = s->level > f->al.level;
    bool moved =
        s->judged_at < f->al.judged_at || (s->stands && s->judged_at != f->al.judged_at);
    if (!higher && (s->flapping || (!counts && !moved && !f->al.normal && !f->restored)))
        return RESULT_NOTHING;
    if (moved)
        f->al.judged_at = s->judged_at;
    f->al.count += counts;
    remember_trigger(f, s);
    if (!higher)
        return RESULT_AGAIN;
    take_words(f, s);
    take_places(a, f, s);
    /* a higher level never gives more time than the lower one did */
    f->al.due_at = sooner(f->al.due_at, s->due_at);
    f->al.sign_due_at = sooner(f->al.sign_due_at, s->sign_due_at);
    return RESULT_LEVEL;
}

static enum step_result trigger(struct arena *a, struct fold *f, const struct step *s)
{
    if (!f->exists)
        return raise(a, f, s);
    if (alert_is_open(&f->al))
        return again(a, f, s);
    if (f->al.state == ALERT_RETRACTED)
        return raise(a, f, s);
    if (s->reopen)
        return reopen(a, f, s);
    /* what a person has ended stays ended while nothing has changed */
    if (f->by_person && !f->al.normal && s->level == f->trigger_level &&
        s->fingerprint == f->fingerprint)
        return RESULT_NOTHING;
    if (s->quiet_us > 0 && s->at - f->al.closed_at <= s->quiet_us)
        return reopen(a, f, s);
    /* looking again at what the data closed is no new story; what follows closes it again */
    if (s->rejudged && !f->by_person)
        return reopen(a, f, s);
    return raise(a, f, s);
}

static void end(struct fold *f, const struct step *s, enum alert_state state,
                struct span verdict, bool by_person)
{
    f->al.state = state;
    f->al.closed_at = s->at;
    f->al.verdict = verdict;
    f->by_person = by_person;
}

static enum step_result clear(struct fold *f, const struct step *s)
{
    bool was_normal = f->al.normal, was_restored = f->restored;
    if (f->exists && s->flapping && alert_is_open(&f->al))
        return RESULT_NOTHING;
    if (!f->exists || (!alert_is_open(&f->al) && (was_normal || !f->by_person)))
        return RESULT_NOTHING;
    if (alert_is_open(&f->al) && s->may_close && s->close == LIFE_AUTO)
        end(f, s, ALERT_CLOSED, SPAN("auto"), false);
    else if (was_normal && (was_restored || !s->may_close))
        return RESULT_NOTHING;
    f->al.normal = true;
    f->restored = was_restored || s->may_close;
    return RESULT_CLEAR;
}

static enum step_result retract(struct fold *f, const struct step *s)
{
    if (!f->exists || !alert_is_open(&f->al) || (f->al.touched && f->al.normal && f->restored))
        return RESULT_NOTHING;
    if (!f->al.touched && f->reopened)
        end(f, s, ALERT_CLOSED, SPAN("auto"), false); /* as it was before it was opened again */
    else if (!f->al.touched)
        end(f, s, ALERT_RETRACTED, SPAN_NONE, false);
    f->al.normal = f->restored = true;
    return RESULT_RETRACT;
}

/* Never refuses: whether a person may was decided when they did it; meanwhile a script that
 * lagged may have put something before it, and what makes no sense any more only stays in the
 * timeline. */
static enum step_result act(struct fold *f, const struct step *s)
{
    const struct alert_move *m = alert_move_find(s->action);
    if (!f->exists || !m || strcmp(f->al.id, s->id) != 0 || !(m->from & IN(f->al.state)))
        return RESULT_ACT;
    if (m->to >= ALERT_CLOSED) {
        end(f, s, (enum alert_state)m->to, s->verdict, true);
    } else if (m->to >= 0) {
        if (!alert_is_open(&f->al)) {
            f->al.closed_at = 0;
            f->al.verdict = SPAN_NONE;
            f->al.due_at = s->due_at;
        }
        f->al.state = (enum alert_state)m->to;
    } else if (f->al.state == ALERT_SIGNED) {
        f->al.state = ALERT_HANDLING;
    }
    if (f->al.state == ALERT_SIGNED)
        f->al.signed_by = s->by;
    if (s->submitted.n)
        f->submitted = s->submitted;
    if (m->to == ALERT_SUBMITTED)
        f->submitted_text = s->text;
    if (span_eq(s->action, SPAN("note")) || m->to == ALERT_SUBMITTED)
        f->al.feedback_at = s->at;
    f->al.touched = true;
    return RESULT_ACT;
}

enum step_result fold_step(struct arena *a, struct fold *f, const struct step *s)
{
    enum step_result r = RESULT_NOTHING;
    switch (s->kind) {
    case STEP_TRIGGER:
        r = trigger(a, f, s);
        break;
    case STEP_CLEAR:
        r = clear(f, s);
        break;
    case STEP_RETRACT:
        r = retract(f, s);
        break;
    case STEP_ACT:
        r = act(f, s);
        break;
    }
    if (r != RESULT_NOTHING) {
        f->al.rev++;
        f->al.seq = s->seq;
        if (s->effective > f->effective)
            f->effective = s->effective;
    }
    return r;
}
