#include "net/idempotency.h"

#include <string.h>

#include "net/request_impl.h"
#include "net/server_impl.h"
#include "store/txn.h"
#include "store/writer.h"
#include "util/id.h"
#include "util/mem.h"

enum { KEY_MAX = 128 };

static struct span once_key(const struct call *c, struct arena *a)
{
    return span_of(arena_printf(a, "%.*s\n%.*s", SPAN_ARG(c->r.person->name),
                                SPAN_ARG(c->r.idempotency_key)));
}

bool idempotency_find(const struct call *c, struct view *v, struct arena *a,
                      struct span *stored)
{
    return idem_get(v, a, once_key(c, a), stored);
}

bool idempotency_is_due(const struct call *c)
{
    return c->once && !c->kept && !c->replayed && c->answer.status < 400;
}

/* Stored: 64 hex characters of what was asked, the status in three digits, the JSON answered. */
static struct span stored_make(struct call *c, struct arena *a, int status, struct span json)
{
    if (!c->keep)
        json = SPAN_NONE;
    return span_of(arena_printf(a, "%s%03d%.*s", c->asked, status, SPAN_ARG(json)));
}

bool idempotency_keep(struct request *r, struct txn *t, int status, struct span json,
                      struct err *e)
{
    struct call *c = call_of(r);
    if (!c->once)
        return true;
    struct arena a = {0};
    bool ok = idem_put(t, once_key(c, &a), stored_make(c, &a, status, json), e);
    c->kept = ok;
    arena_free(&a);
    return ok;
}

void idempotency_answer(struct call *c, struct span stored)
{
    struct request *r = &c->r;
    int64_t status = 0;
    bool same = stored.n >= ASKED_CHARS + 3 && !memcmp(stored.p, c->asked, ASKED_CHARS) &&
                span_int((struct span){stored.p + ASKED_CHARS, 3}, &status);
    if (!same) {
        answer_problem(r, 422, "idempotency_key",
                       "这个 Idempotency-Key 已用于另一个请求，请换一个", SPAN_NONE);
    } else if (stored.n == ASKED_CHARS + 3 && (status != 204 || !c->keep)) {
        answer_problem(r, 409, "conflict", "这个请求已经处理过，其结果只显示一次", SPAN_NONE);
    } else {
        struct buf body = {0};
        buf_put(&body, stored.p + ASKED_CHARS + 3, stored.n - ASKED_CHARS - 3);
        c->replayed = true;
        answer_header(r, "Idempotency-Replayed", "true");
        answer_body(r, (int)status, status == 204 ? NULL : "application/json", &body);
    }
    c->replayed = true;
}

/* All that was asked but the body. */
static void asked_begin(struct call *c)
{
    struct request *r = &c->r;
    struct buf all = {0};
    const struct span parts[] = {r->method, r->path, r->query};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_be64(&all, parts[i].n);
        buf_span(&all, parts[i]);
    }
    id_sha256_begin(&c->asking);
    id_sha256_add(&c->asking, buf_view(&all));
    buf_free(&all);
}

static void asked_end(struct call *c, struct span body)
{
    id_sha256_add(&c->asking, body);
    id_sha256_end(&c->asking, c->asked);
}

static bool key_is_sound(struct span key)
{
    bool sound = key.n <= KEY_MAX;
    for (size_t i = 0; i < key.n && sound; i++)
        sound = key.p[i] > 0x20 && key.p[i] < 0x7F;
    return sound;
}

/* Is there a key, is it one, has it been used? True: answered. */
static bool look_up(struct request *r, struct span *stored)
{
    struct call *c = call_of(r);
    struct span key = r->idempotency_key;
    *stored = SPAN_NONE;
    if (!key.n || !r->person)
        return false;
    if (!key_is_sound(key)) {
        answer_problem(r, 400, "input", "Idempotency-Key 须为 1 至 128 个可见 ASCII 字符",
                       SPAN_NONE);
        return true;
    }
    if (!request_renew(r)) {
        answer_unreadable(r);
        return true;
    }
    c->once = !idempotency_find(c, r->view, r->arena, stored);
    asked_begin(c);
    return false;
}

bool idempotency_replay(struct request *r, bool keep)
{
    struct call *c = call_of(r);
    struct span stored;
    c->keep = keep;
    if (look_up(r, &stored))
        return true;
    if (!stored.p && !c->once)
        return false;
    asked_end(c, r->body);
    if (stored.p)
        idempotency_answer(c, stored);
    return stored.p != NULL;
}

bool idempotency_stream(struct request *r)
{
    struct call *c = call_of(r);
    c->keep = true;
    return look_up(r, &c->before);
}

bool idempotency_is_repeat(const struct request *r)
{
    return call_of(r)->before.p != NULL;
}

bool idempotency_body(struct request *r, struct span piece, bool last)
{
    struct call *c = call_of(r);
    if ((!c->once && !c->before.p) || c->is_answered)
        return false;
    if (!last)
        id_sha256_add(&c->asking, piece);
    else
        asked_end(c, piece);
    if (last && c->before.p)
        idempotency_answer(c, c->before);
    return c->before.p != NULL;
}

/* For routes that have no command of their own to keep the answer with. */
struct late_keep {
    struct command command; /* first */
    struct server_task task;
    struct call *c;
};

static bool late_apply(struct command *command, struct txn *t, struct err *e)
{
    struct call *c = ((struct late_keep *)command)->c;
    return idempotency_keep(&c->r, t, c->answer.status, buf_view(&c->answer.body), e);
}

static void late_finish(struct server_task *t)
{
    struct late_keep *k = (struct late_keep *)((char *)t - offsetof(struct late_keep, task));
    struct call *c = k->c;
    mem_free(k);
    call_hand_over(c); /* also if it could not be kept: what was asked is done */
    call_busy_end(c);
}

static void late_done(struct command *command, const struct err *e)
{
    struct late_keep *k = (struct late_keep *)command;
    (void)e;
    k->task.run = late_finish;
    server_post(k->c->r.server, &k->task);
}

void idempotency_keep_late(struct call *c)
{
    struct late_keep *k = mem_alloc(sizeof *k);
    k->command.apply = late_apply;
    k->command.done = late_done;
    k->c = c;
    call_busy_begin(c);
    writer_submit(server_options(c->r.server)->writer, &k->command);
}
