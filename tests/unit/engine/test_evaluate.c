/* The one path by which a script judges an entry: rules of order of design.md 1, contract of ctx. */
#include "host.h"

/* --- rules of order 1: time -------------------------------------------------------------------------- */

static void now_of_a_record_is_its_event_time(void **state)
{
    (void)state;
    host_expect(HOST_SCRIPT("reads = { 'meter_reading' },\n"
                            "on = { meter_reading = function(row, ctx)\n"
                            "  ctx:alert { key = ctx.now .. ' ' .. ctx.today .. ' ' .. "
                            "ctx.month .. ' ' .. ctx.week,\n"
                            "              level = 'blue', title = row.meter_id } end },"),
                "{\"given\":[[\"meter_reading\",{\"meter_id\":\"M\",\"at\":\"2020-07-15T08:30:"
                "00+08:00\",\"value\":1}]],"
                "\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[{\"level\":\"blue\",\"key\":"
                "\"2020-07-15T08:30:00+08:00 2020-07-15 2020-07 2020-W29\"}]}");
}

static void now_of_a_type_without_event_time_is_its_arrival(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT("reads = { 'building' },\n"
                    "on = { building = function(row, ctx)\n"
                    "  ctx:alert { key = ctx.now, level = 'blue', title = 't' } end },"),
        "{\"given\":[[\"building\",{\"building_id\":\"B\"}]],"
        "\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[{\"level\":\"blue\",\"key\":"
        "\"2020-07-15T09:00:00+08:00\"}]}");
}

static void wakes_ring_in_order_before_the_tick_of_the_same_instant(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT(
            "reads = { 'building' },\n"
            "on = { building = function(row, ctx)\n"
            "  ctx:wake('b', '2020-07-15T10:00:00+08:00', { n = 1 })\n"
            "  ctx:wake('a', '2020-07-15T10:00:00+08:00')\n"
            "  ctx:wake('c', '2020-07-15T09:30:00+08:00') end },\n"
            "wake = function(key, data, ctx)\n"
            "  local order = (ctx:get('order') or '') .. key .. (data and data.n or '')\n"
            "  ctx:set('order', order) end,\n"
            "every = { { at = 'daily 10:00', run = function(ctx)\n"
            "  ctx:alert { key = ctx:get('order') .. ' ' .. ctx.now, level = 'red', title = "
            "'t' } end } },"),
        "{\"given\":[[\"building\",{\"building_id\":\"B\"}]],\"at\":\"2020-07-15T09:00:00+08:"
        "00\",\"steps\":["
        "{\"given\":[[\"building\",{\"building_id\":\"B\"}]],\"at\":\"2020-07-15T09:00:00+08:"
        "00\"},"
        "{\"at\":\"2020-07-15T10:00:00+08:00\"}],"
        "\"expect\":[{\"key\":\"cab1 2020-07-15T10:00:00+08:00\",\"level\":\"red\"}]}");
}

static void several_entries_of_one_instant_run_in_the_order_of_the_file(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT("reads = { 'building' },\n"
                    "every = {\n"
                    "  { at = 'hourly', run = function(ctx) ctx:alert { key = 'k', level = "
                    "'blue', title = 'first' } end },\n"
                    "  { at = 'daily 10:00', run = function(ctx) ctx:alert { key = 'k', level "
                    "= 'blue', title = 'second' } end },\n"
                    "  { at = 'hourly', run = function(ctx)\n"
                    "      local a = ctx:alerts { key = 'k' }[1]\n"
                    "      if a then ctx:alert { key = a.title .. a.count .. a.level, level = "
                    "'blue', title = 't' } end end } },"),
        "{\"steps\":[{\"at\":\"2020-07-15T10:00:00+08:00\",\"expect\":[{\"key\":\"k\","
        "\"level\":\"blue\"}]},"
        "{\"at\":\"2020-07-15T11:00:00+08:00\",\"expect\":[{\"key\":\"k\",\"level\":\"blue\"},"
        "{\"key\":\"first1blue\",\"level\":\"blue\"}]}]}");
}

/* --- rules of order 2: own effects -------------------------------------------------------------------- */

static void own_effects_are_seen_from_the_next_entry_on(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT(
            "reads = { 'building' },\n"
            "on = { building = function(row, ctx)\n"
            "  local before = ctx:get('n') or 0\n"
            "  ctx:set('n', before + 1)\n"
            "  local open = #ctx:alerts { state = 'open' }\n"
            "  ctx:alert { key = row.building_id .. before .. (ctx:get('n') or 0) .. open,\n"
            "              level = 'blue', title = 't' }\n"
            "  assert(#ctx:alerts() == open) end },"),
        "{\"given\":[[\"building\",{\"building_id\":\"A\"}],[\"building\",{\"building_id\":"
        "\"B\"}],"
        "[\"building\",{\"building_id\":\"C\"}]],\"at\":\"2020-07-15T09:00:00+08:00\","
        "\"expect\":["
        "{\"key\":\"A000\",\"level\":\"blue\"},{\"key\":\"B111\",\"level\":\"blue\"},"
        "{\"key\":\"C222\",\"level\":\"blue\"}]}");
}

static void one_run_makes_one_occurrence_of_a_key_and_an_alert_overrules_a_clear(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT("reads = { 'building' },\n"
                    "every = { { at = 'hourly', over = 'building', run = function(row, ctx)\n"
                    "  if row.building_id == 'B' then ctx:clear { key = 'k' } end\n"
                    "  ctx:alert { key = 'k', level = row.building_id == 'B' and 'red' or "
                    "'blue', title = row.building_id }\n"
                    "  if row.building_id == 'C' then ctx:clear { key = 'k' } end\n"
                    "  local a = ctx:alerts { key = 'k' }[1]\n"
                    "  if a then ctx:alert { key = a.title .. a.level .. a.count, level = "
                    "'blue', title = 't' } end end } },"),
        "{\"steps\":[{\"given\":[[\"building\",{\"building_id\":\"A\"}],[\"building\",{"
        "\"building_id\":\"B\"}],"
        "[\"building\",{\"building_id\":\"C\"}]],\"at\":\"2020-07-15T09:00:00+08:00\","
        "\"expect\":[{\"key\":\"k\",\"level\":\"red\"}]},{\"at\":\"2020-07-15T10:00:00+08:00\","
        "\"expect\":[{\"key\":\"k\",\"level\":\"red\"},{\"key\":\"Ared1\",\"level\":\"blue\"}]}"
        "]}");
}

/* --- rules of order 8: limits --------------------------------------------------------------------------- */

static const char loops[] =
    HOST_SCRIPT("reads = { 'building' },\n"
                "on = { building = function(row, ctx)\n"
                "  while true do pcall(function() while true do end end) end end },");

static void a_loop_without_end_is_a_fault_with_line_and_record(void **state)
{
    (void)state;
    const char one[] = "{\"given\":[[\"building\",{\"building_id\":\"B7\"}]],"
                       "\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[]}";
    host_refuse(loops, one, "第 5 行");
    host_refuse(loops, one, "building B7");
}

static void a_limit_ends_the_same_call_at_the_same_place(void **state)
{
    (void)state;
    struct buf first = {0}, second = {0};
    const char script[] =
        HOST_SCRIPT("reads = { 'building' },\n"
                    "on = { building = function(row, ctx)\n"
                    "  local n = 0\n"
                    "  while true do n = n + #row.building_id\n"
                    "    if n % 7 == 0 then ctx:check('x', n, '>', 3) end end end },");
    const char one[] = "{\"given\":[[\"building\",{\"building_id\":\"B7\"}]],"
                       "\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[]}";
    assert_false(host_try(script, one, &first));
    assert_false(host_try(script, one, &second));
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.p, second.p, first.n);
    buf_free(&first);
    buf_free(&second);
}

static void reading_on_and_on_without_an_index_is_charged(void **state)
{
    (void)state;
    struct buf one = {0};
    buf_str(&one, "{\"given\":[");
    for (int i = 0; i < 600; i++)
        buf_printf(&one, "[\"building\",{\"building_id\":\"B%d\"}],", i);
    buf_str(
        &one,
        "[\"shop\",{\"shop_id\":\"S\"}]],\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[]}");
    buf_char(&one, 0);
    host_refuse(
        HOST_SCRIPT("reads = { 'building', 'shop' },\n"
                    "on = { shop = function(row, ctx)\n"
                    "  for i = 1, 1000 do ctx:list('building', { name = 'x' }) end end },"),
        one.p, "第 5 行");
    buf_free(&one);
}

/* --- records -------------------------------------------------------------------------------------------------- */

static void a_misspelt_field_is_an_error_that_names_the_nearest(void **state)
{
    (void)state;
    const char one[] = "{\"given\":[[\"building\",{\"building_id\":\"B\"}]],"
                       "\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[]}";
    host_refuse(HOST_SCRIPT("reads = { 'building' },\n"
                            "on = { building = function(row, ctx)\n  local f = 'area_m'\n  "
                            "return row[f] end },"),
                one, "area_m2");
    host_refuse(HOST_SCRIPT("reads = { 'building' },\n"
                            "on = { building = function(row, ctx)\n  row['name'] = 'x' end },"),
                one, "不能改");
    host_refuse(HOST_SCRIPT("reads = { 'building' },\n"
                            "on = { building = function(row, ctx)\n  ctx:list('building', { "
                            "[('nam')] = 'x' }) end },"),
                one, "name");
    host_refuse(
        HOST_SCRIPT(
            "reads = { 'building' },\n"
            "on = { building = function(row, ctx)\n  local f = 'lits'\n  ctx[f](ctx) end },"),
        one, "list");
}

static void a_restricted_type_not_in_reads_or_sealed_cannot_be_read(void **state)
{
    (void)state;
    const char one[] = "{\"given\":[[\"building\",{\"building_id\":\"B\"}]],"
                       "\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[]}";
    host_refuse(HOST_SCRIPT("reads = { 'building' },\n"
                            "on = { building = function(row, ctx)\n  local t = 'elder'\n  "
                            "ctx:find(t, 'x') end },"),
                one, "reads");
    host_refuse(HOST_SCRIPT("reads = { 'building' },\n"
                            "on = { building = function(row, ctx)\n  local t = 'identity'\n  "
                            "ctx:find(t, 'x') end },"),
                one, "封存");
}

static void a_row_kept_from_an_earlier_run_is_refused(void **state)
{
    (void)state;
    host_refuse(
        HOST_SCRIPT("reads = { 'building' },\n"
                    "on = { building = (function()\n  local kept\n  return function(row, ctx)\n"
                    "    kept = kept or row\n    return kept.name end end)() },"),
        "{\"given\":[[\"building\",{\"building_id\":\"A\"}],[\"building\",{\"building_id\":"
        "\"B\"}]],"
        "\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[]}",
        "上一次运行");
}

static void find_list_each_history_and_before_agree(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT(
            "reads = { 'tax_month', 'building' },\n"
            "on = { building = function(row, ctx)\n"
            "  assert(ctx:find('tax_month', 'E1', '2020-02').tax_cny == 20)\n"
            "  assert(ctx:find('tax_month', 'E1').month == '2020-03')\n"
            "  assert(ctx:find('tax_month', nil) == nil and ctx:find('tax_month', 'E9') == "
            "nil)\n"
            "  local all = ctx:list('tax_month', { ent_id = 'E1' }, { all = true })\n"
            "  assert(#all == 3 and all[1].month == '2020-01' and all[3].month == '2020-03')\n"
            "  local latest = ctx:list('tax_month', {})\n"
            "  assert(#latest == 2 and latest[1].month == '2020-03' and latest[2].ent_id == "
            "'E2')\n"
            "  assert(#ctx:list('tax_month', { building_id = 'B1' }) == 1, 'moved away')\n"
            "  assert(#ctx:list('tax_month', { building_id = 'B1' }, { all = true }) == 3)\n"
            "  assert(#ctx:list('tax_month', { building_id = 'B1' }, { all = true, limit = 2 "
            "}) == 2)\n"
            "  assert(#ctx:list('tax_month', { declared = true }, { all = true }) == 1)\n"
            "  local n = 0\n"
            "  for t in ctx:each('tax_month', {}, { all = true }) do n = n + 1 if n == 2 then "
            "break end end\n"
            "  for _ = 1, 300 do for t in ctx:each('tax_month', {}) do break end end\n"
            "  local h = ctx:history('tax_month', { 'E1', '2020-02' }, 5)\n"
            "  assert(#h == 2 and h[1].tax_cny == 20 and h[2].tax_cny == 2)\n"
            "  assert(ctx:before(h[1]).tax_cny == 2 and ctx:before(h[2]) == nil)\n"
            "  ctx:alert { key = 'fine' .. n, level = 'blue', title = 't' } end },"),
        "{\"given\":[[\"tax_month\",{\"ent_id\":\"E1\",\"month\":\"2020-03\",\"tax_cny\":30,"
        "\"building_id\":\"B2\"}],"
        "[\"tax_month\",{\"ent_id\":\"E1\",\"month\":\"2020-01\",\"tax_cny\":10,\"building_"
        "id\":\"B1\"}],"
        "[\"tax_month\",{\"ent_id\":\"E1\",\"month\":\"2020-02\",\"tax_cny\":2,\"building_id\":"
        "\"B1\"}],"
        "[\"tax_month\",{\"ent_id\":\"E1\",\"month\":\"2020-02\",\"tax_cny\":20,\"building_"
        "id\":\"B1\",\"declared\":true}],"
        "[\"tax_month\",{\"ent_id\":\"E2\",\"month\":\"2020-02\",\"tax_cny\":5,\"building_id\":"
        "\"B1\"}],"
        "[\"building\",{\"building_id\":\"B\"}]],\"at\":\"2020-07-15T09:00:00+08:00\","
        "\"expect\":[{\"key\":\"fine2\",\"level\":\"blue\"}]}");
}

static void windows_count_by_event_time_with_both_ends(void **state)
{
    (void)state;
    host_expect(HOST_SCRIPT("reads = { 'camera_event' },\n"
                            "on = { camera_event = function(row, ctx)\n"
                            "  if row.event_id ~= 'last' then return end\n"
                            "  local w = { place_id = 'P' }\n"
                            "  ctx:alert { key = ctx:count('camera_event', w, '30min') .. ' ' "
                            ".. ctx:count('camera_event', w, '1d')\n"
                            "    .. ' ' .. ctx:sum('camera_event', 'people_count', w, "
                            "'30min'), level = 'blue', title = 't' } end },"),
                "{\"given\":[[\"camera_event\",{\"event_id\":\"a\",\"place_id\":\"P\",\"people_"
                "count\":1,\"occurred_at\":\"2020-07-14T00:00:00+08:00\"}],"
                "[\"camera_event\",{\"event_id\":\"b\",\"place_id\":\"P\",\"people_count\":2,"
                "\"occurred_at\":\"2020-07-15T08:59:59+08:00\"}],"
                "[\"camera_event\",{\"event_id\":\"c\",\"place_id\":\"P\",\"people_count\":4,"
                "\"occurred_at\":\"2020-07-15T09:00:00+08:00\"}],"
                "[\"camera_event\",{\"event_id\":\"d\",\"place_id\":\"Q\",\"people_count\":8,"
                "\"occurred_at\":\"2020-07-15T09:10:00+08:00\"}],"
                "[\"camera_event\",{\"event_id\":\"last\",\"place_id\":\"P\",\"occurred_at\":"
                "\"2020-07-15T09:30:00+08:00\"}]],"
                "\"at\":\"2020-07-15T10:00:00+08:00\",\"expect\":[{\"key\":\"2 4 "
                "4.0\",\"level\":\"blue\"}]}");
}

static void lists_by_time_are_in_its_order_and_end_now(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT(
            "reads = { 'camera_event' },\n"
            "on = { camera_event = function(row, ctx)\n"
            "  if row.event_id ~= 'now' then return end\n"
            "  local w, ids = { place_id = 'P' }, {}\n"
            "  for e in ctx:each('camera_event', w, { within = '30min' }) do ids[#ids + 1] = "
            "e.event_id end\n"
            "  ids[#ids + 1] = '|'\n"
            "  for _, e in ipairs(ctx:list('camera_event', w, { last = 2 })) do ids[#ids + 1] "
            "= e.event_id end\n"
            "  ids[#ids + 1] = '|'\n"
            "  for _, e in ipairs(ctx:list('camera_event', w, { last = 9, within = '30min', "
            "limit = 1 })) do ids[#ids + 1] = e.event_id end\n"
            "  ids[#ids + 1] = '|'\n"
            "  for _, e in ipairs(ctx:list('camera_event', w, { last = 2, upto = "
            "'2020-07-15T09:00:00+08:00' })) do ids[#ids + 1] = e.event_id end\n"
            "  ids[#ids + 1] = '|'\n"
            "  for _, e in ipairs(ctx:list('camera_event', w, { within = '30min', upto = "
            "'2020-07-15T09:10:00+08:00' })) do ids[#ids + 1] = e.event_id end\n"
            "  assert(not pcall(ctx.list, ctx, 'camera_event', w, { last = 1, upto = '09:00' "
            "}))\n"
            "  for _, bad in ipairs { 0, 1.5, 1001, 'x' } do\n"
            "    assert(not pcall(ctx.list, ctx, 'camera_event', w, { last = bad }))\n"
            "  end\n"
            "  assert(not pcall(ctx.list, ctx, 'camera_event', w, { within = '2wd' }))\n"
            "  assert(not pcall(ctx.list, ctx, 'building', {}, { last = 1 }))\n"
            "  ctx:alert { key = table.concat(ids, ' '), level = 'blue', title = 't' } end },"),
        "{\"given\":[[\"camera_event\",{\"event_id\":\"late\",\"place_id\":\"P\","
        "\"occurred_at\":\"2020-07-15T09:30:01+08:00\"}],"
        "[\"camera_event\",{\"event_id\":\"z\",\"place_id\":\"P\","
        "\"occurred_at\":\"2020-07-15T09:00:00+08:00\"}],"
        "[\"camera_event\",{\"event_id\":\"old\",\"place_id\":\"P\","
        "\"occurred_at\":\"2020-07-15T08:59:59+08:00\"}],"
        "[\"camera_event\",{\"event_id\":\"b\",\"place_id\":\"P\","
        "\"occurred_at\":\"2020-07-15T09:10:00+08:00\"}],"
        "[\"camera_event\",{\"event_id\":\"now\",\"place_id\":\"P\","
        "\"occurred_at\":\"2020-07-15T09:30:00+08:00\"}]],"
        "\"at\":\"2020-07-15T10:00:00+08:00\",\"expect\":[{\"key\":\"z b now | b now | "
        "z | old z | z b\",\"level\":\"blue\"}]}");
}

static void a_setting_without_a_default_is_nil_until_filled_in(void **state)
{
    (void)state;
    const char *script = HOST_SCRIPT("reads = { 'building' },\n"
                                     "settings = { line = { label = '警戒值', type = 'number', "
                                     "min = 0, per = 'community' } },\n"
                                     "on = { building = function(row, ctx)\n"
                                     "  ctx:alert { key = tostring(ctx.settings.line), level = "
                                     "'blue', title = 't' } end },");
    const char *given = "\"given\":[[\"building\",{\"building_id\":\"B\","
                        "\"community_id\":\"xiaohe\"}]],"
                        "\"at\":\"2020-07-15T09:00:00+08:00\",";
    static const char *const cases[][2] = {
        {"", "nil"},
        {"\"settings\":{\"line\":3.5},", "3.5"},
        {"\"settings\":{\"xiaohe\":{\"line\":4}},", "4"},
        {"\"settings\":{\"line\":null},", "nil"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        buf_printf(&b, "{%s%s\"expect\":[{\"key\":\"%s\",\"level\":\"blue\"}]}", cases[i][0],
                   given, cases[i][1]);
        buf_char(&b, '\0');
        host_expect(script, b.p);
        buf_free(&b);
    }
}

static void checks_compare_six_decimals_ratios_and_missing_values(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT(
            "reads = { 'building' },\n"
            "on = { building = function(row, ctx)\n"
            "  local function no(...) assert(ctx:check(...) == false) end\n"
            "  local function yes(...) assert(ctx:check(...) == true) end\n"
            "  no('x', 0.1 + 0.2, '>', 0.3) yes('x', 0.1 + 0.2, '==', 0.3) yes('x', 0.300001, "
            "'>', 0.3)\n"
            "  no('x', nil, '>', 1) no('x', 1, '>', nil) no('x', nil, '==', nil)\n"
            "  no('r', { num = 15, den = 100 }, '>', 0.15) yes('r', { num = 15.001, den = 100 "
            "}, '>', 0.15)\n"
            "  yes('s', 'b', '>', 'a') yes('s', '2019-12-31', '<', '2020-01-01') yes('b', "
            "true, '==', true)\n"
            "  yes('b', true, '~=', false) yes('i', 9007199254740993, '>', 9007199254740992)\n"
            "  assert(not pcall(ctx.check, ctx, 'x', 'a', '>', 1)) assert(not pcall(ctx.check, "
            "ctx, 'x', 1, '=>', 1))\n"
            "  ctx:alert { key = 'k', level = 'blue', title = 't' } end },"),
        "{\"given\":[[\"building\",{\"building_id\":\"B\"}]],\"at\":\"2020-07-15T09:00:00+08:"
        "00\","
        "\"expect\":[{\"key\":\"k\",\"level\":\"blue\"}]}");
}

static void settings_have_local_values_only_where_they_may(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT(
            "reads = { 'building' },\n"
            "settings = { most = { label = '最多', default = 3, min = 0, max = 9 } },\n"
            "on = { building = function(row, ctx)\n"
            "  assert(not pcall(function() local n = 'moost' return ctx.settings[n] end))\n"
            "  ctx:alert { key = row.building_id .. ctx.settings.most, level = 'blue', title = "
            "'t' } end },"),
        "{\"steps\":[{\"given\":[[\"building\",{\"building_id\":\"A\"}]],\"at\":\"2020-07-"
        "15T09:00:00+08:00\"},"
        "{\"settings\":{\"most\":5},\"given\":[[\"building\",{\"building_id\":\"B\"}]],\"at\":"
        "\"2020-07-15T09:00:00+08:00\"}],"
        "\"expect\":[{\"key\":\"A3\",\"level\":\"blue\"},{\"key\":\"B5\",\"level\":\"blue\"}]"
        "}");
}

static void unknown_members_of_an_alert_are_errors(void **state)
{
    (void)state;
    const char one[] = "{\"given\":[[\"building\",{\"building_id\":\"B\"}]],"
                       "\"at\":\"2020-07-15T09:00:00+08:00\",\"expect\":[]}";
    host_refuse(
        HOST_SCRIPT(
            "reads = { 'building' },\non = { building = function(row, ctx)\n"
            "  ctx:alert { key = 'k', level = 'blue', title = 't', [('tilte')] = 'x' } end },"),
        one, "title");
    host_refuse(
        HOST_SCRIPT("reads = { 'building' },\non = { building = function(row, ctx)\n"
                    "  ctx:alert { key = 'k', level = ('purple'), title = 't' } end },"),
        one, "purple");
    host_refuse(
        HOST_SCRIPT("reads = { 'building' },\non = { building = function(row, ctx)\n"
                    "  ctx:alert { key = ('k'):rep(200), level = 'red', title = 't' } end },"),
        one, "太长");
}

static void own_alerts_tell_if_their_data_are_normal(void **state)
{
    (void)state;
    host_expect(
        HOST_SCRIPT("reads = { 'building' }, life = { k = { close = 'evidence', evidence = { "
                    "'note' } } },\n"
                    "on = { building = function(row, ctx)\n"
                    "  local a = ctx:alerts { key = 'k' }[1]\n"
                    "  if a and a.normal then ctx:alert { key = 'was normal', kind = 'k', "
                    "level = 'red', title = 't' } end\n"
                    "  if row.name == 'bad' then ctx:alert { key = 'k', kind = 'k', level = "
                    "'red', title = 't' }\n"
                    "  elseif row.name == 'good' then ctx:clear { key = 'k' } end end },"),
        "{\"steps\":["
        "{\"given\":[[\"building\",{\"building_id\":\"1\",\"name\":\"bad\"}]],\"at\":\"2020-07-"
        "15T08:00:00+08:00\"},"
        "{\"given\":[[\"building\",{\"building_id\":\"2\",\"name\":\"good\"}]],\"at\":\"2020-"
        "07-15T09:00:00+08:00\","
        "\"expect\":[{\"key\":\"k\",\"level\":\"red\"}]},"
        "{\"given\":[[\"building\",{\"building_id\":\"3\"}]],\"at\":\"2020-07-15T10:00:00+08:"
        "00\","
        "\"expect\":[{\"key\":\"k\",\"level\":\"red\"},{\"key\":\"was "
        "normal\",\"level\":\"red\"}]}]}");
}

static void more_than_two_hundred_fresh_alerts_of_one_run_become_one(void **state)
{
    (void)state;
    static const char script[] = HOST_SCRIPT(
        "reads = { 'building' }, bulk_guard = true,\n"
        "settings = { n = { label = '条数', default = 200, min = 0 } },\n"
        "every = { { at = 'hourly', run = function(ctx)\n"
        "  for i = 1, ctx.settings.n do\n"
        "    ctx:alert { key = ('%03d'):format(i), level = 'red', title = 't' } end end } },");
    struct buf many = {0};
    buf_str(&many,
            "{\"steps\":[{\"at\":\"2020-07-15T08:00:00+08:00\",\"settings\":{\"n\":1}},"
            "{\"at\":\"2020-07-15T09:00:00+08:00\",\"settings\":{\"n\":201}}],\"expect\":[");
    for (int i = 1; i <= 201; i++)
        buf_printf(&many, "%s{\"key\":\"%03d\",\"level\":\"red\"}", i > 1 ? "," : "", i);
    buf_str(&many, "]}");
    buf_char(&many, 0);
    host_expect(script, many.p); /* one was open already: 200 are fresh */
    host_expect(script, "{\"settings\":{\"n\":201},\"at\":\"2020-07-15T09:00:00+08:00\","
                        "\"expect\":[{\"key\":\"bulk_guard|2020-07-15\",\"kind\":\"bulk_"
                        "guard\",\"level\":\"orange\"}]}");
    buf_free(&many);
}

/* A source that fails makes one alert, not a fault for too much of everything. */
static void what_the_guard_will_take_away_is_not_built(void **state)
{
    (void)state;
    static const char script[] =
        HOST_SCRIPT("reads = { 'building' }, bulk_guard = true,\n"
                    "settings = { n = { label = '条数', default = 1, min = 0 }, same = { label "
                    "= '同一个', default = false } },\n"
                    "every = { { at = 'hourly', run = function(ctx)\n"
                    "  for i = 1, ctx.settings.n do\n"
                    "    local key = ctx.settings.same and i % 100 or i\n"
                    "    ctx:alert { key = ('%06d'):format(key), level = i == ctx.settings.n "
                    "and 'red' or 'blue', title = 't',\n"
                    "                text = ('长'):rep(2000) } end end } },");
    /* 40,000 texts of 6 KB would not be had; the open one is repeated and rises */
    host_expect(
        script,
        "{\"steps\":[{\"at\":\"2020-07-15T08:00:00+08:00\"},{\"at\":\"2020-07-15T09:00:00+08:"
        "00\","
        "\"settings\":{\"n\":40000}}],\"expect\":[{\"key\":\"000001\",\"level\":\"red\"},"
        "{\"key\":\"bulk_guard|2020-07-15\",\"level\":\"orange\"}]}");
    /* the same hundred keys over and over are a hundred alerts */
    struct buf many = {0};
    buf_str(&many, "{\"settings\":{\"n\":3000,\"same\":true},\"at\":\"2020-07-15T09:00:00+08:"
                   "00\",\"expect\":[");
    for (int i = 0; i < 100; i++)
        buf_printf(&many, "%s{\"key\":\"%06d\",\"level\":\"%s\"}", i ? "," : "", i,
                   i ? "blue" : "red");
    buf_str(&many, "]}");
    buf_char(&many, 0);
    host_expect(script, many.p);
    buf_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(now_of_a_record_is_its_event_time),
        cmocka_unit_test(now_of_a_type_without_event_time_is_its_arrival),
        cmocka_unit_test(wakes_ring_in_order_before_the_tick_of_the_same_instant),
        cmocka_unit_test(several_entries_of_one_instant_run_in_the_order_of_the_file),
        cmocka_unit_test(own_effects_are_seen_from_the_next_entry_on),
        cmocka_unit_test(one_run_makes_one_occurrence_of_a_key_and_an_alert_overrules_a_clear),
        cmocka_unit_test(a_loop_without_end_is_a_fault_with_line_and_record),
        cmocka_unit_test(a_limit_ends_the_same_call_at_the_same_place),
        cmocka_unit_test(reading_on_and_on_without_an_index_is_charged),
        cmocka_unit_test(a_misspelt_field_is_an_error_that_names_the_nearest),
        cmocka_unit_test(a_restricted_type_not_in_reads_or_sealed_cannot_be_read),
        cmocka_unit_test(a_row_kept_from_an_earlier_run_is_refused),
        cmocka_unit_test(find_list_each_history_and_before_agree),
        cmocka_unit_test(windows_count_by_event_time_with_both_ends),
        cmocka_unit_test(lists_by_time_are_in_its_order_and_end_now),
        cmocka_unit_test(a_setting_without_a_default_is_nil_until_filled_in),
        cmocka_unit_test(checks_compare_six_decimals_ratios_and_missing_values),
        cmocka_unit_test(settings_have_local_values_only_where_they_may),
        cmocka_unit_test(unknown_members_of_an_alert_are_errors),
        cmocka_unit_test(own_alerts_tell_if_their_data_are_normal),
        cmocka_unit_test(more_than_two_hundred_fresh_alerts_of_one_run_become_one),
        cmocka_unit_test(what_the_guard_will_take_away_is_not_built),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
