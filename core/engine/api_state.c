/* ctx:get, set, wake, sleep: what a scenario remembers between runs. */
#include "engine/api.h"

#include "domain/entry_type.h"
#include "domain/key.h"
#include "engine/lua_json.h"
#include "store/version.h"
#include "util/calendar.h"
#include "util/json.h"

enum { STATE_KEY_MAX = 180 };

static struct span state_key(lua_State *L, const char *function)
{
    struct span key = api_text(L, 2, function, "键");
    if (key.n == 0 || key.n > STATE_KEY_MAX || span_has_control(key))
        sandbox_raise(L, "ctx:%s 的键应为 1 至 %d 字节、没有控制字符的文本", function,
                      STATE_KEY_MAX);
    return key;
}

/* As the entries up to own_as_of had left it: what they set may stand behind later entries in the journal. */
static bool state_then(struct evaluation *ev, struct span key, struct span *value,
                       struct err *e)
{
    enum { AT_ONCE = 16 };
    struct entry found[AT_ONCE];
    arena_reset(&ev->brief);
    struct span full = key_of2(&ev->brief, ev->in->scenario.id, key, e);
    for (uint64_t as_of = SEQ_LATEST; full.n;) {
        size_t n = 0;
        if (!version_history(api_own(ev), &ev->brief, ENTRY_STATE, full, as_of, found, AT_ONCE,
                             &n, e))
            return e->code == ERR_MISSING;
        for (size_t i = 0; i < n; i++)
            if (found[i].cause <= ev->own_as_of) {
                *value = found[i].op == ENTRY_PUT ? found[i].body : SPAN_NONE;
                return true;
            }
        if (n < AT_ONCE || found[n - 1].seq <= 1)
            break;
        as_of = found[n - 1].seq - 1;
    }
    return full.n || e->code == ERR_INPUT;
}

bool api_state_read(struct evaluation *ev, struct span key, struct span *value, struct err *e)
{
    struct entry entry;
    *value = SPAN_NONE;
    if (ev->own_as_of)
        return state_then(ev, key, value, e);
    if (ev->host->state && ev->host->state(ev->host->ctx, key, value))
        return true;
    arena_reset(&ev->brief);
    struct span full = key_of2(&ev->brief, ev->in->scenario.id, key, e);
    if (full.n &&
        version_get(api_own(ev), &ev->brief, ENTRY_STATE, full, SEQ_LATEST, &entry, e))
        *value = entry.op == ENTRY_PUT ? entry.body : SPAN_NONE;
    else
        return e->code == ERR_MISSING || e->code == ERR_INPUT;
    return true;
}

static int ctx_get(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "get");
    struct span value;
    struct err e = {0};
    if (!api_state_read(ev, state_key(L, "get"), &value, &e))
        return api_stop(L, ev, &e);
    if (!value.n || !lua_json_push_text(L, value, &e))
        lua_pushnil(L);
    return 1;
}

/* A buffer that outlives an error: lua_json_put may raise. Reused from call to call. */
static struct buf *json_text(struct evaluation *ev)
{
    buf_clear(&ev->json);
    return &ev->json;
}

static struct span lua_value(lua_State *L, struct evaluation *ev, int index,
                             const char *function)
{
    struct err e = {0};
    struct buf *b = json_text(ev);
    if (!lua_json_put(L, index, b, NULL, &e))
        sandbox_raise(L, "ctx:%s：%s", function, e.text);
    return arena_span(&ev->keep, buf_view(b));
}

static int ctx_set(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "set");
    struct span key = state_key(L, "set");
    struct span value = lua_isnoneornil(L, 3) ? SPAN_NONE : lua_value(L, ev, 3, "set");
    api_effect(ev, EFFECT_SET, key)->members = value;
    return 0;
}

static int ctx_wake(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "wake");
    struct span key = state_key(L, "wake");
    int64_t at = api_time(L, 3, "wake", "时刻");
    if (ev->in->wake == LUA_NOREF)
        return sandbox_raise(L, "ctx:wake 要有场景的 wake 函数来接");
    struct span data = lua_isnoneornil(L, 4) ? SPAN_NONE : lua_value(L, ev, 4, "wake");
    char text[64];
    struct buf b = {text, 0, sizeof text};
    calendar_put_datetime(&b, at);
    api_effect(ev, EFFECT_WAKE, key)->members =
        span_of(arena_printf(&ev->keep, ",\"at\":\"%.*s\"%s%.*s", (int)b.n, b.p,
                             data.n ? ",\"data\":" : "", SPAN_ARG(data)));
    return 0;
}

static int ctx_sleep(lua_State *L)
{
    struct evaluation *ev = api_enter(L, "sleep");
    api_effect(ev, EFFECT_SLEEP, state_key(L, "sleep"));
    return 0;
}

const luaL_Reg api_state_functions[] = {
    {"get", ctx_get}, {"set", ctx_set}, {"wake", ctx_wake}, {"sleep", ctx_sleep}, {NULL, NULL},
};
