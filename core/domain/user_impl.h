/* Private to user.c (people) and user_key.c (machine keys). */
#ifndef WY_DOMAIN_USER_IMPL_H
#define WY_DOMAIN_USER_IMPL_H

#include "domain/user.h"

struct span *user_spans(struct arena *a, const struct json *list, size_t *count);
void user_put_list(struct json_w *w, const char *name, const struct json *list);

#endif
