/*
 * What a client missed, read from the store. A worker reads a slice, no larger than a socket's
 * queue may be; the next one follows when that has left. The last slice ends where the feed is
 * joined: its place is noted before the worker starts, so nothing falls between.
 */
#include "domain/alert.h"
#include "domain/street.h"
#include "net/hub_impl.h"
#include "store/txn.h"
#include "store/view.h"
#include "util/log.h"

enum { READ_AT_ONCE = 128 };

struct slice { /* in the request's arena, but for the frames */
    struct ws_conn *conn;
    enum hub_stream stream;
    uint32_t serial; /* of the subscription it reads for */
    bool first;      /* the one that answers message `id`; it counts to the end */
    struct ws_id id;
    uint64_t next, upto; /* offsets to read; `next` moves on */
    uint64_t mark;       /* place in the feed that follows `upto` */
    struct server *server;
    struct store *store;
    const char *epoch;
    struct street *street;
    struct person person;
    struct buf frames;
    size_t messages;
    uint64_t recovered;
    bool failed;
    struct err err;
};

void hub_put_subscribed(struct buf *b, const struct hub *h, const struct ws_id *id,
                        uint64_t offset, bool gap, uint64_t recovered)
{
    struct json_w w = json_w_begin(b);
    json_w_object(&w);
    json_w_kstr(&w, "type", "ok");
    ws_put_id(&w, id);
    json_w_kstr(&w, "epoch", h->epoch);
    json_w_kint(&w, "offset", (int64_t)offset);
    if (gap)
        json_w_kbool(&w, "gap", true);
    else
        json_w_kint(&w, "recovered", (int64_t)recovered);
    json_w_object_end(&w);
    json_w_end(&w);
}

static bool is_full(const struct slice *s)
{
    return s->frames.n >= HUB_REPLAY_BYTES || s->messages >= HUB_REPLAY_MESSAGES;
}

/* False: this slice ends in front of the event. */
static bool read_one(struct slice *s, struct view *v, struct arena *a, struct buf *payload,
                     uint64_t seq, uint64_t offset)
{
    struct alert al = {0};
    bool full = is_full(s);
    if (full && !s->first)
        return false;
    struct err e = {0};
    if (!hub_event(s->server, s->epoch, v, a, s->street, s->stream, seq, offset, &al, payload,
                   &e)) {
        log_error("hub", "event left out stream=%s offset=%llu seq=%llu: %s",
                  hub_stream_names[s->stream], (unsigned long long)offset,
                  (unsigned long long)seq, e.text);
    } else if (hub_sees(&s->person, s->street, s->stream, &al)) {
        s->recovered++;
        if (!full) {
            feed_frame(&s->frames, buf_view(payload));
            s->messages++;
        }
    }
    if (!full)
        s->next = offset + 1;
    return true;
}

static void read_slice(struct slice *s, struct view *v)
{
    struct arena a = {0};
    struct buf payload = {0};
    struct span stream = span_of(hub_stream_names[s->stream]);
    bool more = true;
    for (uint64_t at = s->next; more && at <= s->upto;) {
        uint64_t seqs[READ_AT_ONCE];
        size_t n = stream_read(v, stream, at, seqs, READ_AT_ONCE);
        if (!n) {
            s->failed = !err_set(&s->err, ERR_STORE, "事件流读取不完整，请刷新页面");
            break;
        }
        for (size_t i = 0; i < n && more && at <= s->upto; i++) {
            more = read_one(s, v, &a, &payload, seqs[i], at++);
            arena_reset(&a);
        }
    }
    arena_free(&a);
    buf_free(&payload);
}

static void work(struct request *r, void *ctx)
{
    struct slice *s = ctx;
    struct view *v = view_open(s->store, &s->err);
    (void)r;
    if (!v) {
        s->failed = true;
        return;
    }
    read_slice(s, v);
    view_close(v);
}

/* Not if there is still much to send: who is about to catch up must not be taken for slow. */
static bool may_join(const struct ws_conn *c, const struct slice *s)
{
    uint64_t more = c->class->feeds[s->stream].end - s->mark;
    return s->next > s->upto && more <= HUB_REPLAY_MESSAGES && c->out.n <= HUB_REPLAY_BYTES / 2;
}

/* Everything up to `upto` is with the socket: go on from the feed, or read what came since. */
static void follow(struct ws_conn *c, struct slice *s)
{
    struct ws_sub *sub = &c->subs[s->stream];
    sub->next = s->next;
    ws_flush(c);
    sub->reading = false;
    if (!c->wsi || c->closing)
        return;
    if (may_join(c, s) && hub_sub_live(c, s->stream, s->mark))
        ws_flush(c);
    else if (!c->out.n && !c->blocked) /* else ws_flush does it when all has left */
        hub_replay_go_on(c);
}

static void say_failed(struct ws_conn *c, const struct slice *s, const struct err *e)
{
    struct buf b = {0};
    if (!s->first) {
        ws_end(c, WS_TOO_SLOW, "cannot read the stream");
        return;
    }
    ws_put_error(&b, &s->id, answer_status(e->code), err_code_name(e->code), span_of(e->text),
                 NULL);
    ws_say(c, buf_view(&b));
    buf_free(&b);
}

static void deliver(struct ws_conn *c, struct slice *s)
{
    struct ws_sub *sub = &c->subs[s->stream];
    struct err e;
    if (sub->state != SUB_REPLAY || sub->serial != s->serial) {
        err_set(&e, ERR_CONFLICT, "订阅已取消");
        if (s->first)
            say_failed(c, s, &e);
        return;
    }
    if (s->failed) {
        hub_sub_end(c, s->stream);
        say_failed(c, s, &s->err);
        return;
    }
    if (s->first) {
        struct buf b = {0};
        hub_put_subscribed(&b, c->hub, &s->id, s->upto, false, s->recovered);
        ws_say(c, buf_view(&b));
        buf_free(&b);
    }
    buf_span(&c->out, buf_view(&s->frames));
    c->out_messages += s->messages;
    c->hub->stats.events_out += s->messages;
    follow(c, s);
}

static void finish(struct request *r, void *ctx)
{
    struct slice *s = ctx;
    struct ws_conn *c = s->conn;
    if (c->wsi && !c->closing)
        deliver(c, s);
    buf_free(&s->frames);
    street_unref(s->street);
    answer_empty(r, 204); /* also lets go of the connection */
}

static void start(struct ws_conn *c, struct request *r, struct slice *s)
{
    struct hub *h = c->hub;
    s->conn = c;
    s->upto = h->heads[s->stream];
    s->mark = c->class->feeds[s->stream].end;
    s->server = h->server;
    s->store = server_options(h->server)->store;
    s->epoch = arena_span(r->arena, span_of(h->epoch)).p;
    s->street = server_street_ref(h->server);
    s->person = hub_person_copy(r->arena, &c->class->person);
    s->serial = c->subs[s->stream].serial;
    c->subs[s->stream].reading = true;
    request_offload(r, work, finish, s);
    if (request_is_answered(r)) { /* no worker to be had: neither work nor finish will run */
        street_unref(s->street);
        ws_end(c, WS_TOO_SLOW, "busy");
    }
}

void hub_replay(struct ws_conn *c, struct request *r, enum hub_stream stream,
                const struct ws_id *id, uint64_t from)
{
    struct slice *s = arena_alloc(r->arena, sizeof *s);
    *s = (struct slice){.stream = stream, .first = true, .id = *id, .next = from};
    hub_sub_begin(c, stream);
    start(c, r, s);
}

void hub_replay_go_on(struct ws_conn *c)
{
    for (int i = 0; i < HUB_STREAMS; i++) {
        struct ws_sub *sub = &c->subs[i];
        if (sub->state != SUB_REPLAY || sub->reading)
            continue;
        if (sub->next > c->hub->heads[i]) {
            hub_sub_live(c, i, c->class->feeds[i].end);
            continue;
        }
        struct request *r = ws_request(c);
        struct slice *s = arena_alloc(r->arena, sizeof *s);
        *s = (struct slice){.stream = i, .next = sub->next};
        start(c, r, s);
    }
}
