#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "store/vault.h"

static struct vault *open_vault(const struct fixture *f)
{
    struct err e = {0};
    struct vault *v = vault_open(f->dir, &e);
    if (!v)
        fail_msg("%s", e.text);
    return v;
}

static bool collect(void *ctx, struct span key, struct span value)
{
    char *out = ctx;
    sprintf(out + strlen(out), "%.*s=%.*s;", SPAN_ARG(key), SPAN_ARG(value));
    return strlen(out) < 40;
}

static void values_are_put_got_dropped_and_walked(void **state)
{
    (void)state;
    struct fixture f;
    struct arena a = {0};
    struct span value;
    char text[200] = "";
    fixture_dir(&f);
    struct vault *v = open_vault(&f);
    ok(vault_put(v, SPAN("user|li"), SPAN("hash1"), &e));
    ok(vault_put(v, SPAN("user|an"), SPAN("hash2"), &e));
    ok(vault_put(v, SPAN("key|1"), SPAN(""), &e));
    ok(vault_put(v, SPAN("user|li"), SPAN("hash3"), &e));
    vault_close(v);
    v = open_vault(&f);
    assert_true(vault_get(v, &a, SPAN("user|li"), &value));
    assert_span(value, "hash3");
    assert_true(vault_get(v, &a, SPAN("key|1"), &value));
    assert_int_equal(value.n, 0);
    assert_false(vault_get(v, &a, SPAN("user"), &value));
    ok(vault_each(v, SPAN("user|"), collect, text, &e));
    assert_string_equal(text, "user|an=hash2;user|li=hash3;");
    ok(vault_drop(v, SPAN("user|an"), &e));
    ok(vault_drop(v, SPAN("user|an"), &e));
    assert_false(vault_get(v, &a, SPAN("user|an"), &value));
    struct err why = {0};
    assert_false(vault_put(v, SPAN_NONE, SPAN("x"), &why));
    assert_int_equal(why.code, ERR_INPUT);
    vault_close(v);
    arena_free(&a);
    fixture_remove(f.dir);
}

static bool file_holds(const struct fixture *f, const void *bytes, size_t n)
{
    char path[160];
    snprintf(path, sizeof path, "%s/vault/data.mdb", f->dir);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    static char all[1 << 22];
    size_t size = fread(all, 1, sizeof all, file);
    fclose(file);
    return memmem(all, size, bytes, n) != NULL;
}

static void erased_person_is_gone_from_the_file_for_ever(void **state)
{
    (void)state;
    struct fixture f;
    struct err why = {0};
    uint8_t key[VAULT_KEY_BYTES], again[VAULT_KEY_BYTES], other[VAULT_KEY_BYTES];
    fixture_dir(&f);
    struct vault *v = open_vault(&f);
    assert_false(vault_person_key(v, SPAN("p1"), false, key, &why));
    assert_int_equal(why.code, ERR_MISSING);
    ok(vault_person_key(v, SPAN("p1"), true, key, &e));
    ok(vault_person_key(v, SPAN("p1"), true, again, &e));
    ok(vault_person_key(v, SPAN("p2"), true, other, &e));
    assert_memory_equal(key, again, sizeof key);
    assert_memory_not_equal(key, other, sizeof key);
    assert_true(file_holds(&f, key, sizeof key));
    ok(vault_person_erase(v, SPAN("p1"), &e));
    assert_false(file_holds(&f, key, sizeof key));
    assert_true(file_holds(&f, other, sizeof other));
    for (int round = 0; round < 2; round++) {
        assert_false(vault_person_key(v, SPAN("p1"), true, again, &why));
        assert_int_equal(why.code, ERR_MISSING);
        ok(vault_person_key(v, SPAN("p2"), false, again, &e));
        assert_memory_equal(other, again, sizeof other);
        vault_close(v);
        v = open_vault(&f);
    }
    vault_close(v);
    fixture_remove(f.dir);
}

struct worker {
    struct vault *vault;
    int n;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct arena a = {0};
    struct span value;
    char key[32];
    for (int i = 0; i < 30; i++) {
        uint8_t person[VAULT_KEY_BYTES];
        int n = snprintf(key, sizeof key, "k%d-%d", w->n, i);
        struct span k = {key, (size_t)n};
        ok(vault_put(w->vault, k, k, &e));
        assert_true(vault_get(w->vault, &a, k, &value));
        assert_true(span_eq(value, k));
        ok(vault_person_key(w->vault, SPAN("shared"), true, person, &e));
        if (i % 10 == 9)
            ok(vault_person_erase(w->vault, k, &e));
        arena_reset(&a);
    }
    arena_free(&a);
    return NULL;
}

static void threads_share_the_vault(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct fixture f;
    fixture_dir(&f);
    struct vault *v = open_vault(&f);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){v, i};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    vault_close(v);
    fixture_remove(f.dir);
}

static atomic_int syncs_to_fail;

int fdatasync(int fd) /* LMDB's own calls come through here */
{
    if (atomic_load(&syncs_to_fail) > 0) {
        atomic_fetch_sub(&syncs_to_fail, 1);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void failed_sync_acknowledges_nothing_and_heals(void **state)
{
    (void)state;
    struct fixture f;
    struct arena a = {0};
    struct span value;
    fixture_dir(&f);
    struct vault *v = open_vault(&f);
    ok(vault_put(v, SPAN("k1"), SPAN("before"), &e));
    for (int times = 1; times < 4; times++) {
        atomic_store(&syncs_to_fail, times);
        for (int i = 0; i < times; i++) {
            struct err why = {0};
            assert_false(vault_put(v, SPAN("k2"), SPAN("lost"), &why));
            assert_int_equal(why.code, ERR_STORE);
        }
        assert_false(vault_get(v, &a, SPAN("k2"), &value));
        ok(vault_put(v, SPAN("k3"), SPAN("after"), &e));
        assert_true(vault_get(v, &a, SPAN("k1"), &value));
    }
    vault_close(v);
    v = open_vault(&f);
    assert_false(vault_get(v, &a, SPAN("k2"), &value));
    assert_true(vault_get(v, &a, SPAN("k3"), &value));
    vault_close(v);
    arena_free(&a);
    fixture_remove(f.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_put_got_dropped_and_walked),
        cmocka_unit_test(erased_person_is_gone_from_the_file_for_ever),
        cmocka_unit_test(threads_share_the_vault),
        cmocka_unit_test(failed_sync_acknowledges_nothing_and_heals),
    };
    return unit_run(tests);
}
