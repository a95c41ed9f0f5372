/*
 * Random bytes and identifiers. Only net (tokens), the writer (a seed for each entry) and the vault (keys)
 * draw; domain/ derives its ids from an entry's seed, so that a replay gives the same ones.
 */
#ifndef WY_UTIL_ID_H
#define WY_UTIL_ID_H

#include <stddef.h>
#include <stdint.h>

#include "util/span.h"

void id_random(void *p, size_t n);
/* 26 characters of lower-case base32, 128 bits, from an entry's seed and a purpose: same in, same out. */
void id_from_seed(char out[27], uint64_t seed, struct span purpose);
void id_hex(char *out, const void *p, size_t n); /* 2n characters and NUL */
uint64_t id_hash64(struct span s); /* stable over machines and versions; not for secrets */
void id_sha256_hex(char out[65], struct span s);

/* The same of what comes in pieces. */
struct id_sha256 {
    uint64_t state[16];
};
void id_sha256_begin(struct id_sha256 *h);
void id_sha256_add(struct id_sha256 *h, struct span piece);
void id_sha256_end(struct id_sha256 *h, char out[65]);

#endif
