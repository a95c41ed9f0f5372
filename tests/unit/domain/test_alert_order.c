/* However far the engine lags behind people, the alert ends the same. */
#include "play.h"

#include "domain/alert_impl.h"

enum { EVENTS = 40, LIVES = EVENTS };

enum event_kind { EVENT_RECORD, EVENT_PERSON };
struct event {
    enum event_kind kind;
    struct step step; /* what the script makes of the record, or what the person does */
    int life;         /* the person's: how many lives there were when they did it, less one */
    int judged_after; /* the record's: it is judged when this many events have happened */
};

static struct step random_script_step(void)
{
    unsigned n = unit_below(10);
    struct step s = {.kind = n < 6 ? STEP_TRIGGER : n < 9 ? STEP_CLEAR : STEP_RETRACT};
    s.level = (enum alert_level)unit_below(4);
    s.fingerprint = unit_below(3);
    s.quiet_us = unit_below(2) ? 5 * CALENDAR_MINUTE_US : 0;
    s.reopen = unit_below(12) == 0;
    s.rejudged = unit_below(8) == 0;
    s.close = (enum life_close)unit_below(3);
    s.may_close = unit_below(4) > 0;
    s.title = SPAN("标题");
    s.due_at = s.sign_due_at = 1583800000000000 + (int64_t)unit_below(1000) * 1000000;
    return s;
}

static struct step random_act(void)
{
    static const char *const actions[] = {"sign",  "note",        "submit",
                                          "close", "false_alarm", "reopen"};
    struct step s = {
        .kind = STEP_ACT, .action = span_of(actions[unit_below(6)]), .by = SPAN("zhang")};
    s.due_at = 1583900000000000;
    return s;
}

/* One run of the story: what happened to the one key "K". */
struct run {
    struct play p;
    uint64_t seqs[EVENTS]; /* of the records */
    char ids[LIVES][27];   /* of the lives, in order */
    int lives;
    struct event *events;
};

struct doing {
    struct step step;
    uint64_t cause;
};

static bool append(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    struct doing *d = ctx;
    struct arena a = {0};
    struct fold f;
    bool appended;
    struct span key = key_of2(&a, SPAN("s"), SPAN("K"), e);
    (void)p;
    bool ok = alert_append(t, &a, key, &d->step, d->cause, NULL, &f, &appended, e);
    arena_free(&a);
    return ok;
}

static void judge(struct run *r, int i)
{
    struct entry entry;
    struct doing d = {r->events[i].step, r->seqs[i]};
    play_ok(&r->p, journal_get(r->p.view, &r->p.a, r->seqs[i], &entry, &r->p.e));
    d.step.effective = r->seqs[i];
    d.step.at = entry.at;
    play_ok(&r->p, play_do(&r->p, append, &d));
    struct alert al;
    if (play_has(&r->p, "K", &al) && (!r->lives || strcmp(r->ids[r->lives - 1], al.id) != 0))
        memcpy(r->ids[r->lives++], al.id, 27);
}

static void happen(struct run *r, int i, bool decides)
{
    struct event *ev = &r->events[i];
    char time[40];
    snprintf(time, sizeof time, "2020-03-10T%02d:%02d:00+08:00", 9 + i / 60, i % 60);
    play_at(&r->p, time);
    if (ev->kind == EVENT_RECORD) {
        r->seqs[i] = play_record(&r->p);
        return;
    }
    if (decides)
        ev->life = r->lives - 1; /* people act on what they see */
    if (ev->life < 0)
        return;
    struct doing d = {ev->step, 0};
    memcpy(d.step.id, r->ids[ev->life], 27);
    play_ok(&r->p, play_do(&r->p, append, &d));
}

static void assert_same(const struct alert *a, const struct alert *b)
{
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->level, b->level);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->raised_at, b->raised_at);
    assert_int_equal(a->last_at, b->last_at);
    assert_int_equal(a->closed_at, b->closed_at);
    assert_int_equal(a->due_at, b->due_at);
    assert_int_equal(a->touched, b->touched);
    assert_int_equal(a->normal, b->normal);
    assert_true(span_eq(a->verdict, b->verdict));
    assert_true(span_eq(a->signed_by, b->signed_by));
}

static void tell_story(struct run *lagging, struct run *prompt, struct event *events)
{
    int next = 0; /* first record not yet judged by the lagging one */
    lagging->events = prompt->events = events;
    play_open(&lagging->p);
    play_open(&prompt->p);
    for (int i = 0; i < EVENTS; i++) {
        happen(lagging, i, true);
        while (next <= i && (events[next].kind == EVENT_PERSON || unit_below(3) == 0)) {
            if (events[next].kind == EVENT_RECORD)
                judge(lagging, next);
            next++;
        }
    }
    for (; next < EVENTS; next++) {
        if (events[next].kind == EVENT_RECORD)
            judge(lagging, next);
    }
    for (int i = 0; i < EVENTS; i++) {
        happen(prompt, i, false);
        if (events[i].kind == EVENT_RECORD)
            judge(prompt, i);
    }
}

static void a_lagging_engine_ends_where_a_prompt_one_does(void **state)
{
    (void)state;
    unit_seed(__func__);
    for (int round = 0; round < 25; round++) {
        static struct run lagging, prompt;
        static struct event events[EVENTS];
        memset(&lagging, 0, sizeof lagging);
        memset(&prompt, 0, sizeof prompt);
        memset(events, 0, sizeof events);
        for (int i = 0; i < EVENTS; i++) {
            events[i].kind = unit_below(3) ? EVENT_RECORD : EVENT_PERSON;
            events[i].step =
                events[i].kind == EVENT_RECORD ? random_script_step() : random_act();
        }
        tell_story(&lagging, &prompt, events);
        struct alert a, b;
        bool has = play_has(&lagging.p, "K", &a);
        assert_int_equal(has, play_has(&prompt.p, "K", &b));
        if (has)
            assert_same(&a, &b);
        assert_int_equal(alert_open_count(lagging.p.view, &lagging.p.a, SPAN("s")),
                         has && alert_is_open(&a));
        /* what a script saw while it judged, long ago */
        for (int i = 0; i < EVENTS; i++) {
            if (events[i].kind != EVENT_RECORD)
                continue;
            bool was = alert_get(lagging.p.view, &lagging.p.a, SPAN("s"), SPAN("K"),
                                 lagging.seqs[i], &a, NULL);
            assert_int_equal(was, alert_get(prompt.p.view, &prompt.p.a, SPAN("s"), SPAN("K"),
                                            prompt.seqs[i], &b, NULL));
            if (was)
                assert_same(&a, &b);
        }
        play_close(&lagging.p);
        play_close(&prompt.p);
    }
}

/* The story of the rule, told once by hand. */
static void a_close_counts_after_what_was_judged_later_but_came_before(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "auto", "blue", 1);
    unsigned long long before = play_record(&p);
    must_act(&p, "K", "close", "'verdict':'solved'");
    unsigned long long after = play_record(&p);
    play_ok(
        &p,
        play_judge(
            &p, after,
            play_text(
                &p,
                "{'do':'alert','cause':%llu,'key':'K','kind':'auto','level':'red','title':'a',"
                "'evidence':{'reads':[{'type':'enterprise','key':'E1','seq':9}]}},"
                "{'do':'alert','cause':%llu,'key':'K','kind':'auto','level':'red','title':'a',"
                "'evidence':{'reads':[{'type':'enterprise','key':'E1','seq':9}]}}",
                before, after)));
    assert_alert(&p, "K", "closed", "red", 2);
    play_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lagging_engine_ends_where_a_prompt_one_does),
        cmocka_unit_test(a_close_counts_after_what_was_judged_later_but_came_before),
    };
    return unit_run(tests);
}
