/*
 * Private fields, sealed with a key of the person they are about (store/vault.h): who destroys that key
 * has erased them everywhere, journal and backups included.
 *
 * The nonce is a keyed hash of the text, so the same text of the same person gives the same bytes and a
 * repeated record makes no new version. What that tells: whether a person's field has changed. Sealed
 * text is ASCII ("s1." and base64), so a body stays text wherever it goes.
 */
#ifndef WY_DOMAIN_SEAL_H
#define WY_DOMAIN_SEAL_H

#include <stdbool.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct type;
struct vault;

/* Whose key seals the private fields of a record: type name, '|', first part of its key. */
struct span seal_person(struct arena *a, const struct type *t, struct span key);
/* Makes the person's key if there is none yet. ERR_MISSING: this person has been erased. */
bool seal_text(struct vault *v, struct span person, struct span field, struct span plain,
               struct arena *a, struct span *sealed, struct err *e);
/* ERR_MISSING: erased (or never sealed here); ERR_STORE: not what seal_text made, or damaged. */
bool seal_open(struct vault *v, struct span person, struct span field, struct span sealed,
               struct arena *a, struct span *plain, struct err *e);

#endif
