/* A small street for tests of domain: a few record types of every shape, and a store in a temp folder. */
#ifndef WY_TESTS_RECORDS_FIXTURE_H
#define WY_TESTS_RECORDS_FIXTURE_H

#include "unit.h"

#include "domain/dictionary.h"
#include "domain/record.h"
#include "domain/row.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/calendar.h"
#include "util/err.h"

#define F(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\",\"label\":\"" name "\"}"
#define F_REQ(name, type)                                                                      \
    "{\"name\":\"" name "\",\"type\":\"" type "\",\"label\":\"" name "\",\"required\":true}"

static const char
    fixture_records[] =
        "{\"types\":["
        "{\"id\":\"enterprise\",\"label\":\"企业\",\"source\":\"市场监管\",\"owner\":"
        "\"regional_dev\",\"cycle\":\"monthly\","
        "\"key\":[\"ent_id\",\"snapshot_month\"],\"time\":\"snapshot_month\",\"scope\":"
        "\"snapshot_month\","
        "\"indexes\":[\"op_subdistrict\",\"snapshot_month\"],\"fields\":["
        "{\"name\":\"ent_id\",\"type\":\"string\",\"label\":\"统一社会信用代码\"},"
        "{\"name\":\"snapshot_month\",\"type\":\"month\",\"label\":\"快照月\"},"
        "{\"name\":\"name\",\"type\":\"string\",\"label\":\"名称\"}," F(
            "op_subdistrict",
            "string") ","
                      "{\"name\":\"reg_status\",\"type\":\"enum\",\"label\":\"登记状态\","
                      "\"choices\":[\"active\",\"cancelled\"]},"
                      "{\"name\":\"established_on\",\"type\":\"date\",\"label\":\"成立日期\"},"
                      "{\"name\":\"reg_capital_cny\",\"type\":\"number\",\"label\":"
                      "\"注册资本\",\"unit\":\"元\"},"
                      "{\"name\":\"staff_count\",\"type\":\"integer\",\"label\":\"从业人数\","
                      "\"unit\":\"人\"},"
                      "{\"name\":\"tags\",\"type\":\"strings\",\"label\":\"标签\"},"
                      "{\"name\":\"is_key\",\"type\":\"boolean\",\"label\":\"重点\"}]},"

                      "{\"id\":\"camera_event\",\"label\":\"城市眼事件\",\"key\":[\"event_id\"]"
                      ",\"event\":\"occurred_at\","
                      "\"indexes\":[\"place_id\",\"keywords\"],\"fields\":[" F(
                          "event_id",
                          "string") "," F("place_id",
                                          "string") ","
                                                    "{\"name\":\"event_type\",\"type\":"
                                                    "\"enum\",\"label\":\"事件种类\","
                                                    "\"choices\":[\"vendor\",\"crowd\"]}"
                                                    "," F_REQ("occurred_at",
                                                              "datetime") "," F("confidence", "number") "," F("keywords", "strings") "]},"

                                                                                                                                     "{\"id\":\"sensor_reading\",\"label\":\"传感读数\",\"key\":[\"device_id\",\"at\",\"metric\"],\"time\":\"at\","
                                                                                                                                     "\"event\":\"at\",\"indexes\":[],\"fields\":[" F("device_id", "string") "," F("at", "datetime") ","
                                                                                                                                                                                                                                     "{\"name\":\"metric\",\"type\":\"enum\",\"label\":\"指标\",\"choices\":[\"noise_db\",\"temp_c\",\"level_m\"]}," F("value",
                                                                                                                                                                                                                                                                                                                                                       "number") "]},"

                                                                                                                                                                                                                                                                                                                                                                 "{\"id\":\"occupancy\",\"label\":\"入驻\",\"key\":[\"occupancy_id\"],\"indexes\":[\"building_id\",\"ent_id\"],"
                                                                                                                                                                                                                                                                                                                                                                 "\"fields\":[" F(
                                                                                                                                                                                                                                                                                                                                                                     "occupancy_id",
                                                                                                                                                                                                                                                                                                                                                                     "string") "," F("building_id", "string") "," F("ent_id", "string") "," F("room", "string") "]},"

                                                                                                                                                                                                                                                                                                                                                                                                                                                                "{\"id\":\"identity\",\"label\":\"身份信息\",\"restricted\":true,\"sealed\":true,\"key\":[\"person_key\"],"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                "\"indexes\":{},\"fields\":[" F(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                    "person_key", "string") ","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "{\"name\":\"name\",\"type\":\"string\",\"label\":\"姓名\",\"private\":true},"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "{\"name\":\"phone\",\"type\":\"string\",\"label\":\"电话\",\"private\":true}]},"

                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "{\"id\":\"calendar_day\",\"label\":\"工作日历\",\"key\":[\"date\"],\"time\":\"date\",\"fields\":[" F(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                "date", "date") "," F("is_workday",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      "boolean") "]},"

                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                 "{\"id\":\"dataset_update\",\"label\":\"维护记录\",\"key\":[\"update_id\"],\"event\":\"updated_at\","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                 "\"indexes\":[\"dataset_id\"],\"fields\":[" F("update_id", "string") "," F("dataset_id",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            "string") "," F_REQ("updated_at",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                "datetime") "," F("rows", "integer") "," F("operator_id",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           "string") "]}"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "]}";

static inline struct dictionary *fixture_dictionary(void)
{
    struct err e = {0};
    struct dictionary *d = dictionary_make(span_of(fixture_records), &e);
    if (!d)
        fail_msg("%s", e.text);
    return d;
}

static inline const struct type *fixture_type(struct dictionary *d, const char *name)
{
    const struct type *t = dictionary_find(d, span_of(name));
    assert_non_null(t);
    return t;
}

/* A store of its own for each test. */
struct fixture {
    char dir[64];
    struct store *store;
    struct dictionary *dictionary;
    struct arena arena;
};

static inline void fixture_open(struct fixture *f)
{
    struct err e = {0};
    *f = (struct fixture){0};
    strcpy(f->dir, "/tmp/wangyi-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->store = store_open(&(struct store_options){.dir = f->dir, .no_sync = true}, &e);
    if (!f->store)
        fail_msg("%s", e.text);
    f->dictionary = fixture_dictionary();
}

/* As after a crash: everything that is not on disk is gone. */
static inline void fixture_reopen(struct fixture *f)
{
    struct err e = {0};
    store_close(f->store);
    f->store = store_open(&(struct store_options){.dir = f->dir, .no_sync = true}, &e);
    if (!f->store)
        fail_msg("%s", e.text);
}

static inline void fixture_close(struct fixture *f)
{
    char cmd[128];
    store_close(f->store);
    dictionary_free(f->dictionary);
    arena_free(&f->arena);
    snprintf(cmd, sizeof cmd, "rm -rf %s", f->dir);
    assert_int_equal(system(cmd), 0);
}

/* Run fn inside the writer's transaction; `at`, if given, sets the held clock before. */
struct fixture_command {
    struct command command;
    bool (*fn)(void *ctx, struct txn *t, struct err *e);
    void *ctx;
};

static inline bool fixture_apply(struct command *c, struct txn *t, struct err *e)
{
    struct fixture_command *fc = (struct fixture_command *)(void *)c;
    return fc->fn(fc->ctx, t, e);
}

static inline void fixture_done(struct command *c, const struct err *e)
{
    (void)c;
    (void)e;
}

static inline bool fixture_hold(void *ctx, struct txn *t, struct err *e)
{
    int64_t now;
    assert_true(calendar_parse_datetime(span_of(ctx), &now));
    return txn_clock_hold(t, now, e);
}

static inline bool fixture_do(struct fixture *f, const char *at,
                              bool (*fn)(void *ctx, struct txn *t, struct err *e), void *ctx,
                              struct err *e)
{
    struct fixture_command c = {.command = {.apply = fixture_apply, .done = fixture_done}};
    char copy[64];
    if (at) {
        c.fn = fixture_hold;
        c.ctx = strcpy(copy, at);
        if (!store_apply(f->store, &c.command, e))
            return false;
    }
    c.fn = fn;
    c.ctx = ctx;
    return store_apply(f->store, &c.command, e);
}

/* A batch of NDJSON. */
struct fixture_batch {
    struct fixture *f;
    struct batch batch;
    struct batch_result result;
};

static inline bool fixture_batch_apply(void *ctx, struct txn *t, struct err *e)
{
    struct fixture_batch *b = ctx;
    return record_apply(t, b->f->dictionary, &b->batch, &b->result, e);
}

static inline struct batch_result fixture_send_with(struct fixture *f, const char *at,
                                                    const char *type, const char *lines,
                                                    struct batch with, struct err *e)
{
    struct fixture_batch b = {.f = f, .batch = with};
    struct err local = {0};
    b.batch.type = fixture_type(f->dictionary, type);
    struct record_reader *r = record_reader_new(b.batch.type, RECORD_NDJSON, NULL);
    assert_true(record_reader_feed(r, span_of(lines), true, &local));
    b.batch.count = record_reader_records(r, &b.batch.records);
    b.batch.refusal_count = record_reader_refusals(r, &b.batch.refusals);
    if (!b.batch.source.p)
        b.batch.source = SPAN("tester");
    bool ok = fixture_do(f, at, fixture_batch_apply, &b, e ? e : &local);
    if (!e && !ok)
        fail_msg("%s", local.text);
    record_reader_free(r);
    return b.result;
}

static inline struct batch_result fixture_send(struct fixture *f, const char *at,
                                               const char *type, const char *lines)
{
    return fixture_send_with(f, at, type, lines, (struct batch){0}, NULL);
}

static inline struct view *fixture_view(struct fixture *f)
{
    struct err e = {0};
    struct view *v = view_open(f->store, &e);
    if (!v)
        fail_msg("%s", e.text);
    return v;
}

#endif
