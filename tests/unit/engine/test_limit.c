#include "unit.h"

#include "engine/limit.h"
#include "engine/sandbox_impl.h"
#include "util/clock.h"

static struct fault fault;

static enum limit_hit hit_of(const char *text, const struct limit_budget *b)
{
    struct sandbox *sb = sandbox_new(NULL, NULL);
    bool ok = sandbox_load(sb, span_of(text), "t.lua", b, &fault);
    enum limit_hit hit = ok ? LIMIT_FREE : fault.limit;
    assert_int_equal(sandbox_is_dead(sb), hit != LIMIT_FREE);
    sandbox_free(sb);
    return hit;
}

static void steps_are_counted_alike_in_each_run(void **state)
{
    (void)state;
    static const char text[] =
        "local t = {} for i = 1, 2000 do t['k' .. i] = ('x'):rep(i % 50) .. i end\n"
        "local n = 0 for k, v in pairs(t) do n = n + #v if k:find('9.-9') then n = n + 1 end "
        "end\n"
        "local l = {} for k in pairs(t) do l[#l + 1] = k end table.sort(l, function(a, b) "
        "return a > b end)";
    int64_t first = 0;
    for (int i = 0; i < 8; i++) {
        struct sandbox *sb = sandbox_new(NULL, NULL);
        assert_true(sandbox_load(sb, SPAN(text), "t.lua", NULL, &fault));
        int64_t steps = limit_used(sandbox_state(sb)).steps;
        if (i == 0)
            first = steps;
        assert_int_equal(steps, first);
        sandbox_free(sb);
    }
    assert_true(first > 100000);
}

/* What a call costs does not depend on the calls before it: caches are not seen. */
static void the_second_call_costs_what_the_first_did(void **state)
{
    (void)state;
    static const char text[] =
        "return function() local n = 0\n"
        "for i = 1, 100 do n = n + #(('a' .. i):match('^(%w)' .. ('x?'):rep(i % 30)) or '');\n"
        "  ('k=v'):gsub('(%w)=(%w)', '%2') for w in ('a b c'):gmatch('%a') do n = n + 1 end "
        "end\n"
        "return n end";
    struct sandbox *sb = sandbox_new(NULL, NULL);
    assert_true(sandbox_load(sb, SPAN(text), "t.lua", NULL, &fault));
    lua_State *L = sandbox_state(sb);
    int64_t first = 0;
    for (int i = 0; i < 5; i++) {
        lua_pushvalue(L, 1);
        assert_true(sandbox_call(sb, 0, 0, NULL, &fault));
        if (i == 0)
            first = limit_used(L).steps;
        assert_int_equal(limit_used(L).steps, first);
    }
    sandbox_free(sb);
}

static void the_budget_is_the_border(void **state)
{
    (void)state;
    struct limit_budget b = limit_small;
    b.steps = 100000;
    assert_int_equal(hit_of("for i = 1, 40000 do end", &b), LIMIT_FREE);
    assert_int_equal(hit_of("for i = 1, 200000 do end", &b), LIMIT_STEPS);
    assert_non_null(strstr(fault.text, "10 万条"));
    b.steps = 0;
    assert_int_equal(hit_of("return 1", &b), LIMIT_STEPS); /* compiling is work too */
}

static void each_call_has_a_budget_of_its_own(void **state)
{
    (void)state;
    struct sandbox *sb = sandbox_new(NULL, NULL);
    assert_true(sandbox_load(sb, SPAN("return function() for i = 1, 1500000 do end end"),
                             "t.lua", NULL, &fault));
    lua_State *L = sandbox_state(sb);
    for (int i = 0; i < 5; i++) { /* 1.5 M each: more than 5 M together */
        lua_pushvalue(L, 1);
        assert_true(sandbox_call(sb, 0, 0, NULL, &fault));
    }
    sandbox_free(sb);
}

static int host(lua_State *L)
{
    limit_host_call(L);
    return 0;
}

static int subject(lua_State *L)
{
    limit_renew(L);
    return 0;
}

/* Run `text` with host and subject as its two arguments. */
static enum limit_hit with_host(const char *text, const struct limit_budget *b,
                                struct limit_used *used)
{
    struct sandbox *sb = sandbox_new(NULL, NULL);
    char whole[500];
    snprintf(whole, sizeof(whole), "return function(host, subject) %s end", text);
    assert_true(sandbox_load(sb, span_of(whole), "t.lua", NULL, &fault));
    lua_State *L = sandbox_state(sb);
    lua_pushcfunction(L, host);
    lua_pushcfunction(L, subject);
    bool ok = sandbox_call(sb, 2, 0, b, &fault);
    if (used)
        *used = limit_used(L);
    sandbox_free(sb);
    return ok ? LIMIT_FREE : fault.limit;
}

static void host_calls_end_at_their_number(void **state)
{
    (void)state;
    assert_int_equal(with_host("for i = 1, 200000 do host() end", NULL, NULL), LIMIT_FREE);
    assert_int_equal(with_host("for i = 1, 200001 do host() end", NULL, NULL),
                     LIMIT_HOST_CALLS);
    assert_non_null(strstr(fault.text, "20 万次"));
    assert_int_equal(with_host("for i = 1, 200001 do pcall(host) end", NULL, NULL),
                     LIMIT_HOST_CALLS);
    assert_int_equal(with_host("for i = 1, 1000000 do host() end", &limit_large, NULL),
                     LIMIT_FREE);
}

static void a_new_subject_begins_anew(void **state)
{
    (void)state;
    struct limit_used used;
    assert_int_equal(
        with_host("for s = 1, 4 do subject() for i = 1, 150000 do host() end end", NULL, &used),
        LIMIT_FREE);
    assert_int_equal(used.host_calls, 600000);
    assert_int_equal(
        with_host("for s = 1, 4 do subject() for i = 1, 1200000 do end end", NULL, &used),
        LIMIT_FREE);
    assert_true(used.steps > 4700000);
}

static void new_subjects_are_no_way_out(void **state)
{
    (void)state;
    assert_int_equal(with_host("while true do subject() end", NULL, NULL), LIMIT_HOST_CALLS);
    assert_int_equal(
        with_host("while true do subject() for i = 1, 100000 do host() end end", NULL, NULL),
        LIMIT_HOST_CALLS);
    assert_int_equal(
        with_host("while true do pcall(subject) for i = 1, 1000 do end end", NULL, NULL),
        LIMIT_HOST_CALLS);
}

static void memory_ends_at_its_cap(void **state)
{
    (void)state;
    struct limit_budget b = limit_large;
    b.memory = 4 << 20;
    assert_int_equal(
        hit_of("local t = {} for i = 1, 100 do t[i] = ('x'):rep(10000) .. i end", &b),
        LIMIT_FREE);
    assert_int_equal(
        hit_of("local t = {} for i = 1, 1000 do t[i] = ('x'):rep(10000) .. i end", &b),
        LIMIT_MEMORY);
    assert_non_null(strstr(fault.text, "4 MiB"));
}

/* What is no longer needed does not count, however much of it there was. */
static void garbage_is_no_fault(void **state)
{
    (void)state;
    struct limit_budget b = limit_large;
    b.memory = 2 << 20;
    assert_int_equal(hit_of("for i = 1, 1000 do local s = ('x'):rep(100000) .. i end", &b),
                     LIMIT_FREE);
}

static void a_text_of_one_mib_is_the_longest(void **state)
{
    (void)state;
    assert_int_equal(hit_of("local s = ('x'):rep(1048576) assert(#s == 1048576)", NULL),
                     LIMIT_FREE);
    assert_int_equal(hit_of("local s = ('x'):rep(1048576) return s .. s", NULL), LIMIT_STRING);
}

static void the_clock_ends_what_steps_cannot_see(void **state)
{
    (void)state;
    struct limit_budget b = limit_small;
    b.deadline_ms = 100;
    int64_t start = clock_mono_us();
    assert_int_equal(
        hit_of("local a, b = ('x'):rep(1000000), ('x'):rep(1000000) while a == b do end", &b),
        LIMIT_DEADLINE);
    assert_true(clock_mono_us() - start < 30 * 1000000LL);
}

/* Let every allocation fail in turn: no leak, no crash, always an error until one round succeeds. */
static void each_allocation_may_fail(void **state)
{
    (void)state;
    static const char text[] =
        "local t = { a = 1, b = { 2, 3 } } local s = ('x'):rep(100) .. #t\n"
        "local co = coroutine.wrap(function(x) return x:gsub('x', 'y') end) local r = co(s)\n"
        "for k, v in pairs(t) do s = s .. tostring(k) end\n"
        "return ('%s %d'):format(r, #s)";
    bool done = false;
    for (size_t room = 17000; room < 60000 && !done; room += 16) {
        struct limit_budget b = limit_small;
        b.memory = room;
        struct sandbox *sb = sandbox_new(NULL, NULL);
        done = sandbox_load(sb, SPAN(text), "t.lua", &b, &fault);
        if (!done)
            assert_true(fault.limit == LIMIT_MEMORY && fault.text[0]);
        sandbox_free(sb);
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_counted_alike_in_each_run),
        cmocka_unit_test(the_second_call_costs_what_the_first_did),
        cmocka_unit_test(the_budget_is_the_border),
        cmocka_unit_test(each_call_has_a_budget_of_its_own),
        cmocka_unit_test(host_calls_end_at_their_number),
        cmocka_unit_test(a_new_subject_begins_anew),
        cmocka_unit_test(new_subjects_are_no_way_out),
        cmocka_unit_test(memory_ends_at_its_cap),
        cmocka_unit_test(garbage_is_no_fault),
        cmocka_unit_test(a_text_of_one_mib_is_the_longest),
        cmocka_unit_test(the_clock_ends_what_steps_cannot_see),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return unit_run(tests);
}
