/*
 * serve --demo: a street of its own making. Two years of history and accounts are loaded into an empty
 * directory whose clock stands on 9 April 2020; then the following days are played, a few seconds each step.
 * Everything comes from fixed numbers: two demos are the same to the byte (but for passwords' salts).
 */
#ifndef WY_CLI_DEMO_H
#define WY_CLI_DEMO_H

#include <stdbool.h>

#include "util/err.h"

struct demo;
struct serve;

/* Before anything runs, with store and vault open. A directory that is a demo already is taken as it is; ERR_CONFLICT for
 * any other that is not empty. */
bool demo_load(struct serve *s, struct err *e);
/* Plays in a thread of its own until the story ends or demo_stop, an event every `pace_ms`. A demo that was played
 * goes on where it stopped. */
struct demo *demo_play(struct serve *s, long pace_ms);
void demo_stop(struct demo *d);

#endif
