/* Private to scenario*.c. */
#ifndef WY_DOMAIN_SCENARIO_IMPL_H
#define WY_DOMAIN_SCENARIO_IMPL_H

#include "domain/scenario.h"
#include "store/journal.h"
#include "util/buf.h"

/* A VERSION entry as a scenario; texts live in `a`. */
bool scenario_read(struct arena *a, struct span id, const struct entry *entry, struct scenario *out, struct err *e);
/* JSON with the names of every object in order of bytes: the same content, the same text. NULL: "{}". */
struct span scenario_canonical(struct arena *a, const struct json *v);

/* Settings (scenario_values.c). `manifest` NULL or without settings: there are none. */
const struct json *setting_find(const struct json *manifest, struct span name);
bool setting_is_local(const struct json *setting);
/* ERR_INPUT in a sentence if this value may not be. */
bool setting_check(const struct json *setting, const struct json *value, struct err *e);
bool json_same(const struct json *a, const struct json *b);
/* Those of `values` (or of each place in `local`) that the manifest still knows and allows. */
void settings_keep(const struct json *manifest, const struct json *values, struct buf *out);
void settings_keep_local(const struct json *manifest, const struct json *local, struct buf *out);
/* The same with `changes` laid over; null or the default's value takes one out. */
bool settings_change(const struct json *manifest, const struct json *values, const struct json *changes, bool local,
                     struct buf *out, struct err *e);

#endif
