#include "engine/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/sandbox_impl.h"
#include "util/mem.h"
#include "util/utf8.h"

enum { SCRIPT_MAX = 256 * 1024 };

static const char env_key; /* its address names the environment in the registry */

struct sandbox *sandbox_of(lua_State *L)
{
    struct sandbox *sb;
    memcpy(&sb, lua_getextraspace(L), sizeof(sb)); /* Lua copies it into each coroutine */
    return sb;
}

void *sandbox_host(lua_State *L)
{
    return sandbox_of(L)->host;
}

void sandbox_on_line(struct sandbox *sb, void (*fn)(void *ctx, int line), void *ctx)
{
    sb->on_line = fn;
    sb->on_line_ctx = ctx;
}

lua_State *sandbox_state(struct sandbox *sb)
{
    return sb->L;
}

void sandbox_trust(struct sandbox *sb)
{
    sb->trusted = true;
}

bool sandbox_is_dead(const struct sandbox *sb)
{
    return sb->dead;
}

/* --- the state ---------------------------------------------------------------------------------- */

struct instead {
    const char *name, *text;
};
/* What people who know Lua look for, and what serves instead. */
static const struct instead absent[] = {
    {"print", "用 ctx:log"},
    {"os", "时间用 ctx.now、ctx.today"},
    {"io", "脚本不能读写文件"},
    {"load", "脚本不能装入代码"},
    {"loadstring", "脚本不能装入代码"},
    {"dofile", "共用的代码用 require"},
    {"loadfile", "共用的代码用 require"},
    {"debug", "脚本里不提供"},
    {"package", "共用的代码用 require"},
    {"collectgarbage", "脚本里不提供"},
    {"_G", "脚本里没有全局变量"},
};

static int env_read(lua_State *L) // globals, name
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        if (strcmp(absent[i].name, name) == 0)
            return luaL_error(L, "没有 %s：%s", name, absent[i].text);
    }
    return luaL_error(L, "没有定义的名字 %s：是拼错了，还是前面少了 local？", name);
}

static int env_write(lua_State *L) // env, name, value
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    return luaL_error(L, "不能给全局变量 %s 赋值：请在前面加 local", name);
}

/* The environment is an empty table over the globals, so that a write never hits an existing name. */
static void open_env(lua_State *L)
{
    lua_newtable(L); // globals
    sandbox_open_base(L);
    sandbox_open_string(L); // globals, string
    lua_setfield(L, -2, "string");
    sandbox_open_table(L);
    lua_setfield(L, -2, "table");
    sandbox_open_math(L);
    lua_setfield(L, -2, "math");
    sandbox_open_utf8(L);
    lua_setfield(L, -2, "utf8");
    sandbox_open_coroutine(L);
    lua_setfield(L, -2, "coroutine");
    lua_newtable(L); // globals, meta
    lua_pushcfunction(L, env_read);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2); // globals
    lua_newtable(L);         // globals, env
    lua_newtable(L);         // globals, env, meta
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, env_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2); // globals, env
    lua_rawsetp(L, LUA_REGISTRYINDEX, &env_key);
    lua_pop(L, 1);
}

void sandbox_push_globals(lua_State *L)
{
    luaL_checkstack(L, 8, NULL);
    lua_newtable(L);                             // set
    lua_rawgetp(L, LUA_REGISTRYINDEX, &env_key); // set, env
    lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index");          // set, env, meta, globals
    for (lua_pushnil(L); lua_next(L, -2);) { // set, env, meta, globals, name, value
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushboolean(L, 1);
        lua_rawset(L, -7);
    }
    lua_pop(L, 3);
}

static int open_all(lua_State *L)
{
    open_env(L);
    return 0;
}

struct sandbox *sandbox_new(const struct sandbox_modules *modules, void *host)
{
    struct sandbox *sb = mem_alloc(sizeof(*sb));
    sb->modules = modules;
    sb->host = host;
    sb->limit.budget = limit_large;
    sb->L = lua_newstate(limit_alloc, sb);
    must(sb->L);
    memcpy(lua_getextraspace(sb->L), &sb, sizeof(sb));
    lua_pushcfunction(sb->L, open_all);
    must(lua_pcall(sb->L, 0, 0, 0) == LUA_OK); /* fails only without memory */
    return sb;
}

void sandbox_free(struct sandbox *sb)
{
    if (!sb)
        return;
    sb->limit.active = false;
    lua_close(sb->L);
    arena_free(&sb->scratch);
    mem_free(sb);
}

/* --- faults ------------------------------------------------------------------------------------- */

int sandbox_line(lua_State *L)
{
    const struct sandbox *sb = sandbox_of(L);
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (sb->script[0] && strcmp(ar.source, sb->script) == 0)
            return ar.currentline > 0 ? ar.currentline : 0;
    }
    return 0;
}

int sandbox_raise(lua_State *L, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    text[span_cut_utf8(span_of(text), sizeof(text) - 1)] = 0;
    return luaL_error(L, "%s", text);
}

/* What a script says of itself goes into JSON, logs and pages: UTF-8 on one line, whatever it was. */
static void copy_text(char *out, size_t size, const char *p, size_t n)
{
    const unsigned char *from = (const unsigned char *)p, *end = from + n;
    size_t at = 0;
    while (from < end) {
        size_t length = utf8_length(from, end), step = length ? length : 1;
        if (at + step >= size)
            break;
        if (length == 0 || utf8_is_control(utf8_decode(from, length)))
            out[at++] = *from == '\n' ? ' ' : '?';
        else
            memcpy(out + at, from, length), at += length;
        from += step;
    }
    out[at] = 0;
}

/* Message handler: the stack still stands. Looks at the error value without running anything. */
static int on_error(lua_State *L)
{
    struct sandbox *sb = sandbox_of(L);
    sb->fault_line = sandbox_line(L);
    size_t n = 0;
    const char *text = NULL;
    if (lua_type(L, 1) == LUA_TSTRING)
        text = lua_tolstring(L, 1, &n);
    if (text)
        copy_text(sb->fault_text, sizeof(sb->fault_text), text, n);
    else if (lua_isinteger(L, 1))
        snprintf(sb->fault_text, sizeof(sb->fault_text), "%lld",
                 (long long)lua_tointeger(L, 1));
    else if (lua_type(L, 1) == LUA_TNUMBER)
        snprintf(sb->fault_text, sizeof(sb->fault_text), "%.14g", lua_tonumber(L, 1));
    else
        snprintf(sb->fault_text, sizeof(sb->fault_text), "error 的值是 %s，请写成一句话",
                 luaL_typename(L, 1));
    return 1;
}

/* "ent_new.lua:12: " at the start of `text`: its length, and the line; else 0. */
static size_t prefix_length(const struct sandbox *sb, const char *text, int *line)
{
    size_t n = sb->script[0] ? strlen(sb->script) - 1 : 0;
    if (n == 0 || strncmp(text, sb->script + 1, n) != 0 || text[n] != ':')
        return 0;
    char *end;
    long value = strtol(text + n + 1, &end, 10);
    if (end == text + n + 1 || end[0] != ':' || value <= 0)
        return 0;
    *line = (int)value;
    end++;
    return (size_t)(end - text) + (end[0] == ' ');
}

static void make_fault(struct sandbox *sb, struct fault *f)
{
    memset(f, 0, sizeof(*f));
    f->limit = sb->limit.hit;
    f->line = sb->fault_line;
    f->syntax = sb->compiling;
    char text[sizeof(sb->fault_text)];
    if (f->limit != LIMIT_FREE) {
        if (sb->limit.line)
            f->line = sb->limit.line;
        limit_text(&sb->limit, text, sizeof(text));
    } else if (sb->fault_text[0]) {
        memcpy(text, sb->fault_text, sizeof(text));
    } else {
        snprintf(text, sizeof(text), "处理错误时又出了错（递归太深？）");
    }
    int line = 0;
    size_t prefix = prefix_length(sb, text, &line);
    if (prefix && (f->line == 0 || f->limit == LIMIT_FREE))
        f->line = line;
    memmove(text, text + prefix, strlen(text + prefix) + 1);
    if (f->limit == LIMIT_FREE)
        fault_translate(text, sizeof(text));
    int n = 0;
    if (sb->script[0] && f->line)
        n = snprintf(f->text, sizeof(f->text), "%s:%d: ", sb->script + 1, f->line);
    else if (sb->script[0])
        n = snprintf(f->text, sizeof(f->text), "%s: ", sb->script + 1);
    f->message = f->text + n;
    copy_text(f->text + n, sizeof(f->text) - (size_t)n, text, strlen(text));
}

/* --- entering ----------------------------------------------------------------------------------- */

bool sandbox_call(struct sandbox *sb, int nargs, int nresults,
                  const struct limit_budget *budget, struct fault *f)
{
    lua_State *L = sb->L;
    int function = lua_gettop(L) - nargs;
    must(function >= 1 && !sb->dead && !sb->limit.active);
    must(lua_checkstack(L, 2));
    limit_begin(sb, budget);
    sb->compiling = false;
    sb->fault_line = 0;
    sb->fault_text[0] = 0;
    lua_pushcfunction(L, on_error);
    lua_insert(L, function);
    int status = lua_pcall(L, nargs, nresults, function);
    limit_end(sb);
    lua_remove(L, function);
    if (status == LUA_ERRMEM || strcmp(sb->fault_text, "not enough memory") == 0)
        sb->limit.hit = sb->limit.hit ? sb->limit.hit : LIMIT_MEMORY;
    sb->dead = sb->limit.hit != LIMIT_FREE;
    if (status == LUA_OK && !sb->dead)
        return true;
    make_fault(sb, f);
    lua_settop(L, function - 1);
    return false;
}

/* Push the compiled chunk with the environment as its only upvalue; raises on a syntax error. */
static void compile(lua_State *L, struct span text, const char *source)
{
    limit_charge(L, (int64_t)text.n);
    sandbox_of(L)->compiling = true;
    if (text.n && text.p[0] == LUA_SIGNATURE[0])
        luaL_error(L, "不是文本：脚本不能是编译过的代码");
    if (luaL_loadbufferx(L, text.p, text.n, source, "t") != LUA_OK) {
        limit_reraise(L);
        lua_error(L);
    }
    sandbox_of(L)->compiling = false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &env_key);
    lua_setupvalue(L, -2, 1);
}

static int load_script(lua_State *L) // span*
{
    const struct span *text = lua_touserdata(L, 1);
    compile(L, *text, sandbox_of(L)->script);
    lua_call(L, 0, 1);
    return 1;
}

bool sandbox_load(struct sandbox *sb, struct span text, const char *file,
                  const struct limit_budget *budget, struct fault *f)
{
    if (!sb->script[0])
        snprintf(sb->script, sizeof(sb->script), "=%.*s", SCRIPT_NAME_MAX, file);
    if (text.n > SCRIPT_MAX) {
        *f = (struct fault){.limit = LIMIT_STRING};
        snprintf(f->text, sizeof(f->text), "脚本有 %zu 字节，不能超过 %d", text.n, SCRIPT_MAX);
        f->message = f->text;
        return false;
    }
    must(lua_checkstack(sb->L, 2));
    lua_pushcfunction(sb->L, load_script);
    lua_pushlightuserdata(sb->L, &text);
    return sandbox_call(sb, 1, 1, budget, f);
}

/* --- modules ------------------------------------------------------------------------------------ */

static const struct sandbox_module *find_module(const struct sandbox *sb, const char *name)
{
    for (size_t i = 0; sb->modules && i < sb->modules->count; i++) {
        if (strcmp(sb->modules->items[i].name, name) == 0)
            return &sb->modules->items[i];
    }
    return NULL;
}

static _Noreturn void no_module(lua_State *L, const char *name)
{
    const struct sandbox *sb = sandbox_of(L);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t i = 0; sb->modules && i < sb->modules->count; i++) {
        if (strncmp(sb->modules->items[i].name, "host.", 5) == 0)
            continue;
        luaL_addchar(&b, ' ');
        luaL_addstring(&b, sb->modules->items[i].name);
    }
    luaL_pushresult(&b);
    luaL_error(L, "没有模块 %s；可用的有%s", name, lua_tostring(L, -1));
    abort();
}

int sandbox_require(lua_State *L) // name
{
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, "wangyi.loaded"); // name, loaded
    lua_pushvalue(L, 1);
    if (lua_rawget(L, 2) == LUA_TTABLE) // name, loaded, module
        return 1;
    if (lua_isboolean(L, -1))
        return luaL_error(L, "模块 %s 绕了一圈又 require 到自己", name);
    const struct sandbox_module *m = find_module(sandbox_of(L), name);
    if (!m || (strncmp(name, "host.", 5) == 0 && !sandbox_of(L)->trusted))
        no_module(L, name);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, 1);
    lua_rawset(L, 2); // being loaded
    lua_settop(L, 2);
    compile(L, m->text, m->file); // name, loaded, chunk
    lua_call(L, 0, 1);            // name, loaded, result
    if (!lua_istable(L, 3))
        return luaL_error(L, "模块 %s 没有返回表", name);
    sandbox_freeze(L, strncmp(name, "std.", 4) == 0 ? name : NULL); // name, loaded, view
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 3);
    lua_rawset(L, 2);
    return 1;
}

/* Whole text of a file; false with a sentence. */
static bool read_text(const char *path, struct span *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > 4 * SCRIPT_MAX) {
        if (fd >= 0)
            close(fd);
        return err_set(e, ERR_SYSTEM, "读不到脚本文件 %s", path);
    }
    struct buf b = {0};
    ssize_t got;
    while ((got = read(fd, buf_space(&b, 65536), 65536)) > 0)
        b.n += (size_t)got;
    close(fd);
    if (got < 0) {
        buf_free(&b);
        return err_set(e, ERR_SYSTEM, "读不到脚本文件 %s", path);
    }
    buf_char(&b, 0); /* never NULL, and handy in a debugger */
    *out = (struct span){b.p, b.n - 1};
    return true;
}

bool sandbox_module_read(struct sandbox_module *m, const char *scripts_dir, const char *part,
                         const char *stem, struct err *e)
{
    char path[4096], name[128], file[128];
    snprintf(path, sizeof(path), "%s/%s/%s.lua", scripts_dir, part, stem);
    snprintf(name, sizeof(name), "%s.%s", part, stem);
    snprintf(file, sizeof(file), "=%s/%s.lua", part, stem);
    struct span text;
    if (!read_text(path, &text, e))
        return false;
    *m = (struct sandbox_module){
        .name = mem_strdup(name), .file = mem_strdup(file), .text = text};
    return true;
}

void sandbox_module_free(struct sandbox_module *m)
{
    union { /* what was allocated here comes back as ours */
        const char *lent;
        char *own;
    } name = {m->name}, file = {m->file}, text = {m->text.p};
    mem_free(name.own);
    mem_free(file.own);
    mem_free(text.own);
}

static bool add_module(struct sandbox_modules *m, const char *dir, const char *part,
                       const char *stem, struct err *e)
{
    struct sandbox_module one;
    if (!sandbox_module_read(&one, dir, part, stem, e))
        return false;
    m->items = mem_array(m->items, m->count + 1, sizeof(*m->items));
    m->items[m->count++] = one;
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct sandbox_module *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Every X.lua of scripts_dir/part; a missing folder is an empty one. */
static bool add_folder(struct sandbox_modules *m, const char *dir, const char *part,
                       struct err *e)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, part);
    DIR *d = opendir(path);
    if (!d)
        return true;
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(d));) {
        size_t n = strlen(entry->d_name);
        if (n < 5 || n > 60 || entry->d_name[0] == '.' ||
            strcmp(entry->d_name + n - 4, ".lua") != 0)
            continue;
        char stem[64];
        snprintf(stem, sizeof(stem), "%.*s", (int)(n - 4), entry->d_name);
        ok = add_module(m, dir, part, stem, e);
    }
    closedir(d);
    return ok;
}

/* Of what an office may leave out. */
static bool add_if_there(struct sandbox_modules *m, const char *dir, const char *part,
                         const char *stem, struct err *e)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s/%s.lua", dir, part, stem);
    return access(path, F_OK) != 0 || add_module(m, dir, part, stem, e);
}

bool sandbox_modules_read(struct sandbox_modules *m, const char *scripts_dir, struct err *e)
{
    memset(m, 0, sizeof(*m));
    if (!add_folder(m, scripts_dir, "std", e) || !add_folder(m, scripts_dir, "host", e) ||
        !add_module(m, scripts_dir, "office", "org", e) ||
        !add_if_there(m, scripts_dir, "office", "records", e) ||
        !add_if_there(m, scripts_dir, "office", "feeds", e)) {
        sandbox_modules_free(m);
        return false;
    }
    qsort(m->items, m->count, sizeof(*m->items), by_name);
    return true;
}

void sandbox_modules_free(struct sandbox_modules *m)
{
    for (size_t i = 0; i < m->count; i++)
        sandbox_module_free(&m->items[i]);
    mem_free(m->items);
    memset(m, 0, sizeof(*m));
}
