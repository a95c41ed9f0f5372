/*
 * What the parts can do on the same work, in one process and nothing else: walk the JSON, put it into LMDB by
 * appending, call five bare Lua functions with its fields, commit with a sync per batch.
 *
 *   bench_limit DIR BATCH TOTAL        prints: seconds, records per second
 */
#include <lauxlib.h>
#include <lmdb.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "record.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/json.h"

static const char rules[] =
    "return function(v, s, r) if r == 'trouble' then return v end end,"
    "function(v, s, r) if s == 'house' and r == 'empty' then return v end end,"
    "function(v, s, r, n) if n == nil then return v end end,"
    "function(v, s, r, n, w) if w == 'nobody' then return v end end,"
    "function(v, s, r, n, w, t) if t < '2019-01-01' then return v end end";

static const char *const fields[6] = {"visit_id", "subject_type", "result",
                                      "note",     "visitor_id",   "visited_at"};

static void check(int rc, const char *what)
{
    if (rc) {
        fprintf(stderr, "%s: %s\n", what, mdb_strerror(rc));
        exit(1);
    }
}

static int judge(lua_State *L, struct arena *a, struct span text)
{
    struct json_scan s;
    struct json_value v;
    struct span name, got[6] = {{0}};
    struct err e = {0};
    int alerts = 0;
    if (!json_scan_open(&s, a, text, NULL, &e))
        exit(1);
    while (json_scan_next(&s, &name, &v, &e))
        for (int i = 0; i < 6; i++)
            if (span_eq(name, span_of(fields[i])))
                got[i] = v.string;
    for (int rule = 1; rule <= 5; rule++) {
        lua_pushvalue(L, rule);
        for (int i = 0; i < 6; i++)
            lua_pushlstring(L, got[i].p, got[i].n);
        if (lua_pcall(L, 6, 1, 0))
            exit(1);
        alerts += !lua_isnil(L, -1);
        lua_pop(L, 1);
    }
    return alerts;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    long batch = atol(argv[2]), total = atol(argv[3]), alerts = 0;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    check(mdb_env_create(&env), "create");
    check(mdb_env_set_mapsize(env, 8UL << 30), "map");
    check(mdb_env_open(env, argv[1], 0, 0600), "open");
    lua_State *L = luaL_newstate();
    if (luaL_dostring(L, rules))
        return 1;
    struct arena a = {0};
    struct timespec t0, t1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    unsigned long long seq = 0;
    for (long n = 0; n < total;) {
        check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
        check(mdb_dbi_open(txn, NULL, 0, &dbi), "dbi");
        for (long i = 0; i < batch && n < total; i++, n++) {
            char text[RECORD_MAX], k[8];
            int len = record_write(text, "L", n);
            int raised = judge(L, &a, (struct span){text, (size_t)len});
            arena_reset(&a);
            for (int copies = 0; copies <= (raised > 0); copies++) {
                be64_put(k, ++seq);
                MDB_val mk = {8, k}, mv = {(size_t)len, text};
                check(mdb_put(txn, dbi, &mk, &mv, MDB_APPEND), "put");
            }
            alerts += raised;
        }
        check(mdb_txn_commit(txn), "commit");
    }
    clock_gettime(CLOCK_MONOTONIC, &t1);
    double s = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
    printf("%.4f %.0f\n", s, (double)total / s);
    mdb_env_close(env);
    lua_close(L);
    arena_free(&a);
    return alerts == (total + 99) / 100 ? 0 : 1;
}
