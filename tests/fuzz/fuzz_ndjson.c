/*
 * Any bytes at the intake door, as NDJSON, JSON array or CSV (the first byte says which and how the text
 * is cut): it must not fall over; however the text is cut the same comes out; what is taken is a sound row
 * whose view reads back as the same record.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/dictionary.h"
#include "domain/record.h"
#include "domain/row.h"
#include "util/err.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define F(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"}"
static const char records[] =
    "{\"types\":[{\"id\":\"t\",\"key\":[\"id\",\"month\"],\"time\":\"month\",\"event\":\"at\","
    "\"fields\":[" F("id", "string") "," F("month", "month") "," F("at", "datetime") "," F(
        "on",
        "date") "," F("n",
                      "number") "," F("i",
                                      "integer") "," F("ok",
                                                       "boolean") "," F("tags",
                                                                        "strings") ","
                                                                                   "{\"name\":"
                                                                                   "\"level\","
                                                                                   "\"type\":"
                                                                                   "\"enum\","
                                                                                   "\"choices\""
                                                                                   ":[\"red\","
                                                                                   "\"blue\"],"
                                                                                   "\"choice_"
                                                                                   "labels\":["
                                                                                   "\"红\","
                                                                                   "\"蓝\"]},"
                                                                                   "{\"name\":"
                                                                                   "\"note\","
                                                                                   "\"type\":"
                                                                                   "\"string\","
                                                                                   "\"label\":"
                                                                                   "\"说明\"}]}"
                                                                                   "]}";

static void check_record(const struct type *t, const struct record *r)
{
    struct arena a = {0};
    struct buf text = {0};
    struct entry entry = {.seq = 1, .at = 1, .key = r->key, .body = r->body};
    struct record again;
    const char *field;
    struct err e = {0};
    must(r->type == t && row_is_sound(t, r->body) && r->key.n > 0 && r->key.n <= 256 &&
         r->line > 0);
    struct json_w w = json_w_begin(&text);
    record_view(t, &entry, NULL, true, &w);
    json_w_end(&w);
    if (text.n <=
        RECORD_LINE_MAX) { /* escapes and nulls may make it longer than what came in */
        must(record_parse(t, buf_view(&text), NULL, &a, &again, &field, &e));
        must(span_eq(again.key, r->key) && span_eq(again.body, r->body));
    }
    buf_free(&text);
    arena_free(&a);
}

static void put_span(struct buf *b, struct span s)
{
    buf_be32(b, (uint32_t)s.n);
    buf_span(b, s);
}

/* What a text gives, in bytes that can be compared. Records and refusals apart: each in its order. */
static void run(const struct type *t, enum record_format format, struct span text, unsigned cut,
                bool drop, struct buf *taken, struct buf *refused)
{
    struct record_reader *r = record_reader_new(t, format, NULL);
    struct err e = {0};
    bool ok = true;
    size_t at = 0;
    do {
        const struct record *list;
        const struct record_refusal *no;
        size_t n = text.n - at;
        if (cut) {
            cut = cut * 1103515245u + 12345u;
            size_t want = 1 + (cut >> 16) % 23;
            n = n < want ? n : want;
        }
        char *piece = malloc(n + 1);
        memcpy(piece, text.p + at, n);
        at += n;
        ok = record_reader_feed(r, (struct span){piece, n}, at == text.n, &e);
        free(piece);
        must(ok || (e.code != ERR_NONE && span_is_utf8(span_of(e.text))));
        if (!drop && ok && at < text.n)
            continue;
        n = record_reader_records(r, &list);
        for (size_t i = 0; i < n; i++) {
            check_record(t, &list[i]);
            buf_be64(taken, (uint64_t)list[i].line);
            put_span(taken, list[i].key);
            put_span(taken, list[i].body);
        }
        n = record_reader_refusals(r, &no);
        for (size_t i = 0; i < n; i++) {
            must(span_is_utf8(span_of(no[i].message)) && no[i].message[0]);
            buf_be64(refused, (uint64_t)no[i].line);
            put_span(refused, span_of(no[i].field));
            put_span(refused, span_of(no[i].message));
            put_span(refused, no[i].key);
        }
        record_reader_drop(r);
    } while (ok && at < text.n);
    put_span(taken, span_of(e.text));
    record_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dictionary *d;
    struct err e = {0};
    if (!d)
        must(d = dictionary_make(span_of(records), &e));
    if (size == 0)
        return 0;
    const struct type *t = dictionary_at(d, 0);
    enum record_format format = data[0] % 3;
    unsigned cut = data[0] / 3 + 1u;
    struct span text = {(const char *)data + 1, size - 1};
    struct buf whole[2] = {{0}}, pieces[2] = {{0}};
    run(t, format, text, 0, false, &whole[0], &whole[1]);
    run(t, format, text, cut, cut & 1, &pieces[0], &pieces[1]);
    for (int i = 0; i < 2; i++) {
        must(span_eq(buf_view(&whole[i]), buf_view(&pieces[i])));
        buf_free(&whole[i]);
        buf_free(&pieces[i]);
    }
    return 0;
}
