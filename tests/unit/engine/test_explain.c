/* Why it fired and why not: the entry judged again, as of then. */
#include "world.h"

#include "engine/explain.h"

static const char script[] =
    "local calendar = require 'std.calendar'\n"
    "return { title = '试验', office = 'regional_dev', life = {},\n"
    "  settings = { most = { label = '上限', unit = '度', default = 5, min = 0, max = 100 } "
    "},\n"
    "  reads = { 'meter_reading', 'building', 'enterprise', 'ent_income' },\n"
    "  on = { meter_reading = function(row, ctx)\n"
    "    local n = (ctx:get(row.meter_id) or 0) + 1\n"
    "    ctx:set(row.meter_id, n)\n"
    "    if row.meter_id == 'U' then return ctx:unknown('没有表的底数') end\n"
    "    if ctx:check('读数', row.value, '>', ctx.settings.most) and ctx:check('次数', n, "
    "'>=', "
    "2) then\n"
    "      ctx:alert { key = row.meter_id, level = 'red', title = row.meter_id .. ' 超了' }\n"
    "      ctx:wake(row.meter_id, calendar.add_minutes(ctx.now, 30))\n"
    "    end end },\n"
    "  wake = function(key, data, ctx)\n"
    "    if ctx:check('提醒', 1, '>', 2) then ctx:alert { key = 'w', level = 'red', title = "
    "'w' "
    "} end end,\n"
    "  every = { { at = 'daily 09:00', over = 'building', where = { community_id = 'xiaohe' "
    "},\n"
    "    run = function(b, ctx)\n"
    "      if ctx:check('楼名', b.building_id, '==', 'B9') then\n"
    "        ctx:alert { key = b.building_id, level = 'blue', title = 't' } end end } },\n"
    "  examples = {\n"
    "    { name = '报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = { { key = 'k', "
    "level = 'red' } } },\n"
    "    { name = '不报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = {} } } }\n";

static struct world street;
static struct arena answers;

static const struct json *explain(const char *id, const char *about, const char *at)
{
    struct err e = {0};
    struct buf json = {0};
    struct explain_request r = {.id = span_of(id), .about = span_of(about), .at = INT64_MAX};
    if (at)
        assert_true(calendar_parse_datetime(span_of(at), &r.at));
    uint64_t head = world_head(&street);
    if (!explain_run(street.store, host_street, &host_modules, &r, &json, &e))
        fail_msg("%s", e.text);
    assert_int_equal(world_head(&street), head);
    if (getenv("V"))
        fprintf(stderr, "%.*s\n", (int)json.n, json.p);
    const struct json *out =
        json_parse(&answers, arena_span(&answers, buf_view(&json)), &host_wide, NULL, &e);
    assert_non_null(out);
    buf_free(&json);
    return out;
}

static void expect(const struct json *answer, const char *what, const char *words)
{
    assert_string_equal(json_cstr(json_get(answer, "answer"), ""), what);
    const char *sentence = json_cstr(json_get(answer, "sentence"), "");
    if (!strstr(sentence, words))
        fail_msg("%s is not in: %s", words, sentence);
}

static void reading(const char *meter, const char *at, int value)
{
    char json[200];
    snprintf(json, sizeof json, "{\"meter_id\":\"%s\",\"at\":\"%s\",\"value\":%d}", meter, at,
             value);
    world_record(&street, "meter_reading", json);
}

static bool set_most(struct job *j, struct txn *t, struct err *e)
{
    struct arena a = {0};
    (void)j;
    const struct json *values = json_parse(&a, SPAN("{\"most\":1}"), NULL, NULL, e);
    bool ok =
        scenario_set_values(t, SPAN("probe"), values, SPAN_NONE, SPAN("test"), SPAN("试"), e);
    arena_free(&a);
    return ok;
}

static int live(void **state)
{
    (void)state;
    street.held = true;
    world_make(&street);
    world_publish(&street, "probe", script);
    world_settle(&street);
    world_record(&street, "building", "{\"building_id\":\"B1\",\"community_id\":\"xiaohe\"}");
    world_record(&street, "building",
                 "{\"building_id\":\"B2\",\"community_id\":\"tanghe_xincun\"}");
    reading("A", "2020-03-01T08:00:00+08:00", 9);
    reading("Q", "2020-03-01T08:00:00+08:00", 3);
    reading("U", "2020-03-01T08:00:00+08:00", 3);
    world_move(&street, "2020-03-01T08:30:00+08:00");
    reading("A", "2020-03-01T08:30:00+08:00", 9);
    world_move(&street, "2020-03-01T10:00:00+08:00");
    struct job j = {.run = set_most};
    world_settle(&street);
    do_job(&street, &j);
    supervisor_changed(street.supervisor);
    world_settle(&street);
    world_move(&street, "2020-03-01T11:00:00+08:00");
    reading("Q", "2020-03-01T11:00:00+08:00", 3);
    world_settle(&street);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end(&street);
    arena_free(&answers);
    host_close();
    return 0;
}

static void the_first_check_that_failed_is_named_with_how_much_was_missing(void **state)
{
    (void)state;
    const struct json *x = explain("probe", "meter_reading|Q", "2020-03-01T10:30:00+08:00");
    expect(x, "quiet", "读数 3，未超过 5，差 2");
    const struct json *failed = json_get(json_item(json_get(x, "judgements"), 0), "failed");
    double by;
    assert_true(json_number(json_get(failed, "missed_by"), &by) && by == 2.0);
    expect(explain("probe", "meter_reading|A", "2020-03-01T08:10:00+08:00"), "quiet",
           "次数 1，低于 2，差 1");
}

static void settings_are_those_of_then(void **state)
{
    (void)state;
    const struct json *x = explain("probe", "meter_reading|Q", NULL);
    expect(x, "fired", "读数 3，超过 1");
    const struct json *evidence = json_get(json_item(json_get(x, "judgements"), 0), "evidence");
    int64_t number;
    assert_true(json_int(json_get(json_get(evidence, "version"), "number"), &number));
    assert_int_equal(number, 2);
    x = explain("probe", "meter_reading|Q|2020-03-01T08:00:00+08:00", NULL);
    expect(x, "quiet", "未超过 5");
}

static void what_it_fired_on_are_the_versions_of_then(void **state)
{
    (void)state;
    const struct json *x = explain("probe", "meter_reading|A", "2020-03-01T08:40:00+08:00");
    expect(x, "fired", "读数 9，超过 5；次数 2，不低于 2");
    const struct json *one = json_item(json_get(x, "judgements"), 0);
    const struct json *read = json_item(json_get(json_get(one, "evidence"), "reads"), 0);
    assert_string_equal(json_cstr(json_get(read, "type"), ""), "meter_reading");
    assert_string_equal(json_cstr(json_get(read, "key"), ""), "A|2020-03-01T08:30:00+08:00");
    const struct json *alert = json_item(json_get(one, "alerts"), 0);
    assert_string_equal(json_cstr(json_get(alert, "state"), ""), "new");
}

static void a_timer_is_explained_like_a_record(void **state)
{
    (void)state;
    const struct json *x = explain("probe", "meter_reading|A", NULL);
    expect(x, "quiet", "提醒 1，未超过 2，差 1");
    const struct json *list = json_get(x, "judgements");
    assert_string_equal(json_cstr(json_get(json_item(list, 0), "trigger"), ""), "wake");
    assert_string_equal(json_cstr(json_get(json_item(list, 1), "trigger"), ""), "record");
}

static void a_tick_is_explained_for_one_subject(void **state)
{
    (void)state;
    const struct json *x = explain("probe", "building|B1", NULL);
    expect(x, "quiet", "楼名");
    assert_int_equal(json_count(json_get(x, "judgements")), 1);
    assert_string_equal(
        json_cstr(json_get(json_item(json_get(x, "judgements"), 0), "every"), ""),
        "daily 09:00");
}

static void a_subject_that_where_keeps_out_is_told_the_field(void **state)
{
    (void)state;
    const struct json *x = explain("probe", "building|B2", NULL);
    expect(x, "not_judged", "tanghe_xincun");
    const struct json *reason = json_item(json_get(x, "reasons"), 0);
    assert_string_equal(json_cstr(json_get(reason, "why"), ""), "where");
    assert_string_equal(json_cstr(json_get(reason, "field"), ""), "community_id");
    assert_string_equal(json_cstr(json_get(reason, "want"), ""), "xiaohe");
}

static void what_was_not_judged_is_an_answer(void **state)
{
    (void)state;
    const struct json *x = explain("probe", "building|B1", "2020-03-01T08:20:00+08:00");
    expect(x, "not_judged", "还没有到点过");
    x = explain("probe", "building|NOSUCH", NULL);
    expect(x, "not_judged", "没有它的");
    x = explain("probe", "visit|V1", NULL);
    expect(x, "not_judged", "这个场景不看");
}

static void missing_data_are_told_as_such(void **state)
{
    (void)state;
    expect(explain("probe", "meter_reading|U", NULL), "unknown", "没有表的底数");
}

int main(int argc, char **argv)
{
    int code;
    if (world_main(argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_check_that_failed_is_named_with_how_much_was_missing),
        cmocka_unit_test(settings_are_those_of_then),
        cmocka_unit_test(what_it_fired_on_are_the_versions_of_then),
        cmocka_unit_test(a_timer_is_explained_like_a_record),
        cmocka_unit_test(a_tick_is_explained_for_one_subject),
        cmocka_unit_test(a_subject_that_where_keeps_out_is_told_the_field),
        cmocka_unit_test(what_was_not_judged_is_an_answer),
        cmocka_unit_test(missing_data_are_told_as_such),
    };
    if (getenv("F"))
        cmocka_set_test_filter(getenv("F"));
    return cmocka_run_group_tests(tests, live, end);
}
