/* Commands over the websocket: the same functions as the routes, answered in a frame. */
#include "domain/access.h"
#include "net/hub_impl.h"
#include "net/ws_message.h"

extern const struct ws_command ws_commands_alerts[], ws_commands_scenarios[],
    ws_commands_records[];

/* `raw`: they read r->body, the text of data, which is sound; the others have it as r->json. */
static const struct family {
    const struct ws_command *list;
    bool raw;
} families[] = {
    {ws_commands_alerts, false},
    {ws_commands_scenarios, false},
    {ws_commands_records, true},
};

static const struct ws_command *find(struct span name, bool *raw)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        *raw = families[i].raw;
        for (const struct ws_command *c = families[i].list; c->name; c++)
            if (span_eq(name, span_of(c->name)))
                return c;
    }
    return NULL;
}

void ws_command_run(struct request *r, struct span name)
{
    const struct json_limits limits = {.bytes = WS_MESSAGE_MAX};
    struct err e = {0};
    bool raw;
    const struct ws_command *c = find(name, &raw);
    if (!c)
        answer_problem(r, 404, "missing", "没有这个命令", SPAN_NONE);
    else if (!access_may(r->person, r->street, c->act, NULL))
        answer_problem(r, 403, "denied", "您无权执行这个操作", SPAN_NONE);
    else if (!raw && r->body.n && !(r->json = json_parse(r->arena, r->body, &limits, NULL, &e)))
        answer_err(r, &e);
    else
        c->handle(r);
}

void ws_put_answer(struct buf *b, const struct ws_id *id, const struct answer *a)
{
    struct arena arena = {0};
    if (a->status < 400) {
        ws_put_ok(b, id, buf_view(&a->body));
    } else {
        const struct json *p = json_parse(&arena, buf_view(&a->body), NULL, NULL, NULL);
        struct span detail = json_string(json_get(p, "detail"));
        ws_put_error(b, id, a->status, json_cstr(json_get(p, "code"), "error"), detail,
                     json_get(p, "errors"));
    }
    arena_free(&arena);
}
