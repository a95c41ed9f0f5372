/* `wangyi export TYPE`: what a directory holds of one type, now. Private fields stay masked. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "domain/record.h"
#include "domain/street.h"
#include "store/store.h"
#include "store/version.h"
#include "store/view.h"
#include "util/json.h"

/* A cell a spreadsheet would take for a formula gets a quote in front. */
static bool is_formula(struct span s, enum field_kind kind)
{
    bool text = kind == FIELD_STRING || kind == FIELD_ENUM || kind == FIELD_STRINGS;
    return text && s.n &&
           (strchr("=+-@\t\r", s.p[0]) || span_starts(s, SPAN("＝")) ||
            span_starts(s, SPAN("＋")) || span_starts(s, SPAN("＠")));
}

static void put_cell(struct buf *line, struct span s, enum field_kind kind)
{
    bool quote = is_formula(s, kind);
    bool wrap = quote || memchr(s.p, ',', s.n) || memchr(s.p, '"', s.n) ||
                memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n);
    if (!wrap) {
        buf_span(line, s);
        return;
    }
    buf_str(line, quote ? "\"'" : "\"");
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            buf_char(line, '"');
        buf_char(line, s.p[i]);
    }
    buf_char(line, '"');
}

/* The members of record_view's object, in the dictionary's order. */
static void put_csv(struct buf *line, const struct type *type, const struct json *object)
{
    for (int f = 0; f < type->field_count; f++) {
        const struct json *value = json_get(object, type->fields[f].name);
        struct buf text = {0};
        if (json_is(value, JSON_STRING)) {
            buf_span(&text, json_string(value));
        } else if (json_is(value, JSON_ARRAY)) {
            for (size_t i = 0; i < json_count(value); i++) {
                if (i)
                    buf_char(&text, ';');
                buf_span(&text, json_string(json_item(value, i)));
            }
        } else if (value && !json_is(value, JSON_NULL)) {
            struct json_w w = json_w_begin(&text);
            json_w_value(&w, value);
            json_w_end(&w);
        }
        if (f)
            buf_char(line, ',');
        if (text.n)
            put_cell(line, buf_view(&text), type->fields[f].kind);
        buf_free(&text);
    }
    buf_str(line, "\r\n");
}

static bool write_all(struct view *v, const struct type *type, bool csv, uint64_t *count,
                      struct err *e)
{
    struct arena a = {0};
    struct buf line = {0};
    struct entry entry;
    bool ok = true;
    if (csv) {
        buf_str(&line, "\xEF\xBB\xBF"); /* spreadsheets take it for UTF-8 then */
        for (int f = 0; f < type->field_count; f++)
            buf_printf(&line, "%s%s", f ? "," : "", type->fields[f].name);
        buf_str(&line, "\r\n");
        ok = cli_write_out(line.p, line.n);
    }
    struct record_scan *s = record_scan_open(v, type, NULL, 0, true, SPAN_NONE, SEQ_LATEST);
    struct err why = {0};
    while (ok && record_scan_next(s, &a, &entry, &why)) {
        struct buf json = {0};
        struct json_w w = json_w_begin(&json);
        record_view(type, &entry, NULL, false, &w);
        json_w_end(&w);
        buf_clear(&line);
        if (csv) {
            const struct json *object = json_parse(&a, buf_view(&json), NULL, NULL, &why);
            if (object)
                put_csv(&line, type, object);
        } else {
            buf_span(&line, buf_view(&json));
            buf_char(&line, '\n');
        }
        ok = fwrite(line.p, 1, line.n, stdout) == line.n;
        ++*count;
        buf_free(&json);
        arena_reset(&a);
    }
    record_scan_close(s);
    buf_free(&line);
    arena_free(&a);
    if (why.code) {
        *e = why;
        return false;
    }
    return (ok && fflush(stdout) == 0) ||
           err_set(e, ERR_SYSTEM, "写不出去（管道已关闭或磁盘已满）");
}

static bool export_type(const char *data, const char *name, bool csv, uint64_t *count,
                        struct err *e)
{
    struct street *street = NULL;
    struct store *s = store_open(&(struct store_options){.dir = data, .read_only = true}, e);
    struct view *v = s ? view_open(s, e) : NULL;
    bool ok = false;
    if (v)
        street = street_load(v, view_head(v), e);
    if (street) {
        const struct type *type = dictionary_find(street_dictionary(street), span_of(name));
        ok = type ? write_all(v, type, csv, count, e)
                  : err_set(e, ERR_MISSING, "没有名为“%.60s”的数据类型", name);
        street_unref(street);
    }
    if (v)
        view_close(v);
    if (s)
        store_close(s);
    return ok;
}

int export_main(int argc, char **argv)
{
    const char *data = "data", *format = "ndjson";
    const struct cli_option options[] = {
        {"--data", "目录", "数据目录，服务运行着也可以；缺省 data", .text = &data},
        {"--format", "格式", "ndjson（缺省）或 csv", .text = &format},
        {0},
    };
    const struct cli_usage usage = {"wangyi export 类型 [--format csv] [--data 目录]",
                                    "把一类数据的现状写到标准输出。私密字段保持遮挡；csv "
                                    "里会被电子表格当成公式的文字前加单引号。",
                                    options, 1, 1};
    int words, code;
    uint64_t count = 0;
    struct err e = {0};
    if (!cli_parse(&usage, argc, argv, &words, &code))
        return code;
    bool csv = strcmp(format, "csv") == 0;
    if (!csv && strcmp(format, "ndjson") != 0)
        return cli_misused(&usage, "--format 只能是 ndjson 或 csv");
    if (!export_type(data, argv[1], csv, &count, &e))
        return cli_failed(&e);
    fprintf(stderr, "%llu 条\n", (unsigned long long)count);
    return CLI_DONE;
}
