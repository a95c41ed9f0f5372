#include "domain/street.h"

#include <stdatomic.h>
#include <string.h>

#include "domain/entry_type.h"
#include "domain/key.h"
#include "domain/record.h"
#include "domain/row.h"
#include "store/txn.h"
#include "store/version.h"
#include "store/view.h"
#include "util/json.h"
#include "util/mem.h"

struct street {
    atomic_int refs;
    struct arena arena; /* org and calendar, parsed */
    struct dictionary *dictionary;
    const struct json *org, *calendar; /* NULL: none */
    const struct type *days;           /* calendar_day; NULL: the dictionary has no such type */
    int date, is_workday;              /* its fields */
};

static const struct json_limits office_limits = {.bytes = 4 << 20, .keys = 4096};

static const struct json *read_file(struct street *s, struct span text, const char *what,
                                    struct err *e)
{
    struct err why = {0};
    if (text.n == 0)
        return json_parse(&s->arena, SPAN("{}"), NULL, NULL, e);
    const struct json *v = json_parse(&s->arena, text, &office_limits, NULL, &why);
    if (!v)
        err_set(e, ERR_INPUT, "%s 读不出来：%s", what, why.text);
    return v;
}

static bool check_ids(const struct json *list, const char *what, struct err *e)
{
    for (size_t i = 0; i < json_count(list); i++) {
        struct span id = json_string(json_get(json_item(list, i), "id"));
        if (id.n == 0 || id.n > 64 || span_has_control(id))
            return err_set(e, ERR_INPUT, "org.lua 的 %s 第 %zu 项没有 id", what, i + 1);
        for (size_t j = 0; j < i; j++)
            if (span_eq(json_string(json_get(json_item(list, j), "id")), id))
                return err_set(e, ERR_INPUT, "org.lua 的 %s 里 %.*s 出现了两次", what,
                               SPAN_ARG(id));
    }
    return true;
}

static void find_days(struct street *s)
{
    const struct type *t = dictionary_find(s->dictionary, SPAN("calendar_day"));
    if (!t)
        return;
    s->date = type_field(t, SPAN("date"));
    s->is_workday = type_field(t, SPAN("is_workday"));
    if (s->date >= 0 && s->is_workday >= 0 && t->key_count == 1 && t->key[0] == s->date &&
        t->fields[s->date].kind == FIELD_DATE && t->fields[s->is_workday].kind == FIELD_BOOLEAN)
        s->days = t;
}

struct street *street_make(struct span records, struct span org, struct span calendar,
                           struct err *e)
{
    struct street *s = mem_alloc(sizeof *s);
    atomic_init(&s->refs, 1);
    bool ok = (s->dictionary = dictionary_make(records, e)) &&
              (s->org = read_file(s, org, "org.lua", e)) &&
              (s->calendar = read_file(s, calendar, "calendar.lua", e)) &&
              check_ids(json_get(s->org, "offices"), "offices", e) &&
              check_ids(json_get(s->org, "communities"), "communities", e);
    if (!ok) {
        street_unref(s);
        return NULL;
    }
    find_days(s);
    return s;
}

struct street *street_ref(struct street *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void street_unref(struct street *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    dictionary_free(s->dictionary);
    arena_free(&s->arena);
    mem_free(s);
}

/* ---- from and to the journal ---- */

/* Empty if there is none; false: damaged. */
static bool config_get(struct view *v, struct arena *a, const char *name, uint64_t as_of,
                       struct span *text, struct err *e)
{
    struct entry entry;
    struct err local = {0};
    *text = SPAN_NONE;
    if (version_get(v, a, ENTRY_CONFIG, key_of1(a, span_of(name), NULL), as_of, &entry,
                    &local)) {
        if (entry.op == ENTRY_PUT)
            *text = entry.body;
        return true;
    }
    if (local.code == ERR_MISSING)
        return true;
    if (e)
        *e = local;
    return false;
}

struct street *street_load(struct view *v, uint64_t as_of, struct err *e)
{
    struct arena a = {0};
    struct span records, org, calendar;
    struct street *s = NULL;
    if (config_get(v, &a, "records", as_of, &records, e) &&
        config_get(v, &a, "org", as_of, &org, e) &&
        config_get(v, &a, "calendar", as_of, &calendar, e)) {
        if (records.n == 0)
            err_set(e, ERR_MISSING, "这里还没有数据字典，请先导入 scripts/office");
        else
            s = street_make(records, org, calendar, e);
    }
    arena_free(&a);
    return s;
}

static bool config_put(struct txn *t, const char *name, struct span text, struct err *e)
{
    struct arena a = {0};
    struct entry_new entry = {
        .type = ENTRY_CONFIG, .key = key_of1(&a, span_of(name), e), .body = text};
    bool ok = entry.key.p && txn_append(t, &entry, e) != 0;
    arena_free(&a);
    return ok;
}

/* ---- holidays ---- */

enum listed { LISTED_NOT, LISTED_OFF, LISTED_WORK };

static bool lists(const struct json *list, struct span date)
{
    for (size_t i = 0; i < json_count(list); i++)
        if (span_eq(json_string(json_item(list, i)), date))
            return true;
    return false;
}

static enum listed listed(const struct json *calendar, struct span date)
{
    for (size_t i = 0; i < json_count(calendar); i++) {
        const struct json *year = json_item(calendar, i);
        if (lists(json_get(year, "work"), date))
            return LISTED_WORK;
        if (lists(json_get(year, "off"), date))
            return LISTED_OFF;
    }
    return LISTED_NOT;
}

static bool check_calendar(const struct json *calendar, struct err *e)
{
    int64_t day;
    if (!json_is(calendar, JSON_OBJECT))
        return json_count(calendar) == 0 || err_set(e, ERR_INPUT, "calendar.lua 要按年份列出");
    for (size_t i = 0; i < calendar->count; i++) {
        const struct json *year = json_item(calendar, i);
        const struct json *const both[] = {json_get(year, "off"), json_get(year, "work")};
        for (int j = 0; j < 2; j++)
            for (size_t k = 0; k < json_count(both[j]); k++) {
                struct span date = json_string(json_item(both[j], k));
                if (!calendar_parse_date(date, &day))
                    return err_set(
                        e, ERR_INPUT,
                        "calendar.lua %.*s 年里有写错的日期“%.*s”，要写成 2020-10-01",
                        SPAN_ARG(calendar->names[i]), (int)span_cut_utf8(date, 32),
                        date.p ? date.p : "");
            }
    }
    return true;
}

struct import {
    struct txn *txn;
    const struct street *before, *now; /* before: NULL the first time */
    struct arena line;
    struct row_writer row;
    struct buf body;
    bool changed;
};

/* Is there a record of this day that did not come from the file before? A department's word wins. */
static bool is_spoken_for(struct import *im, struct span key, struct span date,
                          struct entry *entry)
{
    const struct street *s = im->now;
    enum listed was = listed(im->before ? im->before->calendar : NULL, date);
    if (!record_find(txn_view(im->txn), &im->line, s->days, key, SEQ_LATEST, entry, NULL)) {
        entry->seq = 0;
        return false;
    }
    struct row_value v = row_get(s->days, entry->body, s->is_workday);
    return was == LISTED_NOT || v.null || v.boolean != (was == LISTED_WORK);
}

static bool write_day(struct import *im, struct span date, bool is_workday, struct err *e)
{
    const struct street *s = im->now;
    struct span key = key_of1(&im->line, date, e);
    struct entry entry;
    int64_t day;
    uint64_t seq;
    if (is_spoken_for(im, key, date, &entry) || !calendar_parse_date(date, &day))
        return true;
    row_writer_begin(&im->row, s->days);
    row_writer_integer(&im->row, s->date, day);
    row_writer_boolean(&im->row, s->is_workday, is_workday);
    row_writer_finish(&im->row, &im->body);
    bool ok = record_put(im->txn, s->days, key, buf_view(&im->body), &seq, e);
    im->changed = im->changed || (ok && seq);
    return ok;
}

/* A day that the file no longer lists. */
static bool drop_day(struct import *im, struct span date, struct err *e)
{
    const struct street *s = im->now;
    struct span key = key_of1(&im->line, date, e);
    struct entry entry;
    if (is_spoken_for(im, key, date, &entry) || !entry.seq)
        return true;
    struct entry_new gone = {
        .type = s->days->id, .op = ENTRY_WITHDRAW, .key = key, .body = entry.body};
    im->changed = true;
    return txn_append(im->txn, &gone, e) != 0;
}

static bool import_list(struct import *im, const struct json *list, enum listed as, bool gone,
                        struct err *e)
{
    const struct json *other = gone         ? im->now->calendar
                               : im->before ? im->before->calendar
                                            : NULL;
    for (size_t i = 0; i < json_count(list); i++) {
        struct span date = json_string(json_item(list, i));
        enum listed there = listed(other, date);
        bool ok = true;
        arena_reset(&im->line);
        if (gone && there == LISTED_NOT)
            ok = drop_day(im, date, e);
        else if (!gone && there != as)
            ok = write_day(im, date, as == LISTED_WORK, e);
        if (!ok)
            return false;
    }
    return true;
}

static bool import_lists(struct import *im, const struct json *calendar, bool gone,
                         struct err *e)
{
    for (size_t i = 0; i < json_count(calendar); i++) {
        const struct json *year = json_item(calendar, i);
        if (!import_list(im, json_get(year, "off"), LISTED_OFF, gone, e) ||
            !import_list(im, json_get(year, "work"), LISTED_WORK, gone, e))
            return false;
    }
    return true;
}

static bool import_days(struct import *im, struct err *e)
{
    bool ok =
        !im->now->days || (import_lists(im, im->now->calendar, false, e) &&
                           (!im->before || import_lists(im, im->before->calendar, true, e)));
    arena_free(&im->line);
    row_writer_fini(&im->row);
    buf_free(&im->body);
    return ok;
}

/* ---- import ---- */

struct office_text {
    const char *name;
    struct span stored, given;
};

static bool differs(const struct office_text *o)
{
    return o->given.n && !span_eq(o->stored, o->given);
}

static bool import(struct txn *t, struct office_text file[3], struct street *before,
                   struct street *now, bool *changed, struct err *e)
{
    if ((before && !dictionary_may_follow(before->dictionary, now->dictionary, e)) ||
        !check_calendar(now->calendar, e))
        return false;
    for (int i = 0; i < 3; i++) {
        if (!differs(&file[i]))
            continue;
        *changed = true;
        if (!config_put(t, file[i].name, file[i].given, e))
            return false;
    }
    if (!differs(&file[2]))
        return true;
    struct import im = {.txn = t, .now = now, .before = file[2].stored.n ? before : NULL};
    return import_days(&im, e);
}

bool street_import(struct txn *t, struct span records, struct span org, struct span calendar,
                   bool *changed, struct err *e)
{
    struct arena a = {0};
    struct office_text file[] = {{"records", SPAN_NONE, records},
                                 {"org", SPAN_NONE, org},
                                 {"calendar", SPAN_NONE, calendar}};
    struct street *before = NULL, *now = NULL;
    struct span text[3];
    bool ok = true;
    *changed = false;
    for (int i = 0; i < 3; i++) {
        ok = ok && config_get(txn_view(t), &a, file[i].name, SEQ_LATEST, &file[i].stored, e);
        text[i] = file[i].given.n ? file[i].given : file[i].stored;
    }
    if (ok && file[0].stored.n)
        ok = (before = street_make(file[0].stored, file[1].stored, file[2].stored, e)) != NULL;
    ok = ok && (now = street_make(text[0], text[1], text[2], e)) != NULL &&
         import(t, file, before, now, changed, e);
    street_unref(before);
    street_unref(now);
    arena_free(&a);
    return ok;
}

/* ---- looking up ---- */

struct dictionary *street_dictionary(const struct street *s)
{
    return s->dictionary;
}

const struct json *street_org(const struct street *s)
{
    return s->org;
}

struct span street_home(const struct street *s)
{
    return json_string(json_get(s->org, "home"));
}

static const struct json *by_id(const struct street *s, const char *list, struct span id)
{
    const struct json *items = json_get(s->org, list);
    for (size_t i = 0; i < json_count(items); i++)
        if (span_eq(json_string(json_get(json_item(items, i), "id")), id))
            return json_item(items, i);
    return NULL;
}

bool street_has_office(const struct street *s, struct span id)
{
    return by_id(s, "offices", id) != NULL;
}

bool street_has_community(const struct street *s, struct span id)
{
    return by_id(s, "communities", id) != NULL;
}

const char *street_office_name(const struct street *s, struct span id, const char *fallback)
{
    const struct json *office = by_id(s, "offices", id);
    return json_cstr(json_get(office ? office : by_id(s, "receivers", id), "name"), fallback);
}

const char *street_community_name(const struct street *s, struct span id, const char *fallback)
{
    return json_cstr(json_get(by_id(s, "communities", id), "name"), fallback);
}

/* ---- working days ---- */

static bool look_up(const struct street_workdays *w, int64_t day)
{
    const struct street *s = w->street;
    struct buf text = {0};
    struct arena a = {0};
    struct entry entry;
    struct row_value v = {.null = true};
    if (w->view && s->days) {
        calendar_put_date(&text, day);
        if (record_find(w->view, &a, s->days, key_of1(&a, buf_view(&text), NULL), w->as_of,
                        &entry, NULL))
            v = row_get(s->days, entry.body, s->is_workday);
    }
    bool is = v.null ? calendar_split(day).weekday <= 5 : v.boolean;
    buf_free(&text);
    arena_free(&a);
    return is;
}

static bool is_workday(void *ctx, int64_t day)
{
    struct street_workdays *w = ctx;
    struct street_day *d = &w->days[(uint64_t)day % (sizeof w->days / sizeof *w->days)];
    uint64_t head = w->view ? view_head(w->view) : 0;
    if (head != w->cached_head || w->as_of != w->cached_as_of) {
        memset(w->days, 0, sizeof w->days);
        w->cached_head = head;
        w->cached_as_of = w->as_of;
    }
    if (!d->known || d->day != day)
        *d = (struct street_day){day, true, look_up(w, day)};
    return d->is_workday;
}

struct workdays street_workdays(struct street_workdays *w)
{
    return (struct workdays){is_workday, w};
}
