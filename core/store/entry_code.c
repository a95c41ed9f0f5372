#include "store/entry_code.h"

#include <string.h>

#include "store/crc.h"
#include "util/buf.h"

enum { HEAD = 40, POSTING_HEAD = 11 };

static void put16(char *p, size_t v)
{
    p[0] = (char)(v >> 8 & 0xFF);
    p[1] = (char)(v & 0xFF);
}

static void put32(char *p, uint64_t v)
{
    put16(p, v >> 16 & 0xFFFF);
    put16(p + 2, v & 0xFFFF);
}

static uint32_t checksum(uint64_t seq, const char *p, size_t n)
{
    char head[8];
    be64_put(head, seq);
    return crc32c(crc32c(0, head, sizeof head), p, n);
}

static size_t cut(size_t n)
{
    return n < INDEX_VALUE_MAX ? n : INDEX_VALUE_MAX;
}

size_t entry_size(struct span key, struct span body, const struct posting *postings,
                  size_t count)
{
    size_t n = HEAD + key.n + body.n;
    for (size_t i = 0; i < count; i++)
        n += POSTING_HEAD + cut(postings[i].value.n);
    return n;
}

void entry_encode(char *out, const struct entry *entry, const struct posting *postings,
                  size_t count)
{
    be64_put(out + 4, (uint64_t)entry->at);
    be64_put(out + 12, entry->seed);
    be64_put(out + 20, entry->cause);
    put16(out + 28, entry->type);
    out[30] = (char)entry->op;
    out[31] = 0;
    put16(out + 32, entry->key.n);
    put16(out + 34, count);
    put32(out + 36, entry->body.n);
    char *p = out + HEAD;
    if (entry->key.n)
        memcpy(p, entry->key.p, entry->key.n);
    p += entry->key.n;
    if (entry->body.n)
        memcpy(p, entry->body.p, entry->body.n);
    p += entry->body.n;
    for (size_t i = 0; i < count; i++) {
        size_t n = cut(postings[i].value.n);
        put16(p, postings[i].field);
        p[2] = (char)n;
        be64_put(p + 3, (uint64_t)postings[i].time);
        if (n)
            memcpy(p + POSTING_HEAD, postings[i].value.p, n);
        p += POSTING_HEAD + n;
    }
    put32(out, checksum(entry->seq, out + 4, (size_t)(p - out - 4)));
}

static bool damaged(uint64_t seq, struct err *e)
{
    return err_set(e, ERR_STORE,
                   "第 %llu 条记录的校验和不符，数据已损坏，请用备份恢复：wangyi restore",
                   (unsigned long long)seq);
}

bool entry_decode(struct span bytes, uint64_t seq, struct entry *out, struct err *e)
{
    if (bytes.n < HEAD || be32_get(bytes.p) != checksum(seq, bytes.p + 4, bytes.n - 4))
        return damaged(seq, e);
    size_t key_n = be16_get(bytes.p + 32), body_n = be32_get(bytes.p + 36);
    if (key_n > bytes.n - HEAD || body_n > bytes.n - HEAD - key_n)
        return damaged(seq, e);
    *out = (struct entry){
        .seq = seq,
        .at = (int64_t)be64_get(bytes.p + 4),
        .seed = be64_get(bytes.p + 12),
        .cause = be64_get(bytes.p + 20),
        .type = be16_get(bytes.p + 28),
        .op = (uint8_t)bytes.p[30],
        .key = {bytes.p + HEAD, key_n},
        .body = {bytes.p + HEAD + key_n, body_n},
    };
    return true;
}

int64_t entry_at(struct span bytes)
{
    return bytes.n < HEAD ? 0 : (int64_t)be64_get(bytes.p + 4);
}

struct entry_postings entry_postings(struct span bytes)
{
    must(bytes.n >= HEAD);
    size_t skip = HEAD + (size_t)be16_get(bytes.p + 32) + be32_get(bytes.p + 36);
    must(skip <= bytes.n);
    return (struct entry_postings){bytes.p + skip, bytes.p + bytes.n, be16_get(bytes.p + 34)};
}

bool entry_postings_next(struct entry_postings *i, struct posting *out)
{
    if (!i->left || i->end - i->p < POSTING_HEAD)
        return false;
    size_t n = (unsigned char)i->p[2];
    if (n > (size_t)(i->end - i->p) - POSTING_HEAD)
        return false;
    out->field = be16_get(i->p);
    out->time = (int64_t)be64_get(i->p + 3);
    out->value = (struct span){i->p + POSTING_HEAD, n};
    i->p += POSTING_HEAD + n;
    i->left--;
    return true;
}
