/* ctx:alert, clear, alerts. What they leave is an effect with its evidence; the rules of an alert's life are
 * domain/alert's. */
#include "engine/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/street.h"
#include "engine/limit.h"
#include "util/calendar.h"
#include "util/json.h"

enum { KEY_MAX = 180, TITLE_MAX = 300, TEXT_MAX = 8 * 1024, LIST_MAX = 200 };

/* Open alerts of earlier runs must be visible before anything is asked about them. */
static bool settle(struct evaluation *ev, struct err *e)
{
    if (ev->settled || !ev->host->settle)
        return true;
    ev->settled = ev->host->settle(ev->host->ctx, e);
    return ev->settled;
}

bool api_settle(struct evaluation *ev, struct err *e)
{
    return settle(ev, e);
}

/* --- evidence ------------------------------------------------------------------------------------- */

static void write_settings(struct evaluation *ev, struct json_w *w)
{
    json_w_name(w, "settings");
    json_w_object(w);
    for (size_t i = 0; i < ev->in->setting_count; i++) {
        struct span name = ev->in->settings[i].name;
        json_w_name_span(w, name);
        json_w_value(w, instance_setting(ev->in, name, ev->community));
    }
    json_w_object_end(w);
}

static void write_entry(struct evaluation *ev, struct json_w *w)
{
    const struct entry *e = ev->row ? ev->row : ev->entry;
    char text[512];
    struct buf b = {text, 0, sizeof text};
    key_put_text(&b, e->key);
    json_w_name(w, "entry");
    json_w_object(w);
    json_w_kint(w, "seq", (int64_t)ev->entry->seq);
    json_w_kstr(w, "type", ev->type ? ev->type->name : e->type == ENTRY_WAKE ? "wake" : "tick");
    json_w_kspan(w, "key", buf_view(&b));
    b.n = 0;
    calendar_put_datetime(&b, ev->now);
    json_w_kspan(w, "at", buf_view(&b));
    if (ev->by)
        json_w_kstr(w, "by", ev->by);
    if (ev->every)
        json_w_kspan(w, "spec", ev->every->at);
    json_w_object_end(w);
}

struct span api_evidence(struct evaluation *ev)
{
    struct buf out = {0}, sentence = {0};
    struct json_w w = json_w_begin(&out);
    trace_sentence(&ev->trace, &sentence);
    struct span said = buf_view(&sentence);
    said.n = span_cut_utf8(said, 2000);
    json_w_object(&w);
    json_w_kspan(&w, "sentence", said);
    write_entry(ev, &w);
    json_w_name(&w, "version");
    json_w_object(&w);
    json_w_kint(&w, "number", ev->in->scenario.number);
    json_w_kspan(&w, "hash", ev->in->scenario.hash);
    json_w_object_end(&w);
    write_settings(ev, &w);
    trace_write(&ev->trace, &w);
    json_w_object_end(&w);
    json_w_end(&w);
    struct span copy = arena_span(&ev->keep, buf_view(&out));
    buf_free(&out);
    buf_free(&sentence);
    return copy;
}

/* --- arguments ------------------------------------------------------------------------------------ */

/* What ctx:alert was given, all checked, before anything is built. */
struct alert_args {
    struct span key, kind, title, text, office, about_type, about_id;
    enum alert_level level;
    struct span *communities, *also, *subjects;
    size_t community_count, also_count, subject_count;
    bool has_communities, has_also, has_about, has_due, reopen;
    int64_t due;
};

static struct span key_member(lua_State *L, const char *function)
{
    struct span key = api_member(L, 2, "key", function, KEY_MAX, true);
    if (!key.n)
        sandbox_raise(L, "ctx:%s 要有 key", function);
    return key;
}

static void read_about(lua_State *L, struct evaluation *ev, struct alert_args *a)
{
    lua_getfield(L, 2, "about");
    a->has_about = !lua_isnil(L, -1);
    if (a->has_about) {
        if (!lua_istable(L, -1))
            sandbox_raise(L, "ctx:alert 的 about 要写成 { \"类型\", 编号 }");
        lua_geti(L, -1, 1);
        lua_geti(L, -2, 2);
        a->about_type = arena_span(&ev->keep, api_text(L, -2, "alert", " about 的类型"));
        a->about_id = arena_span(&ev->keep, api_text(L, -1, "alert", " about 的编号"));
        lua_pop(L, 2);
        if (!dictionary_find(ev->in->dictionary, a->about_type))
            sandbox_raise(L, "ctx:alert 的 about：没有记录类型 %.*s", SPAN_ARG(a->about_type));
    }
    lua_pop(L, 1);
}

static void read_due(lua_State *L, struct alert_args *a)
{
    lua_getfield(L, 2, "due");
    a->has_due = !lua_isnil(L, -1);
    if (a->has_due)
        a->due = api_time(L, -1, "alert", " due ");
    lua_pop(L, 1);
}

static void check_kind(lua_State *L, struct evaluation *ev, struct span kind)
{
    const struct json *life = json_get(ev->in->scenario.manifest, "life");
    const char *names[65] = {0};
    if (!kind.n || !json_is(life, JSON_OBJECT) || !life->count)
        return; /* no life at all: every kind closes as its level says */
    for (size_t i = 0; i < life->count; i++) {
        if (span_eq(life->names[i], kind))
            return;
        if (i < 64)
            names[i] = life->names[i].p;
    }
    const char *near = api_nearest(kind, names);
    sandbox_raise(L, "life 里没有种类 %.*s%s%s", SPAN_ARG(kind), near ? "，是不是 " : "",
                  near ? near : "");
}

static void read_args(lua_State *L, struct evaluation *ev, struct alert_args *a)
{
    static const char *const members[] = {"key",      "kind",   "level",       "about", "title",
                                          "text",     "office", "communities", "also",  "due",
                                          "evidence", "reopen", NULL};
    api_members(L, 2, "alert", members);
    a->key = key_member(L, "alert");
    a->kind = api_member(L, 2, "kind", "alert", 64, true);
    check_kind(L, ev, a->kind);
    struct span level = api_member(L, 2, "level", "alert", 16, true);
    if (!alert_level_parse(level, &a->level))
        sandbox_raise(L, "ctx:alert 的 level 应为 blue、yellow、orange 或 red，现在是 %.*s",
                      SPAN_ARG(level));
    a->title = api_member(L, 2, "title", "alert", TITLE_MAX, true);
    if (!a->title.n)
        sandbox_raise(L, "ctx:alert 要有 title");
    a->text = api_member(L, 2, "text", "alert", TEXT_MAX, false);
    a->office = api_member(L, 2, "office", "alert", 64, true);
    if (a->office.n && !street_has_office(ev->in->street, a->office))
        sandbox_raise(L, "ctx:alert 的 office：没有科室 %.*s", SPAN_ARG(a->office));
    read_about(L, ev, a);
    read_due(L, a);
    bool given;
    a->communities = api_list_member(L, ev, "alert", "communities", &a->community_count,
                                     &a->has_communities);
    a->also = api_list_member(L, ev, "alert", "also", &a->also_count, &a->has_also);
    a->subjects = api_list_member(L, ev, "alert", "evidence", &a->subject_count, &given);
    lua_getfield(L, 2, "reopen");
    a->reopen = lua_toboolean(L, -1);
    lua_pop(L, 1);
}

/* Communities that the script did not name: of the thing it is about, else of the record in hand. */
static void default_communities(struct evaluation *ev, struct alert_args *a)
{
    struct span community = SPAN_NONE;
    if (a->has_about) {
        const struct type *t = dictionary_find(ev->in->dictionary, a->about_type);
        struct span parts[1] = {SPAN_NONE};
        bool in_hand = ev->row && t == ev->type && key_split(ev->row->key, parts, 1) > 0 &&
                       span_eq(parts[0], a->about_id);
        community = in_hand ? ev->community : api_community(ev, t, a->about_id);
    }
    if (!community.n)
        community = ev->community;
    if (!community.n)
        return;
    a->communities = arena_alloc(&ev->keep, sizeof *a->communities);
    a->communities[0] = arena_span(&ev->keep, community);
    a->community_count = 1;
}

/* --- building ------------------------------------------------------------------------------------- */

static void write_list(struct json_w *w, const char *name, const struct span *list, size_t n)
{
    json_w_name(w, name);
    json_w_array(w);
    for (size_t i = 0; i < n; i++)
        json_w_span(w, list[i]);
    json_w_array_end(w);
}

static void write_time(struct json_w *w, const char *name, int64_t us)
{
    char text[64];
    struct buf b = {text, 0, sizeof text};
    calendar_put_datetime(&b, us);
    json_w_kspan(w, name, buf_view(&b));
}

/* An object's text without its braces, led by a comma. */
static struct span members_of(struct evaluation *ev, struct buf *out)
{
    struct span all = buf_view(out);
    out->p[0] = ',';
    struct span copy = arena_span(&ev->keep, (struct span){all.p, all.n - 1});
    buf_free(out);
    return copy;
}

static struct span alert_members(struct evaluation *ev, const struct alert_args *a)
{
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    json_w_kspan(&w, "kind", a->kind);
    if (a->has_about) {
        struct span about[2] = {a->about_type, a->about_id};
        write_list(&w, "about", about, 2);
    }
    json_w_kspan(&w, "title", a->title);
    json_w_kspan(&w, "text", a->text);
    json_w_kspan(&w, "office", a->office.n ? a->office : ev->in->scenario.office);
    write_list(&w, "communities", a->communities, a->community_count);
    write_list(&w, "also", a->has_also ? a->also : ev->in->also,
               a->has_also ? a->also_count : ev->in->also_count);
    if (a->has_due)
        write_time(&w, "due", a->due);
    write_list(&w, "evidence_of", a->subjects, a->subject_count);
    json_w_kbool(&w, "reopen", a->reopen);
    write_time(&w, "now", ev->now);
    json_w_kstr(&w, "quiet_default", ev->quiet);
    char print[17];
    snprintf(print, sizeof print, "%016llx", (unsigned long long)ev->trace.fingerprint);
    json_w_kstr(&w, "fingerprint", print);
    json_w_object_end(&w);
    json_w_end(&w);
    return members_of(ev, &out);
}

bool api_is_fresh(struct evaluation *ev, struct span key, struct err *e)
{
    struct alert al;
    arena_reset(&ev->brief);
    if (alert_get(api_own(ev), &ev->brief, ev->in->scenario.id, key, api_own_seq(ev), &al, e))
        return !alert_is_open(&al);
    if (e->code != ERR_MISSING)
        return false;
    e->code = ERR_NONE;
    return true;
}

static int by_key(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

/* Have alerts with more than BULK_MAX different fresh keys been made? */
static bool bulk_strikes(struct evaluation *ev, struct err *e)
{
    const struct effects *list = ev->effects;
    struct span *fresh = arena_alloc(&ev->scratch, (list->count + 1) * sizeof *fresh);
    size_t n = 0, keys = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].kind == EFFECT_ALERT && api_is_fresh(ev, list->items[i].key, e))
            fresh[n++] = list->items[i].key;
        else if (e->code != ERR_NONE)
            return false;
    qsort(fresh, n, sizeof *fresh, by_key);
    for (size_t i = 0; i < n; i++)
        keys += i == 0 || !span_eq(fresh[i], fresh[i - 1]);
    return keys > BULK_MAX;
}

/* The guard will take this alert away anyway. */
static bool bulk_drops(struct evaluation *ev, struct span key, struct err *e)
{
    struct bulk *b = &ev->bulk;
    if (!b->on)
        return false;
    if (!b->strikes) {
        if (++b->seen < b->look_at)
            return false;
        b->look_at *= 2;
        b->strikes = settle(ev, e) && bulk_strikes(ev, e);
    }
    bool drops = b->strikes && api_is_fresh(ev, key, e);
    b->dropped += drops;
    return drops;
}

static int ctx_alert(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "alert");
    struct alert_args a = {0};
    if (!ev->in->may_alert)
        return sandbox_raise(L, "ctx:alert：场景的 may 里没有 \"alert\"，不能发告警");
    read_args(L, ev, &a);
    struct err e = {0};
    if (bulk_drops(ev, a.key, &e))
        return 0;
    if (e.code != ERR_NONE)
        return api_stop(L, ev, &e);
    if (!a.has_communities)
        default_communities(ev, &a);
    limit_charge(L, 500);
    struct effect *x = api_effect(ev, EFFECT_ALERT, a.key);
    x->level = a.level;
    x->alert_kind = arena_span(&ev->keep, a.kind);
    x->now = ev->now;
    x->members = alert_members(ev, &a);
    x->evidence = api_evidence(ev);
    return 0;
}

/* The host's own alert: bulk_guard. */
void api_bulk_alert(struct evaluation *ev, size_t fresh)
{
    char key[64];
    struct buf b = {key, 0, sizeof key};
    buf_str(&b, "bulk_guard|");
    calendar_put_date(&b, calendar_day_of(ev->now));
    struct trace_check c = {
        .label = SPAN("一次新发告警"), .op = trace_op(SPAN(">")), .pass = true};
    c.value.kind = c.limit.kind = TRACE_INTEGER;
    c.value.integer = (int64_t)fresh;
    c.limit.integer = BULK_MAX;
    trace_begin(&ev->trace, &ev->scratch);
    trace_check(&ev->trace, &c);
    struct alert_args a = {.kind = SPAN("bulk_guard"), .level = LEVEL_ORANGE};
    a.title = span_of(arena_printf(&ev->keep, "%.*s：批量异常，请先核对数据",
                                   SPAN_ARG(ev->in->scenario.title)));
    a.text = span_of(
        arena_printf(&ev->keep,
                     "这一次运行要新发 %zu 条告警，超过 200 条，多半是数据不全或重复导入；"
                     "已合成这一条，请核对数据后重新导入",
                     fresh));
    struct effect *x = api_effect(ev, EFFECT_ALERT, buf_view(&b));
    x->level = a.level;
    x->members = alert_members(ev, &a);
    x->evidence = api_evidence(ev);
}

void api_retract(struct evaluation *ev, struct span key, struct span reason)
{
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    json_w_kspan(&w, "reason", reason);
    write_time(&w, "now", ev->now);
    json_w_object_end(&w);
    json_w_end(&w);
    api_effect(ev, EFFECT_RETRACT, key)->members = members_of(ev, &out);
}

struct span api_clear_members(struct evaluation *ev, struct span reason, bool close,
                              int64_t now)
{
    struct buf out = {0};
    struct json_w w = json_w_begin(&out);
    json_w_object(&w);
    json_w_kspan(&w, "reason", reason);
    json_w_kbool(&w, "close", close);
    write_time(&w, "now", now);
    json_w_object_end(&w);
    json_w_end(&w);
    return members_of(ev, &out);
}

static bool flag_member(lua_State *L, const char *name, bool otherwise)
{
    lua_getfield(L, 2, name);
    bool flag = lua_isnil(L, -1) ? otherwise : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

static int ctx_clear(lua_State *L)
{
    static const char *const members[] = {"key", "reason", "close", "kind", "retract", NULL};
    struct evaluation *ev = api_enter(L, "clear");
    api_members(L, 2, "clear", members);
    struct span key = key_member(L, "clear");
    struct span reason = api_member(L, 2, "reason", "clear", TITLE_MAX * 2, false);
    bool close = flag_member(L, "close", true);
    struct effect *x =
        api_effect(ev, flag_member(L, "retract", false) ? EFFECT_RETRACT : EFFECT_CLEAR, key);
    x->reason = arena_span(&ev->keep, reason);
    x->close = close;
    x->now = ev->now;
    x->members = api_clear_members(ev, reason, close, ev->now);
    return 0;
}

/* --- own alerts ----------------------------------------------------------------------------------- */

static void push_list(lua_State *L, const struct span *list, size_t n)
{
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        api_push_span(L, list[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void set_span(lua_State *L, const char *name, struct span s)
{
    api_push_span(L, s);
    lua_setfield(L, -2, name);
}

static void set_time(lua_State *L, const char *name, int64_t us)
{
    api_push_time(L, us);
    lua_setfield(L, -2, name);
}

static void push_alert(lua_State *L, const struct alert *al)
{
    lua_createtable(L, 0, 13);
    lua_pushboolean(L, al->normal);
    lua_setfield(L, -2, "normal");
    set_span(L, "key", al->key);
    set_span(L, "kind", al->kind);
    set_span(L, "level", span_of(alert_level_name(al->level)));
    set_span(L, "state", span_of(alert_state_name(al->state)));
    if (al->about_type.n) {
        struct span about[2] = {al->about_type, al->about_id};
        push_list(L, about, 2);
        lua_setfield(L, -2, "about");
    }
    set_span(L, "title", al->title);
    set_span(L, "text", al->text);
    set_span(L, "office", al->office);
    push_list(L, al->communities, al->community_count);
    lua_setfield(L, -2, "communities");
    lua_pushinteger(L, (lua_Integer)al->count);
    lua_setfield(L, -2, "count");
    set_time(L, "raised_at", al->raised_at);
    set_time(L, "last_at", al->last_at);
    if (al->closed_at)
        set_time(L, "closed_at", al->closed_at);
    if (al->feedback_at)
        set_time(L, "feedback_at", al->feedback_at);
}

struct alerts_filter {
    struct span key, kind, state;
};

static bool fits(const struct alerts_filter *f, const struct alert *al)
{
    if (f->kind.p && !span_eq(f->kind, al->kind))
        return false;
    if (!f->state.p)
        return true;
    return span_eq(f->state, SPAN("open"))
               ? alert_is_open(al)
               : span_eq(f->state, span_of(alert_state_name(al->state)));
}

static int one_alert(lua_State *L, struct evaluation *ev, const struct alerts_filter *f)
{
    struct err e = {0};
    struct alert al;
    if (alert_get(api_own(ev), &ev->brief, ev->in->scenario.id, f->key, api_own_seq(ev), &al,
                  &e)) {
        if (fits(f, &al)) {
            push_alert(L, &al);
            lua_rawseti(L, -2, 1);
        }
    } else if (e.code != ERR_MISSING && e.code != ERR_INPUT) {
        api_stop(L, ev, &e);
    }
    return 1;
}

/* Collected before anything is pushed: the walk must be closed whatever Lua does. */
static struct alert *collect(struct evaluation *ev, const struct alerts_filter *f,
                             size_t *count, struct err *e)
{
    struct alert *list = NULL, al;
    size_t cap = 0;
    struct alert_scan *s = alert_scan_open(api_own(ev), ev->in->scenario.id, api_own_seq(ev));
    while (alert_scan_next(s, &ev->brief, &al, e)) {
        if (!fits(f, &al))
            continue;
        if (*count == cap) {
            cap = cap ? cap * 2 : 32;
            struct alert *more = arena_alloc(&ev->brief, cap * sizeof *more);
            if (*count)
                memcpy(more, list, *count * sizeof *more);
            list = more;
        }
        list[(*count)++] = al;
    }
    alert_scan_close(s);
    return list;
}

static int ctx_alerts(lua_State *L)
{
    static const char *const members[] = {"key", "kind", "state", NULL};
    struct evaluation *ev = api_enter(L, "alerts");
    struct alerts_filter f = {0};
    struct err e = {0};
    if (!lua_isnoneornil(L, 2)) {
        api_members(L, 2, "alerts", members);
        f.key = api_member(L, 2, "key", "alerts", KEY_MAX, false);
        f.kind = api_member(L, 2, "kind", "alerts", 64, false);
        f.state = api_member(L, 2, "state", "alerts", 32, false);
    }
    enum alert_state state;
    if (f.state.p && !span_eq(f.state, SPAN("open")) && !alert_state_parse(f.state, &state))
        return sandbox_raise(L, "ctx:alerts 没有状态 %.*s", SPAN_ARG(f.state));
    if (!settle(ev, &e))
        return api_stop(L, ev, &e);
    lua_newtable(L);
    arena_reset(&ev->brief);
    if (f.key.p)
        return one_alert(L, ev, &f);
    size_t n = 0;
    struct alert *list = collect(ev, &f, &n, &e);
    if (e.code != ERR_NONE && e.code != ERR_MISSING)
        return api_stop(L, ev, &e);
    for (size_t i = 0; i < n; i++) {
        limit_charge(L, 50);
        push_alert(L, &list[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const luaL_Reg api_alert_functions[] = {
    {"alert", ctx_alert},
    {"clear", ctx_clear},
    {"alerts", ctx_alerts},
    {NULL, NULL},
};
