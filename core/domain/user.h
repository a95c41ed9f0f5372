/*
 * People and machines with an account. The journal has who they are (USER: {"display","role","office",
 * "offices":[],"communities":[],"disabled"}; KEY: {"label","types":[],"by","revoked"}); the vault has what proves it:
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
};
bool user_get(struct view *v, struct arena *a, struct span name, struct person *out,
              struct err *e);
/* Password rules: at least 8 characters, not the name. Slow by intent (argon2id): never on the net loop. */
bool user_set_password(struct vault *vault, struct span name, struct span password,
                       struct err *e);
/* The same time for unknown names; ERR_DENIED either way. */
bool user_check_password(struct vault *vault, struct span name, struct span password,
                         struct err *e);
/* The rules for names and passwords alone, before anything is written. */
bool user_check_new(struct span name, struct span password, struct err *e);
/* `body` as in POST /users; `street` NULL: offices and communities are not checked; refuses a taken name, an unknown office, community or role. */
bool user_add(struct txn *t, const struct street *street, const struct json *body,
              struct err *e);
void user_view(const struct person *p, struct json_w *w); /* one object */
void user_view_fields(const struct person *p,
                      struct json_w *w); /* its members, into an open object */
bool user_list(struct view *v, struct arena *a, struct json_w *w, struct err *e); /* items */

/* Machine keys: `out` gets "wy_<id>_<secret>", shown once. */
bool key_add(struct txn *t, struct vault *vault, const struct street *street,
             const struct json *body, struct span by, char out[96], struct err *e);
bool key_check(struct view *v, struct vault *vault, struct arena *a, struct span key,
               struct person *out, struct err *e);
bool key_list(struct view *v, struct arena *a, struct json_w *w, struct err *e);

#endif
