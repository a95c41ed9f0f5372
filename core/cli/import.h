/*
 * From the files on disk into the journal: office files and scenarios. The journal is the truth: a file is
 * imported when it changed since it was last imported, and a live version that was edited elsewhere
 * meanwhile is not overwritten (design.md, rules of order 10). All Lua is read in child processes.
 */
#ifndef WY_CLI_IMPORT_H
#define WY_CLI_IMPORT_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct store;
struct writer;

struct importer {
    struct store *store;
    struct writer *writer; /* NULL: nobody else writes, apply in this thread */
    const char *scripts_dir, *scenarios_dir;
};
/* scripts/office → CONFIG entries. */
bool import_office(struct importer *in, bool *changed, struct err *e);

struct import_result {
    struct buf changed,
        refused; /* JSON arrays: {"id","number"} and {"id","line","message"}; caller frees */
    int changed_count, refused_count, unchanged;
};
/* scenarios/ID.lua → versions. A file that is refused leaves its live version as it is. False only if
 * nothing could be read at all. */
bool import_scenarios(struct importer *in, struct span author, struct span reason,
                      struct import_result *out, struct err *e);
void import_result_free(struct import_result *r);

/* Check one script in a child process: JSON as engine_check writes it. */
bool import_check(const char *scripts_dir, struct span id, struct span text, struct span values,
                  struct buf *json, struct err *e);
bool import_is_id(struct span id); /* a-z, 0-9, _; begins with a letter; at most 64 */

#endif
