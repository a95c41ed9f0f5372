#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/server_impl.h"
#include "util/id.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    SOCKETS_MAX = 4,
    BACKLOG = 1024,
    ACCEPTS_AT_ONCE = 64,
    ALL_MAX = 12000,
    SPARE_DESCRIPTORS = 32, /* kept for the engine, children, files */
    BUCKETS = 1024,
};

struct peer {
    struct peer *next;
    struct listener *listener;
    uint32_t connections;
    char name[64]; /* an IPv4 address, or the /64 of an IPv6 one */
};

struct listener {
    struct server *server;
    struct lws_vhost *vhost;
    struct ev_loop *loop;
    ev_io sockets[SOCKETS_MAX];
    int count, port;
    bool paused, closed;
    uint64_t connections, per_address_max;
    long descriptors_max;
    struct peer *peers[BUCKETS];
};

bool listener_split(const char *address, char *host, size_t host_size, char *port,
                    size_t port_size)
{
    const char *colon = strrchr(address, ':');
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    struct span h = {address, (size_t)(colon - address)};
    if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = (struct span){h.p + 1, h.n - 2};
    else if (memchr(h.p, ':', h.n))
        return false;
    int64_t number;
    if (!h.n || !span_int(span_of(colon + 1), &number) || number > 65535)
        return false;
    return snprintf(host, host_size, "%.*s", SPAN_ARG(h)) < (int)host_size &&
           snprintf(port, port_size, "%s", colon + 1) < (int)port_size;
}

/* --- peers ------------------------------------------------------------------------------------------- */

struct span peer_name(const struct peer *p)
{
    return p ? span_of(p->name) : SPAN("");
}

static void name_of(const struct sockaddr_storage *address, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    } else if (address->ss_family == AF_INET6) {
        struct in6_addr a = ((const struct sockaddr_in6 *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&a)) {
            inet_ntop(AF_INET, a.s6_addr + 12, text, sizeof text);
        } else {
            memset(a.s6_addr + 8, 0, 8); /* one subscriber has a whole /64 */
            inet_ntop(AF_INET6, &a, text, sizeof text);
        }
    }
    snprintf(out, size, "%s", *text ? text : "?");
}

static struct peer *peer_get(struct listener *l, const char *name)
{
    struct peer **at = &l->peers[id_hash64(span_of(name)) % BUCKETS];
    while (*at && strcmp((*at)->name, name))
        at = &(*at)->next;
    if (!*at) {
        *at = mem_alloc(sizeof **at);
        (*at)->listener = l;
        snprintf((*at)->name, sizeof(*at)->name, "%s", name);
    }
    return *at;
}

static void peer_drop_if_idle(struct peer *p)
{
    if (p->connections)
        return;
    struct peer **at = &p->listener->peers[id_hash64(span_of(p->name)) % BUCKETS];
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    mem_free(p);
}

void listener_forget(struct peer *p)
{
    p->connections--;
    p->listener->connections--;
    peer_drop_if_idle(p);
}

uint64_t listener_connections(const struct listener *l)
{
    return l->connections;
}

/* --- accepting --------------------------------------------------------------------------------------- */

static void pause_accepting(struct listener *l, const char *why)
{
    if (l->paused)
        return;
    log_warn("listener", "no more connections for now: %s open=%llu", why,
             (unsigned long long)l->connections);
    l->paused = true;
    for (int i = 0; i < l->count; i++)
        ev_io_stop(l->loop, &l->sockets[i]);
}

static void adopt(struct listener *l, int fd, struct peer *p)
{
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    p->connections++;
    l->connections++;
    server_counters(l->server)->connections_all++;
    lws_adopt_desc_t info = {
        .vh = l->vhost,
        .type = LWS_ADOPT_HTTP | LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL,
        .fd.sockfd = fd,
        .opaque = p,
    };
    lws_adopt_descriptor_vhost_via_info(&info);
}

static void greet(struct listener *l, int fd, const struct sockaddr_storage *address)
{
    char name[64];
    name_of(address, name, sizeof name);
    struct peer *p = peer_get(l, name);
    if (p->connections >= l->per_address_max) {
        server_counters(l->server)->refused_connections++;
        log_warn("listener", "too many connections from one address open=%u", p->connections);
        close(fd);
        return;
    }
    adopt(l, fd, p);
}

static void on_connect(struct ev_loop *loop, ev_io *io, int events)
{
    struct listener *l = io->data;
    (void)loop;
    (void)events;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        struct sockaddr_storage address = {0};
        socklen_t n = sizeof address;
        if (l->connections >= ALL_MAX) {
            pause_accepting(l, "all places are taken");
            return;
        }
        int fd = accept4(io->fd, (struct sockaddr *)&address, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                pause_accepting(l, strerror(errno));
            return;
        }
        if (fd >= l->descriptors_max) {
            close(fd);
            server_counters(l->server)->refused_connections++;
            pause_accepting(l, "descriptors are short");
            return;
        }
        greet(l, fd, &address);
    }
}

void listener_tick(struct listener *l)
{
    if (!l->paused || l->closed || l->connections >= ALL_MAX)
        return;
    l->paused = false;
    for (int i = 0; i < l->count; i++)
        ev_io_start(l->loop, &l->sockets[i]);
}

/* --- opening ------------------------------------------------------------------------------------------ */

static int port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t n = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &n))
        return 0;
    return ntohs(address.ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)&address)->sin6_port
                     : ((const struct sockaddr_in *)&address)->sin_port);
}

/* A bound, listening socket, or -1 with errno. */
static int socket_make(const struct addrinfo *ai)
{
    int one = 1;
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, BACKLOG)) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static bool socket_open(struct listener *l, const struct addrinfo *ai)
{
    int fd = socket_make(ai);
    if (fd < 0)
        return false;
    ev_io *io = &l->sockets[l->count++];
    ev_io_init(io, on_connect, fd, EV_READ);
    io->data = l;
    ev_io_start(l->loop, io);
    if (!l->port)
        l->port = port_of(fd);
    return true;
}

void listener_take_descriptors(void)
{
    const rlim_t want = ALL_MAX + 4 * SPARE_DESCRIPTORS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        log_warn("listener", "descriptors stay as they are: %s", strerror(errno));
}

static long descriptors_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return 1 << 20;
    long n = (long)limit.rlim_cur;
    return n > 4 * SPARE_DESCRIPTORS ? n - SPARE_DESCRIPTORS : n - n / 4;
}

/* The addresses to listen on; NULL: told in `e`. */
static struct addrinfo *resolve(const char *address, bool *any_port, struct err *e)
{
    char host[256], port[8];
    struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    if (!listener_split(address, host, sizeof host, port, sizeof port)) {
        err_set(e, ERR_INPUT, "监听地址“%s”须写成 地址:端口，例如 127.0.0.1:8080", address);
        return NULL;
    }
    int failed = getaddrinfo(host, port, &hints, &list);
    if (failed)
        err_set(e, ERR_INPUT, "监听地址“%s”无法解析：%s", address, gai_strerror(failed));
    *any_port = strcmp(port, "0") == 0;
    return failed ? NULL : list;
}

static bool cannot_listen(const char *address, struct err *e)
{
    return err_set(e, ERR_SYSTEM, "无法监听 %s：%s，请换一个端口或停止占用它的程序", address,
                   strerror(errno));
}

bool listener_check(const char *address, struct err *e)
{
    bool any_port, ok = false;
    struct addrinfo *list = resolve(address, &any_port, e);
    if (!list)
        return false;
    for (struct addrinfo *ai = list; ai && !ok; ai = ai->ai_next) {
        int fd = socket_make(ai);
        ok = fd >= 0;
        if (ok)
            close(fd);
    }
    freeaddrinfo(list);
    return ok || cannot_listen(address, e);
}

struct listener *listener_open(struct server *s, struct lws_vhost *vhost, const char *address,
                               struct err *e)
{
    bool any_port;
    struct addrinfo *list = resolve(address, &any_port, e);
    if (!list)
        return NULL;
    struct listener *l = mem_alloc(sizeof *l);
    l->server = s;
    l->vhost = vhost;
    l->loop = server_loop(s);
    l->descriptors_max = descriptors_max();
    l->per_address_max = server_options(s)->per_address;
    /* With port 0 each family would get a port of its own: take the first only. */
    int limit = any_port ? 1 : SOCKETS_MAX;
    for (struct addrinfo *ai = list; ai && l->count < limit; ai = ai->ai_next)
        (void)socket_open(l, ai);
    freeaddrinfo(list);
    if (!l->count) {
        cannot_listen(address, e);
        mem_free(l);
        return NULL;
    }
    return l;
}

int listener_port(const struct listener *l)
{
    return l->port;
}

void listener_close(struct listener *l)
{
    if (!l || l->closed)
        return;
    l->closed = true;
    for (int i = 0; i < l->count; i++) {
        ev_io_stop(l->loop, &l->sockets[i]);
        close(l->sockets[i].fd);
    }
}

void listener_free(struct listener *l)
{
    if (!l)
        return;
    listener_close(l);
    for (int b = 0; b < BUCKETS; b++) {
        for (struct peer *p = l->peers[b], *next; p; p = next) {
            next = p->next;
            mem_free(p);
        }
    }
    mem_free(l);
}
