#include "domain/record.h"

#include <stdlib.h>
#include <string.h>

#include "domain/batch.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/record_impl.h"
#include "store/store.h"
#include "store/txn.h"
#include "store/version.h"
#include "util/calendar.h"
#include "util/id.h"
#include "util/json.h"

enum { PARTS_MAX = 1000 };
static const int64_t SINGLE_EVERY_US = 3600LL * 1000000;

/* What the parts of a batch have brought so far: the body of its BATCH entry. */
struct progress {
    uint64_t parts, rows, accepted, unchanged, withdrawn, refused;
    uint64_t began;  /* first seq that the first part could write */
    bool unreadable; /* a refused line whose key is not known */
    struct span scope;
};

struct work {
    struct txn *txn;
    const struct batch *b;
    struct batch_result *out;
    struct arena *a, *line; /* for the whole command; for one record */
    struct span key;        /* of the BATCH entry */
    struct progress p;
    struct buf seen; /* 8 bytes for each key confirmed but not written, all parts */
    size_t own_seen; /* where those of this part begin */
};

static void see(struct work *w, struct span key)
{
    buf_be64(&w->seen, id_hash64(key));
}

static uint64_t member(const struct json *v, const char *name)
{
    int64_t n = 0;
    return json_int(json_get(v, name), &n) && n > 0 ? (uint64_t)n : 0;
}

static void read_seen(struct work *w, struct span hex)
{
    for (size_t i = 0; i + 16 <= hex.n; i += 16) {
        uint64_t v = 0;
        for (size_t j = 0; j < 16; j++) {
            unsigned char c = (unsigned char)hex.p[i + j];
            v = v << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        }
        buf_be64(&w->seen, v);
    }
}

/* One earlier part. False: the batch before was finished, or is of another type. */
static bool read_part(struct work *w, const struct entry *entry, bool newest)
{
    const struct json_limits limits = {.bytes = 64 << 20, .string = 64 << 20};
    const struct json *v = json_parse(w->line, entry->body, &limits, NULL, NULL);
    if (!v || json_bool(json_get(v, "done"), true) ||
        !span_eq(json_string(json_get(v, "type")), span_of(w->b->type->name)))
        return false;
    if (newest) {
        w->p = (struct progress){.parts = member(v, "parts"),
                                 .rows = member(v, "rows"),
                                 .accepted = member(v, "accepted"),
                                 .unchanged = member(v, "unchanged"),
                                 .refused = member(v, "refused"),
                                 .began = member(v, "began"),
                                 .unreadable = json_bool(json_get(v, "unreadable"), false),
                                 .scope = arena_span(w->a, json_string(json_get(v, "scope")))};
    }
    read_seen(w, json_string(json_get(v, "seen")));
    return true;
}

/* What the parts before this one have told. What they saw is needed with the last one only. */
static bool read_parts(struct work *w, struct err *e)
{
    struct view *v = txn_view(w->txn);
    struct entry newest, *parts;
    size_t n = 0;
    struct err none = {0};
    if (!version_get(v, w->line, ENTRY_BATCH, w->key, SEQ_LATEST, &newest, &none))
        return none.code == ERR_MISSING || err_set(e, none.code, "%s", none.text);
    bool running = read_part(w, &newest, true);
    buf_clear(&w->seen);
    if (!running || !w->b->full)
        return true;
    if (w->p.parts >= PARTS_MAX)
        return err_set(e, ERR_LIMIT, "这一批已经分了 %d 份，太多了；请并成大一些的份",
                       (int)PARTS_MAX);
    if (!w->b->last)
        return true;
    parts = arena_alloc(w->a, PARTS_MAX * sizeof *parts);
    if (!version_history(v, w->a, ENTRY_BATCH, w->key, SEQ_LATEST, parts, PARTS_MAX, &n, e))
        return false;
    for (size_t i = 0; i < n && read_part(w, &parts[i], false); i++)
        arena_reset(w->line);
    return true;
}

static bool name_batch(struct work *w, struct err *e)
{
    struct span name = w->b->name;
    uint64_t seed;
    char made[27];
    if (name.n >= sizeof w->out->name || (name.n && span_has_control(name)))
        return err_set(e, ERR_INPUT, "批次号最多 %d 字节，不能有控制字符",
                       (int)sizeof w->out->name - 1);
    if (name.n == 0) {
        txn_next(w->txn, NULL, NULL, &seed);
        id_from_seed(made, seed, SPAN("batch"));
        name = span_of(made);
    }
    memcpy(w->out->name, name.p, name.n);
    w->out->name[name.n] = '\0';
    struct span source = w->b->source.n ? w->b->source : SPAN("local");
    w->key = key_of2(w->a, source, name, e);
    return w->key.p != NULL;
}

/* The one value that all records of this part have in the scope field. */
static bool scope_of_records(struct work *w, struct span *scope, struct err *e)
{
    const struct type *t = w->b->type;
    *scope = SPAN_NONE;
    for (size_t i = 0; i < w->b->count; i++) {
        struct row_value v = row_get(t, w->b->records[i].body, t->scope);
        struct span text = record_value_text(&v, w->a);
        if (i && !span_eq(text, *scope))
            return err_set(
                e, ERR_INPUT,
                "这份全量名单里的“%s”不止一个（%.*s、%.*s）；请用 scope 说明是哪一份",
                t->fields[t->scope].label, SPAN_ARG(*scope), SPAN_ARG(text));
        *scope = text;
    }
    return true;
}

static struct span this_month(struct work *w)
{
    struct buf text = {0};
    calendar_put_month(&text, calendar_day_of(txn_now(w->txn)));
    struct span s = arena_span(w->a, buf_view(&text));
    buf_free(&text);
    return s;
}

static bool is_scope(const struct type *t, struct span s)
{
    int64_t v;
    enum field_kind kind = t->fields[t->scope].kind;
    return kind == FIELD_MONTH ? calendar_parse_month(s, &v)
                               : kind != FIELD_DATE || calendar_parse_date(s, &v);
}

static bool settle_scope(struct work *w, struct err *e)
{
    const struct type *t = w->b->type;
    struct span given = w->b->scope;
    if (t->scope < 0)
        return given.n == 0 ||
               err_set(e, ERR_INPUT, "%s的全量名单不分份，不要写 scope", t->label);
    if (given.n && !is_scope(t, given))
        return err_set(e, ERR_INPUT, "scope 要是“%s”的值（如 2020-06），收到“%.*s”",
                       t->fields[t->scope].label, (int)span_cut_utf8(given, 48), given.p);
    if (given.n && w->p.scope.n && !span_eq(given, w->p.scope))
        return err_set(e, ERR_CONFLICT, "批次 %s 前面各份的 scope 是 %.*s，这一份却是 %.*s",
                       w->out->name, SPAN_ARG(w->p.scope), (int)span_cut_utf8(given, 48),
                       given.p);
    if (given.n || w->p.scope.n) {
        w->p.scope = given.n ? given : w->p.scope;
        return true;
    }
    if (!scope_of_records(w, &w->p.scope, e))
        return false;
    if (w->p.scope.n == 0 && t->fields[t->scope].kind == FIELD_MONTH)
        w->p.scope = this_month(w);
    return w->p.scope.n || !w->b->last ||
           err_set(e, ERR_INPUT, "空的全量名单要用 scope 说明是哪一份");
}

/* Everything that can be refused, before the first append. */
static bool prepare(struct work *w, struct err *e)
{
    if (!name_batch(w, e))
        return false;
    if ((w->b->full || (w->b->name.n && !w->b->single)) && !read_parts(w, e))
        return false;
    if (!w->p.began)
        txn_next(w->txn, &w->p.began, NULL, NULL);
    w->own_seen = w->seen.n;
    return !w->b->full || settle_scope(w, e);
}

static void count_seq(struct work *w, uint64_t seq)
{
    if (!w->out->first_seq)
        w->out->first_seq = seq;
    w->out->last_seq = seq;
}

static bool write_records(struct work *w, struct err *e)
{
    for (size_t i = 0; i < w->b->count; i++) {
        const struct record *r = &w->b->records[i];
        uint64_t seq;
        arena_reset(w->line);
        if (!record_put_in(w->txn, w->b->type, r->key, r->body, w->line, &seq, e))
            return false;
        if (seq) {
            count_seq(w, seq);
            w->out->accepted++;
        } else {
            w->out->unchanged++;
            if (w->b->full)
                see(w, r->key);
        }
    }
    for (size_t i = 0; w->b->full && i < w->b->refusal_count; i++) {
        if (w->b->refusals[i].key.n)
            see(w, w->b->refusals[i].key);
        else
            w->p.unreadable = true;
    }
    return true;
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

static bool was_seen(const struct work *w, struct span key)
{
    uint64_t h;
    be64_put(&h, id_hash64(key));
    return w->seen.n && bsearch(&h, w->seen.p, w->seen.n / 8, 8, by_hash);
}

struct missing {
    struct missing *next;
    struct span key;
};

/* False: the store is damaged there. */
static bool find_missing(struct work *w, struct missing **list)
{
    const struct type *t = w->b->type;
    struct record_where where = {t->scope, w->p.scope};
    struct record_scan *s = record_scan_open(txn_view(w->txn), t, &where, t->scope >= 0, true,
                                             SPAN_NONE, SEQ_LATEST);
    struct entry entry;
    struct err end = {0};
    struct missing **tail = list;
    while (record_scan_next(s, w->line, &entry, &end)) {
        if (entry.seq < w->p.began && !was_seen(w, entry.key)) {
            struct missing *m = arena_alloc(w->a, sizeof *m);
            m->key = arena_span(w->a, entry.key);
            *tail = m;
            tail = &m->next;
        }
        arena_reset(w->line);
    }
    record_scan_close(s);
    return end.code == ERR_NONE;
}

static bool withdraw(struct work *w, struct span key, struct err *e)
{
    struct entry before = {0};
    struct err ignore = {0};
    if (!version_get(txn_view(w->txn), w->line, w->b->type->id, key, SEQ_LATEST, &before,
                     &ignore))
        before.body = SPAN_NONE;
    uint64_t seq =
        record_append(w->txn, w->b->type, ENTRY_WITHDRAW, key, before.body, w->line, e);
    if (!seq)
        return false;
    count_seq(w, seq);
    w->out->withdrawn++;
    arena_reset(w->line);
    return true;
}

static bool withdraw_missing(struct work *w, struct err *e)
{
    struct missing *list = NULL;
    if (w->seen.n)
        qsort(w->seen.p, w->seen.n / 8, 8, by_hash);
    if (w->p.unreadable ||
        !find_missing(w, &list)) { /* too late to refuse, never wrong to keep */
        w->out->withheld = true;
        return true;
    }
    for (; list; list = list->next)
        if (!withdraw(w, list->key, e))
            return false;
    return true;
}

static void put_batch_json(struct work *w, bool done, struct buf *body)
{
    const struct batch *b = w->b;
    struct json_w j = json_w_begin(body);
    json_w_object(&j);
    json_w_kstr(&j, "type", b->type->name);
    json_w_kstr(&j, "mode", b->full ? "full" : "add");
    if (w->p.scope.n)
        json_w_kspan(&j, "scope", w->p.scope);
    json_w_kint(&j, "parts", (int64_t)w->p.parts);
    json_w_kint(&j, "rows", (int64_t)w->p.rows);
    json_w_kint(&j, "accepted", (int64_t)w->p.accepted);
    json_w_kint(&j, "unchanged", (int64_t)w->p.unchanged);
    json_w_kint(&j, "withdrawn", (int64_t)w->out->withdrawn);
    json_w_kint(&j, "refused", (int64_t)w->p.refused);
    json_w_kbool(&j, "unreadable", w->p.unreadable);
    json_w_kint(&j, "began", (int64_t)w->p.began);
    if (w->out->first_seq) {
        json_w_kint(&j, "first", (int64_t)w->out->first_seq);
        json_w_kint(&j, "last", (int64_t)w->out->last_seq);
    }
    json_w_kbool(&j, "done", done);
    size_t n = w->seen.n - w->own_seen;
    if (!done && n) {
        char *hex = arena_alloc(w->a, 2 * n + 1);
        id_hex(hex, w->seen.p + w->own_seen, n);
        json_w_kstr(&j, "seen", hex);
    }
    json_w_object_end(&j);
}

static bool write_batch(struct work *w, bool done, struct err *e)
{
    struct buf body = {0};
    put_batch_json(w, done, &body);
    struct span parts[2] = {SPAN_NONE, SPAN_NONE};
    uint64_t seq;
    key_split(w->key, parts, 2);
    txn_next(w->txn, &seq, NULL, NULL);
    const struct posting postings[] = {
        {BATCH_BY_TYPE, span_of(w->b->type->name), (int64_t)seq},
        {BATCH_BY_SOURCE, parts[0], (int64_t)seq},
        {BATCH_BY_NAME, parts[1], (int64_t)seq},
        {BATCH_ANY, SPAN("*"), (int64_t)seq},
    };
    struct entry_new entry = {.type = ENTRY_BATCH,
                              .key = w->key,
                              .body = buf_view(&body),
                              .postings = postings,
                              .posting_count = sizeof postings / sizeof *postings};
    bool ok = txn_append(w->txn, &entry, e) != 0;
    buf_free(&body);
    return ok;
}

/* ---- the dataset_update of a batch ---- */

/* Where the last such update was found. Only a place to look first: what stands there is asked each time, so
 * it does no harm if it is old, or of another store. */
static _Thread_local struct {
    size_t n;
    char key[STORE_KEY_MAX];
} last_told;

static bool found(void *ctx, const struct entry *entry)
{
    *(bool *)ctx = true;
    if (entry->key.n && entry->key.n <= sizeof last_told.key) {
        memcpy(last_told.key, entry->key.p, entry->key.n);
        last_told.n = entry->key.n;
    }
    return false;
}

static bool is_update(const struct type *t, const struct entry *entry,
                      const struct record_where *where, int64_t from, int64_t to)
{
    int64_t at;
    struct buf text = {0};
    bool fits = entry->op == ENTRY_PUT && record_event_time(t, entry->body, &at) &&
                at >= from && at <= to && record_matches(t, entry->body, where, 1, &text);
    buf_free(&text);
    return fits;
}

static bool told_lately(struct work *w, const struct type *t, struct span dataset)
{
    struct record_where where = {type_field(t, SPAN("dataset_id")), dataset};
    struct view *v = txn_view(w->txn);
    int64_t now = txn_now(w->txn), from = now - SINGLE_EVERY_US + 1;
    struct span last = {last_told.key, last_told.n};
    struct err ignore = {0};
    struct entry entry;
    bool told = false;
    if (where.field < 0)
        return false;
    if (last.n && version_get(v, w->line, t->id, last, SEQ_LATEST, &entry, &ignore) &&
        is_update(t, &entry, &where, from, now))
        return true;
    return record_window(v, w->line, t, &where, 1, from, now, SEQ_LATEST, found, &told, NULL,
                         &ignore) &&
           told;
}

static void text_member(struct json_w *j, const struct type *t, const char *name, struct span v)
{
    if (type_field(t, span_of(name)) >= 0)
        json_w_kspan(j, name, v);
}

/* Built as JSON and parsed like any other: the office may have changed the type's fields. */
static bool write_update(struct work *w, const struct type *t, struct span dataset,
                         struct err *e)
{
    struct buf text = {0}, at = {0};
    struct record record;
    const char *field;
    struct err bad = {0};
    uint64_t seed, seq = 0;
    int64_t now;
    char id[27];
    txn_next(w->txn, NULL, &now, &seed);
    id_from_seed(id, seed, SPAN("dataset_update"));
    calendar_put_datetime(&at, now);
    struct json_w j = json_w_begin(&text);
    json_w_object(&j);
    text_member(&j, t, "update_id", span_of(id));
    text_member(&j, t, "dataset_id", dataset);
    text_member(&j, t, "updated_at", buf_view(&at));
    if (type_field(t, SPAN("rows")) >= 0)
        json_w_kint(&j, "rows", (int64_t)w->p.rows);
    if (w->b->source.n && !span_has_control(w->b->source))
        text_member(&j, t, "operator_id", w->b->source);
    json_w_object_end(&j);
    /* a dictionary that asks for more than we know gets no such record, rather than stopping all intake */
    bool ok = !record_parse(t, buf_view(&text), NULL, w->line, &record, &field, &bad) ||
              record_put_in(w->txn, t, record.key, record.body, w->line, &seq, e);
    buf_free(&text);
    buf_free(&at);
    return ok;
}

static bool tell_update(struct work *w, const struct dictionary *d, struct err *e)
{
    const struct type *t = dictionary_find(d, SPAN("dataset_update"));
    if (!t || t->id == w->b->type->id)
        return true;
    if (w->p.rows == 0 && w->p.refused > 0) /* nothing but bad lines keeps no source alive */
        return true;
    struct span dataset = span_of(arena_printf(w->a, "DS_%s", w->b->type->name));
    return (w->b->single && told_lately(w, t, dataset)) || write_update(w, t, dataset, e);
}

static bool apply(struct work *w, const struct dictionary *d, struct err *e)
{
    const struct batch *b = w->b;
    bool done = b->full ? b->last : !b->more;
    if (!prepare(w, e) || !write_records(w, e))
        return false;
    if (b->full && b->last && !withdraw_missing(w, e))
        return false;
    w->p.parts++;
    w->p.rows += b->count;
    w->p.accepted += w->out->accepted;
    w->p.unchanged += w->out->unchanged;
    w->p.refused += b->refusal_count;
    arena_reset(w->line);
    if (b->quiet)
        return true;
    if (done && !tell_update(w, d, e))
        return false;
    return b->single || write_batch(w, done, e);
}

bool record_apply(struct txn *t, struct dictionary *d, const struct batch *b,
                  struct batch_result *out, struct err *e)
{
    struct arena a = {0}, line = {0};
    struct err local = {0};
    struct work w = {.txn = t, .b = b, .out = out, .a = &a, .line = &line};
    *out = (struct batch_result){0};
    bool ok = apply(&w, d, e ? e : &local);
    buf_free(&w.seen);
    arena_free(&a);
    arena_free(&line);
    return ok;
}
