/*
 * Any bytes at the CSV reader, whole and in pieces: rows, lines and errors must be the same. The first
 * byte of the input draws the pieces, the rest is the text.
 */
#include <stdint.h>
#include <string.h>

#include "util/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note_row(void *ctx, long line, const struct span *fields, int count)
{
    struct buf *out = ctx;
    must(count >= 1 && count <= CSV_COLUMNS_MAX);
    buf_be64(out, (uint64_t)line);
    buf_u8(out, (uint8_t)count);
    for (int i = 0; i < count; i++) {
        must(fields[i].p[fields[i].n] == '\0' && span_is_utf8(fields[i]));
        buf_be64(out, fields[i].n);
        buf_span(out, fields[i]);
    }
    return true;
}

static void read_all(struct span text, uint32_t pieces, struct buf *out)
{
    struct csv c;
    struct err e = {0};
    bool ok = true;
    csv_init(&c);
    while (ok && text.n) {
        pieces = pieces * 1664525 + 1013904223;
        size_t n = pieces >> 28;
        n = n < text.n ? n : text.n;
        ok = csv_feed(&c, (struct span){text.p, n}, n == text.n && (pieces >> 20 & 1), note_row,
                      out, &e);
        text.p += n;
        text.n -= n;
    }
    ok = ok && csv_feed(&c, SPAN_NONE, true, note_row, out, &e);
    must(ok == (e.code == ERR_NONE) && span_is_utf8(span_of(e.text)));
    buf_str(out, e.text);
    csv_fini(&c);
}

static void read_whole(struct span text, struct buf *out)
{
    struct csv c;
    struct err e = {0};
    csv_init(&c);
    csv_feed(&c, text, true, note_row, out, &e);
    buf_str(out, e.text);
    csv_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, pieces = {0};
    if (size == 0)
        return 0;
    struct span text = {(const char *)data + 1, size - 1};
    read_whole(text, &whole);
    read_all(text, data[0], &pieces);
    must(span_eq(buf_view(&whole), buf_view(&pieces)));
    buf_free(&whole);
    buf_free(&pieces);
    return 0;
}
