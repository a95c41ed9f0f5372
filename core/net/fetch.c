#include "net/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

enum { CONNECT_S = 10, TOTAL_S = 60, SLOW_BYTES = 100, SLOW_S = 20 };

struct running {
    struct fetch *f;
    bool inside; /* addresses inside are allowed */
    bool refused, too_large;
};

void fetch_global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* --- addresses ------------------------------------------------------------------------------------------------ */

static bool is_inside4(uint32_t a) /* host order */
{
    static const struct {
        uint32_t net, mask;
    } nets[] = {
        {0x00000000, 0xFF000000}, {0x0A000000, 0xFF000000}, {0x64400000, 0xFFC00000},
        {0x7F000000, 0xFF000000}, {0xA9FE0000, 0xFFFF0000}, {0xAC100000, 0xFFF00000},
        {0xC0000000, 0xFFFFFF00}, {0xC0A80000, 0xFFFF0000}, {0xC6120000, 0xFFFE0000},
        {0xE0000000, 0xE0000000},
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        if ((a & nets[i].mask) == nets[i].net)
            return true;
    return false;
}

static uint32_t last4(const unsigned char *b)
{
    return (uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15];
}

static bool is_inside6(const unsigned char b[16])
{
    static const unsigned char zero[12], mapped[12] = {[10] = 0xFF, [11] = 0xFF},
                                         nat64[12] = {0, 0x64, 0xFF, 0x9B};
    if (!memcmp(b, mapped, 12) || !memcmp(b, nat64, 12))
        return is_inside4(last4(b));
    return !memcmp(b, zero, 12) || (b[0] & 0xFE) == 0xFC || /* ::, ::1, old v4; fc00::/7 */
           (b[0] == 0xFE && b[1] >= 0x80) || b[0] == 0xFF;
}

bool fetch_is_inside(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        return is_inside4(ntohl(in.sin_addr.s_addr));
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        return is_inside6(in6.sin6_addr.s6_addr);
    }
    return true;
}

/* Who writes an inside address down means it. */
static bool spells_inside(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    char bare[64] = "";
    size_t n = strlen(host);
    if (!strcasecmp(host, "localhost"))
        return true;
    if (n > 2 && n < sizeof bare && host[0] == '[')
        memcpy(bare, host + 1, n - 2);
    if (inet_pton(AF_INET, host, &v4) == 1)
        return is_inside4(ntohl(v4.s_addr));
    return inet_pton(AF_INET6, bare, &v6) == 1 && is_inside6(v6.s6_addr);
}

/* --- the address asked for -------------------------------------------------------------------------------- */

struct origin {
    char *scheme, *host, *port, *user;
};

static void origin_free(struct origin *o)
{
    curl_free(o->scheme);
    curl_free(o->host);
    curl_free(o->port);
    curl_free(o->user);
}

static bool origin_read(struct origin *o, const char *url)
{
    CURLU *u = curl_url();
    *o = (struct origin){0};
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &o->scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &o->host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_PORT, &o->port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_USER, &o->user, 0) == CURLUE_NO_USER;
    curl_url_cleanup(u);
    return ok && (!strcmp(o->scheme, "http") || !strcmp(o->scheme, "https"));
}

static bool address_check(struct running *r, struct err *e)
{
    struct origin base, asked;
    bool known = origin_read(&base, r->f->base);
    bool ok = origin_read(&asked, r->f->url) && known;
    if (!ok)
        err_set(e, ERR_INPUT, "取数地址要写成 http(s)://主机[:端口]/路径，不带用户名");
    else if (strcmp(base.scheme, asked.scheme) || strcasecmp(base.host, asked.host) ||
             strcmp(base.port, asked.port))
        ok = err_set(e, ERR_DENIED, "要取的地址与设定的不是同一台主机");
    if (ok)
        r->inside = r->f->private_too || spells_inside(base.host);
    origin_free(&base);
    origin_free(&asked);
    return ok;
}

/* --- curl's questions ---------------------------------------------------------------------------------------- */

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct running *r = ctx;
    (void)purpose;
    if (!r->inside && fetch_is_inside(&a->addr)) {
        r->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t on_body(char *bytes, size_t one, size_t n, void *ctx)
{
    struct running *r = ctx;
    (void)one;
    if (r->f->body.n + n > FETCH_BYTES_MAX) {
        r->too_large = true;
        return 0;
    }
    buf_put(&r->f->body, bytes, n);
    return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct running *r = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(r->f->stop);
}

static void set_up(CURL *c, struct running *r, struct curl_slist *headers, char *why)
{
    curl_easy_setopt(c, CURLOPT_URL, r->f->url);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "wangyi/" WANGYI_VERSION);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)TOTAL_S);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
    curl_easy_setopt(c, CURLOPT_MAXFILESIZE, (long)FETCH_BYTES_MAX);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, r);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
    if (r->f->ca_file && r->f->ca_file[0])
        curl_easy_setopt(c, CURLOPT_CAINFO, r->f->ca_file);
}

static void read_answer(CURL *c, struct fetch *f)
{
    const char *type = NULL;
    curl_off_t after = 0;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &f->status);
    curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &after);
    f->retry_after_s = after > 0 ? (int64_t)after : 0;
    f->type[0] = '\0';
    if (type && strlen(type) < sizeof f->type)
        memcpy(f->type, type, strlen(type) + 1);
}

static bool explain(const struct running *r, CURLcode code, const char *why, struct err *e)
{
    if (atomic_load(r->f->stop))
        return err_set(e, ERR_SYSTEM, "服务正在停止");
    if (r->refused)
        return err_set(
            e, ERR_DENIED,
            "取数地址指向内网或本机；确要如此，在 office/feeds.lua 写 private = true");
    if (r->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return err_set(e, ERR_LIMIT, "对方的回答超过 %d KiB，请把 page 改小",
                       FETCH_BYTES_MAX >> 10);
    return err_set(e, ERR_SYSTEM, "取数不成：%.150s", why[0] ? why : curl_easy_strerror(code));
}

bool fetch_run(struct fetch *f, struct err *e)
{
    struct running r = {.f = f};
    struct curl_slist *headers = NULL;
    char why[CURL_ERROR_SIZE] = "";
    if (!address_check(&r, e))
        return false;
    CURL *c = curl_easy_init();
    if (!c)
        return err_set(e, ERR_SYSTEM, "取数的库无法启动");
    for (int i = 0; f->headers[i]; i++)
        headers = curl_slist_append(headers, f->headers[i]);
    set_up(c, &r, headers, why);
    CURLcode code = curl_easy_perform(c);
    if (code == CURLE_OK)
        read_answer(c, f);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return code == CURLE_OK || explain(&r, code, why, e);
}
