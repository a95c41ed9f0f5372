#include "engine/ticker.h"

#include <pthread.h>
#include <string.h>

#include "domain/scenario.h"
#include "domain/timetable.h"
#include "engine/supervisor.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"
#include "util/mem.h"

enum {
    REST_US = 1000 * 1000,      /* look at the clock at least so often: it may be set */
    AGAIN_US = 5 * 1000 * 1000, /* look at the whole timetable */
    TELL_MAX = 64,              /* instants in one command */
    CATCH_UP_MS = 30 * 1000,
    ROUNDS_MAX = 1000000,
};

struct ticker {
    struct store *store;
    struct writer *writer;
    struct supervisor *supervisor;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    bool stopping, changed, committed; /* under the lock */
    struct ticker *next;               /* of the retired ones */
    pthread_mutex_t telling; /* held while instants are told: by the thread or by a move */
};

/* --- commands ------------------------------------------------------------------------------------------ */

struct tell {
    struct command command;
    int64_t upto;
    int max;
    bool catch_up, hold, more;
};

static bool apply_tell(struct command *c, struct txn *t, struct err *e)
{
    struct tell *x = (struct tell *)c;
    int64_t held;
    x->more = false;
    if (x->hold)
        return timetable_hold(t, x->upto, e);
    /* The clock may have been let go, or held, since the caller looked. */
    if (clock_is_held(txn_view(t), &held) ? x->catch_up : !x->catch_up)
        return err_set(e, ERR_CONFLICT, "街道时钟的走法刚刚改变，请再试");
    return timetable_tell(t, x->upto, x->catch_up, x->max, &x->more, e);
}

static bool tell(struct ticker *t, struct tell *x, struct err *e)
{
    x->command.apply = apply_tell;
    return writer_call(t->writer, &x->command, e);
}

/* --- the thread ------------------------------------------------------------------------------------------ */

struct looked {
    struct view *view;
    int64_t due, looked_at; /* INT64_MAX: nothing is due; clock_mono_us */
};

/* When something is due next. The timetable is asked now and then and when it may have changed, the timers
 * after every commit. False: the store cannot be read now (it is being reopened), the view is not to be used. */
static bool look(struct ticker *t, struct looked *l, bool whole)
{
    struct err e = {0};
    struct arena a = {0};
    int64_t at;
    struct span key;
    if (!view_renew(l->view, &e)) {
        log_warn("ticker", "view not renewed: %s", e.text);
        return false;
    }
    (void)t;
    if (whole || clock_mono_us() - l->looked_at > AGAIN_US) {
        l->looked_at = clock_mono_us();
        if (!timetable_next(l->view, &l->due, &e)) {
            log_error("ticker", "timetable: %s", e.text);
            l->due = INT64_MAX;
        }
    } else if (due_first(l->view, &a, &at, &key) && at < l->due) {
        l->due = at;
    }
    arena_free(&a);
    return true;
}

/* Tell what is due by now. A held clock stands still: what is due at or before it is told all the same, for
 * a timer may be set to a time that has passed. */
static bool tell_due(struct ticker *t, struct looked *l)
{
    int64_t now;
    bool held = clock_is_held(l->view, &now);
    if (!held)
        now = clock_wall_us();
    view_release(l->view);
    if (l->due > now)
        return false;
    struct tell x = {.upto = now, .max = TELL_MAX, .catch_up = !held};
    struct err e = {0};
    if (pthread_mutex_trylock(&t->telling) != 0)
        return false; /* a move is under way: it tells them itself */
    bool ok = tell(t, &x, &e);
    pthread_mutex_unlock(&t->telling);
    if (!ok && e.code != ERR_CONFLICT)
        log_error("ticker", "could not tell what is due: %s", e.text);
    return ok;
}

/* Wait until something may be due; true if the thread is to end. */
static bool rest(struct ticker *t, const struct looked *l, bool *changed)
{
    int64_t us = l->due == INT64_MAX ? REST_US : l->due - clock_wall_us();
    us = us > REST_US ? REST_US : us < 5000 ? 5000 : us;
    int64_t until = clock_mono_us() + us;
    pthread_mutex_lock(&t->lock);
    while (!t->stopping && !t->changed && !t->committed &&
           clock_cond_wait(&t->wanted, &t->lock, until))
        ;
    *changed = t->changed;
    t->changed = t->committed = false;
    bool stopping = t->stopping;
    pthread_mutex_unlock(&t->lock);
    return stopping;
}

static void *run(void *arg)
{
    struct ticker *t = arg;
    struct err e = {0};
    struct looked l = {.view = view_open(t->store, &e), .due = INT64_MAX};
    bool whole = true, seen;
    if (!l.view) {
        log_error("ticker", "no view: %s", e.text);
        return NULL;
    }
    do {
        seen = look(t, &l, whole);
        while (seen && tell_due(t, &l)) /* and what became due by it */
            seen = look(t, &l, true);
        if (!seen)
            l.looked_at = 0; /* what was not seen is looked for anew */
    } while (!rest(t, &l, &whole));
    view_close(l.view);
    return NULL;
}

static void committed(void *ctx, uint64_t head)
{
    struct ticker *t = ctx;
    (void)head;
    pthread_mutex_lock(&t->lock);
    t->committed = true;
    pthread_cond_signal(&t->wanted);
    pthread_mutex_unlock(&t->lock);
}

/* --- moving a held clock ------------------------------------------------------------------------------------ */

static bool caught_up(struct ticker *t, struct err *e)
{
    struct store_stats stats;
    store_stats(t->store, &stats);
    if (!t->supervisor || supervisor_caught_up(t->supervisor, stats.head, CATCH_UP_MS))
        return true;
    return err_set(e, ERR_LIMIT, "场景在 30 秒内没有跟上，时钟停在途中；请稍后再拨一次");
}

/* Anything due at or before `to`? */
static bool is_due(struct ticker *t, int64_t to, bool *due, struct err *e)
{
    int64_t next = INT64_MAX, held;
    struct view *v = view_open(t->store, e);
    if (!v)
        return false;
    bool ok = clock_is_held(v, &held);
    if (!ok)
        err_set(e, ERR_CONFLICT, "街道时钟随真实时间走，不能拨动");
    else if (held > to)
        ok = err_set(e, ERR_CONFLICT, "时钟只能往后拨");
    ok = ok && timetable_next(v, &next, e);
    *due = next <= to;
    view_close(v);
    return ok;
}

/* Can a scenario set timers? Then instants are told one by one: a timer may lie between two of them. */
static bool has_wake(struct ticker *t)
{
    struct arena a = {0};
    const struct span *ids;
    bool any = false;
    struct view *v = view_open(t->store, NULL);
    size_t n = v ? scenario_list(v, &a, &ids, NULL) : 0;
    for (size_t i = 0; i < n && !any; i++) {
        struct scenario s;
        any = scenario_get(v, &a, ids[i], SEQ_LATEST, &s, NULL) &&
              json_bool(json_get(s.manifest, "wake"), false);
    }
    if (v)
        view_close(v);
    arena_free(&a);
    return any;
}

static bool move(struct ticker *t, int64_t to, struct err *e)
{
    bool due = true;
    int max = has_wake(t) ? 1 : TELL_MAX;
    if (!caught_up(t, e))
        return false;
    for (int i = 0; due && i < ROUNDS_MAX; i++) {
        struct tell x = {.upto = to, .max = max};
        if (!is_due(t, to, &due, e))
            return false;
        if (due && (!tell(t, &x, e) || !caught_up(t, e)))
            return false;
    }
    struct tell hold = {.upto = to, .hold = true};
    return tell(t, &hold, e) && caught_up(t, e);
}

bool ticker_move(struct ticker *t, int64_t to, struct err *e)
{
    pthread_mutex_lock(&t->telling);
    bool ok = move(t, to, e);
    pthread_mutex_unlock(&t->telling);
    ticker_changed(t);
    return ok;
}

/* --- doors ----------------------------------------------------------------------------------------------------- */

struct ticker *ticker_start(struct store *s, struct writer *w, struct supervisor *sup,
                            struct err *e)
{
    struct ticker *t = mem_alloc(sizeof *t);
    t->store = s;
    t->writer = w;
    t->supervisor = sup;
    pthread_mutex_init(&t->lock, NULL);
    pthread_mutex_init(&t->telling, NULL);
    clock_cond_init(&t->wanted);
    int failed = pthread_create(&t->thread, NULL, run, t);
    if (failed) {
        err_set(e, ERR_SYSTEM, "不能启动计时线程：%s", strerror(failed));
        mem_free(t);
        return NULL;
    }
    writer_on_commit(w, committed, t);
    return t;
}

/* The writer goes on telling it of commits, so it stays until the process ends. */
static void retire(struct ticker *t)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct ticker *retired;
    pthread_mutex_lock(&lock);
    t->next = retired;
    retired = t;
    pthread_mutex_unlock(&lock);
}

void ticker_stop(struct ticker *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_signal(&t->wanted);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    retire(t);
}

void ticker_changed(struct ticker *t)
{
    pthread_mutex_lock(&t->lock);
    t->changed = true;
    pthread_cond_signal(&t->wanted);
    pthread_mutex_unlock(&t->lock);
}
