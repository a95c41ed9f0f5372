/* Scenarios over HTTP and the websocket: what runs, how it stands, and what an editor may
 * change. */
#include "domain/access.h"
#include "domain/dataset.h"
#include "domain/scenario.h"
#include "domain/street.h"
#include "net/request.h"
#include "net/server_impl.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/writer.h"

enum { SCRIPT_MAX = 256 * 1024 };

static const struct server_engine *engine_of(const struct request *r)
{
    return &server_options(r->server)->engine;
}

static struct scenario_counters counters_of(const struct request *r, struct span id)
{
    struct scenario_counters c = {0};
    if (engine_of(r)->counters)
        engine_of(r)->counters(engine_of(r)->ctx, id, &c);
    return c;
}

static bool read_board(struct request *r, struct dataset_board *board, struct err *e)
{
    const struct dictionary *d = r->street ? street_dictionary(r->street) : NULL;
    return dataset_board_read(r->view, r->arena, d, clock_now(r->view, NULL), board, e);
}

static void list(struct request *r)
{
    const struct span *ids;
    struct err e = {0};
    struct dataset_board board;
    size_t count = scenario_list(r->view, r->arena, &ids, &e);
    if (e.code != ERR_NONE || !read_board(r, &board, &e)) {
        answer_err(r, &e);
        return;
    }
    struct buf b = {0};
    struct json_w w = answer_list_begin(&b);
    for (size_t i = 0; i < count; i++) {
        struct scenario s;
        struct scenario_counters c = counters_of(r, ids[i]);
        if (scenario_get(r->view, r->arena, ids[i], SEQ_LATEST, &s, &e))
            scenario_view(r->view, r->arena, &board, &s, &c, &w);
    }
    answer_list_end(&w, SPAN_NONE);
    answer_json(r, 200, &b);
}

static bool find(struct request *r, struct view *v, struct span id, struct scenario *s,
                 struct err *e)
{
    if (scenario_get(v, r->arena, id, SEQ_LATEST, s, e))
        return true;
    if (e->code == ERR_MISSING)
        err_set(e, ERR_MISSING, "没有场景“%.*s”", (int)span_cut_utf8(id, 64), id.p);
    return false;
}

static void answer_full(struct request *r, struct span id)
{
    struct scenario s;
    struct dataset_board board;
    struct err e;
    if (!find(r, r->view, id, &s, &e) || !read_board(r, &board, &e)) {
        answer_err(r, &e);
        return;
    }
    struct scenario_counters c = counters_of(r, id);
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    scenario_view_full(r->view, r->arena, &board, &s, &c, &w);
    answer_header(r, "ETag", arena_printf(r->arena, "\"%.*s\"", SPAN_ARG(s.hash)));
    answer_json(r, 200, &b);
}

static void one(struct request *r)
{
    answer_full(r, r->params[0]);
}

static void versions(struct request *r)
{
    struct scenario s;
    struct err e;
    if (!find(r, r->view, r->params[0], &s, &e)) {
        answer_err(r, &e);
        return;
    }
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    scenario_view_versions(r->view, r->arena, r->params[0], &w);
    answer_json(r, 200, &b);
}

/* ---- check: in a process of its own, so on a worker ---- */

struct check {
    struct span id, text, values;
    struct buf json;
    struct err e;
    bool ok;
};

static void check_work(struct request *r, void *ctx)
{
    struct check *c = ctx;
    c->ok = engine_of(r)->check(engine_of(r)->ctx, c->id, c->text, c->values, &c->json, &c->e);
}

static void check_finish(struct request *r, void *ctx)
{
    struct check *c = ctx;
    if (c->ok)
        answer_json(r, 200, &c->json);
    else
        answer_err(r, &c->e);
    buf_free(&c->json);
}

static bool may_edit(struct request *r, const struct scenario *s, struct err *e)
{
    if (access_may(r->person, r->street, ACCESS_SCENARIO_EDIT, &s->office))
        return true;
    return err_set(e, ERR_DENIED, "只有本场景所属科室的编辑人员或管理员可以修改");
}

static void check(struct request *r)
{
    struct check *c = arena_alloc(r->arena, sizeof *c);
    struct scenario s;
    const struct json *text = json_get(r->json, "text"), *values = json_get(r->json, "values");
    struct err e;
    bool known = find(r, r->view, r->params[0], &s, &e);
    if (known ? !may_edit(r, &s, &e) : e.code != ERR_MISSING) {
        answer_err(r, &e);
        return;
    }
    if (!json_is(text, JSON_STRING) || (values && !json_is(values, JSON_OBJECT))) {
        err_set(&e, ERR_INPUT,
                "请求应为 {\"text\": 脚本全文, \"values\": {设置}}，values 可以省略");
        answer_err(r, &e);
        return;
    }
    c->id = r->params[0];
    c->text = text->string;
    if (values) {
        struct buf b = {0};
        struct json_w w = json_w_begin(&b);
        json_w_value(&w, values);
        c->values = arena_span(r->arena, buf_view(&b));
        buf_free(&b);
    }
    request_offload(r, check_work, check_finish, c);
}

/* ---- changes, through the writer ---- */

enum change_kind { CHANGE_SETTINGS, CHANGE_PAUSE, CHANGE_RESUME };
struct change {
    struct command command; /* first */
    struct request *r;
    enum change_kind kind;
    struct span id, reason, community;
    const struct json *values;
    enum scenario_resume how;
    bool stale;
};

static bool is_stale(const struct change *c, const struct scenario *s)
{
    struct span tag = c->r->if_match;
    if (!tag.n || span_eq(tag, SPAN("*")))
        return false;
    if (tag.n >= 2 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"')
        tag = (struct span){tag.p + 1, tag.n - 2};
    return !span_eq(tag, s->hash);
}

static bool change_apply(struct command *command, struct txn *t, struct err *e)
{
    struct change *c = (struct change *)command;
    struct request *r = c->r;
    struct scenario s;
    struct span by = r->person->name;
    if (!find(r, txn_view(t), c->id, &s, e) || !may_edit(r, &s, e))
        return false;
    c->stale = c->kind == CHANGE_SETTINGS && is_stale(c, &s);
    if (c->stale)
        return err_set(e, ERR_CONFLICT, "场景已有新版本，请看过最新内容后再改");
    switch (c->kind) {
    case CHANGE_SETTINGS:
        return scenario_set_values(t, c->id, c->values, c->community, by, c->reason, e);
    case CHANGE_PAUSE:
        return scenario_pause(t, c->id, by, c->reason, e);
    case CHANGE_RESUME:
        return scenario_resume(t, c->id, c->how, by, c->reason, e);
    }
    return false;
}

static void change_finish(struct request *r, struct command *command, const struct err *e)
{
    struct change *c = (struct change *)command;
    if (c->stale) {
        answer_problem(r, 412, "stale", e->text, SPAN_NONE);
        return;
    }
    if (e) {
        answer_err(r, e);
        return;
    }
    if (engine_of(r)->changed)
        engine_of(r)->changed(engine_of(r)->ctx);
    answer_full(r, c->id);
}

static void submit(struct request *r, struct change take)
{
    struct change *c = arena_alloc(r->arena, sizeof *c);
    struct scenario s;
    struct err e;
    *c = take;
    c->reason = span_trim(json_string(json_get(r->json, "reason")));
    c->r = r;
    c->command.apply = change_apply;
    if (c->reason.n > 1000)
        err_set(&e, ERR_INPUT, "原因不能超过 1000 字节");
    else if (find(r, r->view, c->id, &s, &e) && may_edit(r, &s, &e)) {
        request_submit(r, &c->command, change_finish);
        return;
    }
    answer_err(r, &e);
}

static bool community_read(struct request *r, struct span *out, struct err *e)
{
    const struct json *v = json_get(r->json, "community");
    *out = json_string(v);
    if (!v || json_is(v, JSON_NULL))
        return true;
    if (json_is(v, JSON_STRING) && r->street && street_has_community(r->street, *out))
        return true;
    return err_set(e, ERR_INPUT, "没有编号为“%.*s”的社区", (int)span_cut_utf8(*out, 64),
                   out->n ? out->p : "");
}

/* {"values": {…}, "reason", "community"}, or the values alone. */
static const struct json *values_read(const struct request *r)
{
    const struct json *values = json_get(r->json, "values");
    bool alone = !values && !json_get(r->json, "reason") && !json_get(r->json, "community");
    return alone ? r->json : values;
}

static void settings(struct request *r)
{
    struct change c = {.kind = CHANGE_SETTINGS, .id = r->params[0], .values = values_read(r)};
    struct err e = {0};
    if (!json_is(c.values, JSON_OBJECT) || !json_count(c.values))
        err_set(&e, ERR_INPUT,
                "缺少 values：请写成 {\"values\": {设置名: 值}, \"reason\": 原因}");
    else if (community_read(r, &c.community, &e)) {
        submit(r, c);
        return;
    }
    answer_err(r, &e);
}

static void do_resume(struct request *r, struct span id)
{
    static const char *const names[] = {
        [RESUME_RETRY] = "retry", [RESUME_SKIP] = "skip", [RESUME_BACK] = "back"};
    const struct json *how = json_get(r->json, "how");
    struct err e;
    if (!how || json_is(how, JSON_NULL)) {
        submit(r, (struct change){.kind = CHANGE_RESUME, .id = id, .how = RESUME_RETRY});
        return;
    }
    for (int i = RESUME_RETRY; i <= RESUME_BACK; i++) {
        if (span_eq(json_string(how), span_of(names[i]))) {
            submit(r, (struct change){.kind = CHANGE_RESUME, .id = id, .how = i});
            return;
        }
    }
    err_set(&e, ERR_INPUT, "how 应为 retry（重试）、skip（跳过这条记录）或 back（退回上一版）");
    answer_err(r, &e);
}

static void pause(struct request *r)
{
    submit(r, (struct change){.kind = CHANGE_PAUSE, .id = r->params[0]});
}

static void resume(struct request *r)
{
    do_resume(r, r->params[0]);
}

/* ---- websocket ---- */

static struct span named(struct request *r)
{
    struct span id = json_string(json_get(r->json, "scenario"));
    struct err e;
    if (!id.n) {
        err_set(&e, ERR_INPUT, "缺少 scenario：请写明场景的编号");
        answer_err(r, &e);
    }
    return id;
}

static void command_pause(struct request *r)
{
    struct span id = named(r);
    if (id.n)
        submit(r, (struct change){.kind = CHANGE_PAUSE, .id = id});
}

static void command_resume(struct request *r)
{
    struct span id = named(r);
    if (id.n)
        do_resume(r, id);
}

extern const struct ws_command ws_commands_scenarios[];
const struct ws_command ws_commands_scenarios[] = {
    {"scenario.pause", ACCESS_SCENARIO_EDIT, command_pause},
    {"scenario.resume", ACCESS_SCENARIO_EDIT, command_resume},
    {0},
};

static const struct route routes[] = {
    {.method = "GET",
     .path = "/api/v1/scenarios",
     .summary = "All scenarios and how they stand",
     .act = ACCESS_SCENARIO_SEE,
     .handle = list},
    {.method = "GET",
     .path = "/api/v1/scenarios/{id}",
     .summary = "One scenario with its text, settings and log",
     .act = ACCESS_SCENARIO_SEE,
     .handle = one},
    {.method = "GET",
     .path = "/api/v1/scenarios/{id}/versions",
     .summary = "Its versions, newest first",
     .act = ACCESS_SCENARIO_SEE,
     .handle = versions},
    {.method = "POST",
     .path = "/api/v1/scenarios/{id}/check",
     .summary = "Check a text: syntax, shape, settings, examples; changes nothing",
     .act = ACCESS_SCENARIO_EDIT,
     .body = BODY_JSON,
     .body_max = 2 * SCRIPT_MAX,
     .handle = check},
    {.method = "PATCH",
     .path = "/api/v1/scenarios/{id}/settings",
     .summary = "Change settings, for all or for one community; makes a version",
     .act = ACCESS_SCENARIO_EDIT,
     .body = BODY_JSON,
     .handle = settings},
    {.method = "POST",
     .path = "/api/v1/scenarios/{id}/pause",
     .summary = "Let it stand still",
     .act = ACCESS_SCENARIO_EDIT,
     .body = BODY_JSON,
     .handle = pause},
    {.method = "POST",
     .path = "/api/v1/scenarios/{id}/resume",
     .summary = "Let it go on: retry, skip the record of the fault, or go back a version",
     .act = ACCESS_SCENARIO_EDIT,
     .body = BODY_JSON,
     .handle = resume},
};
extern const struct route_family route_scenarios;
const struct route_family route_scenarios = {routes, sizeof routes / sizeof *routes};
