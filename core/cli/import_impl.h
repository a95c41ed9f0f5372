/* What import.c and import_scenario.c share. */
#ifndef WY_CLI_IMPORT_IMPL_H
#define WY_CLI_IMPORT_IMPL_H

#include <stdbool.h>

#include "cli/import.h"

struct command;
bool import_write(struct importer *in, struct command *c, struct err *e);

#endif
