/* Settings: what the manifest declares, and the values that differ from it. */
#include "domain/scenario_impl.h"

#include <string.h>

#include "util/json.h"

static const struct json *setting_find(const struct json *manifest, struct span name)
{
    const struct json *all = json_get(manifest, "settings");
    for (size_t i = 0; i < json_count(all); i++) {
        if (span_eq(json_string(json_get(json_item(all, i), "name")), name))
            return json_item(all, i);
    }
    return NULL;
}

static bool setting_is_local(const struct json *setting)
{
    return span_eq(json_string(json_get(setting, "per")), SPAN("community"));
}

static bool json_same(const struct json *a, const struct json *b)
{
    double x, y;
    if (json_number(a, &x) && json_number(b, &y))
        return x <= y && x >= y;
    if (!a || !b || a->type != b->type)
        return a == b;
    if (a->type == JSON_STRING)
        return span_eq(a->string, b->string);
    return a->type == JSON_NULL || (a->type == JSON_BOOL && a->boolean == b->boolean);
}

static bool is_choice(const struct json *choices, const struct json *value)
{
    for (size_t i = 0; i < json_count(choices); i++) {
        if (json_same(json_item(choices, i), value))
            return true;
    }
    return false;
}

static bool check_number(const struct json *setting, const char *label, double v, struct err *e)
{
    double min, max;
    if (json_number(json_get(setting, "min"), &min) && v < min)
        return err_set(e, ERR_INPUT, "“%s”不能小于 %.15g（给的是 %.15g）", label, min, v);
    if (json_number(json_get(setting, "max"), &max) && v > max)
        return err_set(e, ERR_INPUT, "“%s”不能大于 %.15g（给的是 %.15g）", label, max, v);
    return true;
}

/* ERR_INPUT in a sentence if this value may not be. */
static bool setting_check(const struct json *setting, const struct json *value, struct err *e)
{
    const char *label =
        json_cstr(json_get(setting, "label"), json_cstr(json_get(setting, "name"), ""));
    const struct json *choices = json_get(setting, "choices"),
                      *def = json_get(setting, "default");
    double v;
    if (json_count(choices))
        return is_choice(choices, value) ||
               err_set(e, ERR_INPUT, "“%s”只能取规定的几个值之一", label);
    if (json_number(def, &v) || !def) /* without a default it is a number not yet filled in */
        return json_number(value, &v) ? check_number(setting, label, v, e)
                                      : err_set(e, ERR_INPUT, "“%s”须是数字", label);
    if (json_is(def, JSON_BOOL))
        return json_is(value, JSON_BOOL) ||
               err_set(e, ERR_INPUT, "“%s”须是 true 或 false", label);
    if (!json_is(value, JSON_STRING))
        return err_set(e, ERR_INPUT, "“%s”须是文字", label);
    return value->string.n <= 1000 || err_set(e, ERR_INPUT, "“%s”太长：最多 1000 字节", label);
}

static void keep_into(struct json_w *w, const struct json *manifest, const struct json *values,
                      bool local)
{
    json_w_object(w);
    for (size_t i = 0; json_is(values, JSON_OBJECT) && i < values->count; i++) {
        const struct json *s = setting_find(manifest, values->names[i]), *v = &values->items[i];
        if (!s || (local && !setting_is_local(s)) || !setting_check(s, v, NULL))
            continue;
        json_w_name_span(w, values->names[i]);
        json_w_value(w, v);
    }
    json_w_object_end(w);
}

void settings_keep(const struct json *manifest, const struct json *values, struct buf *out)
{
    struct json_w w = json_w_begin(out);
    keep_into(&w, manifest, values, false);
    json_w_end(&w);
}

void settings_keep_local(const struct json *manifest, const struct json *local, struct buf *out)
{
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    for (size_t i = 0; json_is(local, JSON_OBJECT) && i < local->count; i++) {
        json_w_name_span(&w, local->names[i]);
        keep_into(&w, manifest, &local->items[i], true);
    }
    json_w_object_end(&w);
    json_w_end(&w);
}

static const struct json *member(const struct json *o, struct span name)
{
    for (size_t i = 0; json_is(o, JSON_OBJECT) && i < o->count; i++) {
        if (span_eq(o->names[i], name))
            return &o->items[i];
    }
    return NULL;
}

static bool check_changes(const struct json *manifest, const struct json *changes, bool local,
                          struct err *e)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct span name = changes->names[i];
        const struct json *s = setting_find(manifest, name), *v = &changes->items[i];
        if (!s)
            return err_set(e, ERR_INPUT, "没有参数“%.*s”", (int)span_cut_utf8(name, 64),
                           name.p ? name.p : "");
        if (local && !setting_is_local(s))
            return err_set(e, ERR_INPUT, "“%s”不分社区，不能只改一个社区的值",
                           json_cstr(json_get(s, "label"), ""));
        if (!json_is(v, JSON_NULL) && !setting_check(s, v, e))
            return false;
    }
    return true;
}

bool settings_change(const struct json *manifest, const struct json *values,
                     const struct json *changes, bool local, struct buf *out, struct err *e)
{
    if (!json_is(changes, JSON_OBJECT) || !changes->count)
        return err_set(e, ERR_INPUT, "请给出要改的参数，如 {\"values\":{\"参数名\":值}}");
    if (!check_changes(manifest, changes, local, e))
        return false;
    const struct json *all = json_get(manifest, "settings");
    struct json_w w = json_w_begin(out);
    json_w_object(&w);
    for (size_t i = 0; i < json_count(all); i++) {
        const struct json *s = json_item(all, i);
        struct span name = json_string(json_get(s, "name"));
        const struct json *now = member(changes, name), *v = now ? now : member(values, name);
        /* a community may want the default where the street has another value: that is kept */
        if (!v || json_is(v, JSON_NULL) || (!local && json_same(v, json_get(s, "default"))))
            continue;
        json_w_name_span(&w, name);
        json_w_value(&w, v);
    }
    json_w_object_end(&w);
    json_w_end(&w);
    return true;
}
