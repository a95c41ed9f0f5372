/* What serve's own files share: the parts of a running server, and what the net floor asks of them. */
#ifndef WY_CLI_SERVE_H
#define WY_CLI_SERVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/import.h"
#include "net/server.h"
#include "util/err.h"

struct feeder;
struct store;
struct supervisor;
struct ticker;
struct vault;
struct writer;

struct serve {
    const char *data_dir, *scripts_dir, *scenarios_dir;
    struct store *store;
    struct vault *vault;
    struct writer *writer;
    struct supervisor *supervisor;
    struct ticker *ticker;
    struct feeder *feeder;
    struct server *server;
    pthread_mutex_t reloading; /* one reload at a time: button, SIGHUP, --watch */
};

void serve_engine(struct serve *s, struct server_engine *out); /* the callbacks, bound to `s` */
/* Office files, then scenarios, into the journal; tells everybody who must look again. */
bool serve_reload(struct serve *s, struct span author, struct span reason, struct buf *json,
                  struct err *e);

/* Calls serve_reload when a file under scenarios_dir or scripts_dir changed; a thread of its own. */
struct watch;
struct watch *watch_start(struct serve *s, struct err *e);
void watch_stop(struct watch *w);

#endif
