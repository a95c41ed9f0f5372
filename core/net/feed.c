#include "net/feed.h"

#include <string.h>

#include "util/err.h"
#include "util/mem.h"

enum { CHUNK_BYTES = 64 * 1024, FRAME_HEAD_MAX = 10, SLOTS_FIRST = 32 };

struct feed_chunk {
    uint32_t refs; /* messages listed by feeds, and the log that is filling it */
    uint32_t used, size;
    char bytes[];
};
struct feed_entry {
    struct feed_message m;
    uint64_t before; /* bytes of the feed in front of this message */
};

static size_t frame_head(unsigned char *head, size_t n)
{
    head[0] = 0x81; /* final, text */
    if (n < 126) {
        head[1] = (unsigned char)n;
        return 2;
    }
    if (n < 65536) {
        head[1] = 126;
        head[2] = (unsigned char)(n >> 8);
        head[3] = (unsigned char)n;
        return 4;
    }
    head[1] = 127;
    for (int i = 0; i < 8; i++)
        head[2 + i] = (unsigned char)((uint64_t)n >> (56 - 8 * i));
    return 10;
}

void feed_frame(struct buf *out, struct span payload)
{
    unsigned char head[FRAME_HEAD_MAX];
    buf_put(out, head, frame_head(head, payload.n));
    buf_span(out, payload);
}

static void chunk_unref(struct feed_chunk *c)
{
    if (c && --c->refs == 0)
        mem_free(c);
}

static void log_room(struct feed_log *log, size_t n)
{
    if (log->chunk && log->chunk->size - log->chunk->used >= n)
        return;
    chunk_unref(log->chunk);
    size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;
    log->chunk = mem_alloc(sizeof *log->chunk + size);
    log->chunk->refs = 1;
    log->chunk->size = (uint32_t)size;
}

struct feed_message feed_add(struct feed_log *log, struct span payload)
{
    unsigned char head[FRAME_HEAD_MAX];
    size_t head_n = frame_head(head, payload.n);
    log_room(log, head_n + payload.n);
    struct feed_chunk *c = log->chunk;
    struct feed_message m = {c, c->used, (uint32_t)(head_n + payload.n)};
    memcpy(c->bytes + c->used, head, head_n);
    memcpy(c->bytes + c->used + head_n, payload.p, payload.n);
    c->used += m.size;
    return m;
}

void feed_log_free(struct feed_log *log)
{
    chunk_unref(log->chunk);
    log->chunk = NULL;
}

static struct feed_entry *entry_at(const struct feed *f, uint64_t number)
{
    return &f->ring[number & (f->slots - 1)];
}

static void ring_grow(struct feed *f)
{
    struct feed old = *f;
    f->slots = old.slots ? old.slots * 2 : SLOTS_FIRST;
    f->ring = mem_array(NULL, f->slots, sizeof *f->ring);
    for (uint64_t i = f->first; i < f->end; i++)
        *entry_at(f, i) = *entry_at(&old, i);
    mem_free(old.ring);
}

static void drop_first(struct feed *f)
{
    chunk_unref(entry_at(f, f->first)->m.chunk);
    f->first++;
}

void feed_push(struct feed *f, struct feed_message m)
{
    if (f->end - f->first == f->slots) {
        if (f->slots < FEED_KEEP)
            ring_grow(f);
        else
            drop_first(f);
    }
    m.chunk->refs++;
    *entry_at(f, f->end++) = (struct feed_entry){m, f->bytes};
    f->bytes += m.size;
}

void feed_free(struct feed *f)
{
    must(!f->readers);
    while (f->first < f->end)
        drop_first(f);
    mem_free(f->ring);
    *f = (struct feed){0};
}

bool feed_join(struct feed *f, struct feed_reader *r, uint64_t at, void *owner)
{
    must(!r->feed && at <= f->end);
    if (at < f->first)
        return false;
    *r = (struct feed_reader){f, at, f->readers, &f->readers, owner};
    if (f->readers)
        f->readers->link = &r->next;
    f->readers = r;
    f->reader_count++;
    return true;
}

void feed_leave(struct feed_reader *r)
{
    if (!r->feed)
        return;
    r->feed->reader_count--;
    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    *r = (struct feed_reader){0};
}

bool feed_is_lost(const struct feed_reader *r)
{
    return r->feed && r->at < r->feed->first;
}

size_t feed_pending(const struct feed_reader *r, uint64_t *bytes)
{
    *bytes = 0;
    const struct feed *f = r->feed;
    if (!f || r->at == f->end)
        return 0;
    uint64_t from = r->at < f->first ? f->first : r->at;
    *bytes = f->bytes - entry_at(f, from)->before;
    return (size_t)(f->end - r->at);
}

int feed_gather(const struct feed_reader *r, struct iovec *pieces, int max, size_t max_bytes)
{
    int count = 0;
    size_t bytes = 0;
    char *end = NULL;
    if (!r->feed || feed_is_lost(r))
        return 0;
    for (uint64_t i = r->at; i < r->feed->end && bytes < max_bytes; i++) {
        const struct feed_message *m = &entry_at(r->feed, i)->m;
        char *p = m->chunk->bytes + m->at;
        if (p == end) {
            pieces[count - 1].iov_len += m->size;
        } else {
            if (count == max)
                break;
            pieces[count++] = (struct iovec){p, m->size};
        }
        end = p + m->size;
        bytes += m->size;
    }
    return count;
}

struct span feed_sent(struct feed_reader *r, size_t n)
{
    while (n) {
        must(r->at < r->feed->end);
        const struct feed_message *m = &entry_at(r->feed, r->at++)->m;
        if (n < m->size)
            return (struct span){m->chunk->bytes + m->at + n, m->size - n};
        n -= m->size;
    }
    return SPAN_NONE;
}
