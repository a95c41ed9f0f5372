/* Why did it fire, why not, over HTTP. Run in a process of its own, so on a worker. */
#include "domain/access.h"
#include "domain/dictionary.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "store/version.h"
#include "util/calendar.h"

static const struct json_limits wide = {
    .bytes = 64u << 20, .depth = 32, .keys = 4096, .string = 1 << 20};

struct explain {
    struct span request, office; /* office: the scenario's */
    struct buf json;
    struct err e;
    bool ok;
};

/* --- what this person may see of it --------------------------------------------------------------------------- */

struct shown {
    struct request *r;
    int64_t hidden;
};

static bool is_shown(const struct shown *s, const struct json *read)
{
    const struct type *t =
        dictionary_find(street_dictionary(s->r->street), json_string(json_get(read, "type")));
    return !t || access_may(s->r->person, s->r->street, ACCESS_TYPE_SEE, t);
}

/* Everything but the records of types that are closed to this person (as in domain/alert_view). */
static void put_shown(struct shown *s, struct json_w *w, const struct json *v, bool reads)
{
    if (json_is(v, JSON_OBJECT)) {
        json_w_object(w);
        for (size_t i = 0; i < v->count; i++) {
            json_w_name_span(w, v->names[i]);
            put_shown(s, w, &v->items[i], span_eq(v->names[i], SPAN("reads")));
        }
        json_w_object_end(w);
    } else if (json_is(v, JSON_ARRAY)) {
        json_w_array(w);
        for (size_t i = 0; i < v->count; i++) {
            if (reads && !is_shown(s, &v->items[i]))
                s->hidden++;
            else
                put_shown(s, w, &v->items[i], false);
        }
        json_w_array_end(w);
    } else {
        json_w_value(w, v);
    }
}

/* ---- */

static void work(struct request *r, void *ctx)
{
    struct explain *x = ctx;
    const struct server_engine *engine = &server_options(r->server)->engine;
    x->ok = engine->explain ? engine->explain(engine->ctx, x->request, &x->json, &x->e)
                            : err_set(&x->e, ERR_SYSTEM, "这里不能解释");
}

static void finish(struct request *r, void *ctx)
{
    struct explain *x = ctx;
    struct shown s = {.r = r};
    struct buf out = {0};
    const struct json *answer =
        x->ok ? json_parse(r->arena, buf_view(&x->json), &wide, NULL, &x->e) : NULL;
    if (answer) {
        struct json_w w = json_w_begin(&out);
        put_shown(&s, &w, answer, false);
        json_w_end(&w);
        if (s.hidden && !span_eq(r->person->office, x->office)) {
            err_set(&x->e, ERR_DENIED, "这个判断看了您无权查看的数据，请向场景所属科室了解");
            answer = NULL;
        }
    }
    if (answer)
        answer_json(r, 200, &out);
    else
        answer_err(r, &x->e);
    buf_free(&out);
    buf_free(&x->json);
}

/* "enterprise|E1": a type this person may see. */
static bool check_about(struct request *r, struct span about, struct err *e)
{
    struct span rest = about, name = span_split(&rest, '|');
    const struct type *t = dictionary_find(street_dictionary(r->street), name);
    if (!rest.p || !rest.n)
        return err_set(e, ERR_INPUT, "about 应写成 类型|编号，如 enterprise|91330105…");
    if (t && access_may(r->person, r->street, ACCESS_TYPE_SEE, t))
        return true;
    return err_set(e, ERR_MISSING, "没有数据类型“%.*s”", (int)span_cut_utf8(name, 64),
                   name.p ? name.p : "");
}

static void explain(struct request *r)
{
    struct explain *x = arena_alloc(r->arena, sizeof *x);
    struct span about = request_query(r, "about"), at = request_query(r, "at");
    struct scenario s;
    struct buf b = {0};
    int64_t us;
    if (!scenario_get(r->view, r->arena, r->params[0], SEQ_LATEST, &s, &x->e) ||
        !check_about(r, about, &x->e)) {
        answer_err(r, &x->e);
        return;
    }
    if (at.n && !calendar_parse_moment(at, true, &us)) {
        err_set(&x->e, ERR_INPUT, "at 应是时刻（2026-03-01T00:00:00+08:00）、日期或月份");
        answer_err(r, &x->e);
        return;
    }
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_kspan(&w, "scenario", r->params[0]);
    json_w_kspan(&w, "about", about);
    if (at.n)
        json_w_kspan(&w, "at", at);
    json_w_object_end(&w);
    json_w_end(&w);
    x->request = arena_span(r->arena, buf_view(&b));
    x->office = arena_span(r->arena, s.office);
    buf_free(&b);
    request_offload(r, work, finish, x);
}

static const struct route routes[] = {
    {.method = "GET",
     .path = "/api/v1/scenarios/{id}/explain",
     .summary = "Why it fired or did not fire about one subject (about=type|key), as of a time",
     .act = ACCESS_SCENARIO_SEE,
     .handle = explain},
};
extern const struct route_family route_explain;
const struct route_family route_explain = {routes, sizeof routes / sizeof *routes};
