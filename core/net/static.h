/*
 * The web application's files: read, hashed and compressed once at the start, then served from
 * memory. No path from a request ever reaches the file system.
 */
#ifndef WY_NET_STATIC_H
#define WY_NET_STATIC_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/span.h"

struct static_file {
    char *path; /* as in the URL: "/assets/index-1a2b.js" */
    const char *type;
    char etag[36]; /* with its quotes */
    struct span body;
    struct span gzip; /* empty: not worth it */
    bool immutable;   /* its name holds its hash */
};
struct static_files;

/* `dir` holds staff/ as built, which is served at "/". NULL or missing: no files, no error. */
struct static_files *static_load(const char *dir, struct err *e);
void static_free(struct static_files *f);
size_t static_count(const struct static_files *f);
/* The file for a path. Paths that are no file and not below /assets/ get index.html, since the
 * pages have routes of their own. NULL: 404. */
const struct static_file *static_find(const struct static_files *f, struct span path);
/* If-None-Match names this ETag, or is "*". */
bool static_etag_matches(struct span if_none_match, const char *etag);

#define STATIC_CSP                                                                             \
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "    \
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "             \
    "frame-ancestors 'none'"

#endif
