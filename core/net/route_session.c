/* Signing in and out, and what the signed-in person must know to begin. */
#include "domain/street.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "net/sign_in.h"
#include "store/txn.h"
#include "util/calendar.h"

static void put_clock(struct request *r, struct json_w *w)
{
    struct buf text = {0};
    bool held;
    calendar_put_datetime(&text, clock_now(r->view, &held));
    json_w_object(w);
    json_w_kspan(w, "now", buf_view(&text));
    json_w_kbool(w, "held", held);
    json_w_object_end(w);
    buf_free(&text);
}

static void me(struct request *r)
{
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    const struct json *org = r->street ? street_org(r->street) : NULL;
    json_w_object(&w);
    user_view_fields(r->person, &w);
    json_w_name(&w, "street");
    json_w_object(&w);
    json_w_kstr(&w, "name", json_cstr(json_get(org, "street"), ""));
    json_w_object_end(&w);
    json_w_name(&w, "clock");
    put_clock(r, &w);
    json_w_kbool(&w, "demo", server_options(r->server)->demo);
    json_w_object_end(&w);
    json_w_end(&w);
    answer_json(r, 200, &out);
}

struct named {
    const char *id, *name;
};

static void put_named(struct json_w *w, const char *list, const struct named *items,
                      size_t count)
{
    json_w_name(w, list);
    json_w_array(w);
    for (size_t i = 0; i < count; i++) {
        json_w_object(w);
        json_w_kstr(w, "id", items[i].id);
        json_w_kstr(w, "name", items[i].name);
        json_w_object_end(w);
    }
    json_w_array_end(w);
}

static void put_member(struct json_w *w, const struct json *org, const char *name)
{
    const struct json *v = json_get(org, name);
    if (v) {
        json_w_name(w, name);
        json_w_value(w, v);
    }
}

static void org(struct request *r)
{
    static const struct named levels[] = {
        {"red", "红"}, {"orange", "橙"}, {"yellow", "黄"}, {"blue", "蓝"}};
    static const struct named states[] = {
        {"new", "待签收"},         {"signed", "已签收"},    {"handling", "处置中"},
        {"submitted", "待核查"},   {"returned", "已退回"},  {"extended", "已延期"},
        {"closed", "已办结"},      {"false_alarm", "误报"}, {"duplicate", "重复"},
        {"retracted", "系统撤回"},
    };
    static const char *const parts[] = {"home",      "street",       "offices",
                                        "receivers", "communities",  "subdistricts",
                                        "roles",     "council_roles"};
    struct err e = {0};
    if (!r->street) {
        err_set(&e, ERR_MISSING, "街道的科室文件还没有读入，请管理员执行重新加载");
        answer_err(r, &e);
        return;
    }
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        put_member(&w, street_org(r->street), parts[i]);
    put_named(&w, "levels", levels, sizeof levels / sizeof *levels);
    put_named(&w, "states", states, sizeof states / sizeof *states);
    json_w_object_end(&w);
    json_w_end(&w);
    answer_json(r, 200, &out);
}

static void clock_get(struct request *r)
{
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    put_clock(r, &w);
    json_w_end(&w);
    answer_json(r, 200, &out);
}

static const struct route routes[] = {
    {.method = "POST",
     .path = "/api/v1/session",
     .summary = "Sign in with name and password; sets the session cookie",
     .open = true,
     .body = BODY_JSON,
     .body_max = 4096,
     .secret = true,
     .handle = sign_in},
    {.method = "DELETE",
     .path = "/api/v1/session",
     .summary = "Sign out",
     .open = true,
     .handle = sign_out},
    {.method = "GET",
     .path = "/api/v1/me",
     .summary = "Who is signed in, and the street's clock",
     .act = ACCESS_SELF,
     .handle = me},
    {.method = "GET",
     .path = "/api/v1/org",
     .summary = "Offices, communities, roles, levels and states with their names",
     .act = ACCESS_STAFF,
     .handle = org},
    {.method = "GET",
     .path = "/api/v1/clock",
     .summary = "The street's clock and whether it is held",
     .act = ACCESS_STAFF,
     .handle = clock_get},
};
const struct route_family route_session;
const struct route_family route_session = {routes, sizeof routes / sizeof *routes};
