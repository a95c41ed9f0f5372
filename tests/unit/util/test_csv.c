#include "unit.h"
#include "util/csv.h"

/* What a reader gave, written down as "LINE:field|field;" with an error's text at the end. */
struct log {
    struct buf text;
    int stop_after;
};

static bool note_row(void *ctx, long line, const struct span *fields, int count)
{
    struct log *log = ctx;
    buf_printf(&log->text, "%ld:", line);
    for (int i = 0; i < count; i++) {
        if (i)
            buf_char(&log->text, '|');
        buf_span(&log->text, fields[i]);
        assert_int_equal(fields[i].p[fields[i].n], '\0');
    }
    buf_char(&log->text, ';');
    return --log->stop_after != 0;
}

static bool read_in_pieces(struct span text, size_t (*next_size)(void), struct log *log)
{
    struct csv c;
    struct err e = {0};
    bool ok = true;
    csv_init(&c);
    while (ok && text.n) {
        size_t n = next_size();
        n = n < text.n ? n : text.n;
        /* an exact copy, so that a read past a piece is seen by the sanitizer */
        char *piece = malloc(n ? n : 1);
        memcpy(piece, text.p, n);
        ok = csv_feed(&c, (struct span){piece, n}, false, note_row, log, &e);
        free(piece);
        text.p += n;
        text.n -= n;
    }
    ok = ok && csv_feed(&c, SPAN_NONE, true, note_row, log, &e);
    if (!ok) {
        assert_int_not_equal(e.code, ERR_NONE);
        buf_str(&log->text, e.text);
        assert_false(csv_feed(&c, SPAN("a\n"), true, note_row, log, NULL));
    }
    buf_char(&log->text, '\0');
    csv_fini(&c);
    return ok;
}

static size_t all_at_once(void)
{
    return SIZE_MAX;
}

static size_t one_byte(void)
{
    return 1;
}

static size_t random_size(void)
{
    return unit_below(7);
}

static void check(struct span text, const char *rows, const char *words)
{
    struct log whole = {0}, bytes = {0};
    bool ok = read_in_pieces(text, all_at_once, &whole);
    read_in_pieces(text, one_byte, &bytes);
    assert_string_equal(whole.text.p, bytes.text.p);
    if (ok != !words || strncmp(whole.text.p, rows, strlen(rows)) != 0)
        fail_msg("%.*s\n  gave %s", SPAN_ARG(text), whole.text.p);
    if (words && !strstr(whole.text.p + strlen(rows), words))
        fail_msg("%.*s\n  error %s", SPAN_ARG(text), whole.text.p);
    if (!words)
        assert_string_equal(whole.text.p, rows);
    buf_free(&whole.text);
    buf_free(&bytes.text);
}

static void rows_come_out_with_their_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rows;
    } cases[] = {
        {"", ""},
        {"a", "1:a;"},
        {"a,b\nc,d", "1:a|b;2:c|d;"},
        {"a,b\nc,d\n", "1:a|b;2:c|d;"},
        {"a,b\r\nc,d\r\n", "1:a|b;2:c|d;"},
        {"a,b\nc,d\r", "1:a|b;2:c|d;"},
        {",\n", "1:|;"},
        {",", "1:|;"},
        {"a,\n,b", "1:a|;2:|b;"},
        {"\xEF\xBB\xBF"
         "a,b\n",
         "1:a|b;"},
        {"\xEF\xBB\xBF\"a\",b\n", "1:a|b;"},
        {"\xEF\xBB\xBF", ""},
        {"a\n\xEF\xBB\xBF"
         "b",
         "1:a;2:\xEF\xBB\xBF"
         "b;"},
        {"\xEF\xBC\x88x\n", "1:\xEF\xBC\x88x;"},
        {"\xEF\xBB\xB0x\n", "1:\xEF\xBB\xB0x;"},
        {"\n\na\n\r\n\nb\n\n", "3:a;6:b;"},
        {"\"\"\n", "1:;"},
        {"\"\"", "1:;"},
        {"\"a,b\",\"c\"\"d\"\n", "1:a,b|c\"d;"},
        {"\"a\nb\r\nc\",x\ny\n", "1:a\nb\r\nc|x;4:y;"},
        {"\"a\rb\"\n", "1:a\rb;"},
        {"\"\"\"\"\n", "1:\";"},
        {" a , b \n", "1: a | b ;"},
        {"小河街道,\"长征桥，社区\"\r\n", "1:小河街道|长征桥，社区;"},
        {"a;b\tc\n", "1:a;b\tc;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(span_of(cases[i].text), cases[i].rows, NULL);
}

static void a_malformed_row_is_an_error_that_names_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rows, *words;
    } cases[] = {
        {"a\nb\"c\n", "1:a;", "第 2 行：引号出现在字段中间"},
        {"a\n\"b\"c\n", "1:a;", "第 2 行：结束的引号后面"},
        {"a\n\"b\" ,c\n", "1:a;", "第 2 行：结束的引号后面"},
        {"a\n\n\"b\nc", "1:a;", "第 3 行：引号没有结束"},
        {"a\rb\n", "", "第 1 行：回车"},
        {"a\n\rb\n", "1:a;", "第 2 行：回车"},
        {"a\nb,\xD0\xA1\xBA\xD3\n", "1:a;", "第 2 行第 2 列：不是 UTF-8"},
        {"\xE4,\xB8\xAD\n", "", "第 1 行第 1 列：不是 UTF-8"},
        {"\xEF\xBB", "", "第 1 行第 1 列：不是 UTF-8"},
        {"\"a\n\"\"\nb\"x", "", "第 3 行：结束的引号后面"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(span_of(cases[i].text), cases[i].rows, cases[i].words);
    check(SPAN("a\nb\0c\n"), "1:a;", "第 2 行第 1 列：不是 UTF-8");
    check(SPAN("a\0,\0b\0"), "", "第 1 行第 1 列");
}

static void columns_and_row_sizes_are_bounded(void **state)
{
    (void)state;
    for (int columns = CSV_COLUMNS_MAX; columns <= CSV_COLUMNS_MAX + 1; columns++) {
        struct buf b = {0};
        struct log log = {0};
        for (int i = 0; i < columns; i++)
            buf_str(&b, i ? ",x" : "x");
        bool good = columns == CSV_COLUMNS_MAX;
        assert_int_equal(read_in_pieces(buf_view(&b), all_at_once, &log), good);
        if (!good)
            assert_non_null(strstr(log.text.p, "最多 64 列"));
        buf_free(&b);
        buf_free(&log.text);
    }
    for (size_t n = CSV_ROW_MAX; n <= CSV_ROW_MAX + 1; n++) {
        struct log log = {0};
        char *text = malloc(n);
        memset(text, 'x', n);
        bool good = n == CSV_ROW_MAX;
        assert_int_equal(read_in_pieces((struct span){text, n}, all_at_once, &log), good);
        if (!good)
            assert_non_null(strstr(log.text.p, "最多 65536 字节"));
        free(text);
        buf_free(&log.text);
    }
}

static void a_reader_told_to_stop_takes_no_more(void **state)
{
    (void)state;
    struct log log = {.stop_after = 2};
    struct csv c;
    csv_init(&c);
    assert_true(csv_feed(&c, SPAN("a\nb\nc\n\"x\"y"), false, note_row, &log, NULL));
    assert_true(csv_feed(&c, SPAN("d\n"), true, note_row, &log, NULL));
    assert_span(buf_view(&log.text), "1:a;2:b;");
    csv_fini(&c);
    buf_free(&log.text);
}

static void any_split_gives_the_same_rows(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "a",  "小河",  "\"",       "\"\"",         ",",    ",",
        "\n", "\r\n",  "\r",       "\xEF\xBB\xBF", "\xEF", "long field of text",
        " ",  "\"q\"", "\"a\nb\"", "\xBB"};
    long good = 0;
    unit_seed(__func__);
    for (int i = 0; i < 20000; i++) {
        struct buf b = {0};
        struct log whole = {0}, pieces = {0};
        unsigned n = unit_below(20);
        for (unsigned k = 0; k < n; k++)
            buf_str(&b, parts[unit_below(sizeof parts / sizeof *parts)]);
        good += read_in_pieces(buf_view(&b), all_at_once, &whole);
        read_in_pieces(buf_view(&b), random_size, &pieces);
        if (strcmp(whole.text.p, pieces.text.p) != 0)
            fail_msg("%.*s\n  whole  %s\n  pieces %s", SPAN_ARG(buf_view(&b)), whole.text.p,
                     pieces.text.p);
        buf_free(&b);
        buf_free(&whole.text);
        buf_free(&pieces.text);
    }
    assert_true(good > 1000);
}

/* Fields of any bytes a field may hold, quoted as RFC 4180 says, come back as they were. */
static void what_is_quoted_properly_comes_back(void **state)
{
    (void)state;
    static const char *const parts[] = {"a", "\"", ",", "\r", "\n", "中", " ", "=1+1"};
    unit_seed(__func__);
    for (int i = 0; i < 5000; i++) {
        struct buf text = {0}, wanted = {0};
        struct log log = {0};
        long line = 1;
        for (unsigned row = unit_below(4) + 1; row-- > 0;) {
            long first = line;
            unsigned columns = unit_below(4) + 1;
            buf_printf(&wanted, "%ld:", first);
            for (unsigned k = 0; k < columns; k++) {
                buf_str(&text, k ? ",\"" : "\"");
                if (k)
                    buf_char(&wanted, '|');
                for (unsigned n = unit_below(5); n-- > 0;) {
                    const char *part = parts[unit_below(8)];
                    buf_str(&text, strcmp(part, "\"") == 0 ? "\"\"" : part);
                    buf_str(&wanted, part);
                    line += strcmp(part, "\n") == 0;
                }
                buf_char(&text, '"');
            }
            buf_str(&text, unit_below(2) ? "\r\n" : "\n");
            buf_char(&wanted, ';');
            line++;
        }
        buf_char(&wanted, '\0');
        assert_true(read_in_pieces(buf_view(&text), random_size, &log));
        assert_string_equal(log.text.p, wanted.p);
        buf_free(&text);
        buf_free(&wanted);
        buf_free(&log.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_out_with_their_lines),
        cmocka_unit_test(a_malformed_row_is_an_error_that_names_its_line),
        cmocka_unit_test(columns_and_row_sizes_are_bounded),
        cmocka_unit_test(a_reader_told_to_stop_takes_no_more),
        cmocka_unit_test(any_split_gives_the_same_rows),
        cmocka_unit_test(what_is_quoted_properly_comes_back),
    };
    return unit_run(tests);
}
