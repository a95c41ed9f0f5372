#include "domain/topic.h"

#include "domain/record.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"
#include "util/id.h"
#include "util/json.h"

enum { COMMUNITIES_MAX = 200 };

void topic_id(char out[27], struct span scenario, struct span key)
{
    struct buf b = {0};
    buf_str(&b, "council_topic|");
    buf_span(&b, scenario);
    buf_char(&b, '|');
    buf_span(&b, key);
    id_from_seed(out, 0, buf_view(&b));
    buf_free(&b);
}

bool topic_kind_is_known(struct span kind)
{
    return span_eq(kind, SPAN("general")) || span_eq(kind, SPAN("reno")) ||
           span_eq(kind, SPAN("tripartite"));
}

bool topic_origin_is_known(struct span origin)
{
    return span_eq(origin, SPAN("scenario")) || span_eq(origin, SPAN("auto"));
}

static const struct type *topics(const struct street *street)
{
    return street ? dictionary_find(street_dictionary(street), SPAN("council_topic")) : NULL;
}

static bool is_granted(const struct scenario *scenario)
{
    const struct json *may = json_get(scenario->manifest, "may");
    for (size_t i = 0; i < json_count(may); i++)
        if (span_eq(json_string(json_item(may, i)), SPAN("topic")))
            return true;
    return false;
}

static void put_text(struct json_w *w, const char *name, struct span s)
{
    if (s.n)
        json_w_kspan(w, name, s);
}

/* The record as people would have sent it in. */
static void put_record(struct buf *b, const char *id, const struct json *effect)
{
    struct json_w w = json_w_begin(b);
    struct span now = json_string(json_get(effect, "now"));
    json_w_object(&w);
    json_w_kstr(&w, "topic_id", id);
    json_w_kspan(&w, "title", json_string(json_get(effect, "title")));
    put_text(&w, "keyword", json_string(json_get(effect, "keyword")));
    json_w_kspan(&w, "origin", json_string(json_get(effect, "origin")));
    json_w_kspan(&w, "kind", json_string(json_get(effect, "kind")));
    if (json_count(json_get(effect, "communities"))) {
        json_w_name(&w, "community_ids");
        json_w_value(&w, json_get(effect, "communities"));
    }
    json_w_kstr(&w, "stage", "drafted");
    json_w_kspan(&w, "stage_entered_at", now);
    json_w_kspan(&w, "created_at", now);
    put_text(&w, "project_id", json_string(json_get(effect, "project_id")));
    put_text(&w, "estate_id", json_string(json_get(effect, "estate_id")));
    json_w_object_end(&w);
    json_w_end(&w);
}

static bool read_record(const struct type *type, const struct scenario *scenario,
                        const struct json *effect, struct arena *a, struct record *out,
                        struct err *e)
{
    struct buf text = {0};
    const char *field = "";
    char id[27];
    topic_id(id, scenario->id, json_string(json_get(effect, "key")));
    put_record(&text, id, effect);
    bool ok = record_parse(type, buf_view(&text), NULL, a, out, &field, e);
    out->type = type;
    buf_free(&text);
    return ok;
}

bool topic_check(const struct street *street, const struct scenario *scenario,
                 const struct json *effect, struct err *e)
{
    struct arena a = {0};
    struct record record;
    int64_t now;
    if (!is_granted(scenario))
        return err_set(e, ERR_INPUT, "场景“%.*s”没有提出议题的权力：may 里没有 topic",
                       SPAN_ARG(scenario->id));
    if (!topics(street))
        return err_set(e, ERR_INPUT, "数据字典里没有 council_topic，不能提出议题");
    if (!json_string(json_get(effect, "title")).n ||
        !topic_kind_is_known(json_string(json_get(effect, "kind"))) ||
        !topic_origin_is_known(json_string(json_get(effect, "origin"))) ||
        json_count(json_get(effect, "communities")) > COMMUNITIES_MAX ||
        !calendar_parse_datetime(json_string(json_get(effect, "now")), &now))
        return err_set(e, ERR_INPUT,
                       "引擎送来的结果不合约定：议题的 title、kind、origin、now 不对");
    bool ok = read_record(topics(street), scenario, effect, &a, &record, e);
    arena_free(&a);
    return ok;
}

bool topic_propose(struct txn *t, const struct street *street, const struct scenario *scenario,
                   const struct json *effect, struct err *e)
{
    struct arena a = {0};
    struct record record;
    struct entry before;
    struct err why = {0};
    const struct type *type = topics(street);
    bool ok = read_record(type, scenario, effect, &a, &record, e);
    /* withdrawn is answered too: somebody did not want it */
    if (ok && !version_get(txn_view(t), &a, type->id, record.key, SEQ_LATEST, &before, &why)) {
        struct batch_result result;
        struct batch batch = {.type = type,
                              .records = &record,
                              .count = 1,
                              .source = scenario->id,
                              .quiet = true}; /* no word that the department keeps its data */
        ok = (why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text)) &&
             record_apply(t, street_dictionary(street), &batch, &result, e);
    }
    arena_free(&a);
    return ok;
}
