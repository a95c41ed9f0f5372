#include "domain/dictionary.h"

#include <string.h>

#include "domain/entry_type.h"
#include "util/arena.h"
#include "util/json.h"
#include "util/mem.h"

struct dictionary {
    struct arena arena; /* everything below */
    struct type *types;
    int count;
    uint16_t *slots; /* type number + 1 by hash of the name */
    unsigned slot_mask;
};

static const char *const kind_names[] = {"string",   "integer", "number",  "boolean", "date",
                                         "datetime", "month",   "strings", "enum"};
enum { KINDS = sizeof kind_names / sizeof *kind_names };

const char *field_choice_label(const struct field *f, struct span code)
{
    for (int i = 0; f->choice_labels && f->choices[i]; i++)
        if (span_eq(span_of(f->choices[i]), code))
            return f->choice_labels[i];
    return NULL;
}

/* ---- names by hash ---- */

static unsigned hash(struct span s)
{
    unsigned h = 2166136261u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h ^ h >> 15;
}

static unsigned slots_for(int count)
{
    unsigned n = 4;
    while (n < (unsigned)count * 3)
        n *= 2;
    return n;
}

int type_field(const struct type *t, struct span name)
{
    for (unsigned h = hash(name) & t->slot_mask; t->slots[h]; h = (h + 1) & t->slot_mask) {
        int i = t->slots[h] - 1;
        if (span_eq(span_of(t->fields[i].name), name))
            return i;
    }
    return -1;
}

int type_field_by_label(const struct type *t, struct span label)
{
    for (int i = 0; i < t->field_count; i++)
        if (span_eq(span_of(t->fields[i].label), label))
            return i;
    return -1;
}

const char *type_field_near(const struct type *t, struct span name)
{
    const char *near = NULL;
    size_t best = name.n < 6 ? 2 : name.n / 3;
    for (int i = 0; i < t->field_count; i++) {
        size_t d = span_distance(name, span_of(t->fields[i].name));
        if (d <= best && (!near || d < best)) {
            best = d;
            near = t->fields[i].name;
        }
    }
    return near;
}

int type_time_part(const struct type *t)
{
    for (int i = 0; i < t->key_count; i++)
        if (t->time >= 0 && t->key[i] == t->time)
            return i;
    return -1;
}

/* ---- making one ---- */

static const char *keep(struct dictionary *d, const struct json *v, const char *fallback)
{
    struct span s = json_string(v);
    return s.p ? arena_span(&d->arena, s).p : fallback;
}

/* ASCII id: what stands in URLs, keys and scripts. */
static bool is_name(struct span s)
{
    if (s.n == 0 || s.n > 64 || s.p[0] == '_')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9' && i) || c == '_'))
            return false;
    }
    return true;
}

static bool bad(struct err *e, const struct type *t, const char *what)
{
    return err_set(e, ERR_INPUT, "数据字典：类型 %s %s", t->name ? t->name : "（没有 id）",
                   what);
}

static const char **texts(struct dictionary *d, const struct json *list)
{
    size_t n = json_count(list);
    const char **out = arena_alloc(&d->arena, (n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        out[i] = keep(d, json_item(list, i), NULL);
        if (!out[i] || !*out[i])
            return NULL;
    }
    return out;
}

static bool field_make(struct dictionary *d, struct type *t, struct field *f,
                       const struct json *v, struct err *e)
{
    f->name = keep(d, json_get(v, "name"), "");
    if (!is_name(span_of(f->name)))
        return err_set(e, ERR_INPUT,
                       "数据字典：类型 %s 的字段名“%s”不行，要用小写字母、数字和 _", t->name,
                       f->name);
    f->label = keep(d, json_get(v, "label"), f->name);
    f->unit = keep(d, json_get(v, "unit"), NULL);
    int kind = 0;
    while (kind < KINDS &&
           !span_eq(json_string(json_get(v, "type")), span_of(kind_names[kind])))
        kind++;
    if (kind == KINDS)
        return err_set(e, ERR_INPUT,
                       "数据字典：%s.%s 的类型不认识，要是 string integer number boolean date "
                       "datetime month strings enum 之一",
                       t->name, f->name);
    f->kind = (enum field_kind)kind;
    const struct json *choices = json_get(v, "choices"), *labels = json_get(v, "choice_labels");
    if (f->kind == FIELD_ENUM &&
        (json_count(choices) == 0 || !(f->choices = texts(d, choices))))
        return err_set(e, ERR_INPUT, "数据字典：%s.%s 是 enum，要有 choices", t->name, f->name);
    if (f->kind == FIELD_ENUM && labels &&
        (json_count(labels) != json_count(choices) || !(f->choice_labels = texts(d, labels))))
        return err_set(e, ERR_INPUT, "数据字典：%s.%s 的每个选项都要有中文，写成“代码 中文”",
                       t->name, f->name);
    f->required = json_bool(json_get(v, "required"), false);
    f->is_private = json_bool(json_get(v, "private"), false);
    if (f->is_private && f->kind != FIELD_STRING)
        return err_set(e, ERR_INPUT, "数据字典：%s.%s 是 private，只能是 string", t->name,
                       f->name);
    t->private_count += f->is_private;
    return true;
}

/* A field of the type by the name that `name` holds; -1 if it is absent, -2 if there is no such field. */
static int named(const struct type *t, const struct json *name)
{
    if (!name || json_is(name, JSON_NULL))
        return -1;
    int i = type_field(t, json_string(name));
    return i < 0 ? -2 : i;
}

static bool slots_make(struct dictionary *d, struct type *t)
{
    unsigned n = slots_for(t->field_count);
    uint8_t *slots = arena_alloc(&d->arena, n);
    t->slots = slots;
    t->slot_mask = n - 1;
    for (int i = 0; i < t->field_count; i++) {
        struct span name = span_of(t->fields[i].name);
        if (type_field(t, name) >= 0)
            return false;
        unsigned h = hash(name) & t->slot_mask;
        while (slots[h])
            h = (h + 1) & t->slot_mask;
        slots[h] = (uint8_t)(i + 1);
    }
    return true;
}

static bool is_time(enum field_kind kind)
{
    return kind == FIELD_DATE || kind == FIELD_DATETIME || kind == FIELD_MONTH;
}

static bool key_make(struct type *t, const struct json *v, struct err *e)
{
    const struct json *key = json_get(v, "key");
    if (json_count(key) == 0 || json_count(key) > sizeof t->key / sizeof *t->key)
        return bad(e, t, "要有 1 到 8 个主键字段（key）");
    for (size_t i = 0; i < json_count(key); i++) {
        int f = named(t, json_item(key, i));
        if (f < 0 || t->fields[f].is_private || t->fields[f].kind == FIELD_STRINGS)
            return bad(e, t, "的 key 里有不能做主键的字段");
        for (int j = 0; j < t->key_count; j++)
            if (t->key[j] == f)
                return bad(e, t, "的 key 里有重复的字段");
        t->fields[f].required = true;
        t->key[t->key_count++] = f;
    }
    return true;
}

static bool roles_make(struct type *t, const struct json *v, struct err *e)
{
    t->time = named(t, json_get(v, "time"));
    t->event = named(t, json_get(v, "event"));
    t->scope = named(t, json_get(v, "scope"));
    t->community = type_field(t, SPAN("community_id"));
    if (t->time == -2 || (t->time >= 0 && !is_time(t->fields[t->time].kind)) ||
        (t->time >= 0 && type_time_part(t) < 0))
        return bad(e, t, "的 time 要是主键里的日期、月份或时间字段");
    if (t->event == -2 || (t->event >= 0 && !is_time(t->fields[t->event].kind)))
        return bad(e, t, "的 event 要是日期、月份或时间字段");
    if (t->scope == -2 || (t->scope >= 0 && t->fields[t->scope].kind == FIELD_STRINGS))
        return bad(e, t, "的 scope 没有这个字段");
    const struct json *indexes = json_get(v, "indexes");
    for (size_t i = 0; i < json_count(indexes); i++) {
        int f = named(t, json_item(indexes, i));
        if (f < 0 || t->fields[f].is_private)
            return bad(e, t, "的 indexes 里有不能索引的字段");
        t->fields[f].indexed = true;
    }
    return true;
}

static bool type_make(struct dictionary *d, struct type *t, const struct json *v, struct err *e)
{
    t->name = keep(d, json_get(v, "id"), "");
    if (!is_name(span_of(t->name)))
        return bad(e, t, "的 id 不行，要用小写字母、数字和 _");
    t->label = keep(d, json_get(v, "label"), t->name);
    t->source = keep(d, json_get(v, "source"), "");
    t->owner = keep(d, json_get(v, "owner"), "");
    t->cycle = keep(d, json_get(v, "cycle"), "");
    t->restricted = json_bool(json_get(v, "restricted"), false);
    t->sealed = json_bool(json_get(v, "sealed"), false);
    const struct json *fields = json_get(v, "fields");
    if (json_count(fields) == 0 || json_count(fields) > DICTIONARY_FIELDS_MAX)
        return bad(e, t, "要有 1 到 200 个字段（fields）");
    t->field_count = (int)json_count(fields);
    t->fields = arena_alloc(&d->arena, (size_t)t->field_count * sizeof *t->fields);
    for (int i = 0; i < t->field_count; i++)
        if (!field_make(d, t, &t->fields[i], json_item(fields, (size_t)i), e))
            return false;
    if (!slots_make(d, t))
        return bad(e, t, "有两个同名的字段");
    return key_make(t, v, e) && roles_make(t, v, e);
}

const struct type *dictionary_find(const struct dictionary *d, struct span name)
{
    for (unsigned h = hash(name) & d->slot_mask; d->slots[h]; h = (h + 1) & d->slot_mask) {
        const struct type *t = &d->types[d->slots[h] - 1];
        if (span_eq(span_of(t->name), name))
            return t;
    }
    return NULL;
}

static bool fill(struct dictionary *d, const struct json *root, struct err *e)
{
    const struct json *types = json_get(root, "types");
    size_t n = json_count(types);
    if (!json_is(types, JSON_ARRAY) || n == 0 || n > DICTIONARY_TYPES_MAX)
        return err_set(e, ERR_INPUT, "数据字典要有 1 到 %d 个类型（types）",
                       (int)DICTIONARY_TYPES_MAX);
    unsigned slots = slots_for((int)n);
    d->types = arena_alloc(&d->arena, n * sizeof *d->types);
    d->slots = arena_alloc(&d->arena, slots * sizeof *d->slots);
    d->slot_mask = slots - 1;
    for (; d->count < (int)n; d->count++) {
        struct type *t = &d->types[d->count];
        t->id = (uint16_t)(ENTRY_RECORDS + d->count);
        if (!type_make(d, t, json_item(types, (size_t)d->count), e))
            return false;
        if (dictionary_find(d, span_of(t->name)))
            return bad(e, t, "出现了两次");
        unsigned h = hash(span_of(t->name)) & d->slot_mask;
        while (d->slots[h])
            h = (h + 1) & d->slot_mask;
        d->slots[h] = (uint16_t)(d->count + 1);
    }
    return true;
}

struct dictionary *dictionary_make(struct span json, struct err *e)
{
    struct dictionary *d = mem_alloc(sizeof *d);
    struct arena scratch = {0};
    struct json_limits limits = {.bytes = 4 << 20, .keys = 4096};
    const struct json *root = json_parse(&scratch, json, &limits, NULL, e);
    bool ok = root && fill(d, root, e);
    arena_free(&scratch);
    if (ok)
        return d;
    dictionary_free(d);
    return NULL;
}

void dictionary_free(struct dictionary *d)
{
    if (!d)
        return;
    arena_free(&d->arena);
    mem_free(d);
}

int dictionary_count(const struct dictionary *d)
{
    return d->count;
}

const struct type *dictionary_at(const struct dictionary *d, int i)
{
    return i >= 0 && i < d->count ? &d->types[i] : NULL;
}

const struct type *dictionary_by_id(const struct dictionary *d, uint16_t id)
{
    return id >= ENTRY_RECORDS ? dictionary_at(d, id - ENTRY_RECORDS) : NULL;
}

/* ---- what may follow what ---- */

static bool moved(const struct type *before, const struct field *f, struct err *e,
                  const char *what)
{
    return err_set(e, ERR_CONFLICT,
                   "数据字典：%s.%s %s；已有数据按原来的样子存着，只能在末尾加新字段",
                   before->name, f->name, what);
}

static bool same_role(const struct type *a, int fa, const struct type *b, int fb)
{
    return fa < 0 || fb < 0 ? fa == fb : strcmp(a->fields[fa].name, b->fields[fb].name) == 0;
}

static bool fields_follow(const struct type *b, const struct type *n, struct err *e)
{
    for (int i = 0; i < b->field_count; i++) {
        const struct field *f = &b->fields[i], *g = &n->fields[i];
        if (i >= n->field_count || strcmp(f->name, g->name) != 0)
            return moved(b, f, e, "被删除、改名或换了位置");
        if (f->kind != g->kind)
            return moved(b, f, e, "换了类型");
        if (f->is_private != g->is_private)
            return moved(b, f, e, "改了 private");
        if (g->indexed && !f->indexed)
            return moved(b, f, e, "后加了索引");
    }
    return true;
}

static bool type_follows(const struct type *b, const struct type *n, struct err *e)
{
    if (strcmp(b->name, n->name) != 0)
        return err_set(e, ERR_CONFLICT,
                       "数据字典：类型 %s 被删除或换了位置；类型只能加在末尾，不用的留着",
                       b->name);
    if (!fields_follow(b, n, e))
        return false;
    bool same = b->key_count == n->key_count;
    for (int i = 0; same && i < b->key_count; i++)
        same = b->key[i] == n->key[i];
    if (!same || !same_role(b, b->time, n, n->time) || !same_role(b, b->event, n, n->event))
        return err_set(e, ERR_CONFLICT,
                       "数据字典：类型 %s 的 key、time、event 不能改，已有数据按原来的存着",
                       b->name);
    return true;
}

bool dictionary_may_follow(const struct dictionary *before, const struct dictionary *now,
                           struct err *e)
{
    for (int i = 0; i < before->count; i++) {
        if (i >= now->count)
            return err_set(e, ERR_CONFLICT, "数据字典：类型 %s 不见了；不用的类型也要留着",
                           before->types[i].name);
        if (!type_follows(&before->types[i], &now->types[i], e))
            return false;
    }
    return true;
}

/* ---- GET /types ---- */

static void texts_view(struct json_w *w, const char *name, const char **list)
{
    json_w_name(w, name);
    json_w_array(w);
    for (; *list; list++)
        json_w_str(w, *list);
    json_w_array_end(w);
}

static void field_view(const struct field *f, struct json_w *w)
{
    json_w_object(w);
    json_w_kstr(w, "name", f->name);
    json_w_kstr(w, "type", kind_names[f->kind]);
    json_w_kstr(w, "label", f->label);
    json_w_kstr(w, "unit", f->unit);
    if (f->choices)
        texts_view(w, "choices", f->choices);
    if (f->choice_labels)
        texts_view(w, "choice_labels", f->choice_labels);
    json_w_kbool(w, "required", f->required);
    json_w_kbool(w, "private", f->is_private);
    json_w_kbool(w, "indexed", f->indexed);
    json_w_object_end(w);
}

static void name_view(const struct type *t, const char *name, int field, struct json_w *w)
{
    json_w_kstr(w, name, field < 0 ? NULL : t->fields[field].name);
}

static void type_view(const struct type *t, struct json_w *w)
{
    json_w_object(w);
    json_w_kstr(w, "id", t->name);
    json_w_kstr(w, "label", t->label);
    json_w_kstr(w, "source", t->source);
    json_w_kstr(w, "owner", t->owner);
    json_w_kstr(w, "cycle", t->cycle);
    json_w_kbool(w, "restricted", t->restricted);
    json_w_kbool(w, "sealed", t->sealed);
    json_w_name(w, "key");
    json_w_array(w);
    for (int i = 0; i < t->key_count; i++)
        json_w_str(w, t->fields[t->key[i]].name);
    json_w_array_end(w);
    name_view(t, "time", t->time, w);
    name_view(t, "event", t->event, w);
    name_view(t, "scope", t->scope, w);
    json_w_name(w, "fields");
    json_w_array(w);
    for (int i = 0; i < t->field_count; i++)
        field_view(&t->fields[i], w);
    json_w_array_end(w);
    json_w_object_end(w);
}

void dictionary_view(const struct dictionary *d, struct json_w *w)
{
    json_w_array(w);
    for (int i = 0; i < d->count; i++)
        type_view(&d->types[i], w);
    json_w_array_end(w);
}
