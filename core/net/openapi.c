/* The OpenAPI 3.1 document, made from the routes' own tables. */
#include "net/router.h"

#include <ctype.h>
#include <string.h>

#include "net/request.h"
#include "net/server_impl.h"

static void put_roles(struct json_w *w, const struct route *route)
{
    json_w_name(w, "x-roles");
    json_w_array(w);
    if (route->open) {
        json_w_str(w, "anybody");
    } else {
        for (int role = ROLE_ADMIN; role <= ROLE_MACHINE; role++) {
            struct person p = {.role = (enum role)role};
            if (access_may(&p, NULL, route->act, NULL))
                json_w_str(w, role_name((enum role)role));
        }
    }
    json_w_array_end(w);
}

static void put_parameters(struct json_w *w, const struct route *route)
{
    struct span name;
    json_w_name(w, "parameters");
    json_w_array(w);
    for (int i = 0; router_param(route->path, i, &name); i++) {
        json_w_object(w);
        json_w_kspan(w, "name", name);
        json_w_kstr(w, "in", "path");
        json_w_kbool(w, "required", true);
        json_w_kraw(w, "schema", SPAN("{\"type\":\"string\"}"));
        json_w_object_end(w);
    }
    if (!strcmp(route->method, "POST") && !route->open)
        json_w_raw(w, SPAN("{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"required\":false,"
                           "\"schema\":{\"type\":\"string\",\"maxLength\":128}}"));
    if (!strcmp(route->method, "PATCH"))
        json_w_raw(w, SPAN("{\"name\":\"If-Match\",\"in\":\"header\",\"required\":false,"
                           "\"schema\":{\"type\":\"string\"}}"));
    json_w_array_end(w);
}

static void put_body(struct json_w *w, const struct route *route)
{
    static const char *const one[] = {"application/json"};
    static const char *const stream[] = {"application/x-ndjson", "application/json",
                                         "text/csv"};
    if (route->body == BODY_NONE)
        return;
    bool is_stream = route->body == BODY_STREAM;
    const char *const *media = is_stream ? stream : one;
    size_t count = is_stream ? 3 : 1;
    if (route->media)
        for (media = route->media, count = 0; media[count];)
            count++;
    json_w_name(w, "requestBody");
    json_w_object(w);
    json_w_name(w, "content");
    json_w_object(w);
    for (size_t i = 0; i < count; i++)
        json_w_kraw(w, media[i], SPAN("{\"schema\":{}}"));
    json_w_object_end(w);
    json_w_object_end(w);
}

static void put_answers(struct json_w *w, const struct route *route)
{
    json_w_name(w, "responses");
    json_w_object(w);
    json_w_kraw(w, "2XX", SPAN("{\"description\":\"Done\"}"));
    json_w_kraw(w, "default", SPAN("{\"$ref\":\"#/components/responses/Problem\"}"));
    json_w_object_end(w);
    json_w_name(w, "security");
    json_w_raw(w, route->open    ? SPAN("[]")
                  : route->basic ? SPAN("[{\"session\":[]},{\"key\":[]},{\"device\":[]}]")
                                 : SPAN("[{\"session\":[]},{\"key\":[]}]"));
}

/* "get_records_type_key": unique, since method and path are. */
static void put_operation_id(struct json_w *w, const struct route *route)
{
    struct buf id = {0};
    const char *path = route->path;
    if (!strncmp(path, "/api/v1/", 8))
        path += 7;
    for (const char *m = route->method; *m; m++)
        buf_char(&id, (char)tolower((unsigned char)*m));
    for (; *path; path++) {
        if (isalnum((unsigned char)*path))
            buf_char(&id, *path);
        else if (id.p[id.n - 1] != '_')
            buf_char(&id, '_');
    }
    while (id.n && id.p[id.n - 1] == '_')
        id.n--;
    json_w_kspan(w, "operationId", buf_view(&id));
    buf_free(&id);
}

static void put_operation(struct json_w *w, const struct route *route)
{
    char method[16] = "";
    for (size_t i = 0; route->method[i] && i < sizeof method - 1; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    json_w_name(w, method);
    json_w_object(w);
    put_operation_id(w, route);
    json_w_kstr(w, "summary", route->summary);
    put_roles(w, route);
    put_parameters(w, route);
    put_body(w, route);
    put_answers(w, route);
    json_w_object_end(w);
}

/* All methods of a path stand together, at the path's first row. */
static bool is_first_row(const struct route_family *const *families, size_t family, size_t row)
{
    const char *path = families[family]->routes[row].path;
    for (size_t f = 0; f <= family; f++)
        for (size_t i = 0; i < families[f]->count && (f < family || i < row); i++)
            if (!strcmp(families[f]->routes[i].path, path))
                return false;
    return true;
}

static void put_path(struct json_w *w, const struct route_family *const *families, size_t count,
                     const char *path)
{
    json_w_name(w, path);
    json_w_object(w);
    for (size_t f = 0; f < count; f++)
        for (size_t i = 0; i < families[f]->count; i++)
            if (!strcmp(families[f]->routes[i].path, path))
                put_operation(w, &families[f]->routes[i]);
    json_w_object_end(w);
}

void openapi_write(const struct route_family *const *families, size_t count, struct buf *out)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    json_w_kstr(&w, "openapi", "3.1.0");
    json_w_kraw(&w, "info", SPAN("{\"title\":\"wangyi\",\"version\":\"" WANGYI_VERSION "\"}"));
    json_w_name(&w, "paths");
    json_w_object(&w);
    for (size_t f = 0; f < count; f++)
        for (size_t i = 0; i < families[f]->count; i++)
            if (is_first_row(families, f, i))
                put_path(&w, families, count, families[f]->routes[i].path);
    json_w_object_end(&w);
    json_w_kraw(
        &w, "components",
        SPAN("{\"securitySchemes\":{"
             "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"wangyi_session\","
             "\"description\":\"Changing requests also carry the header X-Wangyi: 1\"},"
             "\"key\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
             "\"device\":{\"type\":\"http\",\"scheme\":\"basic\","
             "\"description\":\"Any name, a machine key as the password\"}},"
             "\"responses\":{\"Problem\":{\"description\":\"RFC 9457\",\"content\":{"
             "\"application/"
             "problem+json\":{\"schema\":{\"type\":\"object\",\"required\":[\"type\","
             "\"title\",\"status\",\"detail\",\"code\"],\"properties\":{\"type\":{\"type\":"
             "\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
             "\"detail\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},\"errors\":{"
             "\"type\":"
             "\"array\",\"items\":{\"type\":\"object\"}}}}}}}}}"));
    json_w_object_end(&w);
    json_w_end(&w);
}

void openapi_handle(struct request *r)
{
    struct buf out = {0};
    size_t count;
    const struct route_family *const *families = router_families(&count);
    openapi_write(families, count, &out);
    answer_json(r, 200, &out);
}
