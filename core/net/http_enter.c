#include "net/http_impl.h"

#include <sodium.h>
#include <string.h>

#include "domain/user.h"
#include "net/guard.h"
#include "net/server_impl.h"
#include "net/session.h"

enum {
    BODY_DEFAULT = 64 * 1024,
    STREAM_DEFAULT = 8 * 1024 * 1024,
};

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

/* Those the route asks for; each as "name:value\n". */
static bool asked_copy(struct exchange *x)
{
    struct request *r = x->r;
    struct buf all = {0};
    bool ok = true;
    for (const char *const *name = x->route->headers; name && *name; name++) {
        struct span value = custom_copy(x->wsi, r->arena, *name);
        if (!value.p)
            continue;
        ok = ok && span_is_utf8(value) && !memchr(value.p, '\n', value.n);
        buf_printf(&all, "%s%.*s\n", *name, SPAN_ARG(value));
    }
    r->headers = arena_span(r->arena, buf_view(&all));
    buf_free(&all);
    return ok;
}

bool http_read_headers(struct exchange *x)
{
    struct request *r = x->r;
    r->content_type = header_copy(x->wsi, r->arena, WSI_TOKEN_HTTP_CONTENT_TYPE);
    r->if_match = header_copy(x->wsi, r->arena, WSI_TOKEN_HTTP_IF_MATCH);
    r->idempotency_key = custom_copy(x->wsi, r->arena, "idempotency-key:");
    struct span coding = header_copy(x->wsi, r->arena, WSI_TOKEN_HTTP_CONTENT_ENCODING);
    if (coding.n && !span_eq(coding, SPAN("identity"))) {
        http_refuse(x, 415, "input", "不接受压缩过的正文（Content-Encoding），请直接发送",
                    false);
        return false;
    }
    if (!asked_copy(x)) {
        http_refuse(x, 400, "input", "请求头不是 UTF-8", false);
        return false;
    }
    if (!query_copy(x->wsi, r)) {
        http_refuse(x, 400, "input", "查询参数不是 UTF-8、含换行或过多", false);
        return false;
    }
    return true;
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

/* The key in an Authorization header. Devices that know no better send it as the password of Basic, with
 * any name; SPAN_NONE: it is neither. */
static struct span key_of_header(struct exchange *x, struct span given)
{
    if (span_starts(given, SPAN("Bearer ")))
        return span_trim((struct span){given.p + 7, given.n - 7});
    if (!x->route->basic || !span_starts(given, SPAN("Basic ")))
        return SPAN_NONE;
    struct span coded = span_trim((struct span){given.p + 6, given.n - 6}), name;
    unsigned char *text = arena_alloc(x->r->arena, coded.n + 1);
    size_t n = 0;
    if (sodium_base642bin(text, coded.n, coded.p, coded.n, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return SPAN_NONE;
    struct span password = {(const char *)text, n};
    name = span_split(&password, ':');
    return password.p && name.p ? password : SPAN_NONE;
}

static void refuse_key(struct exchange *x, const char *why)
{
    if (x->route->basic) /* a device sends nothing until it is asked */
        answer_header(x->r, "WWW-Authenticate", "Basic realm=\"wangyi\"");
    http_refuse(x, 401, "credentials", why, false);
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
        struct span key = key_of_header(x, h->authorization);
        if (!key.p) {
            refuse_key(x, "请用 Authorization: Bearer 加机器密钥");
            return false;
        }
        struct person *p = arena_alloc(r->arena, sizeof *p);
        if (!key_check(r->view, server_options(x->server)->vault, r->arena, key, p, &e)) {
            if (e.code == ERR_STORE)
                answer_err(r, &e);
            else
                refuse_key(x, e.text);
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
        http_refuse(x, 403, "forged", "更改请求须带 X-Wangyi: 1，且只能来自本站页面", false);
        return false;
    }
    if (route->open)
        return true;
    if (!r->person) {
        if (route->basic)
            answer_header(r, "WWW-Authenticate", "Basic realm=\"wangyi\"");
        http_refuse(x, 401, "signed_out", "尚未登录或登录已过期，请重新登录", false);
        return false;
    }
    if (!access_may(r->person, r->street, route->act, NULL)) {
        http_refuse(x, 403, "denied", "您的角色不能使用这项功能", false);
        return false;
    }
    return true;
}

size_t http_body_max(const struct route *route)
{
    if (route->body_max)
        return route->body_max;
    return route->body == BODY_STREAM ? STREAM_DEFAULT : BODY_DEFAULT;
}

static bool body_is_welcome(struct exchange *x)
{
    const struct route *route = x->route;
    if (x->length > (route->body == BODY_NONE ? 0 : (int64_t)http_body_max(route))) {
        http_refuse(x, 413, "limit",
                    route->body == BODY_NONE ? "这个请求不应带正文" : "正文过大，请分批发送",
                    x->length > HTTP_DRAIN_MAX);
        return false;
    }
    struct span type = x->r->content_type;
    if (route->body == BODY_JSON && x->length > 0 && type.n &&
        !(span_starts(type, SPAN("application/json")) &&
          (type.n == 16 || type.p[16] == ';' || type.p[16] == ' '))) {
        http_refuse(x, 415, "input", "请用 Content-Type: application/json", false);
        return false;
    }
    return true;
}

bool http_enter(struct exchange *x, const struct guard_head *h)
{
    return identify(x, h) && may_enter(x, h) && body_is_welcome(x);
}
