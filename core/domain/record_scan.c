/*
 * Walking records by equality. Three ways to candidates, by what `where` names: a key prefix, the index, the
 * whole type. "The latest of each subject" jumps from subject to subject (their keys lie together, before the
 * time part) and reads one record each, however long the history.
 */
#include "domain/record.h"

#include <stdlib.h>
#include <string.h>

#include "domain/record_impl.h"
#include "store/index.h"
#include "store/version.h"
#include "util/mem.h"

enum {
    INDEX_LANES = 8,
    GROUP_POSTINGS =
        16384, /* beyond, jumping from subject to subject is cheaper than a list of all versions */
};

struct record_scan {
    struct view *view;
    const struct type *type;
    struct record_where *where;
    size_t count;
    uint64_t as_of;
    int time_part; /* groups are told apart by the key parts before and behind it; -1: no groups */
    struct arena own, line; /* for the whole scan; for the record in hand */
    struct buf scratch;
    struct err failed;
    uint64_t passed_over, patience; /* stops when it has passed over so many */
    struct buf place;               /* … at this key */

    bool listed; /* candidates come from the index: keys in order, each once */
    struct span *keys;
    size_t key_count, key_at;

    struct span prefix;
    struct version_scan *walk; /* no list, no groups */

    struct buf
        head; /* groups: the subject's key parts before the time; behind this one goes on */
    struct span after; /* keys up to this one have been told */
    struct arena
        group; /* the latest ones of one head, where parts behind the time make several subjects */
    struct entry *found;
    size_t found_count, found_cap, found_at;
};

static int by_key(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

/* Length of the key parts before the time. */
static size_t head_size(const struct record_scan *s, struct span key)
{
    size_t at = 0;
    for (int i = 0; i < s->time_part; i++) {
        const char *end = memchr(key.p + at, '\0', key.n - at);
        if (!end)
            return key.n;
        at = (size_t)(end - key.p) + 1;
    }
    return at;
}

static void read_index(struct record_scan *s)
{
    struct index_scan *scans[INDEX_LANES];
    struct record_posting *postings = NULL;
    struct arena scratch = {0};
    size_t n = 0, found = 0;
    for (size_t i = 0; i < s->count && n < INDEX_LANES; i++)
        if (s->type->fields[s->where[i].field].indexed)
            scans[n++] = index_scan_open(s->view, s->type->id, (uint16_t)s->where[i].field,
                                         s->where[i].value, INT64_MIN, INT64_MAX, false);
    for (size_t i = 0; i < n; i++)
        index_scan_upto(scans[i], s->as_of);
    size_t most = s->time_part >= 0 ? GROUP_POSTINGS : SIZE_MAX - 1;
    if (n && record_race(scans, n, most, &scratch, &postings, &found, &s->failed) &&
        found != SIZE_MAX) {
        s->listed = true;
        s->keys = arena_alloc(&s->own, (found + 1) * sizeof *s->keys);
        for (size_t i = 0; i < found; i++)
            s->keys[i] = postings[i].key;
        qsort(s->keys, found, sizeof *s->keys, by_key);
        for (size_t i = 0; i < found; i++)
            if (i == 0 || !span_eq(s->keys[i], s->keys[s->key_count - 1]))
                s->keys[s->key_count++] = s->keys[i];
        for (size_t i = 0; i < s->key_count; i++)
            s->keys[i] = arena_span(&s->own, s->keys[i]);
    }
    for (size_t i = 0; i < n; i++)
        index_scan_close(scans[i]);
    arena_free(&scratch);
}

/* Behind every key that begins with the head: keys are text, FF is in none. */
static void leave_head(struct record_scan *s, struct span key)
{
    size_t n = head_size(s, key);
    buf_clear(&s->head);
    buf_put(&s->head, key.p, n);
    buf_char(&s->head, '\xFF');
}

static bool has_tail(const struct record_scan *s)
{
    return s->time_part + 1 < s->type->key_count;
}

/* Go on behind `after`; where one head has several subjects, its others may still be to come. */
static void start_behind(struct record_scan *s, struct span after)
{
    s->after = arena_span(&s->own, after);
    if (s->time_part >= 0 && !has_tail(s)) {
        leave_head(s, after);
    } else if (s->time_part >= 0) {
        size_t n = head_size(s, after);
        if (n > 1) { /* behind all that sorts before the head: its last letter, one less */
            buf_put(&s->head, after.p, n - 1);
            s->head.p[n - 2]--;
        }
    }
    while (
        s->key_at < s->key_count &&
        (s->time_part >= 0
             ? span_cmp((struct span){s->keys[s->key_at].p, head_size(s, s->keys[s->key_at])},
                        (struct span){after.p, head_size(s, after)}) < (has_tail(s) ? 0 : 1)
             : span_cmp(s->keys[s->key_at], after) <= 0))
        s->key_at++;
}

struct record_scan *record_scan_open(struct view *v, const struct type *t,
                                     const struct record_where *where, size_t count, bool all,
                                     struct span after, uint64_t as_of)
{
    struct record_scan *s = mem_alloc(sizeof *s);
    int parts;
    s->view = v;
    s->type = t;
    s->as_of = as_of;
    s->patience = UINT64_MAX;
    s->time_part = all ? -1 : type_time_part(t);
    s->count = count;
    s->where = arena_alloc(&s->own, (count + 1) * sizeof *s->where);
    for (size_t i = 0; i < count; i++)
        s->where[i] =
            (struct record_where){where[i].field, arena_span(&s->own, where[i].value)};
    s->prefix = record_key_prefix(
        t, s->where, count, s->time_part >= 0 ? s->time_part : t->key_count, &s->own, &parts);
    if (parts == 0)
        read_index(s);
    if (after.n)
        start_behind(s, after);
    if (!s->listed && s->time_part < 0)
        s->walk = version_scan_open(v, t->id, s->prefix, after, false, as_of);
    return s;
}

void record_scan_close(struct record_scan *s)
{
    if (!s)
        return;
    version_scan_close(s->walk);
    buf_free(&s->scratch);
    buf_free(&s->head);
    buf_free(&s->place);
    arena_free(&s->own);
    arena_free(&s->line);
    arena_free(&s->group);
    mem_free(s->found);
    mem_free(s);
}

static bool matches(struct record_scan *s, const struct entry *entry)
{
    return record_matches(s->type, entry->body, s->where, s->count, &s->scratch);
}

/* ---- every record ---- */

static bool next_record(struct record_scan *s, struct entry *out, struct err *e)
{
    if (!s->listed)
        return version_scan_next(s->walk, &s->line, out, e);
    while (s->key_at < s->key_count) {
        struct err local = {0};
        arena_reset(&s->line);
        if (record_find(s->view, &s->line, s->type, s->keys[s->key_at++], s->as_of, out,
                        &local))
            return true;
        if (local.code != ERR_MISSING) {
            *e = local;
            return false;
        }
    }
    return false;
}

/* ---- the latest of each subject ---- */

/* The next head; s->head becomes what lies behind it. */
static bool next_head(struct record_scan *s, struct arena *a, struct span *head, struct err *e)
{
    struct entry first;
    struct span key;
    if (s->listed) {
        if (s->key_at == s->key_count)
            return false;
        key = s->keys[s->key_at++];
        size_t n = head_size(s, key);
        while (s->key_at < s->key_count &&
               span_starts(s->keys[s->key_at], (struct span){key.p, n}))
            s->key_at++;
    } else {
        struct version_scan *walk = version_scan_open(s->view, s->type->id, s->prefix,
                                                      buf_view(&s->head), false, s->as_of);
        bool on = version_scan_next(walk, a, &first, e);
        version_scan_close(walk);
        if (!on)
            return false;
        key = first.key;
        leave_head(s, key);
    }
    *head = arena_span(a, (struct span){key.p, head_size(s, key)});
    return true;
}

/* The key part i as `where` wants it; SPAN_NONE if it says nothing. */
static struct span wanted(const struct record_scan *s, int i)
{
    for (size_t j = 0; j < s->count; j++)
        if (s->where[j].field == s->type->key[i])
            return s->where[j].value;
    return SPAN_NONE;
}

static struct span behind_time(const struct record_scan *s, struct span key)
{
    size_t at = head_size(s, key);
    const char *end = memchr(key.p + at, '\0', key.n - at);
    size_t used = end ? (size_t)(end - key.p) + 1 : key.n;
    return (struct span){key.p + used, key.n - used};
}

static bool is_new_subject(const struct record_scan *s, struct span tail)
{
    for (size_t i = 0; i < s->found_count; i++)
        if (span_eq(behind_time(s, s->found[i].key), tail))
            return false;
    return true;
}

static int entry_by_key(const void *a, const void *b)
{
    return span_cmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static void keep(struct record_scan *s, const struct entry *entry)
{
    if (s->found_count == s->found_cap) {
        s->found_cap = s->found_cap ? s->found_cap * 2 : 8;
        s->found = mem_array(s->found, s->found_cap, sizeof *s->found);
    }
    s->found[s->found_count++] = record_entry_copy(entry, &s->group);
}

/* How many subjects a head can have at most, as far as the dictionary tells; 0: no saying. */
static size_t subjects_most(const struct record_scan *s)
{
    size_t n = 1;
    for (int i = s->time_part + 1; i < s->type->key_count; i++) {
        const struct field *f = &s->type->fields[s->type->key[i]];
        size_t choices = 0;
        if (wanted(s, i).p)
            continue;
        while (f->choices && f->choices[choices])
            choices++;
        n *= choices;
    }
    return n;
}

/* Where key parts follow the time, a head holds several subjects: from the newest key back. */
static bool read_group(struct record_scan *s, struct span head, struct err *e)
{
    struct arena line = {0};
    struct entry entry;
    size_t most = subjects_most(s);
    struct version_scan *walk =
        version_scan_open(s->view, s->type->id, head, SPAN_NONE, true, s->as_of);
    arena_reset(&s->group);
    s->found_count = s->found_at = 0;
    while ((most == 0 || s->found_count < most) && version_scan_next(walk, &line, &entry, e)) {
        struct span tail = behind_time(s, entry.key), rest = tail;
        bool asked = true;
        for (int i = s->time_part + 1; asked && i < s->type->key_count; i++) {
            struct span part = span_split(&rest, '\0'), want = wanted(s, i);
            asked = !want.p || span_eq(part, want);
        }
        if (asked && is_new_subject(s, tail))
            keep(s, &entry);
        arena_reset(&line);
    }
    version_scan_close(walk);
    arena_free(&line);
    if (s->found_count)
        qsort(s->found, s->found_count, sizeof *s->found, entry_by_key);
    return e->code == ERR_NONE;
}

static bool next_subject(struct record_scan *s, struct entry *out, struct err *e)
{
    struct span head;
    for (;;) {
        while (s->found_at < s->found_count) {
            *out = s->found[s->found_at++];
            if (span_cmp(out->key, s->after) > 0)
                return true;
        }
        arena_reset(&s->line);
        if (!next_head(s, &s->line, &head, e))
            return false;
        if (has_tail(s)) {
            if (!read_group(s, head, e))
                return false;
            continue;
        }
        if (record_latest(s->view, &s->line, s->type, head, s->as_of, out, e))
            return true;
        if (e->code != ERR_MISSING)
            return false;
        *e = (struct err){0};
    }
}

bool record_scan_next(struct record_scan *s, struct arena *a, struct entry *out, struct err *e)
{
    struct err local = s->failed;
    struct entry entry;
    while (local.code == ERR_NONE && s->passed_over < s->patience) {
        arena_reset(&s->line);
        if (!(s->time_part >= 0 ? next_subject(s, &entry, &local)
                                : next_record(s, &entry, &local)))
            break;
        if (matches(s, &entry)) {
            *out = record_entry_copy(&entry, a);
            return true;
        }
        s->passed_over += !s->listed;
        if (s->passed_over == s->patience)
            buf_span(&s->place, entry.key);
    }
    if (e)
        *e = local;
    return false;
}

uint64_t record_scan_passed_over(const struct record_scan *s)
{
    return s->passed_over;
}

void record_scan_patience(struct record_scan *s, uint64_t most)
{
    s->patience = most;
}

struct span record_scan_place(const struct record_scan *s)
{
    return buf_view(&s->place);
}
