/*
 * The forms in which people write cases: a record as ["type", {fields}] or {"type": …, fields}, a key with or
 * without the scenario's id in front, settings as {name: value}, {name: {"default": v, community: v}},
 * {community: {name: value}} or {"local": {community: {name: value}}}.
 */
#ifndef WY_ENGINE_CASE_FORM_H
#define WY_ENGINE_CASE_FORM_H

#include <stdbool.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/json.h"
#include "util/span.h"

struct instance;

/* The type's name; the fields as JSON text without the type. */
struct span case_form_record(const struct json *item, struct buf *fields);
/* ["type", part, part …] or ["type", "part|part"]: the type's name, and the key as people write it. */
struct span case_form_removed(const struct json *item, struct buf *key);
/* `scenario|KEY` → KEY; any other key as it is. */
struct span case_form_key(struct span scenario, struct span key);

struct case_settings {
    struct json values, local; /* objects; what they hold lives in the arena and in the case */
};
/* Put `changes` over what `s` holds. Refuses names the scenario lacks and values of another kind. */
bool case_form_settings(const struct instance *in, const struct json *changes, struct arena *a,
                        struct case_settings *s, struct err *e);

#endif
