/*
 * Load generator: N connections, each sending batches of B records and keeping D of them (1) unanswered.
 * Speaks HTTP or a websocket (to wangyi) or RESP (to Redis): the same work from the same client.
 *
 *   bench_load http|ws PORT KEY RUN CONNECTIONS BATCH TOTAL [DEPTH]
 *   bench_load redis PORT   -   RUN CONNECTIONS BATCH TOTAL [DEPTH]
 *
 * Prints one line: seconds, records per second.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

enum { IN_MAX = 16384, FRAME_MAX = 65535 };
static enum { HTTP, WS, REDIS } proto;
static int port, batch, depth = 1;
static const char *key, *run;
static long total, next_record;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
        if (w <= 0)
            fail("send");
        p += w;
        n -= (size_t)w;
    }
}

static size_t http_request(char *out, char *body, long from, int count)
{
    size_t n = 0;
    for (int i = 0; i < count; i++) {
        n += (size_t)record_write(body + n, run, from + i);
        body[n++] = '\n';
    }
    int head = sprintf(out,
                       "POST /api/v1/records/visit HTTP/1.1\r\nHost: "
                       "127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
                       "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
                       port, key, n);
    memcpy(out + head, body, n);
    return (size_t)head + n;
}

static size_t redis_request(char *out, char *body, long from, int count)
{
    size_t n =
        (size_t)sprintf(out, "*%d\r\n$5\r\nFCALL\r\n$4\r\ntake\r\n$1\r\n0\r\n", count + 3);
    for (int i = 0; i < count; i++) {
        int len = record_write(body, run, from + i);
        n += (size_t)sprintf(out + n, "$%d\r\n%s\r\n", len, body);
    }
    return n;
}

/* A text frame with a mask of zeros. */
static size_t ws_frame(char *out, const char *text, size_t n)
{
    size_t at = 2;
    out[0] = (char)0x81;
    if (n < 126) {
        out[1] = (char)(0x80 | n);
    } else {
        out[1] = (char)(0x80 | 126);
        out[2] = (char)(n >> 8);
        out[3] = (char)n;
        at = 4;
    }
    memset(out + at, 0, 4);
    memcpy(out + at + 4, text, n);
    return at + 4 + n;
}

static size_t ws_request(char *out, char *body, long from, int count)
{
    size_t n = (size_t)sprintf(body,
                               "{\"type\":\"command\",\"id\":%ld,\"name\":\"record.put\","
                               "\"data\":{\"type\":\"visit\",\"records\":[",
                               from);
    for (int i = 0; i < count; i++) {
        if (i)
            body[n++] = ',';
        n += (size_t)record_write(body + n, run, from + i);
    }
    n += (size_t)sprintf(body + n, "]}}");
    if (n > FRAME_MAX) {
        fprintf(stderr, "too many records for a frame\n");
        exit(2);
    }
    return ws_frame(out, body, n);
}

/* One connection and the answers that have come in over it. */
struct link {
    int fd;
    char in[IN_MAX];
    size_t n;
};

/* Length of the first answer in the buffer, 0 if it is not whole. */
static size_t answer_size(const struct link *l)
{
    const char *in = l->in;
    if (proto == REDIS) {
        const char *end = memchr(in, '\n', l->n);
        return end ? (size_t)(end + 1 - in) : 0;
    }
    if (proto == WS) {
        const unsigned char *u = (const unsigned char *)in;
        size_t head = l->n > 1 && u[1] == 126 ? 4 : 2;
        if (l->n < head)
            return 0;
        size_t n = head + (head == 4 ? (size_t)u[2] << 8 | u[3] : u[1]);
        return n <= l->n ? n : 0;
    }
    const char *body = strstr(in, "\r\n\r\n"), *length = strstr(in, "Content-Length: ");
    if (!body || !length || length > body)
        return 0;
    size_t n = (size_t)(body + 4 - in) + strtoul(length + 16, NULL, 10);
    return n <= l->n ? n : 0;
}

static void check(const char *answer)
{
    bool ok = proto == REDIS ? answer[0] == ':' : !!strstr(answer, "\"rejected\":[]");
    if (!ok) {
        fprintf(stderr, "refused: %.400s\n", answer);
        exit(1);
    }
}

/* Wait for one answer. False: the server ends the connection with it. */
static bool read_answer(struct link *l, bool is_data)
{
    size_t size;
    while (!(size = answer_size(l))) {
        ssize_t r = recv(l->fd, l->in + l->n, sizeof l->in - 1 - l->n, 0);
        if (r <= 0)
            fail("recv");
        l->n += (size_t)r;
        l->in[l->n] = 0;
    }
    char after = l->in[size];
    l->in[size] = 0;
    if (is_data)
        check(proto == WS ? l->in + (l->in[1] == 126 ? 4 : 2) : l->in);
    bool closes = proto == HTTP && strstr(l->in, "Connection: close");
    l->in[size] = after;
    l->n -= size;
    memmove(l->in, l->in + size, l->n + 1);
    return !closes;
}

static void greet(struct link *l)
{
    char text[1024], framed[1024];
    size_t n = (size_t)sprintf(
        text,
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: wangyi.v1.json\r\n\r\n",
        port);
    send_all(l->fd, text, n);
    while (!strstr(l->in, "\r\n\r\n")) {
        ssize_t r = recv(l->fd, l->in + l->n, 1, 0);
        if (r <= 0)
            fail("handshake");
        l->n += (size_t)r;
        l->in[l->n] = 0;
    }
    l->n = 0;
    n = (size_t)sprintf(text, "{\"type\":\"hello\",\"token\":\"%s\"}", key);
    send_all(l->fd, framed, ws_frame(framed, text, n));
    read_answer(l, false);
}

static void open_link(struct link *l)
{
    l->fd = dial();
    l->n = 0;
    l->in[0] = 0;
    if (proto == WS)
        greet(l);
}

static size_t next_request(char *out, char *body)
{
    pthread_mutex_lock(&mutex);
    long from = next_record;
    next_record += batch;
    pthread_mutex_unlock(&mutex);
    if (from >= total)
        return 0;
    int count = total - from < batch ? (int)(total - from) : batch;
    return (proto == HTTP ? http_request
            : proto == WS ? ws_request
                          : redis_request)(out, body, from, count);
}

static void *client(void *unused)
{
    (void)unused;
    char *out = malloc((size_t)batch * (RECORD_MAX + 32) + 1024);
    char *body = malloc((size_t)batch * RECORD_MAX + 1024);
    struct link *l = calloc(1, sizeof *l);
    int waiting = 0;
    open_link(l);
    for (;;) {
        size_t n = next_request(out, body);
        if (n) {
            send_all(l->fd, out, n);
            waiting++;
        }
        if (!waiting)
            break;
        if (n && waiting < depth)
            continue;
        waiting--;
        if (!read_answer(l, true)) {
            close(l->fd);
            open_link(l);
        }
    }
    close(l->fd);
    free(l);
    free(out);
    free(body);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 8 || argc > 9) {
        fprintf(stderr, "usage: bench_load http|ws|redis PORT KEY RUN CONNECTIONS BATCH TOTAL "
                        "[DEPTH]\n");
        return 2;
    }
    proto = argv[1][0] == 'h' ? HTTP : argv[1][0] == 'w' ? WS : REDIS;
    port = atoi(argv[2]);
    key = argv[3];
    run = argv[4];
    int connections = atoi(argv[5]);
    batch = atoi(argv[6]);
    total = atol(argv[7]);
    if (argc == 9 && proto != HTTP) /* who pipelines POSTs is cut off */
        depth = atoi(argv[8]);
    pthread_t threads[256];
    struct timespec a, b;
    if (connections < 1 || connections > 256 || batch < 1)
        return 2;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < connections; i++)
        pthread_create(&threads[i], NULL, client, NULL);
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    printf("%.4f %.0f\n", s, (double)total / s);
    return 0;
}
