/*
 * Load generator: N connections, each sending batches of B records and waiting for the answer before the
 * next. Speaks HTTP (to wangyi) or RESP (to Redis), so that both get the same work from the same client.
 *
 *   bench_load http PORT KEY RUN CONNECTIONS BATCH TOTAL
 *   bench_load redis PORT -  RUN CONNECTIONS BATCH TOTAL
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

static bool is_http;
static int port, batch;
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

/* All of an HTTP answer is there, if it tells its length. */
static bool http_is_whole(const char *answer, size_t n)
{
    const char *body = strstr(answer, "\r\n\r\n"), *length = strstr(answer, "Content-Length: ");
    return body && length && length < body &&
           (size_t)(body + 4 - answer) + strtoul(length + 16, NULL, 10) <= n;
}

/* False: the server ends the connection with this answer. */
static bool read_answer(int fd)
{
    char answer[4096] = "";
    size_t n = 0;
    while (n < sizeof answer - 1) {
        ssize_t r = recv(fd, answer + n, sizeof answer - 1 - n, 0);
        if (r < 0)
            fail("recv");
        if (r == 0)
            break;
        n += (size_t)r;
        answer[n] = 0;
        if (is_http ? http_is_whole(answer, n) : answer[n - 1] == '\n')
            break;
    }
    if (is_http ? !strstr(answer, " 200 ") || !strstr(answer, "\"rejected\":[]")
                : answer[0] != ':') {
        fprintf(stderr, "refused: %.400s\n", answer);
        exit(1);
    }
    return !is_http || !strstr(answer, "Connection: close");
}

static void *client(void *unused)
{
    (void)unused;
    char *out = malloc((size_t)batch * (RECORD_MAX + 32) + 1024);
    char *body = malloc((size_t)batch * RECORD_MAX + RECORD_MAX);
    int fd = dial();
    for (;;) {
        pthread_mutex_lock(&mutex);
        long from = next_record;
        next_record += batch;
        pthread_mutex_unlock(&mutex);
        if (from >= total)
            break;
        int count = total - from < batch ? (int)(total - from) : batch;
        size_t n = (is_http ? http_request : redis_request)(out, body, from, count);
        send_all(fd, out, n);
        if (!read_answer(fd)) {
            close(fd);
            fd = dial();
        }
    }
    close(fd);
    free(out);
    free(body);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: bench_load http|redis PORT KEY RUN CONNECTIONS BATCH TOTAL\n");
        return 2;
    }
    is_http = !strcmp(argv[1], "http");
    port = atoi(argv[2]);
    key = argv[3];
    run = argv[4];
    int connections = atoi(argv[5]);
    batch = atoi(argv[6]);
    total = atol(argv[7]);
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
