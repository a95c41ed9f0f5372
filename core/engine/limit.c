#include "engine/limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sandbox_impl.h"
#include "util/clock.h"

enum { HOOK_EVERY = 1000, RENEWALS_MAX = 100000, VARARG_MAX = 2000, VARARG_LEVELS = 8 };
enum {
    COLLECT_SHARE = 64,
    SOON_US = 50000,
}; /* bytes of heap that a full collection walks in the time of one instruction */

const struct limit_budget limit_small = {
    .steps = 5000000, .host_calls = 200000, .memory = 16u << 20, .deadline_ms = 5000};
const struct limit_budget limit_large = {
    .steps = 50000000, .host_calls = 1000000, .memory = 64u << 20, .deadline_ms = 8000};

static void on_count(lua_State *L, lua_Debug *ar);

static struct limit *limit_of(lua_State *L)
{
    return &sandbox_of(L)->limit;
}

/* From now on every instruction of `L` asks the hook. Only sets fields: allowed inside the allocator. */
static void arm(lua_State *L, int every)
{
    int lines = sandbox_of(L)->on_line ? LUA_MASKLINE : 0;
    lua_sethook(L, on_count, LUA_MASKCOUNT | lines, every);
}

static void hit(lua_State *L, struct limit *l, enum limit_hit what)
{
    if (l->hit == LIMIT_FREE)
        l->hit = what;
    if (l->line == 0)
        l->line = sandbox_line(L);
    arm(L, 1);
}

/* The error value is nobody's to read (the text is made from struct limit), so it needs no memory. */
static void raise(lua_State *L)
{
    struct limit *l = limit_of(L);
    hit(L, l, l->hit);
    lua_pushboolean(L, 0);
    lua_error(L);
}

void limit_reraise(lua_State *L)
{
    if (limit_of(L)->hit != LIMIT_FREE)
        raise(L);
}

/* The wall clock is cheap to read; that of the thread decides, for a busy machine is not the script's fault. It
 * costs a system call, so it is left alone in the calls that are over soon: nearly all. */
static bool is_late(struct limit *l)
{
    int64_t now = clock_mono_us(), allowed = l->budget.deadline_ms * 1000;
    if (l->wall_start_us == 0)
        l->wall_start_us = now;
    if (now - l->wall_start_us < SOON_US)
        return false;
    if (l->cpu_start_us == 0)
        l->cpu_start_us = clock_thread_us() - SOON_US;
    return now - l->wall_start_us > allowed && clock_thread_us() - l->cpu_start_us > allowed;
}

static enum limit_hit exceeded(const struct limit *l)
{
    if (l->steps > l->budget.steps || l->past_steps + l->steps > 10 * limit_large.steps)
        return LIMIT_STEPS;
    if (l->host_calls > l->budget.host_calls ||
        l->past_host_calls + l->host_calls > 10 * limit_large.host_calls)
        return LIMIT_HOST_CALLS;
    return LIMIT_FREE;
}

/* Copying a huge list of variable arguments is one instruction. Such a list is no use to an honest script. */
static bool has_huge_varargs(lua_State *L)
{
    lua_Debug ar;
    for (int level = 0; level < VARARG_LEVELS && lua_getstack(L, level, &ar); level++) {
        if (lua_getlocal(L, &ar, -VARARG_MAX)) {
            lua_pop(L, 1);
            return true;
        }
    }
    return false;
}

static void tell_line(lua_State *L, lua_Debug *ar)
{
    struct sandbox *sb = sandbox_of(L);
    lua_getinfo(L, "S", ar);
    if (sb->on_line && strcmp(ar->source, sb->script) == 0)
        sb->on_line(sb->on_line_ctx, ar->currentline);
}

static void on_count(lua_State *L, lua_Debug *ar)
{
    struct limit *l = limit_of(L);
    if (!l->active)
        return;
    if (ar->event == LUA_HOOKLINE && l->hit == LIMIT_FREE) {
        tell_line(L, ar);
        return;
    }
    if (l->hit == LIMIT_FREE) {
        l->steps += HOOK_EVERY;
        l->hit = exceeded(l);
        if (l->hit == LIMIT_FREE && is_late(l))
            l->hit = LIMIT_DEADLINE;
        if (l->hit == LIMIT_FREE && has_huge_varargs(L))
            l->hit = LIMIT_MEMORY;
    }
    limit_reraise(L);
}

void limit_charge(lua_State *L, int64_t steps)
{
    struct limit *l = limit_of(L);
    if (!l->active)
        return;
    l->steps += steps;
    if (l->hit == LIMIT_FREE)
        l->hit = exceeded(l);
    limit_reraise(L);
}

void limit_host_call(lua_State *L)
{
    struct limit *l = limit_of(L);
    l->host_calls++;
    limit_charge(L, 0);
}

void limit_renew(lua_State *L)
{
    struct limit *l = limit_of(L);
    l->past_steps += l->steps;
    l->past_host_calls += l->host_calls;
    l->steps = l->host_calls = 0;
    l->wall_start_us = l->cpu_start_us = 0;
    if (++l->renewals > RENEWALS_MAX)
        l->hit = LIMIT_HOST_CALLS;
    limit_charge(L, 0);
}

struct limit_used limit_used(lua_State *L)
{
    const struct limit *l = limit_of(L);
    return (struct limit_used){.steps = l->past_steps + l->steps,
                               .host_calls = l->past_host_calls + l->host_calls,
                               .memory = l->memory};
}

/* Refuse a block. Lua collects all garbage and asks for the same once more; only then is the limit hit. */
static void *refuse(struct sandbox *sb, size_t size, enum limit_hit what)
{
    struct limit *l = &sb->limit;
    bool again = l->refused == size;
    l->refused = again ? 0 : size;
    if (!l->current || !l->active)
        return NULL;
    l->steps += (int64_t)(l->memory / COLLECT_SHARE);
    if (again || what != LIMIT_MEMORY)
        hit(l->current, l, what);
    return NULL;
}

void *limit_alloc(void *ud, void *p, size_t before, size_t after)
{
    struct sandbox *sb = ud;
    struct limit *l = &sb->limit;
    bool is_string = !p && before == LUA_TSTRING; /* for a new block `before` is its kind */
    size_t held = p ? before : 0;
    if (after == 0) {
        free(p);
        l->memory -= held;
        return NULL;
    }
    if (after > held) {
        if (is_string && after > LIMIT_STRING_MAX + 64)
            return refuse(sb, after, LIMIT_STRING);
        if (after > LIMIT_BLOCK_MAX)
            return refuse(sb, after, LIMIT_BLOCK);
        if (l->memory - held + after > l->budget.memory)
            return refuse(sb, after, LIMIT_MEMORY);
    }
    void *q = realloc(p, after);
    if (!q && after > held)
        return refuse(sb, after, LIMIT_MEMORY);
    if (!q)
        q = p; /* shrinking must not fail */
    l->memory += after - held;
    l->refused = 0;
    /* Concatenation and {...} are one instruction, however long. Blocks that only grow are not charged: the
     * stack and the table of texts keep their size from one call to the next, which must not be seen. */
    if (!p && after > (is_string ? 256 : 1024) && l->active) {
        l->steps += (int64_t)(after / 32);
        if (l->hit == LIMIT_FREE && exceeded(l) != LIMIT_FREE)
            hit(l->current, l, exceeded(l));
    }
    return q;
}

void limit_room(lua_State *L, size_t n)
{
    struct limit *l = limit_of(L);
    if (l->memory + n <= l->budget.memory || !l->active)
        return;
    limit_charge(L, (int64_t)(l->memory / COLLECT_SHARE));
    lua_gc(L, LUA_GCCOLLECT);
    if (l->memory + n <= l->budget.memory)
        return;
    hit(L, l, LIMIT_MEMORY);
    raise(L);
}

void limit_begin(struct sandbox *sb, const struct limit_budget *b)
{
    struct limit *l = &sb->limit;
    l->budget = b ? *b : limit_small;
    l->steps = l->host_calls = l->past_steps = l->past_host_calls = 0;
    l->renewals = 0;
    l->refused = 0;
    l->line = 0;
    l->current = sb->L;
    l->wall_start_us = l->cpu_start_us = 0;
    l->active = true;
    arm(sb->L, HOOK_EVERY);
}

void limit_end(struct sandbox *sb)
{
    sb->limit.active = false;
    lua_sethook(sb->L, NULL, 0, 0);
}

static void put_count(char *out, size_t size, int64_t n)
{
    if (n >= 10000 && n % 10000 == 0)
        snprintf(out, size, "%lld 万", (long long)(n / 10000));
    else
        snprintf(out, size, "%lld", (long long)n);
}

void limit_text(const struct limit *l, char *out, size_t size)
{
    char count[32];
    switch (l->hit) {
    case LIMIT_STEPS:
        put_count(count, sizeof(count), l->budget.steps);
        snprintf(out, size, "用量超限：一次运行的指令超过 %s条，请查有没有死循环，或少遍历一些",
                 count);
        break;
    case LIMIT_HOST_CALLS:
        put_count(count, sizeof(count), l->budget.host_calls);
        snprintf(out, size, "用量超限：一次运行里查数据和读字段超过 %s次，请缩小查询范围",
                 count);
        break;
    case LIMIT_MEMORY:
        snprintf(out, size, "用量超限：内存超过 %zu MiB，请不要把大量数据攒在表里",
                 l->budget.memory >> 20);
        break;
    case LIMIT_STRING:
        snprintf(out, size, "用量超限：单个文本超过 %d MiB", LIMIT_STRING_MAX >> 20);
        break;
    case LIMIT_BLOCK:
        snprintf(out, size, "用量超限：一张表太大，或递归太深没有尽头");
        break;
    case LIMIT_DEADLINE:
        snprintf(out, size, "用量超限：运算超过 %.3g 秒，请查有没有反复处理很长的文本",
                 (double)l->budget.deadline_ms / 1000);
        break;
    case LIMIT_FREE:
        snprintf(out, size, "没有超限");
        break;
    }
}
