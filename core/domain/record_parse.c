#include "domain/record.h"

#include <math.h>
#include <string.h>

#include "domain/record_impl.h"
#include "domain/seal.h"
#include "store/store.h"
#include "util/calendar.h"
#include "util/json.h"
#include "util/utf8.h"

/* What a double, and so a browser, still holds exactly. */
static const int64_t INTEGER_MAX = 9007199254740991;

void record_parser_init(struct record_parser *p, const struct type *t, struct vault *vault)
{
    memset(p, 0, sizeof *p);
    p->type = t;
    p->vault = vault;
}

void record_parser_fini(struct record_parser *p)
{
    row_writer_fini(&p->row);
    buf_free(&p->body);
    buf_free(&p->text);
    arena_free(&p->scratch);
}

bool record_is_system_name(struct span name)
{
    return span_eq(name, SPAN("type")) || span_eq(name, SPAN("stored_at")) ||
           span_eq(name, SPAN("_seq")) || span_eq(name, SPAN("_at"));
}

static void begin(struct record_parser *p)
{
    arena_reset(&p->scratch);
    row_writer_begin(&p->row, p->type);
    if (p->has_secret)
        memset(p->secrets, 0, sizeof p->secrets);
    p->has_secret = false;
}

static bool is_key(const struct type *t, int field)
{
    for (int i = 0; i < t->key_count; i++)
        if (t->key[i] == field)
            return true;
    return false;
}

/* ---- words ---- */

static const char *cut(struct span s, char out[64])
{
    size_t n = span_cut_utf8(s, 48);
    memcpy(out, s.p ? s.p : "", n);
    for (size_t i = 0; i < n; i++) /* one line, whatever came in */
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7F)
            out[i] = ' ';
    memcpy(out + n, n < s.n ? "…" : "", n < s.n ? sizeof "…" : 1);
    return out;
}

static bool wrong(struct err *e, const struct field *f, struct span seen, const char *want)
{
    char text[64];
    return err_set(e, ERR_INPUT, "“%s”要是%s，收到“%s”", f->label, want, cut(seen, text));
}

static const char *wanted(enum field_kind kind)
{
    switch (kind) {
    case FIELD_STRING:
        return "文字，要加引号";
    case FIELD_INTEGER:
        return "整数，不加引号、不带小数";
    case FIELD_NUMBER:
        return "数字，不加引号";
    case FIELD_BOOLEAN:
        return " true 或 false";
    case FIELD_DATE:
        return "日期，写成 2020-07-15";
    case FIELD_DATETIME:
        return "带时区的时间，写成 2020-07-15T08:30:00+08:00";
    case FIELD_MONTH:
        return "月份，写成 2020-07";
    case FIELD_STRINGS:
        return "文字的列表，写成 [\"甲\",\"乙\"]";
    case FIELD_ENUM:
        break;
    }
    return "列出的几种之一";
}

static bool wrong_json(struct record_parser *p, const struct field *f,
                       const struct json_value *v, struct err *e)
{
    struct json_w w;
    struct span seen = v->type == JSON_STRING ? v->string : v->raw;
    if (v->type == JSON_INT || v->type == JSON_REAL || v->type == JSON_BOOL) {
        buf_clear(&p->text);
        w = json_w_begin(&p->text);
        if (v->type == JSON_BOOL)
            json_w_bool(&w, v->boolean);
        else if (v->type == JSON_INT)
            json_w_int(&w, v->integer);
        else
            json_w_real(&w, v->real);
        seen = buf_view(&p->text);
    }
    return wrong(e, f, seen, wanted(f->kind));
}

static bool wrong_choice(const struct field *f, struct span seen, struct err *e)
{
    char text[64], list[128] = "";
    size_t n = 0;
    for (const char **c = f->choices; *c; c++) {
        size_t len = strlen(*c);
        if (n + len + 8 > sizeof list) {
            memcpy(list + n, "…", sizeof "…");
            break;
        }
        if (n)
            list[n++] = ' ';
        memcpy(list + n, *c, len + 1);
        n += len;
    }
    return err_set(e, ERR_INPUT, "“%s”要是 %s 之一，收到“%s”", f->label, list, cut(seen, text));
}

/* ---- texts ---- */

/* Free text may have line ends, tabs and the joiners that emoji are made of; a key nothing of that. */
static bool is_plain(struct span s, bool key)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    while (p < end) {
        if (*p >= 0x20 && *p < 0x7F) {
            p++;
            continue;
        }
        size_t n = utf8_length(p, end);
        if (n == 0)
            return false;
        uint32_t c = utf8_decode(p, n);
        bool ok = !utf8_is_control(c) ||
                  (!key && (c == '\n' || c == '\r' || c == '\t' || c == 0x200C || c == 0x200D));
        if (!ok)
            return false;
        p += n;
    }
    return true;
}

static bool set_text(struct record_parser *p, int field, struct span s, struct err *e)
{
    const struct field *f = &p->type->fields[field];
    if (!is_plain(s, f->required && is_key(p->type, field)))
        return err_set(e, ERR_INPUT, "“%s”里有看不见的控制字符，请去掉", f->label);
    if (!f->is_private) {
        row_writer_text(&p->row, field, s);
    } else {
        p->secrets[field] = s;
        p->has_secret = true;
    }
    return true;
}

static bool set_choice(struct record_parser *p, int field, struct span s, struct err *e)
{
    const struct field *f = &p->type->fields[field];
    for (const char **c = f->choices; *c; c++) {
        if (s.n && (*c)[0] == s.p[0] && span_eq(span_of(*c), s)) {
            row_writer_text(&p->row, field, s);
            return true;
        }
    }
    return wrong_choice(f, s, e);
}

static bool set_time(struct record_parser *p, int field, struct span s, struct err *e)
{
    const struct field *f = &p->type->fields[field];
    int64_t v = 0;
    bool ok = f->kind == FIELD_DATE    ? calendar_parse_date(s, &v)
              : f->kind == FIELD_MONTH ? calendar_parse_month(s, &v)
                                       : calendar_parse_datetime(s, &v);
    if (!ok)
        return wrong(e, f, s, wanted(f->kind));
    row_writer_integer(&p->row, field, v);
    return true;
}

static bool set_number(struct record_parser *p, int field, double v, struct span seen,
                       struct err *e)
{
    const struct field *f = &p->type->fields[field];
    if (f->kind == FIELD_NUMBER) {
        row_writer_number(&p->row, field, v);
        return true;
    }
    if (v != floor(v))
        return wrong(e, f, seen, wanted(f->kind));
    if (fabs(v) > (double)INTEGER_MAX)
        return wrong(e, f, seen, "不超过 9007199254740991 的整数");
    row_writer_integer(&p->row, field, (int64_t)v);
    return true;
}

static bool set_list(struct record_parser *p, int field, const struct span *items, size_t n,
                     struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!is_plain(items[i], false))
            return err_set(e, ERR_INPUT, "“%s”里有看不见的控制字符，请去掉",
                           p->type->fields[field].label);
    row_writer_strings(&p->row, field, items, n);
    return true;
}

/* ---- from JSON ---- */

static bool set_json_list(struct record_parser *p, int field, const struct json_value *v,
                          struct err *e)
{
    const struct json_limits limits = {.bytes = 128 << 10};
    const struct json *list = json_parse(&p->scratch, v->raw, &limits, NULL, e);
    if (!list)
        return false;
    size_t n = json_count(list);
    struct span *items = arena_alloc(&p->scratch, (n + 1) * sizeof *items);
    for (size_t i = 0; i < n; i++) {
        if (!json_is(json_item(list, i), JSON_STRING))
            return wrong(e, &p->type->fields[field], v->raw, wanted(FIELD_STRINGS));
        items[i] = json_item(list, i)->string;
    }
    return set_list(p, field, items, n, e);
}

static bool set_json(struct record_parser *p, int field, const struct json_value *v,
                     struct err *e)
{
    const struct field *f = &p->type->fields[field];
    switch (f->kind) {
    case FIELD_STRING:
        if (v->type == JSON_STRING)
            return set_text(p, field, v->string, e);
        break;
    case FIELD_ENUM:
        if (v->type == JSON_STRING)
            return set_choice(p, field, v->string, e);
        break;
    case FIELD_DATE:
    case FIELD_DATETIME:
    case FIELD_MONTH:
        if (v->type == JSON_STRING)
            return set_time(p, field, v->string, e);
        break;
    case FIELD_BOOLEAN:
        if (v->type != JSON_BOOL)
            break;
        row_writer_boolean(&p->row, field, v->boolean);
        return true;
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        if (v->type != JSON_INT && v->type != JSON_REAL)
            break;
        if (f->kind == FIELD_INTEGER && v->type == JSON_INT && v->integer <= INTEGER_MAX &&
            v->integer >= -INTEGER_MAX) {
            row_writer_integer(&p->row, field, v->integer);
            return true;
        }
        buf_clear(&p->text);
        if (v->real != floor(v->real) || fabs(v->real) > (double)INTEGER_MAX) {
            struct json_w w = json_w_begin(&p->text);
            json_w_real(&w, v->real);
        }
        return set_number(p, field, v->real, buf_view(&p->text), e);
    case FIELD_STRINGS:
        if (v->type == JSON_ARRAY)
            return set_json_list(p, field, v, e);
        break;
    }
    return wrong_json(p, f, v, e);
}

static bool unknown(const struct type *t, struct span name, struct err *e)
{
    char text[64];
    const char *near = type_field_near(t, name);
    if (near)
        return err_set(e, ERR_INPUT, "%s（%s）没有字段“%s”，是不是 %s？", t->label, t->name,
                       cut(name, text), near);
    return err_set(e, ERR_INPUT, "%s（%s）没有字段“%s”，请去掉或先加进数据字典", t->label,
                   t->name, cut(name, text));
}

/* Members mostly come in the dictionary's order: look there first. */
static int find_field(const struct type *t, struct span name, int guess)
{
    if (guess < t->field_count) {
        const char *want = t->fields[guess].name;
        if (name.n && strncmp(want, name.p, name.n) == 0 && want[name.n] == '\0')
            return guess;
    }
    return type_field(t, name);
}

static bool read_object(struct record_parser *p, struct span object, struct arena *a,
                        bool keys_only, const char **field, struct err *e)
{
    const struct json_limits limits = {.bytes = 64 << 10, .keys = 256};
    struct json_scan s;
    struct json_value v;
    struct span name;
    int last = -1;
    begin(p);
    if (!json_scan_open(&s, &p->scratch, object, &limits, e))
        return false;
    while (json_scan_next(&s, &name, &v, e)) {
        int f = find_field(p->type, name, last + 1);
        if (f >= 0) {
            last = f;
            if (v.type == JSON_NULL || (keys_only && !is_key(p->type, f)))
                continue;
            if (!set_json(p, f, &v, e)) {
                *field = p->type->fields[f].name;
                return false;
            }
        } else if (!keys_only && !record_is_system_name(name)) {
            *field = arena_span(a, (struct span){name.p, span_cut_utf8(name, 64)}).p;
            return unknown(p->type, name, e);
        }
    }
    return !s.failed;
}

/* ---- from a table's cells ---- */

static bool one_of(struct span s, const char *const *words)
{
    for (; *words; words++)
        if (span_eq(s, span_of(*words)))
            return true;
    return false;
}

static bool set_cell_boolean(struct record_parser *p, int field, struct span s, struct err *e)
{
    static const char *const yes[] = {"true", "TRUE", "True", "是", "1", NULL};
    static const char *const no[] = {"false", "FALSE", "False", "否", "0", NULL};
    bool v = one_of(s, yes);
    if (!v && !one_of(s, no))
        return wrong(e, &p->type->fields[field], s, "“是”或“否”");
    row_writer_boolean(&p->row, field, v);
    return true;
}

/* "甲;乙；丙": both semicolons part, empty items drop out. */
static bool set_cell_list(struct record_parser *p, int field, struct span s, struct err *e)
{
    static const char wide[] = "；";
    struct span *items = arena_alloc(&p->scratch, (s.n + 1) * sizeof *items);
    size_t n = 0, start = 0;
    for (size_t i = 0; i <= s.n;) {
        size_t sep = 0;
        if (i == s.n || s.p[i] == ';')
            sep = 1;
        else if (s.n - i >= sizeof wide - 1 && memcmp(s.p + i, wide, sizeof wide - 1) == 0)
            sep = sizeof wide - 1;
        if (!sep) {
            i++;
            continue;
        }
        struct span item = span_trim((struct span){s.p + start, i - start});
        if (item.n)
            items[n++] = item;
        i += sep;
        start = i;
    }
    return set_list(p, field, items, n, e);
}

static bool set_cell(struct record_parser *p, int field, struct span s, struct err *e)
{
    const struct field *f = &p->type->fields[field];
    double v;
    switch (f->kind) {
    case FIELD_STRING:
        return set_text(p, field, s, e);
    case FIELD_ENUM:
        for (int i = 0; f->choice_labels && f->choices[i]; i++)
            if (span_eq(span_of(f->choice_labels[i]), s))
                return set_choice(p, field, span_of(f->choices[i]), e);
        return set_choice(p, field, s, e);
    case FIELD_DATE:
    case FIELD_DATETIME:
    case FIELD_MONTH:
        return set_time(p, field, s, e);
    case FIELD_BOOLEAN:
        return set_cell_boolean(p, field, s, e);
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        if (!span_number(s, &v))
            return wrong(e, f, s,
                         f->kind == FIELD_INTEGER ? "整数" : "数字，不带单位和千位逗号");
        return set_number(p, field, v, s, e);
    case FIELD_STRINGS:
        break;
    }
    return set_cell_list(p, field, s, e);
}

static bool read_cells(struct record_parser *p, const int *fields, const struct span *cells,
                       int count, bool keys_only, const char **field, struct err *e)
{
    begin(p);
    for (int i = 0; i < count; i++) {
        struct span s = span_trim(cells[i]);
        if (fields[i] < 0 || s.n == 0 || (keys_only && !is_key(p->type, fields[i])))
            continue;
        if (!set_cell(p, fields[i], s, e)) {
            *field = p->type->fields[fields[i]].name;
            return false;
        }
    }
    return true;
}

/* ---- the whole record ---- */

static bool check_required(struct record_parser *p, const char **field, struct err *e)
{
    const struct type *t = p->type;
    for (int i = 0; i < t->field_count; i++) {
        if (!t->fields[i].required || p->row.offsets[i] || p->secrets[i].p)
            continue;
        *field = t->fields[i].name;
        return err_set(e, ERR_INPUT, "缺少“%s”（%s），这一项必填", t->fields[i].label,
                       t->fields[i].name);
    }
    return true;
}

/* p->body is finished; the key goes to the arena. */
static bool make_key(struct record_parser *p, struct arena *a, struct span *key,
                     const char **field, struct err *e)
{
    const struct type *t = p->type;
    buf_clear(&p->text);
    for (int i = 0; i < t->key_count; i++) {
        struct row_value v = row_get(t, buf_view(&p->body), t->key[i]);
        size_t start = p->text.n;
        row_put_text(&p->text, &v);
        bool empty = p->text.n == start;
        buf_char(&p->text, '\0');
        *field = t->fields[t->key[i]].name;
        if (empty)
            return err_set(e, ERR_INPUT, "“%s”是主键，不能为空", t->fields[t->key[i]].label);
        if (p->text.n > STORE_KEY_MAX)
            return err_set(e, ERR_INPUT, "主键太长：各项合起来最多 %d 字节",
                           (int)STORE_KEY_MAX - t->key_count);
    }
    *field = "";
    *key = arena_span(a, buf_view(&p->text));
    return true;
}

static bool seal_secrets(struct record_parser *p, struct span key, const char **field,
                         struct err *e)
{
    struct span person = seal_person(&p->scratch, p->type, key), sealed;
    for (int i = 0; i < p->type->field_count; i++) {
        const char *name = p->type->fields[i].name;
        if (!p->secrets[i].p)
            continue;
        if (!seal_text(p->vault, person, span_of(name), p->secrets[i], &p->scratch, &sealed,
                       e)) {
            *field = name;
            if (e->code == ERR_MISSING)
                err_set(e, ERR_INPUT, "此人的信息已按要求抹除，不能再录入");
            return false;
        }
        row_writer_text(&p->row, i, sealed);
    }
    row_writer_finish(&p->row, &p->body);
    return true;
}

static bool finish(struct record_parser *p, struct arena *a, struct record *out,
                   const char **field, struct err *e)
{
    if (!check_required(p, field, e))
        return false;
    row_writer_finish(&p->row, &p->body);
    if (!make_key(p, a, &out->key, field, e) ||
        (p->has_secret && p->vault && !seal_secrets(p, out->key, field, e)))
        return false;
    out->type = p->type;
    out->body = (struct span){arena_copy(a, p->body.p, p->body.n), p->body.n};
    return true;
}

bool record_parser_object(struct record_parser *p, struct span object, struct arena *a,
                          struct record *out, const char **field, struct err *e)
{
    *field = "";
    return read_object(p, object, a, false, field, e) && finish(p, a, out, field, e);
}

bool record_parser_cells(struct record_parser *p, const int *fields, const struct span *cells,
                         int count, struct arena *a, struct record *out, const char **field,
                         struct err *e)
{
    *field = "";
    return read_cells(p, fields, cells, count, false, field, e) && finish(p, a, out, field, e);
}

static struct span key_of_read(struct record_parser *p, struct arena *a)
{
    const char *field;
    struct span key;
    struct err e = {0};
    row_writer_finish(&p->row, &p->body);
    return make_key(p, a, &key, &field, &e) ? key : SPAN_NONE;
}

struct span record_parser_object_key(struct record_parser *p, struct span object,
                                     struct arena *a)
{
    const char *field;
    struct err e = {0};
    return read_object(p, object, a, true, &field, &e) ? key_of_read(p, a) : SPAN_NONE;
}

struct span record_parser_cells_key(struct record_parser *p, const int *fields,
                                    const struct span *cells, int count, struct arena *a)
{
    const char *field;
    struct err e = {0};
    return read_cells(p, fields, cells, count, true, &field, &e) ? key_of_read(p, a)
                                                                 : SPAN_NONE;
}

bool record_parse(const struct type *t, struct span object, struct vault *vault,
                  struct arena *a, struct record *out, const char **field, struct err *e)
{
    struct record_parser p;
    struct err local = {0};
    record_parser_init(&p, t, vault);
    *out = (struct record){0};
    bool ok = record_parser_object(&p, object, a, out, field, e ? e : &local);
    record_parser_fini(&p);
    return ok;
}
