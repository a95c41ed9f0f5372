#include "util/id.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "util/buf.h"
#include "util/err.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_sodium(void)
{
    must(sodium_init() >= 0);
}

void id_random(void *p, size_t n)
{
    pthread_once(&once, start_sodium);
    randombytes_buf(p, n);
}

void id_from_seed(char out[27], uint64_t seed, struct span purpose)
{
    /* Crockford's letters: none is taken for another when read out over the telephone. */
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char seed_bytes[8], digest[16];
    crypto_generichash_state state;

    pthread_once(&once, start_sodium);
    be64_put(seed_bytes, seed);
    crypto_generichash_init(&state, NULL, 0, sizeof digest);
    crypto_generichash_update(&state, seed_bytes, sizeof seed_bytes);
    crypto_generichash_update(&state, (const unsigned char *)purpose.p, purpose.n);
    crypto_generichash_final(&state, digest, sizeof digest);

    uint64_t high = be64_get(digest), low = be64_get(digest + 8);
    for (int i = 25; i >= 0; i--) {
        out[i] = letters[low & 31];
        low = low >> 5 | high << 59;
        high >>= 5;
    }
    out[26] = '\0';
}

void id_hex(char *out, const void *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *q = p;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[q[i] >> 4];
        out[2 * i + 1] = digits[q[i] & 15];
    }
    out[2 * n] = '\0';
}

uint64_t id_hash64(struct span s)
{
    /* SipHash-2-4 under a fixed key: part of the stored format, so it must never change. */
    static const unsigned char key[crypto_shorthash_KEYBYTES] = "wangyi id hash 1";
    unsigned char digest[crypto_shorthash_BYTES];
    pthread_once(&once, start_sodium);
    crypto_shorthash(digest, (const unsigned char *)s.p, s.n, key);
    return be64_get(digest);
}

/* Copied in and out: what the caller holds need not be aligned as the library's own type. */
_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct id_sha256), "room for it");

void id_sha256_begin(struct id_sha256 *h)
{
    crypto_hash_sha256_state s;
    pthread_once(&once, start_sodium);
    crypto_hash_sha256_init(&s);
    memcpy(h, &s, sizeof s);
}

void id_sha256_add(struct id_sha256 *h, struct span piece)
{
    crypto_hash_sha256_state s;
    memcpy(&s, h, sizeof s);
    crypto_hash_sha256_update(&s, (const unsigned char *)piece.p, piece.n);
    memcpy(h, &s, sizeof s);
}

void id_sha256_end(struct id_sha256 *h, char out[65])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state s;
    memcpy(&s, h, sizeof s);
    crypto_hash_sha256_final(&s, digest);
    id_hex(out, digest, sizeof digest);
}

void id_sha256_hex(char out[65], struct span s)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    pthread_once(&once, start_sodium);
    crypto_hash_sha256(digest, (const unsigned char *)s.p, s.n);
    id_hex(out, digest, sizeof digest);
}
