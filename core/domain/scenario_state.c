/* Scenarios that stand still: paused, stopped by a fault, without a file; and how they go on. */
#include "domain/scenario_impl.h"

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/timetable.h"
#include "store/version.h"
#include "util/json.h"

/* The scenario and its status, or ERR_MISSING. */
static bool look(struct txn *t, struct arena *a, struct span id, struct scenario *sc,
                 struct scenario_status *now, struct err *e)
{
    if (!scenario_get(txn_view(t), a, id, SEQ_LATEST, sc, e))
        return false;
    scenario_status(txn_view(t), a, id, now);
    return true;
}

bool scenario_pause(struct txn *t, struct span id, struct span by, struct span reason,
                    struct err *e)
{
    struct arena a = {0};
    struct scenario sc;
    struct scenario_status now;
    bool ok = look(t, &a, id, &sc, &now, e);
    if (ok && now.state == SCENARIO_PAUSED)
        ok = err_set(e, ERR_CONFLICT, "场景“%.*s”已经暂停", SPAN_ARG(id));
    else if (ok && now.state == SCENARIO_MISSING)
        ok = err_set(e, ERR_CONFLICT, "场景“%.*s”的文件不在，本来就没有运行", SPAN_ARG(id));
    ok = ok && scenario_put_status(t, id, SCENARIO_PAUSED, by, reason, now.fault, 0, e);
    arena_free(&a);
    return ok;
}

static bool skip_fault(struct txn *t, struct span id, const struct json *fault, struct err *e)
{
    int64_t seq;
    struct cursor c;
    if (!json_int(json_get(fault, "seq"), &seq) || !cursor_get(txn_view(t), id, &c))
        return err_set(e, ERR_CONFLICT, "场景“%.*s”没有停在哪一条记录上，没有可跳过的",
                       SPAN_ARG(id));
    if ((uint64_t)seq > c.seq)
        c.seq = (uint64_t)seq;
    return cursor_put(t, id, &c, e);
}

/* The newest version whose content differs from the one in force. */
static bool find_before(struct txn *t, struct arena *a, const struct scenario *sc,
                        struct scenario *out, struct err *e)
{
    enum { MAX = 64 };
    struct entry *entries = arena_alloc(a, MAX * sizeof *entries);
    size_t n;
    struct span key = key_of1(a, sc->id, e);
    if (!key.n ||
        !version_history(txn_view(t), a, ENTRY_VERSION, key, SEQ_LATEST, entries, MAX, &n, e))
        return false;
    for (size_t i = 1; i < n; i++) {
        if (!scenario_read(a, sc->id, &entries[i], out, e))
            return false;
        if (!span_eq(out->hash, sc->hash))
            return true;
    }
    return err_set(e, ERR_CONFLICT, "场景“%.*s”没有更早的版本可退回", SPAN_ARG(sc->id));
}

static bool go_back(struct txn *t, struct arena *a, const struct scenario *sc,
                    const struct scenario_status *now, struct span by, struct span reason,
                    struct err *e)
{
    struct scenario old;
    uint64_t seq;
    if (!find_before(t, a, sc, &old, e))
        return false;
    struct scenario_publish p = {.id = sc->id,
                                 .text = old.text,
                                 .kind = SPAN("restore"),
                                 .author = by,
                                 .manifest = scenario_canonical(a, old.manifest),
                                 .values = scenario_canonical(a, old.values),
                                 .local = scenario_canonical(a, old.local)};
    p.reason =
        reason.n ? reason : span_of(arena_printf(a, "退回第 %lld 版", (long long)old.number));
    return scenario_publish(t, &p, &seq, e) &&
           (now->state != SCENARIO_PAUSED ||
            scenario_put_status(t, sc->id, SCENARIO_RUNNING, by, reason, NULL, 0, e));
}

bool scenario_resume(struct txn *t, struct span id, enum scenario_resume how, struct span by,
                     struct span reason, struct err *e)
{
    struct arena a = {0};
    struct scenario sc;
    struct scenario_status now;
    bool ok = look(t, &a, id, &sc, &now, e);
    if (ok && now.state == SCENARIO_MISSING)
        ok = err_set(e, ERR_CONFLICT, "场景“%.*s”的文件不在：放回文件后重新载入", SPAN_ARG(id));
    else if (ok && now.state == SCENARIO_RUNNING && how != RESUME_BACK)
        ok = err_set(e, ERR_CONFLICT, "场景“%.*s”正在运行", SPAN_ARG(id));
    if (ok && how == RESUME_BACK) {
        ok = go_back(t, &a, &sc, &now, by, reason, e);
    } else if (ok) {
        ok = (how != RESUME_SKIP || skip_fault(t, id, now.fault, e)) &&
             scenario_put_status(t, id, SCENARIO_RUNNING, by, reason, NULL, 0, e);
    }
    arena_free(&a);
    return ok;
}

bool scenario_stop(struct txn *t, struct span id, const struct json *fault, uint64_t cause,
                   struct err *e)
{
    struct arena a = {0};
    struct scenario sc;
    struct scenario_status now;
    bool ok = look(t, &a, id, &sc, &now, e);
    /* whoever paused it has said more than a fault can */
    if (ok && now.state == SCENARIO_RUNNING)
        ok =
            scenario_put_status(t, id, SCENARIO_STOPPED, SPAN_NONE, SPAN_NONE, fault, cause, e);
    arena_free(&a);
    return ok;
}

bool scenario_missing(struct txn *t, struct span id, struct err *e)
{
    struct arena a = {0};
    struct scenario sc;
    struct scenario_status now;
    bool ok = look(t, &a, id, &sc, &now, e);
    if (ok && now.state != SCENARIO_MISSING)
        ok = scenario_put_status(t, id, SCENARIO_MISSING, SPAN_NONE, SPAN("场景文件不在"), NULL,
                                 0, e) &&
             timetable_set(t, id, NULL, e);
    arena_free(&a);
    return ok;
}
