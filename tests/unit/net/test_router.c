#include "unit.h"

#include "net/router.h"

static void nothing(struct request *r)
{
    (void)r;
}

static const struct route routes[] = {
    {.method = "GET", .path = "/api/v1/records/{type}", .summary = "list", .handle = nothing},
    {.method = "POST", .path = "/api/v1/records/{type}", .summary = "send", .handle = nothing},
    {.method = "GET",
     .path = "/api/v1/records/{type}/{key}",
     .summary = "one",
     .handle = nothing},
    {.method = "GET",
     .path = "/api/v1/records/{type}/{key}/history",
     .summary = "history",
     .handle = nothing},
    {.method = "GET", .path = "/metrics", .summary = "metrics", .handle = nothing},
    {.method = "DELETE", .path = "/api/v1/session", .summary = "out", .handle = nothing},
};
static const struct route_family family = {routes, sizeof routes / sizeof *routes};
static const struct route_family *const families[] = {&family};

static void paths_find_their_route_and_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *summary, *params[2], *allow;
    } cases[] = {
        {"GET", "/api/v1/records/ent", "list", {"ent"}, ""},
        {"HEAD", "/api/v1/records/ent", "list", {"ent"}, ""},
        {"POST", "/api/v1/records/ent", "send", {"ent"}, ""},
        {"GET", "/api/v1/records/ent/A|2020", "one", {"ent", "A|2020"}, ""},
        {"GET", "/api/v1/records/ent/history", "one", {"ent", "history"}, ""},
        {"GET", "/api/v1/records/ent/A/history", "history", {"ent", "A"}, ""},
        {"GET", "/metrics", "metrics", {NULL}, ""},
        {"PUT", "/api/v1/records/ent", NULL, {NULL}, "GET, HEAD, POST"},
        {"GET", "/api/v1/session", NULL, {NULL}, "DELETE"},
        {"HEAD", "/api/v1/session", NULL, {NULL}, "DELETE"},
        {"GET", "/api/v1/records/", NULL, {NULL}, NULL},
        {"GET", "/api/v1/records//A", NULL, {NULL}, NULL},
        {"GET", "/api/v1/records/ent/A/other", NULL, {NULL}, NULL},
        {"GET", "/api/v1/records/ent/A/history/", NULL, {NULL}, NULL},
        {"GET", "/api/v1", NULL, {NULL}, NULL},
        {"GET", "/metrics/", NULL, {NULL}, NULL},
        {"GET", "metrics", NULL, {NULL}, NULL},
        {"GET", "/", NULL, {NULL}, NULL},
        {"GET", "", NULL, {NULL}, NULL},
        {"get", "/metrics", NULL, {NULL}, "GET, HEAD"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct route_match m;
        router_find(families, 1, span_of(cases[i].method), span_of(cases[i].path), &m);
        if (!cases[i].summary) {
            assert_null(m.route);
            assert_int_equal(m.path_known, cases[i].allow != NULL);
            if (cases[i].allow)
                assert_string_equal(m.allow, cases[i].allow);
            continue;
        }
        assert_non_null(m.route);
        assert_string_equal(m.route->summary, cases[i].summary);
        for (int p = 0; p < 2; p++)
            assert_true(span_eq(m.params[p], span_of(cases[i].params[p])));
    }
}

static void parameters_have_names(void **state)
{
    (void)state;
    struct span name;
    assert_true(router_param(routes[3].path, 0, &name));
    assert_span(name, "type");
    assert_true(router_param(routes[3].path, 1, &name));
    assert_span(name, "key");
    assert_false(router_param(routes[3].path, 2, &name));
    assert_false(router_param("/metrics", 0, &name));
}

static void the_document_is_json_and_has_every_route(void **state)
{
    (void)state;
    struct buf out = {0};
    struct arena a = {0};
    struct err e = {0};
    openapi_write(families, 1, &out);
    const struct json *doc = json_parse(&a, buf_view(&out), NULL, NULL, &e);
    assert_non_null(doc);
    const struct json *paths = json_get(doc, "paths");
    assert_int_equal(json_count(paths), 5);
    const struct json *records = json_get(paths, "/api/v1/records/{type}");
    assert_int_equal(json_count(records), 2);
    assert_string_equal(json_cstr(json_get(json_get(records, "post"), "summary"), ""), "send");
    arena_free(&a);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_route_and_parameters),
        cmocka_unit_test(parameters_have_names),
        cmocka_unit_test(the_document_is_json_and_has_every_route),
    };
    return unit_run(tests);
}
