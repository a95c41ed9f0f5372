/* One record on its way into the journal: is it new, and under what will it be found. */
#include <string.h>

#include "domain/record_impl.h"
#include "store/txn.h"
#include "store/version.h"

static size_t posting_count(const struct type *t, struct span body)
{
    size_t n = t->event >= 0;
    for (int i = 0; i < t->field_count; i++) {
        if (!t->fields[i].indexed)
            continue;
        struct row_value v = row_get(t, body, i);
        n += v.null ? 0 : v.kind == FIELD_STRINGS ? v.list.count : 1;
    }
    return n;
}

struct span record_value_text(const struct row_value *v, struct arena *a)
{
    struct buf text = {0};
    if (v->kind == FIELD_STRING || v->kind == FIELD_ENUM)
        return v->text;
    row_put_text(&text, v);
    struct span s = arena_span(a, buf_view(&text));
    buf_free(&text);
    return s;
}

/* Postings of a body; values point into it or into the arena. */
static struct posting *postings_of(const struct type *t, struct span body, struct arena *a,
                                   size_t *count)
{
    struct posting *list = arena_alloc(a, (posting_count(t, body) + 1) * sizeof *list);
    struct span item;
    int64_t at = 0;
    size_t n = 0;
    if (record_event_time(t, body, &at))
        list[n++] = (struct posting){RECORD_FIELD_EVENT, SPAN_NONE, at};
    for (int i = 0; i < t->field_count; i++) {
        if (!t->fields[i].indexed)
            continue;
        struct row_value v = row_get(t, body, i);
        if (v.null)
            continue;
        if (v.kind != FIELD_STRINGS)
            list[n++] = (struct posting){(uint16_t)i, record_value_text(&v, a), at};
        else
            while (row_list_next(&v, &item))
                list[n++] = (struct posting){(uint16_t)i, item, at};
    }
    *count = n;
    return list;
}

uint64_t record_append_copy(struct txn *t, const struct type *type, enum entry_op op,
                            struct span key, struct span body, uint64_t origin, struct arena *a,
                            struct err *e)
{
    struct entry_new entry = {
        .type = type->id, .op = (uint8_t)op, .cause = origin, .key = key, .body = body};
    if (op == ENTRY_PUT)
        entry.postings = postings_of(type, body, a, &entry.posting_count);
    return txn_append(t, &entry, e);
}

uint64_t record_append(struct txn *t, const struct type *type, enum entry_op op,
                       struct span key, struct span body, struct arena *a, struct err *e)
{
    return record_append_copy(t, type, op, key, body, 0, a, e);
}

/* A stored version that cannot be read is as good as another one: the new one heals it. */
static bool is_stored(struct txn *t, const struct type *type, struct span key, struct span body,
                      struct arena *a)
{
    struct entry before;
    struct err ignore = {0};
    return version_get(txn_view(t), a, type->id, key, SEQ_LATEST, &before, &ignore) &&
           before.op == ENTRY_PUT && span_eq(before.body, body);
}

bool record_put_in(struct txn *t, const struct type *type, struct span key, struct span body,
                   struct arena *a, uint64_t *seq, struct err *e)
{
    *seq = 0;
    if (is_stored(t, type, key, body, a))
        return true;
    return (*seq = record_append(t, type, ENTRY_PUT, key, body, a, e)) != 0;
}

bool record_put(struct txn *t, const struct type *type, struct span key, struct span body,
                uint64_t *seq, struct err *e)
{
    struct arena a = {0};
    bool ok = record_put_in(t, type, key, body, &a, seq, e);
    arena_free(&a);
    return ok;
}

bool record_withdraw(struct txn *t, const struct type *type, struct span key, uint64_t *seq,
                     struct err *e)
{
    struct arena a = {0};
    struct entry before;
    struct err why = {0};
    *seq = 0;
    bool ok = true;
    if (record_find(txn_view(t), &a, type, key, SEQ_LATEST, &before, &why))
        ok = (*seq = record_append(t, type, ENTRY_WITHDRAW, key, before.body, &a, e)) != 0;
    else if (why.code != ERR_MISSING)
        ok = err_set(e, why.code, "%s", why.text);
    arena_free(&a);
    return ok;
}
