/*
 * Records at the door: parsing NDJSON, applying to a store without sync, the same again (unchanged), and
 * the ways of finding. Prints numbers, judges nothing. R=records.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/dictionary.h"
#include "domain/record.h"
#include "store/store.h"
#include "store/version.h"
#include "store/view.h"
#include "store/writer.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/err.h"

/* clang-format off */
#define F(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"}"
static const char records[] =
    "{\"types\":[{\"id\":\"camera_event\",\"key\":[\"event_id\"],\"event\":\"occurred_at\","
    "\"indexes\":[\"place_id\",\"shop_id\",\"camera_id\"],\"fields\":["
    F("event_id", "string") "," F("camera_id", "string") "," F("place_id", "string") ","
    "{\"name\":\"event_type\",\"type\":\"enum\",\"choices\":[\"vendor\",\"crowd\"]},"
    F("occurred_at", "datetime") "," F("confidence", "number") "," F("shop_id", "string") ","
    F("people_count", "integer") "]}]}";
/* clang-format on */

struct apply {
    struct command command;
    struct dictionary *d;
    struct batch batch;
};

static bool apply(struct command *c, struct txn *t, struct err *e)
{
    struct apply *a = (struct apply *)c;
    struct batch_result result;
    return record_apply(t, a->d, &a->batch, &result, e);
}

static void told(const char *what, size_t n, int64_t since)
{
    double s = (double)(clock_mono_us() - since) / 1e6;
    printf("%-36s %10.0f /s   (%zu in %.3f s)\n", what, (double)n / s, n, s);
}

static void write_lines(struct buf *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(b,
                   "{\"event_id\":\"CE202007%08zu\",\"camera_id\":\"CAM%03zu\",\"place_id\":"
                   "\"P%03zu\","
                   "\"event_type\":\"crowd\",\"occurred_at\":\"2020-07-%02zuT%02zu:%02zu:%02zu+"
                   "08:00\","
                   "\"confidence\":0.93,\"people_count\":%zu}\n",
                   i, i % 500, i % 300, 1 + i / 86400 % 28, i / 3600 % 24, i / 60 % 60, i % 60,
                   i % 40);
}

static void parse(const struct type *t, struct span text, size_t n)
{
    struct record_reader *r = record_reader_new(t, RECORD_NDJSON, NULL);
    int64_t since = clock_mono_us();
    for (size_t at = 0; at < text.n;) {
        size_t piece = text.n - at < 65536 ? text.n - at : 65536;
        record_reader_feed(r, (struct span){text.p + at, piece}, at + piece == text.n, NULL);
        record_reader_drop(r);
        at += piece;
    }
    told("parse NDJSON, one core", n, since);
    record_reader_free(r);
}

static void put(struct store *s, struct dictionary *d, const struct record *list, size_t n,
                const char *what)
{
    struct apply a = {.command = {.apply = apply}, .d = d};
    struct err e = {0};
    int64_t since = clock_mono_us();
    for (size_t i = 0; i < n; i += 2000) {
        a.batch = (struct batch){.type = list->type,
                                 .records = list + i,
                                 .count = n - i < 2000 ? n - i : 2000,
                                 .quiet = true};
        if (!store_apply(s, &a.command, &e))
            printf("%s\n", e.text);
    }
    told(what, n, since);
}

static void scan(struct view *v, const struct type *t, const char *field, const char *value,
                 const char *what)
{
    struct record_where where = {field ? type_field(t, span_of(field)) : 0, span_of(value)};
    struct arena a = {0};
    struct entry entry;
    size_t n = 0;
    int64_t since = clock_mono_us();
    struct record_scan *s =
        record_scan_open(v, t, &where, field != NULL, true, SPAN_NONE, SEQ_LATEST);
    for (; record_scan_next(s, &a, &entry, NULL); n++)
        arena_reset(&a);
    record_scan_close(s);
    arena_free(&a);
    told(what, n, since);
}

int main(void)
{
    const char *asked = getenv("R");
    size_t n = asked ? strtoul(asked, NULL, 10) : 200000;
    char dir[] = "/tmp/wangyi-bench-XXXXXX", cmd[64];
    struct err e = {0};
    struct buf text = {0};
    const struct record *list;
    struct dictionary *d = dictionary_make(span_of(records), &e);
    const struct type *t = dictionary_at(d, 0);
    if (!mkdtemp(dir))
        return 1;
    struct store *s = store_open(&(struct store_options){.dir = dir, .no_sync = true}, &e);
    if (!s) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    write_lines(&text, n);
    parse(t, buf_view(&text), n);
    struct record_reader *r = record_reader_new(t, RECORD_NDJSON, NULL);
    record_reader_feed(r, buf_view(&text), true, &e);
    size_t count = record_reader_records(r, &list);
    put(s, d, list, count, "apply, new, 4 postings, no sync");
    put(s, d, list, count, "apply, unchanged");
    struct view *v = view_open(s, &e);
    scan(v, t, NULL, NULL, "scan the whole type");
    scan(v, t, "place_id", "P007", "scan by index");
    view_close(v);
    record_reader_free(r);
    buf_free(&text);
    store_close(s);
    dictionary_free(d);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd) != 0;
}
