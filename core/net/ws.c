#include "net/ws.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/guard.h"
#include "net/hub_impl.h"
#include "net/session.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    SECOND_US = 1000 * 1000,
    HELLO_WITHIN_US = 5 * SECOND_US,
    CLOSE_WITHIN_US = 10 * SECOND_US,
    FRAMES_A_SECOND = 100,
    FRAMES_A_SECOND_MACHINE = 20000, /* devices that send records one by one */
    KERNEL_BYTES = 128 * 1024,       /* the send buffer: what a dead client may hold there */
};

static struct hub *hub_of(struct lws *wsi)
{
    return server_hub(lws_context_user(lws_get_context(wsi)));
}

void ws_conn_unref(struct ws_conn *c)
{
    if (--c->refs)
        return;
    ws_assembly_free(&c->in);
    buf_free(&c->out);
    mem_free(c->token);
    mem_free(c->name);
    if (c->as)
        arena_free(&c->as->arena);
    mem_free(c->as);
    mem_free(c);
}

/* A small send buffer, so that what a slow client costs is here, where it is counted. */
static void set_socket(int fd)
{
    int on = 1, bytes = KERNEL_BYTES;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes))
        log_warn("ws", "socket options refused errno=%d", errno);
}

static void established(struct lws *wsi, struct ws_conn **slot)
{
    struct hub *h = hub_of(wsi);
    struct ws_conn *c = mem_alloc(sizeof *c);
    char token[SESSION_TOKEN_CHARS + 1];
    *slot = c;
    c->wsi = wsi;
    c->deadline = clock_mono_us() + HELLO_WITHIN_US;
    if (session_token_of(wsi, token))
        c->token = mem_strdup(token);
    set_socket(lws_get_socket_fd(wsi));
    c->fd = server_is_tls(h->server) ? -1 : lws_get_socket_fd(wsi);
    hub_enter(h, c);
    if (h->stopping)
        ws_end(c, WS_GOING_AWAY, "server is stopping");
}

static void closed(struct ws_conn **slot)
{
    struct ws_conn *c = *slot;
    *slot = NULL;
    if (!c)
        return;
    c->wsi = NULL;
    hub_leave(c);
}

void ws_end(struct ws_conn *c, enum ws_close code, const char *text)
{
    if (!c->wsi || c->closing)
        return;
    c->closing = true;
    c->close_code = (uint16_t)code;
    c->close_text = text;
    c->deadline = clock_mono_us() + CLOSE_WITHIN_US;
    for (int i = 0; i < HUB_STREAMS; i++)
        if (c->class)
            hub_sub_end(c, i);
    ws_assembly_free(&c->in);
    if (code == WS_TOO_SLOW)
        buf_free(&c->out);
    lws_callback_on_writable(c->wsi);
}

/* Without waiting for the handshake of closing: the process is about to end. */
void ws_goodbye(struct ws_conn *c)
{
    static const unsigned char frame[] = {0x88, 2, WS_GOING_AWAY >> 8, WS_GOING_AWAY & 0xFF};
    if (c->wsi && c->fd >= 0 && !c->closing && !lws_partial_buffered(c->wsi)) {
        ssize_t n = send(c->fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == sizeof frame)
            c->close_code = 0;
        c->closing = true;
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        return;
    }
    ws_end(c, WS_GOING_AWAY, "server is stopping");
}

void ws_tick(struct ws_conn *c, bool look, int64_t now)
{
    if (c->deadline && now > c->deadline) {
        if (c->closing)
            ws_kill(c);
        else
            ws_end(c, WS_TIMEOUT, "say hello");
        return;
    }
    if (look && c->class && !c->closing)
        ws_look(c);
}

static bool too_fast(struct ws_conn *c)
{
    int64_t second = clock_mono_us() / SECOND_US;
    if (second != c->second) {
        c->second = second;
        c->frames_in_second = 0;
    }
    return ++c->frames_in_second > (c->machine ? FRAMES_A_SECOND_MACHINE : FRAMES_A_SECOND);
}

static void receive(struct ws_conn *c, struct lws *wsi, struct span piece)
{
    uint64_t left = lws_remaining_packet_payload(wsi);
    size_t max = c->class ? WS_MESSAGE_MAX : WS_MESSAGE_HELLO_MAX;
    struct span message;
    if (c->closing)
        return;
    if (lws_frame_is_binary(wsi)) {
        ws_end(c, WS_BAD_REQUEST, "text only");
        return;
    }
    if (!left && too_fast(c)) {
        ws_end(c, WS_TOO_SLOW, "too many frames a second");
        return;
    }
    switch (ws_assemble(&c->in, piece, left, lws_is_final_fragment(wsi), max, &message)) {
    case WS_PIECE_MORE:
        return;
    case WS_PIECE_WHOLE:
        ws_message(c, message);
        return;
    case WS_PIECE_TOO_LARGE:
        ws_end(c, WS_TOO_LARGE, "message too large");
        return;
    case WS_PIECE_TOO_MANY:
        ws_end(c, WS_TOO_LARGE, "too many fragments");
        return;
    }
}

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                size_t len)
{
    struct ws_conn **slot = user, *c = slot ? *slot : NULL;
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return guard_handshake(wsi, server_is_tls(lws_context_user(lws_get_context(wsi))),
                               WS_PROTOCOL)
                       .status
                   ? -1
                   : 0;
    case LWS_CALLBACK_ESTABLISHED:
        if (!slot)
            return -1;
        established(wsi, slot);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        if (c)
            receive(c, wsi, (struct span){in, len});
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return c ? ws_writeable(c) : 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        if (c) { /* lws answers it; nothing may be sent after that */
            c->closing = true;
            c->close_code = 0;
            c->deadline = clock_mono_us() + CLOSE_WITHIN_US;
        }
        return 0;
    case LWS_CALLBACK_CLOSED:
        if (slot)
            closed(slot);
        return 0;
    default:
        return 0;
    }
}
