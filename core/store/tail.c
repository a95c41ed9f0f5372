#include "store/tail.h"

#include <string.h>
#include <sys/mman.h>

#include "store/key.h"
#include "util/err.h"
#include "util/mem.h"

enum { LEVELS = 10 }; /* one in four nodes reaches the next level: good for a million */

/* The links stand before the node, level 0 nearest, so that head and key share a cache line. */
struct tail_node {
    uint64_t seq;
    uint32_t n; /* length of the key */
    uint32_t height;
    char key[];
};
#define link _Atomic(struct tail_node *)

static inline link *link_at(const struct tail_node *n, uint32_t level)
{
    return (link *)(uintptr_t)n - 1 - level;
}

struct tail {
    atomic_int holders;
    uint64_t from;
    _Atomic uint64_t to;
    atomic_size_t count;
    struct slab *slabs;   /* the inserter's; readers only follow pointers */
    char *free, *free_end;
    uint64_t dice;        /* for heights; any sequence does */
    atomic_int height;
    struct tail_node *head;
};

/* Nodes are found by jumping about in memory, so what counts is how few cache lines and pages a jump
 * touches: a node that fits a line does not straddle two, and large slabs ask for huge pages. */
enum { LINE = 64, SLAB_FIRST = 4 * 1024, SLAB_MOST = 2 * 1024 * 1024 };

struct slab {
    struct slab *next;
    size_t size;
};

static void slab_add(struct tail *t)
{
    size_t size = t->slabs ? t->slabs->size * 2 : SLAB_FIRST;
    if (size > SLAB_MOST)
        size = SLAB_MOST;
    struct slab *s = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(s != MAP_FAILED);
    if (size == SLAB_MOST)
        madvise(s, size, MADV_HUGEPAGE);
    s->size = size;
    s->next = t->slabs;
    t->slabs = s;
    t->free = (char *)s + LINE;
    t->free_end = (char *)s + size;
}

static char *take(struct tail *t, size_t n)
{
    size_t room = (size_t)(t->free_end - t->free), in_line = (uintptr_t)t->free % LINE;
    size_t skip = in_line + n > LINE && in_line ? LINE - in_line : 0;
    must(n + 2 * LINE < SLAB_FIRST);
    if (room < skip + n) {
        slab_add(t);
        skip = 0;
    }
    char *p = t->free + skip;
    t->free = p + (n + 7) / 8 * 8;
    return p;
}

static struct tail_node *node_new(struct tail *t, struct span key, uint64_t seq, uint32_t height)
{
    size_t links = height * sizeof(link);
    char *p = take(t, links + sizeof(struct tail_node) + key.n);
    struct tail_node *n = (void *)(p + links);
    n->seq = seq;
    n->n = (uint32_t)key.n;
    n->height = height;
    if (key.n)
        memcpy(n->key, key.p, key.n);
    return n;
}

struct tail *tail_new(uint64_t from)
{
    struct tail *t = mem_alloc(sizeof *t);
    atomic_init(&t->holders, 1);
    atomic_init(&t->to, UINT64_MAX);
    atomic_init(&t->height, 1);
    t->from = from;
    t->dice = 0x9E3779B97F4A7C15ULL;
    t->head = node_new(t, SPAN_NONE, 0, LEVELS);
    return t;
}

struct tail *tail_hold(struct tail *t)
{
    atomic_fetch_add_explicit(&t->holders, 1, memory_order_relaxed);
    return t;
}

void tail_drop(struct tail *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (struct slab *s = t->slabs, *next; s; s = next) {
        next = s->next;
        munmap(s, s->size);
    }
    mem_free(t);
}

uint64_t tail_from(const struct tail *t)
{
    return t->from;
}

uint64_t tail_to(const struct tail *t)
{
    return atomic_load(&t->to);
}

void tail_freeze(struct tail *t, uint64_t to)
{
    atomic_store(&t->to, to);
}

size_t tail_count(const struct tail *t)
{
    return atomic_load_explicit(&t->count, memory_order_relaxed);
}

struct span tail_key(const struct tail_node *n)
{
    return (struct span){n->key, n->n};
}

uint64_t tail_seq(const struct tail_node *n)
{
    return n->seq;
}

static inline struct tail_node *link_get(const struct tail_node *n, int level)
{
    return atomic_load_explicit(link_at(n, (uint32_t)level), memory_order_acquire);
}

/* True if the node's key is < key. Both are known to agree in their first *same bytes; tells in how many
 * they do. */
static inline bool is_less(const struct tail_node *n, struct span key, size_t *same)
{
    size_t i = *same, end = n->n < key.n ? n->n : key.n;
    while (i + 8 <= end) {
        uint64_t a, b;
        memcpy(&a, n->key + i, 8);
        memcpy(&b, key.p + i, 8);
        if (a != b)
            break;
        i += 8;
    }
    while (i < end && n->key[i] == key.p[i])
        i++;
    *same = i;
    return i < end ? (unsigned char)n->key[i] < (unsigned char)key.p[i] : n->n < key.n;
}

/* The last node < key; with `path`, that of each level. What stands between two nodes agrees with `key`
 * in at least as many bytes as both of them do: those need no second look. */
static struct tail_node *descend(const struct tail *t, struct span key, struct tail_node **path)
{
    struct tail_node *n = t->head, *seen = NULL;
    size_t left = 0, right = 0;
    for (int level = atomic_load_explicit(&t->height, memory_order_relaxed) - 1; level >= 0; level--) {
        for (;;) {
            struct tail_node *next = link_get(n, level);
            if (!next || next == seen) /* seen: known to be >= key from the level above */
                break;
            if (level > 0) /* half of the time the way goes down */
                __builtin_prefetch(link_get(n, level - 1));
            size_t same = left < right ? left : right;
            if (!is_less(next, key, &same)) {
                seen = next;
                right = same;
                break;
            }
            n = next;
            left = same;
        }
        if (path)
            path[level] = n;
    }
    return n;
}

static uint32_t roll(struct tail *t)
{
    uint64_t z = t->dice += 0x9E3779B97F4A7C15ULL;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
    z ^= z >> 27;
    uint32_t height = 1;
    while (height < LEVELS && (z & 3) == 0) {
        height++;
        z >>= 2;
    }
    return height;
}

void tail_put(struct tail *t, struct span key, uint64_t seq)
{
    struct tail_node *path[LEVELS];
    descend(t, key, path);
    struct tail_node *at = link_get(path[0], 0);
    if (at && span_eq(tail_key(at), key))
        return;
    uint32_t height = roll(t);
    for (int level = atomic_load_explicit(&t->height, memory_order_relaxed); level < (int)height;
         level++)
        path[level] = t->head;
    struct tail_node *n = node_new(t, key, seq, height);
    for (uint32_t level = 0; level < height; level++) {
        atomic_init(link_at(n, level), link_get(path[level], (int)level));
        atomic_store_explicit(link_at(path[level], level), n, memory_order_release);
    }
    if (height > (uint32_t)atomic_load_explicit(&t->height, memory_order_relaxed))
        atomic_store_explicit(&t->height, (int)height, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed);
}

static void put_posting(struct tail *t, const struct entry *entry, const struct posting *p)
{
    struct key_buf k;
    key_posting(&k, entry->type, p->field, p->value, p->time, entry->key);
    tail_put(t, key_span(&k), entry->seq);
}

static void put_version(struct tail *t, const struct entry *entry)
{
    struct key_buf k;
    if (!entry->key.n)
        return;
    key_version(&k, entry->type, entry->key, entry->seq);
    tail_put(t, key_span(&k), entry->seq);
}

void tail_put_entry(struct tail *t, const struct entry *entry, const struct posting *postings,
                    size_t count)
{
    put_version(t, entry);
    for (size_t i = 0; i < count; i++)
        put_posting(t, entry, &postings[i]);
}

void tail_put_bytes(struct tail *t, const struct entry *entry, struct span bytes)
{
    struct entry_postings i = entry_postings(bytes);
    struct posting p;
    put_version(t, entry);
    while (entry_postings_next(&i, &p))
        put_posting(t, entry, &p);
}

const struct tail_node *tail_seek(const struct tail *t, struct span key)
{
    return link_get(descend(t, key, NULL), 0);
}

const struct tail_node *tail_before(const struct tail *t, struct span key)
{
    const struct tail_node *n = descend(t, key, NULL);
    return n == t->head ? NULL : n;
}

const struct tail_node *tail_first(const struct tail *t)
{
    return link_get(t->head, 0);
}

const struct tail_node *tail_next(const struct tail_node *n)
{
    return link_get(n, 0);
}
