/* The writing half of json.h. */
#include "util/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/json_impl.h"
#include "util/utf8.h"

struct json_w json_w_begin(struct buf *out)
{
    return (struct json_w){.out = out};
}

void json_w_end(struct json_w *w)
{
    must(w->depth == 0 && !w->after_name);
}

static bool in_object(const struct json_w *w)
{
    return w->depth > 0 && (w->objects >> (w->depth - 1) & 1);
}

/* Before any value: the comma, unless a name stands just before it. */
static void before_value(struct json_w *w)
{
    must(w->after_name == in_object(w));
    if (w->comma && !w->after_name)
        buf_char(w->out, ',');
    w->after_name = false;
    w->comma = true;
}

static void open_container(struct json_w *w, char bracket, bool object)
{
    before_value(w);
    must(w->depth < 64);
    uint64_t bit = 1ULL << w->depth++;
    w->objects = object ? w->objects | bit : w->objects & ~bit;
    w->comma = false;
    buf_char(w->out, bracket);
}

static void close_container(struct json_w *w, char bracket, bool object)
{
    must(w->depth > 0 && !w->after_name && in_object(w) == object);
    w->depth--;
    w->comma = true;
    buf_char(w->out, bracket);
}

void json_w_object(struct json_w *w)
{
    open_container(w, '{', true);
}

void json_w_object_end(struct json_w *w)
{
    close_container(w, '}', true);
}

void json_w_array(struct json_w *w)
{
    open_container(w, '[', false);
}

void json_w_array_end(struct json_w *w)
{
    close_container(w, ']', false);
}

static void put_escape(struct buf *out, unsigned char c)
{
    static const char short_form[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (c == '"' || c == '\\' || short_form[c & 31]) {
        buf_char(out, '\\');
        buf_char(out, c == '"' || c == '\\' ? (char)c : short_form[c]);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

static void put_string(struct buf *out, struct span s)
{
    const char *p = s.n ? s.p : "", *end = p + s.n, *run = p;
    buf_space(out, s.n + 2);
    buf_char(out, '"');
    for (;;) {
        p = skip_plain(p, end);
        if (p < end && (unsigned char)*p >= 0x80) {
            size_t n = utf8_length((const unsigned char *)p, (const unsigned char *)end);
            if (n) {
                p += n;
                continue;
            }
        }
        buf_put(out, run, (size_t)(p - run));
        if (p == end)
            break;
        unsigned char c = (unsigned char)*p++;
        run = p;
        if (c >= 0x80 || c == 0)
            buf_str(out, "\xEF\xBF\xBD");
        else
            put_escape(out, c);
    }
    buf_char(out, '"');
}

void json_w_name_span(struct json_w *w, struct span name)
{
    must(in_object(w) && !w->after_name);
    if (w->comma)
        buf_char(w->out, ',');
    put_string(w->out, name);
    buf_char(w->out, ':');
    w->after_name = true;
}

void json_w_name(struct json_w *w, const char *name)
{
    json_w_name_span(w, span_of(name));
}

void json_w_span(struct json_w *w, struct span s)
{
    before_value(w);
    put_string(w->out, s);
}

void json_w_str(struct json_w *w, const char *s)
{
    if (s)
        json_w_span(w, span_of(s));
    else
        json_w_null(w);
}

static void put_int(struct buf *out, int64_t v)
{
    char digits[24], *p = digits + sizeof digits;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (v < 0)
        *--p = '-';
    buf_put(out, p, (size_t)(digits + sizeof digits - p));
}

/* Most reals of the trade have few decimals: where v is exactly the double nearest to n / 10^k, with n
 * below 10^15, that text is the shortest one and needs no printf. */
static bool put_decimal(struct buf *out, double v)
{
    static const double power[] = {1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    for (int k = 0; k < 6; k++) {
        double scaled = fabs(v) * power[k];
        if (scaled >= 1e15)
            return false;
        int64_t unit = (int64_t)power[k], n = (int64_t)(scaled + 0.5);
        if ((double)n / power[k] != fabs(v))
            continue;
        char decimals[8];
        for (int64_t i = k, rest = n % unit; i >= 0; i--, rest /= 10)
            decimals[i] = (char)('0' + rest % 10);
        if (v < 0)
            buf_char(out, '-');
        put_int(out, n / unit);
        buf_char(out, '.');
        buf_put(out, decimals, (size_t)k + 1);
        return true;
    }
    return false;
}

void json_w_int(struct json_w *w, int64_t v)
{
    before_value(w);
    put_int(w->out, v);
}

void json_w_real(struct json_w *w, double v)
{
    if (!isfinite(v)) {
        json_w_null(w);
        return;
    }
    before_value(w);
    if (v == 0 && signbit(v)) {
        buf_str(w->out, "-0.0");
    } else if (fabs(v) < 0x1p53 && v == (double)(int64_t)v) {
        put_int(w->out, (int64_t)v);
    } else if (!put_decimal(w->out, v)) {
        char text[40];
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, v);
            if (strtod(text, NULL) == v)
                break;
        }
        buf_str(w->out, text);
    }
}

void json_w_bool(struct json_w *w, bool v)
{
    before_value(w);
    buf_str(w->out, v ? "true" : "false");
}

void json_w_null(struct json_w *w)
{
    before_value(w);
    buf_str(w->out, "null");
}

void json_w_raw(struct json_w *w, struct span json)
{
    before_value(w);
    buf_span(w->out, json.n ? json : SPAN("null"));
}

void json_w_value(struct json_w *w, const struct json *v)
{
    switch (v ? v->type : JSON_NULL) {
    case JSON_NULL:
        json_w_null(w);
        return;
    case JSON_BOOL:
        json_w_bool(w, v->boolean);
        return;
    case JSON_INT:
        json_w_int(w, v->integer);
        return;
    case JSON_REAL:
        json_w_real(w, v->real);
        return;
    case JSON_STRING:
        json_w_span(w, v->string);
        return;
    case JSON_ARRAY:
        json_w_array(w);
        for (size_t i = 0; i < v->count; i++)
            json_w_value(w, &v->items[i]);
        json_w_array_end(w);
        return;
    case JSON_OBJECT:
        json_w_object(w);
        for (size_t i = 0; i < v->count; i++) {
            json_w_name_span(w, v->names[i]);
            json_w_value(w, &v->items[i]);
        }
        json_w_object_end(w);
        return;
    }
}

void json_w_kstr(struct json_w *w, const char *name, const char *v)
{
    json_w_name(w, name);
    json_w_str(w, v);
}

void json_w_kspan(struct json_w *w, const char *name, struct span v)
{
    json_w_name(w, name);
    json_w_span(w, v);
}

void json_w_kint(struct json_w *w, const char *name, int64_t v)
{
    json_w_name(w, name);
    json_w_int(w, v);
}

void json_w_kbool(struct json_w *w, const char *name, bool v)
{
    json_w_name(w, name);
    json_w_bool(w, v);
}

void json_w_kraw(struct json_w *w, const char *name, struct span json)
{
    json_w_name(w, name);
    json_w_raw(w, json);
}
