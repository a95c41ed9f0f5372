/*
 * Commits of the store alone: 260-byte entries, 24-byte keys, synced. Prints numbers, judges nothing.
 * Arguments: records, different keys, entries per commit, postings per entry; defaults are those of the
 * goal in the handbook.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/clock.h"

enum { KEY = 24, BODY = 196, BATCH_MAX = 10000 };

static uint64_t state = 88172645463325252ULL;
static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void put_key(char *out, unsigned n) /* 23 characters and NUL */
{
    static const char blank[KEY] = "91330105TEST00000000000";
    memcpy(out, blank, KEY);
    for (char *p = out + KEY - 2; n; n /= 10)
        *p-- = (char)('0' + n % 10);
}

struct batch {
    struct command command;
    size_t count, postings;
    unsigned keys;
    char key[BATCH_MAX][KEY + 1];
};

static bool apply(struct command *c, struct txn *t, struct err *e)
{
    struct batch *b = (struct batch *)c;
    static const char body[BODY];
    for (size_t i = 0; i < b->count; i++) {
        put_key(b->key[i], (unsigned)(draw() % b->keys));
        struct posting p[4];
        for (size_t n = 0; n < b->postings; n++)
            p[n] = (struct posting){(uint16_t)n, {b->key[i] + KEY - 3, 2}, (int64_t)i};
        struct entry_new entry = {.type = 300,
                                  .key = {b->key[i], KEY},
                                  .body = {body, BODY},
                                  .postings = p,
                                  .posting_count = b->postings};
        if (!txn_append(t, &entry, e))
            return false;
    }
    return true;
}

static int rm(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int fail(const struct err *e)
{
    fprintf(stderr, "bench_store: %s\n", e->text);
    return 1;
}

static double seconds(int64_t since)
{
    return (double)(clock_mono_us() - since) / 1e6;
}

/* Processor time of this process: what noise from others cannot change much. */
static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_back(struct store *s, unsigned keys)
{
    struct err e = {0};
    struct arena a = {0};
    struct view *v = view_open(s, &e);
    struct entry out;
    enum { READS = 200000 };
    char key[KEY + 1];
    size_t hits = 0;
    int64_t began = clock_mono_us();
    for (int i = 0; i < READS; i++) {
        put_key(key, (unsigned)(draw() % keys));
        hits += version_get(v, &a, 300, (struct span){key, KEY}, SEQ_LATEST, &out, &e);
        if (i % 64 == 0)
            arena_reset(&a);
    }
    printf("version_get        %8.0f k/s  (%zu of %d found)\n", READS / seconds(began) / 1e3,
           hits, READS);
    static struct entry list[256];
    size_t got, all = 0;
    began = clock_mono_us();
    for (uint64_t at = 1; journal_read(v, &a, at, list, 256, &got, &e) && got; at += got) {
        all += got;
        arena_reset(&a);
    }
    printf("journal_read       %8.0f k/s\n", (double)all / seconds(began) / 1e3);
    began = clock_mono_us();
    enum { RENEWALS = 100000 };
    for (int i = 0; i < RENEWALS; i++)
        view_renew(v, &e);
    printf("view_renew         %8.0f k/s\n", RENEWALS / seconds(began) / 1e3);
    arena_free(&a);
    view_close(v);
}

int main(int argc, char **argv)
{
    size_t records = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    unsigned keys = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000000;
    size_t group = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
    static struct batch b;
    b.command.apply = apply;
    b.count = group < BATCH_MAX ? group : BATCH_MAX;
    b.keys = keys;
    b.postings = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
    if (b.postings > 4)
        b.postings = 4;

    const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    char dir[256];
    snprintf(dir, sizeof dir, "%s/wy-bench-XXXXXX", base);
    struct err e = {0};
    if (!mkdtemp(dir))
        return 1;
    struct store_options o = {.dir = dir};
    struct store *s = store_open(&o, &e);
    if (!s)
        return fail(&e);
    double worst = 0;
    int64_t began = clock_mono_us();
    double busy = cpu();
    for (size_t done = 0; done < records; done += b.count) {
        int64_t one = clock_mono_us();
        if (!store_apply(s, &b.command, &e))
            return fail(&e);
        if (seconds(one) > worst)
            worst = seconds(one);
    }
    double took = seconds(began);
    busy = cpu() - busy;
    struct store_stats stats;
    store_stats(s, &stats);
    printf("append, %zu a commit, %u keys, %zu postings\n", b.count, keys, b.postings);
    printf("records            %8.0f k/s  %.2f us of processor each, longest commit %.1f ms, "
           "%.0f bytes "
           "each on disk\n",
           (double)records / took / 1e3, busy * 1e6 / (double)records, worst * 1e3,
           (double)stats.bytes_used / (double)records);
    read_back(s, keys);
    store_close(s);
    began = clock_mono_us();
    s = store_open(&o, &e);
    printf("open               %8.1f ms  tail %llu postings\n", seconds(began) * 1e3,
           (unsigned long long)stats.tail_postings);
    store_close(s);
    nftw(dir, rm, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
