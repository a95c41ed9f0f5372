/*
 * The second LMDB environment, DIR/vault: password hashes, key hashes, session hashes, sealing keys of
 * persons. The engine never opens it. Writes are synced before they return. Thread-safe.
 */
#ifndef WY_STORE_VAULT_H
#define WY_STORE_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct vault;

struct vault *vault_open(const char *data_dir, struct err *e);
void vault_close(struct vault *v);
bool vault_get(struct vault *v, struct arena *a, struct span key,
               struct span *value); /* false: none */
/* The same, told apart: false with e->code ERR_NONE means that there is none, else it could not be read. */
bool vault_read(struct vault *v, struct arena *a, struct span key, struct span *value,
                struct err *e);
bool vault_put(struct vault *v, struct span key, struct span value, struct err *e);
bool vault_drop(struct vault *v, struct span key, struct err *e);
/* Keys with a prefix, in order; return false from `fn` to stop. `fn` must not call the vault. */
bool vault_each(struct vault *v, struct span prefix,
                bool (*fn)(void *ctx, struct span key, struct span value), void *ctx,
                struct err *e);

enum { VAULT_KEY_BYTES = 32 };
/* The sealing key of a person; made if `make` and missing. False: none, or erased (ERR_MISSING). */
bool vault_person_key(struct vault *v, struct span person, bool make,
                      uint8_t out[VAULT_KEY_BYTES], struct err *e);
/* Make the keys of those who have none yet, in one synced write: for intakes of many. Erased ones stay so. */
bool vault_person_keys_make(struct vault *v, const struct span *persons, size_t count,
                            struct err *e);
bool vault_person_erase(struct vault *v, struct span person,
                        struct err *e); /* for ever: noted as erased */

#endif
