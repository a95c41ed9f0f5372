/* Our pattern matcher against stock Lua's: the same answers wherever stock Lua gives one. */
#include "unit.h"

#include "engine/sandbox_impl.h"

static struct sandbox *sb;
static lua_State *stock;

static int open_both(void **state)
{
    (void)state;
    sb = sandbox_new(NULL, NULL);
    stock = luaL_newstate();
    luaL_openlibs(stock);
    return 0;
}

static int close_both(void **state)
{
    (void)state;
    sandbox_free(sb);
    lua_close(stock);
    return 0;
}

/* Both run this: everything one question can answer, as one text. */
static const char ask_text[] =
    "return function(s, p, r, init)\n"
    "  local function show(...)\n"
    "    local out = {}\n"
    "    for i = 1, select('#', ...) do out[i] = tostring((select(i, ...))) end\n"
    "    return table.concat(out, ',')\n"
    "  end\n"
    "  local out = {}\n"
    "  out[1] = show(s:find(p, init))\n"
    "  out[2] = show(s:match(p, init))\n"
    "  out[3] = show(s:gsub(p, r))\n"
    "  out[4] = show(s:gsub(p, r, 1))\n"
    "  local n = 0\n"
    "  for a, b in s:gmatch(p) do\n"
    "    n = n + 1\n"
    "    out[4 + n] = tostring(a) .. '/' .. tostring(b)\n"
    "    if n > 30 then break end\n"
    "  end\n"
    "  return table.concat(out, ';')\n"
    "end\n";

static void push_question(lua_State *L, struct span s, struct span p, struct span r, int init)
{
    lua_pushvalue(L, 1);
    lua_pushlstring(L, s.p, s.n);
    lua_pushlstring(L, p.p, p.n);
    lua_pushlstring(L, r.p, r.n);
    lua_pushinteger(L, init);
}

static const char alphabet[] = "aabbc.%()[]*+-?^$,0 x%a%d%s%w%l[ab][^a](a)%b%f%1%2";

static struct span random_text(char *out, unsigned most)
{
    unsigned n = unit_below(most + 1);
    for (unsigned i = 0; i < n; i++)
        out[i] = "aaabbbc.0 ,()x"[unit_below(14)];
    return (struct span){out, n};
}

/* Pieces that make sense more often than single characters do. */
static struct span random_pattern(char *out)
{
    static const char *const pieces[] = {
        "a",  "b",  ".",  "%a",  "%d",   "%s",   "%w", "[ab]", "[^a]", "[a-c]", "[%d,]",
        "(",  ")",  "()", "*",   "+",    "-",    "?",  "^",    "$",    "%b()",  "%f[%w]",
        "%1", "%.", "%%", "[]]", "[^]]", "[a-]", "x",  "%2",   ",",    "(a*)",  "(.-)"};
    size_t n = 0;
    unsigned count = 1 + unit_below(7);
    for (unsigned i = 0; i < count; i++) {
        if (unit_below(40) == 0) {
            out[n++] = alphabet[unit_below(sizeof(alphabet) - 1)];
            continue;
        }
        const char *piece = pieces[unit_below(sizeof(pieces) / sizeof(pieces[0]))];
        memcpy(out + n, piece, strlen(piece));
        n += strlen(piece);
    }
    return (struct span){out, n};
}

static void random_questions_get_the_same_answers(void **state)
{
    (void)state;
    unit_seed(__func__);
    struct fault f;
    assert_true(sandbox_load(sb, SPAN(ask_text), "ask.lua", NULL, &f));
    assert_int_equal(luaL_dostring(stock, ask_text), LUA_OK);
    lua_State *L = sandbox_state(sb);
    static const char *const replacements[] = {"<%0>", "%1", "x", "%%", "[%1%2]", ""};
    int compared = 0, refused = 0;
    for (int i = 0; i < 60000; i++) {
        char a[64], b[64];
        struct span s = random_text(a, 20), p = random_pattern(b);
        struct span r = span_of(replacements[unit_below(6)]);
        int init = (int)unit_below(7) - 2;
        push_question(stock, s, p, r, init);
        bool stock_ok = lua_pcall(stock, 4, 1, 0) == LUA_OK;
        push_question(L, s, p, r, init);
        bool ours_ok = sandbox_call(sb, 4, 1, NULL, &f);
        /* a malformed pattern is told by us at once, by stock Lua only if matching gets there */
        if (ours_ok) {
            if (!stock_ok)
                print_message("stock: %s\n", lua_tostring(stock, -1));
            else if (strcmp(lua_tostring(L, -1), lua_tostring(stock, -1)) != 0)
                print_message("'%.*s' '%.*s' '%.*s' %d\n  ours  %s\n  stock %s\n", SPAN_ARG(s),
                              SPAN_ARG(p), SPAN_ARG(r), init, lua_tostring(L, -1),
                              lua_tostring(stock, -1));
            assert_true(stock_ok);
            assert_string_equal(lua_tostring(L, -1), lua_tostring(stock, -1));
            compared++;
        } else {
            refused++;
        }
        lua_settop(L, 1);
        lua_settop(stock, 1);
    }
    print_message("%d compared, %d malformed\n", compared, refused);
    assert_true(compared > 20000);
    lua_settop(L, 0);
    lua_settop(stock, 0);
}

/* Each line is one expression; both must give the same text. */
static void questions_with_known_traps(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "('hello world'):find('o w')",
        "('hello'):find('')",
        "('hello'):find('', 6)",
        "('hello'):find('', 7)",
        "('hello'):find('l', -2)",
        "('hello'):find('.', -100)",
        "('a.b'):find('.', 1, true)",
        "('a.b'):find('%.')",
        "('x\\0y'):find('\\0')",
        "('x\\0y'):find('[\\0]')",
        "('x\\0y'):match('%z?')",
        "('中文'):match('[\\xe4-\\xe9]')",
        "('THE (quick) fox'):find('%((%a+)%)')",
        "('key = value'):match('^(%w+)%s*=%s*(%w+)$')",
        "('  trim  '):match('^%s*(.-)%s*$')",
        "('2020-07-15'):match('^(%d%d%d%d)%-(%d%d)%-(%d%d)$')",
        "('abc'):gsub('', '-')",
        "('abc'):gsub('.', { a = '1', b = 2, c = false })",
        "('abc'):gsub('%w', '%0%0')",
        "('hello world'):gsub('o', '0', 1)",
        "('abc'):gsub('(a)(b)(c)', '%3%2%1')",
        "('x'):rep(3, ',')",
        "('THE (quick) fox'):gsub('%f[%a]%a+', string.lower)",
        "('if (a(b)c) then'):match('%b()')",
        "('aaa'):match('a-$')",
        "('aaa'):find('^a', 2)",
        "('a^b'):gsub('a^', 'x')",
        "('a$b'):find('a$b')",
        "('ab'):match('()b()')",
        "('\"x\" \\'y\\''):match('([\"\\'])(.-)%1')",
        "('abc'):find('b', 1e0)",
        "('a,b,,c'):gsub('([^,]*),?', '<%1>')",
        "('%d'):gsub('%%d', '%%%%')",
        "('x'):match('[^%a]')",
        "('a-z'):match('[a%-z]+')",
        "('--'):match('[--]+')",
        "('5-3'):match('[+--]')",
        "('a]b'):match('[]]')",
        "('a]b'):match('[^]]+')",
        "('ab12'):match('%u*%l+%d')",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[300];
        snprintf(text, sizeof(text),
                 "local t = { %s } for i = 1, 4 do t[i] = tostring(t[i]) end return "
                 "table.concat(t, '|')",
                 lines[i]);
        struct fault f = {0};
        bool ok = sandbox_load(sb, span_of(text), "trap.lua", NULL, &f);
        if (!ok)
            print_message("%s: %s\n", lines[i], f.text);
        assert_true(ok);
        assert_int_equal(luaL_dostring(stock, text), LUA_OK);
        assert_string_equal(lua_tostring(sandbox_state(sb), -1), lua_tostring(stock, -1));
        lua_settop(sandbox_state(sb), 0);
        lua_settop(stock, 0);
    }
}

static void malformed_patterns_are_refused(void **state)
{
    (void)state;
    static const char *const patterns[] = {"[a", "[]",  "[^]", "%",   "(a", "a)",  "%1", "(%1)",
                                           "%b", "%bx", "%f",  "%fa", "[%", "[a-", "(()"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        char text[100];
        snprintf(text, sizeof(text), "return ('aaa'):match('%s')", patterns[i]);
        struct fault f;
        assert_false(sandbox_load(sb, span_of(text), "bad.lua", NULL, &f));
        assert_non_null(strstr(f.text, "匹配式"));
        assert_false(sandbox_is_dead(sb));
    }
}

static void replacement_texts_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "('a'):gsub('a', '%2')", "('a'):gsub('a', '%x')", "('a'):gsub('a', '%')",
        "('a'):gsub('a', function() return {} end)", "('a'):gsub('a', nil)"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[100];
        snprintf(text, sizeof(text), "return %s", bad[i]);
        struct fault f;
        assert_false(sandbox_load(sb, span_of(text), "bad.lua", NULL, &f));
    }
}

/* string.format and table.* against stock Lua. */
static void library_functions_agree_with_stock(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "('%d %5d %-5d| %05d %+d'):format(1, 2, 3, 4, 5)",
        "('%i'):format(7)",
        "('%x %X %#x %o'):format(255, 255, 255, 8)",
        "('%.3f %8.2f %e %g %G'):format(1/3, 2.5, 12345.678, 1e20, 1e-10)",
        "('%a'):format(0.5)",
        "('%s %10s %-10s| %.2s'):format('a', 'b', 'c', 'def')",
        "('%q'):format('a\\n\\\"b\\\\c\\0d\\r1')",
        "('%q %q %q'):format(1, 1.5, math.mininteger)",
        "('%c%c'):format(65, 0)",
        "('%%'):format()",
        "('%s %s %s'):format(nil, true, 1.0)",
        "('%5.1f|'):format(-0.05)",
        "('%.14g'):format(0.1)",
        "('%d'):format(3.0)",
        "('%s'):format(setmetatable({}, { __tostring = function() return 'T' end }))",
        "table.concat({ 1, 2, 'x' }, '-')",
        "table.concat({}, 'x')",
        "table.concat({ 1, 2, 3 }, ',', 2, 3)",
        "table.unpack({ 1, 2, 3 }, 2)",
        "select(-1, 1, 2, 3)",
        "select('#', nil, nil)",
        "tonumber('0x10'), tonumber('1e2'), tonumber('  12  '), tonumber('1_2')",
        "tonumber('zz', 36), tonumber('-ff', 16), tonumber('8', 8), tonumber('1 1', 2)",
        "tonumber(''), tonumber('0x'), tonumber('1e'), tonumber(nil)",
        "tostring(1e15), tostring(2^53), tostring(-0.0), tostring(1/0)",
        "math.type(1), math.type(1.0), math.type('1'), math.tointeger(3.0)",
        "#table.pack(1, 2, 3), table.pack(1, nil, 3).n",
        "next({}), rawlen({ 1, 2 }), rawlen('abc'), rawequal('a', 'a')",
        "(function() local t = { 1, 2, 3 } table.insert(t, 2, 9) return table.concat(t, ',') "
        "end)()",
        "(function() local t = { 1, 2, 3 } return table.remove(t, 1), table.remove(t), #t "
        "end)()",
        "(function() local t = {} return table.remove(t), table.remove(t, 0), #t end)()",
        "(function() return table.concat(table.move({ 1, 2, 3, 4 }, 2, 4, 1), ',') end)()",
        "(function() return table.concat(table.move({ 1, 2, 3, 4 }, 1, 3, 2), ',') end)()",
        "(function() local t = { 5, 3, 9, 1 } table.sort(t) return table.concat(t, ',') end)()",
        "('abc'):byte(1, -1)",
        "('abc'):byte(10)",
        "('abc'):byte(-1)",
        "string.char(72, 105)",
        "('Abc'):upper(), ('Abc'):lower(), ('Abc'):reverse(), ('Abc'):len()",
        "('hello'):sub(2, -2), ('hello'):sub(-3), ('hello'):sub(0), ('hello'):sub(4, 2)",
        "('x'):rep(0), ('x'):rep(-1), ('ab'):rep(2), ('x'):rep(3, '-')",
        "utf8.len('中文'), utf8.len('\\xff'), utf8.char(20013), utf8.codepoint('中')",
        "pcall(error, 'x', 0)",
        "pcall(error), (pcall(error, nil))",
        "pcall(function(...) return select('#', ...) end, 1, nil)",
        "xpcall(function(...) return ... end, function() end, 1, 2)",
        "xpcall(error, function(e) return e .. '!' end, 'x')",
        "coroutine.wrap(function(...) return select('#', ...) end)(1, 2)",
        "coroutine.isyieldable(), coroutine.resume(coroutine.create(function() "
        "coroutine.yield(1, 2) end))",
        "coroutine.status(coroutine.create(function() end))",
        "(function() local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) "
        "end end) return co() + co() + co() end)()",
        "(function() local co = coroutine.wrap(function() return pcall(function() "
        "coroutine.yield(1) error('z', 0) end) end) co() return co() end)()",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[500];
        snprintf(text, sizeof(text),
                 "local t = table.pack(%s) for i = 1, t.n do t[i] = tostring(t[i]) end return "
                 "table.concat(t, '|')",
                 lines[i]);
        struct fault f = {0};
        bool stock_ok = luaL_dostring(stock, text) == LUA_OK;
        bool ok = sandbox_load(sb, span_of(text), "same.lua", NULL, &f);
        if (ok != stock_ok ||
            (ok && strcmp(lua_tostring(sandbox_state(sb), -1), lua_tostring(stock, -1)) != 0))
            print_message("%s: ours %s, stock %s\n", lines[i],
                          ok ? lua_tostring(sandbox_state(sb), -1) : f.text,
                          lua_tostring(stock, -1));
        assert_int_equal(ok, stock_ok);
        if (ok)
            assert_string_equal(lua_tostring(sandbox_state(sb), -1), lua_tostring(stock, -1));
        lua_settop(sandbox_state(sb), 0);
        lua_settop(stock, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_questions_get_the_same_answers),
        cmocka_unit_test(questions_with_known_traps),
        cmocka_unit_test(malformed_patterns_are_refused),
        cmocka_unit_test(replacement_texts_are_checked),
        cmocka_unit_test(library_functions_agree_with_stock),
    };
    if (getenv("F"))
        cmocka_set_test_filter(getenv("F"));
    return cmocka_run_group_tests(tests, open_both, close_both);
}
