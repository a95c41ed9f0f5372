/*
 * Text at the door, cut into records as it streams in. Holds one unfinished line and what has not been
 * dropped yet, never the whole text.
 */
#include "domain/record.h"

#include <stddef.h>
#include <string.h>

#include "domain/record_impl.h"
#include "domain/seal.h"
#include "store/vault.h"
#include "util/csv.h"
#include "util/mem.h"

enum json_place { BEFORE_TEXT, BEFORE_FIRST, BEFORE_ITEM, IN_ITEM, AFTER_ITEM, AFTER_TEXT };

/* A good line of a type with private fields, waiting for its person's key. */
struct sealable {
    long line;
    struct span key, object; /* object, or else cells */
    const struct span *cells;
};

struct record_reader {
    const struct type *type;
    struct vault *vault; /* only for types with private fields */
    enum record_format format;
    struct arena arena;
    struct record *records;
    struct record_refusal *refusals;
    size_t record_count, record_cap, refusal_count, refusal_cap;
    struct sealable *waiting;
    size_t waiting_count, waiting_cap;
    struct err failure; /* set once the text cannot be read on */
    long failure_line;
    bool ended;

    struct buf pending; /* the beginning of a line or item whose end has not come yet */
    bool oversized;     /* … which is longer than allowed: skip to its end */
    long line;

    enum json_place place;
    unsigned depth;
    bool in_array, in_string, escaped;
    int mark; /* bytes of a byte order mark seen */
    int columns;
    long rows;

    /* large: each makes itself, and only what it needs */
    struct record_parser parser;
    struct csv csv; /* RECORD_CSV only, and so are the fields of the columns */
    int fields[CSV_COLUMNS_MAX];
};

struct record_reader *record_reader_new(const struct type *t, enum record_format format,
                                        struct vault *vault)
{
    struct record_reader *r = mem_realloc(NULL, sizeof *r);
    memset(r, 0, offsetof(struct record_reader, parser));
    r->type = t;
    r->format = format;
    r->vault = t->private_count ? vault : NULL;
    record_parser_init(&r->parser, t, NULL);
    if (format == RECORD_CSV)
        csv_init(&r->csv);
    return r;
}

void record_reader_free(struct record_reader *r)
{
    if (!r)
        return;
    record_parser_fini(&r->parser);
    if (r->format == RECORD_CSV)
        csv_fini(&r->csv);
    buf_free(&r->pending);
    arena_free(&r->arena);
    mem_free(r->records);
    mem_free(r->refusals);
    mem_free(r->waiting);
    mem_free(r);
}

size_t record_reader_records(const struct record_reader *r, const struct record **out)
{
    *out = r->records;
    return r->record_count;
}

size_t record_reader_refusals(const struct record_reader *r, const struct record_refusal **out)
{
    *out = r->refusals;
    return r->refusal_count;
}

long record_reader_failure_line(const struct record_reader *r)
{
    return r->failure_line;
}

void record_reader_drop(struct record_reader *r)
{
    r->record_count = r->refusal_count = 0;
    arena_reset(&r->arena);
}

static bool fail(struct record_reader *r, const struct err *why)
{
    r->failure = *why;
    r->failure_line = r->line;
    if (r->format == RECORD_CSV)
        r->failure_line = r->csv.fault_line ? r->csv.fault_line : r->csv.row_line;
    return false;
}

static void keep(struct record_reader *r, const struct record *record, long line)
{
    if (r->record_count == r->record_cap) {
        r->record_cap = r->record_cap ? r->record_cap * 2 : 8;
        r->records = mem_array(r->records, r->record_cap, sizeof *r->records);
    }
    r->records[r->record_count] = *record;
    r->records[r->record_count++].line = line;
}

static void refuse(struct record_reader *r, long line, const char *field, const char *message,
                   struct span key)
{
    if (r->refusal_count == r->refusal_cap) {
        r->refusal_cap = r->refusal_cap ? r->refusal_cap * 2 : 16;
        r->refusals = mem_array(r->refusals, r->refusal_cap, sizeof *r->refusals);
    }
    r->refusals[r->refusal_count++] =
        (struct record_refusal){line, field, arena_span(&r->arena, span_of(message)).p, key};
}

/* False if it was not the line's fault. */
static bool judge(struct record_reader *r, bool ok, const struct record *record, long line,
                  const char *field, const struct err *e, struct span key)
{
    if (ok)
        keep(r, record, line);
    else if (e->code == ERR_INPUT || e->code == ERR_LIMIT)
        refuse(r, line, field, e->text, key);
    else
        return fail(r, e);
    return true;
}

/* Keep the line's own text in the arena until the keys of all who came with it are made. */
static void wait(struct record_reader *r, struct sealable s)
{
    if (r->waiting_count == r->waiting_cap) {
        r->waiting_cap = r->waiting_cap ? r->waiting_cap * 2 : 64;
        r->waiting = mem_array(r->waiting, r->waiting_cap, sizeof *r->waiting);
    }
    if (s.cells) {
        struct span *own = arena_alloc(&r->arena, (size_t)r->columns * sizeof *own);
        for (int i = 0; i < r->columns; i++)
            own[i] = arena_span(&r->arena, s.cells[i]);
        s.cells = own;
    } else {
        s.object = arena_span(&r->arena, s.object);
    }
    r->waiting[r->waiting_count++] = s;
}

static bool seal_one(struct record_reader *r, const struct sealable *s)
{
    struct record record = {0};
    const char *field = "";
    struct err e = {0};
    bool ok = s->cells
                  ? record_parser_cells(&r->parser, r->fields, s->cells, r->columns, &r->arena,
                                        &record, &field, &e)
                  : record_parser_object(&r->parser, s->object, &r->arena, &record, &field, &e);
    return judge(r, ok, &record, s->line, field, &e, s->key);
}

/* One synced write makes the keys of all new people of this piece, then each line is sealed. */
static bool seal_waiting(struct record_reader *r)
{
    size_t n = r->waiting_count;
    struct span *persons = arena_alloc(&r->arena, (n + 1) * sizeof *persons);
    struct err e = {0};
    for (size_t i = 0; i < n; i++)
        persons[i] = seal_person(&r->arena, r->type, r->waiting[i].key);
    r->waiting_count = 0;
    if (!vault_person_keys_make(r->vault, persons, n, &e))
        return fail(r, &e);
    bool ok = true;
    r->parser.vault = r->vault;
    for (size_t i = 0; ok && i < n; i++)
        ok = seal_one(r, &r->waiting[i]);
    r->parser.vault = NULL;
    return ok;
}

static bool take_object(struct record_reader *r, struct span text)
{
    struct record record = {0};
    const char *field = "";
    struct err e = {0};
    struct span key = SPAN_NONE;
    long line = ++r->line;
    bool ok = record_parser_object(&r->parser, text, &r->arena, &record, &field, &e);
    if (ok && r->vault) {
        wait(r, (struct sealable){.line = line, .key = record.key, .object = text});
        return true;
    }
    if (!ok)
        key = record_parser_object_key(&r->parser, text, &r->arena);
    return judge(r, ok, &record, line, field, &e, key);
}

/* The line or item that ends here: what is pending and then `rest`. */
static bool end_piece(struct record_reader *r, struct span rest, bool lines)
{
    if (r->oversized || r->pending.n + rest.n > RECORD_LINE_MAX) {
        r->oversized = false;
        buf_clear(&r->pending);
        refuse(r, ++r->line, "", "这一条超过 64 KiB，太长了，请拆开或检查换行", SPAN_NONE);
        return true;
    }
    struct span text = rest;
    if (r->pending.n) {
        buf_span(&r->pending, rest);
        text = buf_view(&r->pending);
    }
    if (lines && r->line == 0 && span_starts(text, SPAN("\xEF\xBB\xBF")))
        text = (struct span){text.p + 3, text.n - 3};
    text = span_trim(text);
    bool ok = true;
    if (text.n == 0)
        r->line++;
    else
        ok = take_object(r, text);
    buf_clear(&r->pending);
    return ok;
}

static void hold(struct record_reader *r, struct span rest)
{
    if (r->pending.n + rest.n > RECORD_LINE_MAX)
        r->oversized = true;
    if (r->oversized)
        buf_clear(&r->pending);
    else
        buf_span(&r->pending, rest);
}

/* ---- NDJSON ---- */

static bool feed_lines(struct record_reader *r, struct span bytes, bool last)
{
    while (bytes.n) {
        const char *end = memchr(bytes.p, '\n', bytes.n);
        if (!end) {
            hold(r, bytes);
            break;
        }
        size_t n = (size_t)(end - bytes.p);
        if (!end_piece(r, (struct span){bytes.p, n}, true))
            return false;
        bytes.p += n + 1;
        bytes.n -= n + 1;
    }
    return !last || (!r->pending.n && !r->oversized) || end_piece(r, SPAN_NONE, true);
}

/* ---- JSON array ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool broken(struct record_reader *r, const char *what)
{
    struct err e = {0};
    err_set(&e, ERR_INPUT, "JSON 第 %ld 项之后%s；它前面的已经收下", r->line, what);
    return fail(r, &e);
}

/* One byte inside an item; true when the item ends with it (`*behind`: it ends before it). */
static bool item_ends(struct record_reader *r, char c, bool *behind)
{
    *behind = false;
    if (r->in_string) {
        if (r->escaped)
            r->escaped = false;
        else if (c == '\\')
            r->escaped = true;
        else if (c == '"')
            r->in_string = false;
        return false;
    }
    if (r->depth == 0 && (c == ',' || c == ']' || is_space(c))) { /* behind a bare value */
        *behind = true;
        return true;
    }
    if (c == '"')
        r->in_string = true;
    else if (c == '{' || c == '[')
        r->depth++;
    else if (c == '}' || c == ']')
        return r->depth > 0 && --r->depth == 0;
    return false;
}

/* Inside a string of an item: on to the quote or escape that may end it. */
static size_t skip_text(const struct record_reader *r, struct span bytes, size_t at)
{
    if (!r->in_string || r->escaped)
        return at;
    const char *p = bytes.p + at, *quote = memchr(p, '"', bytes.n - at);
    size_t n = quote ? (size_t)(quote - p) : bytes.n - at;
    const char *escape = memchr(p, '\\', n);
    return at + (escape ? (size_t)(escape - p) : n);
}

/* A byte between items: passed over, the first of an item, or one that may not stand there. */
enum between { PASS, ITEM, BROKEN };

static enum between broken_between(struct record_reader *r, const char *what)
{
    broken(r, what);
    return BROKEN;
}

static enum between before_text(struct record_reader *r, char c)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (r->mark < 3 && c == mark[r->mark]) {
        r->mark++;
        return PASS;
    }
    r->in_array = c == '[';
    if (!r->in_array && c != '{')
        return broken_between(r, "要是一个对象 {…} 或对象的列表 [{…},…]");
    r->place = BEFORE_FIRST;
    return r->in_array ? PASS : ITEM;
}

static enum between between(struct record_reader *r, char c)
{
    if (is_space(c))
        return PASS;
    switch (r->place) {
    case BEFORE_TEXT:
        return before_text(r, c);
    case BEFORE_FIRST:
    case BEFORE_ITEM:
        if (c == ',' || (c == ']' && r->place == BEFORE_ITEM))
            return broken_between(r, "多了一个逗号");
        if (c != ']')
            return ITEM;
        r->place = AFTER_TEXT;
        return PASS;
    case AFTER_ITEM:
        if (c != ',' && c != ']')
            return broken_between(r, "要是逗号或 ]");
        r->place = c == ',' ? BEFORE_ITEM : AFTER_TEXT;
        return PASS;
    case IN_ITEM:
    case AFTER_TEXT:
        break;
    }
    return broken_between(r, "还有多余的内容");
}

static void begin_item(struct record_reader *r)
{
    r->place = IN_ITEM;
    r->depth = 0;
    r->in_string = r->escaped = false;
}

static bool feed_array(struct record_reader *r, struct span bytes)
{
    size_t start = 0;
    bool behind;
    for (size_t i = 0; i < bytes.n;) {
        if (r->place == IN_ITEM && (i = skip_text(r, bytes, i)) == bytes.n)
            break;
        char c = bytes.p[i];
        enum between what = r->place == IN_ITEM ? ITEM : between(r, c);
        if (what == BROKEN)
            return false;
        if (what == PASS) {
            i++;
            continue;
        }
        if (r->place != IN_ITEM) {
            begin_item(r);
            start = i;
        }
        if (!item_ends(r, c, &behind)) {
            i++;
            continue;
        }
        size_t end = behind ? i : i + 1;
        if (!end_piece(r, (struct span){bytes.p + start, end - start}, false))
            return false;
        r->place = r->in_array ? AFTER_ITEM : AFTER_TEXT;
        i = end;
    }
    if (r->place == IN_ITEM)
        hold(r, (struct span){bytes.p + start, bytes.n - start});
    return true;
}

static bool end_array(struct record_reader *r)
{
    if (r->place == BEFORE_TEXT)
        return broken(r, "没有内容，要是一个对象 {…} 或对象的列表 [{…},…]");
    if (r->place != AFTER_TEXT)
        return broken(r, r->in_array ? "就断了，缺少列表的 ]" : "就断了，缺少对象的 }");
    return true;
}

/* ---- CSV ---- */

static int column_field(const struct type *t, struct span name)
{
    int f = type_field(t, name);
    return f >= 0 ? f : type_field_by_label(t, name);
}

static bool bad_head(struct record_reader *r, const char *fmt, struct span name,
                     const char *near)
{
    struct err e = {0};
    size_t n = span_cut_utf8(name, 48);
    char text[64];
    memcpy(text, name.n ? name.p : "", n);
    text[n] = '\0';
    buf_clear(&r->pending);
    buf_printf(&r->pending, "CSV 表头%s“%s”", fmt, text);
    if (near)
        buf_printf(&r->pending, "，是不是 %s？", near);
    else
        buf_str(&r->pending, "；第一行要写字段名或中文名");
    err_set(&e, ERR_INPUT, "%.*s", SPAN_ARG(buf_view(&r->pending)));
    return fail(r, &e);
}

static bool read_head(struct record_reader *r, const struct span *cells, int count)
{
    const struct type *t = r->type;
    for (int i = 0; i < count; i++) {
        struct span name = span_trim(cells[i]);
        if (record_is_system_name(name)) {
            r->fields[i] = -1;
            continue;
        }
        r->fields[i] = column_field(t, name);
        if (r->fields[i] < 0)
            return bad_head(r, "里没有这个字段：", name, type_field_near(t, name));
        for (int j = 0; j < i; j++)
            if (r->fields[j] == r->fields[i])
                return bad_head(r, "里有重复的列：", name, NULL);
    }
    for (int f = 0; f < t->field_count; f++) {
        bool found = !t->fields[f].required;
        for (int i = 0; i < count && !found; i++)
            found = r->fields[i] == f;
        if (!found)
            return bad_head(r, "里缺少必填的列：", span_of(t->fields[f].name), NULL);
    }
    r->columns = count;
    return true;
}

static bool is_blank(const struct span *cells, int count)
{
    for (int i = 0; i < count; i++)
        if (span_trim(cells[i]).n)
            return false;
    return true;
}

static bool take_row(void *ctx, long line, const struct span *cells, int count)
{
    struct record_reader *r = ctx;
    struct record record = {0};
    const char *field = "";
    struct err e = {0};
    struct span key = SPAN_NONE;
    if (is_blank(cells, count)) /* spreadsheets leave such rows at the end */
        return true;
    if (r->columns == 0)
        return read_head(r, cells, count);
    if (++r->rows > RECORD_CSV_ROWS) {
        err_set(&e, ERR_LIMIT, "一个 CSV 最多 %d 行，请分几次送", (int)RECORD_CSV_ROWS);
        return fail(r, &e);
    }
    bool ok = false;
    if (count != r->columns) {
        err_set(&e, ERR_INPUT, "这一行有 %d 列，表头有 %d 列；内容里有逗号的要加引号", count,
                r->columns);
    } else {
        ok = record_parser_cells(&r->parser, r->fields, cells, count, &r->arena, &record,
                                 &field, &e);
        if (ok && r->vault) {
            wait(r, (struct sealable){.line = line, .key = record.key, .cells = cells});
            return true;
        }
        if (!ok)
            key = record_parser_cells_key(&r->parser, r->fields, cells, count, &r->arena);
    }
    return judge(r, ok, &record, line, field, &e, key);
}

static bool feed_csv(struct record_reader *r, struct span bytes, bool last)
{
    struct err e = {0};
    if (!csv_feed(&r->csv, bytes, last, take_row, r, &e))
        return fail(r, &e);
    if (r->failure.code == ERR_NONE && last && r->columns == 0) {
        err_set(&e, ERR_INPUT, "CSV 是空的；第一行要写字段名或中文名");
        return fail(r, &e);
    }
    return r->failure.code == ERR_NONE;
}

/* ---- all of them ---- */

bool record_reader_feed(struct record_reader *r, struct span bytes, bool last, struct err *e)
{
    must(!r->ended || r->failure.code != ERR_NONE);
    bool ok = r->failure.code == ERR_NONE;
    r->ended = r->ended || last;
    if (ok && r->format == RECORD_NDJSON)
        ok = feed_lines(r, bytes, last);
    else if (ok && r->format == RECORD_JSON)
        ok = feed_array(r, bytes) && (!last || end_array(r));
    else if (ok)
        ok = feed_csv(r, bytes, last);
    if (r->waiting_count && !seal_waiting(r))
        ok = false;
    if (!ok && e)
        *e = r->failure;
    return ok;
}
