/*
 * Any bytes as an entry of the journal and as a key of the index. Mode 0: the bytes as they are. Mode 1:
 * with a checksum that fits, as a hostile or broken writer would leave them. Mode 2: an index key.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/crc.h"
#include "store/entry_code.h"
#include "store/key.h"
#include "store/tail.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(char *bytes, size_t n, uint64_t seq)
{
    char head[8];
    be64_put(head, seq);
    uint32_t crc = crc32c(crc32c(0, head, sizeof head), bytes + 4, n - 4);
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)(crc >> (24 - 8 * i) & 0xFF);
}

/* What is taken must be the same after another round. */
static void again(const struct entry *entry, struct span bytes)
{
    struct posting list[64];
    size_t count = 0;
    struct entry_postings i = entry_postings(bytes);
    while (count < 64 && entry_postings_next(&i, &list[count])) {
        must(list[count].value.p + list[count].value.n <= bytes.p + bytes.n);
        count++;
    }
    size_t n = entry_size(entry->key, entry->body, list, count);
    char *copy = malloc(n);
    struct entry second;
    entry_encode(copy, entry, list, count);
    must(entry_decode((struct span){copy, n}, entry->seq, &second, NULL));
    must(span_eq(second.key, entry->key) && span_eq(second.body, entry->body));
    must(second.at == entry->at && second.seed == entry->seed && second.cause == entry->cause &&
         second.type == entry->type && second.op == entry->op);
    must(!entry_decode((struct span){copy, n}, entry->seq + 1, &second, NULL));
    free(copy);
}

static void index_key(struct span at)
{
    struct key_buf value, made;
    struct span key;
    uint16_t type, field;
    int64_t time;
    if (!key_posting_split(at, &type, &field, &value, &time, &key))
        return;
    if (value.n > INDEX_VALUE_MAX || key.n > STORE_KEY_MAX)
        return;
    key_posting(&made, type, field, key_span(&value), time, key);
    must(span_eq(key_span(&made), at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct entry entry;
    if (size < 2)
        return 0;
    char *bytes = malloc(size - 1);
    memcpy(bytes, data + 1, size - 1);
    struct span all = {bytes, size - 1};
    if (data[0] % 3 == 1 && all.n >= 4)
        seal(bytes, all.n, 7);
    if (data[0] % 3 == 2) {
        if (all.n <= KEY_BUF)
            index_key(all);
    } else if (entry_decode(all, 7, &entry, NULL)) {
        again(&entry, all);
    }
    free(bytes);
    return 0;
}
