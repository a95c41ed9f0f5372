/* One value at a time, from JSON or from a table's cell, into the row; or a sentence that says what is wrong. */
#include <math.h>
#include <string.h>

#include "domain/record_impl.h"
#include "util/calendar.h"
#include "util/json.h"
#include "util/utf8.h"

/* What a double, and so a browser, still holds exactly. */
static const int64_t INTEGER_MAX = 9007199254740991;

bool record_is_key(const struct type *t, int field)
{
    for (int i = 0; i < t->key_count; i++)
        if (t->key[i] == field)
            return true;
    return false;
}

/* ---- words ---- */

const char *record_cut(struct span s, char out[64])
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
    return err_set(e, ERR_INPUT, "“%s”要是%s，收到“%s”", f->label, want,
                   record_cut(seen, text));
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
    return err_set(e, ERR_INPUT, "“%s”要是 %s 之一，收到“%s”", f->label, list,
                   record_cut(seen, text));
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
    if (!is_plain(s, f->required && record_is_key(p->type, field)))
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

bool record_set_json(struct record_parser *p, int field, const struct json_value *v,
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

bool record_set_cell(struct record_parser *p, int field, struct span s, struct err *e)
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
