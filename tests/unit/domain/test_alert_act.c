/* What people may do with an alert, and what each act asks for. */
#include "play.h"

static struct span view_full(struct play *p, const char *key, const struct person *person)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    struct alert al = play_alert(p, key);
    alert_view_full(p->view, &p->a, p->street, person, &al, &w);
    json_w_end(&w);
    struct span s = arena_span(&p->a, buf_view(&b));
    buf_free(&b);
    return s;
}

static const struct json *full(struct play *p, const char *key, enum role role,
                               const char *office)
{
    struct person person = play_person(role, office);
    const struct json *o = json_parse(&p->a, view_full(p, key, &person), NULL, NULL, &p->e);
    play_ok(p, o != NULL);
    return o;
}

static bool put_visit(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    struct arena a = {0};
    struct batch_result result;
    struct record r;
    const char *field;
    const struct type *type = dictionary_find(street_dictionary(p->street), SPAN("visit"));
    bool ok = record_parse(type, *(struct span *)ctx, NULL, &a, &r, &field, e);
    struct batch b = {
        .type = type, .records = &r, .count = 1, .source = SPAN("test"), .quiet = true};
    ok = ok && record_apply(t, street_dictionary(p->street), &b, &result, e);
    arena_free(&a);
    return ok;
}

static void visit(struct play *p, const char *id, const char *subject, const char *alert_key,
                  const char *result)
{
    struct span s =
        play_text(p, "{'visit_id':'%s','subject_id':'%s','alert_key':'%s','result':'%s'}", id,
                  subject, alert_key, result);
    play_ok(p, play_do(p, put_visit, &s));
}

static void from_new_to_closed_step_by_step(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "ev", "yellow", 1);
    must_refuse(&p, ERR_CONFLICT, "K", "submit", "'text':'好了'");
    must_act(&p, "K", "sign", "'rev':1");
    assert_span(play_alert(&p, "K").signed_by, "zhang");
    must_refuse(&p, ERR_CONFLICT, "K", "sign", "'rev':2");
    must_act(&p, "K", "note", "'text':'去看了'");
    assert_alert(&p, "K", "handling", "yellow", 1);
    must_act(&p, "K", "submit", "'text':'已整改','evidence':{'note':'照片三张'}");
    assert_alert(&p, "K", "submitted", "yellow", 1);
    must_act(&p, "K", "close", "'verdict':'solved'");
    assert_alert(&p, "K", "closed", "yellow", 1);
    assert_span(play_alert(&p, "K").verdict, "solved");
    must_refuse(&p, ERR_CONFLICT, "K", "note", "'text':'晚了'");
    must_act(&p, "K", "reopen", "'text':'又来了'");
    assert_alert(&p, "K", "handling", "yellow", 1);
    assert_int_equal(play_alert(&p, "K").closed_at, 0);
    play_close(&p);
}

static void an_old_revision_is_a_conflict(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "ev", "yellow", 1);
    must_act(&p, "K", "note", "'text':'一','rev':1");
    must_refuse(&p, ERR_CONFLICT, "K", "note", "'text':'二','rev':1");
    must_act(&p, "K", "note", "'text':'二','rev':2");
    play_close(&p);
}

static void acts_ask_for_what_they_need(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "ev", "yellow", 1);
    must_refuse(&p, ERR_INPUT, "K", "false_alarm", "'text':' '");
    must_refuse(&p, ERR_CONFLICT, "K", "close",
                "'rev':1"); /* solved, but the note is missing */
    must_refuse(&p, ERR_INPUT, "K", "close", "'verdict':''");
    must_refuse(&p, ERR_INPUT, "K", "close", "'verdict':'perhaps'");
    must_refuse(&p, ERR_INPUT, "K", "close", "'verdict':'not_solved'");
    must_refuse(&p, ERR_CONFLICT, "K", "close", "'verdict':'solved'"); /* the note is missing */
    must_refuse(&p, ERR_INPUT, "K", "explode", "'text':'x'");
    must_refuse(&p, ERR_INPUT, "K", "note", "'text':''");
    must_refuse(&p, ERR_INPUT, "K", "note", "'text':'x','evidence':[]");
    must_act(&p, "K", "note", "'note':'已电话联系'");
    must_act(&p, "K", "close", "'text':'已处理'");
    assert_span(play_alert(&p, "K").verdict, "solved");
    play_raise(&p, "F", "ev", "yellow", 1);
    must_act(&p, "F", "false_alarm", "'reason':'数据有误'");
    play_close(&p);
}

static void a_visit_must_have_taken_place(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "E1|2020-02", "both", "yellow", 1);
    must_refuse(&p, ERR_CONFLICT, "E1|2020-02", "close", "'verdict':'solved'");
    visit(&p, "V1", "E1", "s|E1|2020-01", "solved");
    visit(&p, "V2", "E1", "s|E1|2020-02", "unreachable"); /* not among life.results */
    must_refuse(&p, ERR_CONFLICT, "E1|2020-02", "close", "'verdict':'solved'");
    visit(&p, "V3", "E1", "s|E1|2020-02", "normal");
    must_act(&p, "E1|2020-02", "close", "'verdict':'solved'");
    play_close(&p);
}

static void each_subject_named_must_be_visited(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_effect(
        &p, "'do':'alert','key':'B','kind':'both','level':'blue','title':'楼','evidence_of':"
            "['visit|V1','visit|V9','nothing|X']");
    visit(&p, "V1", "V1", "s|B", "normal"); /* V1 exists and was visited, V9 does not exist */
    must_refuse(&p, ERR_CONFLICT, "B", "close",
                "'verdict':'solved'"); /* X: nobody can know whether it exists */
    visit(&p, "V2", "X", "s|B", "solved");
    must_act(&p, "B", "close", "'verdict':'solved'");
    play_close(&p);
}

static void others_do_not_know_of_it(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "ev", "yellow", 1);
    struct alert al = play_alert(&p, "K");
    struct person other = play_person(ROLE_OFFICE, "safety");
    struct play_act act = {&other, span_of(al.id), SPAN("sign"), NULL};
    assert_false(play_do(&p, play_act_fn, &act));
    assert_int_equal(p.e.code, ERR_MISSING);
    struct span place = SPAN("xiaohe");
    struct person community = play_person(ROLE_COMMUNITY, "");
    community.communities = &place;
    community.community_count = 1;
    act = (struct play_act){&community, span_of(al.id), SPAN("close"), NULL};
    assert_false(play_do(&p, play_act_fn, &act)); /* sees it, may not end it */
    assert_int_equal(p.e.code, ERR_DENIED);
    play_close(&p);
}

static void examples_may_act_without_bringing_anything(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "both", "yellow", 1);
    struct alert al = play_alert(&p, "K");
    struct play_act act = {NULL, span_of(al.id), SPAN("close"), NULL};
    play_ok(&p, play_do(&p, play_act_fn, &act));
    assert_alert(&p, "K", "closed", "yellow", 1);
    play_close(&p);
}

static void an_earlier_life_takes_no_acts(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "auto", "yellow", 1);
    struct alert old = play_alert(&p, "K");
    play_clear(&p, "K");
    play_raise(&p, "K", "auto", "yellow", 2);
    struct person staff = play_person(ROLE_OFFICE, "regional_dev");
    struct play_act act = {&staff, span_of(old.id), SPAN("reopen"), NULL};
    assert_false(play_do(&p, play_act_fn, &act));
    assert_int_equal(p.e.code, ERR_CONFLICT);
    act.id = SPAN("00000000000000000000000000");
    assert_false(play_do(&p, play_act_fn, &act));
    assert_int_equal(p.e.code, ERR_MISSING);
    play_close(&p);
}

static bool has_text(const struct json *list, const char *text)
{
    for (size_t i = 0; i < json_count(list); i++) {
        if (span_eq(json_string(json_item(list, i)), span_of(text)))
            return true;
    }
    return false;
}

static void the_whole_view_tells_the_story(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_raise(&p, "K", "both", "yellow", 1);
    play_raise(&p, "K", "both", "orange", 2);
    must_act(&p, "K", "sign", "'text':''");
    play_clear(&p, "K");
    const struct json *o = full(&p, "K", ROLE_OFFICE, "regional_dev");
    const struct json *line = json_get(o, "timeline");
    static const char *const actions[] = {"raise", "level", "sign", "clear"};
    assert_int_equal(json_count(line), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(json_cstr(json_get(json_item(line, i), "action"), ""), actions[i]);
    assert_string_equal(json_cstr(json_get(json_item(line, 2), "from"), ""), "new");
    assert_string_equal(json_cstr(json_get(json_item(line, 2), "to"), ""), "signed");
    assert_string_equal(json_cstr(json_get(json_get(json_item(line, 2), "by"), "name"), ""),
                        "zhang");
    assert_string_equal(json_cstr(json_get(json_item(line, 3), "text"), ""), "数据已恢复正常");
    assert_true(has_text(json_get(o, "actions"), "close"));
    assert_false(has_text(json_get(o, "actions"), "sign"));
    assert_string_equal(json_cstr(json_get(json_get(o, "life"), "close"), ""), "auto+evidence");
    assert_int_equal(json_count(json_get(json_get(o, "evidence"), "reads")), 1);
    assert_string_equal(json_cstr(json_get(o, "scenario_title"), ""), "示例场景");
    o = full(&p, "K", ROLE_LEADER, "");
    assert_false(has_text(json_get(o, "actions"), "close"));
    play_close(&p);
}

static void each_entry_makes_an_event(void **state)
{
    (void)state;
    static const char *const types[] = {"wangyi.alert.raised", "wangyi.alert.changed",
                                        "wangyi.alert.closed"};
    struct play p;
    uint64_t seqs[8];
    play_open(&p);
    play_raise(&p, "K", "auto", "yellow", 1);
    must_act(&p, "K", "sign", "'text':''");
    play_clear(&p, "K");
    assert_int_equal(stream_head(p.view, SPAN("alerts")), 3);
    assert_int_equal(stream_read(p.view, SPAN("alerts"), 1, seqs, 8), 3);
    for (size_t i = 0; i < 3; i++) {
        struct buf b = {0};
        struct json_w w = json_w_begin(&b);
        struct alert al;
        play_ok(&p, alert_event(p.view, &p.a, p.street, seqs[i], i + 1, &al, &w, &p.e));
        json_w_end(&w);
        const struct json *o = json_parse(&p.a, buf_view(&b), NULL, NULL, &p.e);
        play_ok(&p, o != NULL);
        assert_string_equal(json_cstr(json_get(o, "type"), ""), types[i]);
        assert_null(json_get(json_get(json_get(o, "data"), "evidence"), "reads"));
        assert_string_equal(json_cstr(json_get(json_get(o, "data"), "id"), ""), al.id);
        buf_free(&b);
    }
    play_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_new_to_closed_step_by_step),
        cmocka_unit_test(an_old_revision_is_a_conflict),
        cmocka_unit_test(acts_ask_for_what_they_need),
        cmocka_unit_test(a_visit_must_have_taken_place),
        cmocka_unit_test(each_subject_named_must_be_visited),
        cmocka_unit_test(others_do_not_know_of_it),
        cmocka_unit_test(examples_may_act_without_bringing_anything),
        cmocka_unit_test(an_earlier_life_takes_no_acts),
        cmocka_unit_test(the_whole_view_tells_the_story),
        cmocka_unit_test(each_entry_makes_an_event),
    };
    return unit_run(tests);
}
