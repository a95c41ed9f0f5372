/* Private to batch.c (reading) and batch_withdraw.c (taking back). */
#ifndef WY_DOMAIN_BATCH_IMPL_H
#define WY_DOMAIN_BATCH_IMPL_H

#include "domain/batch.h"
#include "util/json.h"

enum { LIST_TRIED_MAX = 4000 };

extern const struct json_limits batch_limits; /* a BATCH entry holds a long text */
uint64_t batch_member(const struct json *v, const char *name); /* 0: none */

#endif
