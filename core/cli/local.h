/* A data directory whose server is stopped, as user, key, reload … use it: store, vault and street in hand. */
#ifndef WY_CLI_LOCAL_H
#define WY_CLI_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/writer.h"
#include "util/err.h"

struct store;
struct street;
struct vault;

struct local {
    struct store *store;
    struct vault *vault;
    struct street *street;
};
/* Opens it, makes it if it is missing, reads the office files in if it has none yet. A directory that no
 * server has run on yet keeps its clock at the beginning of time, so that a server with a held clock may follow. */
bool local_open(struct local *l, const char *data_dir, const char *scripts_dir, struct err *e);
/* For those who change what is there: refuses a directory that holds no store, and makes none. */
bool local_open_existing(struct local *l, const char *data_dir, const char *scripts_dir,
                         struct err *e);
void local_close(struct local *l);
bool local_make_dir(const char *path, struct err *e); /* 0700; an existing one is fine */

/* Note how the clock of this directory lives, and hold the clock at `hold` or release it (0). ERR_CONFLICT if that cannot follow what was. */
bool local_live(struct store *s, int64_t hold, struct err *e);

#endif
