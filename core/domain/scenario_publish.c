/* Publishing: a new version, or new settings, which are a version too. */
#include "domain/scenario_impl.h"

#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/timetable.h"
#include "store/version.h"
#include "util/id.h"
#include "util/json.h"

enum { TEXT_MAX = 256 * 1024, REASON_MAX = 1000 };

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

/* --- versions --------------------------------------------------------------------------- */

static bool check_id(struct span id, struct err *e)
{
    bool ok = id.n && id.n <= SCENARIO_ID_MAX;
    for (size_t i = 0; i < id.n && ok; i++)
        ok = (id.p[i] >= 'a' && id.p[i] <= 'z') || (id.p[i] >= '0' && id.p[i] <= '9') ||
             id.p[i] == '_';
    return ok ||
           err_set(e, ERR_INPUT, "场景编号“%.*s”不合规：只用小写字母、数字和下划线，最多 %d 个",
                   (int)span_cut_utf8(id, SCENARIO_ID_MAX), id.p ? id.p : "", SCENARIO_ID_MAX);
}

struct publishing {
    struct scenario before; /* version_seq 0: there is none */
    const struct json *manifest;
    struct span values, local, reason; /* values and local in canonical form */
    char hash[65];
};

static bool take_values(struct arena *a, const struct scenario_publish *p, struct publishing *g,
                        struct err *e)
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

static bool prepare(struct txn *t, struct arena *a, const struct scenario_publish *p,
                    struct publishing *g, struct err *e)
{
    struct err why = {0};
    if (!check_id(p->id, e))
        return false;
    if (p->text.n > TEXT_MAX || !p->text.n)
        return err_set(e, ERR_INPUT, "脚本须有内容，最多 %d KiB", TEXT_MAX / 1024);
    g->manifest = json_parse(a, p->manifest, &scenario_limits, NULL, e);
    if (!g->manifest)
        return false;
    if (!json_string(json_get(g->manifest, "title")).n)
        return err_set(e, ERR_INPUT, "场景“%.*s”没有标题（title）", SPAN_ARG(p->id));
    if (!scenario_get(txn_view(t), a, p->id, SEQ_LATEST, &g->before, &why) &&
        why.code != ERR_MISSING)
        return err_set(e, why.code, "%s", why.text);
    if (p->expected_version && p->expected_version != g->before.version_seq)
        return err_set(e, ERR_CONFLICT,
                       "场景“%.*s”刚被改过（现为第 %lld 版），请看过最新版本后再试",
                       SPAN_ARG(p->id), (long long)g->before.number);
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
           span_eq(scenario_canonical(a, g->before.manifest),
                   scenario_canonical(a, g->manifest));
}

static void put_version(struct buf *b, const struct scenario_publish *p,
                        const struct publishing *g, uint64_t from_seq)
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
static bool start_again(struct txn *t, struct arena *a, const struct scenario_publish *p,
                        struct err *e)
{
    struct scenario_status now;
    scenario_status(txn_view(t), a, p->id, &now);
    if (now.state != SCENARIO_STOPPED && now.state != SCENARIO_MISSING)
        return true;
    return scenario_put_status(t, p->id, SCENARIO_RUNNING, p->author, p->reason, NULL, 0, e);
}

static bool write_version(struct txn *t, struct arena *a, const struct scenario_publish *p,
                          const struct publishing *g, uint64_t *version_seq, struct err *e)
{
    struct cursor c;
    uint64_t seq, seed;
    int64_t at;
    txn_next(t, &seq, &at, &seed);
    if (!cursor_get(txn_view(t), p->id, &c))
        c = (struct cursor){
            .seq = seq}; /* a new scenario judges what comes behind its own entry */
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

bool scenario_publish(struct txn *t, const struct scenario_publish *p, uint64_t *version_seq,
                      struct err *e)
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

/* --- settings --------------------------------------------------------------------------- */

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

bool scenario_set_values(struct txn *t, struct span id, const struct json *changes,
                         struct span community, struct span author, struct span reason,
                         struct err *e)
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
    struct scenario_publish p = {.id = id,
                                 .kind = SPAN("settings"),
                                 .author = author,
                                 .reason = reason,
                                 .values = buf_view(&values),
                                 .local = buf_view(&local)};
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
