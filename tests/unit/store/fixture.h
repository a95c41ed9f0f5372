/* A store in a folder of its own, and commands written in one line. */
#ifndef WY_TESTS_STORE_FIXTURE_H
#define WY_TESTS_STORE_FIXTURE_H

#include "unit.h"

#include <ftw.h>

#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/err.h"

#define ok(call) /* the call is true; if not, say why */                                       \
    do {                                                                                       \
        struct err e = {0};                                                                    \
        if (!(call))                                                                           \
            fail_msg("%s: %s", #call, e.text);                                                 \
    } while (0)

struct fixture {
    char dir[64];
    struct store *store;
};

static inline int fixture_rm(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void fixture_remove(const char *dir)
{
    nftw(dir, fixture_rm, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void fixture_dir(struct fixture *f)
{
    const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    snprintf(f->dir, sizeof f->dir, "%s/wy-store-XXXXXX", base);
    assert_non_null(mkdtemp(f->dir));
    f->store = NULL;
}

static size_t fixture_tail; /* 0: as usual */

static inline struct store *fixture_store(const struct fixture *f, bool read_only, bool no_sync)
{
    struct err e = {0};
    struct store_options o = {.dir = f->dir,
                              .read_only = read_only,
                              .no_sync = no_sync,
                              .map_bytes = (size_t)1 << 30,
                              .tail_postings = fixture_tail};
    struct store *s = store_open(&o, &e);
    if (!s)
        fail_msg("store_open: %s", e.text);
    return s;
}

static inline void fixture_open(struct fixture *f, bool no_sync)
{
    fixture_dir(f);
    f->store = fixture_store(f, false, no_sync);
}

static inline void fixture_close(struct fixture *f)
{
    store_close(f->store);
    fixture_remove(f->dir);
}

static inline struct view *fixture_view(struct store *s)
{
    struct err e = {0};
    struct view *v = view_open(s, &e);
    if (!v)
        fail_msg("view_open: %s", e.text);
    return v;
}

/* Append `count` entries in one commit. */
struct put {
    struct command command;
    const struct entry_new *list;
    size_t count;
    uint64_t first; /* seq of the first */
};

static inline bool put_apply(struct command *c, struct txn *t, struct err *e)
{
    struct put *p = (struct put *)c;
    p->first = 0;
    for (size_t i = 0; i < p->count; i++) {
        uint64_t seq = txn_append(t, &p->list[i], e);
        if (!seq)
            return false;
        if (!p->first)
            p->first = seq;
    }
    return true;
}

static inline uint64_t fixture_put(struct store *s, const struct entry_new *list, size_t count)
{
    struct put p = {.command = {.apply = put_apply}, .list = list, .count = count};
    struct err e = {0};
    if (!store_apply(s, &p.command, &e))
        fail_msg("store_apply: %s", e.text);
    return p.first;
}

static inline uint64_t fixture_one(struct store *s, uint16_t type, struct span key,
                                   struct span body)
{
    return fixture_put(s, &(struct entry_new){.type = type, .key = key, .body = body}, 1);
}

/* Any few lines inside a transaction. */
struct act {
    struct command command;
    bool (*fn)(void *ctx, struct txn *t, struct err *e);
    void *ctx;
};

static inline bool act_apply(struct command *c, struct txn *t, struct err *e)
{
    struct act *a = (struct act *)c;
    return a->fn(a->ctx, t, e);
}

static inline bool fixture_act(struct store *s,
                               bool (*fn)(void *ctx, struct txn *t, struct err *e), void *ctx,
                               struct err *e)
{
    struct act a = {{.apply = act_apply}, fn, ctx};
    return store_apply(s, &a.command, e);
}

#endif
