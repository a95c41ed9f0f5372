/* Opening and closing, full maps, damage. */
#include "fixture.h"

#include <fcntl.h>

#include "util/buf.h"
#include "util/clock.h"

static char *file_of(const struct fixture *f, char out[160])
{
    snprintf(out, 160, "%s/store/data.mdb", f->dir);
    return out;
}

static void reopened_store_is_the_same(void **state)
{
    (void)state;
    struct fixture f;
    char epoch[27];
    struct store_stats stats;
    fixture_open(&f, false);
    memcpy(epoch, store_epoch(f.store), 27);
    assert_int_equal(strlen(epoch), 26);
    fixture_one(f.store, 1, SPAN_NONE, SPAN("x"));
    store_close(f.store);
    f.store = fixture_store(&f, false, false);
    assert_string_equal(store_epoch(f.store), epoch);
    store_stats(f.store, &stats);
    assert_int_equal(stats.head, 1);
    assert_int_equal(stats.bytes_map, 1 << 30);
    assert_true(stats.bytes_used > 0 && stats.bytes_used < 1 << 20);
    fixture_close(&f);
}

static void second_writer_is_refused_and_a_reader_is_not(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, false);
    fixture_one(f.store, 1, SPAN_NONE, SPAN("x"));
    assert_true(store_is_written(f.dir));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct err why = {0};
        struct store_options o = {.dir = f.dir};
        bool refused =
            !store_open(&o, &why) && why.code == ERR_STORE && strstr(why.text, "另一个");
        o.read_only = true;
        struct store *s = store_open(&o, &why);
        bool reads = s != NULL;
        store_close(s);
        _exit(refused && reads ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    struct err why = {0}; /* nor twice in one process, which LMDB cannot bear */
    struct store_options o = {.dir = f.dir, .read_only = true};
    assert_null(store_open(&o, &why));
    assert_int_equal(why.code, ERR_STORE);
    store_close(f.store);
    assert_false(store_is_written(f.dir));
    f.store = NULL;
    fixture_close(&f);
}

static void missing_directory_says_so_at_once(void **state)
{
    (void)state;
    struct err why = {0};
    struct store_options o = {.dir = "/tmp/wy-there-is-none", .read_only = true};
    int64_t began = clock_mono_us();
    assert_null(store_open(&o, &why));
    assert_int_equal(why.code, ERR_STORE);
    assert_true(clock_mono_us() - began < 1000000);
    assert_false(store_is_written("/tmp/wy-there-is-none"));
}

static void reset_empties_everything_and_is_quick(void **state)
{
    (void)state;
    struct fixture f;
    char epoch[27];
    struct arena a = {0};
    struct entry out;
    struct span key = {"k\0", 2};
    fixture_open(&f, true);
    memcpy(epoch, store_epoch(f.store), 27);
    struct view *v = fixture_view(f.store);
    enum { ROUNDS = 500 };
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(fixture_one(f.store, 300, key, SPAN("x")), 1);
        ok(view_renew(v, &e));
        ok(version_get(v, &a, 300, key, SEQ_LATEST, &out, &e));
        view_release(v);
        ok(store_reset(f.store, &e));
        ok(view_renew(v, &e));
        assert_int_equal(view_head(v), 0);
        assert_false(version_get(v, &a, 300, key, SEQ_LATEST, &out, NULL));
        view_release(v);
        arena_reset(&a);
    }
    assert_true(strcmp(epoch, store_epoch(f.store)) != 0);
    view_close(v);
    arena_free(&a);
    fixture_close(&f);
}

static struct store *open_small(const struct fixture *f, size_t map, struct err *why)
{
    struct store_options o = {
        .dir = f->dir, .map_bytes = map, .no_sync = true, .tail_postings = 100};
    return store_open(&o, why);
}

static bool fill(struct store *s, bool reserve, struct err *why)
{
    static char body[20000];
    struct span key = {"fill\0", 5};
    struct entry_new entry = {.type = 300, .key = key, .body = {body, sizeof body}};
    struct put p = {
        .command = {.apply = put_apply, .reserve = reserve}, .list = &entry, .count = 1};
    return store_apply(s, &p.command, why);
}

static void full_map_refuses_keeps_reading_and_recovers(void **state)
{
    (void)state;
    struct fixture f;
    struct err why = {0};
    struct arena a = {0};
    struct entry out;
    struct span key = {"fill\0", 5};
    uint64_t n = 0, more = 0;
    fixture_dir(&f);
    f.store = open_small(&f, 4 << 20, &why);
    assert_non_null(f.store);
    while (fill(f.store, false, &why))
        n++;
    assert_int_equal(why.code, ERR_STORE);
    assert_true(n > 100);
    while (fill(f.store, true, &why)) /* the reserve is for deletes, and ends too */
        more++;
    assert_true(more >= 3);
    assert_int_equal(why.code, ERR_STORE);
    for (int i = 0; i < 20; i++)
        assert_false(fill(f.store, i % 2, &why));
    struct view *v = fixture_view(f.store);
    assert_int_equal(view_head(v), n + more);
    ok(version_get(v, &a, 300, key, SEQ_LATEST, &out, &e));
    assert_int_equal(out.seq, n + more);
    view_close(v);
    store_close(f.store);
    f.store = open_small(&f, 8 << 20, &why); /* room again */
    assert_non_null(f.store);
    assert_true(fill(f.store, false, &why));
    v = fixture_view(f.store);
    ok(version_get(v, &a, 300, key, SEQ_LATEST, &out, &e));
    assert_int_equal(out.seq, n + more + 1);
    view_close(v);
    arena_free(&a);
    fixture_close(&f);
}

static void lost_transaction_leaves_nothing_behind(void **state)
{
    (void)state;
    struct fixture f;
    struct err why = {0};
    struct arena a = {0};
    struct entry out;
    static char huge[6 << 20];
    struct span ghost = {"ghost\0", 6}, real = {"real\0", 5}, key;
    struct posting p = {1, SPAN("v"), 1};
    struct entry_new list[100];
    fixture_dir(&f);
    f.store = open_small(&f, 4 << 20, &why);
    assert_non_null(f.store);
    for (int i = 0; i < 100; i++)
        list[i] =
            (struct entry_new){.type = 300, .key = ghost, .postings = &p, .posting_count = 1};
    list[99].body = (struct span){huge, sizeof huge};
    for (int round = 0; round < 3; round++) {
        struct put lost = {.command = {.apply = put_apply}, .list = list, .count = 100};
        assert_false(store_apply(f.store, &lost.command, &why));
        assert_int_equal(why.code, ERR_STORE);
        assert_true(lost.first > 0); /* it had appended before it failed */
        assert_int_equal(fixture_one(f.store, 300, real, SPAN("x")), round + 1);
        struct view *v = fixture_view(f.store);
        assert_false(version_get(v, &a, 300, ghost, SEQ_LATEST, &out, &why));
        assert_int_equal(why.code, ERR_MISSING);
        ok(version_get(v, &a, 300, real, SEQ_LATEST, &out, &e));
        assert_int_equal(out.seq, round + 1);
        struct index_scan *scan = index_scan_open(v, 300, 1, SPAN("v"), 0, 9, false);
        assert_false(index_scan_next(scan, &a, &key, NULL, NULL));
        index_scan_close(scan);
        view_close(v);
    }
    arena_free(&a);
    fixture_close(&f);
}

/* Change one byte of the file, `skip` bytes behind each place where `needle` stands. */
static void flip(const struct fixture *f, const char *needle, long skip)
{
    char path[160];
    FILE *file = fopen(file_of(f, path), "r+b");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    char *all = malloc((size_t)size);
    rewind(file);
    assert_int_equal(fread(all, 1, (size_t)size, file), size);
    bool found = false;
    char *at = all;
    while ((at = memmem(at, (size_t)(all + size - at), needle, strlen(needle)))) {
        fseek(file, at - all + skip, SEEK_SET);
        fputc(at[skip] ^ 4, file);
        found = true;
        at++;
    }
    assert_true(found);
    fclose(file);
    free(all);
}

static void damaged_entry_is_never_served(void **state)
{
    (void)state;
    struct fixture f;
    struct err why = {0};
    struct arena a = {0};
    struct entry list[5];
    size_t count;
    struct span key = {"k\0", 2};
    fixture_tail = 1;
    fixture_open(&f, false);
    fixture_one(f.store, 300, key, SPAN("sound"));
    fixture_one(f.store, 300, key, SPAN("needle-in-the-file"));
    for (int i = 0; i < 4; i++) /* merged by then: the start need not read it */
        fixture_one(f.store, 300, key, SPAN("sound"));
    store_close(f.store);
    flip(&f, "needle-in-the-file", 0);
    f.store = fixture_store(&f, false, false);
    struct view *v = fixture_view(f.store);
    assert_false(journal_get(v, &a, 2, &list[0], &why));
    assert_int_equal(why.code, ERR_STORE);
    assert_non_null(strstr(why.text, "第 2 条"));
    assert_false(version_get(v, &a, 300, key, 2, &list[0], &why));
    assert_int_equal(why.code, ERR_STORE);
    assert_false(journal_read(v, &a, 1, list, 5, &count, &why));
    ok(version_get(v, &a, 300, key, 1, &list[0], &e));
    ok(version_get(v, &a, 300, key, SEQ_LATEST, &list[0], &e));
    view_close(v);
    arena_free(&a);
    fixture_tail = 0;
    fixture_close(&f);
}

static void damage_at_the_end_is_told_when_opening(void **state)
{
    (void)state;
    struct fixture f;
    struct err why = {0};
    struct store_options o = {.dir = f.dir};
    fixture_open(&f, false);
    fixture_one(f.store, 300, SPAN_NONE, SPAN("needle-in-the-file"));
    store_close(f.store);
    flip(&f, "needle-in-the-file", 0);
    assert_null(store_open(&o, &why));
    assert_int_equal(why.code, ERR_STORE);
    assert_non_null(strstr(why.text, "restore"));
    fixture_remove(f.dir);
}

static void newer_format_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct err why = {0};
    struct store_options o = {.dir = f.dir};
    fixture_open(&f, false);
    store_close(f.store);
    flip(&f, ".format", sizeof ".format" - 1 + 7);
    assert_null(store_open(&o, &why));
    assert_int_equal(why.code, ERR_STORE);
    assert_non_null(strstr(why.text, "第 5 版"));
    fixture_remove(f.dir);
}

static void shortened_file_is_told_when_opening(void **state)
{
    (void)state;
    struct fixture f;
    char path[160];
    static char body[50000];
    fixture_open(&f, false);
    fixture_one(f.store, 300, SPAN_NONE, (struct span){body, sizeof body});
    store_close(f.store);
    for (int pages = 8; pages >= 0; pages -= 4) {
        struct err why = {0};
        struct store_options o = {.dir = f.dir, .read_only = pages == 0};
        assert_int_equal(truncate(file_of(&f, path), pages * 4096 + (pages ? 0 : 100)), 0);
        assert_null(store_open(&o, &why));
        assert_int_equal(why.code, ERR_STORE);
    }
    fixture_remove(f.dir);
}

static void views_are_cheap_and_many(void **state)
{
    (void)state;
    struct fixture f;
    struct view *list[100];
    fixture_open(&f, true);
    for (int i = 0; i < 100; i++)
        list[i] = fixture_view(f.store);
    fixture_one(f.store, 1, SPAN_NONE, SPAN_NONE);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(view_head(list[i]), 0);
        ok(view_renew(list[i], &e));
        assert_int_equal(view_head(list[i]), 1);
        view_close(list[i]);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reopened_store_is_the_same),
        cmocka_unit_test(second_writer_is_refused_and_a_reader_is_not),
        cmocka_unit_test(missing_directory_says_so_at_once),
        cmocka_unit_test(reset_empties_everything_and_is_quick),
        cmocka_unit_test(full_map_refuses_keeps_reading_and_recovers),
        cmocka_unit_test(lost_transaction_leaves_nothing_behind),
        cmocka_unit_test(damaged_entry_is_never_served),
        cmocka_unit_test(damage_at_the_end_is_told_when_opening),
        cmocka_unit_test(newer_format_is_refused),
        cmocka_unit_test(shortened_file_is_told_when_opening),
        cmocka_unit_test(views_are_cheap_and_many),
    };
    return unit_run(tests);
}
