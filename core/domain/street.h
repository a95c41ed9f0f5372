/*
 * The office's own files as the journal holds them (CONFIG entries): data dictionary, offices and
 * communities, holidays. One immutable snapshot, swapped when a file changes.
 */
#ifndef WY_DOMAIN_STREET_H
#define WY_DOMAIN_STREET_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/dictionary.h"
#include "util/calendar.h"
#include "util/err.h"
#include "util/span.h"

struct json;
struct txn;
struct view;
struct street;

/* Read the CONFIG entries as of `as_of`; refcount 1. ERR_MISSING in a store that has none yet. */
struct street *street_load(struct view *v, uint64_t as_of, struct err *e);
/* The same from texts, without a store (check, examples). `org` and `calendar` are JSON. */
struct street *street_make(struct span records, struct span org, struct span calendar,
                           struct err *e);
struct street *street_ref(struct street *s);
void street_unref(struct street *s);
struct dictionary *street_dictionary(const struct street *s); /* borrowed */
const struct json *street_org(const struct street *s);        /* org.lua as JSON, borrowed */
struct span street_home(const struct street *s);              /* "330105003" */
bool street_has_office(const struct street *s, struct span id);
bool street_has_community(const struct street *s, struct span id);
const char *street_office_name(const struct street *s, struct span id, const char *fallback);
const char *street_community_name(const struct street *s, struct span id, const char *fallback);

/* `records` and the rest are JSON texts of the Lua files (`wangyi engine office`); SPAN_NONE keeps what is stored.
 * Days of `calendar` that changed are written as records, days taken out of it are withdrawn; a record of the day
 * that did not come from the file wins over it.
 * Write the CONFIG entries that differ from what is stored; calendar days become calendar_day records.
 * ERR_CONFLICT if the dictionary does not follow the stored one. *changed: something was written. */
bool street_import(struct txn *t, struct span records, struct span org, struct span calendar,
                   bool *changed, struct err *e);

/* Working days as of a place in the journal: calendar_day records, else Monday to Friday. Keep the
 * struct as long as the result is used; what stands behind as_of is its own (zero it). `view` NULL: no records. */
struct street_workdays {
    struct view *view;
    const struct street *street;
    uint64_t as_of;
    struct street_day { /* answers given so far, by day */
        int64_t day;
        bool known, is_workday;
    } days[64];
    uint64_t cached_head, cached_as_of; /* of what the answers were made */
};
struct workdays street_workdays(struct street_workdays *w);

#endif
