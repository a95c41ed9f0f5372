#include "domain/record.h"

#include <string.h>

#include "domain/row.h"
#include "domain/seal.h"
#include "util/calendar.h"
#include "util/json.h"
#include "util/utf8.h"

static size_t characters(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += !utf8_is_tail((unsigned char)s.p[i]);
    return n;
}

/* Telephone and document numbers keep three in front and four behind; names and addresses one. */
static void put_masked(struct buf *b, struct span s)
{
    size_t digits = 0, chars = characters(s), first;
    for (size_t i = 0; i < s.n; i++)
        digits += (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == 'X' || s.p[i] == 'x';
    if (digits == s.n && s.n >= 11) {
        buf_put(b, s.p, 3);
        for (size_t i = 0; i < s.n - 7; i++)
            buf_char(b, '*');
        buf_put(b, s.p + s.n - 4, 4);
        return;
    }
    first = chars > 1 && digits < s.n
                ? utf8_length((const unsigned char *)s.p, (const unsigned char *)s.p + s.n)
                : 0;
    buf_put(b, s.p, first);
    buf_str(b, "**");
}

static void private_view(const struct type *t, const struct entry *entry, int field,
                         struct span sealed, struct vault *vault, bool reveal, struct json_w *w)
{
    struct arena a = {0};
    struct buf text = {0};
    struct span plain;
    struct err e = {0};
    bool open = vault && seal_open(vault, seal_person(&a, t, entry->key),
                                   span_of(t->fields[field].name), sealed, &a, &plain, &e);
    if (open && reveal)
        json_w_span(w, plain);
    else if (open) {
        put_masked(&text, plain);
        json_w_span(w, buf_view(&text));
    } else if (e.code == ERR_MISSING)
        json_w_str(w, "（已抹除）");
    else
        json_w_str(w, "***");
    buf_free(&text);
    arena_free(&a);
}

void record_view(const struct type *t, const struct entry *entry, struct vault *vault,
                 bool reveal, struct json_w *w)
{
    struct buf at = {0};
    json_w_object(w);
    for (int i = 0; i < t->field_count; i++) {
        struct row_value v = row_get(t, entry->body, i);
        json_w_name(w, t->fields[i].name);
        if (t->fields[i].is_private && !v.null)
            private_view(t, entry, i, v.text, vault, reveal, w);
        else
            row_put_json(w, &v);
    }
    calendar_put_datetime(&at, entry->at);
    json_w_kstr(w, "type", t->name);
    json_w_kspan(w, "stored_at", buf_view(&at));
    json_w_kint(w, "_seq", (int64_t)entry->seq);
    json_w_kspan(w, "_at", buf_view(&at));
    json_w_object_end(w);
    buf_free(&at);
}

void record_refusal_view(const struct record_refusal *x, struct json_w *w)
{
    json_w_object(w);
    json_w_kint(w, "line", x->line);
    json_w_kstr(w, "field", x->field);
    json_w_kstr(w, "message", x->message);
    json_w_object_end(w);
}
