/* Which lines of a script its handlers can reach: what `wangyi test` holds against the lines that ran. */
#ifndef WY_ENGINE_COVERAGE_H
#define WY_ENGINE_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>

struct case_script;

/* Sets lines[n] for each line of code, n < max, in functions that handlers hold, directly or through others;
 * what only makes examples is left out. False if the script does not load. */
bool coverage_lines(const struct case_script *s, unsigned char *lines, size_t max);

#endif
