/*
 * POST and DELETE /session: a password becomes a session, behind locks against guessing by account
 * and by address. Passwords are hashed on workers of their own; the locks of known accounts lie in
 * the vault, so that a restart does not lift them.
 */
#ifndef WY_NET_SIGN_IN_H
#define WY_NET_SIGN_IN_H

#include "util/span.h"

struct request;
struct sessions;

/* r->json holds name and password. Answers 200 with the cookie and the user, 401, or 429 while locked. */
void sign_in(struct request *r);
/* An administrator has set another password: the lock against guessing the old one is lifted. */
void sign_in_unlock(struct sessions *ss, struct span name);
void sign_out(struct request *r); /* 204 and an empty cookie, also for a session that is over */

#endif
