/* `wangyi test`: the examples of the scenarios, cases from a file, and what is said when one fails. */
#include "host.h"

#include <dirent.h>

static struct buf told_by(const struct engine_test *t, int *failed)
{
    struct buf out = {0};
    struct err e = {0};
    *failed = engine_test(t, &out, &e);
    if (*failed < 0)
        fail_msg("%s", e.text);
    buf_char(&out, 0);
    return out;
}

static void the_examples_of_all_scenarios_end_as_they_say(void **state)
{
    (void)state;
    struct engine_test t = {.scripts_dir = "scripts", .scenarios_dir = "scenarios"};
    int failed;
    struct buf out = told_by(&t, &failed);
    if (failed)
        fail_msg("%s", out.p);
    assert_null(strstr(out.p, "\n0 passed"));
    buf_free(&out);
}

/* The examples of a file as lines of --cases. */
static int put_cases(FILE *f, const char *id)
{
    struct buf text = {0}, manifest = {0}, json = {0};
    struct arena a = {0};
    struct err e = {0};
    char path[300];
    snprintf(path, sizeof path, "scenarios/%s.lua", id);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    text.n = fread(buf_space(&text, 1 << 18), 1, (1 << 18) - 1, in);
    fclose(in);
    buf_char(&text, 0);
    host_manifest(id, text.p, &manifest);
    struct case_script s = {.id = span_of(id),
                            .text = span_of(text.p),
                            .street = host_street,
                            .manifest = buf_view(&manifest),
                            .modules = &host_modules};
    assert_true(case_examples(&s, &json, &e));
    const struct json *list = json_parse(&a, buf_view(&json), &host_wide, NULL, &e);
    int n = (int)json_count(list);
    for (int i = 0; i < n; i++) {
        const struct json *one = json_item(list, (size_t)i);
        struct buf line = {0};
        struct json_w w = json_w_begin(&line);
        json_w_object(&w);
        json_w_kstr(&w, "scenario", id);
        json_w_name(&w, "name");
        json_w_value(&w, json_get(one, "name"));
        const struct json *steps = json_get(one, "steps");
        if (steps && json_get(one, "settings")) {
            json_w_name(&w, "settings");
            json_w_value(&w, json_get(one, "settings"));
        }
        json_w_name(&w, "steps");
        if (steps) {
            json_w_value(&w, steps);
        } else {
            json_w_array(&w);
            json_w_object(&w);
            static const char *const names[] = {"at", "settings"};
            json_w_name(&w, "records");
            json_w_value(&w, json_get(one, "given"));
            for (int k = 0; k < 2; k++) {
                if (!json_get(one, names[k]))
                    continue;
                json_w_name(&w, names[k]);
                json_w_value(&w, json_get(one, names[k]));
            }
            json_w_object_end(&w);
            json_w_array_end(&w);
            json_w_name(&w, "expect");
            json_w_value(&w, json_get(one, "expect"));
        }
        json_w_object_end(&w);
        json_w_end(&w);
        fprintf(f, "%.*s\n", (int)line.n, line.p);
        buf_free(&line);
    }
    buf_free(&text);
    buf_free(&manifest);
    buf_free(&json);
    arena_free(&a);
    return n;
}

static void cases_from_a_file_run_as_the_examples_do(void **state)
{
    (void)state;
    char path[] = "/tmp/wy-cases-XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    DIR *d = opendir("scenarios");
    int want = 0, failed;
    for (struct dirent *x; (x = readdir(d));) {
        char id[256];
        if (sscanf(x->d_name, "%250[a-z0-9_].lua", id) == 1 && strstr(x->d_name, ".lua"))
            want += put_cases(f, id);
    }
    closedir(d);
    fclose(f);
    struct engine_test t = {
        .scripts_dir = "scripts", .scenarios_dir = "scenarios", .cases = path};
    struct buf out = told_by(&t, &failed);
    char end[64];
    snprintf(end, sizeof end, "%d passed, 0 failed\n", want);
    if (failed || !strstr(out.p, end))
        fail_msg("%s", out.p);
    buf_free(&out);
    unlink(path);
}

static void a_case_that_ends_otherwise_says_in_what(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"name\":\"一\",\"scenario\":\"ent_new\",\"steps\":[{\"records\":["
        "[\"enterprise\",{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-05\",\"name\":\"a\","
        "\"reg_subdistrict\":\"330105003\",\"reg_status\":\"active\"}],"
        "[\"enterprise\",{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-06\",\"name\":\"a\","
        "\"reg_subdistrict\":\"330105003\",\"reg_status\":\"active\"}],"
        "[\"enterprise\",{\"ent_id\":\"E2\",\"snapshot_month\":\"2020-06\",\"name\":\"b\","
        "\"reg_subdistrict\":\"330105003\",\"reg_status\":\"active\"}]],"
        "\"at\":\"2020-07-09T08:00:00+08:00\"}],\"expect\":[{\"key\":\"E2|new\",\"kind\":"
        "\"gone\",\"level\":\"red\"},{\"key\":\"Z\",\"level\":\"red\"}]}\n"
        "\n"
        "{\"name\":\"二\",\"scenario\":\"no_such\",\"steps\":[],\"expect\":[]}\n"
        "{\"name\":\"三\",\"scenario\":\"ent_new\",\"steps\":[{\"records\":[[\"enterprise\",{"
        "\"ent_idd\":\"E1\"}]],\"at\":\"2020-07-09T08:00:00+08:00\"}],\"expect\":[]}\n"
        "{\"name\":\"六\",\"scenario\":\"ent_new\",\"steps\":[{\"records\":[]}],\"expect\":[]}"
        "\n"
        "{\"name\":\"四\",\"scenario\":\"../ent_new\",\"steps\":[],\"expect\":[]}\n"
        "{\"name\":\"五\",\"scenario\":\"ent_new\",\"steps\":[{\"at\":\"gestern\"}],\"expect\":"
        "[]}\n"
        "no json\n";
    char path[] = "/tmp/wy-cases-XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    int failed;
    fputs(lines, f);
    fclose(f);
    struct engine_test t = {
        .scripts_dir = "scripts", .scenarios_dir = "scenarios", .cases = path};
    struct buf out = told_by(&t, &failed);
    static const char *const words[] = {"E2|new 的级别应为 red，现在是 blue",
                                        "种类应为 gone，现在是 new",
                                        "缺少告警 Z",
                                        "no_such",
                                        "ent_idd",
                                        "../ent_new",
                                        "gestern",
                                        "缺少 at",
                                        "第 8 行"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(out.p, words[i]))
            fail_msg("“%s” is not in\n%s", words[i], out.p);
    assert_int_equal(failed, 7);
    buf_free(&out);
    unlink(path);
}

static void examples_are_told_to_the_editor_one_by_one(void **state)
{
    (void)state;
    static const char text[] =
        HOST_SCRIPT("reads = { 'building' },\n"
                    "every = { { at = 'hourly', run = function(ctx) ctx:alert { key = 'k', "
                    "level = 'red', title = 't' } end } },");
    struct buf manifest = {0}, out = {0};
    struct arena a = {0};
    struct err e = {0};
    bool all_ok = true;
    host_manifest("probe", text, &manifest);
    struct json_w w = json_w_begin(&out);
    json_w_array(&w);
    const struct json *m = json_parse(&a, buf_view(&manifest), &host_wide, NULL, &e);
    assert_true(evaluate_examples(host_street, &host_modules, SPAN("probe"), span_of(text), m,
                                  &w, &all_ok, &e));
    json_w_array_end(&w);
    json_w_end(&w);
    assert_false(all_ok); /* the second example says that it stays quiet */
    const struct json *list = json_parse(&a, buf_view(&out), &host_wide, NULL, &e);
    assert_int_equal(json_count(list), 2);
    assert_true(json_bool(json_get(json_item(list, 0), "ok"), false));
    assert_false(json_bool(json_get(json_item(list, 1), "ok"), true));
    assert_non_null(
        strstr(json_cstr(json_get(json_item(list, 1), "message"), ""), "多出告警 k"));
    buf_free(&manifest);
    buf_free(&out);
    arena_free(&a);
}

static void lines_that_no_example_reaches_are_told(void **state)
{
    (void)state;
    char dir[] = "/tmp/wy-lines-XXXXXX", path[300];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/probe.lua", dir);
    FILE *f = fopen(path, "w");
    fputs(HOST_SCRIPT("reads = { 'building' },\n"
                      "every = { { at = 'daily 00:00', run = function(ctx)\n"
                      "  if #ctx:list('building', {}) > 0 then\n"
                      "    ctx:alert { key = 'k', level = 'red', title = 't' }\n"
                      "  end end } },"),
          f);
    fclose(f);
    struct engine_test t = {.scripts_dir = "scripts", .scenarios_dir = dir};
    int failed;
    struct buf out = told_by(&t, &failed);
    assert_int_equal(failed, 1);
    if (!strstr(out.p, "not reached: 6"))
        fail_msg("%s", out.p);
    buf_free(&out);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_all_scenarios_end_as_they_say),
        cmocka_unit_test(cases_from_a_file_run_as_the_examples_do),
        cmocka_unit_test(a_case_that_ends_otherwise_says_in_what),
        cmocka_unit_test(examples_are_told_to_the_editor_one_by_one),
        cmocka_unit_test(lines_that_no_example_reaches_are_told),
    };
    int failed = unit_run(tests);
    host_close();
    return failed;
}
