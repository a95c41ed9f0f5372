/* Private to session.c (who is signed in) and sign_in.c (how one gets there, and the locks). */
#ifndef WY_NET_SESSION_IMPL_H
#define WY_NET_SESSION_IMPL_H

#include <stddef.h>

#include "net/session.h"

struct jobs;
struct lockout;

enum {
    SESSIONS_MAX = 20000,
    SESSION_BUCKETS = 1024,
    SESSION_HASH_CHARS = 64,
    SESSION_NAME_MAX = 128, /* bytes */
};

struct session {
    struct session *next;
    /* of the token: what is stored cannot be used to sign in */
    char hash[SESSION_HASH_CHARS + 1];
    char name[SESSION_NAME_MAX + 1];
    uint64_t since; /* the person's, when the password was right */
    /* by the wall clock; noted: seen_us as the vault has it */
    int64_t created_us, seen_us, noted_us;
};

struct sessions {
    struct vault *vault;
    struct session *buckets[SESSION_BUCKETS];
    size_t count;
    struct lockout *accounts, *addresses; /* sign_in.c's */
    struct jobs *notes;   /* one thread: what is put and dropped keeps its order */
    int64_t last_note_us; /* monotone */
};

/* The session of that hash, made if there is none; times are the caller's to set. */
struct session *session_add(struct sessions *ss, const char *hash, struct span name);
/* Where the live session of a token hangs; *result NULL if there is none. Until the next call. */
struct session **session_find(struct sessions *ss, struct span token);
void session_end(struct sessions *ss, struct session **at);
/* A person keeps the newest sessions; the one longest unused goes. */
void session_make_room(struct sessions *ss, const char *name);
/* Write it to the vault, which syncs: on a worker. */
bool session_put(struct vault *v, const struct session *s, struct err *e);
const char *session_cookie_name(const struct server *s);

/* sign_in.c: the locks, as the vault has them. */
bool sign_in_open(struct sessions *ss, struct err *e);
void sign_in_close(struct sessions *ss);
void sign_in_tick(struct sessions *ss, int64_t now_us);

#endif
