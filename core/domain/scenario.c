#include "domain/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/scenario_impl.h"
#include "domain/timetable.h"
#include "store/version.h"
#include "store/view.h"
#include "util/id.h"
#include "util/json.h"
#include "util/mem.h"

enum { TEXT_MAX = 256 * 1024, REASON_MAX = 1000, ID_MAX = 64 };
static const struct json_limits version_limits = {.bytes = 2 * 1024 * 1024, .string = 1024 * 1024, .keys = 4096};

/* --- reading ------------------------------------------------------------------------------------- */

bool scenario_read(struct arena *a, struct span id, const struct entry *entry, struct scenario *out, struct err *e)
{
    const struct json *o = json_parse(a, entry->body, &version_limits, NULL, e);
    if (!o)
        return false;
    int64_t from = 0;
    *out = (struct scenario){.id = arena_span(a, id), .version_seq = entry->seq, .at = entry->at};
    json_int(json_get(o, "number"), &out->number);
    json_int(json_get(o, "from_seq"), &from);
    out->from_seq = (uint64_t)from;
    out->text = json_string(json_get(o, "text"));
    out->hash = json_string(json_get(o, "hash"));
    out->author = json_string(json_get(o, "author"));
    out->reason = json_string(json_get(o, "reason"));
    out->kind = json_string(json_get(o, "kind"));
    out->manifest = json_get(o, "manifest");
    out->values = json_get(o, "values");
    out->local = json_get(o, "local");
    out->title = json_string(json_get(out->manifest, "title"));
    out->office = json_string(json_get(out->manifest, "office"));
    return true;
}

bool scenario_get(struct view *v, struct arena *a, struct span id, uint64_t as_of, struct scenario *out,
                  struct err *e)
{
    struct err why = {0};
    struct entry entry;
    struct span key = id.n && id.n <= ID_MAX ? key_of1(a, id, &why) : SPAN_NONE;
    if (!key.n || !version_get(v, a, ENTRY_VERSION, key, as_of, &entry, &why)) {
        if (why.code == ERR_STORE)
            return err_set(e, ERR_STORE, "%s", why.text);
        return err_set(e, ERR_MISSING, "没有场景“%.*s”", (int)span_cut_utf8(id, ID_MAX), id.p ? id.p : "");
    }
    return scenario_read(a, id, &entry, out, e);
}

size_t scenario_list(struct view *v, struct arena *a, const struct span **ids, struct err *e)
{
    struct span *list = NULL;
    size_t n = 0, cap = 0;
    struct arena own = {0};
    struct entry entry;
    struct version_scan *s = version_scan_open(v, ENTRY_VERSION, SPAN_NONE, SPAN_NONE, false, SEQ_LATEST);
    while (version_scan_next(s, &own, &entry, e)) {
        struct span part;
        if (key_split(entry.key, &part, 1) == 1) {
            if (n == cap)
                list = mem_array(list, cap = cap ? cap * 2 : 64, sizeof *list);
            list[n++] = arena_span(a, part);
        }
        arena_reset(&own);
    }
    version_scan_close(s);
    *ids = arena_copy(a, list, n * sizeof *list);
    mem_free(list);
    arena_free(&own);
    return n;
}

static const char *const state_names[] = {"running", "stopped", "paused", "missing"};

void scenario_status(struct view *v, struct arena *a, struct span id, struct scenario_status *out)
{
    struct entry entry;
    struct span key = key_of1(a, id, NULL);
    *out = (struct scenario_status){0};
    if (!key.n || !version_get(v, a, ENTRY_STATUS, key, SEQ_LATEST, &entry, NULL))
        return;
    const struct json *o = json_parse(a, entry.body, NULL, NULL, NULL);
    struct span state = json_string(json_get(o, "state"));
    for (int i = SCENARIO_RUNNING; i <= SCENARIO_MISSING; i++) {
        if (span_eq(state, span_of(state_names[i])))
            out->state = (enum scenario_state)i;
    }
    out->by = json_string(json_get(o, "by"));
    out->reason = json_string(json_get(o, "reason"));
    out->fault = json_is(json_get(o, "fault"), JSON_OBJECT) ? json_get(o, "fault") : NULL;
}

/* --- canonical text and hash ------------------------------------------------------------------------ */

static int by_name(const void *x, const void *y)
{
    return span_cmp(**(const struct span *const *)x, **(const struct span *const *)y);
}

static void put_canonical(struct arena *a, struct json_w *w, const struct json *v)
{
    if (json_is(v, JSON_ARRAY)) {
        json_w_array(w);
        for (size_t i = 0; i < v->count; i++)
            put_canonical(a, w, &v->items[i]);
        json_w_array_end(w);
        return;
    }
    if (!json_is(v, JSON_OBJECT)) {
        json_w_value(w, v);
        return;
    }
    const struct span **order = arena_alloc(a, (v->count + 1) * sizeof *order);
    for (size_t i = 0; i < v->count; i++)
        order[i] = &v->names[i];
    qsort(order, v->count, sizeof *order, by_name);
    json_w_object(w);
    for (size_t i = 0; i < v->count; i++) {
        json_w_name_span(w, *order[i]);
        put_canonical(a, w, &v->items[order[i] - v->names]);
    }
    json_w_object_end(w);
}

struct span scenario_canonical(struct arena *a, const struct json *v)
{
    if (!v)
        return SPAN("{}");
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    put_canonical(a, &w, v);
    json_w_end(&w);
    struct span out = arena_span(a, buf_view(&b));
    buf_free(&b);
    return out;
}

static void hash_of(char out[65], struct span text, struct span values, struct span local)
{
    struct buf b = {0};
    buf_span(&b, text);
    buf_char(&b, '\0');
    buf_span(&b, values);
    buf_char(&b, '\0');
    buf_span(&b, local);
    id_sha256_hex(out, buf_view(&b));
    buf_free(&b);
}

/* --- status ------------------------------------------------------------------------------------------ */

static bool put_status(struct txn *t, struct span id, enum scenario_state state, struct span by,
                       struct span reason, const struct json *fault, uint64_t cause, struct err *e)
{
    struct arena a = {0};
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    json_w_object(&w);
    json_w_kstr(&w, "state", state_names[state]);
    json_w_name(&w, "by");
    by.n ? json_w_span(&w, by) : json_w_null(&w);
    json_w_name(&w, "reason");
    reason.n ? json_w_span(&w, reason) : json_w_null(&w);
    json_w_name(&w, "fault");
    fault ? json_w_value(&w, fault) : json_w_null(&w);
    json_w_object_end(&w);
    json_w_end(&w);
    struct span key = key_of1(&a, id, e);
    struct entry_new entry = {.type = ENTRY_STATUS, .cause = cause, .key = key, .body = buf_view(&b)};
    uint64_t seq = key.n ? txn_append(t, &entry, e) : 0;
    bool ok = seq && stream_append(t, SPAN("scenarios"), seq, NULL, e);
    buf_free(&b);
    arena_free(&a);
    return ok;
}

/* --- publishing ---------------------------------------------------------------------------------------- */

static bool check_id(struct span id, struct err *e)
{
    bool ok = id.n && id.n <= ID_MAX;
    for (size_t i = 0; i < id.n && ok; i++)
        ok = (id.p[i] >= 'a' && id.p[i] <= 'z') || (id.p[i] >= '0' && id.p[i] <= '9') || id.p[i] == '_';
    return ok || err_set(e, ERR_INPUT, "场景编号“%.*s”不合规：只用小写字母、数字和下划线，最多 %d 个",
                         (int)span_cut_utf8(id, ID_MAX), id.p ? id.p : "", ID_MAX);
}

struct publishing {
    struct scenario before;   /* version_seq 0: there is none */
    const struct json *manifest;
    struct span values, local, reason; /* values and local in canonical form */
    char hash[65];
};

static bool take_values(struct arena *a, const struct scenario_publish *p, struct publishing *g, struct err *e)
{
    const struct json *given[2] = {g->before.values, g->before.local};
    struct span texts[2] = {p->values, p->local}, *out[2] = {&g->values, &g->local};
    for (int i = 0; i < 2; i++) {
        if (texts[i].n && !(given[i] = json_parse(a, texts[i], NULL, NULL, e)))
            return false;
        if (given[i] && !json_is(given[i], JSON_OBJECT))
            return err_set(e, ERR_INPUT, "参数值须是一个 JSON 对象");
        struct buf b = {0};
        (i ? settings_keep_local : settings_keep)(g->manifest, given[i], &b);
        *out[i] = scenario_canonical(a, json_parse(a, buf_view(&b), NULL, NULL, NULL));
        buf_free(&b);
    }
    return true;
}

static bool prepare(struct txn *t, struct arena *a, const struct scenario_publish *p, struct publishing *g,
                    struct err *e)
{
    struct err why = {0};
    if (!check_id(p->id, e))
        return false;
    if (p->text.n > TEXT_MAX || !p->text.n)
        return err_set(e, ERR_INPUT, "脚本须有内容，最多 %d KiB", TEXT_MAX / 1024);
    g->manifest = json_parse(a, p->manifest, &version_limits, NULL, e);
    if (!g->manifest)
        return false;
    if (!json_string(json_get(g->manifest, "title")).n)
        return err_set(e, ERR_INPUT, "场景“%.*s”没有标题（title）", SPAN_ARG(p->id));
    if (!scenario_get(txn_view(t), a, p->id, SEQ_LATEST, &g->before, &why) && why.code != ERR_MISSING)
        return err_set(e, why.code, "%s", why.text);
    if (p->expected_version && p->expected_version != g->before.version_seq)
        return err_set(e, ERR_CONFLICT, "场景“%.*s”刚被改过（现为第 %lld 版），请看过最新版本后再试", SPAN_ARG(p->id),
                       (long long)g->before.number);
    g->reason = p->reason;
    if (g->reason.n > REASON_MAX)
        g->reason.n = span_cut_utf8(g->reason, REASON_MAX);
    if (!take_values(a, p, g, e))
        return false;
    hash_of(g->hash, p->text, g->values, g->local);
    return true;
}

static bool is_same(struct arena *a, const struct publishing *g)
{
    return g->before.version_seq && span_eq(g->before.hash, span_of(g->hash)) &&
           span_eq(scenario_canonical(a, g->before.manifest), scenario_canonical(a, g->manifest));
}

static void put_version(struct buf *b, const struct scenario_publish *p, const struct publishing *g,
                        uint64_t from_seq)
{
    struct json_w w = json_w_begin(b);
    json_w_object(&w);
    json_w_kint(&w, "number", g->before.number + 1);
    json_w_kspan(&w, "kind", p->kind.n ? p->kind : SPAN("file"));
    json_w_kspan(&w, "text", p->text);
    json_w_kraw(&w, "manifest", p->manifest);
    json_w_kraw(&w, "values", g->values);
    json_w_kraw(&w, "local", g->local);
    json_w_kstr(&w, "hash", g->hash);
    json_w_kspan(&w, "author", p->author);
    json_w_kspan(&w, "reason", g->reason);
    if (g->before.number)
        json_w_kint(&w, "parent", g->before.number);
    json_w_kint(&w, "from_seq", (int64_t)from_seq);
    json_w_object_end(&w);
    json_w_end(&w);
}

/* What stood still for a fault, or because the file was gone, runs again. A pause stays. */
static bool start_again(struct txn *t, struct arena *a, const struct scenario_publish *p, struct err *e)
{
    struct scenario_status now;
    scenario_status(txn_view(t), a, p->id, &now);
    if (now.state != SCENARIO_STOPPED && now.state != SCENARIO_MISSING)
        return true;
    return put_status(t, p->id, SCENARIO_RUNNING, p->author, p->reason, NULL, 0, e);
}

static bool write_version(struct txn *t, struct arena *a, const struct scenario_publish *p,
                          const struct publishing *g, uint64_t *version_seq, struct err *e)
{
    struct cursor c;
    uint64_t seq, seed;
    int64_t at;
    txn_next(t, &seq, &at, &seed);
    if (!cursor_get(txn_view(t), p->id, &c))
        c = (struct cursor){.seq = seq}; /* a new scenario judges what comes behind its own entry */
    struct buf b = {0};
    put_version(&b, p, g, c.seq + 1);
    struct span key = key_of1(a, p->id, e);
    struct entry_new entry = {.type = ENTRY_VERSION, .key = key, .body = buf_view(&b)};
    *version_seq = key.n ? txn_append(t, &entry, e) : 0;
    buf_free(&b);
    c.version = *version_seq;
    return *version_seq && stream_append(t, SPAN("scenarios"), *version_seq, NULL, e) &&
           cursor_put(t, p->id, &c, e);
}

bool scenario_publish(struct txn *t, const struct scenario_publish *p, uint64_t *version_seq, struct err *e)
{
    struct arena a = {0};
    struct publishing g = {0};
    bool ok = prepare(t, &a, p, &g, e);
    if (ok && is_same(&a, &g))
        *version_seq = g.before.version_seq; /* no version without a difference */
    else
        ok = ok && write_version(t, &a, p, &g, version_seq, e);
    ok = ok && timetable_set(t, p->id, g.manifest, e) && start_again(t, &a, p, e);
    arena_free(&a);
    return ok;
}

/* --- settings -------------------------------------------------------------------------------------------- */

/* The places' values with those of one place replaced. */
static bool change_local(struct arena *a, const struct scenario *sc, const struct json *changes,
                         struct span community, struct buf *out, struct err *e)
{
    const struct json *own = NULL;
    struct buf mine = {0};
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    for (size_t i = 0; json_is(sc->local, JSON_OBJECT) && i < sc->local->count; i++) {
        if (span_eq(sc->local->names[i], community)) {
            own = &sc->local->items[i];
            continue;
        }
        json_w_name_span(&w, sc->local->names[i]);
        json_w_value(&w, &sc->local->items[i]);
    }
    bool ok = settings_change(sc->manifest, own, changes, true, &mine, e);
    if (ok && mine.n > 2) {
        json_w_name_span(&w, community);
        json_w_raw(&w, arena_span(a, buf_view(&mine)));
    }
    json_w_object_end(&w);
    json_w_end(&w);
    buf_free(&mine);
    return ok;
}

bool scenario_set_values(struct txn *t, struct span id, const struct json *changes, struct span community,
                         struct span author, struct span reason, struct err *e)
{
    struct arena a = {0};
    struct scenario sc;
    struct buf values = {0}, local = {0};
    uint64_t seq;
    bool ok = scenario_get(txn_view(t), &a, id, SEQ_LATEST, &sc, e);
    if (ok && community.n) {
        settings_keep(sc.manifest, sc.values, &values);
        ok = change_local(&a, &sc, changes, community, &local, e);
    } else if (ok) {
        settings_keep_local(sc.manifest, sc.local, &local);
        ok = settings_change(sc.manifest, sc.values, changes, false, &values, e);
    }
    struct scenario_publish p = {.id = id, .kind = SPAN("settings"), .author = author, .reason = reason,
                                 .values = buf_view(&values), .local = buf_view(&local)};
    if (ok) {
        p.text = sc.text;
        p.manifest = scenario_canonical(&a, sc.manifest);
        ok = scenario_publish(t, &p, &seq, e);
    }
    buf_free(&values);
    buf_free(&local);
    arena_free(&a);
    return ok;
}

/* --- standing still and going on ----------------------------------------------------------------------------- */

/* The scenario and its status, or ERR_MISSING. */
static bool look(struct txn *t, struct arena *a, struct span id, struct scenario *sc,
                 struct scenario_status *now, struct err *e)
{
    if (!scenario_get(txn_view(t), a, id, SEQ_LATEST, sc, e))
        return false;
    scenario_status(txn_view(t), a, id, now);
    return true;
}

bool scenario_pause(struct txn *t, struct span id, struct span by, struct span reason, struct err *e)
{
    struct arena a = {0};
    struct scenario sc;
    struct scenario_status now;
    bool ok = look(t, &a, id, &sc, &now, e);
    if (ok && now.state == SCENARIO_PAUSED)
        ok = err_set(e, ERR_CONFLICT, "场景“%.*s”已经暂停", SPAN_ARG(id));
    else if (ok && now.state == SCENARIO_MISSING)
        ok = err_set(e, ERR_CONFLICT, "场景“%.*s”的文件不在，本来就没有运行", SPAN_ARG(id));
    ok = ok && put_status(t, id, SCENARIO_PAUSED, by, reason, now.fault, 0, e);
    arena_free(&a);
    return ok;
}

static bool skip_fault(struct txn *t, struct span id, const struct json *fault, struct err *e)
{
    int64_t seq;
    struct cursor c;
    if (!json_int(json_get(fault, "seq"), &seq) || !cursor_get(txn_view(t), id, &c))
        return err_set(e, ERR_CONFLICT, "场景“%.*s”没有停在哪一条记录上，没有可跳过的", SPAN_ARG(id));
    if ((uint64_t)seq > c.seq)
        c.seq = (uint64_t)seq;
    return cursor_put(t, id, &c, e);
}

/* The newest version whose content differs from the one in force. */
static bool find_before(struct txn *t, struct arena *a, const struct scenario *sc, struct scenario *out,
                        struct err *e)
{
    enum { MAX = 64 };
    struct entry *entries = arena_alloc(a, MAX * sizeof *entries);
    size_t n;
    struct span key = key_of1(a, sc->id, e);
    if (!key.n || !version_history(txn_view(t), a, ENTRY_VERSION, key, SEQ_LATEST, entries, MAX, &n, e))
        return false;
    for (size_t i = 1; i < n; i++) {
        if (!scenario_read(a, sc->id, &entries[i], out, e))
            return false;
        if (!span_eq(out->hash, sc->hash))
            return true;
    }
    return err_set(e, ERR_CONFLICT, "场景“%.*s”没有更早的版本可退回", SPAN_ARG(sc->id));
}

static bool go_back(struct txn *t, struct arena *a, const struct scenario *sc, const struct scenario_status *now,
                    struct span by, struct span reason, struct err *e)
{
    struct scenario old;
    uint64_t seq;
    if (!find_before(t, a, sc, &old, e))
        return false;
    struct scenario_publish p = {.id = sc->id, .text = old.text, .kind = SPAN("restore"), .author = by,
                                 .manifest = scenario_canonical(a, old.manifest),
                                 .values = scenario_canonical(a, old.values),
                                 .local = scenario_canonical(a, old.local)};
    p.reason = reason.n ? reason
                        : span_of(arena_printf(a, "退回第 %lld 版", (long long)old.number));
    return scenario_publish(t, &p, &seq, e) &&
           (now->state != SCENARIO_PAUSED || put_status(t, sc->id, SCENARIO_RUNNING, by, reason, NULL, 0, e));
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
             put_status(t, id, SCENARIO_RUNNING, by, reason, NULL, 0, e);
    }
    arena_free(&a);
    return ok;
}

bool scenario_stop(struct txn *t, struct span id, const struct json *fault, uint64_t cause, struct err *e)
{
    struct arena a = {0};
    struct scenario sc;
    struct scenario_status now;
    bool ok = look(t, &a, id, &sc, &now, e);
    /* whoever paused it has said more than a fault can */
    if (ok && now.state == SCENARIO_RUNNING)
        ok = put_status(t, id, SCENARIO_STOPPED, SPAN_NONE, SPAN_NONE, fault, cause, e);
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
        ok = put_status(t, id, SCENARIO_MISSING, SPAN_NONE, SPAN("场景文件不在"), NULL, 0, e) &&
             timetable_set(t, id, NULL, e);
    arena_free(&a);
    return ok;
}
