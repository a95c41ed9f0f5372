/* Commands over the websocket: the same functions as the routes, answered in a frame. */
#include "domain/access.h"
#include "net/hub_impl.h"

extern const struct ws_command ws_commands_alerts[], ws_commands_scenarios[],
    ws_commands_records[];

static const struct ws_command *const families[] = {
    ws_commands_alerts,
    ws_commands_scenarios,
    ws_commands_records,
};

static const struct ws_command *find(struct span name)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (const struct ws_command *c = families[i]; c->name; c++)
            if (span_eq(name, span_of(c->name)))
                return c;
    return NULL;
}

void ws_command_run(struct request *r, struct span name)
{
    const struct ws_command *c = find(name);
    if (!c)
        answer_problem(r, 404, "missing", "没有这个命令", SPAN_NONE);
    else if (!access_may(r->person, r->street, c->act, NULL))
        answer_problem(r, 403, "denied", "您无权执行这个操作", SPAN_NONE);
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
