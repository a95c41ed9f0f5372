/* Entry keys: text parts, each followed by a zero byte; all together at most STORE_KEY_MAX bytes. */
#ifndef WY_DOMAIN_KEY_H
#define WY_DOMAIN_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

/* Join parts. SPAN_NONE and ERR_INPUT if one holds a zero byte or all are too long. */
struct span key_join(struct arena *a, const struct span *parts, size_t count, struct err *e);
struct span key_of1(struct arena *a, struct span part, struct err *e);
struct span key_of2(struct arena *a, struct span one, struct span two, struct err *e);
size_t key_split(struct span key, struct span *parts,
                 size_t max); /* number of parts; points into key */
/* As people and the API write it: parts joined by '|' ("E1|2020-06"). */
void key_put_text(struct buf *b, struct span key);
/* "E1|2020-06" → key with `parts` parts (the last one takes what is left, so '|' may occur in it). */
struct span key_from_text(struct arena *a, struct span text, size_t parts, struct err *e);

#endif
