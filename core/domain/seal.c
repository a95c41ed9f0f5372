#include "domain/seal.h"

#include <string.h>

#include <sodium.h>

#include "domain/dictionary.h"
#include "domain/key.h"
#include "store/vault.h"

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};
_Static_assert(VAULT_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");

static const struct span mark = {"s1.", 3};

struct span seal_person(struct arena *a, const struct type *t, struct span key)
{
    struct span part = SPAN_NONE;
    key_split(key, &part, 1);
    return span_of(arena_printf(a, "%s|%.*s", t->name, (int)part.n, part.p ? part.p : ""));
}

/* Two keys out of one, so that the hash tells nothing about the cipher's key. */
static void derive(const unsigned char key[VAULT_KEY_BYTES], const char *purpose,
                   unsigned char out[VAULT_KEY_BYTES])
{
    crypto_generichash(out, VAULT_KEY_BYTES, (const unsigned char *)purpose, strlen(purpose),
                       key, VAULT_KEY_BYTES);
}

static void nonce_of(const unsigned char key[VAULT_KEY_BYTES], struct span field,
                     struct span plain, unsigned char out[NONCE])
{
    unsigned char k[VAULT_KEY_BYTES];
    crypto_generichash_state st;
    derive(key, "nonce", k);
    crypto_generichash_init(&st, k, sizeof k, NONCE);
    crypto_generichash_update(&st, (const unsigned char *)field.p, field.n);
    crypto_generichash_update(&st, (const unsigned char *)"", 1);
    if (plain.n)
        crypto_generichash_update(&st, (const unsigned char *)plain.p, plain.n);
    crypto_generichash_final(&st, out, NONCE);
    sodium_memzero(k, sizeof k);
}

bool seal_text(struct vault *v, struct span person, struct span field, struct span plain,
               struct arena *a, struct span *sealed, struct err *e)
{
    uint8_t key[VAULT_KEY_BYTES];
    unsigned char k[VAULT_KEY_BYTES];
    unsigned long long n;
    if (!vault_person_key(v, person, true, key, e))
        return false;
    unsigned char *raw = arena_alloc(a, NONCE + plain.n + TAG);
    nonce_of(key, field, plain, raw);
    derive(key, "cipher", k);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        raw + NONCE, &n, (const unsigned char *)(plain.p ? plain.p : ""), plain.n,
        (const unsigned char *)field.p, field.n, NULL, raw, k);
    sodium_memzero(key, sizeof key);
    sodium_memzero(k, sizeof k);
    size_t size = NONCE + (size_t)n, room = sodium_base64_encoded_len(size, BASE64);
    char *text = arena_alloc(a, mark.n + room);
    memcpy(text, mark.p, mark.n);
    sodium_bin2base64(text + mark.n, room, raw, size, BASE64);
    *sealed = (struct span){text, mark.n + strlen(text + mark.n)};
    return true;
}

bool seal_open(struct vault *v, struct span person, struct span field, struct span sealed,
               struct arena *a, struct span *plain, struct err *e)
{
    uint8_t key[VAULT_KEY_BYTES];
    unsigned char k[VAULT_KEY_BYTES];
    unsigned char *raw = arena_alloc(a, sealed.n + 1), *out = arena_alloc(a, sealed.n + 1);
    size_t n = 0;
    unsigned long long out_n = 0;
    if (!span_starts(sealed, mark) ||
        sodium_base642bin(raw, sealed.n, sealed.p + mark.n, sealed.n - mark.n, NULL, &n, NULL,
                          BASE64) != 0 ||
        n < NONCE + TAG)
        return err_set(e, ERR_STORE, "封存的内容读不出来，请用 wangyi verify 检查数据");
    if (!vault_person_key(v, person, false, key, e))
        return false;
    derive(key, "cipher", k);
    int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, &out_n, NULL, raw + NONCE, n - NONCE, (const unsigned char *)field.p, field.n, raw,
        k);
    sodium_memzero(key, sizeof key);
    sodium_memzero(k, sizeof k);
    if (bad)
        return err_set(e, ERR_STORE, "封存的内容和密钥对不上，请用 wangyi verify 检查数据");
    *plain = (struct span){(const char *)out, (size_t)out_n};
    return true;
}
