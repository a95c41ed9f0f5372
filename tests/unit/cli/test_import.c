/* Files against the journal (design.md, rules of order 10): what was edited elsewhere is not overwritten. */
#include "unit.h"

#include <dirent.h>
#include <ftw.h>

#include "cli/import.h"
#include "domain/scenario.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/arena.h"

struct place {
    char dir[64], scenarios[80], store_dir[80];
    struct store *store;
};

static void open_place(struct place *p)
{
    struct err e = {0};
    strcpy(p->dir, "/tmp/wy-import-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->scenarios, sizeof p->scenarios, "%s/scenarios", p->dir);
    snprintf(p->store_dir, sizeof p->store_dir, "%s/store", p->dir);
    assert_int_equal(mkdir(p->scenarios, 0700), 0);
    assert_int_equal(mkdir(p->store_dir, 0700), 0);
    struct store_options o = {.dir = p->store_dir, .map_bytes = 64u << 20, .no_sync = true};
    p->store = store_open(&o, &e);
    if (!p->store)
        fail_msg("%s", e.text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void close_place(struct place *p)
{
    store_close(p->store);
    nftw(p->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct publish {
    struct command command;
    struct scenario_publish p;
};

static bool apply_publish(struct command *c, struct txn *t, struct err *e)
{
    uint64_t seq;
    return scenario_publish(t, &((struct publish *)c)->p, &seq, e);
}

/* A version of scenario "s" in the journal. */
static void publish(struct place *p, const char *kind, const char *text)
{
    struct err e = {0};
    struct publish x = {.command = {.apply = apply_publish},
                        .p = {.id = SPAN("s"),
                              .text = span_of(text),
                              .kind = span_of(kind),
                              .author = SPAN("test"),
                              .manifest = SPAN("{\"title\":\"s\",\"office\":\"safety\"}")}};
    if (!store_apply(p->store, &x.command, &e))
        fail_msg("%s", e.text);
}

static void put_file(struct place *p, const char *text)
{
    char path[120];
    snprintf(path, sizeof path, "%s/s.lua", p->scenarios);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void import(struct place *p, struct import_result *r)
{
    struct err e = {0};
    struct importer in = {
        .store = p->store, .scripts_dir = "scripts", .scenarios_dir = p->scenarios};
    if (!import_scenarios(&in, SPAN("test"), SPAN("试"), r, &e))
        fail_msg("%s", e.text);
    buf_char(&r->refused, 0);
}

static void must_be_live(struct place *p, const char *text, int number)
{
    struct err e = {0};
    struct arena a = {0};
    struct scenario s;
    struct view *v = view_open(p->store, &e);
    assert_true(scenario_get(v, &a, SPAN("s"), SEQ_LATEST, &s, &e));
    assert_true(span_eq(s.text, span_of(text)));
    assert_int_equal(s.number, number);
    view_close(v);
    arena_free(&a);
}

static void a_live_version_that_was_edited_elsewhere_is_not_overwritten(void **state)
{
    (void)state;
    struct place p;
    struct import_result r;
    open_place(&p);
    publish(&p, "file", "-- one\nreturn 1\n");
    publish(&p, "emergency", "-- one\nreturn 2 -- at night\n");
    put_file(&p, "-- one\nreturn 3\n");
    import(&p, &r);
    assert_int_equal(r.refused_count, 1);
    assert_int_equal(r.changed_count, 0);
    /* the difference: line, both sides */
    assert_non_null(strstr(r.refused.p, "\"line\":2"));
    assert_non_null(strstr(r.refused.p, "return 2 -- at night"));
    assert_non_null(strstr(r.refused.p, "return 3"));
    must_be_live(&p, "-- one\nreturn 2 -- at night\n", 2);
    import_result_free(&r);
    close_place(&p);
}

static void a_file_that_did_not_change_leaves_the_live_version_alone(void **state)
{
    (void)state;
    static const char *const files[] = {
        "return 1\n", /* as it was last imported */
        "return 2\n", /* the edit, brought back into the file */
    };
    for (size_t i = 0; i < 2; i++) {
        struct place p;
        struct import_result r;
        open_place(&p);
        publish(&p, "file", "return 1\n");
        publish(&p, "emergency", "return 2\n");
        put_file(&p, files[i]);
        import(&p, &r);
        assert_int_equal(r.unchanged, 1);
        assert_int_equal(r.refused_count + r.changed_count, 0);
        must_be_live(&p, "return 2\n", 2);
        import_result_free(&r);
        close_place(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_version_that_was_edited_elsewhere_is_not_overwritten),
        cmocka_unit_test(a_file_that_did_not_change_leaves_the_live_version_alone),
    };
    return unit_run(tests);
}
