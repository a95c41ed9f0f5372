/*
 * Locks against guessing passwords: five failures lock an account for ten minutes, each further
 * one for twice as long; fifty failures from one address lock the address. Unknown names are
 * locked like known ones. Counted by the monotone clock, so that setting the clock frees
 * nobody. Pure memory; the caller stores.
 */
#ifndef WY_NET_LOCKOUT_H
#define WY_NET_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/span.h"

struct lockout;

/* With `leak_us`, one failure is forgotten each time as long as that has passed; 0: never, but
 * for a day without any. */
struct lockout *lockout_new(int free_failures, int64_t first_us, int64_t leak_us);
void lockout_free(struct lockout *l);
/* Seconds until `who` may try again; 0: now, and the try counts as under way until lockout_end. */
int64_t lockout_begin(struct lockout *l, struct span who, int64_t now_us);
enum lockout_result { LOCKOUT_WRONG, LOCKOUT_RIGHT, LOCKOUT_NEITHER };
/* How the try ended. True: this one locked `who`; *until_us says how long, *failures how often it failed. */
bool lockout_end(struct lockout *l, struct span who, enum lockout_result result, int64_t now_us,
                 int64_t *until_us, int *failures);
/* Who was locked may try again at once: another password was set for them. */
void lockout_lift(struct lockout *l, struct span who);
/* As it was before a restart. */
void lockout_restore(struct lockout *l, struct span who, int failures, int64_t until_us);
void lockout_tick(struct lockout *l, int64_t now_us); /* forget what is a day old */

#endif
