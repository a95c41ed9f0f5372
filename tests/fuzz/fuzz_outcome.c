/*
 * The engine is a process that may have been taken over: whatever frame it sends, the writer either
 * takes it whole or refuses it before its first append, and what it took can be read. The input is an
 * outcome; `from`, `to`, `version` and `cause` of 0 stand for those that are right at the moment.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain/alert.h"
#include "domain/entry_type.h"
#include "domain/outcome.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "domain/user.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *store;
static const char manifest[] =
    "{\"title\":\"t\",\"office\":\"o\",\"life\":{\"e\":{\"close\":\"evidence\"},"
    "\"b\":{\"close\":\"auto+evidence\",\"quiet\":\"24h\"}}}";

/* What is shown of evidence depends on whose records it is. */
static struct street *street;
static const char records[] =
    "{\"types\":[{\"id\":\"enterprise\",\"label\":\"e\",\"owner\":\"o\",\"restricted\":true,"
    "\"key\":[\"ent_id\"],\"fields\":[{\"name\":\"ent_id\",\"type\":\"string\","
    "\"label\":\"i\"}]}]}";

struct doing {
    struct command command;
    enum { PUBLISH, RECORD, OUTCOME } what;
    const struct json *outcome;
};

static bool apply(struct command *c, struct txn *t, struct err *e)
{
    struct doing *d = (struct doing *)c;
    struct scenario_publish p = {
        .id = SPAN("s"), .text = SPAN("return {}"), .manifest = SPAN(manifest)};
    struct entry_new record = {.type = ENTRY_CLOCK, .body = SPAN("{}")};
    uint64_t seq;
    if (d->what == PUBLISH)
        return scenario_publish(t, &p, &seq, e);
    if (d->what == RECORD)
        return txn_append(t, &record, e) != 0;
    return outcome_apply(t, street, d->outcome, e);
}

static void run(int what, const struct json *outcome)
{
    struct doing d = {.command = {.apply = apply}, .what = what, .outcome = outcome};
    struct err e = {0};
    bool ok = store_apply(store, &d.command, &e);
    must(ok || (e.code != ERR_NONE && e.code != ERR_STORE));
}

static void put_member(struct json_w *w, struct span name, const struct json *v,
                       const struct cursor *c, uint64_t head)
{
    int64_t n;
    json_w_name_span(w, name);
    bool zero = json_int(v, &n) && n == 0;
    if (zero && span_eq(name, SPAN("from")))
        json_w_int(w, (int64_t)c->seq);
    else if (zero && span_eq(name, SPAN("version")))
        json_w_int(w, (int64_t)c->version);
    else if (zero && (span_eq(name, SPAN("to")) || span_eq(name, SPAN("cause"))))
        json_w_int(w, (int64_t)head);
    else
        json_w_value(w, v);
}

/* The same with the right numbers where there is 0. */
static const struct json *fill_in(struct arena *a, const struct json *o, const struct cursor *c,
                                  uint64_t head)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    for (size_t i = 0; i < o->count; i++) {
        const struct json *v = &o->items[i];
        if (!span_eq(o->names[i], SPAN("effects")) || !json_is(v, JSON_ARRAY)) {
            put_member(&w, o->names[i], v, c, head);
            continue;
        }
        json_w_name(&w, "effects");
        json_w_array(&w);
        for (size_t k = 0; k < v->count; k++) {
            const struct json *x = &v->items[k];
            if (!json_is(x, JSON_OBJECT)) {
                json_w_value(&w, x);
                continue;
            }
            json_w_object(&w);
            for (size_t m = 0; m < x->count; m++)
                put_member(&w, x->names[m], &x->items[m], c, head);
            json_w_object_end(&w);
        }
        json_w_array_end(&w);
    }
    json_w_object_end(&w);
    json_w_end(&w);
    const struct json *filled = json_parse(a, buf_view(&b), NULL, NULL, NULL);
    buf_free(&b);
    return filled;
}

static void read_all(struct arena *a)
{
    struct err e = {0};
    struct view *v = view_open(store, &e);
    must(v != NULL);
    struct alert_scan *s = alert_scan_open(v, SPAN("s"), SEQ_LATEST);
    struct person leader = {.name = SPAN("l"), .role = ROLE_LEADER};
    struct alert al;
    while (alert_scan_next(s, a, &al, &e)) {
        struct buf b = {0};
        struct json_w w = json_w_begin(&b);
        alert_view_full(v, a, street, &leader, &al, &w);
        json_w_end(&w);
        struct json_limits limits = {.bytes = 8 << 20, .depth = 48};
        must(json_parse(a, buf_view(&b), &limits, NULL, &e) != NULL);
        buf_free(&b);
    }
    must(e.code == ERR_NONE);
    alert_scan_close(s);
    view_close(v);
}

static void open_store(void)
{
    static char dir[] = "/tmp/wy-fuzz-XXXXXX";
    struct store_options o = {
        .dir = mkdtemp(dir), .no_sync = true, .map_bytes = (size_t)1 << 30};
    struct err e = {0};
    store = store_open(&o, &e);
    must(store != NULL);
    street = street_make(SPAN(records), SPAN("{\"offices\":[{\"id\":\"o\",\"name\":\"o\"}]}"),
                         SPAN_NONE, &e);
    must(street != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct err e = {0};
    const struct json *o =
        json_parse(&a, (struct span){(const char *)data, size}, NULL, NULL, NULL);
    if (json_is(o, JSON_OBJECT)) {
        if (!store)
            open_store();
        must(store_reset(store, &e));
        run(PUBLISH, NULL);
        for (int round = 0; round < 2; round++) { /* the second one meets what the first left */
            run(RECORD, NULL);
            struct view *v = view_open(store, &e);
            struct cursor c;
            must(v != NULL && cursor_get(v, SPAN("s"), &c));
            uint64_t head = view_head(v);
            view_close(v);
            const struct json *filled = fill_in(&a, o, &c, head);
            if (filled)
                run(OUTCOME, filled);
        }
        read_all(&a);
    }
    arena_free(&a);
    return 0;
}
