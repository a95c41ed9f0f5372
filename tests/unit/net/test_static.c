#include "unit.h"

#include <sys/stat.h>

#include "net/listener.h"
#include "net/static.h"

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void only_plain_files_of_the_folder_are_taken(void **state)
{
    (void)state;
    struct err e = {0};
    char dir[] = "/tmp/wangyi-static-XXXXXX", path[256];
    assert_non_null(mkdtemp(dir));
    static const char *const folders[] = {"staff", "staff/assets", "staff/.hidden"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    write_file(dir, "staff/index.html", "index");
    write_file(dir, "staff/assets/a-1.js", "script");
    write_file(dir, "staff/.secret", "x");
    write_file(dir, "staff/.hidden/x", "x");
    write_file(dir, "beside", "x");
    snprintf(path, sizeof path, "%s/staff/link", dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof path, "%s/staff/fifo", dir);
    assert_int_equal(mkfifo(path, 0600), 0);

    struct static_files *f = static_load(dir, &e);
    assert_int_equal(static_count(f), 2);
    assert_span(static_find(f, SPAN("/"))->body, "index");
    assert_span(static_find(f, SPAN("/alerts/1"))->body, "index");
    assert_span(static_find(f, SPAN("/link"))->body, "index");
    assert_span(static_find(f, SPAN("/assets/a-1.js"))->body, "script");
    assert_true(static_find(f, SPAN("/assets/a-1.js"))->immutable);
    assert_false(static_find(f, SPAN("/index.html"))->immutable);
    assert_null(static_find(f, SPAN("/assets/b.js")));
    static_free(f);
    snprintf(path, sizeof path, "rm -rf %s", dir);
    assert_int_equal(system(path), 0);
}

static void without_a_folder_there_are_no_files(void **state)
{
    (void)state;
    struct err e = {0};
    struct static_files *f = static_load(NULL, &e);
    assert_int_equal(static_count(f), 0);
    assert_null(static_find(f, SPAN("/")));
    static_free(f);
    f = static_load("/nowhere/at/all", &e);
    assert_null(static_find(f, SPAN("/index.html")));
    static_free(f);
}

static void tags_match_as_the_standard_says(void **state)
{
    (void)state;
    assert_true(static_etag_matches(SPAN("\"a\""), "\"a\""));
    assert_true(static_etag_matches(SPAN("\"b\" , W/\"a\""), "\"a\""));
    assert_true(static_etag_matches(SPAN("*"), "\"a\""));
    assert_false(static_etag_matches(SPAN("\"b\""), "\"a\""));
    assert_false(static_etag_matches(SPAN("a"), "\"a\""));
    assert_false(static_etag_matches(SPAN(""), "\"a\""));
    assert_false(static_etag_matches(SPAN(",,"), "\"a\""));
}

static void listening_addresses_are_host_and_port(void **state)
{
    (void)state;
    char host[64], port[8];
    static const struct {
        const char *text, *host, *port;
    } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1", "8080"},
        {"[::1]:443", "::1", "443"},
        {"[::]:0", "::", "0"},
        {"localhost:65535", "localhost", "65535"},
        {"127.0.0.1", NULL, NULL},
        {"127.0.0.1:", NULL, NULL},
        {":8080", NULL, NULL},
        {"::1:80", NULL, NULL},
        {"a:65536", NULL, NULL},
        {"a:-1", NULL, NULL},
        {"a:8x", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = listener_split(cases[i].text, host, sizeof host, port, sizeof port);
        assert_int_equal(ok, cases[i].host != NULL);
        if (ok) {
            assert_string_equal(host, cases[i].host);
            assert_string_equal(port, cases[i].port);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_plain_files_of_the_folder_are_taken),
        cmocka_unit_test(without_a_folder_there_are_no_files),
        cmocka_unit_test(tags_match_as_the_standard_says),
        cmocka_unit_test(listening_addresses_are_host_and_port),
    };
    return unit_run(tests);
}
