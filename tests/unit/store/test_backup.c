#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "store/backup.h"
#include "store/vault.h"

static void put_some(struct store *s, unsigned n)
{
    static char text[100][16];
    static struct posting postings[100];
    static struct entry_new list[100];
    assert_true(n <= 100);
    for (unsigned i = 0; i < n; i++) {
        int len = sprintf(text[i], "k%u", unit_below(500)) + 1;
        postings[i] = (struct posting){1, {text[i], 2}, (int64_t)i};
        list[i] = (struct entry_new){.type = 300,
                                     .key = {text[i], (size_t)len},
                                     .body = SPAN("the body of the entry"),
                                     .postings = &postings[i],
                                     .posting_count = 1};
    }
    fixture_put(s, list, n);
}

static bool stream_put(void *ctx, struct txn *t, struct err *e)
{
    (void)ctx;
    struct cursor c = {.seq = 1, .version = 1};
    return stream_append(t, SPAN("alerts"), 1, NULL, e) && cursor_put(t, SPAN("one"), &c, e);
}

static void told(void *ctx, const char *text)
{
    snprintf(ctx, 300, "%s", text);
}

static struct verify_report verify(const char *dir, char *text)
{
    struct verify_report r;
    text[0] = '\0';
    ok(store_verify(dir, &r, told, text, &e));
    return r;
}

static void make(struct fixture *f)
{
    fixture_tail = 700;
    fixture_open(f, false);
    for (int i = 0; i < 40; i++)
        put_some(f->store, 50);
    ok(fixture_act(f->store, stream_put, NULL, &e));
}

static void backup_comes_back_whole(void **state)
{
    (void)state;
    struct fixture f;
    struct arena a = {0};
    struct span value;
    char copy[80], back[80], text[300];
    unit_seed("backup_comes_back_whole");
    make(&f);
    struct err why = {0};
    struct vault *v = vault_open(f.dir, &why);
    assert_non_null(v);
    ok(vault_put(v, SPAN("user|li"), SPAN("hash"), &e));
    snprintf(copy, sizeof copy, "%s/copy", f.dir);
    snprintf(back, sizeof back, "%s/back", f.dir);
    ok(backup_write(f.store, v, copy, &e));
    assert_false(backup_write(f.store, v, copy, &why));
    assert_int_equal(why.code, ERR_CONFLICT);
    put_some(f.store, 50); /* not in the copy */

    struct verify_report r = verify(copy, text);
    assert_string_equal(text, "");
    assert_int_equal(r.problems, 0);
    assert_int_equal(r.entries, 2000);
    assert_int_equal(r.versions, 2000);
    assert_int_equal(r.postings, 2000);
    assert_int_equal(r.streams, 1);
    r = verify(f.dir, text); /* also beside the writer */
    assert_int_equal(r.problems, 0);
    assert_int_equal(r.entries, 2050);

    assert_false(backup_restore(copy, f.dir, &why));
    assert_int_equal(why.code, ERR_CONFLICT);
    ok(backup_restore(copy, back, &e));
    struct store_options o = {.dir = back};
    struct store *s = store_open(&o, &why);
    assert_non_null(s);
    assert_string_equal(store_epoch(s), store_epoch(f.store));
    struct view *view = fixture_view(s);
    assert_int_equal(view_head(view), 2000);
    assert_int_equal(stream_head(view, SPAN("alerts")), 1);
    view_close(view);
    put_some(s, 50);
    store_close(s);
    struct vault *second = vault_open(back, &why);
    assert_true(vault_get(second, &a, SPAN("user|li"), &value));
    assert_span(value, "hash");
    vault_close(second);
    vault_close(v);
    arena_free(&a);
    fixture_close(&f);
}

static void copy_of_a_stopped_store(void **state)
{
    (void)state;
    struct fixture f;
    char copy[80], text[300];
    unit_seed("copy_of_a_stopped_store");
    make(&f);
    store_close(f.store);
    snprintf(copy, sizeof copy, "%s/copy", f.dir);
    ok(backup_copy(f.dir, copy, &e));
    assert_int_equal(verify(copy, text).problems, 0);
    struct err why = {0};
    assert_false(backup_copy("/tmp/wy-there-is-none", "/tmp/wy-never", &why));
    fixture_remove(f.dir);
}

struct busy {
    struct store *store;
    atomic_bool stop;
};

static void *keep_writing(void *arg)
{
    struct busy *b = arg;
    while (!atomic_load(&b->stop))
        put_some(b->store, 20);
    return NULL;
}

static void backup_beside_a_busy_writer_is_consistent(void **state)
{
    (void)state;
    struct fixture f;
    char copy[80], text[300];
    pthread_t thread;
    unit_seed("backup_beside_a_busy_writer_is_consistent");
    make(&f);
    struct busy b = {.store = f.store};
    pthread_create(&thread, NULL, keep_writing, &b);
    for (int i = 0; i < 5; i++) {
        snprintf(copy, sizeof copy, "%s/copy%d", f.dir, i);
        ok(backup_write(f.store, NULL, copy, &e));
    }
    atomic_store(&b.stop, true);
    pthread_join(thread, NULL);
    for (int i = 0; i < 5; i++) {
        snprintf(copy, sizeof copy, "%s/copy%d", f.dir, i);
        struct verify_report r = verify(copy, text);
        assert_string_equal(text, "");
        assert_true(r.entries >= 2000);
    }
    fixture_close(&f);
}

/* Bytes anywhere changed: verify says so or nothing was lost, but never goes down with it; restore refuses
 * what verify refuses. */
static void damage_anywhere_is_told(void **state)
{
    (void)state;
    struct fixture f;
    char path[100], text[300];
    unsigned told_of = 0;
    unit_seed("damage_anywhere_is_told");
    make(&f);
    store_close(f.store);
    snprintf(path, sizeof path, "%s/store/data.mdb", f.dir);
    FILE *file = fopen(path, "r+b");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    for (int i = 0; i < 60; i++) {
        long at = (long)(unit_random() % (uint64_t)(size - 8192)) + 8192;
        fseek(file, at, SEEK_SET);
        int was = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(was ^ (1 + (int)unit_below(255)), file);
        fflush(file);
        struct verify_report r;
        struct err why = {0};
        text[0] = '\0';
        if (!store_verify(f.dir, &r, told, text, &why) || r.problems) {
            told_of++;
            assert_true(text[0] || why.text[0]);
            assert_true(span_is_utf8(span_of(text)) && span_is_utf8(span_of(why.text)));
            char back[100];
            snprintf(back, sizeof back, "%s/back", f.dir);
            assert_false(backup_restore(f.dir, back, &why));
        }
        fseek(file, at, SEEK_SET);
        fputc(was, file);
        fflush(file);
    }
    fclose(file);
    assert_true(told_of > 10);
    assert_int_equal(verify(f.dir, text).problems, 0);
    fixture_remove(f.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backup_comes_back_whole),
        cmocka_unit_test(copy_of_a_stopped_store),
        cmocka_unit_test(backup_beside_a_busy_writer_is_consistent),
        cmocka_unit_test(damage_anywhere_is_told),
    };
    return unit_run(tests);
}
