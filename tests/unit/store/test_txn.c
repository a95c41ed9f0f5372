#include "fixture.h"

#include "util/buf.h"

static const int64_t day = 24LL * 3600 * 1000000;

struct told {
    int64_t now;
    uint64_t seq, seed, got;
    int64_t at;
};

static bool ask_then_append(void *ctx, struct txn *t, struct err *e)
{
    struct told *told = ctx;
    told->now = txn_now(t);
    txn_next(t, &told->seq, &told->at, &told->seed);
    told->got = txn_append(t, &(struct entry_new){.type = 1, .body = SPAN("x")}, e);
    return told->got != 0;
}

static void txn_next_tells_the_stamps_of_the_next_append(void **state)
{
    (void)state;
    struct fixture f;
    struct told told;
    struct arena a = {0};
    struct entry entry;
    fixture_open(&f, true);
    for (int i = 0; i < 3; i++) {
        ok(fixture_act(f.store, ask_then_append, &told, &e));
        struct view *v = fixture_view(f.store);
        ok(journal_get(v, &a, told.got, &entry, &e));
        assert_int_equal(told.seq, told.got);
        assert_int_equal(told.now, entry.at);
        assert_int_equal(told.at, entry.at);
        assert_int_equal(told.seed, entry.seed);
        assert_int_equal(view_now(v), entry.at);
        view_close(v);
    }
    arena_free(&a);
    fixture_close(&f);
}

static void entries_come_back_whole(void **state)
{
    (void)state;
    struct fixture f;
    struct arena a = {0};
    struct entry entry;
    char *large = malloc(3 << 20);
    memset(large, 'z', 3 << 20);
    fixture_open(&f, false);
    struct entry_new in[] = {
        {.type = 65535,
         .op = ENTRY_WITHDRAW,
         .cause = 77,
         .key = {"a\0b\0", 4},
         .body = {"\0\xFF", 2}},
        {.type = 1},
        {.type = 2, .key = {"k\0", 2}, .body = {large, 3 << 20}},
    };
    assert_int_equal(fixture_put(f.store, in, 3), 1);
    for (int round = 0; round < 2; round++) {
        struct view *v = fixture_view(f.store);
        for (uint64_t seq = 1; seq <= 3; seq++) {
            ok(journal_get(v, &a, seq, &entry, &e));
            assert_int_equal(entry.seq, seq);
            assert_int_equal(entry.type, in[seq - 1].type);
            assert_int_equal(entry.op, in[seq - 1].op);
            assert_int_equal(entry.cause, in[seq - 1].cause);
            assert_true(span_eq(entry.key, in[seq - 1].key));
            assert_true(span_eq(entry.body, in[seq - 1].body));
        }
        struct err why = {0};
        assert_false(journal_get(v, &a, 4, &entry, &why));
        assert_int_equal(why.code, ERR_MISSING);
        assert_false(journal_get(v, &a, 0, &entry, &why));
        view_close(v);
        store_close(f.store);
        f.store = fixture_store(&f, round == 0, false);
        if (round == 0) {
            store_close(f.store);
            f.store = fixture_store(&f, false, false);
        }
    }
    free(large);
    arena_free(&a);
    fixture_close(&f);
}

static void unfit_entries_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    static char long_key[300];
    memset(long_key, 'k', sizeof long_key - 1);
    fixture_open(&f, true);
    struct entry_new bad[] = {
        {.type = 1, .key = {long_key, sizeof long_key}},
        {.type = 1, .key = SPAN("no end")},
        {.type = 1, .key = {"\xFF\0", 2}},
        {.type = 1, .body = {long_key, (16 << 20) + 1}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct put p = {.command = {.apply = put_apply}, .list = &bad[i], .count = 1};
        struct err why = {0};
        assert_false(store_apply(f.store, &p.command, &why));
        assert_int_equal(why.code, i < 3 ? ERR_INPUT : ERR_LIMIT);
    }
    assert_int_equal(fixture_one(f.store, 1, SPAN_NONE, SPAN("fine")), 1);
    fixture_close(&f);
}

static bool small_things(void *ctx, struct txn *t, struct err *e)
{
    (void)ctx;
    struct arena a = {0};
    struct span v;
    uint64_t offset = 0;
    struct cursor c = {.seq = 5, .version = 3, .minute = 7, .alerts = 9};
    bool done = cursor_put(t, SPAN("ent_income"), &c, e) &&
                stream_append(t, SPAN("alerts"), 11, &offset, e) && offset == 1 &&
                stream_append(t, SPAN("alerts"), 12, &offset, e) && offset == 2 &&
                stream_append(t, SPAN("alert"), 13, &offset, e) && offset == 1 &&
                stream_append(t, SPAN("alerts2"), 14, &offset, e) && offset == 1 &&
                due_put(t, 200, SPAN("b"), e) && due_put(t, 100, SPAN("z"), e) &&
                due_put(t, -5, SPAN("old"), e) && due_drop(t, -5, SPAN("old"), e) &&
                due_drop(t, 7, SPAN("never"), e) && meta_put(t, "tick", SPAN("12"), e) &&
                idem_put(t, SPAN("u|1"), SPAN("answer"), e);
    /* the transaction sees its own */
    done = done && stream_head(txn_view(t), SPAN("alerts")) == 2 &&
           idem_get(txn_view(t), &a, SPAN("u|1"), &v) && v.n == 6;
    arena_free(&a);
    return done;
}

static void small_tables_keep_what_they_are_given(void **state)
{
    (void)state;
    struct fixture f;
    struct arena a = {0};
    struct cursor c;
    struct span v;
    uint64_t seqs[10];
    int64_t at;
    fixture_open(&f, true);
    ok(fixture_act(f.store, small_things, NULL, &e));
    struct view *view = fixture_view(f.store);
    assert_true(cursor_get(view, SPAN("ent_income"), &c));
    assert_int_equal(c.seq, 5);
    assert_int_equal(c.version, 3);
    assert_int_equal(c.minute, 7);
    assert_int_equal(c.alerts, 9);
    assert_false(cursor_get(view, SPAN("none"), &c));
    assert_int_equal(c.seq, 0);
    assert_int_equal(stream_head(view, SPAN("alerts")), 2);
    assert_int_equal(stream_head(view, SPAN("alert")), 1);
    assert_int_equal(stream_head(view, SPAN("zzz")), 0);
    assert_int_equal(stream_read(view, SPAN("alerts"), 1, seqs, 10), 2);
    assert_int_equal(seqs[1], 12);
    assert_int_equal(stream_read(view, SPAN("alerts"), 2, seqs, 10), 1);
    assert_int_equal(stream_read(view, SPAN("alerts"), 3, seqs, 10), 0);
    assert_true(due_first(view, &a, &at, &v));
    assert_int_equal(at, 100);
    assert_span(v, "z");
    assert_true(meta_get(view, &a, "tick", &v));
    assert_span(v, "12");
    assert_false(meta_get(view, &a, "tock", &v));
    assert_true(idem_get(view, &a, SPAN("u|1"), &v));
    assert_span(v, "answer");
    view_close(view);
    arena_free(&a);
    fixture_close(&f);
}

static bool hold(void *ctx, struct txn *t, struct err *e)
{
    return txn_clock_hold(t, *(int64_t *)ctx, e);
}

static void clock_set(struct store *s, int64_t now)
{
    ok(fixture_act(s, hold, &now, &e));
}

static void held_clock_stands_and_never_goes_back(void **state)
{
    (void)state;
    struct fixture f;
    struct arena a = {0};
    int64_t t0 = 50 * 365 * day, earlier = t0 - 1, now;
    struct err why = {0};
    fixture_open(&f, false);
    clock_set(f.store, t0);
    for (int i = 0; i < 3; i++)
        fixture_one(f.store, 1, SPAN_NONE, SPAN_NONE);
    assert_false(fixture_act(f.store, hold, &earlier, &why));
    assert_int_equal(why.code, ERR_CONFLICT);
    store_close(f.store);
    f.store = fixture_store(&f, false, false); /* kept in the store */
    fixture_one(f.store, 1, SPAN_NONE, SPAN_NONE);
    struct view *v = fixture_view(f.store);
    assert_true(clock_is_held(v, &now));
    assert_int_equal(now, t0);
    struct entry entry;
    for (uint64_t seq = 1; seq <= 4; seq++) {
        ok(journal_get(v, &a, seq, &entry, &e));
        assert_int_equal(entry.at, t0);
    }
    view_close(v);
    clock_set(f.store, t0 + day);
    fixture_one(f.store, 1, SPAN_NONE, SPAN_NONE);
    v = fixture_view(f.store);
    assert_int_equal(view_now(v), t0 + day);
    view_close(v);
    arena_free(&a);
    fixture_close(&f);
}

static bool remember(void *ctx, struct txn *t, struct err *e)
{
    return idem_put(t, span_of(*(const char **)ctx), SPAN("kept"), e) &&
           txn_append(t, &(struct entry_new){.type = 1}, e);
}

static void keep(struct store *s, const char *key)
{
    ok(fixture_act(s, remember, &key, &e));
}

static bool is_kept(struct store *s, const char *key)
{
    struct arena a = {0};
    struct span v;
    struct view *view = fixture_view(s);
    bool kept = idem_get(view, &a, span_of(key), &v);
    view_close(view);
    arena_free(&a);
    return kept;
}

static void answers_are_kept_for_seven_days(void **state)
{
    (void)state;
    struct fixture f;
    static char long_key[1000];
    memset(long_key, 'k', sizeof long_key - 1);
    fixture_open(&f, true);
    clock_set(f.store, 1000 * day);
    keep(f.store, "first");
    keep(f.store, "again");
    keep(f.store, long_key);
    clock_set(f.store, 1004 * day);
    keep(f.store, "again");
    clock_set(f.store, 1007 * day);
    fixture_one(f.store, 1, SPAN_NONE, SPAN_NONE);
    assert_true(is_kept(f.store, "first"));
    assert_true(is_kept(f.store, long_key));
    clock_set(f.store, 1007 * day + 1);
    fixture_one(f.store, 1, SPAN_NONE, SPAN_NONE);
    fixture_one(f.store, 1, SPAN_NONE, SPAN_NONE);
    assert_false(is_kept(f.store, "first"));
    assert_false(is_kept(f.store, long_key));
    assert_true(is_kept(f.store, "again"));
    fixture_close(&f);
}

static bool append_then_refuse(void *ctx, struct txn *t, struct err *e)
{
    (void)ctx;
    txn_append(t, &(struct entry_new){.type = 1}, e);
    return err_set(e, ERR_CONFLICT, "too late");
}

static void refuse_late(void)
{
    struct fixture f;
    fixture_open(&f, true);
    fixture_act(f.store, append_then_refuse, NULL, NULL);
}

static void a_refusal_after_an_append_is_our_bug(void **state)
{
    (void)state;
    assert_true(unit_dies(refuse_late));
}

struct own {
    uint64_t seq;
};

static bool reads_its_own(void *ctx, struct txn *t, struct err *e)
{
    struct own *own = ctx;
    struct arena a = {0};
    struct entry out;
    struct span key = {"own\0", 4}, found;
    struct posting p = {1, SPAN("v"), 9};
    struct view *v = txn_view(t);
    bool good = !version_get(v, &a, 300, key, SEQ_LATEST, &out, NULL);
    own->seq = txn_append(
        t, &(struct entry_new){.type = 300, .key = key, .postings = &p, .posting_count = 1}, e);
    good = good && own->seq && version_get(v, &a, 300, key, SEQ_LATEST, &out, e) &&
           out.seq == own->seq && view_head(v) == own->seq && view_now(v) == out.at &&
           !version_get(v, &a, 300, key, own->seq - 1, &out, NULL);
    struct index_scan *scan = index_scan_open(v, 300, 1, SPAN("v"), 0, 10, false);
    good = good && index_scan_next(scan, &a, &found, NULL, e) && span_eq(found, key) &&
           !index_scan_next(scan, &a, &found, NULL, NULL);
    index_scan_close(scan);
    arena_free(&a);
    return good;
}

static void a_transaction_reads_its_own_appends_others_do_not(void **state)
{
    (void)state;
    struct fixture f;
    struct own own;
    struct arena a = {0};
    struct entry out;
    fixture_open(&f, true);
    fixture_one(f.store, 1, SPAN_NONE, SPAN_NONE);
    struct view *before = fixture_view(f.store);
    ok(fixture_act(f.store, reads_its_own, &own, &e));
    struct err why = {0};
    struct span key = {"own\0", 4};
    assert_false(version_get(before, &a, 300, key, SEQ_LATEST, &out, &why));
    assert_int_equal(view_head(before), 1);
    ok(view_renew(before, &e));
    ok(version_get(before, &a, 300, key, SEQ_LATEST, &out, &e));
    view_close(before);
    arena_free(&a);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(txn_next_tells_the_stamps_of_the_next_append),
        cmocka_unit_test(entries_come_back_whole),
        cmocka_unit_test(unfit_entries_are_refused),
        cmocka_unit_test(small_tables_keep_what_they_are_given),
        cmocka_unit_test(held_clock_stands_and_never_goes_back),
        cmocka_unit_test(answers_are_kept_for_seven_days),
        cmocka_unit_test(a_refusal_after_an_append_is_our_bug),
        cmocka_unit_test(a_transaction_reads_its_own_appends_others_do_not),
    };
    return unit_run(tests);
}
