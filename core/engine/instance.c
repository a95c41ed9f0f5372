#include "engine/instance.h"

#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "domain/entry_type.h"
#include "domain/row.h"
#include "domain/street.h"
#include "engine/api.h"
#include "engine/lua_json.h"
#include "util/json.h"
#include "util/mem.h"

/* Setting up runs inside one protected call, because it can run out of the state's memory. */
struct setup {
    struct instance *in;
    struct err *e;
    bool ok;
};

static struct span text_at(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TSTRING)
        return SPAN_NONE;
    size_t n;
    const char *p = lua_tolstring(L, index, &n);
    return (struct span){p, n};
}

/* The value of a `where` as records hold it. */
static bool where_value(struct instance *in, lua_State *L, int index, const struct field *f,
                        struct span *out, struct err *e)
{
    return api_field_text(L, index, f, &in->arena, out)
               ? true
               : err_set(e, ERR_SCRIPT, "where 里 %s 的值与字段类型不符", f->name);
}

static bool read_where(struct instance *in, lua_State *L, struct instance_every *ev,
                       struct err *e)
{
    // … where
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        n++;
    ev->where = arena_alloc(&in->arena, (n ? n : 1) * sizeof *ev->where);
    for (int i = 0; i < ev->over->field_count; i++) {
        lua_pushstring(L, ev->over->fields[i].name);
        lua_rawget(L, -2); // … where value
        if (!lua_isnil(L, -1)) {
            struct record_where *w = &ev->where[ev->where_count++];
            w->field = i;
            if (!where_value(in, L, -1, &ev->over->fields[i], &w->value, e))
                return false;
        }
        lua_pop(L, 1);
    }
    if (ev->where_count != n)
        return err_set(e, ERR_SCRIPT, "every 的 where 里有 %s 没有的字段", ev->over->name);
    return true;
}

static bool read_every_one(struct instance *in, lua_State *L, struct instance_every *ev,
                           struct err *e)
{
    // … entry
    int entry = lua_gettop(L);
    ev->function = LUA_NOREF;
    lua_getfield(L, entry, "at");
    ev->at = arena_span(&in->arena, text_at(L, -1));
    if (!schedule_parse(ev->at, &ev->schedule, e))
        return false;
    lua_getfield(L, entry, "over");
    if (!lua_isnil(L, -1)) {
        ev->over = dictionary_find(in->dictionary, text_at(L, -1));
        if (!ev->over)
            return err_set(e, ERR_SCRIPT, "every 的 over 不是记录类型");
        lua_getfield(L, entry, "where");
        if (lua_istable(L, -1) && !read_where(in, L, ev, e))
            return false;
    }
    lua_getfield(L, entry, "run");
    if (!lua_isfunction(L, -1))
        return err_set(e, ERR_SCRIPT, "every 的每一项要有 run 函数");
    ev->function = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_settop(L, entry);
    return true;
}

static bool read_every(struct instance *in, lua_State *L, struct err *e)
{
    // script
    lua_getfield(L, 1, "every"); // script every|nil
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        return true;
    }
    in->every_count = lua_rawlen(L, -1);
    in->every = arena_alloc(&in->arena, (in->every_count + 1) * sizeof *in->every);
    for (size_t i = 0; i < in->every_count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        if (!lua_istable(L, -1))
            return err_set(e, ERR_SCRIPT, "every 的第 %zu 项不是表", i + 1);
        if (!read_every_one(in, L, &in->every[i], e))
            return false;
        lua_settop(L, 2);
    }
    lua_settop(L, 1);
    return true;
}

static bool read_handlers(struct instance *in, lua_State *L, const char *name,
                          struct instance_handler **out, size_t *count, struct err *e)
{
    // script
    lua_getfield(L, 1, name); // script handlers|nil
    if (lua_istable(L, -1)) {
        size_t n = 0;
        for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
            n++;
        *out = arena_alloc(&in->arena, (n + 1) * sizeof **out);
        lua_pushnil(L);
        while (lua_next(L, 2)) { // script handlers name function
            const struct type *t = dictionary_find(in->dictionary, text_at(L, -2));
            if (!t || !lua_isfunction(L, -1))
                return err_set(e, ERR_SCRIPT, "%s 里要写 记录类型 = 函数", name);
            (*out)[*count].type = t;
            (*out)[(*count)++].function = luaL_ref(L, LUA_REGISTRYINDEX);
        }
    }
    lua_settop(L, 1);
    return true;
}

static bool read_script(struct instance *in, lua_State *L, struct err *e)
{
    if (!lua_istable(L, 1))
        return err_set(e, ERR_SCRIPT, "场景文件要返回一张表");
    if (!read_handlers(in, L, "on", &in->on, &in->on_count, e) ||
        !read_handlers(in, L, "removed", &in->removed, &in->removed_count, e) ||
        !read_every(in, L, e))
        return false;
    lua_getfield(L, 1, "wake");
    if (lua_isfunction(L, -1))
        in->wake = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_settop(L, 1);
    return true;
}

static int set_up(lua_State *L)
{
    // script setup
    struct setup *s = lua_touserdata(L, 2);
    lua_settop(L, 1);
    s->ok = read_script(s->in, L, s->e);
    if (!s->ok)
        return 0;
    lua_settop(L, 1);
    s->in->script = luaL_ref(L, LUA_REGISTRYINDEX);
    api_push_context(L, s->in);
    s->in->context = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    s->in->rows = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* --- what the manifest says ---------------------------------------------------------------------- */

static void read_settings(struct instance *in, const struct json *list)
{
    static const struct json unset = {.type = JSON_NULL}; /* nil until somebody fills it in */
    size_t n = json_count(list);
    in->settings = arena_alloc(&in->arena, (n + 1) * sizeof *in->settings);
    for (size_t i = 0; i < n; i++) {
        const struct json *s = json_item(list, i), *fallback = json_get(s, "default");
        in->settings[in->setting_count++] = (struct instance_setting){
            .name = json_string(json_get(s, "name")),
            .local = span_eq(json_string(json_get(s, "per")), SPAN("community")),
            .fallback = fallback ? fallback : &unset,
        };
    }
}

static void allow(struct instance *in, const struct type *t)
{
    for (int i = 0; t && i < dictionary_count(in->dictionary); i++)
        if (dictionary_at(in->dictionary, i) == t)
            in->may_read[i] = true;
}

static void read_permissions(struct instance *in, const struct json *reads)
{
    in->may_read = arena_alloc(&in->arena, (size_t)dictionary_count(in->dictionary) + 1);
    for (size_t i = 0; i < json_count(reads); i++)
        allow(in, dictionary_find(in->dictionary, json_string(json_item(reads, i))));
    for (size_t i = 0; i < in->on_count; i++)
        allow(in, in->on[i].type);
    for (size_t i = 0; i < in->removed_count; i++)
        allow(in, in->removed[i].type);
    for (size_t i = 0; i < in->every_count; i++)
        allow(in, in->every[i].over);
}

static void read_rejudge(struct instance *in, const struct json *map)
{
    if (!json_is(map, JSON_OBJECT))
        return;
    in->rejudge = arena_alloc(&in->arena, (map->count + 1) * sizeof *in->rejudge);
    for (size_t i = 0; i < map->count; i++) {
        const struct type *t = dictionary_find(in->dictionary, map->names[i]);
        const struct json *named = &map->items[i];
        bool by = json_is(named, JSON_OBJECT) && named->count == 1;
        int field = t ? type_field(t, by ? named->names[0] : json_string(named)) : -1;
        if (field >= 0)
            in->rejudge[in->rejudge_count++] = (struct instance_rejudge){
                t, field, by ? json_string(&named->items[0]) : SPAN_NONE};
    }
}

static bool has_steady_kind(const struct json *life)
{
    for (size_t i = 0; json_is(life, JSON_OBJECT) && i < life->count; i++)
        if (json_get(&life->items[i], "hold") || json_get(&life->items[i], "flap"))
            return true;
    return false;
}

/* A manifest that says nothing grants what a script that says nothing has. */
static void read_grants(struct instance *in, const struct json *may)
{
    in->may_alert = !may;
    for (size_t i = 0; i < json_count(may); i++) {
        struct span effect = json_string(json_item(may, i));
        in->may_alert |= span_eq(effect, SPAN("alert"));
        in->may_topic |= span_eq(effect, SPAN("topic"));
    }
}

static void read_manifest(struct instance *in)
{
    const struct json *m = in->scenario.manifest;
    read_settings(in, json_get(m, "settings"));
    read_permissions(in, json_get(m, "reads"));
    read_rejudge(in, json_get(m, "rejudge"));
    read_grants(in, json_get(m, "may"));
    in->bulk_guard = json_bool(json_get(m, "bulk_guard"), false);
    in->steady = has_steady_kind(json_get(m, "life"));
    const struct json *also = json_get(m, "also");
    in->also = arena_alloc(&in->arena, (json_count(also) + 1) * sizeof *in->also);
    for (size_t i = 0; i < json_count(also); i++)
        in->also[in->also_count++] = json_string(json_item(also, i));
}

/* --- life --------------------------------------------------------------------------------------- */

struct instance *instance_new(struct street *street, const struct sandbox_modules *modules,
                              struct arena *take_arena, const struct scenario *s,
                              struct fault *f, struct err *e)
{
    struct instance *in = mem_alloc(sizeof *in);
    in->arena = *take_arena;
    *take_arena = (struct arena){0};
    in->scenario = *s;
    in->street = street_ref(street);
    in->dictionary = street_dictionary(street);
    in->modules = modules;
    in->values = s->values;
    in->local = s->local;
    in->wake = in->script = in->context = in->rows = LUA_NOREF;
    memset(f, 0, sizeof *f);

    in->box = sandbox_new(modules, in);
    const char *file = arena_printf(&in->arena, "%.*s.lua", SPAN_ARG(s->id));
    if (!sandbox_load(in->box, s->text, file, &limit_large, f))
        goto fail;
    lua_State *L = sandbox_state(in->box); // script
    struct setup setup = {in, e, false};
    lua_pushcfunction(L, set_up);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, &setup); // set_up script setup
    if (!sandbox_call(in->box, 2, 0, &limit_large, f) || !setup.ok)
        goto fail;
    read_manifest(in);
    return in;
fail:
    instance_free(in);
    return NULL;
}

void instance_free(struct instance *in)
{
    if (!in)
        return;
    sandbox_free(in->box);
    street_unref(in->street);
    for (size_t i = 0; i < sizeof in->spare / sizeof *in->spare; i++)
        arena_free(&in->spare[i]);
    arena_free(&in->arena);
    mem_free(in);
}

static const struct instance_handler *find(const struct instance_handler *list, size_t n,
                                           uint16_t type)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].type->id == type)
            return &list[i];
    return NULL;
}

const struct instance_handler *instance_on(const struct instance *in, uint16_t type)
{
    return find(in->on, in->on_count, type);
}

const struct instance_handler *instance_removed(const struct instance *in, uint16_t type)
{
    return find(in->removed, in->removed_count, type);
}

bool instance_wants(const struct instance *in, uint16_t type)
{
    if (type == ENTRY_TICK)
        return in->every_count > 0;
    if (type == ENTRY_WAKE)
        return in->wake != LUA_NOREF || in->steady;
    if (type == ENTRY_WITHDRAWAL)
        return in->may_alert;
    if (type < ENTRY_RECORDS)
        return false;
    if (instance_on(in, type) || instance_removed(in, type))
        return true;
    for (size_t i = 0; i < in->rejudge_count; i++)
        if (in->rejudge[i].type->id == type)
            return true;
    for (size_t i = 0; i < in->every_count; i++)
        if (in->every[i].over && in->every[i].over->id == type && in->every[i].over->event >= 0)
            return true;
    return false;
}

const struct json *instance_setting(const struct instance *in, struct span name,
                                    struct span community)
{
    for (size_t i = 0; i < in->setting_count; i++) {
        const struct instance_setting *s = &in->settings[i];
        if (!span_eq(s->name, name))
            continue;
        const struct json *here = NULL;
        if (s->local && community.n && in->local)
            for (size_t k = 0; k < in->local->count && !here; k++)
                if (span_eq(in->local->names[k], community))
                    here = json_get(&in->local->items[k], s->name.p);
        if (!here && in->values)
            here = json_get(in->values, s->name.p);
        return here && here->type != JSON_NULL ? here : s->fallback;
    }
    return NULL;
}
