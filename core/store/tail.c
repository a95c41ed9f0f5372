#include "store/tail.h"

#include <string.h>
#include <sys/mman.h>

#include "store/crc.h"
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
    struct slab *slabs; /* the inserter's; readers only follow pointers */
    char *free, *free_end;
    uint64_t dice; /* for heights; any sequence does */
    atomic_int height;
    struct tail_node *head;
    _Atomic uint64_t *known; /* bits: which hashes of versions are in it */
};
enum {
    KNOWN_BITS = 20,
    KNOWN_BYTES = 1 << (KNOWN_BITS - 3)
}; /* of a full tail's 64k versions one in sixteen is taken for another */

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
    struct slab *s =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
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

static struct tail_node *node_new(struct tail *t, struct span key, uint64_t seq,
                                  uint32_t height)
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
    void *known =
        mmap(NULL, KNOWN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(known != MAP_FAILED);
    t->known = known;
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
    munmap((void *)(uintptr_t)t->known, KNOWN_BYTES);
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
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; i + 8 <= end; i += 8) {
        uint64_t a, b;
        memcpy(&a, n->key + i, 8);
        memcpy(&b, key.p + i, 8);
        if (a != b) { /* the lowest bit that differs is in the first byte that does */
            *same = i + (size_t)__builtin_ctzll(a ^ b) / 8;
            return __builtin_bswap64(a) < __builtin_bswap64(b);
        }
    }
#endif
    while (i < end && n->key[i] == key.p[i])
        i++;
    *same = i;
    return i < end ? (unsigned char)n->key[i] < (unsigned char)key.p[i] : n->n < key.n;
}

static inline void fetch(const struct tail_node *n)
{
    __builtin_prefetch((const char *)n - sizeof(link));
    __builtin_prefetch((const char *)n + LINE / 2);
}

/* A way down to the last node < key, in steps that each end where memory must be waited for. What stands
 * between two nodes agrees with `key` in at least as many bytes as both of them do (`left`, `right`):
 * those need no second look. */
struct probe {
    struct span key;
    struct tail_node *n, *next,
        *seen; /* n < key; next: to be looked at; seen: known to be >= key */
    size_t left, right;
    int level;
    struct tail_node *path[LEVELS]; /* n of each level */
};

static inline void probe_start(struct probe *p, const struct tail *t, struct span key)
{
    p->key = key; /* field by field: clearing `path` too would cost as much as a step */
    p->n = t->head;
    p->seen = NULL;
    p->left = p->right = 0;
    p->level = atomic_load_explicit(&t->height, memory_order_relaxed) - 1;
    p->next = link_get(p->n, p->level);
}

/* False: it has arrived. */
static inline bool probe_step(struct probe *p)
{
    for (;;) {
        if (p->next && p->next != p->seen) {
            size_t same = p->left < p->right ? p->left : p->right;
            if (is_less(p->next, p->key, &same)) {
                p->n = p->next;
                p->left = same;
                p->next = link_get(p->n, p->level);
                if (p->next && p->next != p->seen) {
                    fetch(p->next);
                    return true;
                }
                continue;
            }
            p->seen = p->next;
            p->right = same;
        }
        p->path[p->level] = p->n;
        if (p->level-- == 0)
            return false;
        p->next = link_get(p->n, p->level);
        if (p->next && p->next != p->seen) {
            fetch(p->next);
            return true;
        }
    }
}

/* Once it has arrived, p->n is the last node < key, and p->next what stood behind it when it was looked
 * at. Asking n again for its next would be a mistake: a smaller node may have come between meanwhile. */
static void descend(struct probe *p, const struct tail *t, struct span key)
{
    probe_start(p, t, key);
    while (probe_step(p))
        ;
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

/* `path` may be from before other nodes came: they can only stand between it and the key. */
static struct tail_node *forward(struct tail_node *from, int level, struct span key)
{
    for (;;) {
        size_t same = 0;
        struct tail_node *next = link_get(from, level);
        if (!next || !is_less(next, key, &same))
            return from;
        from = next;
    }
}

static void insert(struct tail *t, struct span key, uint64_t seq, struct tail_node **path,
                   int known)
{
    path[0] = forward(path[0], 0, key);
    struct tail_node *at = link_get(path[0], 0);
    if (at && span_eq(tail_key(at), key))
        return;
    uint32_t height = roll(t);
    struct tail_node *n = node_new(t, key, seq, height);
    for (int level = 0; level < (int)height; level++) {
        struct tail_node *from = forward(level < known ? path[level] : t->head, level, key);
        atomic_init(link_at(n, (uint32_t)level), link_get(from, level));
        atomic_store_explicit(link_at(from, (uint32_t)level), n, memory_order_release);
    }
    if ((int)height > atomic_load_explicit(&t->height, memory_order_relaxed))
        atomic_store_explicit(&t->height, (int)height, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed);
}

/* Before the node itself: who may see the entry sees the bit. */
static void know(struct tail *t, uint32_t hash)
{
    uint32_t bit = hash >> (32 - KNOWN_BITS);
    _Atomic uint64_t *word = &t->known[bit / 64];
    uint64_t is = atomic_load_explicit(word, memory_order_relaxed);
    if (hash && !(is >> bit % 64 & 1))
        atomic_store_explicit(word, is | (uint64_t)1 << bit % 64, memory_order_release);
}

bool tail_may_hold(const struct tail *t, uint32_t hash)
{
    uint32_t bit = hash >> (32 - KNOWN_BITS);
    return atomic_load_explicit(&t->known[bit / 64], memory_order_acquire) >> bit % 64 & 1;
}

void tail_batch_flush(struct tail_batch *b)
{
    enum { ABREAST = 16 };
    struct probe probes[ABREAST];
    for (size_t first = 0; first < b->count; first += ABREAST) {
        size_t n = b->count - first < ABREAST ? b->count - first : ABREAST, running = n;
        int known = atomic_load_explicit(&b->tail->height, memory_order_relaxed);
        bool over[ABREAST] = {false};
        for (size_t i = 0; i < n; i++)
            probe_start(&probes[i], b->tail, key_span(&b->list[first + i].key));
        while (running)
            for (size_t i = 0; i < n; i++)
                if (!over[i] && !probe_step(&probes[i])) {
                    over[i] = true;
                    running--;
                }
        for (size_t i = 0; i < n; i++)
            know(b->tail, b->list[first + i].hash);
        for (size_t i = 0; i < n; i++)
            insert(b->tail, probes[i].key, b->list[first + i].seq, probes[i].path, known);
    }
    b->count = 0;
}

uint32_t tail_hash(uint16_t type, struct span key)
{
    return crc32c(type, key.p, key.n) | 1;
}

static struct key_buf *gather(struct tail_batch *b, uint64_t seq, uint32_t key_hash)
{
    if (b->count == TAIL_BATCH)
        tail_batch_flush(b);
    b->list[b->count].seq = seq;
    b->list[b->count].hash = key_hash;
    return &b->list[b->count++].key;
}

static void gather_version(struct tail_batch *b, const struct entry *entry)
{
    if (entry->key.n)
        key_version(gather(b, entry->seq, tail_hash(entry->type, entry->key)), entry->type,
                    entry->key, entry->seq);
}

static void gather_posting(struct tail_batch *b, const struct entry *entry,
                           const struct posting *p)
{
    key_posting(gather(b, entry->seq, 0), entry->type, p->field, p->value, p->time, entry->key);
}

void tail_batch_entry(struct tail_batch *b, const struct entry *entry,
                      const struct posting *postings, size_t count)
{
    gather_version(b, entry);
    for (size_t i = 0; i < count; i++)
        gather_posting(b, entry, &postings[i]);
}

void tail_batch_bytes(struct tail_batch *b, const struct entry *entry, struct span bytes)
{
    struct entry_postings i = entry_postings(bytes);
    struct posting p;
    gather_version(b, entry);
    while (entry_postings_next(&i, &p))
        gather_posting(b, entry, &p);
}

bool tail_batch_may_hold(const struct tail_batch *b, uint32_t hash)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->list[i].hash == hash)
            return true;
    return false;
}

const struct tail_node *tail_seek(const struct tail *t, struct span key)
{
    struct probe p;
    descend(&p, t, key);
    return p.next;
}

const struct tail_node *tail_before(const struct tail *t, struct span key)
{
    struct probe p;
    descend(&p, t, key);
    return p.n == t->head ? NULL : p.n;
}

const struct tail_node *tail_first(const struct tail *t)
{
    return link_get(t->head, 0);
}

const struct tail_node *tail_next(const struct tail_node *n)
{
    return link_get(n, 0);
}
