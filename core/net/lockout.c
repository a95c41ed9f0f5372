#include "net/lockout.h"

#include <string.h>

#include "util/id.h"
#include "util/mem.h"

enum { BUCKETS = 1024, ENTRIES_MAX = 20000, DOUBLINGS_MAX = 7 };
static const int64_t FORGET_US = 24LL * 3600 * 1000000;

struct entry {
    struct entry *next;
    uint64_t hash; /* with `who` of at most 64 bytes: enough to tell them apart */
    char who[64];
    size_t who_n;
    int failures, trying;
    int64_t until_us, last_us;
};

struct lockout {
    struct entry *buckets[BUCKETS];
    size_t count;
    int free_failures;
    int64_t first_us, leak_us;
};

struct lockout *lockout_new(int free_failures, int64_t first_us, int64_t leak_us)
{
    struct lockout *l = mem_alloc(sizeof *l);
    l->free_failures = free_failures;
    l->first_us = first_us;
    l->leak_us = leak_us;
    return l;
}

static void sweep(struct lockout *l, int64_t now_us, int64_t age_us)
{
    for (int b = 0; b < BUCKETS; b++) {
        for (struct entry **at = &l->buckets[b]; *at;) {
            struct entry *one = *at;
            bool keep = one->trying || one->until_us > now_us || now_us - one->last_us < age_us;
            if (keep) {
                at = &one->next;
                continue;
            }
            *at = one->next;
            l->count--;
            mem_free(one);
        }
    }
}

void lockout_free(struct lockout *l)
{
    if (!l)
        return;
    for (int b = 0; b < BUCKETS; b++) {
        for (struct entry *one = l->buckets[b], *next; one; one = next) {
            next = one->next;
            mem_free(one);
        }
    }
    mem_free(l);
}

void lockout_tick(struct lockout *l, int64_t now_us)
{
    sweep(l, now_us, FORGET_US);
}

static struct entry *find(struct lockout *l, struct span who, int64_t now_us, bool make)
{
    uint64_t hash = id_hash64(who);
    size_t n = who.n < sizeof((struct entry *)0)->who ? who.n : sizeof((struct entry *)0)->who;
    for (struct entry *one = l->buckets[hash % BUCKETS]; one; one = one->next)
        if (one->hash == hash && one->who_n == n && !memcmp(one->who, who.p, n))
            return one;
    if (!make)
        return NULL;
    if (l->count >= ENTRIES_MAX)
        sweep(l, now_us, 0); /* only what is locked or under way stays */
    struct entry *one = mem_alloc(sizeof *one);
    one->hash = hash;
    one->who_n = n;
    memcpy(one->who, who.p, n);
    one->last_us = now_us;
    one->next = l->buckets[hash % BUCKETS];
    l->buckets[hash % BUCKETS] = one;
    l->count++;
    return one;
}

int64_t lockout_begin(struct lockout *l, struct span who, int64_t now_us)
{
    struct entry *one = find(l, who, now_us, true);
    if (one->until_us > now_us)
        return (one->until_us - now_us + 999999) / 1000000;
    int left = l->free_failures - one->failures;
    if (one->trying >= (left > 1 ? left : 1))
        return 2; /* as many tries under way as there are left */
    one->trying++;
    return 0;
}

bool lockout_end(struct lockout *l, struct span who, enum lockout_result result, int64_t now_us,
                 int64_t *until_us, int *failures)
{
    struct entry *one = find(l, who, now_us, false);
    if (!one)
        return false;
    if (one->trying)
        one->trying--;
    if (result == LOCKOUT_RIGHT)
        one->failures = 0;
    if (result != LOCKOUT_WRONG)
        return false;
    if (l->leak_us) {
        int64_t leaked = (now_us - one->last_us) / l->leak_us;
        one->failures -= leaked < one->failures ? (int)leaked : one->failures;
    }
    one->failures++;
    one->last_us = now_us;
    if (one->failures < l->free_failures)
        return false;
    int doublings = one->failures - l->free_failures;
    int64_t until =
        now_us + (l->first_us << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX));
    if (until > one->until_us)
        one->until_us = until;
    *until_us = one->until_us;
    *failures = one->failures;
    return true;
}

void lockout_restore(struct lockout *l, struct span who, int failures, int64_t until_us)
{
    struct entry *one = find(l, who, 0, true);
    one->failures = failures;
    one->until_us = one->last_us = until_us;
}

void lockout_lift(struct lockout *l, struct span who)
{
    struct entry *one = find(l, who, 0, false);
    if (one) {
        one->failures = 0;
        one->until_us = 0;
    }
}
