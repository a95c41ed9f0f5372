#include "store/group.h"

#include "store/store_impl.h"
#include "util/mem.h"

enum { GROUP_ENTRIES = 2000, GROUP_COMMANDS = 2000 };

/* Refused commands wait for the commit too: what they were refused for may be in this very group. */
struct verdict {
    struct command *command;
    struct err *err; /* NULL: applied */
};

struct group {
    struct store *store;
    struct txn txn;
    struct err full; /* why the map or the disk takes no more, if so */
    struct verdict *list;
    size_t count, cap;
};

static void note(struct group *g, struct command *c, const struct err *err)
{
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 16;
        g->list = mem_array(g->list, g->cap, sizeof *g->list);
    }
    struct verdict *v = &g->list[g->count++];
    *v = (struct verdict){c, NULL};
    if (err) {
        v->err = mem_alloc(sizeof *err);
        *v->err = *err;
    }
}

static bool has_room(struct group *g, const struct command *c, struct err *e)
{
    if (g->full.code == ERR_NONE)
        return true;
    if (c->reserve && !store_is_full(g->store, true, e))
        return true;
    *e = g->full;
    return false;
}

/* False: LMDB failed and the whole group is lost. */
static bool apply(struct group *g, struct command *c)
{
    struct txn *t = &g->txn;
    struct err e = {0};
    uint64_t before = t->changes;
    bool ok = has_room(g, c, &e) && c->apply(c, t, &e);
    must(ok || t->rc != 0 ||
         t->changes == before); /* a refusal comes before the first change */
    if (!ok && e.code == ERR_NONE)
        err_set(&e, ERR_CONFLICT, "操作未能完成，请刷新后重试");
    note(g, c, ok ? NULL : &e);
    return t->rc == 0;
}

static bool finish(struct group *g, struct err *e)
{
    struct txn *t = &g->txn;
    if (t->rc == 0 && t->changes == 0) { /* nothing to write: nothing to sync */
        txn_abort(t);
        return true;
    }
    return txn_commit(t, e);
}

static void answer(struct group *g, const struct err *lost, struct group_result *out)
{
    out->commands = g->count;
    for (size_t i = 0; i < g->count; i++) {
        struct verdict *v = &g->list[i];
        const struct err *err = lost ? lost : v->err;
        out->refused += err != NULL;
        if (v->command->done)
            v->command->done(v->command, err);
        mem_free(v->err);
    }
    mem_free(g->list);
}

void group_run(struct store *s, struct command **queue, struct group_result *out)
{
    struct group g = {.store = s};
    struct err e = {0};
    *out = (struct group_result){0};
    out->full = store_is_full(s, false, &g.full);
    bool ok = txn_begin(s, &g.txn, &e);
    if (!ok) {
        note(&g, *queue, &e);
        *queue = (*queue)->next;
        answer(&g, &e, out);
        return;
    }
    uint64_t first = g.txn.first;
    while (ok && *queue && g.count < GROUP_COMMANDS &&
           g.txn.view.at.head - first < GROUP_ENTRIES) {
        struct command *c = *queue;
        *queue = c->next;
        ok = apply(&g, c);
    }
    bool full = db_is_full(g.txn.rc);
    ok = finish(&g, &e);
    s->full = out->full = out->full || (!ok && (full || db_is_full(g.txn.rc)));
    out->head = s->head;
    out->appended = ok && s->head != first;
    answer(&g, ok ? NULL : &e, out);
}

struct call {
    struct command command;
    struct command *inner;
    struct err err;
};

static bool call_apply(struct command *c, struct txn *t, struct err *e)
{
    struct call *call = (struct call *)c;
    return call->inner->apply(call->inner, t, e);
}

static void call_done(struct command *c, const struct err *e)
{
    struct call *call = (struct call *)c;
    if (e)
        call->err = *e;
    if (call->inner->done)
        call->inner->done(call->inner, e);
}

bool store_apply(struct store *s, struct command *c, struct err *e)
{
    struct call call = {.command = {call_apply, call_done, NULL, c->reserve}, .inner = c};
    struct command *queue = &call.command;
    struct group_result result;
    if (s->failed && !store_recover(s, &call.err))
        call_done(&call.command, &call.err);
    else
        group_run(s, &queue, &result);
    if (call.err.code == ERR_NONE)
        return true;
    if (e)
        *e = call.err;
    return false;
}
