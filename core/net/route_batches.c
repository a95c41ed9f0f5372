/* Lineage: batches, what they fed, taking one back; the alerts that a record fed. */
#include <stdio.h>

#include "domain/alert.h"
#include "domain/batch.h"
#include "domain/key.h"
#include "domain/record.h"
#include "domain/street.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"

enum { PAGE_MAX = 50, FED_MAX = 200, VERSIONS_MAX = 200 };

/* --- lists --------------------------------------------------------------------------------------------- */

/* On a worker: where few of many batches are wanted, all of them are read. */
struct listing {
    struct batch_filter filter;
    struct buf json;
    bool ok;
    struct err e;
};

static void list_work(struct request *r, void *ctx)
{
    struct listing *l = ctx;
    struct view *v = view_open(server_options(r->server)->store, &l->e);
    if (!v)
        return;
    struct json_w w = json_w_begin(&l->json);
    l->ok = batch_list(v, r->arena, r->street, r->person, &l->filter, &w, &l->e);
    json_w_end(&w);
    view_close(v);
}

static void list_finish(struct request *r, void *ctx)
{
    struct listing *l = ctx;
    if (l->ok)
        answer_json(r, 200, &l->json);
    else
        answer_err(r, &l->e);
    buf_free(&l->json);
}

static void list(struct request *r)
{
    struct listing *l = arena_alloc(r->arena, sizeof *l);
    int64_t limit = request_query_int(r, "limit", PAGE_MAX),
            after = request_query_int(r, "after", 0);
    *l = (struct listing){
        .filter = {.type = request_query(r, "type"),
                   .source = request_query(r, "source"),
                   .before = after > 0 ? (uint64_t)after : 0,
                   .limit = limit < 1 || limit > PAGE_MAX ? PAGE_MAX : (int)limit}};
    request_offload(r, list_work, list_finish, l);
}

/* --- one ------------------------------------------------------------------------------------------------ */

static bool may_see(struct request *r, struct span type)
{
    const struct type *t =
        r->street ? dictionary_find(street_dictionary(r->street), type) : NULL;
    return t && access_may(r->person, r->street, ACCESS_TYPE_SEE, t);
}

static bool may_withdraw(struct request *r, struct span type)
{
    const struct type *t =
        r->street ? dictionary_find(street_dictionary(r->street), type) : NULL;
    return t && r->person->role != ROLE_MACHINE &&
           access_may(r->person, r->street, ACCESS_TYPE_PUT, t);
}

static bool put_alerts(struct request *r, struct json_w *w, const struct alert_versions *v,
                       size_t count, struct err *e)
{
    bool more = false;
    json_w_name(w, "alerts");
    json_w_array(w);
    bool ok =
        alert_fed(r->view, r->arena, r->street, r->person, v, count, FED_MAX, w, &more, e);
    json_w_array_end(w);
    json_w_kbool(w, "alerts_more", more);
    return ok;
}

static void one(struct request *r)
{
    struct err e = {0};
    struct batch_about b;
    struct buf out = {0};
    if (!batch_find(r->view, r->arena, r->params[0], &b, &e) || !may_see(r, b.type)) {
        if (e.code == ERR_NONE)
            err_set(&e, ERR_MISSING, "没有这个批次");
        answer_err(r, &e);
        return;
    }
    struct alert_versions *v = arena_alloc(r->arena, (b.range_count + 1) * sizeof *v);
    for (size_t i = 0; i < b.range_count; i++)
        v[i] = (struct alert_versions){b.ranges[i].first, b.ranges[i].last};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    json_w_name(&w, "batch");
    batch_view(&b, &w);
    json_w_kbool(&w, "may_withdraw", b.range_count && may_withdraw(r, b.type));
    bool ok = put_alerts(r, &w, v, b.range_count, &e);
    json_w_object_end(&w);
    json_w_end(&w);
    if (ok)
        answer_json(r, 200, &out);
    else
        answer_err(r, &e);
    buf_free(&out);
}

/* --- a record ------------------------------------------------------------------------------------------- */

static void put_origin(struct request *r, const struct type *t, const struct entry *now,
                       struct json_w *w)
{
    struct batch_about b;
    uint64_t seq = now->cause ? now->cause : now->seq; /* of what it is a copy of */
    bool found =
        batch_of_version(r->view, r->arena, span_of(t->name), seq, &b, &(struct err){0});
    json_w_name(w, "batch");
    if (found)
        batch_view(&b, w);
    else
        json_w_null(w);
    json_w_kbool(w, "may_withdraw", found && may_withdraw(r, b.type));
}

static void record_alerts(struct request *r)
{
    struct err e = {0};
    const struct type *t =
        r->street ? dictionary_find(street_dictionary(r->street), r->params[0]) : NULL;
    struct entry found[VERSIONS_MAX];
    size_t count = 0;
    if (!t || !may_see(r, r->params[0])) {
        err_set(&e, ERR_MISSING, "没有名为“%.*s”的数据类型",
                (int)span_cut_utf8(r->params[0], 60), r->params[0].p);
        answer_err(r, &e);
        return;
    }
    struct span key = key_from_text(r->arena, r->params[1], (size_t)t->key_count, &e);
    if (!key.n || !version_history(r->view, r->arena, t->id, key, SEQ_LATEST, found,
                                   VERSIONS_MAX, &count, &e)) {
        answer_err(r, &e);
        return;
    }
    if (!count) {
        err_set(&e, ERR_MISSING, "没有这条记录");
        answer_err(r, &e);
        return;
    }
    struct alert_versions *v = arena_alloc(r->arena, count * sizeof *v);
    for (size_t i = 0; i < count; i++)
        v[i] = (struct alert_versions){found[i].seq, found[i].seq};
    struct buf out = {0};
    struct json_w w = answer_list_begin(&out);
    bool more = false;
    bool ok =
        alert_fed(r->view, r->arena, r->street, r->person, v, count, FED_MAX, &w, &more, &e);
    json_w_array_end(&w);
    json_w_name(&w, "next");
    json_w_null(&w);
    json_w_kbool(&w, "more", more);
    put_origin(r, t, &found[0], &w);
    json_w_object_end(&w);
    json_w_end(&w);
    if (ok)
        answer_json(r, 200, &out);
    else
        answer_err(r, &e);
    buf_free(&out);
}

/* --- taking one back --------------------------------------------------------------------------------------- */

struct withdrawing {
    struct command command; /* first */
    struct request *r;
    struct batch_withdraw what;
    struct arena arena; /* of one part */
    struct batch_about batch;
    struct buf json;
    struct err e;
    bool ok;
};

static bool part_apply(struct command *c, struct txn *t, struct err *e)
{
    struct withdrawing *x = (struct withdrawing *)c;
    arena_reset(&x->arena);
    return user_is_still(txn_view(t), x->r->person, e) &&
           batch_withdraw_part(t, x->r->street, &x->what, &x->arena, &x->batch, e);
}

/* On a worker, which waits; it goes on when who asked has gone. */
static void withdraw_work(struct request *r, void *ctx)
{
    struct withdrawing *x = ctx;
    do {
        x->command = (struct command){.apply = part_apply, .reserve = true};
        x->ok = writer_call(server_options(r->server)->writer, &x->command, &x->e);
    } while (x->ok && x->batch.state != BATCH_WITHDRAWN);
    if (x->ok) {
        struct json_w w = json_w_begin(&x->json);
        batch_view(&x->batch, &w);
        json_w_end(&w);
    }
    arena_free(&x->arena);
}

static void withdraw_finish(struct request *r, void *ctx)
{
    struct withdrawing *x = ctx;
    if (x->ok)
        answer_json(r, 200, &x->json);
    else
        answer_err(r, &x->e);
    buf_free(&x->json);
}

static void withdraw(struct request *r)
{
    struct withdrawing *x = arena_alloc(r->arena, sizeof *x);
    *x = (struct withdrawing){.r = r,
                              .what = {.id = r->params[0],
                                       .reason = json_string(json_get(r->json, "reason")),
                                       .by = r->person->name,
                                       .person = r->person}};
    request_offload(r, withdraw_work, withdraw_finish, x);
}

static const struct route routes[] = {
    {.method = "GET",
     .path = "/api/v1/batches",
     .summary = "Batches of records, newest first, by type or source",
     .act = ACCESS_TYPE_SEE,
     .handle = list},
    {.method = "GET",
     .path = "/api/v1/batches/{id}",
     .summary = "One batch (SOURCE|BATCH) and the alerts it fed",
     .act = ACCESS_TYPE_SEE,
     .handle = one},
    {.method = "POST",
     .path = "/api/v1/batches/{id}/withdraw",
     .summary = "Take a batch back whole: each of its records as it was before; body {reason}",
     .act = ACCESS_TYPE_PUT,
     .body = BODY_JSON,
     .slow = true,
     .handle = withdraw},
    {.method = "GET",
     .path = "/api/v1/records/{type}/{key}/alerts",
     .summary = "The alerts that a record fed, and the batch it came with",
     .act = ACCESS_TYPE_SEE,
     .handle = record_alerts},
};
const struct route_family route_batches;
const struct route_family route_batches = {routes, sizeof routes / sizeof *routes};
