/* What clients say and what they are answered. */
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "net/hub_impl.h"
#include "net/session.h"
#include "store/version.h"
#include "store/view.h"
#include "util/calendar.h"
#include "util/mem.h"

enum { REQUESTS_MAX = 64 }; /* under way, per connection */

struct ws_call { /* a request under way holds the connection */
    struct ws_conn *conn;
    struct ws_id id;
    bool command;
};

static void answered(void *owner, struct request *r, struct answer *a)
{
    struct ws_call *call = owner;
    struct ws_conn *c = call->conn;
    request_abandon(r); /* nothing more is asked of it */
    c->requests--;
    if (call->command && c->wsi && !c->closing) {
        struct buf b = {0};
        ws_put_answer(&b, &call->id, a);
        ws_say(c, buf_view(&b));
        buf_free(&b);
    }
    mem_free(call);
    ws_conn_unref(c);
}

static struct request *request_of(struct ws_conn *c, struct ws_call **out)
{
    struct ws_call *call = mem_alloc(sizeof *call);
    call->conn = c;
    c->refs++;
    c->requests++;
    struct request *r = request_new(c->hub->server, call, answered);
    request_renew(r);
    *out = call;
    return r;
}

struct request *ws_request(struct ws_conn *c)
{
    struct ws_call *call;
    return request_of(c, &call);
}

static void say_error(struct ws_conn *c, const struct ws_message *m, int status,
                      const char *code, const char *text)
{
    struct buf b = {0};
    ws_put_error(&b, &m->id, status, code, span_of(text), NULL);
    ws_say(c, buf_view(&b));
    buf_free(&b);
}

static void say_ok(struct ws_conn *c, const struct ws_id *id)
{
    struct buf b = {0};
    ws_put_ok(&b, id, SPAN_NONE);
    ws_say(c, buf_view(&b));
    buf_free(&b);
}

static void signed_out(struct ws_conn *c, const struct ws_message *m)
{
    say_error(c, m, 401, "signed_out", "登录已过期，请重新登录");
    ws_end(c, WS_SIGNED_OUT, "sign in again");
}

/* Who this is now; NULL if the session is over. Counts as use of it. */
static const struct person *person_of(struct ws_conn *c, struct view *v, struct arena *a)
{
    struct server *s = c->hub->server;
    if (!c->token)
        return NULL;
    if (c->as)
        return &c->as->person;
    if (!c->machine)
        return session_person(server_sessions(s), span_of(c->token), v, a);
    struct person *p = arena_alloc(a, sizeof *p);
    struct err e;
    return key_check(v, server_options(s)->vault, a, span_of(c->token), p, &e) ? p : NULL;
}

/* A key's types never change, it is only revoked: ws_look sees that. */
static void keep_machine(struct ws_conn *c, const struct person *p)
{
    c->as = mem_alloc(sizeof *c->as);
    c->as->person = hub_person_copy(&c->as->arena, p);
}

static bool key_lives(struct ws_conn *c, struct view *v, struct arena *a)
{
    struct person p;
    struct err e;
    return key_check(v, server_options(c->hub->server)->vault, a, span_of(c->token), &p, &e) &&
           !p.disabled;
}

static uint64_t user_version(struct ws_conn *c, struct view *v, struct arena *a)
{
    struct entry entry;
    struct err e;
    struct span key = key_of1(a, span_of(c->name), &e);
    return version_get(v, a, ENTRY_USER, key, SEQ_LATEST, &entry, &e) ? entry.seq : 0;
}

static void say_welcome(struct ws_conn *c, const struct person *p, const struct ws_id *id)
{
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_kstr(&w, "type", "welcome");
    ws_put_id(&w, id);
    json_w_name(&w, "user");
    user_view(p, &w);
    json_w_kstr(&w, "epoch", c->hub->epoch);
    json_w_object_end(&w);
    json_w_end(&w);
    ws_say(c, buf_view(&b));
    buf_free(&b);
}

/* Said again it is answered again; who is somebody else opens a connection of their own. */
static void hello(struct ws_conn *c, struct request *r, const struct ws_message *m)
{
    bool again = c->class != NULL;
    if (again && m->token.n && !span_eq(m->token, span_of(c->token))) {
        say_error(c, m, 409, "conflict", "这个连接已有人登录，请另开连接");
        return;
    }
    if (!again && m->token.n) {
        mem_free(c->token);
        c->token = mem_strdup(m->token.p);
        c->machine = true;
    }
    const struct person *p = person_of(c, r->view, r->arena);
    if (!p || p->disabled) {
        signed_out(c, m);
        return;
    }
    if (!again) {
        hub_identify(c, p);
        if (c->machine)
            keep_machine(c, p);
        c->since = p->since;
        c->name = mem_strdup(arena_span(r->arena, p->name).p);
        c->user_seq = user_version(c, r->view, r->arena);
        c->deadline = 0;
    }
    say_welcome(c, p, &m->id);
}

static void say_subscribed(struct ws_conn *c, const struct ws_id *id, uint64_t offset, bool gap,
                           uint64_t recovered)
{
    struct buf b = {0};
    hub_put_subscribed(&b, c->hub, id, offset, gap, recovered);
    ws_say(c, buf_view(&b));
    buf_free(&b);
}

/* Stream "me": one's own account. Its offset is the seq of the account's newest version. */
static void say_me(struct ws_conn *c, const struct person *p, int64_t at, uint64_t seq)
{
    char id[24];
    struct buf b = {0}, time = {0};
    struct json_w w = json_w_begin(&b);
    snprintf(id, sizeof id, "%llu", (unsigned long long)seq);
    calendar_put_datetime(&time, at);
    json_w_object(&w);
    json_w_kstr(&w, "type", "event");
    json_w_kstr(&w, "stream", "me");
    json_w_kstr(&w, "epoch", c->hub->epoch);
    json_w_kint(&w, "offset", (int64_t)seq);
    json_w_name(&w, "event");
    json_w_object(&w);
    json_w_kstr(&w, "specversion", "1.0");
    json_w_kstr(&w, "id", id);
    json_w_kstr(&w, "source", "/me");
    json_w_kstr(&w, "type", "wangyi.me.changed");
    json_w_kspan(&w, "time", buf_view(&time));
    json_w_kstr(&w, "datacontenttype", "application/json");
    json_w_name(&w, "data");
    user_view(p, &w);
    json_w_object_end(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    ws_say(c, buf_view(&b));
    buf_free(&b);
    buf_free(&time);
}

static bool is_other_epoch(const struct hub *h, const struct ws_message *m)
{
    return m->resume && m->epoch.n && !span_eq(m->epoch, span_of(h->epoch));
}

static void subscribe_me(struct ws_conn *c, struct request *r, const struct ws_message *m)
{
    struct person p;
    struct err e;
    bool other = is_other_epoch(c->hub, m);
    bool missed = m->resume && !other && m->offset < c->user_seq;
    c->me = true;
    missed = missed && user_get(r->view, r->arena, span_of(c->name), &p, &e);
    say_subscribed(c, &m->id, c->user_seq, other, missed);
    if (missed)
        say_me(c, &p, view_now(r->view), c->user_seq);
}

/* True: somebody else will answer `r`. */
static bool subscribe(struct ws_conn *c, struct request *r, const struct ws_message *m)
{
    struct hub *h = c->hub;
    if (span_eq(m->stream, SPAN("me")) && !c->machine) {
        subscribe_me(c, r, m);
        return false;
    }
    int s = 0;
    while (s < HUB_STREAMS && !span_eq(m->stream, span_of(hub_stream_names[s])))
        s++;
    if (s == HUB_STREAMS) {
        say_error(c, m, 404, "missing", "没有这个事件流");
        return false;
    }
    if (!hub_may_listen(&c->class->person, r->street, s)) {
        say_error(c, m, 403, "denied", "您无权订阅这个事件流");
        return false;
    }
    hub_sub_end(c, s); /* asked again: from there */
    hub_pump(h);
    if (c->closing)
        return false;
    uint64_t head = h->heads[s];
    bool gap = m->resume &&
               (is_other_epoch(h, m) || m->offset > head || head - m->offset > HUB_REPLAY_MAX);
    if (m->resume && !gap && m->offset < head) {
        hub_replay(c, r, s, &m->id, m->offset + 1);
        return true;
    }
    hub_sub_begin(c, s);
    hub_sub_live(c, s, c->class->feeds[s].end);
    say_subscribed(c, &m->id, head, gap, 0);
    return false;
}

static void unsubscribe(struct ws_conn *c, const struct ws_message *m)
{
    for (int s = 0; s < HUB_STREAMS; s++)
        if (span_eq(m->stream, span_of(hub_stream_names[s])))
            hub_sub_end(c, s);
    if (span_eq(m->stream, SPAN("me")))
        c->me = false;
    say_ok(c, &m->id);
}

static void command(struct ws_conn *c, struct request *r, const struct ws_message *m)
{
    r->person = person_of(c, r->view, r->arena);
    if (!r->person || r->person->disabled) {
        signed_out(c, m);
        answer_empty(r, 204);
        return;
    }
    server_counters(r->server)->ws_commands++;
    if (m->data.n)
        r->body = arena_span(r->arena, m->data);
    ws_command_run(r, m->name);
}

/* True: `r` is answered, now or later. */
static bool act(struct ws_conn *c, struct request *r, const struct ws_message *m)
{
    switch (m->type) {
    case WS_HELLO:
        hello(c, r, m);
        return false;
    case WS_SUBSCRIBE:
        return subscribe(c, r, m);
    case WS_UNSUBSCRIBE:
        unsubscribe(c, m);
        return false;
    case WS_PING:
        say_ok(c, &m->id);
        return false;
    case WS_COMMAND:
        command(c, r, m);
        return true;
    }
    return false;
}

void ws_message(struct ws_conn *c, struct span text)
{
    struct ws_message m;
    struct ws_call *call;
    struct err e = {0};
    bool well_formed, taken = false, busy = c->requests >= REQUESTS_MAX;
    struct request *r = request_of(c, &call);
    c->hub->stats.messages_in++;
    if (!ws_message_parse(&m, r->arena, text, &well_formed, &e)) {
        say_error(c, &m, 400, "input", e.text);
        if (!well_formed)
            ws_end(c, WS_BAD_REQUEST, "not a JSON object");
    } else if (busy) {
        say_error(c, &m, 429, "limit", "未答复的请求过多，请等待答复后再发");
    } else if (!r->view) {
        say_error(c, &m, 503, "store", "数据库正在恢复，请几秒后重试");
    } else if (m.type != WS_HELLO && !c->class) {
        say_error(c, &m, 401, "signed_out", "请先发送 hello");
    } else {
        call->id = m.id;
        call->command = m.type == WS_COMMAND;
        taken = act(c, r, &m);
    }
    if (!taken) {
        call->command = false;
        answer_empty(r, 204);
    }
}

/* Every few seconds: does the session still live, has the account changed? */
void ws_look(struct ws_conn *c)
{
    struct hub *h = c->hub;
    struct arena *a = &h->arena;
    struct view *v = server_view(h->server);
    if (!v)
        return; /* next time */
    struct person p;
    struct err e;
    bool live = c->machine ? key_lives(c, v, a)
                           : session_is_live(server_sessions(h->server), span_of(c->token));
    uint64_t version = live && !c->machine ? user_version(c, v, a) : c->user_seq;
    if (live && version != c->user_seq) {
        c->user_seq = version;
        live = user_get(v, a, span_of(c->name), &p, &e) && !p.disabled && p.since == c->since;
        if (live)
            hub_identify(c, &p);
        if (live && c->me)
            say_me(c, &p, view_now(v), version);
    }
    if (!live)
        ws_end(c, WS_SIGNED_OUT, "sign in again");
    arena_reset(a);
}
