#include "util/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No stdio: it might want memory. */
static _Noreturn void die(void)
{
    static const char words[] = "error mem: out of memory, the process ends\n";
    ssize_t n = write(STDERR_FILENO, words, sizeof words - 1);
    (void)n;
    _exit(70);
}

void *mem_alloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p)
        die();
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);
    if (!q)
        die();
    return q;
}

void *mem_array(void *p, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        die();
    return mem_realloc(p, count * size);
}

char *mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(mem_realloc(NULL, n), s, n);
}

void mem_free(void *p)
{
    free(p);
}
