/* What the check of a script finds, and where. Rules: scripts/host. */
#include "unit.h"

#include "domain/street.h"
#include "engine/engine.h"
#include "engine/sandbox.h"
#include "engine/shape.h"
#include "util/json.h"

static struct street *street;
static struct sandbox_modules modules;
static struct arena arena;
static struct shape shape;

static struct span member(struct buf *b, const struct json *v, const char *name)
{
    struct json_w w = json_w_begin(b);
    json_w_value(&w, json_get(v, name));
    return buf_view(b);
}

static int load_street(void **state)
{
    (void)state;
    struct buf b = {0}, records = {0}, org = {0}, calendar = {0};
    struct err e;
    struct arena a = {0};
    if (!engine_office("scripts", &b, &e) || !sandbox_modules_read(&modules, "scripts", &e))
        return -1;
    struct json_limits limits = {.bytes = 4 << 20, .keys = 4096};
    const struct json *v = json_parse(&a, buf_view(&b), &limits, NULL, &e);
    street = street_make(member(&records, v, "records"), member(&org, v, "org"),
                         member(&calendar, v, "calendar"), &e);
    buf_free(&b);
    buf_free(&records);
    buf_free(&org);
    buf_free(&calendar);
    arena_free(&a);
    return street ? 0 : -1;
}

static int drop_street(void **state)
{
    (void)state;
    street_unref(street);
    sandbox_modules_free(&modules);
    arena_free(&arena);
    return 0;
}

/* A sound scenario in lines of its own, so that one of them can be replaced. */
static const char *const sound[] = {
    /* 1 */ "local calendar = require \"std.calendar\"",
    /* 2 */ "local function on_income(row, ctx)",
    /* 3 */
    "  local before = ctx:find(\"ent_income\", row.ent_id, calendar.add_months(row.month, "
    "-12))",
    /* 4 */ "  if ctx:check(\"营收\", row.income_cny, \"<\", ctx.settings.least) then",
    /* 5 */
    "    ctx:alert { key = row.ent_id, kind = \"low\", level = \"red\", title = \"低\" }",
    /* 6 */ "  else ctx:clear { key = row.ent_id } end",
    /* 7 */ "  return before",
    /* 8 */ "end",
    /* 9 */ "return {",
    /* 10 */ "  title = \"营收过低\", office = \"regional_dev\", reads = { \"ent_income\" },",
    /* 11 */
    "  settings = { zeta = { label = \"末\", default = \"a\", choices = { \"a 甲\", \"b\" } },",
    /* 12 */
    "    least = { label = \"不低于\", unit = \"元\", default = 100, min = 0, max = 1000 } },",
    /* 13 */ "  on = { ent_income = on_income },",
    /* 14 */
    "  every = { { at = \"daily 07:00\", over = \"ent_income\", where = { ent_id = \"E\" }, "
    "run = on_income } },",
    /* 15 */
    "  life = { low = { close = \"evidence\", evidence = { \"visit\" }, limits = { red = { "
    "close = \"3wd\" } } } },",
    /* 16 */ "  examples = {",
    /* 17 */
    "    { name = \"报\", given = { { \"ent_income\", { ent_id = \"E\", month = \"2020-01\", "
    "income_cny = 1 } } }, at = \"2020-03-10T08:00:00+08:00\", expect = { { key = \"E\", level "
    "= \"red\", kind = \"low\" } } },",
    /* 18 */
    "    { name = \"不报\", given = {}, at = \"2020-03-10T08:00:00+08:00\", expect = {} },",
    /* 19 */ "  },",
    /* 20 */ "}",
};
enum { SOUND_LINES = sizeof(sound) / sizeof(sound[0]) };

static void check_text(const char *text)
{
    struct err e = {0};
    bool ok =
        shape_check(&arena, street, &modules, SPAN("t"), span_of(text), SPAN_NONE, &shape, &e);
    if (!ok)
        print_message("%s\n", e.text);
    assert_true(ok);
}

static void with_line(int number, const char *line)
{
    struct buf b = {0};
    for (int i = 0; i < SOUND_LINES; i++)
        buf_printf(&b, "%s\n", i + 1 == number ? line : sound[i]);
    buf_char(&b, 0);
    check_text(b.p);
    buf_free(&b);
}

static void a_sound_script_has_a_manifest(void **state)
{
    (void)state;
    with_line(0, NULL);
    assert_int_equal(json_count(shape.problems), 0);
    assert_non_null(shape.manifest);
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_value(&w, shape.manifest);
    buf_char(&b, 0);
    assert_string_equal(
        b.p, "{\"also\":[],\"bulk_guard\":false,\"every\":[{\"at\":\"daily "
             "07:00\",\"over\":\"ent_income\"}],"
             "\"examples\":[\"报\",\"不报\"],\"life\":{\"low\":{\"close\":\"evidence\","
             "\"evidence\":[\"visit\"],"
             "\"limits\":{\"red\":{\"close\":\"3wd\"}},\"results\":[]}},\"may\":[\"alert\"],"
             "\"office\":\"regional_dev\","
             "\"on\":[\"ent_income\"],\"reads\":[\"ent_income\"],\"rejudge\":{},\"removed\":[],"
             "\"settings\":[{\"choice_labels\":[\"甲\",\"b\"],\"choices\":[\"a\",\"b\"],"
             "\"default\":\"a\",\"label\":\"末\","
             "\"name\":\"zeta\"},"
             "{\"default\":100,\"label\":\"不低于\",\"max\":1000,\"min\":0,\"name\":\"least\","
             "\"unit\":\"元\"}],"
             "\"title\":\"营收过低\",\"wake\":false}");
    buf_free(&b);
}

static void unrestricted_types_need_not_be_named_in_reads(void **state)
{
    (void)state;
    with_line(10, "  title = \"营收过低\", office = \"regional_dev\",");
    assert_int_equal(json_count(shape.problems), 0);
    const struct json *reads = json_get(shape.manifest, "reads");
    assert_int_equal(json_count(reads), 1);
    assert_string_equal(json_cstr(json_item(reads, 0), ""), "ent_income");
    with_line(3, "  local before = ctx:find(\"tax_month\", row.ent_id)");
    reads = json_get(shape.manifest, "reads");
    assert_int_equal(json_count(reads), 2);
    assert_string_equal(json_cstr(json_item(reads, 1), ""), "tax_month");
}

static void what_keywords_are_counted_in_need_not_be_named_in_reads(void **state)
{
    (void)state;
    static const char *const want[] = {"ent_income",   "letter",       "petition",
                                       "opinion_post", "keyword_dict", "camera_event"};
    with_line(3, "  local before = ctx:keywords { cameras = { fight = \"打架\" } }");
    const struct json *reads = json_get(shape.manifest, "reads");
    assert_int_equal(json_count(reads), 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(json_cstr(json_item(reads, i), ""), want[i]);
    with_line(3, "  local before = ctx:keywords()");
    assert_int_equal(json_count(json_get(shape.manifest, "reads")), 5);
}

struct mistake {
    int line;
    const char *text;
    int at_line, at_column; /* 0: not asked */
    const char *code, *said;
};

static bool is_told(const struct mistake *m)
{
    for (size_t i = 0; i < json_count(shape.problems); i++) {
        const struct json *p = json_item(shape.problems, i);
        int64_t line = 0, column = 0;
        json_int(json_get(p, "line"), &line);
        json_int(json_get(p, "column"), &column);
        if (strcmp(json_cstr(json_get(p, "code"), ""), m->code) == 0 &&
            strstr(json_cstr(json_get(p, "message"), ""), m->said) &&
            (!m->at_line || line == m->at_line) && (!m->at_column || column == m->at_column))
            return true;
    }
    return false;
}

static void show_problems(void)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_value(&w, shape.problems);
    print_message("  got %.*s\n", (int)b.n, b.p);
    buf_free(&b);
}

static void check_mistakes(const struct mistake *list, size_t n)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        with_line(list[i].line, list[i].text);
        if (!is_told(&list[i]) || shape.manifest) {
            print_message("%s\n  wanted %d:%d %s %s\n", list[i].text, list[i].at_line,
                          list[i].at_column, list[i].code, list[i].said);
            show_problems();
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

static void mistakes_in_code_are_found_where_they_are(void **state)
{
    (void)state;
    static const struct mistake list[] = {
        {3, "  local before = ctx:fnd(\"ent_income\")", 3, 22, "unknown-call", "ctx:find"},
        {3, "  local before = ctx:find(\"ent_incom\")", 3, 27, "unknown-type", "ent_income"},
        {3, "  local before = ctx:find(\"elder\", row.ent_id)", 3, 27, "reads", "elder"},
        {3, "  local before = ctx:find(\"identity\", row.ent_id)", 3, 0, "sealed-type", "封存"},
        {3, "  local before = ctx:before(row) local x = before.incom_cny", 3, 51,
         "unknown-field", "income_cny"},
        {3, "  local before = ctx:list(\"ent_income\", { ent_idd = 1 })", 3, 43,
         "unknown-field", "ent_id"},
        {3, "  local before = ctx:list(\"ent_income\", {}, { lmit = 1 })", 3, 0,
         "unknown-field", "limit"},
        {3, "  local before = ctx:sum(\"ent_income\", \"incme_cny\", {}, \"30d\")", 3, 40,
         "unknown-field", "income_cny"},
        {3, "  local before for r in ctx:each(\"ent_income\", {}) do before = r.mnth end", 3, 0,
         "unknown-field", "month"},
        {3,
         "  local before for _, r in ipairs(ctx:list(\"ent_income\", {})) do before = r.mnth "
         "end",
         3, 0, "unknown-field", "month"},
        {4, "  if ctx:check(\"营收\", row.incme_cny, \"<\", ctx.settings.least) then", 4, 26,
         "unknown-field", "income_cny"},
        {4, "  if ctx:check(\"营收\", row.income_cny, \"=<\", ctx.settings.least) then", 4, 38,
         "unknown-op", "=<"},
        {4, "  if ctx:check(\"营收\", row.income_cny, \"<\", ctx.settings.leest) then", 4, 56,
         "unknown-setting", "least"},
        {4, "  if ctx.tody then", 4, 10, "unknown-field", "today"},
        {5,
         "    ctx:alert { key = row.ent_id, kind = \"low\", level = \"rad\", title = \"低\" }",
         5, 57, "unknown-level", "red"},
        {5, "    ctx:alert { key = row.ent_id, lvl = \"red\", title = \"低\" }", 5, 0,
         "unknown-field", "lvl"},
        {5, "    ctx:alert { key = row.ent_id, level = \"red\" }", 5, 0, "shape", "title"},
        {6, "  else ctx:clear { kye = row.ent_id } end", 6, 20, "unknown-field", "key"},
        {6, "  else ctx:topic { key = \"k\", title = \"t\", kind = \"reno\" } end", 6, 0, "may",
         "topic"},
        {7, "  ctx:topic { key = \"k\", titel = \"t\", kind = \"reno\" }", 7, 0,
         "unknown-field", "title"},
        {7, "  ctx:topic { key = \"k\", title = \"t\", kind = \"party\" }", 7, 0,
         "unknown-name", "party"},
        {7, "  ctx:topic { key = \"k\", title = \"t\", kind = \"reno\", origin = \"manual\" }",
         7, 0, "unknown-name", "manual"},
        {7, "  ctx:topic { key = \"k\", kind = \"reno\" }", 7, 0, "shape", "title"},
        {7, "  ctx:keywords { whithin = \"7d\" }", 7, 0, "unknown-field", "within"},
        {7, "  ctx:keywords { within = \"7d\", from = row.month }", 7, 0, "shape",
         "只能用一种"},
        {7, "  ctx:keywords { to = row.month }", 7, 0, "shape", "from"},
        {6, "  else count = 1 end", 6, 8, "global", "count"},
        {6, "  else local x = sting.rep('x', 2) end", 6, 18, "global", "string"},
        {6, "  else local function f() function helper() end end end", 6, 36, "global",
         "helper"},
        {3, "  local before = calendar.add_month(row.month, 1)", 3, 27, "unknown-call",
         "add_months"},
        {3, "  local before = 1 row.income_cny = 2", 3, 24, "read-only", "只读"},
        {7, "  return before before", 7, 0, "syntax", "before"},
        {8, "", 0, 0, "syntax", "end"},
        {1, "local calendar = require \"std.calender\"", 1, 0, "load", "std.calendar"},
        {1, "local calendar = nil + 1", 1, 0, "load", "不能运算"},
        {1, "while true do end", 1, 0, "limit", "用量超限"},
    };
    check_mistakes(list, sizeof(list) / sizeof(list[0]));
}

static void what_is_sound_is_not_blamed(void **state)
{
    (void)state;
    static const struct mistake fine[] = {
        {3, "  local before = row row = { anything = 1 } local y = row.anything", 0, 0, NULL,
         NULL},
        {3,
         "  local before = ctx:find(\"ent_income\", row.ent_id) or { x = 1 } local y = "
         "before.x",
         0, 0, NULL, NULL},
        {3, "  local before do local row = { z = 1 } before = row.z end", 0, 0, NULL, NULL},
        {3, "  local before = (function(row) return row.any end)(row)", 0, 0, NULL, NULL},
        {3, "  local before = ctx.find(ctx, \"ent_income\", row.ent_id)", 0, 0, NULL, NULL},
        {3, "  local before = ctx:alive(\"tax_month\") and _VERSION", 0, 0, NULL, NULL},
        {3,
         "  local before for i = 1, 2 do ::again:: before = i if before then goto done end "
         "::done:: end",
         0, 0, NULL, NULL},
        {3, "  local before <const> = [[\n]] local t = { before = 1, [\"x\"] = 2; 3 } t.k = t",
         0, 0, NULL, NULL},
        {3, "  local before repeat local stop = true before = stop until stop", 0, 0, NULL,
         NULL},
        {3, "  local name = \"ent_income\" local before = ctx:find(name, row.ent_id)", 0, 0,
         NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        with_line(fine[i].line, fine[i].text);
        if (json_count(shape.problems)) {
            print_message("%s\n", fine[i].text);
            show_problems();
        }
        assert_int_equal(json_count(shape.problems), 0);
    }
}

static void mistakes_in_the_table_are_found(void **state)
{
    (void)state;
    static const struct mistake list[] = {
        {10, "  office = \"regional_dev\", reads = { \"ent_income\" },", 0, 0, "shape",
         "title"},
        {10, "  title = \"\", office = \"regional_dev\", reads = { \"ent_income\" },", 10, 3,
         "shape", "title"},
        {10, "  title = \"x\", office = \"regional\", reads = { \"ent_income\" },", 10, 16,
         "unknown-office", "regional"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\", \"nothing\" },",
         10, 0, "unknown-type", "nothing"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, evry = {},",
         10, 0, "unknown-field", "every"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, may = { "
         "\"mail\" },",
         10, 0, "unknown-name", "mail"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, also = { "
         "\"nobody\" },",
         10, 0, "unknown-name", "nobody"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, rejudge = { "
         "ent_income = \"who\" },",
         10, 0, "unknown-field", "who"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, rejudge = { "
         "ent_income = { ent_id = \"whose\" } },",
         10, 0, "unknown-field", "whose"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, bulk_guard = "
         "1,",
         10, 0, "shape", "bulk_guard"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, wake = 1,",
         10, 0, "shape", "wake"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, shape = "
         "\"YOY "
         "WHAT\",",
         10, 0, "shape", "WHAT"},
        {12, "    least = { label = \"x\", default = -1, min = 0, max = 1000 } },", 12, 0,
         "setting-range", "min"},
        {12, "    least = { label = \"x\", default = 1001, min = 0, max = 1000 } },", 12, 0,
         "setting-range", "max"},
        {12, "    least = { label = \"x\", default = 1, min = 3, max = 2 } },", 12, 0,
         "setting-range", "大于"},
        {12, "    least = { default = 1 } },", 12, 0, "shape", "label"},
        {12, "    least = { label = \"x\" } },", 12, 0, "shape", "default"},
        {12, "    least = { label = \"x\", default = 1, per = \"street\" } },", 12, 0, "shape",
         "community"},
        {12, "    least = { label = \"x\", default = \"z\", choices = { \"a\" } } },", 12, 0,
         "setting-range", "choices"},
        {12, "    least = { label = \"x\", default = 1, maxx = 2 } },", 12, 0, "unknown-field",
         "max"},
        {13, "  on = { ent_incme = on_income },", 13, 0, "unknown-type", "ent_income"},
        {13, "  on = { ent_income = 5 },", 13, 0, "shape", "函数"},
        {14, "  every = { { at = \"daily 25:00\", run = on_income } },", 14, 0, "schedule",
         "25:00"},
        {14, "  every = { { run = on_income } },", 14, 0, "schedule", "at"},
        {14, "  every = { { at = \"hourly\" } },", 14, 0, "shape", "run"},
        {14, "  every = { { at = \"hourly\", over = \"nope\", run = on_income } },", 14, 0,
         "unknown-type", "nope"},
        {14,
         "  every = { { at = \"hourly\", over = \"ent_income\", where = { nope = 1 }, run = "
         "on_income } },",
         14, 0, "unknown-field", "nope"},
        {14, "  every = { { at = \"hourly\", where = { ent_id = 1 }, run = on_income } },", 14,
         0, "shape", "over"},
        {15, "  life = { low = { close = \"later\" } },", 15, 0, "shape", "close"},
        {15, "  life = { low = { close = \"evidence\" } },", 15, 0, "shape", "evidence"},
        {15, "  life = { low = { close = \"auto\", limits = { red = { close = \"3x\" } } } },",
         15, 0, "limit", "3x"},
        {15, "  life = { low = { close = \"auto\", quiet = \"soon\" } },", 15, 0, "limit",
         "soon"},
        {15, "  life = { low = { close = \"auto\", limits = { rd = { close = \"3d\" } } } },",
         15, 0, "unknown-field", "rd"},
        {15, "  life = { low = { close = \"auto\", hold = \"soon\" } },", 15, 0, "limit",
         "soon"},
        {15, "  life = { low = { close = \"auto\", hold = \"4wh\" } },", 15, 0, "limit",
         "自然时间"},
        {15, "  life = { low = { close = \"auto\", flap = 0 } },", 15, 0, "shape", "flap"},
        {15, "  life = { low = { close = \"auto\", flap = 51 } },", 15, 0, "shape", "50"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, may = { "
         "\"topic\" },",
         5, 0, "may", "alert"},
        {10,
         "  title = \"x\", office = \"regional_dev\", reads = { \"ent_income\" }, may = "
         "\"topic\",",
         10, 0, "shape", "may"},
        {17, "", 16, 0, "example", "会报"},
        {18, "", 16, 0, "example", "不会报"},
        {18,
         "    { name = \"报\", given = {}, at = \"2020-03-10T08:00:00+08:00\", expect = {} },",
         18, 0, "example", "两个例子"},
        {18,
         "    { name = \"x\", given = { { \"ent_income\", { ent_idd = 1 } } }, expect = {} },",
         18, 0, "unknown-field", "ent_id"},
        {18, "    { name = \"x\", given = { { \"nope\", {} } }, expect = {} },", 18, 0,
         "unknown-type", "nope"},
        {18, "    { name = \"x\", at = \"10 March\", expect = {} },", 18, 0, "shape", "时刻"},
        {18, "    { name = \"x\", settings = { nope = 1 }, expect = {} },", 18, 0,
         "unknown-setting", "nope"},
        {18, "    { name = \"x\", settings = { least = 5000 }, expect = {} },", 18, 0,
         "setting-range", "least"},
        {18, "    { name = \"x\", expect = { { key = \"k\", level = \"pink\" } } },", 18, 0,
         "shape", "level"},
        {18, "    { name = \"x\" },", 18, 0, "example", "expect"},
        {18, "    { name = \"x\", stpes = {}, expect = {} },", 18, 0, "unknown-field", "steps"},
        {9, "local t = setmetatable({}, {}) return t ; --[[", 0, 0, "syntax", ""},
    };
    check_mistakes(list, sizeof(list) / sizeof(list[0]));
}

static void odd_results_are_refused_without_harm(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "return 5",
        "return function() end",
        "return setmetatable({}, { __index = error, __pairs = error })",
        "return '\xff'",
        "error('\\xff\\xfe\\n\\27')",
        "return { title = '\\xff', office = '\\xff' }",
        "local t = {} t.settings = t t.examples = t t.life = t return t",
        "return { { } }",
        "return { settings = setmetatable({}, {}) }",
        "return { [{}] = 1, [{}] = 2 }",
        "return { title = ('x'):rep(100000), office = {}, reads = { {} }, every = { 1 }, on = "
        "{ 1 } }",
        "return { life = { x = { close = 'auto', limits = { red = 1 }, evidence = { 1 } } }, "
        "examples = { 1, { steps = 1 } } }",
        "return { settings = { [1] = {}, ['a b'] = {}, c = 1 }, rejudge = { tax_month = {} }, "
        "also = 1, may = 1 }",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check_text(texts[i]);
        assert_true(json_count(shape.problems) > 0);
        assert_null(shape.manifest);
    }
}

static void values_must_fit_the_new_bounds(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < SOUND_LINES; i++)
        buf_printf(&b, "%s\n", sound[i]);
    struct err e;
    assert_true(shape_check(&arena, street, &modules, SPAN("t"), buf_view(&b),
                            SPAN("{\"least\":5000,\"gone\":1}"), &shape, &e));
    assert_int_equal(json_count(shape.problems), 1);
    assert_string_equal(json_cstr(json_get(json_item(shape.problems, 0), "code"), ""),
                        "value-range");
    assert_true(shape_check(&arena, street, &modules, SPAN("t"), buf_view(&b),
                            SPAN("{\"least\":500}"), &shape, &e));
    assert_int_equal(json_count(shape.problems), 0);
    buf_free(&b);
}

static void columns_count_characters(void **state)
{
    (void)state;
    with_line(6, "  else local x = '中文中文' y = 1 end");
    struct mistake m = {6, "", 6, 25, "global", "y"};
    if (!is_told(&m))
        show_problems();
    assert_true(is_told(&m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_script_has_a_manifest),
        cmocka_unit_test(unrestricted_types_need_not_be_named_in_reads),
        cmocka_unit_test(what_keywords_are_counted_in_need_not_be_named_in_reads),
        cmocka_unit_test(mistakes_in_code_are_found_where_they_are),
        cmocka_unit_test(what_is_sound_is_not_blamed),
        cmocka_unit_test(mistakes_in_the_table_are_found),
        cmocka_unit_test(odd_results_are_refused_without_harm),
        cmocka_unit_test(values_must_fit_the_new_bounds),
        cmocka_unit_test(columns_count_characters),
    };
    if (getenv("F"))
        cmocka_set_test_filter(getenv("F"));
    return cmocka_run_group_tests(tests, load_street, drop_street);
}
