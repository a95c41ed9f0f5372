#include "records_fixture.h"

#include "domain/key.h"
#include "store/vault.h"

/* Everything a text gives, fed in pieces of `step` bytes: "1:E1|2020-06 2!field 3! end". */
static const char *take_in(struct fixture *f, const char *type, enum record_format format,
                           struct span text, size_t step, bool drop)
{
    struct record_reader *r =
        record_reader_new(fixture_type(f->dictionary, type), format, NULL);
    struct err e = {0};
    bool ok = true;
    char *lines[4096] = {0};
    long max = 0;
    for (size_t at = 0; ok;) {
        size_t n = text.n - at < step ? text.n - at : step;
        char *piece = malloc(n ? n : 1); /* so that reading outside of a piece is seen */
        memcpy(piece, n ? text.p + at : "", n);
        at += n;
        ok = record_reader_feed(r, (struct span){piece, n}, at == text.n, &e);
        free(piece);
        if (!drop && ok && at < text.n)
            continue;
        const struct record *records;
        const struct record_refusal *refusals;
        size_t count = record_reader_records(r, &records);
        for (size_t i = 0; i < count; i++) {
            struct buf b = {0};
            buf_printf(&b, "%ld:", records[i].line);
            key_put_text(&b, records[i].key);
            buf_char(&b, '\0');
            assert_true(records[i].line > 0 && records[i].line < 4096 &&
                        !lines[records[i].line]);
            lines[records[i].line] = b.p;
            max = records[i].line > max ? records[i].line : max;
        }
        count = record_reader_refusals(r, &refusals);
        for (size_t i = 0; i < count; i++) {
            struct buf b = {0};
            buf_printf(&b, "%ld!%s", refusals[i].line, refusals[i].field);
            if (refusals[i].key.n) {
                buf_char(&b, '@');
                key_put_text(&b, refusals[i].key);
            }
            buf_char(&b, '\0');
            assert_true(refusals[i].message[0] != '\0');
            assert_true(refusals[i].line > 0 && refusals[i].line < 4096 &&
                        !lines[refusals[i].line]);
            lines[refusals[i].line] = b.p;
            max = refusals[i].line > max ? refusals[i].line : max;
        }
        record_reader_drop(r);
        if (at == text.n)
            break;
    }
    struct buf out = {0};
    for (long i = 0; i <= max; i++) {
        if (lines[i])
            buf_printf(&out, "%s%s", out.n ? " " : "", lines[i]);
        free(lines[i]);
    }
    if (!ok) {
        assert_int_not_equal(e.code, ERR_NONE);
        assert_true(span_is_utf8(span_of(e.text)));
        buf_printf(&out, "%s# %s", out.n ? " " : "", e.text);
    }
    const char *s = arena_span(&f->arena, buf_view(&out)).p;
    buf_free(&out);
    record_reader_free(r);
    return s ? s : "";
}

/* However the text is cut, and whether or not it is dropped on the way, the same comes out. */
static const char *take(struct fixture *f, const char *type, enum record_format format,
                        const char *text)
{
    struct span s = span_of(text);
    const char *whole = take_in(f, type, format, s, s.n + 1, false);
    for (size_t step = 1; step < 40 && step < s.n; step += step < 8 ? 1 : 7) {
        assert_string_equal(take_in(f, type, format, s, step, false), whole);
        assert_string_equal(take_in(f, type, format, s, step, true), whole);
    }
    return whole;
}

static void setup(struct fixture *f)
{
    *f = (struct fixture){.dictionary = fixture_dictionary()};
}

static void teardown(struct fixture *f)
{
    dictionary_free(f->dictionary);
    arena_free(&f->arena);
}

#define L(id) "{\"ent_id\":\"" id "\",\"snapshot_month\":\"2020-06\"}"
#define BAD   "{\"ent_id\":\"E9\",\"snapshot_month\":\"2020-06\",\"staff_count\":\"x\"}"

static void lines_are_taken_or_refused_one_by_one(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_string_equal(take(&f, "enterprise", RECORD_NDJSON, ""), "");
    assert_string_equal(take(&f, "enterprise", RECORD_NDJSON, L("E1")), "1:E1|2020-06");
    assert_string_equal(
        take(&f, "enterprise", RECORD_NDJSON,
             "\xEF\xBB\xBF" L("E1") "\r\n\n" BAD "\n{oops\n" L("E2") "\n5\n" L("E3") "\n\n"),
        "1:E1|2020-06 3!staff_count@E9|2020-06 4! 5:E2|2020-06 6! 7:E3|2020-06");
    teardown(&f);
}

static void a_line_too_long_is_refused_alone(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    for (size_t n = 64 * 1024; n <= 64 * 1024 + 1; n++) {
        struct buf b = {0};
        buf_str(&b, L("E1") "\n");
        size_t start = b.n;
        buf_str(&b, "{\"ent_id\":\"E2\",\"snapshot_month\":\"2020-06\",\"name\":\"");
        while (b.n - start < n - 2)
            buf_char(&b, 'z');
        buf_str(&b, "\"}\n" L("E3"));
        for (size_t step = 1000; step < 200000; step *= 7)
            assert_string_equal(
                take_in(&f, "enterprise", RECORD_NDJSON, buf_view(&b), step, true),
                n == 64 * 1024 ? "1:E1|2020-06 2:E2|2020-06 3:E3|2020-06"
                               : "1:E1|2020-06 2! 3:E3|2020-06");
        buf_free(&b);
    }
    teardown(&f);
}

static void an_array_streams_item_by_item(void **state)
{
    (void)state;
    struct fixture f;
    static const struct {
        const char *text, *want; /* up to '#': the text cannot be read on */
    } cases[] = {
        {"[]", ""},
        {" \n[ ] ", ""},
        {L("E1"), "1:E1|2020-06"},
        {"\xEF\xBB\xBF[" L("E1") " ,\n" L("E2") "]", "1:E1|2020-06 2:E2|2020-06"},
        {"[" BAD "," L("E2") "]", "1!staff_count@E9|2020-06 2:E2|2020-06"},
        {"[1,\"a,]\",[{}],null," L("E2") "]", "1! 2! 3! 4! 5:E2|2020-06"},
        {"[{\"ent_id\":\"a\\\"}]\",\"snapshot_month\":\"2020-06\"}]", "1:a\"}]|2020-06"},
        {"[{\"ent_id\":}," L("E2") "]", "1! 2:E2|2020-06"},
        {"", "#"},
        {"  ", "#"},
        {"5", "#"},
        {"[" L("E1"), "1:E1|2020-06 #"},
        {"[" L("E1") ",", "1:E1|2020-06 #"},
        {"[" L("E1") ",]", "1:E1|2020-06 #"},
        {"[," L("E1") "]", "#"},
        {"[" L("E1") L("E2") "]", "1:E1|2020-06 #"},
        {"[" L("E1") "]x", "1:E1|2020-06 #"},
        {L("E1") L("E2"), "1:E1|2020-06 #"},
        {"[{\"ent_id\":\"E1", "#"},
        {"{\"ent_id\":", "#"},
    };
    setup(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *out = take(&f, "enterprise", RECORD_JSON, cases[i].text);
        const char *end = strchr(out, '#');
        size_t n = end ? (size_t)(end - out) + 1 : strlen(out);
        if (n != strlen(cases[i].want) || strncmp(out, cases[i].want, n) != 0)
            fail_msg("%s → %s", cases[i].text, out);
    }
    teardown(&f);
}

static void a_table_is_read_by_its_head(void **state)
{
    (void)state;
    struct fixture f;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"ent_id,snapshot_month\nE1,2020-06\n", "2:E1|2020-06"},
        {"快照月,统一社会信用代码,从业人数\r\n2020-06,E1,5\r\n2020-06,E2,\r\n",
         "2:E1|2020-06 3:E2|2020-06"},
        {"\xEF\xBB\xBF"
         "ent_id,snapshot_month,stored_at,type\n E1 ,2020-06,x,y\n",
         "2:E1|2020-06"},
        {"ent_id,snapshot_month,staff_count,is_key,tags,reg_capital_cny\n"
         "E1,2020-06,5.0,是,高新;小微；规上,1.5\nE2,2020-06,x,,,\nE3,2020-06,,maybe,,\nE4,2020-"
         "06,,0,,\"1,000\"\n",
         "2:E1|2020-06 3!staff_count@E2|2020-06 4!is_key@E3|2020-06 "
         "5!reg_capital_cny@E4|2020-06"},
        {"ent_id,snapshot_month\n,2020-06\nE2\nE3,2020-06,x\n,\nE4,2020-06",
         "2!ent_id 3! 4! 6:E4|2020-06"},
        {"ent_id,snapshot_month,name\nE1,2020-06,\"两\n行\"\nE2,2020-06,x",
         "2:E1|2020-06 4:E2|2020-06"},
        {"", "#"},
        {"\n\n", "#"},
        {"ent_id\nE1\n", "#"},
        {"ent_id,snapshot_month,ent_id\n", "#"},
        {"ent_id,snapshot_month,\n", "#"},
        {"ent_id,snapshot_month,staf_count\nE1,2020-06,5\n", "#"},
        {"ent_id,snapshot_month\nE1,2020-06\nE\"2,2020-06\n", "2:E1|2020-06 #"},
    };
    setup(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *out = take(&f, "enterprise", RECORD_CSV, cases[i].text);
        const char *end = strchr(out, '#');
        size_t n = end ? (size_t)(end - out) + 1 : strlen(out);
        if (n != strlen(cases[i].want) || strncmp(out, cases[i].want, n) != 0)
            fail_msg("%s → %s", cases[i].text, out);
    }
    assert_non_null(
        strstr(take(&f, "enterprise", RECORD_CSV, "ent_id,snapshot_month,staf_count\n"),
               "是不是 staff_count"));
    teardown(&f);
}

static void a_table_has_at_most_fifty_thousand_rows(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    for (int rows = RECORD_CSV_ROWS; rows <= RECORD_CSV_ROWS + 1; rows++) {
        struct record_reader *r =
            record_reader_new(fixture_type(f.dictionary, "enterprise"), RECORD_CSV, NULL);
        struct err e = {0};
        const struct record *records;
        char line[64];
        size_t taken = 0;
        bool ok = record_reader_feed(r, SPAN("ent_id,snapshot_month\n"), false, &e);
        for (int i = 0; i < rows && ok; i++) {
            int n = snprintf(line, sizeof line, "E%d,2020-06\n", i);
            ok = record_reader_feed(r, (struct span){line, (size_t)n}, i == rows - 1, &e);
            taken += record_reader_records(r, &records);
            record_reader_drop(r);
        }
        assert_int_equal(taken, RECORD_CSV_ROWS);
        assert_int_equal(ok, rows == RECORD_CSV_ROWS);
        assert_int_equal(e.code, ok ? ERR_NONE : ERR_LIMIT);
        record_reader_free(r);
    }
    teardown(&f);
}

static void private_fields_are_sealed_however_they_come(void **state)
{
    (void)state;
    struct fixture f;
    struct err e = {0};
    struct buf seen[4] = {{0}};
    fixture_open(&f);
    struct vault *vault = vault_open(f.dir, &e);
    const struct type *t = fixture_type(f.dictionary, "identity");
    static const char *const texts[] = {
        "{\"person_key\":\"p1\",\"name\":\"张三\"}\n{\"person_key\":\"\"}\n{\"person_key\":"
        "\"p2\",\"phone\":\"1\"}",
        "[{\"person_key\":\"p1\",\"name\":\"张三\"},{},{\"person_key\":\"p2\",\"phone\":\"1\"}"
        "]",
        "person_key,name,phone\np1,张三,\n,x,\np2,,1\n",
    };
    for (int i = 0; i < 4; i++) {
        const struct record *records;
        enum record_format format = i < 3 ? (enum record_format)i : RECORD_NDJSON;
        if (i == 3)
            assert_true(vault_person_erase(vault, SPAN("identity|p1"), &e));
        struct record_reader *r = record_reader_new(t, format, vault);
        assert_true(record_reader_feed(r, span_of(texts[i % 3]), true, &e));
        size_t n = record_reader_records(r, &records);
        assert_int_equal(n, i < 3 ? 2 : 1);
        for (size_t k = 0; k < n; k++) {
            assert_null(memmem(records[k].body.p, records[k].body.n, "张", 3));
            buf_span(&seen[i], records[k].body);
        }
        const struct record_refusal *refused;
        n = record_reader_refusals(r, &refused);
        assert_int_equal(n, i < 3 ? 1 : 2);
        if (i == 3) {
            assert_span(refused[1].key, "p1\0");
            assert_non_null(strstr(refused[1].message, "抹除"));
        }
        record_reader_free(r);
    }
    assert_true(span_eq(buf_view(&seen[0]), buf_view(&seen[1])));
    assert_true(span_eq(buf_view(&seen[0]), buf_view(&seen[2])));
    for (int i = 0; i < 4; i++)
        buf_free(&seen[i]);
    vault_close(vault);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_taken_or_refused_one_by_one),
        cmocka_unit_test(a_line_too_long_is_refused_alone),
        cmocka_unit_test(an_array_streams_item_by_item),
        cmocka_unit_test(a_table_is_read_by_its_head),
        cmocka_unit_test(private_fields_are_sealed_however_they_come),
        cmocka_unit_test(a_table_has_at_most_fifty_thousand_rows),
    };
    return unit_run(tests);
}
