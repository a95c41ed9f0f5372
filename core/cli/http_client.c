#include "cli/http_client.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/json.h"

enum { TIMEOUT_S = 120, ANSWER_MAX = 256 << 20, PIECE = 64 << 10 };

struct target {
    char host[256], port[8];
};

static bool split_url(const char *url, struct target *t, struct err *e)
{
    const char *at = url, *colon;
    *t = (struct target){.port = "80"};
    if (strncmp(at, "https://", 8) == 0)
        return err_set(e, ERR_INPUT, "--to 只支持 http://；加密连接请经本机的代理");
    if (strncmp(at, "http://", 7) == 0)
        at += 7;
    size_t n = strcspn(at, "/");
    const char *end = at + n, *close = *at == '[' ? memchr(at, ']', n) : NULL;
    colon =
        close ? (close + 1 < end && close[1] == ':' ? close + 1 : NULL) : memchr(at, ':', n);
    const char *host = close ? at + 1 : at, *host_end = close ? close : colon ? colon : end;
    size_t host_n = (size_t)(host_end - host), port_n = colon ? (size_t)(end - colon - 1) : 0;
    if (host_n == 0 || host_n >= sizeof t->host || port_n >= sizeof t->port)
        return err_set(e, ERR_INPUT, "--to 要写成 http://主机:端口，给的是“%.100s”", url);
    memcpy(t->host, host, host_n);
    if (port_n)
        snprintf(t->port, sizeof t->port, "%.*s", (int)port_n, colon + 1);
    return true;
}

static int dial(const struct target *t, struct err *e)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int failed = getaddrinfo(t->host, t->port, &hints, &list), fd = -1;
    if (failed) {
        err_set(e, ERR_SYSTEM, "找不到 %s：%s", t->host, gai_strerror(failed));
        return -1;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
            failed = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) {
        err_set(e, ERR_SYSTEM, "连不上 %s:%s：%s", t->host, t->port, strerror(failed));
        return -1;
    }
    const struct timeval limit = {TIMEOUT_S, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* False only if the source of the body failed. A server that has answered early and closed is asked for its
 * answer all the same. */
static bool send_request(int fd, const struct target *t, struct http_call *c, struct err *e)
{
    struct buf head = {0};
    buf_printf(&head, "%s %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n%s", c->method,
               c->path, t->host, t->port, c->headers ? c->headers : "");
    if (c->more || c->body.n || strcmp(c->method, "GET") != 0)
        buf_printf(&head, "Content-Length: %lld\r\n",
                   (long long)(c->more ? c->length : (int64_t)c->body.n));
    buf_str(&head, "\r\n");
    bool sent = send_all(fd, head.p, head.n) && send_all(fd, c->body.p, c->body.n);
    buf_free(&head);
    char piece[PIECE];
    for (int64_t left = c->more ? c->length : 0; sent && left > 0;) {
        int64_t n = c->more(c->ctx, piece, left < PIECE ? (size_t)left : PIECE, e);
        if (n <= 0)
            return n < 0 ? false : err_set(e, ERR_SYSTEM, "文件在读的时候变短了，请重来");
        sent = send_all(fd, piece, (size_t)n);
        left -= n;
    }
    return true;
}

static bool receive(int fd, struct buf *raw, struct err *e)
{
    ssize_t n;
    while ((n = recv(fd, buf_space(raw, PIECE), PIECE, 0)) > 0 || (n < 0 && errno == EINTR)) {
        raw->n += n > 0 ? (size_t)n : 0;
        if (raw->n > ANSWER_MAX)
            return err_set(e, ERR_LIMIT, "服务器的回答太大");
    }
    if (raw->n == 0)
        return err_set(e, ERR_SYSTEM, "服务器没有回答：%s",
                       n < 0 ? strerror(errno) : "连接已关闭");
    return true;
}

static bool join_chunks(struct span body, struct buf *out)
{
    while (body.n) {
        char *end;
        struct span line = body;
        const char *nl = memchr(body.p, '\n', body.n);
        if (!nl)
            return false;
        unsigned long size = strtoul(line.p, &end, 16);
        size_t skip = (size_t)(nl + 1 - body.p);
        if (end == line.p || size > body.n - skip)
            return false;
        if (size == 0)
            return true;
        buf_put(out, body.p + skip, size);
        skip += size + 2;
        if (skip > body.n)
            return false;
        body = (struct span){body.p + skip, body.n - skip};
    }
    return false;
}

static void read_header(struct http_call *c, struct span line, bool *chunked)
{
    struct span value = line, name = span_split(&value, ':');
    if (!value.p)
        return;
    value = span_trim(value);
    if (name.n == 17 && strncasecmp(name.p, "transfer-encoding", 17) == 0)
        *chunked = value.n == 7 && strncasecmp(value.p, "chunked", 7) == 0;
    if (name.n == 10 && strncasecmp(name.p, "set-cookie", 10) == 0 && c->cookie[0] == '\0') {
        value = span_split(&value, ';');
        snprintf(c->cookie, sizeof c->cookie, "%.*s", SPAN_ARG(value));
    }
}

static bool read_answer(struct http_call *c, struct span raw, struct err *e)
{
    const char *end = memmem(raw.p, raw.n, "\r\n\r\n", 4);
    int64_t status;
    bool chunked = false;
    if (!end || raw.n < 12 || memcmp(raw.p, "HTTP/1.", 7) != 0 ||
        !span_int((struct span){raw.p + 9, 3}, &status))
        return err_set(e, ERR_SYSTEM, "对方的回答不是 HTTP");
    c->status = (int)status;
    struct span head = {raw.p, (size_t)(end - raw.p)}, line;
    struct span body = {end + 4, raw.n - head.n - 4};
    while (head.p) {
        line = span_trim(span_split(&head, '\n'));
        read_header(c, line, &chunked);
    }
    if (status == 100) /* "go on", the answer proper follows */
        return read_answer(c, body, e);
    if (!chunked)
        buf_span(&c->answer, body);
    else if (!join_chunks(body, &c->answer))
        return err_set(e, ERR_SYSTEM, "服务器的回答不完整");
    return true;
}

bool http_call(const char *url, struct http_call *c, struct err *e)
{
    struct target t;
    struct buf raw = {0};
    c->status = 0;
    c->answer = (struct buf){0};
    c->cookie[0] = '\0';
    if (!split_url(url, &t, e))
        return false;
    int fd = dial(&t, e);
    if (fd < 0)
        return false;
    bool ok =
        send_request(fd, &t, c, e) && receive(fd, &raw, e) && read_answer(c, buf_view(&raw), e);
    close(fd);
    buf_free(&raw);
    return ok;
}

bool http_ask(const char *url, struct http_call *c, struct err *e)
{
    if (!http_call(url, c, e))
        return false;
    if (c->status >= 200 && c->status < 300)
        return true;
    struct arena a = {0};
    const struct json *problem = json_parse(&a, buf_view(&c->answer), NULL, NULL, NULL);
    const char *detail = json_cstr(json_get(problem, "detail"), NULL);
    if (!detail)
        detail = json_cstr(json_get(problem, "title"), "没有说明原因");
    err_set(e, c->status < 500 ? ERR_INPUT : ERR_SYSTEM, "服务器回答 %d：%s", c->status,
            detail);
    arena_free(&a);
    return false;
}

void http_put_escaped(struct buf *b, const char *s)
{
    for (; *s; s++) {
        bool plain = (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
                     (*s >= 'A' && *s <= 'Z') || strchr("-._~", *s);
        if (plain)
            buf_char(b, *s);
        else
            buf_printf(b, "%%%02X", (unsigned char)*s);
    }
}

static bool find_password(const char *name, const char **password, struct err *e)
{
    char prompt[128];
    *password = getenv("WANGYI_PASSWORD");
    if (*password)
        return true;
    snprintf(prompt, sizeof prompt, "%.80s 的密码：", name);
    *password = isatty(0) ? getpass(prompt) : NULL;
    return *password ||
           err_set(e, ERR_INPUT, "请把 %.80s 的密码放进环境变量 WANGYI_PASSWORD", name);
}

bool http_sign_in(const char *url, const char *name, char headers[512], struct err *e)
{
    const char *password;
    if (!find_password(name, &password, e))
        return false;
    struct buf body = {0};
    struct json_w w = json_w_begin(&body);
    json_w_object(&w);
    json_w_kstr(&w, "name", name);
    json_w_kstr(&w, "password", password);
    json_w_object_end(&w);
    json_w_end(&w);
    struct http_call c = {.method = "POST",
                          .path = "/api/v1/session",
                          .body = buf_view(&body),
                          .headers = "Content-Type: application/json\r\nX-Wangyi: 1\r\n"};
    bool ok = http_ask(url, &c, e);
    if (ok)
        snprintf(headers, 512, "Cookie: %s\r\nX-Wangyi: 1\r\n", c.cookie);
    buf_free(&c.answer);
    buf_free(&body);
    return ok;
}
