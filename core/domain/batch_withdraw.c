/* Taking a batch back, a part at a time: each part is one command, and the entry at its end says how far it is. */
#include "domain/batch_impl.h"

#include <stdlib.h>
#include <string.h>

#include "domain/access.h"
#include "domain/dictionary.h"
#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/record_impl.h"
#include "domain/street.h"
#include "domain/user.h"
#include "store/txn.h"
#include "store/version.h"

enum { MOST = 500, LOOK_FACTOR = 8, AT_ONCE = 64, HISTORY_AT_ONCE = 16 };

struct undo {
    struct txn *t;
    const struct type *type;
    struct batch_about *b;
    struct arena *a, line;
    struct batch_range *void_ranges, /* of all batches that are taken back */
        *older;                      /* … under the same name before this one */
    size_t void_count, older_count;
    uint64_t written;
};

/* --- what is void --------------------------------------------------------------------------------------- */

static bool read_ranges(const struct json *list, struct arena *a, struct batch_range **out,
                        size_t *count, size_t have)
{
    size_t n = json_count(list);
    struct batch_range *all = arena_alloc(a, (have + n + 1) * sizeof *all);
    if (have)
        memcpy(all, *out, have * sizeof *all);
    for (size_t i = 0; i < n; i++) {
        int64_t first = 0, last = 0;
        if (!json_int(json_item(json_item(list, i), 0), &first) ||
            !json_int(json_item(json_item(list, i), 1), &last))
            return false;
        all[have + i] = (struct batch_range){(uint64_t)first, (uint64_t)last};
    }
    *out = all;
    *count = have + n;
    return true;
}

bool batch_taken_back_read(struct span body, struct arena *a, struct batch_taken_back *out)
{
    const struct json *v = json_parse(a, body, &batch_limits, NULL, NULL);
    *out = (struct batch_taken_back){.type = json_string(json_get(v, "type")),
                                     .reason = json_string(json_get(v, "reason")),
                                     .first = batch_member(v, "first")};
    return span_eq(json_string(json_get(v, "state")), SPAN("done")) &&
           read_ranges(json_get(v, "ranges"), a, &out->ranges, &out->range_count, 0);
}

static int by_first(const void *x, const void *y)
{
    const struct batch_range *a = x, *b = y;
    return (a->first > b->first) - (a->first < b->first);
}

static bool find_void(struct undo *u, struct err *e)
{
    struct version_scan *s = version_scan_open(txn_view(u->t), ENTRY_WITHDRAWAL, SPAN_NONE,
                                               SPAN_NONE, false, SEQ_LATEST);
    struct entry entry;
    struct err why = {0};
    while (version_scan_next(s, u->a, &entry, &why)) {
        const struct json *v = json_parse(u->a, entry.body, &batch_limits, NULL, NULL);
        const struct json *lists[] = {json_get(v, "older"), json_get(v, "ranges")};
        bool own = span_eq(entry.key, u->b->key);
        bool same = own && batch_member(v, "began") == u->b->began;
        for (int i = 0; i < (same ? 1 : 2); i++) {
            read_ranges(lists[i], u->a, &u->void_ranges, &u->void_count, u->void_count);
            if (own)
                read_ranges(lists[i], u->a, &u->older, &u->older_count, u->older_count);
        }
    }
    version_scan_close(s);
    if (why.code != ERR_NONE && why.code != ERR_MISSING)
        return err_set(e, why.code, "%s", why.text);
    struct batch_range *all =
        arena_alloc(u->a, (u->void_count + u->b->range_count + 1) * sizeof *all);
    if (u->void_count)
        memcpy(all, u->void_ranges, u->void_count * sizeof *all);
    size_t n = u->void_count;
    for (size_t i = 0; i < u->b->range_count; i++)
        all[n++] = u->b->ranges[i];
    qsort(all, n, sizeof *all, by_first);
    u->void_ranges = all;
    u->void_count = n;
    return true;
}

/* --- one record ------------------------------------------------------------------------------------------- */

static uint64_t origin(const struct entry *version)
{
    return version->cause ? version->cause : version->seq;
}

static bool is_void(const struct undo *u, const struct entry *version)
{
    return batch_ranges_have(u->void_ranges, u->void_count, origin(version));
}

/* The newest version that no batch taken back has brought. False with ERR_NONE: there is none. */
static bool find_base(struct undo *u, struct span key, struct entry *out, struct err *e)
{
    struct entry found[HISTORY_AT_ONCE];
    uint64_t as_of = SEQ_LATEST;
    for (;;) {
        size_t n = 0;
        if (!version_history(txn_view(u->t), &u->line, u->type->id, key, as_of, found,
                             HISTORY_AT_ONCE, &n, e))
            return false;
        for (size_t i = 0; i < n; i++)
            if (!is_void(u, &found[i])) {
                *out = found[i];
                return true;
            }
        if (n < HISTORY_AT_ONCE || found[n - 1].seq <= 1)
            return false;
        as_of = found[n - 1].seq - 1;
    }
}

static bool undo_record(struct undo *u, const struct entry *brought, struct err *e)
{
    struct entry now, base = {0};
    struct err why = {0};
    struct span key = arena_span(&u->line, brought->key);
    if (!version_get(txn_view(u->t), &u->line, u->type->id, key, SEQ_LATEST, &now, &why) ||
        !batch_brought(u->b, origin(&now))) {
        u->b->kept++;
        return true;
    }
    bool before = find_base(u, key, &base, &why) && base.op == ENTRY_PUT;
    if (why.code != ERR_NONE && why.code != ERR_MISSING)
        return err_set(e, why.code, "%s", why.text);
    if (!before && now.op == ENTRY_WITHDRAW)
        return true;
    uint64_t seq = record_append_copy(u->t, u->type, before ? ENTRY_PUT : ENTRY_WITHDRAW, key,
                                      before ? base.body : now.body,
                                      base.seq ? origin(&base) : origin(&now), &u->line, e);
    if (!seq)
        return false;
    u->b->restored += before;
    u->b->taken += !before;
    u->written++;
    return true;
}

/* --- one part ---------------------------------------------------------------------------------------------- */

/* The first seq from `at` on that the batch brought; 0: no more. */
static uint64_t next_of(const struct batch_about *b, uint64_t at)
{
    for (size_t i = 0; i < b->range_count; i++)
        if (b->ranges[i].last >= at)
            return at > b->ranges[i].first ? at : b->ranges[i].first;
    return 0;
}

static uint64_t end_of(const struct batch_about *b, uint64_t at)
{
    for (size_t i = 0; i < b->range_count; i++)
        if (b->ranges[i].last >= at)
            return b->ranges[i].last;
    return at;
}

static bool undo_some(struct undo *u, uint64_t most, struct err *e)
{
    struct batch_about *b = u->b;
    struct entry entries[AT_ONCE];
    uint64_t looked = 0;
    for (uint64_t at;
         u->written < most && looked < most * LOOK_FACTOR && (at = next_of(b, b->next)) != 0;) {
        size_t n = 0, want = (size_t)(end_of(b, at) - at + 1);
        arena_reset(&u->line);
        if (!journal_read(txn_view(u->t), &u->line, at, entries,
                          want < AT_ONCE ? want : AT_ONCE, &n, e))
            return false;
        for (size_t i = 0; i < n; i++) {
            if (entries[i].type == u->type->id && !undo_record(u, &entries[i], e))
                return false;
            b->next = entries[i].seq + 1;
        }
        looked += n;
        if (!n)
            b->next = at + 1; /* never: the journal has no holes */
    }
    return true;
}

static void put_ranges(struct json_w *w, const char *name, const struct batch_range *ranges,
                       size_t count)
{
    json_w_name(w, name);
    json_w_array(w);
    for (size_t i = 0; i < count; i++) {
        json_w_array(w);
        json_w_int(w, (int64_t)ranges[i].first);
        json_w_int(w, (int64_t)ranges[i].last);
        json_w_array_end(w);
    }
    json_w_array_end(w);
}

static bool append_state(struct undo *u, bool done, struct err *e)
{
    const struct batch_about *b = u->b;
    struct buf body = {0};
    struct json_w w = json_w_begin(&body);
    json_w_object(&w);
    json_w_kspan(&w, "type", b->type);
    json_w_kspan(&w, "reason", b->reason);
    json_w_kspan(&w, "by", b->by);
    json_w_kint(&w, "began", (int64_t)b->began);
    json_w_kstr(&w, "state", done ? "done" : "running");
    json_w_kint(&w, "next", (int64_t)b->next);
    json_w_kint(&w, "first", (int64_t)b->first);
    put_ranges(&w, "ranges", b->ranges, b->range_count);
    put_ranges(&w, "older", u->older, u->older_count);
    json_w_kint(&w, "restored", (int64_t)b->restored);
    json_w_kint(&w, "withdrawn", (int64_t)b->taken);
    json_w_kint(&w, "kept", (int64_t)b->kept);
    json_w_object_end(&w);
    json_w_end(&w);
    struct entry_new entry = {.type = ENTRY_WITHDRAWAL, .key = b->key, .body = buf_view(&body)};
    bool ok = txn_append(u->t, &entry, e) != 0;
    buf_free(&body);
    return ok;
}

/* Everything that can be refused, before the first append. */
static bool may(const struct batch_withdraw *in, const struct street *street,
                const struct type *type, const struct batch_about *b, struct err *e)
{
    if (!type || (in->person && !access_may(in->person, street, ACCESS_TYPE_SEE, type)))
        return err_set(e, ERR_MISSING, "没有批次 %.*s", (int)span_cut_utf8(in->id, 60),
                       in->id.p);
    if (in->person && (in->person->role == ROLE_MACHINE ||
                       !access_may(in->person, street, ACCESS_TYPE_PUT, type)))
        return err_set(e, ERR_DENIED, "“%s”的批次只能由归口科室或管理员撤回", type->label);
    struct span reason = span_trim(in->reason);
    if (b->state == BATCH_KEPT && (!reason.n || reason.n > BATCH_REASON_MAX))
        return err_set(e, ERR_INPUT, "请写明撤回的原因（最多 %d 字节）", BATCH_REASON_MAX);
    return b->range_count ||
           err_set(e, ERR_CONFLICT, "批次 %.*s 没有带来新的或变更的记录，没有什么可撤回",
                   SPAN_ARG(b->name));
}

bool batch_withdraw_part(struct txn *t, const struct street *street,
                         const struct batch_withdraw *in, struct arena *a,
                         struct batch_about *out, struct err *e)
{
    struct undo u = {.t = t, .a = a, .b = out};
    if (!batch_find(txn_view(t), a, in->id, out, e))
        return false;
    u.type = street ? dictionary_find(street_dictionary(street), out->type) : NULL;
    if (!may(in, street, u.type, out, e))
        return false;
    if (out->state == BATCH_WITHDRAWN)
        return true;
    if (!find_void(&u, e))
        return false;
    if (out->state == BATCH_KEPT) {
        out->reason = arena_span(a, span_trim(in->reason));
        out->by = arena_span(a, in->by);
        out->next = out->ranges[0].first;
        txn_next(t, &out->first, NULL, NULL);
    }
    out->withdrawn_at = txn_now(t);
    bool ok = undo_some(&u, in->most > 0 ? (uint64_t)in->most : MOST, e);
    bool done = ok && !next_of(out, out->next);
    out->state = done ? BATCH_WITHDRAWN : BATCH_WITHDRAWING;
    ok = ok && append_state(&u, done, e);
    arena_free(&u.line);
    return ok;
}

struct span batch_withdrawal_open(struct view *v, struct arena *a)
{
    struct version_scan *s =
        version_scan_open(v, ENTRY_WITHDRAWAL, SPAN_NONE, SPAN_NONE, false, SEQ_LATEST);
    struct entry entry;
    struct span id = SPAN_NONE;
    while (!id.n && version_scan_next(s, a, &entry, NULL)) {
        const struct json *v2 = json_parse(a, entry.body, &batch_limits, NULL, NULL);
        if (!span_eq(json_string(json_get(v2, "state")), SPAN("running")))
            continue;
        struct buf text = {0};
        key_put_text(&text, entry.key);
        id = arena_span(a, buf_view(&text));
        buf_free(&text);
    }
    version_scan_close(s);
    return id;
}
