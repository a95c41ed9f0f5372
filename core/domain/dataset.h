/*
 * Data as duty: which office keeps which data, how often, and how old they are now. Records of
 * type T are kept as dataset "DS_T" of the catalogue (record type `dataset`); every batch or
 * pull leaves a `dataset_update`. What "late" means is scenarios.md 1.6: the last update must
 * lie in this or the previous calendar month (monthly), be at most 26 hours old (daily) or at
 * most 3 hours (hourly). A type that the catalogue does not name counts as alive.
 */
#ifndef WY_DOMAIN_DATASET_H
#define WY_DOMAIN_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct dictionary;
struct json;
struct json_w;
struct type;
struct view;

struct dataset {
    const struct type *type;
    bool listed;              /* the catalogue names it; else only `type` and `alive` are set */
    bool alive;               /* its last update is recent enough */
    struct span name, office; /* of the catalogue; in the arena */
    struct span cycle;        /* "monthly", "daily" or "hourly" */
    int64_t updated_at;       /* µs; 0: never yet */
    int64_t late_at;          /* µs: from when on it is late, without another update; 0: now */
    int64_t rows;             /* told by the last update; -1: it told none */
};

/* How a type's data stand at `now` (µs), as of `as_of`. False only if the store fails. */
bool dataset_of(struct view *v, struct arena *a, const struct dictionary *d,
                const struct type *type, int64_t now, uint64_t as_of, struct dataset *out,
                struct err *e);

/* All types of the dictionary (NULL: none), by their place in it. */
struct dataset_board {
    const struct dictionary *dictionary;
    struct dataset *items;
    size_t count;
};
bool dataset_board_read(struct view *v, struct arena *a, const struct dictionary *d,
                        int64_t now, struct dataset_board *out, struct err *e);

/* What a scenario can see: all it reads; all but some of it; or not what sets it off (or
 * nothing of what it reads besides). Half blind and blind are not "no alerts". */
enum sight { SIGHT_WHOLE, SIGHT_HALF, SIGHT_BLIND };
enum sight dataset_sight(const struct dataset_board *b, const struct json *manifest);
/* {"state":"whole"|"half"|"blind","late":[{"type","label","office","updated_at"}]} */
void dataset_sight_view(const struct dataset_board *b, const struct json *manifest,
                        struct json_w *w);
/* {"type","label","dataset","name","office","cycle","state":"fresh"|"late"|"never"|"unlisted",
 *  "updated_at","late_at","rows"} as an open object: the caller may add to it and closes it. */
void dataset_view_open(const struct dataset *s, struct json_w *w);

#endif
