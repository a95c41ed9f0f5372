#include "util/csv.h"

#include <string.h>

enum state {
    AT_TEXT,  /* nothing seen yet: a byte order mark may come */
    IN_MARK1, /* EF seen */
    IN_MARK2, /* EF BB seen */
    AT_FIELD, /* before a field; with no columns yet, before a row */
    IN_PLAIN,
    IN_QUOTES,
    AFTER_QUOTE, /* a quote inside quotes: the field's end or the first half of "" */
    AFTER_CR,    /* the row's last field is whole, LF must follow */
    AFTER_CR_BLANK,
    STOPPED,
    FAILED,
};

static const char MARK[] = "\xEF\xBB\xBF";

void csv_init(struct csv *c)
{
    *c = (struct csv){.line = 1, .row_line = 1, .state = AT_TEXT};
}

void csv_fini(struct csv *c)
{
    buf_free(&c->row);
    csv_init(c);
}

static bool put(struct csv *c, const char *p, size_t n, struct err *e)
{
    buf_put(&c->row, p, n);
    if (c->row.n <= CSV_ROW_MAX)
        return true;
    return err_set(e, ERR_LIMIT,
                   "第 %ld 行：一行最多 %d 字节；若没有这么长，多半是引号没有配对", c->row_line,
                   (int)CSV_ROW_MAX);
}

static bool end_field(struct csv *c, struct err *e)
{
    size_t start = c->columns ? c->ends[c->columns - 1] + 1 : 0;
    if (c->columns == CSV_COLUMNS_MAX)
        return err_set(e, ERR_LIMIT, "第 %ld 行：一行最多 %d 列", c->row_line,
                       (int)CSV_COLUMNS_MAX);
    buf_char(&c->row, '\0'); /* also keeps halves of a character in two fields apart */
    size_t n = c->row.n - 1 - start;
    const char *p = c->row.p + start;
    if (memchr(p, '\0', n) || !span_is_utf8((struct span){p, n}))
        return err_set(
            e, ERR_INPUT,
            "第 %ld 行第 %d 列：不是 UTF-8 文字；请在表格软件里另存为“CSV UTF-8”再送",
            c->row_line, c->columns + 1);
    c->ends[c->columns++] = c->row.n - 1;
    c->state = AT_FIELD;
    return true;
}

static void next_row(struct csv *c)
{
    buf_clear(&c->row);
    c->columns = 0;
    c->row_line = c->line;
    c->state = AT_FIELD;
}

static void hand_out(struct csv *c, csv_row_fn *row, void *ctx)
{
    struct span fields[CSV_COLUMNS_MAX];
    size_t start = 0;
    for (int i = 0; i < c->columns; i++) {
        fields[i] = (struct span){c->row.p + start, c->ends[i] - start};
        start = c->ends[i] + 1;
    }
    bool more = row(ctx, c->row_line, fields, c->columns);
    next_row(c);
    if (!more)
        c->state = STOPPED;
}

static bool is_blank(const struct csv *c)
{
    return c->state == AT_FIELD && c->columns == 0;
}

/* The byte that ends a field that is whole: comma, CR or LF. */
static bool end_with(struct csv *c, char byte, csv_row_fn *row, void *ctx, struct err *e)
{
    bool blank = is_blank(c) && byte != ',';
    if (!blank && !end_field(c, e))
        return false;
    if (byte == '\r')
        c->state = blank ? AFTER_CR_BLANK : AFTER_CR;
    if (byte != '\n')
        return true;
    c->line++;
    if (blank)
        next_row(c);
    else
        hand_out(c, row, ctx);
    return true;
}

static bool is_end(char byte)
{
    return byte == ',' || byte == '\r' || byte == '\n';
}

/* Take a run of plain or quoted bytes at p in one go; returns how many. */
static size_t run_length(enum state state, const char *p, size_t n)
{
    size_t i = 0;
    if (state == IN_QUOTES) {
        const char *quote = memchr(p, '"', n);
        return quote ? (size_t)(quote - p) : n;
    }
    while (i < n && !is_end(p[i]) && p[i] != '"')
        i++;
    return i;
}

static void count_lines(struct csv *c, const char *p, size_t n)
{
    for (const char *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
        c->line++;
}

/* Told with the line it is on; all other errors with the line their row began on. */
static bool bad_byte(struct csv *c, const char *what, struct err *e)
{
    c->fault_line = c->line;
    return err_set(e, ERR_INPUT, "第 %ld 行：%s", c->line, what);
}

/* One step: takes at least one byte, or changes the state without taking any. */
static bool step(struct csv *c, const char *p, size_t n, size_t *taken, csv_row_fn *row,
                 void *ctx, struct err *e)
{
    char byte = p[0];
    *taken = 1;
    switch ((enum state)c->state) {
    case AT_TEXT:
    case IN_MARK1:
    case IN_MARK2:
        if (byte == MARK[c->state]) {
            c->state++; /* ends at AT_FIELD */
            return true;
        }
        *taken = 0;
        size_t held = c->state;
        c->state = held ? IN_PLAIN : AT_FIELD; /* no mark after all, but a character like it */
        return put(c, MARK, held, e);
    case AT_FIELD:
        if (is_end(byte))
            return end_with(c, byte, row, ctx, e);
        c->state = byte == '"' ? IN_QUOTES : IN_PLAIN;
        *taken = byte == '"';
        return true;
    case IN_PLAIN:
        if (is_end(byte))
            return end_with(c, byte, row, ctx, e);
        if (byte == '"')
            return bad_byte(c,
                            "引号出现在字段中间；含引号的字段要整个用引号括起，"
                            "里面的引号写两遍",
                            e);
        *taken = run_length(IN_PLAIN, p, n);
        return put(c, p, *taken, e);
    case IN_QUOTES:
        if (byte == '"') {
            c->state = AFTER_QUOTE;
            return true;
        }
        *taken = run_length(IN_QUOTES, p, n);
        count_lines(c, p, *taken);
        return put(c, p, *taken, e);
    case AFTER_QUOTE:
        if (byte == '"') {
            c->state = IN_QUOTES;
            return put(c, p, 1, e);
        }
        if (is_end(byte))
            return end_with(c, byte, row, ctx, e);
        return bad_byte(c, "结束的引号后面只能是逗号或换行", e);
    case AFTER_CR:
    case AFTER_CR_BLANK:
        if (byte != '\n')
            return bad_byte(c, "回车（CR）后面没有换行（LF）", e);
        c->line++;
        if (c->state == AFTER_CR)
            hand_out(c, row, ctx);
        else
            next_row(c);
        return true;
    case STOPPED:
    case FAILED:
        break;
    }
    return false;
}

static bool finish(struct csv *c, csv_row_fn *row, void *ctx, struct err *e)
{
    switch ((enum state)c->state) {
    case IN_MARK1:
    case IN_MARK2:
        if (!put(c, MARK, c->state, e))
            return false;
        c->state = IN_PLAIN;
        break;
    case IN_QUOTES:
        return err_set(e, ERR_INPUT, "第 %ld 行：引号没有结束", c->row_line);
    case AFTER_CR:
        hand_out(c, row, ctx);
        return true;
    case AT_TEXT:
    case AFTER_CR_BLANK:
    case STOPPED:
    case FAILED:
        return true;
    case AT_FIELD:
    case IN_PLAIN:
    case AFTER_QUOTE:
        break;
    }
    return is_blank(c) || end_with(c, '\n', row, ctx, e);
}

bool csv_feed(struct csv *c, struct span bytes, bool last, csv_row_fn *row, void *ctx,
              struct err *e)
{
    bool ok = true;
    if (c->state == FAILED)
        return err_set(e, ERR_INPUT, "第 %ld 行：前面已经出错，后面的内容没有读", c->row_line);
    while (ok && bytes.n && c->state != STOPPED) {
        size_t taken;
        ok = step(c, bytes.p, bytes.n, &taken, row, ctx, e);
        bytes.p += taken;
        bytes.n -= taken;
    }
    if (ok && last) {
        ok = finish(c, row, ctx, e);
        c->state = STOPPED;
    }
    if (!ok)
        c->state = FAILED;
    if (!ok && !c->fault_line)
        c->fault_line = c->row_line;
    return ok;
}
