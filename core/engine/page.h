/*
 * One page of memory that the server and its engine process share: which scenario is at which entry, since
 * when. The engine writes, the supervisor only looks; it is how the watchdog knows whom to set aside.
 */
#ifndef WY_ENGINE_PAGE_H
#define WY_ENGINE_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

enum { PAGE_BYTES = 4096, PAGE_NAME = 128 };

struct page {
    _Atomic uint64_t turn; /* odd while scenario and seq are being changed */
    _Atomic uint64_t seq;  /* entry being judged; 0: none */
    _Atomic int64_t since; /* clock_mono_us() when this step of it began */
    char scenario[PAGE_NAME];
};

#endif
