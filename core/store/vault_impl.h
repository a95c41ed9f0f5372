/* What backup.c needs of the vault. Private to store/. */
#ifndef WY_STORE_VAULT_IMPL_H
#define WY_STORE_VAULT_IMPL_H

#include <stdbool.h>

#include "store/vault.h"

struct vault *vault_open_read(const char *data_dir, struct err *e); /* never makes or writes */
bool vault_copy(struct vault *v, const char *dir, struct err *e); /* into an empty directory */
bool vault_verify(struct vault *v, struct err *e);                /* every checksum */

#endif
