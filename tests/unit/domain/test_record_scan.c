/* Scans, latest and windows: small stories, then a random street against a plain model. */
#include "records_fixture.h"

#include "domain/key.h"

#define AT "2020-07-01T09:00:00+08:00"

/* Keys of a scan as text, joined by spaces. */
static const char *scan_after(struct fixture *f, struct view *v, const char *type,
                              const char *field, const char *value, bool all, const char *after,
                              uint64_t as_of)
{
    const struct type *t = fixture_type(f->dictionary, type);
    struct record_where where = {field ? type_field(t, span_of(field)) : 0, span_of(value)};
    struct span from = SPAN_NONE;
    if (after)
        from = key_from_text(&f->arena, span_of(after), (size_t)t->key_count, NULL);
    struct record_scan *s = record_scan_open(v, t, &where, field != NULL, all, from, as_of);
    struct buf b = {0};
    struct entry e;
    struct err err = {0};
    while (record_scan_next(s, &f->arena, &e, &err)) {
        if (b.n)
            buf_char(&b, ' ');
        key_put_text(&b, e.key);
    }
    assert_int_equal(err.code, ERR_NONE);
    record_scan_close(s);
    const char *out = arena_span(&f->arena, buf_view(&b)).p;
    buf_free(&b);
    return out;
}

static const char *scan(struct fixture *f, const char *type, const char *field,
                        const char *value, bool all)
{
    struct view *v = fixture_view(f);
    const char *out = scan_after(f, v, type, field, value, all, NULL, SEQ_LATEST);
    view_close(v);
    return out;
}

static const char enterprises[] =
    "{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-05\",\"op_subdistrict\":\"here\",\"staff_"
    "count\":5,\"is_key\":true}\n"
    "{\"ent_id\":\"E1\",\"snapshot_month\":\"2020-06\",\"op_subdistrict\":\"away\",\"staff_"
    "count\":5,\"is_key\":true}\n"
    "{\"ent_id\":\"E2\",\"snapshot_month\":\"2020-06\",\"op_subdistrict\":\"here\",\"staff_"
    "count\":7}\n"
    "{\"ent_id\":\"E3\",\"snapshot_month\":\"2020-05\",\"op_subdistrict\":\"here\",\"is_key\":"
    "true,\"tags\":[\"高新\",\"小微\"]}\n";

static void the_latest_of_each_subject_must_satisfy_where(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", enterprises);
    assert_string_equal(scan(&f, "enterprise", NULL, NULL, false),
                        "E1|2020-06 E2|2020-06 E3|2020-05");
    assert_string_equal(scan(&f, "enterprise", NULL, NULL, true),
                        "E1|2020-05 E1|2020-06 E2|2020-06 E3|2020-05");
    /* E1 has moved away: its old snapshot does not find it */
    assert_string_equal(scan(&f, "enterprise", "op_subdistrict", "here", false),
                        "E2|2020-06 E3|2020-05");
    assert_string_equal(scan(&f, "enterprise", "op_subdistrict", "here", true),
                        "E1|2020-05 E2|2020-06 E3|2020-05");
    assert_string_equal(scan(&f, "enterprise", "snapshot_month", "2020-05", false),
                        "E3|2020-05");
    assert_string_equal(scan(&f, "enterprise", "ent_id", "E1", false), "E1|2020-06");
    assert_string_equal(scan(&f, "enterprise", "ent_id", "E1", true), "E1|2020-05 E1|2020-06");
    /* fields without an index: the type is walked */
    assert_string_equal(scan(&f, "enterprise", "is_key", "true", false),
                        "E1|2020-06 E3|2020-05");
    assert_string_equal(scan(&f, "enterprise", "staff_count", "7", false), "E2|2020-06");
    assert_string_equal(scan(&f, "enterprise", "tags", "小微", false), "E3|2020-05");
    assert_string_equal(scan(&f, "enterprise", "tags", "小", false), "");
    fixture_close(&f);
}

static void key_parts_behind_the_time_are_subjects_of_their_own(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
#define R(dev, at, metric)                                                                     \
    "{\"device_id\":\"" dev "\",\"at\":\"2020-07-01T" at ":00+08:00\",\"metric\":\"" metric    \
    "\",\"value\":1}\n"
#define K(dev, at, metric) dev "|2020-07-01T" at ":00+08:00|" metric
    fixture_send(&f, AT, "sensor_reading",
                 R("D1", "08:00", "noise_db") R("D1", "08:00", "temp_c")
                     R("D1", "08:05", "noise_db") R("D2", "08:00", "level_m")
                         R("D10", "08:10", "temp_c"));
    assert_string_equal(scan(&f, "sensor_reading", NULL, NULL, false),
                        K("D1", "08:00", "temp_c") " " K("D1", "08:05", "noise_db") " " K(
                            "D10", "08:10", "temp_c") " " K("D2", "08:00", "level_m"));
    assert_string_equal(scan(&f, "sensor_reading", "device_id", "D1", false),
                        K("D1", "08:00", "temp_c") " " K("D1", "08:05", "noise_db"));
    assert_string_equal(scan(&f, "sensor_reading", "metric", "temp_c", false),
                        K("D1", "08:00", "temp_c") " " K("D10", "08:10", "temp_c"));
    /* resumed in the middle of a device */
    struct view *v = fixture_view(&f);
    assert_string_equal(scan_after(&f, v, "sensor_reading", NULL, NULL, false,
                                   K("D1", "08:00", "temp_c"), SEQ_LATEST),
                        K("D1", "08:05", "noise_db") " " K("D10", "08:10", "temp_c") " " K(
                            "D2", "08:00", "level_m"));
    struct entry e;
    const struct type *t = fixture_type(f.dictionary, "sensor_reading");
    assert_true(record_latest(v, &f.arena, t, key_of1(&f.arena, SPAN("D1"), NULL), SEQ_LATEST,
                              &e, NULL));
    struct buf b = {0};
    key_put_text(&b, e.key);
    assert_span(buf_view(&b), K("D1", "08:05", "noise_db"));
    buf_free(&b);
    assert_false(record_latest(v, &f.arena, t, key_of1(&f.arena, SPAN("D"), NULL), SEQ_LATEST,
                               &e, NULL));
    view_close(v);
    fixture_close(&f);
}

static void a_scan_goes_on_behind_a_key_and_over_a_renewal(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", enterprises);
    struct view *v = fixture_view(&f);
    assert_string_equal(
        scan_after(&f, v, "enterprise", NULL, NULL, false, "E1|2020-06", SEQ_LATEST),
        "E2|2020-06 E3|2020-05");
    assert_string_equal(scan_after(&f, v, "enterprise", "op_subdistrict", "here", true,
                                   "E1|2020-05", SEQ_LATEST),
                        "E2|2020-06 E3|2020-05");
    const struct type *t = fixture_type(f.dictionary, "enterprise");
    struct record_scan *s = record_scan_open(v, t, NULL, 0, false, SPAN_NONE, SEQ_LATEST);
    struct entry e;
    struct err err = {0};
    assert_true(record_scan_next(s, &f.arena, &e, &err));
    fixture_send(&f, NULL, "enterprise", "{\"ent_id\":\"E2A\",\"snapshot_month\":\"2020-06\"}");
    assert_true(view_renew(v, &err));
    int n = 0;
    while (record_scan_next(s, &f.arena, &e, &err))
        n++;
    assert_int_equal(n, 3);
    record_scan_close(s);
    view_close(v);
    fixture_close(&f);
}

static void the_past_is_read_as_it_was(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    struct batch_result first = fixture_send(&f, AT, "enterprise", enterprises);
    fixture_send_with(&f, NULL, "enterprise",
                      "{\"ent_id\":\"E9\",\"snapshot_month\":\"2020-06\"}",
                      (struct batch){.full = true, .last = true}, NULL);
    struct view *v = fixture_view(&f);
    assert_string_equal(scan_after(&f, v, "enterprise", NULL, NULL, false, NULL, SEQ_LATEST),
                        "E1|2020-05 E3|2020-05 E9|2020-06");
    assert_string_equal(
        scan_after(&f, v, "enterprise", NULL, NULL, false, NULL, first.last_seq),
        "E1|2020-06 E2|2020-06 E3|2020-05");
    assert_string_equal(
        scan_after(&f, v, "enterprise", "op_subdistrict", "here", false, NULL, first.first_seq),
        "E1|2020-05");
    view_close(v);
    fixture_close(&f);
}

/* ---- windows ---- */

static bool tell(void *ctx, const struct entry *e)
{
    struct buf *b = ctx;
    if (b->n)
        buf_char(b, ' ');
    key_put_text(b, e->key);
    return true;
}

static const char *window(struct fixture *f, const char *type, const char *field,
                          const char *value, const char *from, const char *to)
{
    const struct type *t = fixture_type(f->dictionary, type);
    struct record_where where = {field ? type_field(t, span_of(field)) : 0, span_of(value)};
    struct view *v = fixture_view(f);
    struct buf b = {0};
    struct err e = {0};
    int64_t a, z;
    assert_true(calendar_parse_datetime(span_of(from), &a));
    assert_true(calendar_parse_datetime(span_of(to), &z));
    assert_true(record_window(v, &f->arena, t, &where, field != NULL, a, z, SEQ_LATEST, tell,
                              &b, NULL, &e));
    const char *out = arena_span(&f->arena, buf_view(&b)).p;
    view_close(v);
    buf_free(&b);
    return out;
}

static void a_window_holds_both_ends_and_the_present_time_of_each(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
#define C(id, place, at, words)                                                                \
    "{\"event_id\":\"" id "\",\"place_id\":\"" place                                           \
    "\",\"event_type\":\"crowd\",\"occurred_at\":\"2020-07-01T" at                             \
    "+08:00\",\"keywords\":[" words "]}\n"
#define D(t) "2020-07-01T" t "+08:00"
    fixture_send(&f, AT, "camera_event",
                 C("c1", "P1", "08:00:00", "\"停车\"")
                     C("c2", "P1", "08:10:00", "\"停车\",\"噪音\"")
                         C("c3", "P2", "08:05:00", "") C("c4", "P1", "08:30:00", ""));
    assert_string_equal(window(&f, "camera_event", NULL, NULL, D("08:00:00"), D("08:10:00")),
                        "c1 c3 c2");
    assert_string_equal(
        window(&f, "camera_event", "place_id", "P1", D("08:00:00"), D("08:29:59.999999")),
        "c1 c2");
    assert_string_equal(
        window(&f, "camera_event", "keywords", "噪音", D("08:00:00"), D("09:00:00")), "c2");
    assert_string_equal(
        window(&f, "camera_event", "event_type", "crowd", D("08:00:00.000001"), D("08:05:00")),
        "c3");
    /* c1's time is corrected: it is found where it is now, once */
    fixture_send(&f, NULL, "camera_event", C("c1", "P1", "08:20:00", ""));
    assert_string_equal(window(&f, "camera_event", NULL, NULL, D("07:00:00"), D("09:00:00")),
                        "c3 c2 c1 c4");
    assert_string_equal(window(&f, "camera_event", NULL, NULL, D("07:00:00"), D("08:00:00")),
                        "");
    assert_string_equal(
        window(&f, "camera_event", "event_id", "c1", D("07:00:00"), D("09:00:00")), "c1");
    fixture_close(&f);
}

static void a_window_over_readings_seeks_in_the_keys(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "sensor_reading",
                 R("D1", "08:00", "noise_db") R("D1", "08:05", "noise_db")
                     R("D1", "08:10", "temp_c") R("D1", "08:15", "noise_db")
                         R("D2", "08:05", "level_m"));
    assert_string_equal(
        window(&f, "sensor_reading", "device_id", "D1", D("08:05:00"), D("08:10:00")),
        K("D1", "08:05", "noise_db") " " K("D1", "08:10", "temp_c"));
    assert_string_equal(
        window(&f, "sensor_reading", "device_id", "D1", D("08:05:00.5"), D("08:09:59")), "");
    assert_string_equal(
        window(&f, "sensor_reading", "metric", "level_m", D("08:00:00"), D("08:10:00")),
        K("D2", "08:05", "level_m"));
    fixture_close(&f);
}

static const char *last(struct fixture *f, const char *type, const char *field,
                        const char *value, const char *from, const char *to, size_t most)
{
    const struct type *t = fixture_type(f->dictionary, type);
    struct record_where where = {field ? type_field(t, span_of(field)) : 0, span_of(value)};
    struct view *v = fixture_view(f);
    struct buf b = {0};
    struct err e = {0};
    struct entry *rows;
    size_t n;
    uint64_t looked;
    int64_t a, z;
    assert_true(calendar_parse_datetime(span_of(from), &a));
    assert_true(calendar_parse_datetime(span_of(to), &z));
    assert_true(record_last(v, &f->arena, t, &where, field != NULL, a, z, SEQ_LATEST, most,
                            &rows, &n, &looked, &e));
    assert_true(n <= most);
    for (size_t i = 0; i < n; i++)
        tell(&b, &rows[i]);
    const char *out = arena_span(&f->arena, buf_view(&b)).p;
    view_close(v);
    buf_free(&b);
    return out ? out : "";
}

static void the_newest_are_told_oldest_first_and_none_of_later(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "sensor_reading",
                 R("D1", "08:00", "noise_db") R("D1", "08:05", "noise_db")
                     R("D1", "08:10", "temp_c") R("D1", "08:15", "noise_db")
                         R("D2", "08:05", "level_m"));
    assert_string_equal(
        last(&f, "sensor_reading", "device_id", "D1", D("08:00:00"), D("08:10:00"), 2),
        K("D1", "08:05", "noise_db") " " K("D1", "08:10", "temp_c"));
    assert_string_equal(
        last(&f, "sensor_reading", "device_id", "D1", D("08:05:00"), D("08:09:59"), 2),
        K("D1", "08:05", "noise_db"));
    assert_string_equal(
        last(&f, "sensor_reading", "metric", "level_m", D("08:00:00"), D("09:00:00"), 1),
        K("D2", "08:05", "level_m"));
    fixture_send(&f, AT, "camera_event",
                 C("c1", "P1", "08:00:00", "") C("c2", "P1", "08:10:00", "")
                     C("c3", "P2", "08:05:00", "") C("c4", "P1", "08:30:00", ""));
    assert_string_equal(
        last(&f, "camera_event", "place_id", "P1", D("07:00:00"), D("08:20:00"), 5), "c1 c2");
    assert_string_equal(
        last(&f, "camera_event", "event_type", "crowd", D("07:00:00"), D("08:20:00"), 2),
        "c3 c2");
    assert_string_equal(
        last(&f, "camera_event", "event_id", "c4", D("07:00:00"), D("09:00:00"), 2), "c4");
    /* c1's time is corrected: it is told where it is now, once */
    fixture_send(&f, NULL, "camera_event", C("c1", "P1", "08:20:00", ""));
    assert_string_equal(
        last(&f, "camera_event", "place_id", "P1", D("07:00:00"), D("09:00:00"), 9),
        "c2 c1 c4");
    fixture_close(&f);
}

static void a_value_that_nearly_all_have_is_found_by_walking(void **state)
{
    (void)state;
    struct fixture f;
    struct buf lines = {0};
    fixture_open(&f);
    for (int i = 0; i < 900; i++)
        for (int m = 0; m < 20; m++)
            buf_printf(&lines,
                       "{\"ent_id\":\"E%03d\",\"snapshot_month\":\"20%02d-%02d\",\"op_"
                       "subdistrict\":\"%s\"}\n",
                       i, 19 + m / 12, m % 12 + 1, i % 9 == 0 && m == 19 ? "away" : "here");
    buf_char(&lines, '\0');
    fixture_send_with(&f, AT, "enterprise", lines.p, (struct batch){.quiet = true}, NULL);
    buf_free(&lines);
    struct view *v = fixture_view(&f);
    const struct type *t = fixture_type(f.dictionary, "enterprise");
    for (int away = 0; away < 2; away++) {
        struct record_where where = {type_field(t, SPAN("op_subdistrict")),
                                     away ? SPAN("away") : SPAN("here")};
        struct record_scan *s = record_scan_open(v, t, &where, 1, false, SPAN_NONE, SEQ_LATEST);
        struct entry e;
        struct err err = {0};
        int n = 0;
        for (; record_scan_next(s, &f.arena, &e, &err); n++)
            assert_memory_equal(e.key.p + 5, "2020-08", 7);
        assert_int_equal(err.code, ERR_NONE);
        assert_int_equal(n, away ? 100 : 800);
        record_scan_close(s);
    }
    view_close(v);
    fixture_close(&f);
}

static void what_has_no_event_time_counts_by_arrival(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, "2020-07-01T09:00:00+08:00", "occupancy",
                 "{\"occupancy_id\":\"o1\",\"building_id\":\"B\"}");
    fixture_send(&f, "2020-07-01T10:00:00+08:00", "occupancy",
                 "{\"occupancy_id\":\"o2\",\"building_id\":\"B\"}");
    assert_string_equal(
        window(&f, "occupancy", "building_id", "B", D("09:30:00"), D("10:00:00")), "o2");
    assert_string_equal(window(&f, "occupancy", NULL, NULL, D("09:00:00"), D("10:00:00")),
                        "o1 o2");
    fixture_close(&f);
}

/* ---- against a model ---- */

enum { SUBJECTS = 12, MONTHS = 5, STEPS = 400 };

struct cell {
    bool there;
    int place, staff;
};

static void random_streets_are_scanned_as_a_table_would_be(void **state)
{
    (void)state;
    struct fixture f;
    struct cell model[SUBJECTS][MONTHS] = {{{0}}};
    unit_seed(__func__);
    fixture_open(&f);
    struct batch quiet = {.quiet = true};
    for (int step = 0; step < STEPS; step++) {
        unsigned s = unit_below(SUBJECTS), m = unit_below(MONTHS);
        struct cell *c = &model[s][m];
        *c = (struct cell){true, (int)unit_below(3), (int)unit_below(4)};
        fixture_send_with(&f, NULL, "enterprise",
                          arena_printf(&f.arena,
                                       "{\"ent_id\":\"E%02u\",\"snapshot_month\":\"2020-%02u\","
                                       "\"op_subdistrict\":\"p%d\",\"staff_count\":%d}",
                                       s, m + 1, c->place, c->staff),
                          quiet, NULL);
        if (step % 40 != 39)
            continue;
        for (int all = 0; all < 2; all++)
            for (int by = 0; by < 3; by++) {
                char value[8];
                int want = by == 0 ? (int)unit_below(3) : (int)unit_below(4);
                struct buf expect = {0};
                for (int i = 0; i < SUBJECTS; i++) {
                    int last = MONTHS - 1;
                    while (last >= 0 && !model[i][last].there)
                        last--;
                    for (int j = 0; j < MONTHS; j++) {
                        const struct cell *k = &model[i][j];
                        if (!k->there || (!all && j != last) || (by == 0 && k->place != want) ||
                            (by == 1 && k->staff != want) || (by == 2 && j + 1 != want))
                            continue;
                        buf_printf(&expect, "%sE%02d|2020-%02d", expect.n ? " " : "", i, j + 1);
                    }
                }
                buf_char(&expect, '\0');
                snprintf(value, sizeof value,
                         by == 0   ? "p%d"
                         : by == 1 ? "%d"
                                   : "2020-%02d",
                         want);
                assert_string_equal(scan(&f, "enterprise",
                                         by == 0   ? "op_subdistrict"
                                         : by == 1 ? "staff_count"
                                                   : "snapshot_month",
                                         value, all),
                                    expect.p);
                buf_free(&expect);
            }
    }
    fixture_close(&f);
}

static void a_reader_without_patience_goes_on_where_it_stopped(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    fixture_send(&f, AT, "enterprise", enterprises);
    struct view *v = fixture_view(&f);
    const struct type *t = fixture_type(f.dictionary, "enterprise");
    struct record_where where = {type_field(t, SPAN("staff_count")), SPAN("7")};
    for (int all = 0; all < 2; all++) {
        struct span after = SPAN_NONE;
        struct buf told = {0};
        int pages = 0;
        do {
            struct record_scan *s = record_scan_open(v, t, &where, 1, all, after, SEQ_LATEST);
            struct entry e;
            struct err err = {0};
            record_scan_patience(s, 1);
            while (record_scan_next(s, &f.arena, &e, &err))
                key_put_text(&told, e.key);
            assert_int_equal(err.code, ERR_NONE);
            assert_true(record_scan_passed_over(s) <= 1);
            after = arena_span(&f.arena, record_scan_place(s));
            record_scan_close(s);
            pages++;
        } while (after.n);
        assert_span(buf_view(&told), "E2|2020-06");
        assert_int_equal(pages, all ? 4 : 3); /* each page passes over one of the others */
        buf_free(&told);
    }
    view_close(v);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_of_each_subject_must_satisfy_where),
        cmocka_unit_test(key_parts_behind_the_time_are_subjects_of_their_own),
        cmocka_unit_test(a_scan_goes_on_behind_a_key_and_over_a_renewal),
        cmocka_unit_test(the_past_is_read_as_it_was),
        cmocka_unit_test(a_window_holds_both_ends_and_the_present_time_of_each),
        cmocka_unit_test(a_window_over_readings_seeks_in_the_keys),
        cmocka_unit_test(the_newest_are_told_oldest_first_and_none_of_later),
        cmocka_unit_test(a_value_that_nearly_all_have_is_found_by_walking),
        cmocka_unit_test(what_has_no_event_time_counts_by_arrival),
        cmocka_unit_test(a_reader_without_patience_goes_on_where_it_stopped),
        cmocka_unit_test(random_streets_are_scanned_as_a_table_would_be),
    };
    return unit_run(tests);
}
