#include "records_fixture.h"

#include "domain/entry_type.h"
#include "domain/key.h"
#include "util/json.h"

#define E1                                                                                     \
    "{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-06\",\"name\":\"甲\",\"op_subdistrict\":"   \
    "\"330105003\"}\n"
#define E1B                                                                                     \
    "{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-06\",\"name\":\"甲乙\",\"op_subdistrict\":" \
    "\"330105003\"}\n"
#define E2    "{\"ent_id\":\"E2\",\"snapshot_month\":\"2020-06\",\"name\":\"乙\"}\n"
#define E3    "{\"ent_id\":\"E3\",\"snapshot_month\":\"2020-06\",\"name\":\"丙\"}\n"
#define E1MAY "{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-05\",\"name\":\"甲\"}\n"
#define AT    "2020-07-01T09:00:00+08:00"

static int count_all(struct fixture *f, const char *type)
{
    struct view *v = fixture_view(f);
    struct record_scan *s = record_scan_open(v, fixture_type(f->dictionary, type), NULL, 0,
                                             true, SPAN_NONE, SEQ_LATEST);
    struct entry e;
    struct err err = {0};
    int n = 0;
    while (record_scan_next(s, &f->arena, &e, &err))
        n++;
    assert_int_equal(err.code, ERR_NONE);
    record_scan_close(s);
    view_close(v);
    return n;
}

static bool is_there(struct fixture *f, const char *type, const char *key)
{
    struct view *v = fixture_view(f);
    struct entry e;
    const struct type *t = fixture_type(f->dictionary, type);
    struct span k = key_from_text(&f->arena, span_of(key), (size_t)t->key_count, NULL);
    bool there = record_find(v, &f->arena, t, k, SEQ_LATEST, &e, NULL);
    view_close(v);
    return there;
}

static void new_and_changed_are_written_and_the_same_is_not(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    struct batch_result r = fixture_send(&f, AT, "enterprise", E1 E2);
    assert_int_equal(r.accepted, 2);
    assert_int_equal(r.last_seq - r.first_seq, 1);
    r = fixture_send(&f, AT, "enterprise", E1 E2);
    assert_int_equal(r.accepted, 0);
    assert_int_equal(r.unchanged, 2);
    assert_int_equal(r.first_seq, 0);
    r = fixture_send(&f, AT, "enterprise", E1B E1B E2);
    assert_int_equal(r.accepted, 1);
    assert_int_equal(r.unchanged, 2);
    assert_int_equal(count_all(&f, "enterprise"), 2);
    /* one dataset_update for each batch, also for the one that changed nothing */
    assert_int_equal(count_all(&f, "dataset_update"), 3);
    fixture_close(&f);
}

static void an_update_tells_dataset_time_rows_and_sender(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", E1 E2);
    struct view *v = fixture_view(&f);
    const struct type *t = fixture_type(f.dictionary, "dataset_update");
    struct record_where where = {type_field(t, SPAN("dataset_id")), SPAN("DS_enterprise")};
    struct record_scan *s = record_scan_open(v, t, &where, 1, false, SPAN_NONE, SEQ_LATEST);
    struct entry e;
    assert_true(record_scan_next(s, &f.arena, &e, NULL));
    struct buf b = {0};
    struct json_w w = json_w_begin(&b);
    record_view(t, &e, NULL, false, &w);
    const struct json *j = json_parse(&f.arena, buf_view(&b), NULL, NULL, NULL);
    assert_span(json_string(json_get(j, "updated_at")), AT);
    assert_span(json_string(json_get(j, "operator_id")), "tester");
    assert_span(json_string(json_get(j, "_at")), AT);
    assert_int_equal(json_get(j, "rows")->integer, 2);
    assert_int_equal(json_string(json_get(j, "update_id")).n, 26);
    assert_false(record_scan_next(s, &f.arena, &e, NULL));
    record_scan_close(s);
    view_close(v);
    buf_free(&b);
    fixture_close(&f);
}

static void a_feed_of_single_records_tells_once_an_hour(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    struct batch single = {.single = true};
    fixture_send_with(&f, "2020-07-01T09:00:00+08:00", "enterprise", E1, single, NULL);
    fixture_send_with(&f, "2020-07-01T09:30:00+08:00", "enterprise", E2, single, NULL);
    fixture_send_with(&f, "2020-07-01T09:59:59.999999+08:00", "enterprise", E2, single, NULL);
    assert_int_equal(count_all(&f, "dataset_update"), 1);
    fixture_send_with(&f, "2020-07-01T10:00:00+08:00", "enterprise", E2, single, NULL);
    assert_int_equal(count_all(&f, "dataset_update"), 2);
    /* updates themselves bring no further one */
    fixture_send(&f, NULL, "dataset_update",
                 "{\"update_id\":\"u1\",\"dataset_id\":\"DS_x\",\"updated_at\":\"" AT "\"}");
    assert_int_equal(count_all(&f, "dataset_update"), 3);
    fixture_close(&f);
}

static void examples_hold_nothing_but_their_records(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send_with(&f, AT, "enterprise", E1, (struct batch){.quiet = true}, NULL);
    struct view *v = fixture_view(&f);
    assert_int_equal(view_head(v), 1);
    view_close(v);
    fixture_close(&f);
}

static void a_full_list_withdraws_what_is_missing_in_its_month(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", E1 E2 E3 E1MAY);
    struct batch full = {.full = true, .last = true};
    struct batch_result r = fixture_send_with(&f, AT, "enterprise", E1 E3, full, NULL);
    assert_int_equal(r.withdrawn, 1);
    assert_int_equal(r.unchanged, 2);
    assert_int_equal(r.first_seq, r.last_seq);
    assert_false(is_there(&f, "enterprise", "E2|2020-06"));
    assert_true(is_there(&f, "enterprise", "E1|2020-05"));
    /* the withdrawn one comes back */
    r = fixture_send(&f, AT, "enterprise", E2);
    assert_int_equal(r.accepted, 1);
    assert_true(is_there(&f, "enterprise", "E2|2020-06"));
    fixture_close(&f);
}

static void a_withdrawal_carries_what_was_withdrawn(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", E1 E2);
    struct batch_result r = fixture_send_with(&f, AT, "enterprise", E1,
                                              (struct batch){.full = true, .last = true}, NULL);
    struct view *v = fixture_view(&f);
    struct entry e;
    assert_true(journal_get(v, &f.arena, r.first_seq, &e, NULL));
    assert_int_equal(e.op, ENTRY_WITHDRAW);
    const struct type *t = fixture_type(f.dictionary, "enterprise");
    struct row_value name = row_get(t, e.body, type_field(t, SPAN("name")));
    assert_span(name.text, "乙");
    view_close(v);
    fixture_close(&f);
}

static void a_full_list_may_come_in_parts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", E1 E2 E3);
    struct batch part = {.full = true, .name = SPAN("b1")};
    struct batch_result r = fixture_send_with(&f, AT, "enterprise", E1, part, NULL);
    assert_int_equal(r.withdrawn, 0);
    assert_string_equal(r.name, "b1");
    assert_int_equal(count_all(&f, "dataset_update"), 1); /* told with the last part */
    fixture_reopen(&f); /* what was seen is kept with the parts */
    r = fixture_send_with(&f, AT, "enterprise", E2, part, NULL);
    assert_int_equal(r.unchanged, 1);
    part.last = true;
    r = fixture_send_with(&f, AT, "enterprise",
                          "{\"ent_id\":\"E2\",\"snapshot_month\":\"2020-06\",\"name\":\"新\"}",
                          part, NULL);
    assert_int_equal(r.accepted, 1);
    assert_int_equal(r.withdrawn, 1);
    assert_true(is_there(&f, "enterprise", "E1|2020-06"));
    assert_false(is_there(&f, "enterprise", "E3|2020-06"));
    assert_int_equal(count_all(&f, "dataset_update"), 2);
    /* the same name later is a new list: E1 was seen only by the old one */
    r = fixture_send_with(&f, AT, "enterprise", E2, part, NULL);
    assert_int_equal(r.withdrawn, 1);
    assert_false(is_there(&f, "enterprise", "E1|2020-06"));
    fixture_close(&f);
}

static void a_refused_line_is_not_missing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", E1 E2 E3);
    struct batch full = {.full = true, .last = true};
    struct batch_result r = fixture_send_with(
        &f, AT, "enterprise",
        E1 "{\"ent_id\":\"E2\",\"snapshot_month\":\"2020-06\",\"staff_count\":\"x\"}", full,
        NULL);
    assert_int_equal(r.withdrawn, 1);
    assert_false(r.withheld);
    assert_true(is_there(&f, "enterprise", "E2|2020-06"));
    assert_false(is_there(&f, "enterprise", "E3|2020-06"));
    /* whose line this was nobody can tell: nothing goes */
    r = fixture_send_with(&f, AT, "enterprise", "{\"ent_id\":", full, NULL);
    assert_int_equal(r.withdrawn, 0);
    assert_true(r.withheld);
    assert_true(is_there(&f, "enterprise", "E1|2020-06"));
    fixture_close(&f);
}

static void the_scope_is_said_or_seen(void **state)
{
    (void)state;
    struct fixture f;
    struct err e = {0};
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", E1 E2 E1MAY);
    struct batch full = {.full = true, .last = true};
    fixture_send_with(&f, AT, "enterprise", E1 E1MAY, full, &e); /* two months and no scope */
    assert_int_equal(e.code, ERR_INPUT);
    full.scope = SPAN("2020-6");
    e = (struct err){0};
    fixture_send_with(&f, AT, "enterprise", E1, full, &e);
    assert_int_equal(e.code, ERR_INPUT);
    full.scope = SPAN("2020-05");
    struct batch_result r = fixture_send_with(&f, AT, "enterprise", "", full, NULL);
    assert_int_equal(r.withdrawn, 1);
    assert_true(is_there(&f, "enterprise", "E2|2020-06"));
    full.scope = SPAN("2020-06");
    e = (struct err){0};
    fixture_send_with(&f, AT, "occupancy", "{\"occupancy_id\":\"o1\"}", full, &e);
    assert_int_equal(e.code, ERR_INPUT);
    full.scope = SPAN_NONE; /* a type without scope is one list */
    fixture_send_with(&f, AT, "occupancy",
                      "{\"occupancy_id\":\"o1\"}\n{\"occupancy_id\":\"o2\"}", full, NULL);
    r = fixture_send_with(&f, AT, "occupancy", "{\"occupancy_id\":\"o2\"}", full, NULL);
    assert_int_equal(r.withdrawn, 1);
    /* an empty list without scope means this month: July has nothing */
    r = fixture_send_with(&f, AT, "enterprise", "", full, NULL);
    assert_int_equal(r.withdrawn, 0);
    fixture_close(&f);
}

static void a_batch_of_bad_lines_keeps_no_source_alive(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", "{}\n{}\n");
    assert_int_equal(count_all(&f, "dataset_update"), 0);
    fixture_send(&f, AT, "enterprise", ""); /* an empty pull is a sign of life */
    assert_int_equal(count_all(&f, "dataset_update"), 1);
    fixture_close(&f);
}

static void a_batch_name_is_short(void **state)
{
    (void)state;
    struct fixture f;
    struct err e = {0};
    fixture_open(&f);
    fixture_send_with(&f, AT, "enterprise", E1,
                      (struct batch){.name = SPAN("0123456789012345678901234567890")}, NULL);
    fixture_send_with(&f, AT, "enterprise", E1,
                      (struct batch){.name = SPAN("01234567890123456789012345678901")}, &e);
    assert_int_equal(e.code, ERR_INPUT);
    struct batch_result r = fixture_send(&f, AT, "enterprise", E1);
    assert_int_equal(strlen(r.name), 26);
    fixture_close(&f);
}

static void a_streamed_batch_tells_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    struct batch part = {.name = SPAN("s1"), .more = true};
    fixture_send_with(&f, AT, "enterprise", E1, part, NULL);
    fixture_send_with(&f, AT, "enterprise", E2, part, NULL);
    assert_int_equal(count_all(&f, "dataset_update"), 0);
    part.more = false;
    fixture_send_with(&f, AT, "enterprise", E3, part, NULL);
    assert_int_equal(count_all(&f, "dataset_update"), 1);
    struct view *v = fixture_view(&f);
    struct entry e;
    assert_true(version_get(v, &f.arena, ENTRY_BATCH,
                            key_of2(&f.arena, SPAN("tester"), SPAN("s1"), NULL), SEQ_LATEST, &e,
                            NULL));
    const struct json *j = json_parse(&f.arena, e.body, NULL, NULL, NULL);
    assert_int_equal(json_get(j, "rows")->integer, 3);
    assert_int_equal(json_get(j, "parts")->integer, 3);
    assert_true(json_bool(json_get(j, "done"), false));
    view_close(v);
    fixture_close(&f);
}

/* Lists of a month in parts of any size, some lines bad, the store reopened on the way, others writing
 * between the parts: what stays is what the list held, or could not be read, or came meanwhile. */
static void random_lists_leave_what_they_held(void **state)
{
    (void)state;
    enum { KEYS = 30 };
    struct fixture f;
    int there[KEYS] = {0};
    unit_seed(__func__);
    fixture_open(&f);
    for (int round = 0; round < 25; round++) {
        int keep[KEYS] = {0};
        char name[16];
        snprintf(name, sizeof name, "r%d", round);
        struct batch part = {.full = true, .name = span_of(name), .scope = SPAN("2020-06")};
        for (int k = 0; k < KEYS;) {
            struct buf lines = {0};
            for (int end = k + 1 + (int)unit_below(12); k < KEYS && k < end; k++) {
                unsigned how = unit_below(6);
                if (how == 0)
                    continue; /* not in the list */
                keep[k] = how != 1 || there[k] || keep[k];
                buf_printf(&lines,
                           "{\"ent_id\":\"E%02d\",\"snapshot_month\":\"2020-06\",\"staff_"
                           "count\":%s}\n",
                           k,
                           how == 1   ? "\"bad\""
                           : how == 2 ? "1"
                                      : "2");
            }
            buf_char(&lines, '\0');
            part.last = k == KEYS;
            fixture_send_with(&f, AT, "enterprise", lines.p, part, NULL);
            buf_free(&lines);
            if (part.last)
                break;
            if (unit_below(3) == 0)
                fixture_reopen(&f);
            if (unit_below(3) == 0) {
                int other = (int)unit_below(KEYS);
                fixture_send_with(&f, AT, "enterprise",
                                  arena_printf(&f.arena,
                                               "{\"ent_id\":\"E%02d\",\"snapshot_month\":"
                                               "\"2020-06\",\"staff_count\":%d}",
                                               other, 100 + round),
                                  (struct batch){0}, NULL);
                keep[other] = 1;
            }
        }
        for (int k = 0; k < KEYS; k++) {
            char key[32];
            snprintf(key, sizeof key, "E%02d|2020-06", k);
            there[k] = is_there(&f, "enterprise", key);
            assert_int_equal(there[k], keep[k]);
        }
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_and_changed_are_written_and_the_same_is_not),
        cmocka_unit_test(an_update_tells_dataset_time_rows_and_sender),
        cmocka_unit_test(a_feed_of_single_records_tells_once_an_hour),
        cmocka_unit_test(examples_hold_nothing_but_their_records),
        cmocka_unit_test(a_full_list_withdraws_what_is_missing_in_its_month),
        cmocka_unit_test(a_withdrawal_carries_what_was_withdrawn),
        cmocka_unit_test(a_full_list_may_come_in_parts),
        cmocka_unit_test(a_refused_line_is_not_missing),
        cmocka_unit_test(the_scope_is_said_or_seen),
        cmocka_unit_test(a_batch_of_bad_lines_keeps_no_source_alive),
        cmocka_unit_test(a_batch_name_is_short),
        cmocka_unit_test(random_lists_leave_what_they_held),
        cmocka_unit_test(a_streamed_batch_tells_once),
    };
    return unit_run(tests);
}
