#include "engine/case_form.h"

#include <string.h>

#include "engine/instance.h"

struct span case_form_record(const struct json *item, struct buf *fields)
{
    bool pair = json_is(item, JSON_ARRAY);
    const struct json *body = pair ? json_item(item, 1) : item;
    struct span type = json_string(pair ? json_item(item, 0) : json_get(item, "type"));
    struct json_w w = json_w_begin(fields);
    if (!json_is(body, JSON_OBJECT)) {
        json_w_value(&w, body);
        json_w_end(&w);
        return type;
    }
    json_w_object(&w);
    for (size_t i = 0; i < body->count; i++) {
        if (span_eq(body->names[i], SPAN("type")) &&
            span_eq(json_string(&body->items[i]), type))
            continue;
        json_w_name_span(&w, body->names[i]);
        json_w_value(&w, &body->items[i]);
    }
    json_w_object_end(&w);
    json_w_end(&w);
    return type;
}

struct span case_form_removed(const struct json *item, struct buf *key)
{
    for (size_t i = 1; json_is(item, JSON_ARRAY) && i < json_count(item); i++) {
        const struct json *part = json_item(item, i);
        if (i > 1)
            buf_char(key, '|');
        if (json_is(part, JSON_STRING)) {
            buf_span(key, json_string(part));
            continue;
        }
        struct json_w w = json_w_begin(key);
        json_w_value(&w, part);
        json_w_end(&w);
    }
    return json_string(json_item(item, 0));
}

struct span case_form_key(struct span scenario, struct span key)
{
    if (key.n > scenario.n && memcmp(key.p, scenario.p, scenario.n) == 0 &&
        key.p[scenario.n] == '|')
        return (struct span){key.p + scenario.n + 1, key.n - scenario.n - 1};
    return key;
}

/* --- settings -------------------------------------------------------------------------------------- */

/* The member of this name; a new one is null. */
static struct json *member(struct json *object, struct arena *a, struct span name)
{
    for (size_t i = 0; i < object->count; i++)
        if (span_eq(object->names[i], name))
            return &object->items[i];
    size_t n = object->count;
    struct span *names = arena_alloc(a, (n + 1) * sizeof *names);
    struct json *items = arena_alloc(a, (n + 1) * sizeof *items);
    if (n) {
        memcpy(names, object->names, n * sizeof *names);
        memcpy(items, object->items, n * sizeof *items);
    }
    names[n] = name;
    items[n] = (struct json){.type = JSON_NULL};
    object->type = JSON_OBJECT;
    object->names = names;
    object->items = items;
    object->count = n + 1;
    return &items[n];
}

static const struct instance_setting *setting(const struct instance *in, struct span name)
{
    for (size_t i = 0; i < in->setting_count; i++)
        if (span_eq(in->settings[i].name, name))
            return &in->settings[i];
    return NULL;
}

static bool is_kind_of(const struct json *fallback, const struct json *v)
{
    double x;
    if (json_number(fallback, &x) || json_is(fallback, JSON_NULL))
        return json_number(v, &x);
    return json_is(v, fallback->type);
}

static bool put_value(const struct instance_setting *s, const struct json *v,
                      struct json *object, struct arena *a, struct err *e)
{
    if (!json_is(v, JSON_NULL) && s->fallback && !is_kind_of(s->fallback, v))
        return err_set(e, ERR_INPUT, "参数 %.*s 的值须与缺省值同类", SPAN_ARG(s->name));
    *member(object, a, s->name) = *v;
    return true;
}

static bool put_local(const struct instance *in, struct span community,
                      const struct json *values, struct arena *a, struct case_settings *s,
                      struct err *e)
{
    if (!json_is(values, JSON_OBJECT))
        return err_set(e, ERR_INPUT, "没有参数 %.*s", SPAN_ARG(community));
    for (size_t i = 0; i < values->count; i++) {
        const struct instance_setting *one = setting(in, values->names[i]);
        if (!one || !one->local)
            return err_set(e, ERR_INPUT, one ? "参数 %.*s 不分社区" : "没有参数 %.*s",
                           SPAN_ARG(values->names[i]));
        if (!put_value(one, &values->items[i], member(&s->local, a, community), a, e))
            return false;
    }
    return true;
}

/* {"default": v, community: v, …} of one setting */
static bool put_spread(const struct instance *in, const struct instance_setting *one,
                       const struct json *spread, struct arena *a, struct case_settings *s,
                       struct err *e)
{
    for (size_t i = 0; i < spread->count; i++) {
        struct span name = one->name;
        struct json value = spread->items[i];
        struct json local = {.type = JSON_OBJECT, .names = &name, .items = &value, .count = 1};
        if (!(span_eq(spread->names[i], SPAN("default"))
                  ? put_value(one, &value, &s->values, a, e)
                  : put_local(in, spread->names[i], &local, a, s, e)))
            return false;
    }
    return true;
}

bool case_form_settings(const struct instance *in, const struct json *changes, struct arena *a,
                        struct case_settings *s, struct err *e)
{
    for (size_t i = 0; i < json_count(changes); i++) {
        if (!json_is(changes, JSON_OBJECT))
            return err_set(e, ERR_INPUT, "settings 须写成 {\"参数名\": 值}");
        struct span name = changes->names[i];
        const struct json *v = &changes->items[i];
        const struct instance_setting *one = setting(in, name);
        bool ok = true;
        if (one && json_is(v, JSON_OBJECT))
            ok = put_spread(in, one, v, a, s, e);
        else if (one)
            ok = put_value(one, v, &s->values, a, e);
        else if (!span_eq(name, SPAN("local")))
            ok = put_local(in, name, v, a, s, e);
        else
            for (size_t k = 0; k < json_count(v) && ok; k++)
                ok = json_is(v, JSON_OBJECT) &&
                     put_local(in, v->names[k], &v->items[k], a, s, e);
        if (!ok)
            return false;
    }
    return true;
}
