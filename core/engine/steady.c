/* Hold times and flap limits of a kind of alert (`life` in the script): an alert is raised when its condition
 * has held for so long, at every run in between; one that was raised too often within a day stays open.
 *
 * What it remembers of a key is state of the scenario like any other, under a name no script can use: it is
 * versioned, moves with the cursor, and is seen from the next entry on. {"on":bool,"since":us,"up":bool,
 * "flap":n,"rises":[us,…]}. */
#include "engine/evaluate_impl.h"

#include <string.h>

#include "domain/life.h"
#include "util/calendar.h"
#include "util/json.h"

enum { RISES_MAX = 64 };

struct steady {
    bool on;       /* the condition holds */
    bool up;       /* … and the alert has been raised for it */
    int64_t since; /* on: its first moment */
    int64_t flap;  /* of the kind last raised */
    int64_t rises[RISES_MAX];
    size_t rise_count;
};

static struct span name_of(struct work *w, struct span key)
{
    return span_of(arena_printf(&w->ev.keep, "\x01%.*s", SPAN_ARG(key)));
}

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
    struct span text;
    struct arena a = {0};
    const struct effect *set = set_in(list, name);
    *s = (struct steady){0};
    if (set)
        text = set->members;
    else if (!set_now(w, name, &text) && !api_state_read(&w->ev, name, &text, w->e))
        return false;
    const struct json *j = text.n ? json_parse(&a, text, NULL, NULL, NULL) : NULL;
    const struct json *rises = json_get(j, "rises");
    s->on = json_bool(json_get(j, "on"), false);
    s->up = json_bool(json_get(j, "up"), false);
    json_int(json_get(j, "since"), &s->since);
    json_int(json_get(j, "flap"), &s->flap);
    for (size_t i = 0; i < json_count(rises) && s->rise_count < RISES_MAX; i++)
        s->rise_count += json_int(json_item(rises, i), &s->rises[s->rise_count]);
    arena_free(&a);
    return true;
}

static void forget_old(struct steady *s, int64_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->rise_count; i++)
        if (s->rises[i] > now - CALENDAR_DAY_US)
            s->rises[kept++] = s->rises[i];
    s->rise_count = kept;
}

static struct span text_of(struct work *w, const struct steady *s)
{
    struct buf b = {0};
    if (!s->on && !s->rise_count)
        return SPAN_NONE;
    buf_printf(&b, "{\"on\":%s,\"up\":%s,\"since\":%lld,\"flap\":%lld,\"rises\":[",
               s->on ? "true" : "false", s->up ? "true" : "false", (long long)s->since,
               (long long)s->flap);
    for (size_t i = 0; i < s->rise_count; i++)
        buf_printf(&b, "%s%lld", i ? "," : "", (long long)s->rises[i]);
    buf_str(&b, "]}");
    struct span copy = arena_span(&w->ev.keep, buf_view(&b));
    buf_free(&b);
    return copy;
}

/* The condition holds: is the alert to be heard? */
static bool holds(struct steady *s, const struct life *life, int64_t now)
{
    if (!s->on || now < s->since)
        s->since = now;
    s->on = true;
    s->flap = life->flap;
    if (s->up)
        return true;
    if (now - s->since < life->hold_us)
        return false;
    s->up = true;
    if (life->flap && s->rise_count < RISES_MAX)
        s->rises[s->rise_count++] = now;
    return true;
}

static enum evaluate_result pass_one(struct work *w, struct effects *list, size_t i)
{
    struct evaluation *ev = &w->ev;
    struct effect *x = &list->items[i];
    struct life life = {0};
    struct steady s;
    if (x->kind == EFFECT_ALERT)
        life_of(ev->in->scenario.manifest, x->alert_kind, x->level, SPAN_NONE, &life);
    struct span name = name_of(w, x->key);
    if (!recall(w, list, name, &s))
        return EVALUATE_BROKEN;
    struct span before = text_of(w, &s);
    forget_old(&s, x->kind == EFFECT_RETRACT ? ev->now : x->now);
    if (x->kind == EFFECT_ALERT) {
        if (!life.hold_us && !life.flap)
            return EVALUATE_DONE;
        x->dropped = !holds(&s, &life, x->now);
    } else {
        bool flapping = s.flap && s.rise_count > (size_t)s.flap;
        if (x->kind == EFFECT_CLEAR && flapping)
            x->members = api_clear_members(ev, x->reason, false, x->now);
        s.on = s.up = false;
    }
    struct span after = text_of(w, &s);
    if (span_eq(before, after))
        return EVALUATE_DONE;
    ev->effects = list;
    api_effect(ev, EFFECT_SET, name)->members = after;
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
