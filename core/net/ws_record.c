/*
 * record.put over the websocket: {"type":"sensor_reading","records":[{…},…],"batch"?:id} → the
 * same answer as POST /records/{type}. For devices that keep a connection open; long lists
 * belong to the route.
 */
#include "domain/access.h"
#include "domain/dictionary.h"
#include "domain/record.h"
#include "domain/street.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "net/ws_message.h"
#include "store/writer.h"
#include "util/json.h"

enum { BATCH_NAME_MAX = 31 };

struct put {
    struct command command; /* first */
    struct request *r;
    struct record_reader *reader;
    struct batch batch;
    struct batch_result result;
};

static bool put_apply(struct command *c, struct txn *t, struct err *e)
{
    struct put *p = (struct put *)c;
    return record_apply(t, street_dictionary(p->r->street), &p->batch, &p->result, e);
}

static void put_gone(struct request *r)
{
    struct put *p = r->stream;
    record_reader_free(p->reader);
}

static void put_refusals(struct put *p, struct json_w *w)
{
    const struct record_refusal *list;
    size_t n = record_reader_refusals(p->reader, &list);
    json_w_name(w, "rejected");
    json_w_array(w);
    for (size_t i = 0; i < n; i++) {
        json_w_object(w);
        json_w_kint(w, "line", list[i].line);
        json_w_kstr(w, "field", list[i].field);
        json_w_kstr(w, "message", list[i].message);
        json_w_object_end(w);
    }
    json_w_array_end(w);
    json_w_kint(w, "rejected_count", (int64_t)n);
}

static void put_answer(struct request *r, struct put *p)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_kstr(&w, "batch", p->result.name);
    json_w_kint(&w, "accepted", (int64_t)p->result.accepted);
    json_w_kint(&w, "unchanged", (int64_t)p->result.unchanged);
    put_refusals(p, &w);
    json_w_kint(&w, "withdrawn", (int64_t)p->result.withdrawn);
    json_w_kint(&w, "first_seq", (int64_t)p->result.first_seq);
    json_w_kint(&w, "last_seq", (int64_t)p->result.last_seq);
    json_w_object_end(&w);
    json_w_end(&w);
    answer_json(r, 200, &b);
}

static void put_finish(struct request *r, struct command *c, const struct err *e)
{
    if (e)
        answer_err(r, e);
    else
        put_answer(r, (struct put *)c);
}

/* What came as data: it has been looked through once and is sound, so no member is a reason to refuse. */
struct put_data {
    struct span type, batch, records; /* records: the text of a list */
};

static struct put_data data_of(struct request *r)
{
    const struct json_limits limits = {.bytes = WS_MESSAGE_MAX};
    struct put_data d = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
    struct json_scan s;
    struct span name;
    struct json_value v;
    struct err ignore;
    if (!r->body.n || !json_scan_open(&s, r->arena, r->body, &limits, &ignore))
        return d;
    while (json_scan_next(&s, &name, &v, &ignore)) {
        if (v.type == JSON_STRING && span_eq(name, SPAN("type")))
            d.type = v.string;
        else if (v.type == JSON_STRING && span_eq(name, SPAN("batch")))
            d.batch = v.string;
        else if (v.type == JSON_ARRAY && span_eq(name, SPAN("records")))
            d.records = v.raw;
    }
    return d;
}

/* A restricted type does not exist for those who may not send it. */
static const struct type *type_for(struct request *r, struct span name, struct err *e)
{
    const struct type *t =
        r->street ? dictionary_find(street_dictionary(r->street), name) : NULL;
    if (t && access_may(r->person, r->street, ACCESS_TYPE_PUT, t))
        return t;
    if (t && !t->restricted)
        err_set(e, ERR_DENIED, "您无权报送“%s”的数据", t->name);
    else
        err_set(e, ERR_MISSING, "没有数据类型“%.*s”", (int)span_cut_utf8(name, 64),
                name.n ? name.p : "");
    return NULL;
}

static void put(struct request *r)
{
    struct err e;
    const struct put_data d = data_of(r);
    const struct type *t = type_for(r, d.type, &e);
    if (t && !d.records.n) {
        err_set(&e, ERR_INPUT, "缺少 records：请写成 {\"type\": 类型, \"records\": [记录, …]}");
        t = NULL;
    } else if (t && d.batch.n > BATCH_NAME_MAX) {
        err_set(&e, ERR_INPUT, "batch 不能超过 %d 字节", BATCH_NAME_MAX);
        t = NULL;
    }
    if (!t) {
        answer_err(r, &e);
        return;
    }
    struct put *p = arena_alloc(r->arena, sizeof *p);
    p->command.apply = put_apply;
    p->r = r;
    p->reader = record_reader_new(t, RECORD_JSON, server_options(r->server)->vault);
    r->stream = p;
    request_on_end(r, put_gone);
    if (!record_reader_feed(p->reader, d.records, true, &e)) {
        answer_err(r, &e);
        return;
    }
    p->batch = (struct batch){
        .type = t, .source = r->person->name, .name = d.batch, .single = !d.batch.n};
    p->batch.count = record_reader_records(p->reader, &p->batch.records);
    request_submit(r, &p->command, put_finish);
}

extern const struct ws_command ws_commands_records[];
const struct ws_command ws_commands_records[] = {
    {"record.put", ACCESS_TYPE_PUT, put},
    {0},
};
