#include "store/group.h"

#include "store/store_impl.h"
#include "util/mem.h"

enum { GROUP_ENTRIES = 2000, GROUP_COMMANDS = 2000 };

struct group {
    struct store *store;
    struct group_result *result;
    struct err full; /* why the map or the disk takes no more, if so */
    struct txn txn;
};

static void note(struct group_result *r, struct command *c, const struct err *err)
{
    if (r->commands == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        r->list = mem_array(r->list, r->cap, sizeof *r->list);
    }
    struct verdict *v = &r->list[r->commands++];
    *v = (struct verdict){c, NULL};
    if (err) {
        r->refused++;
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
    /* a refusal comes before the first change */
    must(ok || t->rc != 0 || t->changes == before);
    if (!ok && e.code == ERR_NONE)
        err_set(&e, ERR_CONFLICT, "操作未能完成，请刷新后重试");
    note(g->result, c, ok ? NULL : &e);
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

static void fill(struct group *g, struct command **queue)
{
    struct txn *t = &g->txn;
    struct group_result *r = g->result;
    bool ok = true;
    while (ok && *queue && r->commands < GROUP_COMMANDS &&
           t->view.at.head - t->first < GROUP_ENTRIES) {
        struct command *c = *queue;
        *queue = c->next;
        ok = apply(g, c);
    }
}

void group_run(struct store *s, struct command **queue, struct group_result *out)
{
    struct group g;
    *out = (struct group_result){.head = s->head};
    g.store = s;
    g.result = out;
    g.full.code = ERR_NONE;
    bool full = store_is_full(s, false, &g.full);
    if (txn_begin(s, &g.txn, &out->why)) {
        fill(&g, queue);
        out->lost = !finish(&g, &out->why);
        full = full || (out->lost && db_is_full(g.txn.rc));
        out->appended = !out->lost && s->head != g.txn.first;
        out->head = s->head;
    } else {
        struct command *c = *queue;
        *queue = c->next;
        out->lost = true;
        note(out, c, NULL);
    }
    s->full = full;
    if (out->lost)
        out->refused = out->commands;
}

void group_answer(struct group_result *r)
{
    for (size_t i = 0; i < r->commands; i++) {
        struct verdict *v = &r->list[i];
        if (v->command->done)
            v->command->done(v->command, r->lost ? &r->why : v->err);
        mem_free(v->err);
    }
    mem_free(r->list);
    r->list = NULL;
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
    if (s->failed && !store_recover(s, &call.err)) {
        call_done(&call.command, &call.err);
    } else {
        group_run(s, &queue, &result);
        group_answer(&result);
    }
    if (call.err.code == ERR_NONE)
        return true;
    if (e)
        *e = call.err;
    return false;
}
