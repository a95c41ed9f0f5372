/* Taking a batch back (domain/batch.h) where no server is running yet. */
#ifndef WY_CLI_WITHDRAW_H
#define WY_CLI_WITHDRAW_H

#include <stdbool.h>

#include "util/err.h"

struct store;

/* Go on with withdrawals that a crash has cut off, to their end; before the writer's thread runs. */
bool withdraw_resume(struct store *s, struct err *e);

#endif
