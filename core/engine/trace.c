#include "engine/trace.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "domain/key.h"
#include "domain/row.h"
#include "util/buf.h"
#include "util/calendar.h"

void trace_begin(struct trace *t, struct arena *a)
{
    *t = (struct trace){.arena = a};
}

/* What an operator says when it holds and when it does not. */
static const struct op_words {
    const char *op, *holds, *fails;
} op_words[] = {
    {">", "超过", "未超过"},  {">=", "不低于", "低于"}, {"<", "低于", "不低于"},
    {"<=", "不超过", "超过"}, {"==", "是", "不是"},     {"~=", "不是", "是"},
};

const char *trace_op(struct span op)
{
    for (size_t i = 0; i < sizeof op_words / sizeof *op_words; i++)
        if (span_eq(op, span_of(op_words[i].op)))
            return op_words[i].op;
    return NULL;
}

void trace_check(struct trace *t, const struct trace_check *c)
{
    if (t->check_count == TRACE_CHECKS_MAX) {
        t->checks_more++;
        return;
    }
    if (t->check_count == t->check_cap) {
        size_t cap = t->check_cap ? t->check_cap * 2 : 8;
        struct trace_check *more = arena_alloc(t->arena, cap * sizeof *more);
        if (t->check_count)
            memcpy(more, t->checks, t->check_count * sizeof *more);
        t->checks = more;
        t->check_cap = cap;
    }
    t->checks[t->check_count++] = *c;
}

/* The listed read of the same version, e.g. of the record that set this off, found again by a search. */
static struct trace_read *find_same(const struct trace *t, const struct trace_read *r)
{
    struct trace_read *at = t->first;
    while (at && at->entry.seq != r->entry.seq)
        at = at->next;
    return at;
}

void trace_field(struct trace *t, struct trace_read *r, int field)
{
    if (!r->listed && !r->same)
        r->same = find_same(t, r);
    if (r->same)
        r = r->same;
    r->fields[field / 64 & 3] |= 1ULL << (field % 64);
    if (r->listed)
        return;
    r->listed = true;
    t->read_count++;
    uint64_t mixed = (r->entry.seq ^ r->entry.seq >> 31) * 0x9E3779B97F4A7C15ULL;
    t->fingerprint += mixed ^ mixed >> 29; /* a sum: a tick may read in another order */
    if (t->read_count > TRACE_READS_MAX) {
        trace_counted(t, r->entry.seq);
        return;
    }
    *(t->last ? &t->last->next : &t->first) = r;
    t->last = r;
}

void trace_counted(struct trace *t, uint64_t seq)
{
    if (t->also_count == TRACE_ALSO_MAX) {
        t->also_more++;
        return;
    }
    if (t->also_count == t->also_cap) {
        size_t cap = t->also_cap ? t->also_cap * 2 : 16;
        uint64_t *more = arena_alloc(t->arena, cap * sizeof *more);
        if (t->also_count)
            memcpy(more, t->also, t->also_count * sizeof *more);
        t->also = more;
        t->also_cap = cap;
    }
    t->also[t->also_count++] = seq;
}

/* --- the sentence ------------------------------------------------------------------------------- */

/* 8200000 → "8,200,000", at most `digits` decimals, no trailing zeros. */
static void put_number(struct buf *out, double x, int digits)
{
    char text[64];
    int n = fabs(x) < 1e15 ? snprintf(text, sizeof text, "%.*f", digits, x)
                           : snprintf(text, sizeof text, "%.6g", x);
    struct span s = {text, (size_t)n};
    const char *point = memchr(s.p, '.', s.n);
    while (point && (text[s.n - 1] == '0' || text[s.n - 1] == '.')) {
        bool end = text[s.n - 1] == '.';
        s.n--;
        if (end)
            break;
    }
    if (span_eq(s, SPAN("-0")))
        s = SPAN("0");
    size_t start = s.n && s.p[0] == '-', whole = point ? (size_t)(point - text) : s.n;
    if (whole > s.n)
        whole = s.n;
    if (memchr(s.p, 'e', s.n) || whole - start > 16)
        whole = start; /* not plain digits */
    for (size_t i = 0; i < s.n; i++) {
        if (i > start && i < whole && (whole - i) % 3 == 0)
            buf_char(out, ',');
        buf_char(out, s.p[i]);
    }
}

static bool is_number(const struct trace_value *v)
{
    return v->kind == TRACE_INTEGER || v->kind == TRACE_NUMBER || v->kind == TRACE_RATIO;
}

static double number_of(const struct trace_value *v)
{
    return v->kind == TRACE_INTEGER ? (double)v->integer : v->number;
}

/* The enum field that a checked text was read from; NULL if it came from nowhere or from a plain text.
 * Scripts compare codes, people read labels. */
static const struct field *checked_field(const struct trace *t, const struct trace_check *c)
{
    if (c->value.kind != TRACE_TEXT)
        return NULL;
    for (const struct trace_read *r = t->first; r; r = r->next)
        for (int i = 0; i < r->type->field_count; i++) {
            const struct field *f = &r->type->fields[i];
            if (!f->choice_labels || !(r->fields[i / 64 & 3] >> (i % 64) & 1))
                continue;
            struct row_value v = row_get(r->type, r->entry.body, i);
            if (!v.null && span_eq(v.text, c->value.text))
                return f;
        }
    return NULL;
}

/* The label of a text under that field, else the text itself. */
static struct span shown_text(const struct field *f, struct span text)
{
    const char *label = f ? field_choice_label(f, text) : NULL;
    return label ? span_of(label) : text;
}

static void put_value(struct buf *out, const struct trace_value *v, const struct field *f,
                      struct span unit, int digits)
{
    switch (v->kind) {
    case TRACE_NOTHING:
        buf_str(out, "无数据");
        return;
    case TRACE_INTEGER:
    case TRACE_NUMBER:
    case TRACE_RATIO:
        put_number(out, number_of(v), digits);
        buf_span(out, unit);
        return;
    case TRACE_TEXT:
        buf_str(out, "“");
        buf_span(out, shown_text(f, v->text));
        buf_str(out, "”");
        return;
    case TRACE_BOOL:
        buf_str(out, v->boolean ? "是" : "否");
        return;
    }
}

static void put_check(struct buf *out, const struct trace *t, const struct trace_check *c)
{
    const struct field *f = checked_field(t, c);
    buf_span(out, c->label);
    if (c->value.kind == TRACE_NOTHING || c->limit.kind == TRACE_NOTHING) {
        buf_str(out, c->value.kind == TRACE_NOTHING ? "：无数据" : "：没有可比的界限");
        return;
    }
    if (c->value.kind == TRACE_BOOL) {
        buf_str(out, "：");
        put_value(out, &c->value, NULL, SPAN_NONE, 2);
        return;
    }
    /* two decimals, more where a rounded figure would hide what decided */
    int digits = 2;
    if (is_number(&c->value) && is_number(&c->limit)) {
        double apart = fabs(number_of(&c->value) - number_of(&c->limit));
        if (apart > 0 && apart < 0.01)
            digits = 6;
    }
    buf_char(out, ' ');
    put_value(out, &c->value, f, c->value.unit, digits);
    buf_str(out, "，");
    for (size_t i = 0; i < sizeof op_words / sizeof *op_words; i++)
        if (op_words[i].op == c->op)
            buf_str(out, c->pass ? op_words[i].holds : op_words[i].fails);
    buf_char(out, ' ');
    put_value(out, &c->limit, f, c->value.unit, digits);
}

static bool same_check(const struct trace_check *a, const struct trace_check *b)
{
    return span_eq(a->label, b->label) && a->op == b->op && a->pass == b->pass;
}

/* The same check failing again and again in a loop is said once, in its last form. */
void trace_sentence(const struct trace *t, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < t->check_count; i++) {
        if (i + 1 < t->check_count && same_check(&t->checks[i], &t->checks[i + 1]))
            continue;
        if (!first)
            buf_str(out, "；");
        first = false;
        put_check(out, t, &t->checks[i]);
    }
}

const struct trace_check *trace_failed(const struct trace *t)
{
    for (size_t i = 0; i < t->check_count; i++)
        if (!t->checks[i].pass)
            return &t->checks[i];
    return NULL;
}

bool trace_missed_by(const struct trace_check *c, double *by)
{
    if (!is_number(&c->value) || !is_number(&c->limit))
        return false;
    *by = round(fabs(number_of(&c->value) - number_of(&c->limit)) * 1e6) / 1e6;
    return true;
}

void trace_failed_sentence(const struct trace *t, const struct trace_check *c, struct buf *out)
{
    double by;
    put_check(out, t, c);
    if (!trace_missed_by(c, &by))
        return;
    if (by == 0.0) {
        buf_str(out, "，正好在界限上");
        return;
    }
    buf_str(out, "，差 ");
    put_number(out, by, by < 0.01 ? 6 : 2);
    buf_span(out, c->value.unit);
}

/* --- JSON --------------------------------------------------------------------------------------- */

static void write_value(struct json_w *w, const char *name, const struct trace_value *v)
{
    json_w_name(w, name);
    switch (v->kind) {
    case TRACE_NOTHING:
        json_w_null(w);
        break;
    case TRACE_INTEGER:
        json_w_int(w, v->integer);
        break;
    case TRACE_NUMBER:
        json_w_real(w, v->number);
        break;
    case TRACE_RATIO:
        json_w_real(w, round(v->number * 1e6) / 1e6);
        break;
    case TRACE_TEXT:
        json_w_span(w, v->text);
        break;
    case TRACE_BOOL:
        json_w_bool(w, v->boolean);
        break;
    }
}

/* Beside a code: the words for it. */
static void write_label(struct json_w *w, const char *name, const struct field *f,
                        const struct trace_value *v)
{
    const char *label = f && v->kind == TRACE_TEXT ? field_choice_label(f, v->text) : NULL;
    if (label)
        json_w_kstr(w, name, label);
}

static void write_check(struct json_w *w, const struct trace *t, const struct trace_check *c)
{
    const struct field *f = checked_field(t, c);
    json_w_object(w);
    json_w_kspan(w, "label", c->label);
    write_value(w, "value", &c->value);
    write_label(w, "value_text", f, &c->value);
    json_w_kstr(w, "op", c->op);
    write_value(w, "limit", &c->limit);
    write_label(w, "limit_text", f, &c->limit);
    if (c->value.unit.n)
        json_w_kspan(w, "unit", c->value.unit);
    json_w_kbool(w, "pass", c->pass);
    if (c->line)
        json_w_kint(w, "line", c->line);
    json_w_object_end(w);
}

static void write_read(struct json_w *w, struct trace_read *r)
{
    struct buf text = {0};
    key_put_text(&text, r->entry.key);
    json_w_object(w);
    json_w_kstr(w, "type", r->type->name);
    json_w_kstr(w, "label", r->type->label);
    json_w_kspan(w, "key", buf_view(&text));
    json_w_kint(w, "seq", (int64_t)r->entry.seq);
    buf_clear(&text);
    calendar_put_datetime(&text, r->entry.at);
    json_w_kspan(w, "at", buf_view(&text));
    buf_free(&text);
    json_w_name(w, "fields");
    json_w_array(w);
    for (int i = 0; i < r->type->field_count; i++) {
        if (!(r->fields[i / 64 & 3] >> (i % 64) & 1))
            continue;
        const struct field *f = &r->type->fields[i];
        struct row_value v = row_get(r->type, r->entry.body, i);
        json_w_object(w);
        json_w_kstr(w, "name", f->name);
        json_w_kstr(w, "label", f->label);
        if (f->unit)
            json_w_kstr(w, "unit", f->unit);
        json_w_name(w, "value");
        row_put_json(w, &v);
        const char *words = v.null || !f->choice_labels ? NULL : field_choice_label(f, v.text);
        if (words)
            json_w_kstr(w, "text", words);
        json_w_object_end(w);
    }
    json_w_array_end(w);
    json_w_object_end(w);
}

void trace_write(const struct trace *t, struct json_w *w)
{
    json_w_name(w, "checks");
    json_w_array(w);
    for (size_t i = 0; i < t->check_count; i++)
        write_check(w, t, &t->checks[i]);
    json_w_array_end(w);
    if (t->checks_more)
        json_w_kint(w, "checks_more", (int64_t)t->checks_more);
    json_w_name(w, "reads");
    json_w_array(w);
    for (struct trace_read *r = t->first; r; r = r->next)
        write_read(w, r);
    json_w_array_end(w);
    size_t more = t->read_count > TRACE_READS_MAX ? t->read_count - TRACE_READS_MAX : 0;
    json_w_kint(w, "reads_more", (int64_t)more);
    if (!t->also_count)
        return;
    json_w_name(w, "also_read");
    json_w_array(w);
    for (size_t i = 0; i < t->also_count; i++)
        json_w_int(w, (int64_t)t->also[i]);
    json_w_array_end(w);
    if (t->also_more)
        json_w_kint(w, "also_read_more", (int64_t)t->also_more);
}
