/*
 * Fan-out of one message to N sockets: the hub behind its real handshake, against a bare epoll
 * loop that does nothing but joined sends. Same clients, same run; the server has one core, the
 * clients the other. Prints deliveries a second and memory a connection; judges nothing.
 *
 *   bench_fanout [SECONDS a round [ROW]]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain/alert.h"
#include "net/hub_impl.h"
#include "net/session.h"
#include "store/store.h"
#include "store/view.h"
#include "util/clock.h"
#include "util/mem.h"

enum { PAYLOAD = 200, FRAME = PAYLOAD + 4, MAX_CONNS = 10000 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set); /* one core only: then they share it */
}

/* What the server tells: [0] KiB before, [1] subscribers, [2] KiB now, [3] dropped. */
static long *shared_page(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("mmap");
    return p;
}

static long resident_kib(void)
{
    char line[128];
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fgets(line, sizeof line, f))
        sscanf(line, "%*d %ld", &pages);
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- ours: hub and websockets, with a server around them that has nothing else ---- */

struct server {
    struct server_options o;
    struct ev_loop *loop;
    struct lws_context *lws;
    struct view *view;
    struct hub *hub;
    struct request_list *requests;
    struct server_counters counters;
    struct server_task *first, **last;
};
static struct server ours;
static const struct person reader = {.name = {"bench", 5}, .role = ROLE_ADMIN};

const struct server_options *server_options(const struct server *s)
{
    return &s->o;
}
struct view *server_view(struct server *s)
{
    struct err e;
    view_renew(s->view, &e);
    return s->view;
}
struct street *server_street(struct server *s)
{
    (void)s;
    return NULL;
}
struct street *server_street_ref(struct server *s)
{
    return server_street(s);
}
struct sessions *server_sessions(struct server *s)
{
    (void)s;
    return NULL;
}
struct hub *server_hub(struct server *s)
{
    return s->hub;
}
struct jobs *server_jobs(struct server *s)
{
    (void)s;
    return NULL;
}
bool server_is_tls(const struct server *s)
{
    (void)s;
    return false;
}
struct server_counters *server_counters(struct server *s)
{
    return &s->counters;
}
struct request_list **server_requests(struct server *s)
{
    return &s->requests;
}
void server_post(struct server *s, struct server_task *t)
{
    t->next = NULL;
    *s->last = t;
    s->last = &t->next;
    lws_cancel_service(s->lws);
}
void server_post_later(struct server *s, struct server_task *t)
{
    server_post(s, t);
}
const struct person *session_person(struct sessions *ss, struct span token, struct view *v,
                                    struct arena *a)
{
    (void)ss;
    (void)token;
    (void)v;
    (void)a;
    return &reader;
}
bool session_is_live(struct sessions *ss, struct span token)
{
    (void)ss;
    (void)token;
    return true;
}
size_t session_token_of(struct lws *wsi, char out[SESSION_TOKEN_CHARS + 1])
{
    (void)wsi;
    memset(out, 'x', SESSION_TOKEN_CHARS);
    out[SESSION_TOKEN_CHARS] = '\0';
    return SESSION_TOKEN_CHARS;
}

static int on_any(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len)
{
    (void)wsi;
    (void)user;
    (void)in;
    (void)len;
    if (reason != LWS_CALLBACK_EVENT_WAIT_CANCELLED)
        return 0;
    struct server_task *t = ours.first, *next;
    ours.first = NULL;
    ours.last = &ours.first;
    for (; t; t = next) {
        next = t->next;
        t->run(t);
    }
    return 0;
}

static void on_trigger(struct ev_loop *loop, ev_io *io, int events)
{
    static char text[PAYLOAD];
    char bytes[256];
    (void)loop;
    (void)events;
    memset(text, 'x', sizeof text);
    ssize_t n = read(io->fd, bytes, sizeof bytes);
    if (n <= 0)
        exit(0);
    for (ssize_t i = 0; i < n; i++)
        hub_spread(ours.hub, NULL, HUB_ALERTS, &(struct alert){0},
                   (struct span){text, sizeof text});
    hub_pump(ours.hub);
}

static void on_report(struct ev_loop *loop, ev_timer *t, int events)
{
    (void)loop;
    (void)events;
    struct hub_stats stats;
    hub_stats(ours.hub, &stats);
    long *shared = t->data;
    shared[1] = (long)stats.subscriptions;
    shared[2] = resident_kib();
    shared[3] = (long)stats.dropped_slow;
}

static void serve_ours(int port, int trigger, long *shared)
{
    static const struct lws_protocols protocols[] = {{.name = "http", .callback = on_any},
                                                     {.name = WS_PROTOCOL,
                                                      .callback = ws_callback,
                                                      .per_session_data_size = WS_SESSION_BYTES,
                                                      .rx_buffer_size = 4096},
                                                     {0}};
    char dir[] = "/tmp/bench_fanoutXXXXXX";
    struct err e;
    if (!mkdtemp(dir))
        die("mkdtemp");
    lws_set_log_level(LLL_ERR, NULL);
    struct store_options so = {.dir = dir, .no_sync = true, .map_bytes = 1 << 26};
    ours.o.store = store_open(&so, &e);
    if (!ours.o.store || !(ours.view = view_open(ours.o.store, &e))) {
        fprintf(stderr, "bench_fanout: %s\n", e.text);
        exit(1);
    }
    ours.last = &ours.first;
    ours.loop = ev_loop_new(EVBACKEND_EPOLL);
    void *loops[] = {ours.loop};
    struct lws_context_creation_info info = {.port = port,
                                             .iface = "127.0.0.1",
                                             .protocols = protocols,
                                             .foreign_loops = loops,
                                             .user = &ours,
                                             .options = LWS_SERVER_OPTION_LIBEV |
                                                        LWS_SERVER_OPTION_VALIDATE_UTF8,
                                             .gid = -1,
                                             .uid = -1};
    ours.lws = lws_create_context(&info);
    if (!ours.lws)
        die("lws_create_context");
    ours.hub = hub_new(&ours, &e);
    ev_io io;
    ev_timer report;
    ev_io_init(&io, on_trigger, trigger, EV_READ);
    ev_io_start(ours.loop, &io);
    ev_timer_init(&report, on_report, 0.1, 0.1);
    report.data = shared;
    ev_timer_start(ours.loop, &report);
    char gone[80];
    snprintf(gone, sizeof gone, "rm -rf %s", dir);
    if (system(gone)) /* open files live on */
        die(gone);
    shared[0] = resident_kib();
    ev_run(ours.loop, 0);
}

/* ---- theirs: the least that could do it ---- */

struct bare {
    int fd;
    bool open, blocked;
    size_t at; /* offset in the log */
};
static char *bare_log;
static size_t bare_end, bare_size;

static void bare_flush(int poll, struct bare *b)
{
    while (b->at < bare_end) {
        ssize_t n = send(b->fd, bare_log + b->at % bare_size, bare_end - b->at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            b->blocked = true;
            struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = b};
            epoll_ctl(poll, EPOLL_CTL_MOD, b->fd, &ev);
            return;
        }
        b->at += (size_t)n;
    }
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096))
        die("listen");
    return fd;
}

static void bare_take(int poll, int listener, struct bare *all, int *count)
{
    int on = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct bare *b = &all[(*count)++];
    *b = (struct bare){.fd = fd};
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = b};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &ev);
}

static void bare_read(struct bare *b, long *shared)
{
    static const char ok[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\n\r\n";
    char bytes[4096];
    if (recv(b->fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0 || b->open)
        return;
    b->open = true;
    b->at = bare_end;
    shared[1]++;
    if (send(b->fd, ok, sizeof ok - 1, MSG_NOSIGNAL) < 0)
        die("send");
}

static void serve_bare(int port, int trigger, long *shared)
{
    static struct bare all[MAX_CONNS], listener, trig;
    int count = 0, poll = epoll_create1(0), lfd = listen_on(port);
    bare_size = (size_t)FRAME * 1000000;
    bare_log = mem_alloc(bare_size); /* long enough for a round */
    struct epoll_event evs[256], ev = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(poll, EPOLL_CTL_ADD, lfd, &ev);
    ev.data.ptr = &trig;
    epoll_ctl(poll, EPOLL_CTL_ADD, trigger, &ev);
    shared[0] = resident_kib();
    for (;;) {
        int n = epoll_wait(poll, evs, 256, -1);
        for (int i = 0; i < n; i++) {
            struct bare *b = evs[i].data.ptr;
            if (b == &listener) {
                bare_take(poll, lfd, all, &count);
            } else if (b == &trig) {
                char bytes[256];
                ssize_t m = read(trigger, bytes, sizeof bytes);
                if (m <= 0)
                    exit(0);
                for (ssize_t k = 0; k < m; k++) {
                    char *p = bare_log + bare_end;
                    memset(p, 'x', FRAME);
                    p[0] = (char)0x81;
                    p[1] = 126;
                    p[2] = 0;
                    p[3] = (char)PAYLOAD;
                    bare_end += FRAME;
                }
                for (int k = 0; k < count; k++)
                    if (!all[k].blocked)
                        bare_flush(poll, &all[k]);
                shared[2] = resident_kib();
            } else {
                if (evs[i].events & EPOLLOUT) {
                    b->blocked = false;
                    struct epoll_event in = {.events = EPOLLIN, .data.ptr = b};
                    epoll_ctl(poll, EPOLL_CTL_MOD, b->fd, &in);
                    bare_flush(poll, b);
                }
                if (evs[i].events & EPOLLIN)
                    bare_read(b, shared);
            }
        }
    }
}

/* ---- the clients ---- */

static size_t put_frame(char *out, const char *text)
{
    size_t n = strlen(text);
    out[0] = (char)0x81;
    out[1] = (char)(0x80 | n); /* below 126; a mask of zeros */
    memset(out + 2, 0, 4);
    memcpy(out + 6, text, n);
    return n + 6;
}

static int client(int port)
{
    static const char *const words[] = {
        "{\"type\":\"hello\",\"id\":0}",
        "{\"type\":\"subscribe\",\"id\":1,\"stream\":\"alerts\"}"};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[1024];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    for (int tries = 0; connect(fd, (struct sockaddr *)&a, sizeof a); tries++) {
        if (tries > 200)
            die("connect");
        usleep(10000);
    }
    int n = snprintf(
        text, sizeof text,
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Origin: http://127.0.0.1:%d\r\nSec-WebSocket-Protocol: " WS_PROTOCOL "\r\n\r\n",
        port, port);
    if (send(fd, text, (size_t)n, 0) != n || recv(fd, text, sizeof text, 0) <= 0)
        die("handshake");
    size_t m = put_frame(text, words[0]);
    m += put_frame(text + m, words[1]);
    if (send(fd, text, m, 0) != (ssize_t)m)
        die("hello");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static uint64_t drain(int poll, int wait_ms)
{
    static char bytes[1 << 18];
    struct epoll_event evs[256];
    uint64_t total = 0;
    int n = epoll_wait(poll, evs, 256, wait_ms);
    for (int i = 0; i < n; i++) {
        ssize_t got = recv(evs[i].data.fd, bytes, sizeof bytes, 0);
        if (got == 0) {
            fprintf(stderr, "bench_fanout: a client was cut off\n");
            exit(1);
        }
        total += got > 0 ? (uint64_t)got : 0;
    }
    return total;
}

static double round_of(int poll, int trigger, uint64_t clients, uint64_t in_flight,
                       double seconds, uint64_t *deliveries)
{
    uint64_t sent = 0, bytes = 0;
    int64_t start = clock_mono_us(), end = start + (int64_t)(seconds * 1e6);
    for (;;) {
        uint64_t whole = bytes / (clients * FRAME);
        bool over = clock_mono_us() >= end;
        while (!over && sent - whole < in_flight) {
            if (write(trigger, "x", 1) != 1)
                die("trigger");
            sent++;
        }
        if (over && bytes >= sent * clients * FRAME)
            break;
        bytes += drain(poll, 1000);
    }
    *deliveries = sent * clients;
    return (double)(sent * clients) / ((double)(clock_mono_us() - start) / 1e6);
}

struct result {
    double rate, kib,
        cpu; /* cpu: µs of the server a delivery, steadier than the rate on a busy machine */
};

static double cpu_us(pid_t pid)
{
    char path[64], text[512];
    long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (f && fgets(text, sizeof text, f) && strrchr(text, ')'))
        sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
               &user, &kernel);
    if (f)
        fclose(f);
    return (double)(user + kernel) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static struct result run(bool bare, int clients, int in_flight, double seconds)
{
    static int next_port;
    int pipes[2], port = next_port ? ++next_port : (next_port = 10000 + getpid() % 20000);
    long *shared = shared_page();
    if (pipe(pipes))
        die("pipe");
    pid_t server = fork();
    if (server == 0) {
        pin(0);
        close(pipes[1]);
        if (bare)
            serve_bare(port, pipes[0], shared);
        else
            serve_ours(port, pipes[0], shared);
        _exit(0);
    }
    close(pipes[0]);
    pin(1);
    int poll = epoll_create1(0), *fds = mem_array(NULL, (size_t)clients, sizeof *fds);
    for (int i = 0; i < clients; i++) {
        fds[i] = client(port);
        struct epoll_event ev = {.events = EPOLLIN, .data.fd = fds[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, fds[i], &ev);
    }
    while (*(volatile long *)&shared[1] < clients)
        drain(poll, 10);
    for (int i = 0; i < 20; i++) /* the answers to hello and subscribe */
        drain(poll, 10);
    struct result r = {0};
    uint64_t deliveries;
    double before = cpu_us(server);
    r.rate =
        round_of(poll, pipes[1], (uint64_t)clients, (uint64_t)in_flight, seconds, &deliveries);
    r.cpu = (cpu_us(server) - before) / (double)deliveries;
    usleep(200000);
    r.kib = (double)(shared[2] - shared[0]) / clients;
    for (int i = 0; i < clients; i++)
        close(fds[i]);
    close(poll);
    close(pipes[1]);
    mem_free(fds);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return r;
}

int main(int argc, char **argv)
{
    static const int rounds[][2] = {{1000, 1}, {1000, 16}, {10000, 1}, {10000, 4}};
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    struct rlimit many = {25000, 25000};
    signal(SIGPIPE, SIG_IGN);
    if (setrlimit(RLIMIT_NOFILE, &many))
        getrlimit(RLIMIT_NOFILE, &many);
    printf("%-22s %11s %11s %6s %9s %9s %6s %9s\n", "fan-out, 200 bytes", "wangyi /s",
           "bare /s", "ratio", "us cpu", "bare cpu", "ratio", "KiB/conn");
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        if (argc > 2 && (size_t)atol(argv[2]) != i)
            continue;
        int n = rounds[i][0], flight = rounds[i][1];
        if ((rlim_t)n + 100 > many.rlim_cur) {
            printf("N=%d left out: only %ld files\n", n, (long)many.rlim_cur);
            continue;
        }
        struct result bare = run(true, n, flight, seconds),
                      our = run(false, n, flight, seconds);
        char name[40];
        snprintf(name, sizeof name, "N=%d, %d in flight", n, flight);
        printf("%-22s %11.0f %11.0f %6.2f %9.2f %9.2f %6.2f %9.1f\n", name, our.rate, bare.rate,
               our.rate / bare.rate, our.cpu, bare.cpu, bare.cpu / our.cpu, our.kib);
        fflush(stdout);
    }
    return 0;
}
