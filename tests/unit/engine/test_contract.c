/* The script contract of design.md 4, clause by clause, where test_evaluate does not show it: `removed`, local
 * settings, timers, hold and flap, what an alert carries, what the log and the counters tell. */
#include "world.h"

#include "domain/entry_type.h"
#include "domain/user.h"

#define AT(time)     "\"at\":\"2020-07-15T" time ":00+08:00\""
#define BUILDING(id) "[\"building\",{\"building_id\":\"" id "\"}]"
#define BLUE(key)    "{\"key\":\"" key "\",\"level\":\"blue\"}"
#define NOISE(time, v)                                                                         \
    "[\"sensor_reading\",{\"device_id\":\"D\",\"metric\":\"noise_db\"," AT(                    \
        time) ",\"value\":" v "}]"

/* --- removed -------------------------------------------------------------------------------------------- */

static const char takes_back[] = HOST_SCRIPT(
    "reads = { 'building', 'tax_month' },\n"
    "on = { building = function(row, ctx)\n"
    "  ctx:alert { key = row.building_id, level = 'blue', title = 't' } end },\n"
    "removed = {\n"
    "  building = function(row, ctx)\n"
    "    assert(ctx:find('building', row.building_id) == nil)\n"
    "    assert(#ctx:list('building', {}) == 1)\n"
    "    ctx:clear { key = row.building_id } end,\n"
    "  tax_month = function(row, ctx)\n"
    "    assert(ctx:find('tax_month', row.ent_id).month == '2020-01')\n"
    "    ctx:alert { key = row.ent_id .. row.month .. row.tax_cny .. ' ' .. ctx.now, level = "
    "'blue', title = 't' } end },");

static void removed_is_told_what_was_withdrawn_and_finds_it_no_more(void **state)
{
    (void)state;
    host_expect(
        takes_back,
        "{\"steps\":[{\"given\":[" BUILDING("A") "," BUILDING("B") "]," AT(
            "08:00") ",\"expect\":[" BLUE("A") "," BLUE("B") "]},"
                                                             "{\"removed\":[[\"building\","
                                                             "\"A\"]]," AT(
                                                                 "09:00") ","
                                                                          "\"expect\":[" BLUE(
                                                                              "B") "]}]}");
    host_expect(
        takes_back,
        "{\"given\":[[\"tax_month\",{\"ent_id\":\"E\",\"month\":\"2020-01\",\"tax_cny\":1}],"
        "[\"tax_month\",{\"ent_id\":\"E\",\"month\":\"2020-02\",\"tax_cny\":2}]],"
        "\"removed\":[[\"tax_month\",\"E\",\"2020-02\"]]," AT(
            "09:00") ","
                     "\"expect\":[" BLUE("E2020-022.0 2020-07-15T09:00:00+08:00") "]}");
}

static void a_case_cannot_remove_what_is_not_there(void **state)
{
    (void)state;
    host_refuse(takes_back,
                "{\"removed\":[[\"building\",\"Z\"]]," AT("09:00") ",\"expect\":[]}",
                "没有记录 building Z");
    host_refuse(takes_back, "{\"removed\":[[\"bilding\",\"Z\"]]," AT("09:00") ",\"expect\":[]}",
                "没有记录类型 bilding");
}

/* --- settings ------------------------------------------------------------------------------------------- */

static void a_community_has_its_own_value_where_the_setting_says_so(void **state)
{
    (void)state;
    host_expect(HOST_SCRIPT("reads = { 'shop' },\n"
                            "settings = { most = { label = '最多', default = 3, min = 0, max = "
                            "9, per = "
                            "'community' } },\n"
                            "on = { shop = function(row, ctx)\n"
                            "  ctx:alert { key = 'on ' .. row.shop_id .. ctx.settings.most, "
                            "level = 'blue', "
                            "title = 't' } end },\n"
                            "every = {\n"
                            "  { at = 'daily 10:00', over = 'shop', run = function(row, ctx)\n"
                            "    ctx:alert { key = 'over ' .. row.shop_id .. "
                            "ctx.settings.most, level = "
                            "'blue', title = 't' } end },\n"
                            "  { at = 'daily 10:00', run = function(ctx)\n"
                            "    ctx:alert { key = 'all ' .. ctx.settings.most, level = "
                            "'blue', title = 't' } "
                            "end } },"),
                "{\"settings\":{\"most\":5,\"local\":{\"xiaohe\":{\"most\":7}}},\"given\":["
                "[\"shop\",{\"shop_id\":\"A\",\"name\":\"a\",\"community_id\":\"xiaohe\"}],"
                "[\"shop\",{\"shop_id\":\"B\",\"name\":\"b\",\"community_id\":\"dahulu\"}]]"
                "," AT("10:00") ",\"expect\":[" BLUE("on A7") "," BLUE("on B5") "," BLUE(
                    "over A7") "," BLUE("over B5") "," BLUE("all 5") "]}");
}

/* --- timers --------------------------------------------------------------------------------------------- */

static void a_timer_is_moved_by_setting_it_again_and_dropped_by_sleep(void **state)
{
    (void)state;
    static const char script[] = HOST_SCRIPT(
        "reads = { 'building' },\n"
        "on = { building = function(row, ctx)\n"
        "  local id = row.building_id\n"
        "  if id == 'off' then ctx:sleep('w') ctx:sleep('never set')\n"
        "  else ctx:wake('w', '2020-07-15T' .. id .. ':00+08:00', { id }) end end },\n"
        "wake = function(key, data, ctx)\n"
        "  ctx:alert { key = key .. data[1] .. ctx.now:sub(11, 16), level = 'blue', "
        "title = 't' } end,");
    static const struct {
        const char *first, *then, *expect;
    } cases[] = {
        {"10:00", "11:00", BLUE("w11:00T11:00")},
        {"11:00", "10:00", BLUE("w10:00T10:00")},
        {"10:00", "off", ""},
        {"off", "10:00", BLUE("w10:00T10:00")},
        {"10:00", "10:00", BLUE("w10:00T10:00")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char one[800];
        snprintf(one, sizeof one,
                 "{\"steps\":[{\"given\":[[\"building\",{\"building_id\":\"%s\"}]]," AT(
                     "08:00") "},"
                              "{\"given\":[[\"building\",{\"building_id\":\"%s\",\"name\":"
                              "\"2\"}]]," AT("09:00") "},"
                                                      "{" AT("12:00") ",\"expect\":[%s]}]}",
                 cases[i].first, cases[i].then, cases[i].expect);
        host_expect(script, one);
    }
}

/* As large as ctx:set and ctx:wake take them. */
static void large_values_come_back_whole(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT(
            "reads = { 'building' },\n"
            "on = { building = function(row, ctx)\n"
            "  local big, deep, text = {}, {}, ('x'):rep(60000)\n"
            "  for i = 1, 2000 do big['k' .. i] = i end\n"
            "  for _ = 1, 12 do deep = { deep } end\n"
            "  if row.building_id == 'A' then\n"
            "    ctx:set('big', big) ctx:set('deep', deep) ctx:set('text', text)\n"
            "    ctx:wake('w', '2020-07-15T08:30:00+08:00', big)\n"
            "    ctx:wake('w', '2020-07-15T09:30:00+08:00', big)\n"
            "    ctx:wake('t', '2020-07-15T09:30:00+08:00', text)\n"
            "  else\n"
            "    local n, d = 0, ctx:get('deep')\n"
            "    for _ in pairs(ctx:get('big')) do n = n + 1 end\n"
            "    for _ = 1, 12 do d = d[1] end\n"
            "    assert(d and #ctx:get('text') == 60000)\n"
            "    ctx:alert { key = 'n' .. n, level = 'blue', title = 't' } end end },\n"
            "wake = function(key, data, ctx)\n"
            "  local n = 0\n"
            "  if key == 't' then n = #data else for _ in pairs(data) do n = n + 1 end end\n"
            "  ctx:alert { key = key .. n .. ctx.now:sub(12, 16), level = 'blue', title = 't' "
            "} "
            "end,"),
        "{\"steps\":[{\"given\":[" BUILDING("A") "]," AT(
            "08:00") "},"
                     "{\"given\":[" BUILDING("B") "]," AT("08:10") ",\"expect\":[" BLUE(
                         "n2000") "]},"
                                  "{" AT("10:00") ",\"expect\":[" BLUE("n2000") "," BLUE(
                                      "t6000009:30") "," BLUE("w200009:30") "]}]}");
}

static void a_timer_without_a_wake_function_is_an_error(void **state)
{
    (void)state;
    host_refuse(
        HOST_SCRIPT("reads = { 'building' },\n"
                    "on = { building = function(row, ctx) ctx:wake('w', ctx.now) end },"),
        "{\"given\":[" BUILDING("A") "]," AT("08:00") ",\"expect\":[]}", "wake");
}

static void at_one_instant_records_come_before_ticks(void **state)
{
    (void)state;
    host_expect(HOST_SCRIPT("reads = { 'building' },\n"
                            "every = { { at = 'daily 10:00', run = function(ctx)\n"
                            "  for b in ctx:each('building', {}) do ctx:alert { key = "
                            "b.building_id, level = 'blue', title = 't' } end end } },"),
                "{\"given\":[" BUILDING("A") "]," AT("10:00") ",\"expect\":[" BLUE("A") "]}");
}

/* --- life: hold and flap ---------------------------------------------------------------------------------- */

#define NOISY(life)                                                                            \
    "return { title = '试验', office = 'regional_dev', reads = { 'sensor_reading' },\n"      \
    "  life = { loud = { close = 'auto', " life " } },\n"                                      \
    "  on = { sensor_reading = function(row, ctx)\n"                                           \
    "    if row.value > 70 then ctx:alert { key = row.device_id, kind = 'loud', level = "      \
    "'blue', title = 't' }\n"                                                                  \
    "    elseif row.value > 60 then return\n"                                                  \
    "    else ctx:clear { key = row.device_id } end end },\n"                                  \
    "  examples = { { name = '报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = { " \
    "{ "                                                                                       \
    "key = 'k', level = 'red' } } },\n"                                                        \
    "    { name = '不报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = {} } } }\n"

static void an_alert_with_a_hold_time_waits_until_its_condition_has_held(void **state)
{
    (void)state;
    static const struct {
        const char *given, *at;
        bool raised;
    } cases[] = {
        {NOISE("08:00", "80"), "08:29", false},
        /* nothing runs in between, and nothing has cleared it */
        {NOISE("08:00", "80"), "08:30", true},
        {NOISE("08:00", "80") "," NOISE("08:29", "80"), "08:29", false},
        {NOISE("08:00", "80") "," NOISE("08:30", "80"), "08:30", true},
        /* neither alert nor clear in between: it goes on holding */
        {NOISE("08:00", "80") "," NOISE("08:10", "65") "," NOISE("08:30", "80"), "08:30", true},
        {NOISE("08:00", "80") "," NOISE("08:10", "50") "," NOISE("08:30", "80"), "08:59",
         false},
        {NOISE("08:00", "80") "," NOISE("08:10", "50") "," NOISE("08:30",
                                                                 "80") "," NOISE("09:00", "80"),
         "09:00", true},
        /* once raised, it ends with its data as any other */
        {NOISE("08:00", "80") "," NOISE("08:30", "80") "," NOISE("08:40", "50"), "10:00",
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char one[1500];
        snprintf(one, sizeof one,
                 "{\"given\":[%s],\"at\":\"2020-07-15T%s:00+08:00\",\"expect\":[%s]}",
                 cases[i].given, cases[i].at, cases[i].raised ? BLUE("D") : "");
        host_expect(NOISY("hold = '30min'"), one);
    }
}

static int count_events(struct world *w, const char *const *what)
{
    struct err e = {0};
    struct arena a = {0};
    struct view *v = view_open(w->store, &e);
    uint64_t seqs[512];
    size_t n = stream_read(v, SPAN("alerts"), 1, seqs, 512);
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        struct entry entry;
        assert_true(journal_get(v, &a, seqs[i], &entry, &e));
        const struct json *body = json_parse(&a, entry.body, &host_wide, NULL, &e);
        struct span event = json_string(json_get(json_get(body, "event"), "what"));
        for (const char *const *x = what; *x; x++)
            found += span_eq(event, span_of(*x));
    }
    view_close(v);
    arena_free(&a);
    return found;
}

static void an_alert_that_flaps_stays_open_and_is_told_twice(void **state)
{
    (void)state;
    static const char *const told[] = {"raise", "reopen", "level", NULL};
    struct world w = {.held = true};
    struct tally t;
    char json[200], alerts[4000];
    world_make(&w);
    world_publish(&w, "probe", NOISY("flap = 1"));
    for (int i = 0; i < 100; i++) { /* up and down around the threshold */
        snprintf(json, sizeof json,
                 "{\"device_id\":\"D\",\"metric\":\"noise_db\",\"at\":\"2020-02-29T%02d:%02d:"
                 "00+08:00\","
                 "\"value\":%s}",
                 8 + i / 60, i % 60, i % 2 ? "59.9" : "70.1");
        world_record(&w, "sensor_reading", json);
    }
    world_settle(&w);
    t = world_tally(&w, "probe");
    assert_int_equal(t.all, 1);
    assert_int_equal(t.open, 1);
    assert_int_equal(count_events(&w, told), 2);
    /* a day without a new rise: what is normal then closes it */
    world_record(
        &w, "sensor_reading",
        "{\"device_id\":\"D\",\"metric\":\"noise_db\",\"at\":\"2020-03-01T07:59:00+08:00\","
        "\"value\":50}");
    world_settle(&w);
    assert_int_equal(world_tally(&w, "probe").open, 1);
    world_record(
        &w, "sensor_reading",
        "{\"device_id\":\"D\",\"metric\":\"noise_db\",\"at\":\"2020-03-01T10:30:00+08:00\","
        "\"value\":50}");
    world_settle(&w);
    assert_non_null(strstr(world_alerts(&w, "probe", alerts), "D blue closed"));
    world_end(&w);
}

/* --- what an alert carries ---------------------------------------------------------------------------------- */

static void an_alert_carries_what_the_script_gave_it_and_what_it_rests_on(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct err e = {0};
    struct arena a = {0};
    struct alert al;
    struct buf out = {0};
    int64_t due;
    world_make(&w);
    world_publish(
        &w, "probe",
        "return { title = '试验', office = 'regional_dev', reads = { 'enterprise', 'building' "
        "},\n"
        "  also = { 'service_center' }, life = { one = { close = 'evidence', evidence = { "
        "'visit' } }, two = { close = 'auto' } },\n"
        "  on = { building = function(row, ctx)\n"
        "    local ent = ctx:find('enterprise', 'E1')\n"
        "    ctx:check('面积', row.area_m2, '>', 100, '平方米')\n"
        "    ctx:check('企业', ent.name, '==', '示例')\n"
        "    ctx:alert { key = 'full', kind = 'one', level = 'yellow', about = { 'enterprise', "
        "'E1' },\n"
        "      title = '标题', text = '正文', office = 'safety', communities = { 'xiaohe', "
        "'dahulu' },\n"
        "      also = { 'command_center' }, due = '2020-03-09T12:00:00+08:00', evidence = { "
        "'enterprise|E1', 'enterprise|E2' } }\n"
        "    ctx:alert { key = 'bare', kind = 'two', level = 'blue', about = { 'enterprise', "
        "'E1' }, title = 't' } end },\n"
        "  examples = { { name = '报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = "
        "{ { "
        "key = 'k', level = 'red' } } },\n"
        "    { name = '不报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = {} } } "
        "}\n");
    world_record(&w, "enterprise",
                 "{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-02\",\"name\":\"示例\","
                 "\"community_id\":\"tanghe_xincun\"}");
    world_record(&w, "building", "{\"building_id\":\"B\",\"area_m2\":150}");
    world_settle(&w);
    struct view *v = view_open(w.store, &e);
    assert_true(alert_get(v, &a, SPAN("probe"), SPAN("full"), SEQ_LATEST, &al, &e));
    assert_span(al.kind, "one");
    assert_span(al.office, "safety");
    assert_span(al.title, "标题");
    assert_span(al.text, "正文");
    assert_span(al.about_type, "enterprise");
    assert_span(al.about_id, "E1");
    assert_int_equal(al.community_count, 2);
    assert_span(al.communities[1], "dahulu");
    assert_int_equal(al.also_count, 1);
    assert_span(al.also[0], "command_center");
    calendar_parse_datetime(SPAN("2020-03-09T12:00:00+08:00"), &due);
    assert_true(al.due_at == due);
    struct json_w j = json_w_begin(&out);
    alert_view_full(v, &a, host_street, NULL, &al, &j);
    json_w_end(&j);
    const struct json *full = json_parse(&a, buf_view(&out), &host_wide, NULL, &e);
    assert_int_equal(json_count(json_get(full, "to_visit")), 2);
    const struct json *why = json_get(full, "evidence");
    assert_int_equal(json_count(json_get(why, "checks")), 2);
    const struct json *area = json_item(json_get(why, "checks"), 0);
    assert_span(json_string(json_get(area, "label")), "面积");
    assert_span(json_string(json_get(area, "unit")), "平方米");
    assert_true(span_starts(json_string(json_get(why, "sentence")),
                            SPAN("面积 150平方米，超过 100平方米；")));
    assert_true(json_bool(json_get(area, "pass"), false));
    /* the records and, of each, only the fields that were read */
    const struct json *reads = json_get(why, "reads");
    assert_int_equal(json_count(reads), 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(json_count(json_get(json_item(reads, i), "fields")), 1);

    assert_true(alert_get(v, &a, SPAN("probe"), SPAN("bare"), SEQ_LATEST, &al, &e));
    assert_span(al.office, "regional_dev");
    assert_int_equal(al.community_count, 1); /* of what it is about */
    assert_span(al.communities[0], "tanghe_xincun");
    assert_int_equal(al.also_count, 1);
    assert_span(al.also[0], "service_center");
    view_close(v);
    buf_free(&out);
    arena_free(&a);
    world_end(&w);
}

/* Who may not see a restricted type does not see its records in the evidence either. */
static void what_a_restricted_record_says_is_shown_to_its_office_only(void **state)
{
    (void)state;
    static const struct {
        enum role role;
        const char *office;
        int reads;
    } cases[] = {
        {ROLE_ADMIN, "", 2},
        {ROLE_OFFICE, "public_service", 2},
        {ROLE_OFFICE, "regional_dev", 1},
        {ROLE_COMMUNITY, "", 1},
    };
    struct world w = {.held = true};
    struct err e = {0};
    struct arena a = {0};
    struct alert al;
    world_make(&w);
    world_publish(&w, "probe",
                  HOST_SCRIPT("reads = { 'building', 'elder' },\n"
                              "on = { building = function(row, ctx)\n"
                              "  local e = ctx:find('elder', 'P1')\n"
                              "  ctx:alert { key = row.name .. tostring(e.live_alone), level = "
                              "'blue', title = 't' } end },"));
    world_record(&w, "elder", "{\"person_key\":\"P1\",\"live_alone\":true}");
    world_record(&w, "building", "{\"building_id\":\"B\",\"name\":\"楼\"}");
    world_settle(&w);
    struct view *v = view_open(w.store, &e);
    assert_true(alert_get(v, &a, SPAN("probe"), SPAN("楼true"), SEQ_LATEST, &al, &e));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct person p = {
            .name = SPAN("p"), .role = cases[i].role, .office = span_of(cases[i].office)};
        struct buf out = {0};
        struct json_w j = json_w_begin(&out);
        int64_t more = 0;
        alert_view_full(v, &a, host_street, &p, &al, &j);
        json_w_end(&j);
        const struct json *why =
            json_get(json_parse(&a, buf_view(&out), &host_wide, NULL, &e), "evidence");
        assert_int_equal(json_count(json_get(why, "reads")), cases[i].reads);
        json_int(json_get(why, "reads_more"), &more);
        assert_int_equal(more, 2 - cases[i].reads);
        buf_free(&out);
    }
    view_close(v);
    arena_free(&a);
    world_end(&w);
}

static void what_a_person_closed_is_raised_again_at_once_only_by_reopen(void **state)
{
    (void)state;
    static const char script[] =
        "return { title = '试验', office = 'regional_dev', reads = { 'building' },\n"
        "  life = { k = { close = 'evidence', evidence = { 'note' } } },\n"
        "  settings = { again = { label = '重开', default = false } },\n"
        "  every = { { at = 'hourly', run = function(ctx)\n"
        "    ctx:alert { key = 'k', kind = 'k', level = 'blue', title = 't', reopen = "
        "ctx.settings.again } end } },\n"
        "  examples = { { name = '报', given = {}, at = '2020-01-01T00:00:00+08:00', expect = "
        "{ { "
        "key = 'k', level = 'blue' } } },\n"
        "    { name = '不报', given = {}, at = '2020-01-01T00:30:00+08:00', expect = {} } } "
        "}\n";
    host_expect(
        script,
        "{\"steps\":[{" AT(
            "08:00") "},{\"actions\":[{\"key\":\"k\",\"action\":"
                     "\"close\",\"text\":\"已办\"}]," AT(
                         "09:00") ",\"expect\":[]},"
                                  "{" AT(
                                      "10:00") ",\"expect\":[]},"
                                               "{\"settings\":{\"again\":true}," AT(
                                                   "11:00") ",\"expect\":[" BLUE("k") "]}]}");
}

/* --- log, unknown ---------------------------------------------------------------------------------------------- */

static void what_a_script_logs_and_where_it_is_blind_is_told(void **state)
{
    (void)state;
    struct world w = {.held = true};
    struct err e = {0};
    struct arena a = {0};
    struct scenario_counters c;
    uint64_t seqs[8];
    char all[2000] = "";
    world_make(&w);
    world_publish(&w, "probe",
                  ON_BUILDING("  ctx:log('看到', row.building_id, 3, true)\n"
                              "  if not row.name then return ctx:unknown('缺少名称') end"));
    world_put(&w, "X", 0, 2);
    world_settle(&w);
    supervisor_counters(w.supervisor, SPAN("probe"), &c);
    assert_int_equal(c.unknown, 2);
    struct view *v = view_open(w.store, &e);
    size_t n = stream_read(v, SPAN("log/probe"), 1, seqs, 8);
    for (size_t i = 0; i < n; i++) {
        struct entry entry;
        assert_true(journal_get(v, &a, seqs[i], &entry, &e));
        strncat(all, arena_printf(&a, "%.*s\n", SPAN_ARG(entry.body)), 400);
    }
    assert_non_null(strstr(all, "看到"));
    assert_non_null(strstr(all, "X1"));
    assert_non_null(strstr(all, "缺少名称"));
    view_close(v);
    arena_free(&a);
    world_end(&w);
}

/* --- limits ----------------------------------------------------------------------------------------------------- */

static void counting_what_does_not_match_is_charged_too(void **state)
{
    (void)state;
    struct buf one = {0};
    buf_str(&one, "{\"given\":[");
    for (int i = 0; i < 600; i++)
        buf_printf(&one,
                   "[\"camera_event\",{\"event_id\":\"%d\",\"place_id\":\"P\",\"occurred_at\":"
                   "\"2020-07-15T08:00:00+08:00\"}],",
                   i);
    buf_str(&one, BUILDING("B") "]," AT("09:00") ",\"expect\":[]}");
    buf_char(&one, 0);
    host_refuse(HOST_SCRIPT("reads = { 'building', 'camera_event' },\n"
                            "on = { building = function(row, ctx)\n"
                            "  for i = 1, 1000 do ctx:count('camera_event', { event_type = "
                            "'fight' }, '2h') end end },"),
                one.p, "第 5 行");
    buf_free(&one);
}

/* More than the writer takes at once must be a fault of the script, not a judgement begun for ever anew. */
static void what_one_run_leaves_behind_has_an_end(void **state)
{
    (void)state;
    static const char script[] =
        HOST_SCRIPT("reads = { 'building' },\n"
                    "settings = { n = { label = '条数', default = 1, min = 0 } },\n"
                    "every = { { at = 'hourly', run = function(ctx)\n"
                    "  for i = 1, ctx.settings.n do ctx:clear { key = 'k' .. i } end end } },");
    host_expect(script, "{\"settings\":{\"n\":30000}," AT("09:00") ",\"expect\":[]}");
    host_refuse(script, "{\"settings\":{\"n\":100001}," AT("09:00") ",\"expect\":[]}",
                "后果太多");
}

int main(int argc, char **argv)
{
    int code;
    if (world_main(argc, argv, &code))
        return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removed_is_told_what_was_withdrawn_and_finds_it_no_more),
        cmocka_unit_test(a_case_cannot_remove_what_is_not_there),
        cmocka_unit_test(a_community_has_its_own_value_where_the_setting_says_so),
        cmocka_unit_test(a_timer_is_moved_by_setting_it_again_and_dropped_by_sleep),
        cmocka_unit_test(large_values_come_back_whole),
        cmocka_unit_test(a_timer_without_a_wake_function_is_an_error),
        cmocka_unit_test(at_one_instant_records_come_before_ticks),
        cmocka_unit_test(an_alert_with_a_hold_time_waits_until_its_condition_has_held),
        cmocka_unit_test(an_alert_that_flaps_stays_open_and_is_told_twice),
        cmocka_unit_test(an_alert_carries_what_the_script_gave_it_and_what_it_rests_on),
        cmocka_unit_test(what_a_restricted_record_says_is_shown_to_its_office_only),
        cmocka_unit_test(what_a_person_closed_is_raised_again_at_once_only_by_reopen),
        cmocka_unit_test(what_a_script_logs_and_where_it_is_blind_is_told),
        cmocka_unit_test(what_one_run_leaves_behind_has_an_end),
        cmocka_unit_test(counting_what_does_not_match_is_charged_too),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
