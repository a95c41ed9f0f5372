/*
 * Heap memory that never comes back NULL: when there is none left the process ends with exit code 70
 * and one line on stderr. No caller tests for NULL.
 */
#ifndef WY_UTIL_MEM_H
#define WY_UTIL_MEM_H

#include <stddef.h>

void *mem_alloc(size_t n);            /* zeroed; n == 0 gives a unique pointer */
void *mem_realloc(void *p, size_t n); /* new bytes are not zeroed */
void *mem_array(void *p, size_t count,
                size_t size); /* realloc to count × size, overflow checked */
char *mem_strdup(const char *s);
void mem_free(void *p); /* accepts NULL */

#endif
