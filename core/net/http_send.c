#include "net/http_impl.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/server_impl.h"
#include "net/static.h"
#include "util/clock.h"

enum { CHUNK = 32 * 1024 };
static const int64_t STALL_US = 10LL * 1000000;

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

/* Whether lws has read bytes of some connection that nobody took yet: then it would not wait. Asks of
 * all, since it does not tell of one; another's bytes cost no more than a connection. */
static bool lws_holds_bytes(struct lws *wsi)
{
    return lws_service_adjust_timeout(lws_get_context(wsi), 1, 0) == 0;
}

/* Bytes pipelined behind a body confuse lws (1.3, 6): what changes something ends its connection, unless
 * all of a body was taken and nothing came behind it. */
static bool must_close(struct exchange *x)
{
    if (x->close || server_is_stopping(x->server))
        return true;
    if (!x->changes)
        return false;
    exchange_flow(x, true); /* the bytes of a paused connection are not counted */
    return !x->complete || x->length <= 0 || lws_holds_bytes(x->wsi);
}

/* The head goes to x->out; `length` -1: a status that has no body. */
static void head_begin(struct exchange *x, int status, const char *type, int64_t length)
{
    struct buf *out = &x->out;
    x->close = must_close(x);
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

void http_send(struct exchange *x)
{
    if (x->length > x->got && x->phase == READING && !x->hard && !x->expects) {
        x->draining = true;
        return;
    }
    x->phase = SENDING;
    x->deadline_us = clock_mono_us() + STALL_US;
    exchange_flow(x, true); /* a paused connection never sends (dependencies.md 1.2) */
    lws_set_timeout(x->wsi, NO_PENDING_TIMEOUT, 0);
    lws_callback_on_writable(x->wsi);
}

void http_answer(void *owner, struct request *r, struct answer *a)
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
    http_send(x);
}

void http_refuse(struct exchange *x, int status, const char *code, const char *detail,
                 bool hard)
{
    struct request *r = x->r ? x->r : exchange_request(x);
    server_counters(x->server)->refused_requests++;
    x->hard = hard || x->length > HTTP_DRAIN_MAX;
    x->close = x->close || x->hard;
    answer_problem(r, status, code, detail, SPAN_NONE);
}

void http_send_file(struct exchange *x, const struct static_file *f)
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
    http_send(x);
}

static int done(struct exchange *x, void **user)
{
    struct lws *wsi = x->wsi;
    bool close = x->close || (x->changes && lws_holds_bytes(wsi));
    *user = NULL;
    exchange_free(x);
    if (close)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* One lws_write a time; what the socket does not take lws keeps, and calls again when it is gone. */
int http_send_more(struct exchange *x, void **user)
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
