/* One key, many lives: dedup, levels, quiet time, close types, what people have ended. */
#include "play.h"

static void the_same_trigger_twice_is_one_alert_counted_twice(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "auto", "blue", 1);
    struct alert first = play_alert(&p, "K");
    play_raise(&p, "K", "auto", "yellow", 2);
    assert_alert(&p, "K", "new", "yellow", 2);
    play_raise(&p, "K", "auto", "blue", 3);
    assert_alert(&p, "K", "new", "yellow", 3); /* never lowered */
    assert_string_equal(play_alert(&p, "K").id, first.id);
    play_close(&p);
}

static void several_alerts_of_one_cause_are_one_occurrence(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    unsigned long long seq = play_record(&p);
    play_ok(
        &p,
        play_judge(&p, seq,
                   play_text(&p,
                             "{'do':'alert','cause':%llu,'key':'K','level':'blue','title':'a'},"
                             "{'do':'alert','cause':%llu,'key':'K','level':'red','title':'b'}",
                             seq, seq)));
    assert_alert(&p, "K", "new", "red", 1);
    play_close(&p);
}

static void a_rejudgement_does_not_count(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "auto", "blue", 1);
    play_effect(
        &p, "'do':'alert','key':'K','kind':'auto','level':'blue','title':'a','rejudged':true");
    assert_alert(&p, "K", "new", "blue", 1);
    play_effect(
        &p, "'do':'alert','key':'K','kind':'auto','level':'red','title':'a','rejudged':true");
    assert_alert(&p, "K", "new", "red", 1);
    play_clear(&p, "K");
    struct alert first = play_alert(&p, "K");
    play_effect(
        &p, "'do':'alert','key':'K','kind':'auto','level':'red','title':'a','rejudged':true");
    assert_alert(&p, "K", "new", "red", 1); /* the same one, not another */
    assert_string_equal(play_alert(&p, "K").id, first.id);
    play_close(&p);
}

static void an_auto_alert_closes_with_its_data(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "auto", "blue", 1);
    play_effect(&p, "'do':'clear','key':'K','close':false");
    assert_alert(&p, "K", "new", "blue", 1);
    assert_true(play_alert(&p, "K").normal);
    play_clear(&p, "K");
    assert_alert(&p, "K", "closed", "blue", 1);
    assert_span(play_alert(&p, "K").verdict, "auto");
    play_close(&p);
}

static void evidence_alerts_stay_open_when_the_data_are_normal(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "A", "ev", "blue", 1);
    play_raise(&p, "B", "both", "blue", 1);
    play_clear(&p, "A");
    play_clear(&p, "B");
    assert_alert(&p, "A", "new", "blue", 1);
    assert_alert(&p, "B", "new", "blue", 1);
    uint64_t rev = play_alert(&p, "B").rev;
    play_clear(&p, "B"); /* said once is enough */
    assert_int_equal(play_alert(&p, "B").rev, rev);
    assert_true(play_alert(&p, "B").normal);
    play_close(&p);
}

static void clearing_what_is_not_there_costs_nothing(void **state)
{
    (void)state;
    struct play p;
    struct alert al;
    play_open(&p);
    uint64_t head = view_head(p.view);
    play_clear(&p, "K");
    assert_int_equal(view_head(p.view), head + 1); /* the record itself */
    assert_false(play_has(&p, "K", &al));
    assert_int_equal(p.e.code, ERR_MISSING);
    play_close(&p);
}

static void inside_the_quiet_time_the_old_alert_opens_again(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_effect(
        &p,
        "'do':'alert','key':'K','kind':'auto','level':'red','title':'a','quiet_default':'24h'");
    struct alert first = play_alert(&p, "K");
    play_clear(&p, "K");
    play_at(&p, "2020-03-11T08:00:00+08:00"); /* just 24 h */
    play_effect(&p, "'do':'alert','key':'K','kind':'auto','level':'blue','title':'a','quiet_"
                    "default':'24h'");
    assert_alert(&p, "K", "new", "blue", 2);
    assert_string_equal(play_alert(&p, "K").id, first.id);
    assert_int_equal(play_alert(&p, "K").closed_at, 0);
    play_clear(&p, "K");
    play_at(&p, "2020-03-12T08:00:01+08:00");
    play_effect(&p, "'do':'alert','key':'K','kind':'auto','level':'blue','title':'a','quiet_"
                    "default':'24h'");
    assert_alert(&p, "K", "new", "blue", 1);
    assert_string_not_equal(play_alert(&p, "K").id, first.id);
    play_close(&p);
}

static void without_quiet_time_a_new_trigger_is_a_new_alert(void **state)
{
    (void)state;
    struct play p;
    struct alert old;
    play_open(&p);
    play_raise(&p, "K", "auto", "blue", 1);
    struct alert first = play_alert(&p, "K");
    play_clear(&p, "K");
    play_raise(&p, "K", "auto", "blue", 2);
    assert_string_not_equal(play_alert(&p, "K").id, first.id);
    play_ok(&p, alert_find(p.view, &p.a, span_of(first.id), &old,
                           &p.e)); /* the old one can still be read */
    assert_int_equal(old.state, ALERT_CLOSED);
    play_close(&p);
}

static void what_a_person_ended_stays_ended_while_nothing_changes(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "auto", "blue", 7);
    must_act(&p, "K", "close", "'verdict':'solved'");
    play_raise(&p, "K", "auto", "blue", 7);
    assert_alert(&p, "K", "closed", "blue", 1);
    play_raise(&p, "K", "auto", "blue", 8); /* it rests on another record */
    assert_alert(&p, "K", "new", "blue", 1);
    must_act(&p, "K", "false_alarm", "'text':'看错了'");
    play_raise(&p, "K", "auto", "yellow", 8); /* another level */
    assert_alert(&p, "K", "new", "yellow", 1);
    must_act(&p, "K", "close", "'verdict':'solved'");
    play_clear(&p, "K"); /* false in between */
    play_raise(&p, "K", "auto", "yellow", 8);
    assert_alert(&p, "K", "new", "yellow", 1);
    play_close(&p);
}

static void a_clear_that_does_not_close_counts_as_false_in_between(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "auto", "blue", 7);
    must_act(&p, "K", "close", "'verdict':'solved'");
    play_effect(&p, "'do':'clear','key':'K','close':false");
    play_raise(&p, "K", "auto", "blue", 7);
    assert_alert(&p, "K", "new", "blue", 1);
    play_close(&p);
}

static void reopen_is_stronger_than_everything(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "auto", "blue", 7);
    struct alert first = play_alert(&p, "K");
    must_act(&p, "K", "close", "'verdict':'solved'");
    play_effect(
        &p,
        "'do':'alert','key':'K','kind':'auto','level':'blue','title':'没有回访','reopen':true,"
        "'evidence':{'reads':[{'type':'enterprise','key':'E1','seq':7}]}");
    assert_alert(&p, "K", "new", "blue", 2);
    assert_string_equal(play_alert(&p, "K").id, first.id);
    play_close(&p);
}

static void an_untouched_alert_is_retracted_a_touched_one_gets_a_note(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "A", "ev", "blue", 1);
    play_raise(&p, "B", "ev", "blue", 1);
    must_act(&p, "B", "sign", "'text':''");
    play_effect(&p, "'do':'retract','key':'A','reason':'迟到的记录'");
    play_effect(&p, "'do':'retract','key':'B','reason':'迟到的记录'");
    assert_alert(&p, "A", "retracted", "blue", 1);
    assert_alert(&p, "B", "signed", "blue", 1);
    assert_int_equal(play_alert(&p, "B").rev, 3);
    play_raise(&p, "A", "ev", "blue", 1);
    assert_alert(&p, "A", "new", "blue", 1);
    play_close(&p);
}

static void deadlines_are_those_of_the_level(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "R", "auto", "red", 1);
    assert_true(play_alert(&p, "R").sign_due_at == play_time("2020-03-10T08:15:00+08:00"));
    assert_true(play_alert(&p, "R").due_at == play_time("2020-03-10T12:00:00+08:00"));
    play_raise(&p, "O", "auto", "orange", 1);
    assert_true(play_alert(&p, "O").sign_due_at == play_time("2020-03-10T09:00:00+08:00"));
    assert_true(play_alert(&p, "O").due_at == play_time("2020-03-11T08:00:00+08:00"));
    play_raise(&p, "Y", "auto", "yellow", 1); /* 4 wh from 08:30; 3 wd */
    assert_true(play_alert(&p, "Y").sign_due_at == play_time("2020-03-10T14:00:00+08:00"));
    assert_true(play_alert(&p, "Y").due_at == play_time("2020-03-13T17:30:00+08:00"));
    play_raise(&p, "B", "auto", "blue", 1);
    assert_true(play_alert(&p, "B").sign_due_at == play_time("2020-03-11T17:30:00+08:00"));
    assert_true(play_alert(&p, "B").due_at == play_time("2020-03-24T17:30:00+08:00"));
    play_raise(&p, "L", "both", "yellow", 1); /* its own limits */
    assert_true(play_alert(&p, "L").sign_due_at == play_time("2020-03-10T10:00:00+08:00"));
    assert_true(play_alert(&p, "L").due_at == play_time("2020-03-24T17:30:00+08:00"));
    play_close(&p);
}

static void a_higher_level_brings_the_deadline_nearer(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "auto", "blue", 1);
    play_at(&p, "2020-03-11T08:00:00+08:00");
    play_raise(&p, "K", "auto", "orange", 2);
    assert_true(play_alert(&p, "K").due_at == play_time("2020-03-12T08:00:00+08:00"));
    play_close(&p);
}

static void the_deadline_a_script_names_counts(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_effect(
        &p,
        "'do':'alert','key':'K','level':'blue','title':'a','due':'2020-04-01T17:30:00+08:00'");
    assert_true(play_alert(&p, "K").due_at == play_time("2020-04-01T17:30:00+08:00"));
    play_close(&p);
}

static void names_come_back(void **state)
{
    (void)state;
    for (int i = LEVEL_BLUE; i <= LEVEL_RED; i++) {
        enum alert_level l;
        assert_true(alert_level_parse(span_of(alert_level_name((enum alert_level)i)), &l));
        assert_int_equal(l, i);
    }
    for (int i = ALERT_NEW; i <= ALERT_RETRACTED; i++) {
        enum alert_state s;
        assert_true(alert_state_parse(span_of(alert_state_name((enum alert_state)i)), &s));
        assert_int_equal(s, i);
    }
    enum alert_level l;
    assert_false(alert_level_parse(SPAN("pink"), &l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_trigger_twice_is_one_alert_counted_twice),
        cmocka_unit_test(several_alerts_of_one_cause_are_one_occurrence),
        cmocka_unit_test(a_rejudgement_does_not_count),
        cmocka_unit_test(an_auto_alert_closes_with_its_data),
        cmocka_unit_test(evidence_alerts_stay_open_when_the_data_are_normal),
        cmocka_unit_test(clearing_what_is_not_there_costs_nothing),
        cmocka_unit_test(inside_the_quiet_time_the_old_alert_opens_again),
        cmocka_unit_test(without_quiet_time_a_new_trigger_is_a_new_alert),
        cmocka_unit_test(what_a_person_ended_stays_ended_while_nothing_changes),
        cmocka_unit_test(a_clear_that_does_not_close_counts_as_false_in_between),
        cmocka_unit_test(reopen_is_stronger_than_everything),
        cmocka_unit_test(an_untouched_alert_is_retracted_a_touched_one_gets_a_note),
        cmocka_unit_test(deadlines_are_those_of_the_level),
        cmocka_unit_test(a_higher_level_brings_the_deadline_nearer),
        cmocka_unit_test(the_deadline_a_script_names_counts),
        cmocka_unit_test(names_come_back),
    };
    return unit_run(tests);
}
