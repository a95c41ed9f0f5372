#include "net/guard.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS_MAX = 10, PATH_MAX_BYTES = 2048 };

const char *guard_method_name(enum guard_method m)
{
    static const char *const names[] = {"GET",   "HEAD",   "POST",    "PUT",
                                        "PATCH", "DELETE", "OPTIONS", "?"};
    return names[m];
}

int64_t guard_length(struct span text)
{
    int64_t n = 0;
    if (!text.n || text.n > LENGTH_DIGITS_MAX)
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        n = n * 10 + (text.p[i] - '0');
    }
    return n;
}

static bool takes_body(enum guard_method m)
{
    return m == GUARD_POST || m == GUARD_PUT || m == GUARD_PATCH;
}

static bool path_is_sound(struct span path)
{
    if (!path.n || path.n > PATH_MAX_BYTES || path.p[0] != '/' || !span_is_utf8(path))
        return false;
    for (size_t i = 0; i < path.n; i++)
        if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7F)
            return false;
    return true;
}

static struct guard_verdict refuse(int status, const char *detail)
{
    return (struct guard_verdict){.status = status, .detail = detail, .content_length = -1};
}

struct guard_verdict guard_check(const struct guard_head *h)
{
    struct guard_verdict ok = {.content_length = -1};
    /* A line feed smuggled in through the URL ends the request line early and swallows the version (F1). */
    if (!span_eq(h->version, SPAN("HTTP/1.1")) && !span_eq(h->version, SPAN("HTTP/1.0")))
        return refuse(400, "请求行不合规范");
    if (!path_is_sound(h->path))
        return refuse(400, "网址含有控制字符或不是 UTF-8");
    if (h->host_fragments != 1 || !h->host.n || span_has_control(h->host))
        return refuse(400, "须有且只有一个 Host 头");
    if (h->cookie_fragments > 1 || h->authorization_fragments > 1)
        return refuse(400, "Cookie 和 Authorization 头只能各有一个");
    if (h->method == GUARD_OTHER)
        return refuse(405, "不支持这种请求方法");
    if (h->transfer_encoding.n)
        return refuse(411, "请用 Content-Length 说明正文长度，不支持 Transfer-Encoding");
    if (h->length_fragments || h->content_length.n) {
        ok.content_length = guard_length(h->content_length);
        if (h->length_fragments > 1 || ok.content_length < 0)
            return refuse(400, "Content-Length 须只有一个，且只含 1 至 10 位数字");
    } else if (takes_body(h->method)) {
        return refuse(411, "请用 Content-Length 说明正文长度");
    }
    if (ok.content_length > 0 && !takes_body(h->method))
        return refuse(400, "这种请求方法不能带正文");
    return ok;
}

bool guard_origin(struct span origin, struct span host, bool tls)
{
    struct span scheme = tls ? SPAN("https://") : SPAN("http://");
    if (!host.n || !span_starts(origin, scheme))
        return false;
    struct span rest = {origin.p + scheme.n, origin.n - scheme.n};
    return rest.n == host.n && strncasecmp(rest.p, host.p, host.n) == 0;
}

/* --- with lws ---------------------------------------------------------------------------------- */

struct space {
    char *at;
    int left;
    bool full;
};

static struct span copy(struct lws *wsi, enum lws_token_indexes token, struct space *s)
{
    int n = lws_hdr_total_length(wsi, token);
    if (n <= 0)
        return SPAN_NONE;
    if (n + 1 > s->left || lws_hdr_copy(wsi, s->at, s->left, token) != n) {
        s->full = true;
        return SPAN_NONE;
    }
    struct span out = {s->at, (size_t)n};
    s->at += n + 1;
    s->left -= n + 1;
    return out;
}

/* How many headers of that name came: lws joins them, but keeps each as a fragment. */
static int fragments(struct lws *wsi, enum lws_token_indexes token)
{
    int n = 0;
    if (lws_hdr_total_length(wsi, token) <= 0)
        return 0;
    while (n < 8 && lws_hdr_fragment_length(wsi, token, n) > 0)
        n++;
    return n ? n : 1;
}

static const struct {
    enum lws_token_indexes token;
    enum guard_method method;
} methods[] = {
    {WSI_TOKEN_GET_URI, GUARD_GET},       {WSI_TOKEN_POST_URI, GUARD_POST},
    {WSI_TOKEN_PUT_URI, GUARD_PUT},       {WSI_TOKEN_PATCH_URI, GUARD_PATCH},
    {WSI_TOKEN_DELETE_URI, GUARD_DELETE}, {WSI_TOKEN_OPTIONS_URI, GUARD_OPTIONS},
    {WSI_TOKEN_HEAD_URI, GUARD_HEAD},
};

bool guard_read(struct lws *wsi, struct guard_head *h, char *space, int space_size)
{
    struct space s = {space, space_size, false};
    *h = (struct guard_head){.method = GUARD_OTHER};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (lws_hdr_total_length(wsi, methods[i].token) > 0) {
            if (h->method != GUARD_OTHER)
                return false;
            h->method = methods[i].method;
            h->path = copy(wsi, methods[i].token, &s);
        }
    }
    h->version = copy(wsi, WSI_TOKEN_HTTP, &s);
    h->host = copy(wsi, WSI_TOKEN_HOST, &s);
    h->content_length = copy(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, &s);
    h->transfer_encoding = copy(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING, &s);
    h->upgrade = copy(wsi, WSI_TOKEN_UPGRADE, &s);
    h->cookie = copy(wsi, WSI_TOKEN_HTTP_COOKIE, &s);
    h->authorization = copy(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, &s);
    h->host_fragments = fragments(wsi, WSI_TOKEN_HOST);
    h->cookie_fragments = fragments(wsi, WSI_TOKEN_HTTP_COOKIE);
    h->authorization_fragments = fragments(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
    h->length_fragments = fragments(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    return !s.full;
}

/* `in` of this callback may point into headers already given back (CVE-2025-11677): only tokens are read. */
bool guard_upgrade(struct lws *wsi)
{
    char upgrade[16];
    int n = lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE);
    return n == 9 && lws_hdr_copy(wsi, upgrade, sizeof upgrade, WSI_TOKEN_UPGRADE) == 9 &&
           strcasecmp(upgrade, "websocket") == 0;
}

static bool asks_for(struct lws *wsi, enum lws_token_indexes token, const char *wanted)
{
    char text[256];
    int n = lws_hdr_total_length(wsi, token);
    if (n <= 0 || lws_hdr_copy(wsi, text, sizeof text, token) != n)
        return false;
    struct span list = {text, (size_t)n}, one;
    while (list.p) {
        one = span_split(&list, ',');
        if (span_eq(span_trim(one), span_of(wanted)))
            return true;
    }
    return false;
}

/* A page elsewhere cannot hide its Origin: without one it is no browser. */
static bool origin_is_ours(struct lws *wsi, struct span host, bool tls)
{
    char text[512];
    int n = lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN);
    if (n <= 0)
        return true;
    if (fragments(wsi, WSI_TOKEN_ORIGIN) != 1 ||
        lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_ORIGIN) != n)
        return false;
    return guard_origin((struct span){text, (size_t)n}, host, tls);
}

struct guard_verdict guard_handshake(struct lws *wsi, bool tls, const char *subprotocol)
{
    char space[4096];
    struct guard_head h;
    if (!guard_read(wsi, &h, space, sizeof space))
        return refuse(400, "请求头太大");
    struct guard_verdict v = guard_check(&h);
    if (v.status)
        return v;
    if (!span_eq(h.path, SPAN("/ws")))
        return refuse(404, "websocket 的地址是 /ws");
    if (h.method != GUARD_GET || h.content_length.n || !span_eq(h.version, SPAN("HTTP/1.1")))
        return refuse(400, "websocket 的握手须用 HTTP/1.1 的 GET，不带正文");
    if (!asks_for(wsi, WSI_TOKEN_VERSION, "13"))
        return refuse(426, "Sec-WebSocket-Version 须为 13");
    if (!asks_for(wsi, WSI_TOKEN_PROTOCOL, subprotocol))
        return refuse(400, "Sec-WebSocket-Protocol 须含 wangyi.v1.json");
    if (!origin_is_ours(wsi, h.host, tls))
        return refuse(403, "只能从本系统的网页连接（Origin 不符）");
    return v;
}

void guard_refuse_upgrade(struct lws *wsi, const struct guard_verdict *v)
{
    unsigned char bytes[LWS_PRE + 1024];
    char body[512];
    const char *reason = v->status == 404   ? "Not Found"
                         : v->status == 403 ? "Forbidden"
                         : v->status == 426 ? "Upgrade Required"
                                            : "Bad Request";
    int n = snprintf(body, sizeof body,
                     "{\"type\":\"about:blank\",\"title\":\"请求有误\",\"status\":%d,"
                     "\"detail\":\"%s\",\"code\":\"handshake\",\"errors\":[]}",
                     v->status, v->detail);
    n = snprintf((char *)bytes + LWS_PRE, sizeof bytes - LWS_PRE,
                 "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n%s"
                 "Cache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
                 v->status, reason, v->status == 426 ? "Sec-WebSocket-Version: 13\r\n" : "", n,
                 body);
    (void)lws_write(wsi, bytes + LWS_PRE, (size_t)n, LWS_WRITE_HTTP_HEADERS);
}
