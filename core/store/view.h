/*
 * A place in the store to read from: what was committed when it was opened or last renewed. The writer's
 * transaction is a view too, which sees its own changes. A view belongs to one thread at a time.
 */
#ifndef WY_STORE_VIEW_H
#define WY_STORE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

struct store;
struct view;

struct view *view_open(struct store *s, struct err *e);
/* Move on to what is committed now. Scans opened on it go on from their last key. Old views hold the
 * store's free pages: renew at least once a second, or release. */
bool view_renew(struct view *v, struct err *e);
void view_release(
    struct view *v); /* hold nothing; reads are misuse until the next view_renew */
void view_close(struct view *v);
uint64_t view_head(const struct view *v); /* last seq that can be read */
int64_t view_now(const struct view *v);   /* `at` of that entry; 0 in an empty store */

#endif
