/* Private to user.c (people), user_change.c (their changes) and user_key.c (machine keys). */
#ifndef WY_DOMAIN_USER_IMPL_H
#define WY_DOMAIN_USER_IMPL_H

#include "domain/user.h"

struct entry;

struct span *user_spans(struct arena *a, const struct json *list, size_t *count);
void user_put_list(struct json_w *w, const char *name, const struct json *list);
/* The account's newest entry. ERR_MISSING: none. */
bool user_entry(struct view *v, struct arena *a, struct span name, struct entry *out,
                struct err *e);
bool user_of_entry(struct arena *a, const struct entry *entry, struct person *out,
                   struct err *e);
bool user_body_check(const struct street *street, const struct json *body, enum role *role,
                     struct err *e);
/* The members every account has, from a body as in POST /users, into an open object. */
void user_body_members(struct json_w *w, const struct json *body, enum role role);
bool user_put_hash(struct vault *vault, struct span name, const char *hash, struct err *e);
/* `id` as it stands in "wy_<id>_…". */
bool key_is_revoked(struct view *v, struct span id, struct err *e);

#endif
