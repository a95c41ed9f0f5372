/*
 * Who is signed in. A session is a random token in a cookie; its hash lies in the vault, so
 * that sessions survive a restart, and in memory, so that nothing is read from disk per
 * request. Ends 30 minutes after its last use, 12 hours after its start, both by the wall
 * clock.
 *
 * How one signs in, and the locks against guessing, are in sign_in.h. All on the loop's thread.
 */
#ifndef WY_NET_SESSION_H
#define WY_NET_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/user.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct lws;
struct server;
struct sessions;
struct vault;
struct view;

enum { SESSION_TOKEN_CHARS = 43 };

struct sessions *sessions_new(struct server *s, struct err *e);
void sessions_free(struct sessions *ss); /* notes when each was last used */
void sessions_tick(
    struct sessions *ss); /* each second: ends what is over, notes last use once a minute */

/* 30 minutes unused, 12 hours old, or, so that a clock set back makes none immortal, begun in the future. */
bool session_time_is_up(int64_t created_us, int64_t seen_us, int64_t now_us);
/* The person behind a token: NULL if there is none, it is over, or the person is disabled or has
 * changed (person.since) since then, which ends it. Counts as use. */
const struct person *session_person(struct sessions *ss, struct span token, struct view *v,
                                    struct arena *a);
/* The same without counting as use: a websocket asks every few seconds whether it may stay open. */
bool session_is_live(struct sessions *ss, struct span token);
/* The session cookie of a request (during its HTTP callback or ws handshake): its length in
 * `out`, 0: none, or several. */
size_t session_token_of(struct lws *wsi, char out[SESSION_TOKEN_CHARS + 1]);

#endif
