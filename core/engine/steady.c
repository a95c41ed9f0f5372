/*
 * Hold times and flap limits of a kind of alert (`life` in the script).
 *
 * hold: an alert is raised when its condition has stood so long without a clear in between: by the first run
 * that finds it so, or by a timer of the host where nothing runs. Times are those of the judgements (event
 * times, due times), never the clock's; before it is raised nobody sees it. A clear that comes when the time
 * is up already (the engine was behind, the timer had not been heard) raises and clears; one of an earlier
 * time that comes when it has been raised takes it back.
 *
 * flap: raised more than so many times within 24 hours it is flapping: from the next clear on it stays open
 * and repeats of it are neither counted nor told, unless the level rises or a person has closed it (the fold
 * of domain/alert knows that). It ends when it has not been raised anew for 24 hours: then a clear, or the
 * timer if there has been one, closes as usual.
 *
 * What it remembers of a key is state of the scenario like any other, under a name no script can use: it is
 * versioned, moves with the cursor, survives what the cursor survives, and is seen from the next entry on.
 * Its timer has the same name. A timer is never dropped, only left to ring in vain: ten thousand samples
 * around a limit move it once a day.
 */
#include "engine/evaluate_impl.h"

#include <string.h>

#include "domain/life.h"
#include "util/calendar.h"
#include "util/json.h"

enum { RISES_MAX = 64, EVIDENCE_MAX = 128 << 10 };

struct steady {
    bool on;                  /* the condition stands */
    bool up;                  /* … and the alert has been raised for it */
    bool flapping;            /* … too often */
    bool closable;            /* the last clear would have closed it */
    int64_t since;            /* on: its first moment */
    int64_t flap;             /* of the kind last raised */
    int64_t ring;             /* when the timer is set for; 0: it is not */
    int64_t rises[RISES_MAX]; /* the latest flap + 1, in order */
    size_t rise_count;
    struct span kind; /* on, after a hold time */
    /* on and not up: what to raise; level is the highest so far */
    struct span members, evidence;
    enum alert_level level;
};

static struct span name_of(struct work *w, struct span key)
{
    return span_of(arena_printf(&w->ev.keep, "%c%.*s", STEADY_MARK, SPAN_ARG(key)));
}

/* --- what is remembered ------------------------------------------------------------------------------ */

/* What this very entry has set so far counts, too: it may have several runs. */
static bool set_now(struct work *w, struct span name, struct span *value)
{
    const struct buf *b = &w->out->sets;
    bool found = false;
    for (size_t at = w->sets_from; at < b->n;) {
        uint32_t sizes[2];
        memcpy(sizes, b->p + at, sizeof sizes);
        at += sizeof sizes;
        if (span_eq((struct span){b->p + at, sizes[0]}, name)) {
            *value = (struct span){b->p + at + sizes[0], sizes[1]};
            found = true;
        }
        at += (size_t)sizes[0] + sizes[1];
    }
    return found;
}

static const struct effect *set_in(const struct effects *list, struct span name)
{
    for (size_t i = list->count; i-- > 0;)
        if (list->items[i].kind == EFFECT_SET && span_eq(list->items[i].key, name))
            return &list->items[i];
    return NULL;
}

static bool recall(struct work *w, const struct effects *list, struct span name,
                   struct steady *s)
{
    static const struct json_limits wide = {.bytes = 2 << 20, .string = 1 << 20};
    struct span text;
    const struct effect *set = set_in(list, name);
    *s = (struct steady){0};
    if (set)
        text = set->members;
    else if (!set_now(w, name, &text) && !api_state_read(&w->ev, name, &text, w->e))
        return false;
    if (!text.n)
        return true;
    const struct json *j = json_parse(&w->ev.keep, text, &wide, NULL, NULL);
    const struct json *rises = json_get(j, "rises");
    s->on = json_bool(json_get(j, "on"), false);
    s->up = json_bool(json_get(j, "up"), false);
    s->flapping = json_bool(json_get(j, "flapping"), false);
    s->closable = json_bool(json_get(j, "closable"), false);
    json_int(json_get(j, "since"), &s->since);
    json_int(json_get(j, "flap"), &s->flap);
    json_int(json_get(j, "ring"), &s->ring);
    for (size_t i = 0; i < json_count(rises) && s->rise_count < RISES_MAX; i++)
        s->rise_count += json_int(json_item(rises, i), &s->rises[s->rise_count]);
    s->kind = json_string(json_get(j, "kind"));
    s->members = json_string(json_get(j, "members"));
    s->evidence = json_string(json_get(j, "evidence"));
    alert_level_parse(json_string(json_get(j, "level")), &s->level);
    return true;
}

static void put_held(struct json_w *w, const struct steady *s)
{
    json_w_kspan(w, "kind", s->kind);
    if (s->up)
        return;
    json_w_kstr(w, "level", alert_level_name(s->level));
    json_w_kspan(w, "members", s->members);
    json_w_kspan(w, "evidence", s->evidence);
}

static struct span text_of(struct work *w, const struct steady *s)
{
    struct buf b = {0};
    if (!s->on && !s->rise_count && !s->flapping && !s->ring)
        return SPAN_NONE;
    struct json_w j = json_w_begin(&b);
    json_w_object(&j);
    json_w_kbool(&j, "on", s->on);
    json_w_kbool(&j, "up", s->up);
    json_w_kbool(&j, "flapping", s->flapping);
    json_w_kbool(&j, "closable", s->closable);
    json_w_kint(&j, "since", s->since);
    json_w_kint(&j, "flap", s->flap);
    json_w_kint(&j, "ring", s->ring);
    json_w_name(&j, "rises");
    json_w_array(&j);
    for (size_t i = 0; i < s->rise_count; i++)
        json_w_int(&j, s->rises[i]);
    json_w_array_end(&j);
    if (s->on && s->kind.n)
        put_held(&j, s);
    json_w_object_end(&j);
    json_w_end(&j);
    struct span copy = arena_span(&w->ev.keep, buf_view(&b));
    buf_free(&b);
    return copy;
}

/* --- the rules ---------------------------------------------------------------------------------------- */

static int64_t last_rise(const struct steady *s)
{
    return s->rise_count ? s->rises[s->rise_count - 1] : INT64_MIN / 2;
}

static bool is_calm(const struct steady *s, int64_t now)
{
    return now - last_rise(s) >= CALENDAR_DAY_US;
}

/* Raised now. Only the latest flap + 1 rises can ever decide. */
static void rise(struct steady *s, const struct life *life, int64_t now)
{
    size_t most = life->flap < RISES_MAX ? (size_t)life->flap + 1 : RISES_MAX;
    s->up = true;
    s->flap = life->flap;
    if (!life->flap) {
        s->rise_count = 0;
        s->flapping = false;
        return;
    }
    if (s->flapping && is_calm(s, now)) {
        s->flapping = false;
        s->rise_count = 0;
    }
    while (s->rise_count >= most)
        memmove(s->rises, s->rises + 1, --s->rise_count * sizeof s->rises[0]);
    s->rises[s->rise_count++] = now;
}

static void remember(struct work *w, struct steady *s, const struct effect *x)
{
    s->level = x->level;
    s->kind = arena_span(&w->ev.keep, x->alert_kind);
    s->members = arena_span(&w->ev.keep, x->members);
    s->evidence =
        x->evidence.n > EVIDENCE_MAX ? SPAN("{}") : arena_span(&w->ev.keep, x->evidence);
}

/* The condition stands: is the alert to be heard? */
static bool stands(struct work *w, struct steady *s, const struct effect *x,
                   const struct life *life)
{
    bool begins = !s->on;
    if (begins || x->now < s->since)
        s->since = x->now;
    s->on = true;
    if (s->up)
        return true;
    if (x->now - s->since >= life->hold_us) {
        rise(s, life, x->now);
        return true;
    }
    if (begins || x->level > s->level)
        remember(w, s, x);
    return false;
}

static int64_t hold_of(struct work *w, const struct steady *s, struct life *life)
{
    life_of(w->ev.in->scenario.manifest, s->kind, s->level, SPAN_NONE, life);
    return life->hold_us;
}

/* What has been held so far, raised. */
static void raise_pending(struct work *w, struct effects *list, struct span key,
                          struct steady *s, const struct life *life, int64_t now)
{
    w->ev.effects = list;
    struct effect *x = api_effect(&w->ev, EFFECT_ALERT, key);
    x->level = s->level;
    x->alert_kind = s->kind;
    x->members = s->members;
    x->evidence = s->evidence.n ? s->evidence : SPAN("{}");
    x->now = now;
    rise(s, life, now);
}

static struct span as_flapping(struct work *w, struct span members)
{
    return span_of(arena_printf(&w->ev.keep, "%.*s,\"flapping\":true", SPAN_ARG(members)));
}

/* The condition stands no more. `i` may be raised and cleared at once: then its copy is behind the raise. */
static void falls(struct work *w, struct effects *list, size_t i, struct steady *s)
{
    struct effect x = list->items[i];
    struct life life;
    if (s->on && x.now < s->since)
        return; /* late news of the time before */
    int64_t hold = s->on && s->kind.n ? hold_of(w, s, &life) : 0;
    if (hold && !s->up && x.now - s->since >= hold) {
        raise_pending(w, list, x.key, s, &life, s->since + hold);
        list->items[i].dropped = true;
        i = list->count;
        *api_effect(&w->ev, EFFECT_CLEAR, x.key) = x;
    } else if (hold && s->up && x.now - s->since < hold) { /* news that came late */
        list->items[i].dropped = true;
        i = list->count;
        w->ev.effects = list;
        api_retract(&w->ev, x.key, SPAN("迟到的记录改变了当时的判断"));
    }
    s->on = s->up = false;
    s->closable = x.close;
    if (s->flapping && is_calm(s, x.now)) {
        s->flapping = false;
        s->rise_count = 0;
    } else if (s->flap && s->rise_count > (size_t)s->flap &&
               x.now - s->rises[0] < CALENDAR_DAY_US) {
        s->flapping = true;
    }
    if (s->flapping && list->items[i].kind == EFFECT_CLEAR)
        list->items[i].members = as_flapping(w, x.members);
}

/* --- the timer ---------------------------------------------------------------------------------------- */

/* The next moment at which something is to happen without anybody's doing; 0: none. */
static int64_t next_ring(struct work *w, const struct steady *s)
{
    struct life life;
    if (s->on && !s->up)
        return s->since + hold_of(w, s, &life);
    return s->flapping && !s->on ? last_rise(s) + CALENDAR_DAY_US : 0;
}

static void keep(struct work *w, struct effects *list, struct span name, struct steady *s,
                 struct span before, int64_t now)
{
    int64_t need = next_ring(w, s);
    char text[64];
    struct buf at = {text, 0, sizeof text};
    w->ev.effects = list;
    bool lost = s->ring + 60 * CALENDAR_MINUTE_US < now; /* a version between did not hear it */
    if (need && (!s->ring || need < s->ring || lost)) {
        s->ring = need;
        calendar_put_datetime(&at, need);
        api_effect(&w->ev, EFFECT_WAKE, name)->members =
            span_of(arena_printf(&w->ev.keep, ",\"at\":\"%.*s\"", (int)at.n, at.p));
    }
    struct span after = text_of(w, s);
    if (!span_eq(before, after))
        api_effect(&w->ev, EFFECT_SET, name)->members = after;
}

static void close_calm(struct work *w, struct effects *list, struct span key,
                       const struct steady *s, int64_t now)
{
    w->ev.effects = list;
    struct span reason = SPAN("24 小时没有再反复，数据已恢复正常");
    struct effect *x = api_effect(&w->ev, EFFECT_CLEAR, key);
    x->reason = reason;
    x->now = now;
    x->close = s->closable;
    x->members = api_clear_members(&w->ev, reason, s->closable, now);
}

enum evaluate_result steady_ring(struct work *w, struct span name, int64_t due,
                                 struct effects *list)
{
    struct steady s;
    struct span key = {name.p + 1, name.n - 1};
    if (!recall(w, list, name, &s))
        return EVALUATE_BROKEN;
    struct span before = text_of(w, &s);
    s.ring = 0;
    int64_t need = next_ring(w, &s);
    if (need && need <= due && s.on) {
        struct life life;
        hold_of(w, &s, &life);
        raise_pending(w, list, key, &s, &life, need);
    } else if (need && need <= due) {
        close_calm(w, list, key, &s, due);
        s.flapping = false;
        s.rise_count = 0;
    }
    keep(w, list, name, &s, before, due);
    return EVALUATE_DONE;
}

/* --- one run ------------------------------------------------------------------------------------------- */

static bool is_alerted(const struct effects *list, struct span key)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct effect *x = &list->items[i];
        if (x->kind == EFFECT_ALERT && !x->dropped && span_eq(x->key, key))
            return true;
    }
    return false;
}

static enum evaluate_result pass_one(struct work *w, struct effects *list, size_t i)
{
    struct effect *x = &list->items[i];
    struct life life = {0};
    struct steady s;
    if (x->kind == EFFECT_RETRACT && is_alerted(list, x->key))
        return EVALUATE_DONE; /* it stands, at another level */
    if (x->kind == EFFECT_ALERT)
        life_of(w->ev.in->scenario.manifest, x->alert_kind, x->level, SPAN_NONE, &life);
    struct span name = name_of(w, x->key);
    if (!recall(w, list, name, &s))
        return EVALUATE_BROKEN;
    struct span before = text_of(w, &s);
    int64_t now = x->kind == EFFECT_RETRACT ? w->ev.now : x->now;
    if (x->kind == EFFECT_ALERT) {
        if (!life.hold_us && !life.flap && !before.n)
            return EVALUATE_DONE;
        x->dropped = !stands(w, &s, x, &life);
        if (s.flapping)
            x->members = as_flapping(w, x->members);
    } else if (x->kind == EFFECT_CLEAR) {
        falls(w, list, i, &s);
    } else {
        s.on = s.up = false;
    }
    keep(w, list, name, &s, before, now);
    return EVALUATE_DONE;
}

enum evaluate_result steady_pass(struct work *w, struct effects *list)
{
    size_t count = list->count; /* what it adds itself comes behind */
    enum evaluate_result r = EVALUATE_DONE;
    for (size_t i = 0; i < count && r == EVALUATE_DONE; i++) {
        enum effect_kind kind = list->items[i].kind;
        if (!list->items[i].dropped &&
            (kind == EFFECT_ALERT || kind == EFFECT_CLEAR || kind == EFFECT_RETRACT))
            r = pass_one(w, list, i);
    }
    return r;
}
