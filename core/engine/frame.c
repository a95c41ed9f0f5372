#include "engine/frame.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

void frame_put(struct buf *out, struct span body)
{
    unsigned char head[4];
    for (int i = 0; i < 4; i++)
        head[i] = (unsigned char)(body.n >> (8 * i));
    buf_put(out, head, 4);
    buf_span(out, body);
}

bool frame_get(const struct buf *in, struct span *body, bool *broken)
{
    *broken = false;
    if (in->n < 4)
        return false;
    const unsigned char *p = (const unsigned char *)in->p;
    size_t n = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
    *broken = n > FRAME_MAX;
    if (*broken || in->n - 4 < n)
        return false;
    *body = (struct span){in->p + 4, n};
    return true;
}

void frame_drop(struct buf *in, struct span body)
{
    buf_cut(in, body.n + 4);
}

bool frame_read(int fd, struct buf *in)
{
    ssize_t n = recv(fd, buf_space(in, READ_BYTES), READ_BYTES, MSG_DONTWAIT);
    if (n > 0)
        in->n += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

bool frame_write(int fd, struct buf *out)
{
    while (out->n) {
        ssize_t n = send(fd, out->p, out->n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        buf_cut(out, (size_t)n);
    }
    return true;
}
