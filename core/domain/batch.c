#include "domain/batch.h"

#include <stdio.h>

#include "domain/access.h"
#include "domain/batch_impl.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/street.h"
#include "store/index.h"
#include "store/version.h"
#include "util/calendar.h"
#include "util/json.h"

enum { PARTS_AT_ONCE = 32 };

const struct json_limits batch_limits = {.bytes = 64 << 20, .string = 64 << 20};

uint64_t batch_member(const struct json *v, const char *name)
{
    int64_t n = 0;
    return json_int(json_get(v, name), &n) && n > 0 ? (uint64_t)n : 0;
}

static struct span text(struct arena *a, const struct json *v, const char *name)
{
    struct span s = json_string(json_get(v, name));
    return s.n ? arena_span(a, s) : SPAN_NONE;
}

bool batch_ranges_have(const struct batch_range *ranges, size_t count, uint64_t seq)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ranges[mid].last < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low < count && ranges[low].first <= seq;
}

bool batch_brought(const struct batch_about *b, uint64_t seq)
{
    return batch_ranges_have(b->ranges, b->range_count, seq);
}

/* --- one batch --------------------------------------------------------------------------------------- */

static void read_newest(struct batch_about *b, struct arena *a, const struct entry *entry,
                        const struct json *v)
{
    b->seq = entry->seq;
    b->at = entry->at;
    b->type = text(a, v, "type");
    b->mode = text(a, v, "mode");
    b->scope = text(a, v, "scope");
    b->began = batch_member(v, "began");
    b->parts = batch_member(v, "parts");
    b->rows = batch_member(v, "rows");
    b->accepted = batch_member(v, "accepted");
    b->unchanged = batch_member(v, "unchanged");
    b->withdrawn = batch_member(v, "withdrawn");
    b->refused = batch_member(v, "refused");
    b->done = json_bool(json_get(v, "done"), true);
}

static void add_range(struct batch_about *b, struct arena *a, size_t *cap, const struct json *v)
{
    struct batch_range r = {batch_member(v, "first"), batch_member(v, "last")};
    if (!r.first || r.last < r.first)
        return;
    if (b->range_count == *cap) {
        *cap = *cap ? *cap * 2 : 8;
        struct batch_range *more = arena_alloc(a, *cap * sizeof *more);
        for (size_t i = 0; i < b->range_count; i++)
            more[i] = b->ranges[i];
        b->ranges = more;
    }
    b->ranges[b->range_count++] = r;
}

/* Parts come newest first. */
static void turn_round(struct batch_about *b)
{
    for (size_t i = 0; i < b->range_count / 2; i++) {
        struct batch_range r = b->ranges[i];
        b->ranges[i] = b->ranges[b->range_count - 1 - i];
        b->ranges[b->range_count - 1 - i] = r;
    }
}

/* What the parts tell; a part that says "done" behind the newest belongs to what had the name before. */
static bool read_parts(struct view *v, struct arena *a, struct batch_about *b, struct err *e)
{
    struct entry parts[PARTS_AT_ONCE];
    struct arena brief = {0};
    size_t n = 0, cap = 0;
    uint64_t as_of = SEQ_LATEST;
    bool going = true, ok = true;
    while (going && ok) {
        arena_reset(&brief);
        ok =
            version_history(v, &brief, ENTRY_BATCH, b->key, as_of, parts, PARTS_AT_ONCE, &n, e);
        for (size_t i = 0; ok && going && i < n; i++) {
            const struct json *body =
                json_parse(&brief, parts[i].body, &batch_limits, NULL, NULL);
            bool newest = !b->seq;
            if (newest)
                read_newest(b, a, &parts[i], body);
            else
                going = !json_bool(json_get(body, "done"), true) &&
                        batch_member(body, "began") == b->began;
            if (going)
                add_range(b, a, &cap, body);
        }
        going = going && n == PARTS_AT_ONCE && parts[n - 1].seq > 1;
        if (going)
            as_of = parts[n - 1].seq - 1;
    }
    arena_free(&brief);
    turn_round(b);
    return ok && (b->seq || err_set(e, ERR_MISSING, "没有这个批次"));
}

static bool read_withdrawal(struct view *v, struct arena *a, struct batch_about *b,
                            struct err *e)
{
    struct entry entry;
    struct err why = {0};
    if (!version_get(v, a, ENTRY_WITHDRAWAL, b->key, SEQ_LATEST, &entry, &why))
        return why.code == ERR_MISSING || err_set(e, why.code, "%s", why.text);
    const struct json *body = json_parse(a, entry.body, &batch_limits, NULL, NULL);
    if (batch_member(body, "began") != b->began)
        return true; /* of what had the name before */
    b->reason = text(a, body, "reason");
    b->by = text(a, body, "by");
    b->withdrawn_at = entry.at;
    b->restored = batch_member(body, "restored");
    b->taken = batch_member(body, "withdrawn");
    b->kept = batch_member(body, "kept");
    b->next = batch_member(body, "next");
    b->first = batch_member(body, "first");
    bool done = span_eq(json_string(json_get(body, "state")), SPAN("done"));
    /* parts that came after it are still to be taken back */
    bool all = !b->range_count || b->next > b->ranges[b->range_count - 1].last;
    b->state = done && all ? BATCH_WITHDRAWN : BATCH_WITHDRAWING;
    return true;
}

static bool read_batch(struct view *v, struct arena *a, struct span key,
                       struct batch_about *out, struct err *e)
{
    struct span parts[2] = {SPAN_NONE, SPAN_NONE};
    *out = (struct batch_about){.key = arena_span(a, key)};
    key_split(out->key, parts, 2);
    out->source = parts[0];
    out->name = parts[1];
    return read_parts(v, a, out, e) && read_withdrawal(v, a, out, e);
}

/* The one key whose batch has this name. */
static bool key_by_name(struct view *v, struct arena *a, struct span name, struct span *key,
                        struct err *e)
{
    struct index_scan *s =
        index_scan_open(v, ENTRY_BATCH, BATCH_BY_NAME, name, INT64_MIN, INT64_MAX, true);
    struct span found;
    int64_t time;
    bool several = false;
    struct err why = {0};
    *key = SPAN_NONE;
    while (!several && index_scan_next(s, a, &found, &time, &why)) {
        several = key->n && !span_eq(*key, found);
        if (!key->n)
            *key = arena_span(a, found);
    }
    index_scan_close(s);
    if (why.code != ERR_NONE && why.code != ERR_MISSING)
        return err_set(e, why.code, "%s", why.text);
    if (several)
        return err_set(e, ERR_INPUT, "有几个来源都送过批次 %.*s，请写成“来源|批次”",
                       (int)span_cut_utf8(name, 60), name.p);
    return key->n || err_set(e, ERR_MISSING, "没有批次 %.*s", (int)span_cut_utf8(name, 60),
                             name.p ? name.p : "");
}

bool batch_find(struct view *v, struct arena *a, struct span id, struct batch_about *out,
                struct err *e)
{
    struct err why = {0};
    struct entry entry;
    struct span key = key_from_text(a, id, 2, &why);
    if (key.n && version_get(v, a, ENTRY_BATCH, key, SEQ_LATEST, &entry, &why))
        return read_batch(v, a, key, out, e);
    if (why.code == ERR_STORE)
        return err_set(e, why.code, "%s", why.text);
    return key_by_name(v, a, id, &key, e) && read_batch(v, a, key, out, e);
}

bool batch_of_version(struct view *v, struct arena *a, struct span type, uint64_t seq,
                      struct batch_about *out, struct err *e)
{
    struct index_scan *s =
        index_scan_open(v, ENTRY_BATCH, BATCH_BY_TYPE, type, (int64_t)seq, INT64_MAX, false);
    struct span key = SPAN_NONE;
    int64_t time = 0;
    struct err why = {0};
    struct entry entry;
    bool found = index_scan_next(s, a, &key, &time, &why);
    if (found)
        key = arena_span(a, key);
    index_scan_close(s);
    if (!found && why.code != ERR_NONE && why.code != ERR_MISSING)
        return err_set(e, why.code, "%s", why.text);
    if (!found || !journal_get(v, a, (uint64_t)time, &entry, e) || entry.type != ENTRY_BATCH)
        return err_set(e, ERR_MISSING, "这一版不是随批次来的");
    const struct json *body = json_parse(a, entry.body, &batch_limits, NULL, NULL);
    if (batch_member(body, "first") > seq || batch_member(body, "last") < seq)
        return err_set(e, ERR_MISSING, "这一版不是随批次来的");
    return read_batch(v, a, key, out, e);
}

/* --- for people --------------------------------------------------------------------------------------- */

static void put_time(struct json_w *w, const char *name, int64_t us)
{
    char bytes[64];
    struct buf b = {bytes, 0, sizeof bytes};
    calendar_put_datetime(&b, us);
    json_w_kspan(w, name, buf_view(&b));
}

static void put_withdrawal(const struct batch_about *b, struct json_w *w)
{
    json_w_kspan(w, "reason", b->reason);
    json_w_kspan(w, "by", b->by);
    put_time(w, "withdrawn_at", b->withdrawn_at);
    json_w_kint(w, "restored", (int64_t)b->restored);
    json_w_kint(w, "taken_back", (int64_t)b->taken);
    json_w_kint(w, "kept", (int64_t)b->kept);
}

void batch_view(const struct batch_about *b, struct json_w *w)
{
    static const char *const states[] = {"kept", "withdrawing", "withdrawn"};
    struct buf id = {0};
    key_put_text(&id, b->key);
    json_w_object(w);
    json_w_kspan(w, "id", buf_view(&id));
    json_w_kspan(w, "source", b->source);
    json_w_kspan(w, "batch", b->name);
    json_w_kspan(w, "type", b->type);
    json_w_kspan(w, "mode", b->mode);
    json_w_name(w, "scope");
    if (b->scope.n)
        json_w_span(w, b->scope);
    else
        json_w_null(w);
    put_time(w, "at", b->at);
    json_w_kint(w, "seq", (int64_t)b->seq);
    json_w_kint(w, "parts", (int64_t)b->parts);
    json_w_kint(w, "rows", (int64_t)b->rows);
    json_w_kint(w, "accepted", (int64_t)b->accepted);
    json_w_kint(w, "unchanged", (int64_t)b->unchanged);
    json_w_kint(w, "withdrawn", (int64_t)b->withdrawn);
    json_w_kint(w, "rejected_count", (int64_t)b->refused);
    json_w_kbool(w, "done", b->done);
    json_w_kstr(w, "state", states[b->state]);
    if (b->state != BATCH_KEPT)
        put_withdrawal(b, w);
    json_w_object_end(w);
    buf_free(&id);
}

static struct index_scan *open_list(struct view *v, const struct batch_filter *f)
{
    int64_t to = f->before ? (int64_t)f->before - 1 : INT64_MAX;
    uint16_t field = f->source.n ? BATCH_BY_SOURCE : f->type.n ? BATCH_BY_TYPE : BATCH_ANY;
    struct span value = f->source.n ? f->source : f->type.n ? f->type : SPAN("*");
    return index_scan_open(v, ENTRY_BATCH, field, value, 0, to, true);
}

static bool shown(const struct street *street, const struct person *person,
                  const struct batch_filter *f, const struct batch_about *b)
{
    const struct type *t = street ? dictionary_find(street_dictionary(street), b->type) : NULL;
    return t && access_may(person, street, ACCESS_TYPE_SEE, t) &&
           (!f->type.n || span_eq(f->type, b->type)) &&
           (!f->source.n || span_eq(f->source, b->source));
}

bool batch_list(struct view *v, struct arena *a, const struct street *street,
                const struct person *person, const struct batch_filter *f, struct json_w *w,
                struct err *e)
{
    struct index_scan *s = open_list(v, f);
    struct span key;
    int64_t seq = 0, last = 0;
    int found = 0, tried = 0;
    bool more = false;
    json_w_object(w);
    json_w_name(w, "items");
    json_w_array(w);
    while (!more && index_scan_next(s, a, &key, &seq, e)) {
        struct batch_about b;
        struct entry newest;
        struct err why = {0};
        /* each part has its posting: a batch stands where its last one is */
        if (!version_get(v, a, ENTRY_BATCH, key, SEQ_LATEST, &newest, &why) ||
            newest.seq != (uint64_t)seq || !read_batch(v, a, key, &b, &why) ||
            !shown(street, person, f, &b)) {
            more = ++tried == LIST_TRIED_MAX;
            last = more ? seq : last;
            continue;
        }
        more = found == f->limit;
        if (more)
            break;
        batch_view(&b, w);
        last = seq;
        found++;
    }
    index_scan_close(s);
    json_w_array_end(w);
    json_w_name(w, "next");
    if (more)
        json_w_int(w, last);
    else
        json_w_null(w);
    json_w_object_end(w);
    return e->code == ERR_NONE || e->code == ERR_MISSING;
}
