/*
 * The scripts of tests/hostile, one after another: each must end by itself within its limits the way its first line
 * says, and leave a second sandbox in the same process untouched.
 *
 *   limit   a limit was hit          error   an ordinary error
 *   syntax  does not compile         safe    runs to its end        any     ends, somehow
 */
#include "unit.h"

#include <dirent.h>

#include "engine/sandbox.h"
#include "engine/sandbox_impl.h"
#include "util/clock.h"

enum { SCRIPTS_MAX = 400, NET_SECONDS = 60 };

static struct sandbox_modules modules;
static struct sandbox *neighbour;
static char names[SCRIPTS_MAX][64];
static size_t count;

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int read_names(void **state)
{
    (void)state;
    DIR *d = opendir("tests/hostile");
    if (!d)
        return -1;
    for (struct dirent *e; (e = readdir(d)) && count < SCRIPTS_MAX;) {
        size_t n = strlen(e->d_name);
        if (n > 4 && n < 64 && strcmp(e->d_name + n - 4, ".lua") == 0)
            memcpy(names[count++], e->d_name, n + 1);
    }
    closedir(d);
    qsort(names, count, sizeof(names[0]), by_name);
    struct err e;
    if (!sandbox_modules_read(&modules, "scripts", &e))
        return -1;
    neighbour = sandbox_new(&modules, NULL);
    return 0;
}

static int drop_all(void **state)
{
    (void)state;
    sandbox_free(neighbour);
    sandbox_modules_free(&modules);
    return 0;
}

static size_t slurp(const char *name, char *out, size_t size)
{
    char path[128];
    snprintf(path, sizeof(path), "tests/hostile/%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, size, f);
    fclose(f);
    return n;
}

/* "-- limit: …" → "limit" */
static void wanted_of(const char *text, char *out)
{
    memcpy(out, "syntax", 7);
    if (strncmp(text, "-- ", 3) != 0)
        return;
    size_t n = strcspn(text + 3, ":");
    assert_true(n < 10);
    memcpy(out, text + 3, n);
    out[n] = 0;
}

static const char *outcome_of(bool ok, const struct fault *f)
{
    if (ok)
        return "safe";
    if (f->limit != LIMIT_FREE)
        return "limit";
    return f->syntax ? "syntax" : "error";
}

/* The neighbour still works, and its libraries are what they were. */
static void check_neighbour(void)
{
    static const char text[] =
        "local calendar = require 'std.calendar'\n"
        "assert(calendar.add_days('2020-02-28', 2) == '2020-03-01')\n"
        "assert(('%d|%s'):format(3, 'x') == '3|x' and ('abc'):find('b') == 2)\n"
        "local n = 0 for k, v in pairs({ a = 1, b = 2, 5 }) do n = n + v end\n"
        "return n";
    struct fault f;
    assert_true(sandbox_load(neighbour, SPAN(text), "neighbour.lua", NULL, &f));
    lua_State *L = sandbox_state(neighbour);
    assert_int_equal(lua_tointeger(L, -1), 8);
    lua_settop(L, 0);
}

static bool run_one(const char *name)
{
    static char text[300000];
    char wanted[16];
    size_t n = slurp(name, text, sizeof(text) - 1);
    text[n] = 0;
    wanted_of(text, wanted);
    alarm(NET_SECONDS);
    int64_t start = clock_mono_us();
    struct sandbox *sb = sandbox_new(&modules, NULL);
    struct fault f = {0};
    bool ok = sandbox_load(sb, (struct span){text, n}, name, NULL, &f);
    const char *got = outcome_of(ok, &f);
    bool good = strcmp(wanted, "any") == 0 || strcmp(wanted, got) == 0;
    good = good && !strstr(f.text, "ESCAPED") && !strstr(f.text, "0x");
    if (!ok) {
        good = good && f.text[0] && span_is_utf8(span_of(f.text));
        good = good && sandbox_is_dead(sb) == (f.limit != LIMIT_FREE);
    }
    good = good && limit_used(sandbox_state(sb)).memory <= (16u << 20);
    sandbox_free(sb);
    alarm(0);
    if (!good)
        printf("%s: wanted %s, got %s: %s (%lld ms)\n", name, wanted, got, f.text,
               (long long)(clock_mono_us() - start) / 1000);
    check_neighbour();
    return good;
}

static void every_hostile_script_ends_and_harms_nobody(void **state)
{
    (void)state;
    assert_true(count >= 68);
    size_t bad = 0;
    for (size_t i = 0; i < count; i++)
        bad += !run_one(names[i]);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_script_ends_and_harms_nobody),
    };
    return cmocka_run_group_tests(tests, read_names, drop_all);
}
