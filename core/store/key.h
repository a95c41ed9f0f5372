/*
 * What is on disk: the tables of DIR/store and how their keys look. Keys are made to sort as bytes;
 * numbers are big-endian, times have their sign bit flipped. Private to store/.
 *
 *   table     key                                              value
 *   journal   seq:8                                            see entry_code.h
 *   index     'V' type:2 key ~seq:8                            nothing
 *             'P' type:2 field:2 value* 00 time:8 key          seq:8 of the first entry that brought it
 *   cursor    scenario                                         seq:8 version:8
 *   stream    name 00 offset:8                                 seq:8
 *   idem      'r' key, or 'h' sha256 of a longer one           at:8 answer
 *   idem_age  at:8 n:8                                         key in idem
 *   due       at:8 key                                         nothing
 *   meta      name; the store's own begin with '.'             bytes
 *   small     table name 00 key                                bytes
 *
 * `key` is what entries carry: parts, each followed by 00, and no FF byte; ~seq begins with FF, so all
 * versions of K stand together, behind those of keys that K is the beginning of. value* is the value with 00 → 01 01 and 01 → 01 02.
 */
#ifndef WY_STORE_KEY_H
#define WY_STORE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"
#include "util/span.h"

enum store_table {
    TABLE_JOURNAL,
    TABLE_INDEX,
    TABLE_CURSOR,
    TABLE_STREAM,
    TABLE_IDEM,
    TABLE_IDEM_AGE,
    TABLE_DUE,
    TABLE_META,
    TABLE_SMALL,
    TABLE_COUNT
};
extern const char *const store_table_names[TABLE_COUNT];

/* Room for the longest key: 'P' type field, 64 bytes of value escaped, 00, time, key. */
enum { KEY_BUF = 1 + 2 + 2 + 2 * 64 + 1 + 8 + STORE_KEY_MAX };

struct key_buf {
    char p[KEY_BUF + 1]; /* + 1: key_after */
    size_t n;
};

static inline struct span key_span(const struct key_buf *k)
{
    return (struct span){k->p, k->n};
}

bool key_is_valid(struct span key); /* as entries carry it; not empty */

/* Head of all versions of a type whose key begins with `prefix`; of one version when seq follows. */
void key_version_head(struct key_buf *out, uint16_t type, struct span prefix);
void key_version(struct key_buf *out, uint16_t type, struct span key, uint64_t seq);
struct span key_version_key(struct span at); /* the part between type and ~seq */
uint64_t key_version_seq(struct span at);

/* Head of all postings with one value; of a time in them; one posting. */
void key_posting_head(struct key_buf *out, uint16_t type, uint16_t field, struct span value);
void key_posting(struct key_buf *out, uint16_t type, uint16_t field, struct span value,
                 int64_t time, struct span key);
/* Take a posting apart; false if it is none. `value` may be NULL; it is written unescaped. */
bool key_posting_split(struct span at, uint16_t *type, uint16_t *field, struct key_buf *value,
                       int64_t *time, struct span *key);

void key_put(struct key_buf *k, const void *p, size_t n);
void key_be16(struct key_buf *k, uint16_t v);
void key_be64(struct key_buf *k, uint64_t v);
void key_time(struct key_buf *k, int64_t t);
int64_t key_time_get(const void *p);

#endif
