#include "net/http.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "domain/user.h"
#include "net/guard.h"
#include "net/idempotency.h"
#include "net/request.h"
#include "net/router.h"
#include "net/server_impl.h"
#include "net/session.h"
#include "net/static.h"
#include "store/view.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    HEAD_SPACE = 8192,
    CHUNK = 32 * 1024,
    BODY_DEFAULT = 64 * 1024,
    STREAM_DEFAULT = 8 * 1024 * 1024,
    DRAIN_MAX =
        9 * 1024 *
        1024, /* a refused body as long as this is still read, so that the answer arrives */
    IN_FLIGHT_MAX = 3, /* commands of one stream */
};
static const int64_t REQUEST_US = 30LL * 1000000, STALL_US = 10LL * 1000000;
static const int64_t SLOW_US = 600LL * 1000000;

enum phase { READING, WORKING, SENDING };

/* One request on one connection. Ends with the transaction or the connection. */
struct exchange {
    struct exchange *next, **link; /* the server's list of all */
    struct server *server;
    struct lws *wsi;
    struct request *r; /* NULL: answered without one */
    const struct route *route;
    enum phase phase;
    bool head, close, hard, expects, flow_off, draining, complete, late;
    int64_t length, got; /* of the body */
    int64_t
        deadline_us; /* READING and WORKING: of the request; SENDING: of the next progress */
    struct buf in;
    struct buf out; /* LWS_PRE bytes of room, then head and body */
    size_t sent;
    struct span file; /* a static file's bytes, sent after `out` */
    size_t file_sent;
};

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

static void exchange_free(struct exchange *x)
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

static void flow(struct exchange *x, bool on)
{
    if (x->flow_off == !on)
        return;
    x->flow_off = !on;
    lws_rx_flow_control(x->wsi, on);
    if (!on) /* lws would count our own pause as the client's */
        lws_set_timeout(x->wsi, NO_PENDING_TIMEOUT, 0);
}

/* --- answering ------------------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Status";
}

static void put_date(struct buf *out)
{
    char text[64];
    struct tm tm;
    time_t now = (time_t)(clock_wall_us() / 1000000);
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buf_printf(out, "Date: %s\r\n", text);
}

/* The head goes to x->out; `length` -1: a status that has no body. */
static void head_begin(struct exchange *x, int status, const char *type, int64_t length)
{
    struct buf *out = &x->out;
    buf_clear(out);
    memset(buf_space(out, LWS_PRE), 0, LWS_PRE);
    out->n += LWS_PRE;
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
    put_date(out);
    buf_str(out, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
    if (type)
        buf_printf(out, "Content-Type: %s\r\n", type);
    if (length >= 0)
        buf_printf(out, "Content-Length: %lld\r\n", (long long)length);
    if (x->close)
        buf_str(out, "Connection: close\r\n");
    if (server_is_tls(x->server))
        buf_str(out, "Strict-Transport-Security: max-age=31536000\r\n");
    server_counters(x->server)->answers[status / 100 < 6 ? status / 100 : 0]++;
}

/* The answer is in x->out. What is still to come of a refused body is read first. */
static void send_now(struct exchange *x)
{
    if (x->length > x->got && x->phase == READING && !x->hard && !x->expects) {
        x->draining = true;
        return;
    }
    x->phase = SENDING;
    x->deadline_us = clock_mono_us() + STALL_US;
    flow(x, true); /* a paused connection never sends (dependencies.md 1.2) */
    lws_set_timeout(x->wsi, NO_PENDING_TIMEOUT, 0);
    lws_callback_on_writable(x->wsi);
}

static void on_answer(void *owner, struct request *r, struct answer *a)
{
    struct exchange *x = owner;
    bool bodiless = a->status == 204 || a->status == 304;
    (void)r;
    head_begin(x, a->status, bodiless ? NULL : a->type, bodiless ? -1 : (int64_t)a->body.n);
    buf_str(&x->out, "Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; "
                     "frame-ancestors 'none'\r\n");
    buf_span(&x->out, buf_view(&a->headers));
    buf_str(&x->out, "\r\n");
    if (!bodiless && !x->head)
        buf_span(&x->out, buf_view(&a->body));
    send_now(x);
}

static struct request *request_make(struct exchange *x)
{
    x->r = request_new(x->server, x, on_answer);
    return x->r;
}

/* Refuse in words; `hard` also drops what the client still has to say. */
static void refuse(struct exchange *x, int status, const char *code, const char *detail,
                   bool hard)
{
    struct request *r = x->r ? x->r : request_make(x);
    server_counters(x->server)->refused_requests++;
    x->hard = hard || x->length > DRAIN_MAX;
    x->close = x->close || x->hard;
    answer_problem(r, status, code, detail, SPAN_NONE);
}

static void answer_file(struct exchange *x, const struct static_file *f)
{
    char header[512];
    int n = lws_hdr_copy(x->wsi, header, sizeof header, WSI_TOKEN_HTTP_ACCEPT_ENCODING);
    bool packed = f->gzip.n && n > 0 && strstr(header, "gzip") && !strstr(header, "gzip;q=0");
    n = lws_hdr_copy(x->wsi, header, sizeof header, WSI_TOKEN_HTTP_IF_NONE_MATCH);
    bool same = n > 0 && static_etag_matches((struct span){header, (size_t)n}, f->etag);
    struct span body = packed ? f->gzip : f->body;
    head_begin(x, same ? 304 : 200, same ? NULL : f->type, same ? -1 : (int64_t)body.n);
    buf_printf(&x->out, "ETag: %s\r\nCache-Control: %s\r\nVary: Accept-Encoding\r\n", f->etag,
               f->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (packed && !same)
        buf_str(&x->out, "Content-Encoding: gzip\r\n");
    buf_str(&x->out, "Content-Security-Policy: " STATIC_CSP "\r\n"
                     "Cross-Origin-Opener-Policy: same-origin\r\n\r\n");
    if (!same && !x->head)
        x->file = body;
    send_now(x);
}

static int done(struct exchange *x, void **user)
{
    struct lws *wsi = x->wsi;
    bool close = x->close;
    *user = NULL;
    exchange_free(x);
    if (close)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* One lws_write a time; what the socket does not take lws keeps, and calls again when it is gone. */
static int on_writeable(struct exchange *x, void **user)
{
    if (!x || x->phase != SENDING)
        return 0;
    if (x->late)
        return -1;
    x->deadline_us = clock_mono_us() + STALL_US;
    size_t total = x->out.n - LWS_PRE;
    char *p;
    size_t n;
    char room[LWS_PRE + CHUNK];
    if (x->sent < total) {
        p = x->out.p + LWS_PRE + x->sent;
        n = total - x->sent < CHUNK ? total - x->sent : CHUNK;
        x->sent += n;
    } else if (x->file_sent < x->file.n) {
        n = x->file.n - x->file_sent < CHUNK ? x->file.n - x->file_sent : CHUNK;
        memcpy(room + LWS_PRE, x->file.p + x->file_sent, n);
        p = room + LWS_PRE;
        x->file_sent += n;
    } else {
        return done(x, user);
    }
    if (lws_write(x->wsi, (unsigned char *)p, n, LWS_WRITE_HTTP_HEADERS) < (int)n)
        return -1;
    if (x->sent == total && x->file_sent == x->file.n && !x->close)
        return done(x, user);
    lws_callback_on_writable(x->wsi);
    return 0;
}

/* --- the request ------------------------------------------------------------------------------------ */

static struct span header_copy(struct lws *wsi, struct arena *a, enum lws_token_indexes token)
{
    int n = lws_hdr_total_length(wsi, token);
    if (n <= 0)
        return SPAN_NONE;
    char *p = arena_alloc(a, (size_t)n + 1);
    return lws_hdr_copy(wsi, p, n + 1, token) == n ? (struct span){p, (size_t)n} : SPAN_NONE;
}

static struct span custom_copy(struct lws *wsi, struct arena *a, const char *name)
{
    int name_n = (int)strlen(name), n = lws_hdr_custom_length(wsi, name, name_n);
    if (n <= 0)
        return SPAN_NONE;
    char *p = arena_alloc(a, (size_t)n + 1);
    return lws_hdr_custom_copy(wsi, p, n + 1, name, name_n) == n ? (struct span){p, (size_t)n}
                                                                 : SPAN_NONE;
}

/* Argument by argument: in the joined text an encoded '&' would look like one that separates. */
static bool query_copy(struct lws *wsi, struct request *r)
{
    struct buf all = {0};
    char one[2048];
    bool ok = true;
    for (int i = 0; ok; i++) {
        int n = lws_hdr_copy_fragment(wsi, one, sizeof one, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n < 0)
            break;
        struct span s = {one, (size_t)n};
        ok = span_is_utf8(s) && !memchr(one, '\n', s.n) && !memchr(one, '\0', s.n) && i < 64;
        buf_span(&all, s);
        buf_char(&all, '\n');
    }
    r->query = arena_span(r->arena, buf_view(&all));
    buf_free(&all);
    return ok;
}

static bool is_changing(struct span method)
{
    return !span_eq(method, SPAN("GET")) && !span_eq(method, SPAN("HEAD"));
}

static bool origin_is_foreign(struct exchange *x, const struct guard_head *h)
{
    struct span origin = header_copy(x->wsi, x->r->arena, WSI_TOKEN_ORIGIN);
    return origin.n && !guard_origin(origin, h->host, server_is_tls(x->server));
}

/* Who asks. False: refused already. */
static bool identify(struct exchange *x, const struct guard_head *h)
{
    struct request *r = x->r;
    struct err e = {0};
    char token[SESSION_TOKEN_CHARS + 1];
    if (!r->view) /* an open route, which has to do without */
        return true;
    if (h->authorization.n) {
        if (!span_starts(h->authorization, SPAN("Bearer "))) {
            refuse(x, 401, "credentials", "请用 Authorization: Bearer 加机器密钥", false);
            return false;
        }
        struct person *p = arena_alloc(r->arena, sizeof *p);
        struct span key = {h->authorization.p + 7, h->authorization.n - 7};
        if (!key_check(r->view, server_options(x->server)->vault, r->arena, span_trim(key), p,
                       &e)) {
            if (e.code == ERR_STORE)
                answer_err(r, &e);
            else
                refuse(x, 401, "credentials", e.text, false);
            return false;
        }
        r->person = p;
        return true;
    }
    size_t n = session_token_of(x->wsi, token);
    if (!n)
        return true;
    r->token = arena_span(r->arena, (struct span){token, n});
    r->person = session_person(server_sessions(x->server), r->token, r->view, r->arena);
    return true;
}

/* A page elsewhere can make a browser send the cookie, but not this header, nor hide its Origin. */
static bool is_forged(struct exchange *x, const struct guard_head *h)
{
    struct request *r = x->r;
    if (!is_changing(r->method))
        return false;
    if (origin_is_foreign(x, h))
        return true;
    bool by_cookie = r->person && r->token.n;
    bool signs_in =
        x->route->open && span_eq(r->method, SPAN("POST")); /* an old cookie may be there */
    return by_cookie && !signs_in &&
           !span_eq(custom_copy(x->wsi, r->arena, "x-wangyi:"), SPAN("1"));
}

static bool may_enter(struct exchange *x, const struct guard_head *h)
{
    struct request *r = x->r;
    const struct route *route = x->route;
    if (is_forged(x, h)) {
        refuse(x, 403, "forged", "更改请求须带 X-Wangyi: 1，且只能来自本站页面", false);
        return false;
    }
    if (route->open)
        return true;
    if (!r->person) {
        refuse(x, 401, "signed_out", "尚未登录或登录已过期，请重新登录", false);
        return false;
    }
    if (!access_may(r->person, r->street, route->act, NULL)) {
        refuse(x, 403, "denied", "您的角色不能使用这项功能", false);
        return false;
    }
    return true;
}

static int64_t body_max(const struct route *route)
{
    if (route->body_max)
        return (int64_t)route->body_max;
    return route->body == BODY_STREAM ? STREAM_DEFAULT : BODY_DEFAULT;
}

static bool body_is_welcome(struct exchange *x)
{
    const struct route *route = x->route;
    if (x->length > (route->body == BODY_NONE ? 0 : body_max(route))) {
        refuse(x, 413, "limit",
               route->body == BODY_NONE ? "这个请求不应带正文" : "正文过大，请分批发送",
               x->length > DRAIN_MAX);
        return false;
    }
    struct span type = x->r->content_type;
    if (route->body == BODY_JSON && x->length > 0 && type.n &&
        !(span_starts(type, SPAN("application/json")) &&
          (type.n == 16 || type.p[16] == ';' || type.p[16] == ' '))) {
        refuse(x, 415, "input", "请用 Content-Type: application/json", false);
        return false;
    }
    return true;
}

static void on_progress(void *owner, struct request *r)
{
    struct exchange *x = owner;
    if (x->phase == READING && request_in_flight(r) < IN_FLIGHT_MAX)
        flow(x, true);
}

/* Before the first byte of the body. False: answered already. */
static bool start(struct exchange *x)
{
    struct request *r = x->r;
    if (span_eq(r->method, SPAN("POST")) && x->route->body == BODY_STREAM &&
        idempotency_replay(r, true))
        return false;
    if (x->route->body == BODY_STREAM) {
        request_on_end(r, x->route->gone);
        request_on_progress(r, on_progress);
        x->route->handle(r);
    }
    return !request_is_answered(r);
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
        x->route->feed(r, SPAN(""), true);
    } else {
        r->body = arena_span(r->arena, buf_view(&x->in));
        buf_free(&x->in);
        if (x->route->body == BODY_JSON && r->body.n) {
            struct json_limits limits = {.bytes = (size_t)body_max(x->route)};
            if (limits.bytes > 64 * 1024)
                limits.string = limits.bytes;
            r->json = json_parse(r->arena, r->body, &limits, NULL, &e);
            if (!r->json) {
                answer_err(r, &e);
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
        flow(x, false);
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
        answer_file(x, f);
    else if (f)
        refuse(x, 405, "method", "页面文件只能读取", false);
    else
        refuse(x, 404, "missing", "没有这个地址", false);
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
    r->content_type = header_copy(x->wsi, r->arena, WSI_TOKEN_HTTP_CONTENT_TYPE);
    r->if_match = header_copy(x->wsi, r->arena, WSI_TOKEN_HTTP_IF_MATCH);
    r->idempotency_key = custom_copy(x->wsi, r->arena, "idempotency-key:");
    if (!query_copy(x->wsi, r)) {
        refuse(x, 400, "input", "查询参数不是 UTF-8、含换行或过多", false);
        return;
    }
    if (!r->view && !x->route->open) {
        answer_unreadable(r);
        return;
    }
    if (!identify(x, h) || !may_enter(x, h) || !body_is_welcome(x) || !start(x))
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
        refuse(x, read ? v.status : 400, "input", read ? v.detail : "请求头过大", true);
        return 0;
    }
    x->length = v.content_length;
    /* Bytes pipelined behind a body confuse lws (1.3, 6): what changes something ends its connection. */
    x->close = span_eq(h.version, SPAN("HTTP/1.0")) || server_is_stopping(x->server) ||
               (h.method != GUARD_GET && h.method != GUARD_HEAD);
    x->expects = expects_continue(wsi);
    struct request *r = request_make(x);
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
        refuse(x, 405, "method", "这个地址不支持这种方法", false);
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
    if (!x->route->feed(x->r, bytes, false))
        return 0;
    if (request_in_flight(x->r) >= IN_FLIGHT_MAX)
        flow(x, false);
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
        send_now(x);
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

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len)
{
    void **slot = user;
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return guard_upgrade(wsi) ? 0 : -1;
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
        if (!slot || *slot)
            return -1;
        return on_headers(wsi, slot);
    case LWS_CALLBACK_HTTP_BODY:
        return slot ? on_body(*slot, (struct span){in, len}) : -1;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return slot ? on_body_complete(*slot) : -1;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return slot ? on_writeable(*slot, slot) : -1;
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
