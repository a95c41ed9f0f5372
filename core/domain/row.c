#include "domain/row.h"

#include <string.h>

#include "util/calendar.h"
#include "util/json.h"

enum { LAYOUT = 1, HEAD = 2 };

static uint32_t le32_get(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static void le32_put(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> 8 * i);
}

static uint64_t le64_get(const char *p)
{
    return (uint64_t)le32_get(p) | (uint64_t)le32_get(p + 4) << 32;
}

static void put_le32(struct buf *b, uint32_t v)
{
    char p[4];
    le32_put(p, v);
    buf_put(b, p, sizeof p);
}

static void put_le64(struct buf *b, uint64_t v)
{
    char p[8];
    le32_put(p, (uint32_t)v);
    le32_put(p + 4, (uint32_t)(v >> 32));
    buf_put(b, p, sizeof p);
}

/* ---- reading ---- */

static uint32_t offset_of(struct span body, int field)
{
    if (body.n < HEAD || field < 0 || field >= (unsigned char)body.p[1])
        return 0;
    return le32_get(body.p + HEAD + 4 * field);
}

struct row_value row_get(const struct type *t, struct span body, int field)
{
    struct row_value v = {.null = true, .kind = t->fields[field].kind};
    uint32_t at = offset_of(body, field);
    if (at == 0)
        return v;
    const char *p = body.p + at;
    uint64_t bits;
    v.null = false;
    switch (v.kind) {
    case FIELD_STRING:
    case FIELD_ENUM:
        v.text = (struct span){p + 4, le32_get(p)};
        break;
    case FIELD_INTEGER:
    case FIELD_DATETIME:
        v.integer = (int64_t)le64_get(p);
        break;
    case FIELD_DATE:
    case FIELD_MONTH:
        v.integer = (int32_t)le32_get(p);
        break;
    case FIELD_NUMBER:
        bits = le64_get(p);
        memcpy(&v.number, &bits, sizeof v.number);
        break;
    case FIELD_BOOLEAN:
        v.boolean = *p != 0;
        break;
    case FIELD_STRINGS:
        v.list.count = le32_get(p);
        v.list.packed = (struct span){p + 4, body.n - at - 4};
        break;
    }
    return v;
}

bool row_list_next(struct row_value *v, struct span *item)
{
    if (v->null || v->list.count == 0)
        return false;
    uint32_t n = le32_get(v->list.packed.p);
    *item = (struct span){v->list.packed.p + 4, n};
    v->list.packed.p += 4 + n;
    v->list.packed.n -= 4 + n;
    v->list.count--;
    return true;
}

/* A length and that many bytes at `at`; the place behind them, or 0. */
static size_t skip_text(struct span body, size_t at)
{
    if (at + 4 > body.n)
        return 0;
    size_t n = le32_get(body.p + at);
    return n <= body.n - at - 4 ? at + 4 + n : 0;
}

static bool list_is_sound(struct span body, size_t at)
{
    if (at + 4 > body.n)
        return false;
    uint32_t count = le32_get(body.p + at);
    at += 4;
    for (; count > 0 && at; count--)
        at = skip_text(body, at);
    return at != 0;
}

static bool value_is_sound(enum field_kind kind, struct span body, size_t at)
{
    switch (kind) {
    case FIELD_STRING:
    case FIELD_ENUM:
        return skip_text(body, at) != 0;
    case FIELD_STRINGS:
        return list_is_sound(body, at);
    case FIELD_BOOLEAN:
        return at + 1 <= body.n;
    case FIELD_DATE:
    case FIELD_MONTH:
        return at + 4 <= body.n;
    case FIELD_INTEGER:
    case FIELD_NUMBER:
    case FIELD_DATETIME:
        return at + 8 <= body.n;
    }
    return false;
}

bool row_is_sound(const struct type *t, struct span body)
{
    if (body.n < HEAD || body.p[0] != LAYOUT)
        return false;
    int n = (unsigned char)body.p[1];
    size_t head = HEAD + 4 * (size_t)n;
    if (n > t->field_count || head > body.n)
        return false;
    for (int i = 0; i < n; i++) {
        uint32_t at = offset_of(body, i);
        if (at != 0 &&
            (at < head || at >= body.n || !value_is_sound(t->fields[i].kind, body, at)))
            return false;
    }
    return true;
}

static void put_list_text(struct buf *b, struct row_value v)
{
    struct span item;
    for (bool first = true; row_list_next(&v, &item); first = false) {
        if (!first)
            buf_char(b, ';');
        buf_span(b, item);
    }
}

void row_put_text(struct buf *b, const struct row_value *v)
{
    struct json_w w;
    if (v->null)
        return;
    switch (v->kind) {
    case FIELD_STRING:
    case FIELD_ENUM:
        buf_span(b, v->text);
        break;
    case FIELD_INTEGER:
        w = json_w_begin(b);
        json_w_int(&w, v->integer);
        break;
    case FIELD_NUMBER:
        w = json_w_begin(b);
        json_w_real(&w, v->number);
        break;
    case FIELD_BOOLEAN:
        buf_str(b, v->boolean ? "true" : "false");
        break;
    case FIELD_DATE:
        calendar_put_date(b, v->integer);
        break;
    case FIELD_MONTH:
        calendar_put_month(b, v->integer);
        break;
    case FIELD_DATETIME:
        calendar_put_datetime(b, v->integer);
        break;
    case FIELD_STRINGS:
        put_list_text(b, *v);
        break;
    }
}

static void put_list_json(struct json_w *w, struct row_value v)
{
    struct span item;
    json_w_array(w);
    while (row_list_next(&v, &item))
        json_w_span(w, item);
    json_w_array_end(w);
}

void row_put_json(struct json_w *w, const struct row_value *v)
{
    struct buf text = {0};
    if (v->null) {
        json_w_null(w);
        return;
    }
    switch (v->kind) {
    case FIELD_STRING:
    case FIELD_ENUM:
        json_w_span(w, v->text);
        break;
    case FIELD_INTEGER:
        json_w_int(w, v->integer);
        break;
    case FIELD_NUMBER:
        json_w_real(w, v->number);
        break;
    case FIELD_BOOLEAN:
        json_w_bool(w, v->boolean);
        break;
    case FIELD_STRINGS:
        put_list_json(w, *v);
        break;
    case FIELD_DATE:
    case FIELD_MONTH:
    case FIELD_DATETIME:
        row_put_text(&text, v);
        json_w_span(w, buf_view(&text));
        buf_free(&text);
        break;
    }
}

/* ---- building ---- */

void row_writer_begin(struct row_writer *w, const struct type *t)
{
    w->type = t;
    buf_clear(&w->values);
    memset(w->offsets, 0, (size_t)t->field_count * sizeof *w->offsets);
    w->last = -1;
    w->in_order = true;
}

/* Offsets count from 1 while the head's size is open; a field set twice keeps its last value. */
static void mark(struct row_writer *w, int field)
{
    if (field <= w->last)
        w->in_order = false;
    w->last = field;
    w->offsets[field] = (uint32_t)w->values.n + 1;
}

static void put_text(struct buf *b, struct span s)
{
    char *p = buf_space(b, s.n + 4);
    le32_put(p, (uint32_t)s.n);
    if (s.n)
        memcpy(p + 4, s.p, s.n);
    b->n += s.n + 4;
}

void row_writer_text(struct row_writer *w, int field, struct span s)
{
    mark(w, field);
    put_text(&w->values, s);
}

void row_writer_integer(struct row_writer *w, int field, int64_t v)
{
    enum field_kind kind = w->type->fields[field].kind;
    mark(w, field);
    if (kind == FIELD_DATE || kind == FIELD_MONTH)
        put_le32(&w->values, (uint32_t)v);
    else
        put_le64(&w->values, (uint64_t)v);
}

void row_writer_number(struct row_writer *w, int field, double v)
{
    uint64_t bits;
    v += 0.0; /* -0 and 0 are one value */
    memcpy(&bits, &v, sizeof bits);
    mark(w, field);
    put_le64(&w->values, bits);
}

void row_writer_boolean(struct row_writer *w, int field, bool v)
{
    mark(w, field);
    buf_char(&w->values, v ? 1 : 0);
}

void row_writer_strings(struct row_writer *w, int field, const struct span *items, size_t n)
{
    mark(w, field);
    put_le32(&w->values, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        put_text(&w->values, items[i]);
}

static size_t value_size(enum field_kind kind, const char *p)
{
    size_t at = 4;
    switch (kind) {
    case FIELD_STRING:
    case FIELD_ENUM:
        return 4 + le32_get(p);
    case FIELD_STRINGS:
        for (uint32_t i = le32_get(p); i > 0; i--)
            at += 4 + le32_get(p + at);
        return at;
    case FIELD_BOOLEAN:
        return 1;
    case FIELD_DATE:
    case FIELD_MONTH:
        return 4;
    case FIELD_INTEGER:
    case FIELD_NUMBER:
    case FIELD_DATETIME:
        break;
    }
    return 8;
}

/* Values in order of field, so that equal content gives equal bytes whatever order it came in. */
static void put_in_order(const struct row_writer *w, int n, char *head, struct buf *body)
{
    for (int i = 0; i < n; i++) {
        if (!w->offsets[i])
            continue;
        const char *p = w->values.p + w->offsets[i] - 1;
        le32_put(head + HEAD + 4 * i, (uint32_t)body->n);
        buf_put(body, p, value_size(w->type->fields[i].kind, p));
    }
}

/* The head ends with the last field that has a value: a field appended to the dictionary later changes no
 * byte of records that do not have it. */
void row_writer_finish(struct row_writer *w, struct buf *body)
{
    int n = w->type->field_count;
    while (n > 0 && w->offsets[n - 1] == 0)
        n--;
    uint32_t head = HEAD + 4 * (uint32_t)n;
    buf_clear(body);
    char *p = buf_space(body, head + w->values.n); /* all of it: p stays */
    p[0] = LAYOUT;
    p[1] = (char)n;
    for (int i = 0; i < n; i++)
        le32_put(p + HEAD + 4 * i, w->offsets[i] ? w->offsets[i] - 1 + head : 0);
    body->n = head;
    if (w->in_order)
        buf_span(body, buf_view(&w->values));
    else
        put_in_order(w, n, p, body);
}

void row_writer_fini(struct row_writer *w)
{
    buf_free(&w->values);
}
