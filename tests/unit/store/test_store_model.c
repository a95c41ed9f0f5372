/* Random histories against a model that keeps everything in a list and looks at all of it each time. */
#include "fixture.h"

#include <sys/types.h>

enum { KEYS = 40, TYPES = 2, VALUES = 4, LOG_MAX = 60000 };

struct fact { /* one entry */
    uint16_t type;
    uint8_t op;
    int key, value;
    int64_t time;
};
static struct fact facts[LOG_MAX + 1]; /* by seq */
static uint64_t head;
static bool inside; /* a transaction: its view cannot be renewed */

/* Keys of one and of two parts, some the beginning of others. */
static struct span key_of(int k, char *out)
{
    int n = k % 3 == 0 ? sprintf(out, "k%d", k / 3) : sprintf(out, "k%d%cp%d", k / 3, 0, k % 3);
    out[n] = '\0';
    return (struct span){out, (size_t)n + 1};
}

static struct span value_of(int v)
{
    static const struct span values[VALUES] = {{"red", 3}, {"re", 2}, {"r\0", 2}, {"", 0}};
    return values[v];
}

static uint64_t model_version(uint16_t type, int key, uint64_t as_of)
{
    for (uint64_t seq = as_of < head ? as_of : head; seq; seq--)
        if (facts[seq].type == type && facts[seq].key == key)
            return seq;
    return 0;
}

static void check_get(struct view *v, struct arena *a);
static void check_scan(struct view *v, struct arena *a);
static void check_index(struct view *v, struct arena *a);

/* One entry, in the model and in the transaction. */
static bool append_random(struct txn *t, struct err *e)
{
    char key[16], body[16];
    struct fact *f = &facts[head + 1];
    assert_true(head < LOG_MAX);
    *f = (struct fact){.type = (uint16_t)(300 + unit_below(TYPES)),
                       .op = unit_below(8) == 0,
                       .key = (int)unit_below(KEYS),
                       .value = (int)unit_below(VALUES),
                       .time = (int64_t)unit_below(50) - 5};
    const struct posting postings[2] = {{1, value_of(f->value), f->time},
                                        {2, SPAN("all"), f->time}};
    int n = sprintf(body, "%llu", (unsigned long long)(head + 1));
    uint64_t seq = txn_append(t,
                              &(struct entry_new){.type = f->type,
                                                  .op = f->op,
                                                  .key = key_of(f->key, key),
                                                  .body = {body, (size_t)n},
                                                  .postings = postings,
                                                  .posting_count = f->op == ENTRY_PUT ? 2 : 0},
                              e);
    if (seq)
        assert_int_equal(seq, ++head);
    return seq != 0;
}

/* What the transaction has just done, it sees. */
static bool append_some(void *ctx, struct txn *t, struct err *e)
{
    struct arena a = {0};
    bool good = true;
    inside = true;
    for (unsigned left = *(unsigned *)ctx; good && left; left--) {
        good = append_random(t, e);
        if (unit_below(4) == 0)
            check_get(txn_view(t), &a);
        if (unit_below(60) == 0)
            check_scan(txn_view(t), &a);
        if (unit_below(60) == 0)
            check_index(txn_view(t), &a);
        arena_reset(&a);
    }
    inside = false;
    arena_free(&a);
    return good;
}

static void put_random(struct store *s, unsigned count)
{
    ok(fixture_act(s, append_some, &count, &e));
}

static void check_get(struct view *v, struct arena *a)
{
    char text[16];
    uint16_t type = (uint16_t)(300 + unit_below(TYPES));
    int key = (int)unit_below(KEYS);
    uint64_t as_of = unit_below(4) ? unit_random() % (head + 2) : SEQ_LATEST;
    uint64_t want = model_version(type, key, as_of);
    struct entry got;
    struct err why = {0};
    bool found = version_get(v, a, type, key_of(key, text), as_of, &got, &why);
    if (!want) {
        assert_false(found);
        assert_int_equal(why.code, ERR_MISSING);
        return;
    }
    if (!found)
        fail_msg("%s", why.text);
    assert_int_equal(got.seq, want);
    assert_int_equal(got.op, facts[want].op);

    struct entry list[5];
    size_t count;
    ok(version_history(v, a, type, key_of(key, text), as_of, list, 5, &count, &e));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list[i].seq, want);
        want = model_version(type, key, want - 1);
    }
    assert_true(count == 5 || want == 0);
}

/* The order of walks: a key stands behind those it is the beginning of. */
static int compare(struct span a, struct span b)
{
    if (a.n != b.n && (span_starts(a, b) || span_starts(b, a)))
        return a.n < b.n ? 1 : -1;
    return span_cmp(a, b);
}

static int by_key(const void *a, const void *b)
{
    char x[16], y[16];
    return compare(key_of(*(const int *)a, x), key_of(*(const int *)b, y));
}

static void check_scan(struct view *v, struct arena *a)
{
    uint16_t type = (uint16_t)(300 + unit_below(TYPES));
    bool back = unit_below(2);
    uint64_t as_of = unit_below(2) ? unit_random() % (head + 1) : SEQ_LATEST;
    char prefix_text[16] = "k1", after_text[16];
    struct span prefix = {prefix_text, unit_below(3)};
    struct span after = unit_below(2) ? key_of((int)unit_below(KEYS), after_text) : SPAN_NONE;
    int order[KEYS];
    for (int i = 0; i < KEYS; i++)
        order[i] = i;
    qsort(order, KEYS, sizeof *order, by_key);
    struct version_scan *scan = version_scan_open(v, type, prefix, after, back, as_of);
    struct entry got;
    struct err why = {0};
    for (int i = 0; i < KEYS; i++) {
        char text[16];
        int k = order[back ? KEYS - 1 - i : i];
        struct span key = key_of(k, text);
        uint64_t want = model_version(type, k, as_of);
        if (!span_starts(key, prefix) || !want || facts[want].op == ENTRY_WITHDRAW)
            continue;
        if (after.n && (back ? compare(key, after) >= 0 : compare(key, after) <= 0))
            continue;
        if (!inside && unit_below(10) == 0)
            ok(view_renew(v, &e));
        if (!version_scan_next(scan, a, &got, &why))
            fail_msg("scan ended early: %s", why.text);
        assert_true(span_eq(got.key, key));
        assert_int_equal(got.seq, want);
    }
    assert_false(version_scan_next(scan, a, &got, &why));
    assert_int_equal(why.code, ERR_NONE);
    version_scan_close(scan);
}

static void check_index(struct view *v, struct arena *a)
{
    uint16_t type = (uint16_t)(300 + unit_below(TYPES));
    bool back = unit_below(2), all = unit_below(3) == 0;
    int value = (int)unit_below(VALUES);
    int64_t from = unit_below(2) ? (int64_t)unit_below(50) - 5 : INT64_MIN;
    int64_t to = unit_below(2) ? from / 2 + (int64_t)unit_below(50) : INT64_MAX;
    static bool want[50][KEYS];
    memset(want, 0, sizeof want);
    size_t left = 0;
    for (uint64_t seq = 1; seq <= head; seq++) {
        const struct fact *f = &facts[seq];
        if (f->type != type || f->op == ENTRY_WITHDRAW || (!all && f->value != value) ||
            f->time < from || f->time > to)
            continue;
        bool *w = &want[f->time + 5][f->key];
        left += !*w;
        *w = true;
    }
    struct index_scan *scan =
        all ? index_scan_open(v, type, 2, SPAN("all"), from, to, back)
            : index_scan_open(v, type, 1, value_of(value), from, to, back);
    struct span key, last = SPAN_NONE;
    int64_t time, last_time = 0;
    struct err why = {0};
    while (index_scan_next(scan, a, &key, &time, &why)) {
        if (last.p) {
            int order = (last_time > time) - (last_time < time);
            if (order == 0)
                order = span_cmp(last, key);
            assert_true(back ? order > 0 : order < 0);
        }
        last = key;
        last_time = time;
        int k = -1;
        for (int i = 0; i < KEYS; i++) {
            char text[16];
            if (span_eq(key, key_of(i, text)))
                k = i;
        }
        assert_true(k >= 0 && want[time + 5][k]);
        left--;
        if (!inside && unit_below(40) == 0)
            ok(view_renew(v, &e));
    }
    assert_int_equal(why.code, ERR_NONE);
    assert_int_equal(left, 0);
    index_scan_close(scan);
}

static void check_journal(struct view *v, struct arena *a)
{
    struct entry list[20];
    size_t count;
    uint64_t from = 1 + unit_random() % (head + 3);
    ok(journal_read(v, a, from, list, 20, &count, &e));
    assert_int_equal(count, from > head ? 0 : head - from + 1 < 20 ? head - from + 1 : 20);
    for (size_t i = 0; i < count; i++) {
        char text[16];
        const struct fact *f = &facts[from + i];
        assert_int_equal(list[i].seq, from + i);
        assert_int_equal(list[i].type, f->type);
        assert_true(span_eq(list[i].key, key_of(f->key, text)));
        assert_true(list[i].at >= (i ? list[i - 1].at : 0));
    }
}

static void check_all(struct store *s, unsigned rounds)
{
    struct arena a = {0};
    struct view *v = fixture_view(s);
    assert_int_equal(view_head(v), head);
    for (unsigned i = 0; i < rounds; i++) {
        check_get(v, &a);
        check_journal(v, &a);
        if (i % 10 == 0)
            check_scan(v, &a);
        if (i % 30 == 0)
            check_index(v, &a);
        arena_reset(&a);
    }
    view_close(v);
    arena_free(&a);
}

static void random_history_reads_as_the_model_does(void **state)
{
    (void)state;
    struct fixture f;
    unit_seed("random_history_reads_as_the_model_does");
    head = 0;
    fixture_tail = 300;
    fixture_open(&f, true);
    check_all(f.store, 5);
    for (int i = 0; i < 130; i++) { /* enough for several merges */
        put_random(f.store, 1 + unit_below(i % 10 ? 20 : 512));
        check_all(f.store, 10);
        if (unit_below(20) == 0) {
            store_close(f.store);
            f.store = fixture_store(&f, unit_below(3) == 0, true);
            check_all(f.store, 20);
            store_close(f.store);
            f.store = fixture_store(&f, false, true);
        }
    }
    check_all(f.store, 200);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_history_reads_as_the_model_does)};
    return unit_run(tests);
}
