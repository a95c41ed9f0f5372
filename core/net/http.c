#include "net/http.h"

#include <string.h>

#include "net/guard.h"
#include "net/http_impl.h"
#include "net/idempotency.h"
#include "net/router.h"
#include "net/server_impl.h"
#include "net/static.h"
#include "net/ws.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    HEAD_SPACE = 8192,
    IN_FLIGHT_MAX = 3, /* commands of one stream */
};
static const int64_t REQUEST_US = 30LL * 1000000, SLOW_US = 600LL * 1000000;

/* --- life ------------------------------------------------------------------------------------------ */

static struct server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

static struct exchange *exchange_new(struct lws *wsi, void **user)
{
    struct exchange *x = mem_alloc(sizeof *x);
    x->server = server_of(wsi);
    x->wsi = wsi;
    x->deadline_us = clock_mono_us() + REQUEST_US;
    x->link = server_exchanges(x->server);
    x->next = *x->link;
    if (x->next)
        x->next->link = &x->next;
    *x->link = x;
    *user = x;
    return x;
}

void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    if (x->r)
        request_abandon(x->r);
    *x->link = x->next;
    if (x->next)
        x->next->link = x->link;
    buf_free(&x->in);
    buf_free(&x->out);
    mem_free(x);
}

size_t http_open(struct server *s)
{
    size_t n = 0;
    for (struct exchange *x = *server_exchanges(s); x; x = x->next)
        n++;
    return n;
}

/* lws sets its own timeout anew with each byte of a body, so the mark has to do it there (F7). */
static void kill_later(struct exchange *x)
{
    x->late = true;
    lws_set_timeout(x->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void http_tick(struct server *s)
{
    int64_t now = clock_mono_us();
    for (struct exchange *x = *server_exchanges(s); x; x = x->next) {
        if (now < x->deadline_us)
            continue;
        x->deadline_us = now + REQUEST_US; /* once is enough */
        if (x->phase == WORKING && x->r && !request_is_answered(x->r)) {
            /* It may still be carried out, but this client has waited long enough. */
            log_warn("http", "no answer within the deadline path=%s", x->route->path);
        }
        kill_later(x);
    }
}

void exchange_flow(struct exchange *x, bool on)
{
    if (x->flow_off == !on)
        return;
    x->flow_off = !on;
    lws_rx_flow_control(x->wsi, on);
    if (!on) /* lws would count our own pause as the client's */
        lws_set_timeout(x->wsi, NO_PENDING_TIMEOUT, 0);
}

struct request *exchange_request(struct exchange *x)
{
    x->r = request_new(x->server, x, http_answer);
    return x->r;
}

/* --- the request ------------------------------------------------------------------------------------ */

static void on_progress(void *owner, struct request *r)
{
    struct exchange *x = owner;
    if (x->phase == READING && request_in_flight(r) < IN_FLIGHT_MAX)
        exchange_flow(x, true);
}

/* Before the first byte of the body. False: answered already. */
static bool start(struct exchange *x)
{
    struct request *r = x->r;
    if (span_eq(r->method, SPAN("POST")) && x->route->body == BODY_STREAM &&
        idempotency_stream(r))
        return false;
    if (x->route->body == BODY_STREAM && !idempotency_is_repeat(r)) {
        request_on_end(r, x->route->gone);
        request_on_progress(r, on_progress);
        x->route->handle(r);
    }
    return !request_is_answered(r);
}

static bool feed(struct exchange *x, struct span bytes, bool last)
{
    return !idempotency_body(x->r, bytes, last) && x->route->feed(x->r, bytes, last);
}

/* The whole body is here (streams: was fed). */
static void dispatch(struct exchange *x)
{
    struct request *r = x->r;
    struct err e = {0};
    x->complete = true;
    x->phase = WORKING;
    if (x->route->slow)
        x->deadline_us = clock_mono_us() + SLOW_US;
    if (x->route->body == BODY_STREAM) {
        request_renew(r);
        feed(x, SPAN(""), true);
    } else {
        r->body = arena_span(r->arena, buf_view(&x->in));
        buf_free(&x->in);
        if (x->route->body == BODY_JSON && r->body.n) {
            struct json_limits limits = {.bytes = http_body_max(x->route)};
            if (limits.bytes > 64 * 1024)
                limits.string = limits.bytes;
            size_t at = 0;
            r->json = json_parse(r->arena, r->body, &limits, &at, &e);
            if (!r->json) {
                answer_bad_json(r, &e, at);
                return;
            }
        }
        if (span_eq(r->method, SPAN("POST")) && idempotency_replay(r, !x->route->secret))
            return;
        if (!request_renew(r) && !x->route->open) {
            answer_unreadable(r);
            return;
        }
        x->route->handle(r);
    }
    /* Bytes behind the request must wait, or lws spins on them while a worker has it (1.3, 6). */
    if (!request_is_answered(r) || x->phase == WORKING)
        exchange_flow(x, false);
}

static void static_or_404(struct exchange *x, const struct guard_head *h)
{
    bool reading = h->method == GUARD_GET || h->method == GUARD_HEAD;
    bool reserved = span_starts(h->path, SPAN("/api/")) || span_starts(h->path, SPAN("/-/")) ||
                    span_eq(h->path, SPAN("/ws")) || span_eq(h->path, SPAN("/api")) ||
                    span_eq(h->path, SPAN("/metrics"));
    const struct static_file *f =
        reserved ? NULL : static_find(server_files(x->server), h->path);
    if (f && reading)
        http_send_file(x, f);
    else if (f)
        http_refuse(x, 405, "method", "页面文件只能读取", false);
    else
        http_refuse(x, 404, "missing", "没有这个地址", false);
}

static void route_params(struct request *r, const struct route_match *m)
{
    for (int i = 0; i < ROUTE_PARAMS_MAX; i++)
        if (m->params[i].p)
            r->params[i] = arena_span(r->arena, m->params[i]);
}

static void on_route(struct exchange *x, const struct guard_head *h,
                     const struct route_match *m)
{
    struct request *r = x->r;
    x->route = m->route;
    route_params(r, m);
    request_renew(r);
    if (!http_read_headers(x))
        return;
    if (!r->view && !x->route->open) {
        answer_unreadable(r);
        return;
    }
    if (!http_enter(x, h) || !start(x))
        return;
    if (x->length <= 0)
        dispatch(x);
}

/* A client that asks first is answered at once: with 100, or with the refusal. */
static bool expects_continue(struct lws *wsi)
{
    char text[32];
    return lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_EXPECT) > 0 &&
           !strcasecmp(text, "100-continue");
}

static void say_continue(struct exchange *x)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    unsigned char out[LWS_PRE + sizeof go_on];
    memcpy(out + LWS_PRE, go_on, sizeof go_on - 1);
    lws_write(x->wsi, out + LWS_PRE, sizeof go_on - 1, LWS_WRITE_HTTP_HEADERS);
}

static int on_headers(struct lws *wsi, void **user)
{
    struct exchange *x = exchange_new(wsi, user);
    char space[HEAD_SPACE];
    struct guard_head h;
    bool read = guard_read(wsi, &h, space, sizeof space);
    struct guard_verdict v = guard_check(&h);
    server_counters(x->server)->requests++;
    x->head = h.method == GUARD_HEAD;
    if (!read || v.status) {
        http_refuse(x, read ? v.status : 400, "input", read ? v.detail : "请求头过大", true);
        return 0;
    }
    x->length = v.content_length;
    x->close = span_eq(h.version, SPAN("HTTP/1.0"));
    x->changes = h.method != GUARD_GET && h.method != GUARD_HEAD;
    x->expects = expects_continue(wsi);
    struct request *r = exchange_request(x);
    r->method = span_of(guard_method_name(h.method));
    r->path = arena_span(r->arena, h.path);
    r->peer = arena_span(r->arena, peer_name(lws_get_opaque_user_data(wsi)));
    size_t count;
    const struct route_family *const *families = router_families(&count);
    struct route_match m;
    router_find(families, count, r->method, r->path, &m);
    if (m.route) {
        on_route(x, &h, &m);
    } else if (m.path_known) {
        answer_header(r, "Allow", m.allow);
        http_refuse(x, 405, "method", "这个地址不支持这种方法", false);
    } else {
        static_or_404(x, &h);
    }
    if (x->expects && x->phase == READING && x->length > 0)
        say_continue(x);
    return 0;
}

static int on_body(struct exchange *x, struct span bytes)
{
    if (!x || x->late)
        return -1;
    if (x->phase == SENDING) /* refused already: nobody reads it */
        return 0;
    if (x->length <= 0) /* lws tells of the body that there is none */
        return bytes.n ? -1 : 0;
    if (x->complete || x->got + (int64_t)bytes.n > x->length)
        return -1;
    x->got += (int64_t)bytes.n;
    if (x->draining)
        return 0;
    if (x->route->body != BODY_STREAM) {
        buf_span(&x->in, bytes);
        return 0;
    }
    request_renew(x->r);
    if (!feed(x, bytes, false))
        return 0;
    if (request_in_flight(x->r) >= IN_FLIGHT_MAX)
        exchange_flow(x, false);
    return 0;
}

/* lws calls this again for bytes behind the body: then there is no second answer to give. */
static int on_body_complete(struct exchange *x)
{
    if (!x)
        return -1;
    if (x->phase == SENDING || x->length <= 0)
        return 0;
    if (x->draining) {
        x->got = x->length;
        x->draining = false;
        http_send(x);
        return 0;
    }
    if (x->complete || x->phase != READING)
        return -1;
    if (x->got != x->length)
        return -1;
    dispatch(x);
    return 0;
}

/* --- the callback ------------------------------------------------------------------------------------ */

/* Before lws looks for the subprotocol, so that who is refused hears why. */
static int upgrade(struct lws *wsi)
{
    const struct server *s = lws_context_user(lws_get_context(wsi));
    struct guard_verdict v = guard_handshake(wsi, server_is_tls(s), WS_PROTOCOL);
    if (v.status)
        guard_refuse_upgrade(wsi, &v);
    return v.status ? -1 : 0;
}

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len)
{
    void **slot = user;
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return guard_upgrade(wsi) ? upgrade(wsi) : -1;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: /* a websocket without our subprotocol */
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return -1;
    case LWS_CALLBACK_RAW_ADOPT: /* CONNECT makes a raw socket of any connection */
    case LWS_CALLBACK_RAW_SKT_BIND_PROTOCOL:
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_WRITEABLE:
        return -1;
    case LWS_CALLBACK_HTTP:
        if (!slot || *slot || server_is_stopping(server_of(wsi)))
            return -1;
        return on_headers(wsi, slot);
    case LWS_CALLBACK_HTTP_BODY:
        return slot ? on_body(*slot, (struct span){in, len}) : -1;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return slot ? on_body_complete(*slot) : -1;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return slot ? http_send_more(*slot, slot) : -1;
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
        if (slot) {
            exchange_free(*slot);
            *slot = NULL;
        }
        return 0;
    case LWS_CALLBACK_HTTP_FILE_COMPLETION:
        return -1;
    default:
        return 0;
    }
}
