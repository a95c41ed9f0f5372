/*
 * How bytes leave. Without TLS everything pending goes to the kernel in one call, straight from
 * the shared log; libwebsockets keeps the reading side, its own pings and the handshake of
 * closing. With TLS the same bytes are copied and go through lws_write. Both are tried at once,
 * without waiting for a WRITEABLE: that is asked for when the kernel takes no more. What lws
 * itself has begun to send always goes first.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/hub_impl.h"
#include "util/log.h"

enum { SEND_PIECES = 64, SEND_BYTES = 256 * 1024, TLS_BYTES = 32 * 1024 };

/* What is pending, as it will be sent: own answers first, then each stream. */
struct load {
    struct iovec pieces[SEND_PIECES];
    int count;
    size_t own, of[HUB_STREAMS], total;
};

void ws_say(struct ws_conn *c, struct span payload)
{
    if (!c->wsi || c->closing)
        return;
    feed_frame(&c->out, payload);
    c->out_messages++;
    hub_queue_flush(c);
}

static bool has_pending(const struct ws_conn *c)
{
    if (c->out.n)
        return true;
    for (int i = 0; i < HUB_STREAMS; i++) {
        const struct feed_reader *r = &c->subs[i].reader;
        if (r->feed && r->at < r->feed->end && !feed_is_lost(r))
            return true;
    }
    return false;
}

static void gather(struct ws_conn *c, struct load *l)
{
    size_t max = c->fd < 0 ? TLS_BYTES : SEND_BYTES;
    l->count = 0;
    l->own = l->total = c->out.n;
    if (c->out.n)
        l->pieces[l->count++] = (struct iovec){c->out.p, c->out.n};
    for (int i = 0; i < HUB_STREAMS; i++) {
        struct iovec *first = l->pieces + l->count;
        int n = feed_gather(&c->subs[i].reader, first, SEND_PIECES - l->count, max);
        l->of[i] = 0;
        for (int k = 0; k < n; k++)
            l->of[i] += first[k].iov_len;
        l->count += n;
        l->total += l->of[i];
    }
}

static void block(struct ws_conn *c)
{
    c->blocked = true;
    lws_callback_on_writable(c->wsi);
}

/* lws brings a message begun to an end before it does anything else: its own pings and the
 * close must not fall into the middle. Handed over as it is: framed already. */
static bool hand_over(struct ws_conn *c, struct span rest)
{
    struct buf *b = &c->hub->scratch;
    buf_clear(b);
    buf_space(b, LWS_PRE + rest.n);
    unsigned char *p = (unsigned char *)b->p + LWS_PRE;
    memcpy(p, rest.p, rest.n);
    block(c);
    return lws_write(c->wsi, p, rest.n, LWS_WRITE_HTTP) >= 0;
}

/* `n` bytes of the load have left. */
static bool sent(struct ws_conn *c, const struct load *l, size_t n)
{
    struct hub *h = c->hub;
    struct span rest = SPAN_NONE;
    size_t own = l->own < n ? l->own : n;
    h->stats.bytes_out += n;
    n -= own;
    if (own && own < l->own)
        rest = (struct span){c->out.p + own, l->own - own};
    for (int i = 0; i < HUB_STREAMS && n; i++) {
        size_t mine = l->of[i] < n ? l->of[i] : n;
        uint64_t before = c->subs[i].reader.at;
        if (!mine)
            continue;
        struct span cut = feed_sent(&c->subs[i].reader, mine);
        h->stats.events_out += c->subs[i].reader.at - before;
        if (cut.n)
            rest = cut;
        n -= mine;
    }
    bool ok = !rest.n || hand_over(c, rest);
    if (own) {
        buf_free(&c->out);
        c->out_messages = 0;
    }
    return ok;
}

void ws_kill(struct ws_conn *c)
{
    c->closing = true;
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* All of it in one write: what TLS does not take at once waits in lws, and nothing is added to
 * it. */
static bool send_tls(struct ws_conn *c, const struct load *l)
{
    struct buf *b = &c->hub->scratch;
    buf_clear(b);
    buf_space(b, LWS_PRE + l->total);
    unsigned char *p = (unsigned char *)b->p + LWS_PRE;
    size_t n = 0;
    for (int i = 0; i < l->count; i++) {
        memcpy(p + n, l->pieces[i].iov_base, l->pieces[i].iov_len);
        n += l->pieces[i].iov_len;
    }
    return lws_write(c->wsi, p, n, LWS_WRITE_HTTP) >= 0 && sent(c, l, n);
}

/* False: the connection is broken. */
static bool send_plain(struct ws_conn *c, const struct load *l)
{
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    const struct iovec *first = l->pieces;
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)first,
                         .msg_iovlen = (size_t)l->count};
    ssize_t n = l->count == 1 ? send(c->fd, first->iov_base, first->iov_len, flags)
                              : sendmsg(c->fd, &msg, flags);
    if (n >= 0)
        return sent(c, l, (size_t)n);
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return false;
    block(c);
    return true;
}

static void send_once(struct ws_conn *c)
{
    struct load l;
    gather(c, &l);
    if (c->fd >= 0 ? !send_plain(c, &l) : !send_tls(c, &l)) {
        ws_kill(c);
        c->blocked = true;
    } else if (c->fd < 0 && lws_send_pipe_choked(c->wsi)) {
        block(c);
    }
}

static void end_if_slow(struct ws_conn *c)
{
    uint64_t bytes = c->out.n;
    size_t messages = c->out_messages;
    bool lost = false;
    for (int i = 0; i < HUB_STREAMS; i++) {
        uint64_t b;
        messages += feed_pending(&c->subs[i].reader, &b);
        bytes += b;
        lost |= feed_is_lost(&c->subs[i].reader);
    }
    if (c->closing || (!lost && bytes <= FEED_LAG_BYTES && messages <= FEED_LAG_MESSAGES))
        return;
    c->hub->stats.dropped_slow++;
    log_info("ws", "slow client dropped messages=%zu bytes=%llu", messages,
             (unsigned long long)bytes);
    ws_end(c, WS_TOO_SLOW, "too slow: resume");
}

static void go_on(struct ws_conn *c)
{
    if (!c->closing && !c->out.n && !c->blocked)
        hub_replay_go_on(c);
}

void ws_flush(struct ws_conn *c)
{
    if (!c->wsi)
        return;
    if (!c->blocked && lws_partial_buffered(c->wsi))
        block(c);
    while (!c->blocked && has_pending(c))
        send_once(c);
    end_if_slow(c);
    go_on(c);
}

int ws_writeable(struct ws_conn *c)
{
    c->blocked = false;
    ws_flush(c);
    if (!c->closing || !c->close_code || c->blocked)
        return 0;
    lws_close_reason(c->wsi, c->close_code, (unsigned char *)(uintptr_t)c->close_text,
                     strlen(c->close_text));
    return -1;
}
