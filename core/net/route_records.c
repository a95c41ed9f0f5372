/* Records: the dictionary, lists, one record, its versions. Taking them in is route_intake.c. */
#include <stdio.h>
#include <string.h>

#include "domain/key.h"
#include "domain/record.h"
#include "domain/street.h"
#include "net/request.h"
#include "net/route_intake.h"
#include "net/server_impl.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"

enum {
    PAGE_MAX = 50,
    WHERE_MAX = 8,
    SCANNED_MAX = 200000, /* records a page may pass over: some tenths of a second */
};

static void types(struct request *r)
{
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    json_w_name(&w, "items");
    if (r->street) {
        dictionary_view(street_dictionary(r->street), &w);
    } else {
        json_w_array(&w);
        json_w_array_end(&w);
    }
    json_w_name(&w, "next");
    json_w_null(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    answer_json(r, 200, &out);
}

/* What may not be seen does not exist. */
static const struct type *type_for(struct request *r, struct err *e)
{
    struct span name = r->params[0];
    const struct type *t =
        r->street ? dictionary_find(street_dictionary(r->street), name) : NULL;
    if (t && access_may(r->person, r->street, ACCESS_TYPE_SEE, t))
        return t;
    err_set(e, ERR_MISSING, "没有名为“%.*s”的数据类型", (int)span_cut_utf8(name, 60), name.p);
    return NULL;
}

struct listing {
    const struct type *type;
    struct record_where where[WHERE_MAX];
    size_t where_count;
    int64_t limit;
    bool all;
    struct span after;
    struct buf json, next; /* the answer, and the place the next page goes on from */
    struct err e;
};

static bool where_add(struct listing *l, struct span name, struct span value, struct err *e)
{
    int field = type_field(l->type, name);
    if (field < 0)
        return err_set(e, ERR_INPUT, "“%s”没有名为“%.*s”的字段", l->type->label,
                       (int)span_cut_utf8(name, 60), name.p);
    if (l->type->fields[field].is_private) /* an answer would tell what is masked */
        return err_set(e, ERR_INPUT, "不能按个人信息字段“%s”查询",
                       l->type->fields[field].label);
    if (l->where_count == WHERE_MAX)
        return err_set(e, ERR_INPUT, "一次最多按 %d 个字段查询", WHERE_MAX);
    l->where[l->where_count++] = (struct record_where){field, value};
    return true;
}

static bool listing_read(struct request *r, struct listing *l, struct err *e)
{
    struct span rest = r->query, name, value;
    while (request_query_next(&rest, &name, &value)) {
        if (span_eq(name, SPAN("limit"))) {
            if (!span_int(value, &l->limit) || l->limit < 1)
                return err_set(e, ERR_INPUT, "limit 须为 1 至 %d 的整数", PAGE_MAX);
        } else if (span_eq(name, SPAN("latest"))) {
            l->all = !span_eq(value, SPAN("1"));
        } else if (span_eq(name, SPAN("after"))) {
            if (!value.n)
                continue;
            l->after = key_from_text(r->arena, value, (size_t)l->type->key_count, e);
            if (!l->after.p)
                return false;
        } else if (!where_add(l, name, value, e)) {
            return false;
        }
    }
    if (l->limit > PAGE_MAX)
        l->limit = PAGE_MAX;
    return true;
}

static void put_items(struct request *r, struct listing *l, struct view *v, struct json_w *w)
{
    struct entry entry;
    int64_t count = 0;
    bool more = false;
    struct record_scan *scan =
        record_scan_open(v, l->type, l->where, l->where_count, l->all, l->after, SEQ_LATEST);
    record_scan_patience(scan, SCANNED_MAX);
    while (!more && record_scan_next(scan, r->arena, &entry, &l->e)) {
        more = count++ == l->limit;
        if (more)
            break;
        record_view(l->type, &entry, server_options(r->server)->vault, false, w);
        buf_clear(&l->next);
        key_put_text(&l->next, entry.key);
    }
    if (!more) {
        buf_clear(&l->next);
        if (record_scan_place(scan).n)
            key_put_text(&l->next, record_scan_place(scan));
    }
    record_scan_close(scan);
}

/* On a worker: where no index helps, every record of the type is read. */
static void list_work(struct request *r, void *ctx)
{
    struct listing *l = ctx;
    struct view *v = view_open(server_options(r->server)->store, &l->e);
    if (!v)
        return;
    struct json_w w = answer_list_begin(&l->json);
    put_items(r, l, v, &w);
    answer_list_end(&w, buf_view(&l->next));
    view_close(v);
}

static void list_finish(struct request *r, void *ctx)
{
    struct listing *l = ctx;
    if (l->e.code != ERR_NONE) {
        answer_err(r, &l->e);
    } else {
        if (l->next.n)
            answer_next(r, buf_view(&l->next));
        answer_json(r, 200, &l->json);
    }
    buf_free(&l->json);
    buf_free(&l->next);
}

static void list(struct request *r)
{
    struct listing *l = arena_alloc(r->arena, sizeof *l);
    l->type = type_for(r, &l->e);
    l->limit = PAGE_MAX;
    l->all = true;
    if (!l->type || !listing_read(r, l, &l->e))
        answer_err(r, &l->e);
    else
        request_offload(r, list_work, list_finish, l);
}

static bool key_for(struct request *r, const struct type **t, struct span *key, struct err *e)
{
    *t = type_for(r, e);
    if (!*t)
        return false;
    *key = key_from_text(r->arena, r->params[1], (size_t)(*t)->key_count, e);
    return key->p != NULL;
}

static void one(struct request *r)
{
    struct err e = {0};
    const struct type *t;
    struct span key;
    struct entry entry;
    if (!key_for(r, &t, &key, &e) ||
        !record_find(r->view, r->arena, t, key, SEQ_LATEST, &entry, &e)) {
        answer_err(r, &e);
        return;
    }
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    record_view(t, &entry, server_options(r->server)->vault, false, &w);
    json_w_end(&w);
    answer_header(r, "ETag", arena_printf(r->arena, "\"%llu\"", (unsigned long long)entry.seq));
    answer_json(r, 200, &out);
}

static void version_write(const struct type *t, const struct entry *entry, struct vault *vault,
                          struct json_w *w)
{
    struct buf at = {0};
    calendar_put_datetime(&at, entry->at);
    json_w_object(w);
    json_w_kint(w, "seq", (int64_t)entry->seq);
    json_w_kspan(w, "at", buf_view(&at));
    json_w_kstr(w, "op", entry->op == ENTRY_PUT ? "put" : "withdraw");
    json_w_name(w, "record");
    if (entry->body.n)
        record_view(t, entry, vault, false, w);
    else
        json_w_null(w);
    json_w_object_end(w);
    buf_free(&at);
}

/* Newest first; `after` is the seq of the last one shown. */
static void history(struct request *r)
{
    struct err e = {0};
    const struct type *t;
    struct span key;
    struct entry found[PAGE_MAX + 1];
    size_t count = 0;
    int64_t after = request_query_int(r, "after", 0),
            limit = request_query_int(r, "limit", PAGE_MAX);
    if (limit < 1 || limit > PAGE_MAX)
        limit = PAGE_MAX;
    uint64_t as_of = after > 0 ? (uint64_t)after - 1 : SEQ_LATEST;
    if (!key_for(r, &t, &key, &e) || !version_history(r->view, r->arena, t->id, key, as_of,
                                                      found, (size_t)limit + 1, &count, &e)) {
        answer_err(r, &e);
        return;
    }
    if (!count && after <= 0) {
        err_set(&e, ERR_MISSING, "没有这条记录");
        answer_err(r, &e);
        return;
    }
    bool more = count > (size_t)limit;
    if (more)
        count = (size_t)limit;
    struct buf out = {0};
    struct json_w w = answer_list_begin(&out);
    for (size_t i = 0; i < count; i++)
        version_write(t, &found[i], server_options(r->server)->vault, &w);
    char next[24] = "";
    if (more) {
        snprintf(next, sizeof next, "%llu", (unsigned long long)found[count - 1].seq);
        answer_next(r, span_of(next));
    }
    answer_list_end(&w, span_of(next));
    answer_json(r, 200, &out);
}

static const struct route routes[] = {
    {.method = "GET",
     .path = "/api/v1/types",
     .summary = "The data dictionary: every record type and its fields",
     .act = ACCESS_SELF,
     .handle = types},
    {.method = "POST",
     .path = "/api/v1/records/{type}",
     .summary = "Send records: NDJSON, a JSON array or CSV; mode=full&scope=&batch=&last=1 for "
                "whole lists",
     .act = ACCESS_TYPE_PUT,
     .body = BODY_STREAM,
     .handle = intake_begin,
     .feed = intake_feed,
     .gone = intake_gone},
    {.method = "GET",
     .path = "/api/v1/records/{type}",
     .summary = "Records by equal fields, in order of key",
     .act = ACCESS_TYPE_SEE,
     .handle = list},
    {.method = "GET",
     .path = "/api/v1/records/{type}/{key}",
     .summary = "One record as it is now",
     .act = ACCESS_TYPE_SEE,
     .handle = one},
    {.method = "GET",
     .path = "/api/v1/records/{type}/{key}/history",
     .summary = "Its versions, newest first",
     .act = ACCESS_TYPE_SEE,
     .handle = history},
};
const struct route_family route_records;
const struct route_family route_records = {routes, sizeof routes / sizeof *routes};
