/* Private to scenario*.c. */
#ifndef WY_DOMAIN_SCENARIO_IMPL_H
#define WY_DOMAIN_SCENARIO_IMPL_H

#include "domain/scenario.h"
#include "store/journal.h"
#include "util/buf.h"
#include "util/json.h"

enum { SCENARIO_ID_MAX = 64 };
extern const struct json_limits scenario_limits; /* of a version's body */

/* Append a STATUS entry, and it to the stream. `by`, `reason`, `fault` may be empty. */
bool scenario_put_status(struct txn *t, struct span id, enum scenario_state state,
                         struct span by, struct span reason, const struct json *fault,
                         uint64_t cause, struct err *e);
/* A VERSION entry as a scenario; texts live in `a`. */
bool scenario_read(struct arena *a, struct span id, const struct entry *entry,
                   struct scenario *out, struct err *e);
/* JSON with the names of every object in order of bytes: the same content, the same text.
 * NULL: "{}". */
struct span scenario_canonical(struct arena *a, const struct json *v);

/* Settings (scenario_values.c). `manifest` NULL or without settings: there are none. */
/* Those of `values` (or of each place in `local`) that the manifest still knows and allows. */
void settings_keep(const struct json *manifest, const struct json *values, struct buf *out);
void settings_keep_local(const struct json *manifest, const struct json *local,
                         struct buf *out);
/* The same with `changes` laid over; null or the default's value takes one out. */
bool settings_change(const struct json *manifest, const struct json *values,
                     const struct json *changes, bool local, struct buf *out, struct err *e);

#endif
