/* Data as duty: who keeps which data, how old they are, and which scenarios that blinds. */
#include "domain/dataset.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "net/request.h"
#include "store/txn.h"
#include "store/version.h"

struct seen {
    struct scenario *scenarios;
    size_t count;
};

static bool read_scenarios(struct request *r, struct seen *out, struct err *e)
{
    const struct span *ids;
    size_t n = scenario_list(r->view, r->arena, &ids, e);
    if (e->code != ERR_NONE)
        return false;
    out->scenarios = arena_alloc(r->arena, (n + 1) * sizeof *out->scenarios);
    for (size_t i = 0; i < n; i++)
        if (scenario_get(r->view, r->arena, ids[i], SEQ_LATEST, &out->scenarios[out->count], e))
            out->count++;
        else if (e->code != ERR_MISSING)
            return false;
    *e = (struct err){0};
    return true;
}

static bool reads(const struct scenario *s, const char *type)
{
    const struct json *list = json_get(s->manifest, "reads");
    for (size_t i = 0; i < json_count(list); i++)
        if (span_eq(json_string(json_item(list, i)), span_of(type)))
            return true;
    return false;
}

static void put_readers(const struct dataset *set, const struct seen *seen, struct json_w *w)
{
    json_w_name(w, "scenarios");
    json_w_array(w);
    for (size_t i = 0; i < seen->count; i++)
        if (reads(&seen->scenarios[i], set->type->name)) {
            json_w_object(w);
            json_w_kspan(w, "id", seen->scenarios[i].id);
            json_w_kspan(w, "title", seen->scenarios[i].title);
            json_w_object_end(w);
        }
    json_w_array_end(w);
}

static void list(struct request *r)
{
    struct dataset_board board;
    struct seen seen = {0};
    struct err e = {0};
    const struct dictionary *d = r->street ? street_dictionary(r->street) : NULL;
    if (!dataset_board_read(r->view, r->arena, d, clock_now(r->view, NULL), &board, &e) ||
        !read_scenarios(r, &seen, &e)) {
        answer_err(r, &e);
        return;
    }
    struct buf b = {0};
    struct json_w w = answer_list_begin(&b);
    for (size_t i = 0; i < board.count; i++) {
        dataset_view_open(&board.items[i], &w);
        put_readers(&board.items[i], &seen, &w);
        json_w_object_end(&w);
    }
    answer_list_end(&w, SPAN_NONE);
    answer_json(r, 200, &b);
}

static const struct route routes[] = {
    {.method = "GET",
     .path = "/api/v1/datasets",
     .summary = "Each type's data: owner, rhythm, age, and the scenarios that read it",
     .act = ACCESS_SCENARIO_SEE,
     .handle = list},
};
const struct route_family route_datasets = {routes, sizeof routes / sizeof *routes};
