/* Versions, settings, and standing still. */
#include "domain/dataset.h"
#include "play.h"

static struct scenario get(struct play *p)
{
    struct scenario s;
    play_ok(p, scenario_get(p->view, &p->a, SPAN("s"), SEQ_LATEST, &s, &p->e));
    return s;
}

static struct cursor cursor(struct play *p)
{
    struct cursor c;
    assert_true(cursor_get(p->view, SPAN("s"), &c));
    return c;
}

static enum scenario_state state_of(struct play *p)
{
    struct scenario_status s;
    scenario_status(p->view, &p->a, SPAN("s"), &s);
    return s.state;
}

struct change {
    const char *values, *community;
};

static bool set_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    struct change *c = ctx;
    const struct json *o = json_parse(&p->a, play_text(p, "%s", c->values), NULL, NULL, e);
    return o && scenario_set_values(t, SPAN("s"), o, span_of(c->community), SPAN("zhang"),
                                    SPAN("试试"), e);
}

static bool set(struct play *p, const char *values, const char *community)
{
    struct change c = {values, community};
    return play_do(p, set_fn, &c);
}

enum verb { PAUSE, RETRY, SKIP, BACK, STOP, MISSING };

static bool verb_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    struct span id = SPAN("s"), by = SPAN("zhang"), why = SPAN("检修");
    const struct json *fault = json_parse(
        &p->a,
        play_text(p, "{'seq':%llu,'message':'x','line':3,'key':'E1','type':'enterprise'}",
                  (unsigned long long)p->last),
        NULL, NULL, e);
    switch (*(enum verb *)ctx) {
    case PAUSE:
        return scenario_pause(t, id, by, why, e);
    case RETRY:
        return scenario_resume(t, id, RESUME_RETRY, by, why, e);
    case SKIP:
        return scenario_resume(t, id, RESUME_SKIP, by, why, e);
    case BACK:
        return scenario_resume(t, id, RESUME_BACK, by, why, e);
    case STOP:
        return scenario_stop(t, id, fault, p->last, e);
    case MISSING:
        return scenario_missing(t, id, e);
    }
    return false;
}

static bool say(struct play *p, enum verb v)
{
    return play_do(p, verb_fn, &v);
}

static void a_version_is_whole_and_numbered(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    struct scenario one = get(&p);
    assert_int_equal(one.number, 1);
    assert_span(one.title, "示例场景");
    assert_span(one.office, "regional_dev");
    assert_int_equal(one.from_seq, cursor(&p).seq + 1);
    assert_int_equal(cursor(&p).version, one.version_seq);
    play_record(&p);
    play_ok(&p, play_publish(&p, "s", "return {2}", play_manifest));
    struct scenario two = get(&p);
    assert_int_equal(two.number, 2);
    assert_span(two.text, "return {2}");
    assert_int_equal(two.from_seq, one.from_seq); /* it goes on where the cursor stands */
    assert_false(span_eq(two.hash, one.hash));
    play_ok(&p, scenario_get(p.view, &p.a, SPAN("s"), two.version_seq - 1, &one, &p.e));
    assert_int_equal(one.number, 1);
    assert_false(scenario_get(p.view, &p.a, SPAN("nobody"), SEQ_LATEST, &one, &p.e));
    assert_int_equal(p.e.code, ERR_MISSING);
    play_close(&p);
}

static void no_version_without_a_difference(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    uint64_t head = view_head(p.view);
    play_ok(&p, play_publish(&p, "s", "return {}", play_manifest));
    assert_int_equal(view_head(p.view), head);
    assert_int_equal(get(&p).number, 1);
    play_close(&p);
}

static bool expect_fn(struct play *p, struct txn *t, void *ctx, struct err *e)
{
    struct scenario_publish s = {
        .id = SPAN("s"), .text = SPAN("return {3}"), .expected_version = *(uint64_t *)ctx};
    uint64_t seq;
    s.manifest = play_text(p, "%s", play_manifest);
    return scenario_publish(t, &s, &seq, e);
}

static void two_authors_do_not_overwrite_each_other(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    uint64_t seen = get(&p).version_seq;
    play_ok(&p, play_publish(&p, "s", "return {2}", play_manifest));
    assert_false(play_do(&p, expect_fn, &seen));
    assert_int_equal(p.e.code, ERR_CONFLICT);
    seen = get(&p).version_seq;
    play_ok(&p, play_do(&p, expect_fn, &seen));
    play_close(&p);
}

static void settings_are_checked_and_make_a_version(void **state)
{
    (void)state;
    static const char *const bad[] = {"{'limit':0}",
                                      "{'limit':101}",
                                      "{'limit':'x'}",
                                      "{'basis':'week'}",
                                      "{'nothing':1}",
                                      "{}",
                                      "[]"};
    struct play p;
    play_open(&p);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(set(&p, bad[i], NULL));
        assert_int_equal(p.e.code, ERR_INPUT);
    }
    assert_false(set(&p, "{'basis':'ytd'}", "xiaohe")); /* not per community */
    play_ok(&p, set(&p, "{'limit':20,'basis':'ytd'}", NULL));
    play_ok(&p, set(&p, "{'limit':30}", "xiaohe"));
    struct scenario s = get(&p);
    assert_int_equal(s.number, 3);
    assert_span(s.kind, "settings");
    int64_t n = 0;
    assert_true(json_int(json_get(s.values, "limit"), &n));
    assert_int_equal(n, 20);
    assert_true(json_int(json_get(json_get(s.local, "xiaohe"), "limit"), &n));
    assert_int_equal(n, 30);
    play_ok(&p, set(&p, "{'limit':15,'basis':null}", NULL)); /* back to the defaults */
    s = get(&p);
    assert_int_equal(json_count(s.values), 0);
    assert_int_equal(json_count(s.local), 1);
    play_ok(&p, set(&p, "{'limit':null}", "xiaohe"));
    assert_int_equal(json_count(get(&p).local), 0);
    play_close(&p);
}

static void a_new_text_keeps_the_values_it_still_knows(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_ok(&p, set(&p, "{'limit':20,'basis':'ytd'}", NULL));
    play_ok(&p,
            play_publish(&p, "s", "return {2}",
                         "{'title':'新','office':'regional_dev','settings':[{'name':'limit',"
                         "'label':'阈值','default':15,'min':1,'max':100}]}"));
    assert_int_equal(json_count(get(&p).values), 1);
    play_close(&p);
}

static void pause_and_go_on(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_ok(&p, say(&p, PAUSE));
    assert_int_equal(state_of(&p), SCENARIO_PAUSED);
    assert_false(say(&p, PAUSE));
    assert_int_equal(p.e.code, ERR_CONFLICT);
    play_ok(&p, say(&p, STOP)); /* says nothing new */
    assert_int_equal(state_of(&p), SCENARIO_PAUSED);
    play_ok(&p, say(&p, RETRY));
    assert_int_equal(state_of(&p), SCENARIO_RUNNING);
    assert_false(say(&p, RETRY));
    assert_false(say(&p, SKIP));
    play_close(&p);
}

static void a_fault_is_skipped_retried_or_gone_back_from(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_ok(&p, play_publish(&p, "s", "return {2}", play_manifest));
    uint64_t before = cursor(&p).seq, bad = play_record(&p);
    play_ok(&p, say(&p, STOP));
    play_ok(&p, say(&p, RETRY));
    assert_int_equal(cursor(&p).seq, before);
    play_ok(&p, say(&p, STOP));
    play_ok(&p, say(&p, SKIP));
    assert_int_equal(cursor(&p).seq, bad);
    play_ok(&p, say(&p, STOP));
    play_ok(&p, say(&p, BACK));
    assert_int_equal(state_of(&p), SCENARIO_RUNNING);
    struct scenario s = get(&p);
    assert_span(s.text, "return {}");
    assert_span(s.kind, "restore");
    assert_int_equal(s.number, 3);
    assert_int_equal(cursor(&p).version, s.version_seq);
    play_close(&p);
}

static void the_first_version_has_nothing_before_it(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    assert_false(say(&p, BACK));
    assert_int_equal(p.e.code, ERR_CONFLICT);
    play_close(&p);
}

static void a_publish_mends_what_stands_still(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    play_record(&p);
    play_ok(&p, say(&p, STOP));
    play_ok(&p, play_publish(&p, "s", "return {2}", play_manifest));
    assert_int_equal(state_of(&p), SCENARIO_RUNNING);
    play_ok(&p, say(&p, MISSING));
    assert_int_equal(state_of(&p), SCENARIO_MISSING);
    play_ok(&p, play_publish(&p, "s", "return {2}", play_manifest)); /* the same file is back */
    assert_int_equal(state_of(&p), SCENARIO_RUNNING);
    assert_int_equal(get(&p).number, 2);
    play_close(&p);
}

static const struct json *view(struct play *p, bool full)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    struct scenario s = get(p);
    struct scenario_counters c = {.runs = 5, .unknown = 2};
    struct dataset_board board;
    play_ok(p, dataset_board_read(p->view, &p->a, street_dictionary(p->street),
                                  view_now(p->view), &board, &p->e));
    (full ? scenario_view_full : scenario_view)(p->view, &p->a, &board, &s, &c, &w);
    json_w_end(&w);
    const struct json *o = json_parse(&p->a, buf_view(&b), NULL, NULL, &p->e);
    play_ok(p, o != NULL);
    buf_free(&b);
    return o;
}

static void views_show_how_it_stands(void **state)
{
    (void)state;
    struct play p;
    int64_t n;
    play_open(&p);
    play_raise(&p, "K", "auto", "red", 1);
    play_effect(&p, "'do':'log','text':'缺少数据'");
    play_ok(&p, set(&p, "{'limit':30}", "xiaohe"));
    const struct json *o = view(&p, true);
    assert_string_equal(json_cstr(json_get(o, "state"), ""), "running");
    assert_true(json_int(json_get(o, "alerts_open"), &n) && n == 1);
    assert_true(json_int(json_get(o, "runs"), &n) && n == 5);
    const struct json *limit = json_item(json_get(o, "settings"), 0);
    assert_true(json_int(json_get(limit, "value"), &n) && n == 15);
    assert_true(json_int(json_get(json_get(limit, "local"), "xiaohe"), &n) && n == 30);
    assert_string_equal(json_cstr(json_get(json_item(json_get(o, "log"), 0), "text"), ""),
                        "缺少数据");
    assert_string_equal(json_cstr(json_get(json_item(json_get(o, "examples"), 0), "name"), ""),
                        "一个例子");
    assert_true(json_is(json_get(o, "fault"), JSON_NULL));
    play_ok(&p, say(&p, STOP));
    o = view(&p, false);
    assert_string_equal(json_cstr(json_get(o, "state"), ""), "stopped");
    assert_true(json_int(json_get(json_get(o, "fault"), "line"), &n) && n == 3);
    assert_true(stream_head(p.view, SPAN("scenarios")) == 3); /* two versions, one status */
    play_close(&p);
}

static void versions_are_listed_newest_first(void **state)
{
    (void)state;
    struct play p;
    struct buf b = {0};
    const struct span *ids;
    play_open(&p);
    play_ok(&p, play_publish(&p, "s", "return {2}", play_manifest));
    play_ok(&p, play_publish(&p, "a_first", "return {}", play_manifest));
    struct json_w w = json_w_begin(&b);
    scenario_view_versions(p.view, &p.a, SPAN("s"), &w);
    json_w_end(&w);
    const struct json *items =
        json_get(json_parse(&p.a, buf_view(&b), NULL, NULL, &p.e), "items");
    int64_t n = 0;
    assert_int_equal(json_count(items), 2);
    assert_true(json_int(json_get(json_item(items, 0), "number"), &n) && n == 2);
    buf_free(&b);
    assert_int_equal(scenario_list(p.view, &p.a, &ids, &p.e), 2);
    assert_span(ids[0], "a_first");
    assert_span(ids[1], "s");
    play_close(&p);
}

static void bad_publishes_are_refused(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    assert_false(play_publish(&p, "Bad-Id", "return {}", play_manifest));
    assert_false(play_publish(&p, "s", "", play_manifest));
    assert_false(play_publish(&p, "s", "return {4}", "{'office':'safety'}"));
    assert_false(play_publish(&p, "s", "return {4}", "nonsense"));
    assert_int_equal(get(&p).number, 1);
    play_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_whole_and_numbered),
        cmocka_unit_test(no_version_without_a_difference),
        cmocka_unit_test(two_authors_do_not_overwrite_each_other),
        cmocka_unit_test(settings_are_checked_and_make_a_version),
        cmocka_unit_test(a_new_text_keeps_the_values_it_still_knows),
        cmocka_unit_test(pause_and_go_on),
        cmocka_unit_test(a_fault_is_skipped_retried_or_gone_back_from),
        cmocka_unit_test(the_first_version_has_nothing_before_it),
        cmocka_unit_test(a_publish_mends_what_stands_still),
        cmocka_unit_test(views_show_how_it_stands),
        cmocka_unit_test(versions_are_listed_newest_first),
        cmocka_unit_test(bad_publishes_are_refused),
    };
    return unit_run(tests);
}
