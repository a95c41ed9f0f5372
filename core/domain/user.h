/*
 * People and machines with an account. The journal has who they are (USER: {"display","role","office",
 * "offices":[],"communities":[],"disabled","by","password_seq","since"}; KEY: {"label","types":[],"by","revoked",
 * "revoked_by"}); the vault has what proves it:
 * argon2id of passwords, sha-256 of machine keys (128 random bits and more) and of session tokens.
 */
#ifndef WY_DOMAIN_USER_H
#define WY_DOMAIN_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct json;
struct json_w;
struct street;
struct txn;
struct vault;
struct view;

enum role {
    ROLE_ADMIN,
    ROLE_LEADER,
    ROLE_OFFICE,
    ROLE_EDITOR,
    ROLE_COMMUNITY,
    ROLE_GRID,
    ROLE_RESIDENT,
    ROLE_GUEST,
    ROLE_MACHINE,
};
const char *role_name(enum role r);
bool role_parse(struct span s, enum role *out);

/* Who asks. Lives in the arena it was loaded into. */
struct person {
    struct span name, display;
    enum role role;
    struct span office;   /* empty: none */
    struct span *offices; /* offices a leader oversees */
    struct span *communities;
    size_t office_count, community_count;
    struct span *types; /* ROLE_MACHINE: record types it may send */
    size_t type_count;
    bool disabled;
    uint64_t rev; /* seq of the entry this was read from */
    /* What was proved before this seq proves nothing now: password, role or place have changed. */
    uint64_t since;
};
bool user_get(struct view *v, struct arena *a, struct span name, struct person *out,
              struct err *e);
/* Password rules: at least 8 characters, not the name. Slow by intent (argon2id): never on the net loop. */
bool user_set_password(struct vault *vault, struct span name, struct span password,
                       struct err *e);
/* False with ERR_DENIED: not the password, or nobody of that name, which takes the same time. With ERR_STORE:
 * the vault could not be read, which says nothing about the password and must not count against anybody. */
bool user_check_password(struct vault *vault, struct span name, struct span password,
                         struct err *e);
/* The rules for names and passwords alone, before anything is written. */
bool user_check_new(struct span name, struct span password, struct err *e);
/* `body` as in POST /users; `street` NULL: offices and communities are not checked; refuses a taken name, an unknown office, community or role. */
bool user_add(struct txn *t, const struct street *street, const struct json *body,
              struct err *e);
/* What argon2id makes of a password that keeps to the rules, for user_change. Slow, as user_set_password. */
enum { USER_HASH_MAX = 128 };
bool user_hash_password(struct span name, struct span password, char out[USER_HASH_MAX],
                        struct err *e);

/* What an administrator changes of an account: members of `patch` among display, role, office (null: none),
 * offices, community, communities, disabled; others than these and rev, password are refused. */
struct user_change {
    struct span name, by;
    const struct json *patch;
    const char *hash; /* the new password's; NULL: it stays */
};
/* One entry, or none if nothing is different. All but another display moves `since`. Refuses with ERR_CONFLICT
 * to leave the street without an active administrator, and a `rev` that is not the account's. */
bool user_change(struct txn *t, struct vault *vault, const struct street *street,
                 const struct user_change *c, struct err *e);
/* Whether who was let in may go on: enabled and unchanged since, the key not revoked. ERR_DENIED if not. */
bool user_is_still(struct view *v, const struct person *p, struct err *e);
void user_view(const struct person *p, struct json_w *w); /* one object */
void user_view_fields(const struct person *p,
                      struct json_w *w); /* its members, into an open object */
bool user_list(struct view *v, struct arena *a, struct json_w *w, struct err *e); /* items */

/* Machine keys: `out` gets "wy_<id>_<secret>", shown once. */
bool key_add(struct txn *t, struct vault *vault, const struct street *street,
             const struct json *body, struct span by, char out[96], struct err *e);
/* For ever; revoked again, it changes nothing. ERR_MISSING if there is none of that id. */
bool key_revoke(struct txn *t, struct span id, struct span by, struct err *e);
/* ERR_DENIED: no such key, or revoked; ERR_STORE: it could not be looked up. */
bool key_check(struct view *v, struct vault *vault, struct arena *a, struct span key,
               struct person *out, struct err *e);
bool key_list(struct view *v, struct arena *a, struct json_w *w, struct err *e);

#endif
