#include "domain/dataset.h"

#include <string.h>

#include "domain/dictionary.h"
#include "domain/key.h"
#include "domain/record.h"
#include "domain/row.h"
#include "store/version.h"
#include "util/buf.h"
#include "util/calendar.h"
#include "util/json.h"

static const int64_t HOUR_US = 60 * CALENDAR_MINUTE_US;

static int64_t month_start(int64_t us, int months)
{
    int64_t day = calendar_day_of(us);
    return calendar_day_start(calendar_add_months(day - (calendar_split(day).day - 1), months));
}

/* From when on an update made at `us` no longer counts as recent. */
static int64_t late_from(struct span cycle, int64_t us)
{
    if (span_eq(cycle, SPAN("daily")))
        return us + 26 * HOUR_US + 1;
    if (span_eq(cycle, SPAN("hourly")))
        return us + 3 * HOUR_US + 1;
    return month_start(us, 2);
}

static struct row_value value_of(const struct type *t, const struct entry *e, const char *name)
{
    int f = type_field(t, span_of(name));
    return f < 0 ? (struct row_value){.null = true} : row_get(t, e->body, f);
}

static struct span text_of(const struct type *t, const struct entry *e, const char *name)
{
    struct row_value v = value_of(t, e, name);
    return v.null ? SPAN_NONE : v.text;
}

static bool last_update(struct view *v, struct arena *a, const struct dictionary *d,
                        struct span id, int64_t now, uint64_t as_of, struct dataset *out,
                        struct err *e)
{
    const struct type *t = dictionary_find(d, SPAN("dataset_update"));
    struct record_where where = {t ? type_field(t, SPAN("dataset_id")) : -1, id};
    struct entry *found;
    size_t n;
    uint64_t looked;
    if (where.field < 0)
        return true;
    if (!record_last(v, a, t, &where, 1, 0, now, as_of, 1, &found, &n, &looked, e))
        return false;
    if (!n || !record_event_time(t, found->body, &out->updated_at))
        return true;
    struct row_value rows = value_of(t, found, "rows");
    out->rows = rows.null ? -1 : rows.integer;
    out->late_at = late_from(out->cycle, out->updated_at);
    out->alive = now < out->late_at;
    return true;
}

bool dataset_of(struct view *v, struct arena *a, const struct dictionary *d,
                const struct type *type, int64_t now, uint64_t as_of, struct dataset *out,
                struct err *e)
{
    const struct type *sets = dictionary_find(d, SPAN("dataset"));
    struct span id = span_of(arena_printf(a, "DS_%s", type->name));
    struct span key = key_of1(a, id, e);
    struct err missing = {0};
    struct entry set;
    *out = (struct dataset){.type = type, .alive = true, .rows = -1};
    if (!key.n)
        return false;
    if (!sets || !record_find(v, a, sets, key, as_of, &set, &missing)) {
        if (!sets || missing.code == ERR_MISSING)
            return true;
        *e = missing;
        return false;
    }
    out->listed = true;
    out->alive = false;
    out->name = text_of(sets, &set, "name");
    out->office = text_of(sets, &set, "owner_office");
    out->cycle = text_of(sets, &set, "cycle");
    return last_update(v, a, d, id, now, as_of, out, e);
}

bool dataset_board_read(struct view *v, struct arena *a, const struct dictionary *d,
                        int64_t now, struct dataset_board *out, struct err *e)
{
    size_t n = d ? (size_t)dictionary_count(d) : 0;
    *out = (struct dataset_board){d, arena_alloc(a, (n + 1) * sizeof(struct dataset)), n};
    for (size_t i = 0; i < n; i++)
        if (!dataset_of(v, a, d, dictionary_at(d, (int)i), now, SEQ_LATEST, &out->items[i], e))
            return false;
    return true;
}

/* --- what a scenario sees -------------------------------------------------------------------- */

static const struct dataset *board_find(const struct dataset_board *b, struct span type)
{
    for (size_t i = 0; i < b->count; i++)
        if (span_eq(span_of(b->items[i].type->name), type))
            return &b->items[i];
    return NULL;
}

static bool is_late(const struct dataset_board *b, const struct json *type)
{
    const struct dataset *s = board_find(b, json_string(type));
    return s && !s->alive;
}

static bool sets_off(const struct json *manifest, struct span type)
{
    const struct json *on = json_get(manifest, "on"), *every = json_get(manifest, "every");
    for (size_t i = 0; i < json_count(on); i++)
        if (span_eq(json_string(json_item(on, i)), type))
            return true;
    for (size_t i = 0; i < json_count(every); i++)
        if (span_eq(json_string(json_get(json_item(every, i), "over")), type))
            return true;
    return false;
}

enum sight dataset_sight(const struct dataset_board *b, const struct json *manifest)
{
    const struct json *reads = json_get(manifest, "reads");
    size_t triggers = 0, late_triggers = 0, late = 0;
    for (size_t i = 0; i < json_count(reads); i++) {
        const struct json *type = json_item(reads, i);
        bool is = is_late(b, type), trigger = sets_off(manifest, json_string(type));
        late += is;
        triggers += trigger;
        late_triggers += is && trigger;
    }
    if (!late)
        return SIGHT_WHOLE;
    bool blind = triggers ? late_triggers == triggers : late == json_count(reads);
    return blind ? SIGHT_BLIND : SIGHT_HALF;
}

static void put_time(struct json_w *w, const char *name, int64_t us)
{
    json_w_name(w, name);
    if (!us) {
        json_w_null(w);
        return;
    }
    struct buf text = {0};
    calendar_put_datetime(&text, us);
    json_w_span(w, buf_view(&text));
    buf_free(&text);
}

void dataset_sight_view(const struct dataset_board *b, const struct json *manifest,
                        struct json_w *w)
{
    static const char *const names[] = {"whole", "half", "blind"};
    const struct json *reads = json_get(manifest, "reads");
    json_w_object(w);
    json_w_kstr(w, "state", names[dataset_sight(b, manifest)]);
    json_w_name(w, "late");
    json_w_array(w);
    for (size_t i = 0; i < json_count(reads); i++) {
        const struct dataset *s = board_find(b, json_string(json_item(reads, i)));
        if (!s || s->alive)
            continue;
        json_w_object(w);
        json_w_kstr(w, "type", s->type->name);
        json_w_kstr(w, "label", s->type->label);
        json_w_kspan(w, "office", s->office);
        put_time(w, "updated_at", s->updated_at);
        json_w_object_end(w);
    }
    json_w_array_end(w);
    json_w_object_end(w);
}

void dataset_view_open(const struct dataset *s, struct json_w *w)
{
    const struct type *t = s->type;
    json_w_object(w);
    json_w_kstr(w, "type", t->name);
    json_w_kstr(w, "label", t->label);
    json_w_kspan(w, "name", s->name.n ? s->name : span_of(t->label));
    json_w_kspan(w, "office", s->listed ? s->office : span_of(t->owner ? t->owner : ""));
    json_w_kspan(w, "cycle", s->listed ? s->cycle : span_of(t->cycle ? t->cycle : ""));
    json_w_kstr(w, "state",
                !s->listed       ? "unlisted"
                : !s->updated_at ? "never"
                : s->alive       ? "fresh"
                                 : "late");
    put_time(w, "updated_at", s->updated_at);
    put_time(w, "late_at", s->late_at);
    json_w_name(w, "rows");
    if (s->rows < 0)
        json_w_null(w);
    else
        json_w_int(w, s->rows);
}
