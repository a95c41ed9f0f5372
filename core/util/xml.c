#include "util/xml.h"

#include <string.h>

#include <expat.h>

#include "util/buf.h"
#include "util/mem.h"

/* An element while it is open, and after that until its parent takes its value. */
struct element {
    struct element *parent, *next; /* next: the sibling behind it */
    struct element *first, *last;
    size_t children;
    struct span name;
    struct buf text;
    const struct json *attributes;
};

struct reader {
    XML_Parser parser;
    struct arena *arena;
    struct element *open, *root;
    int depth, elements;
    struct err *e;
    bool failed;
};

static void refuse(struct reader *r, enum err_code code, const char *why)
{
    if (!r->failed)
        err_set(r->e, code, "第 %lu 行：%s", (unsigned long)XML_GetCurrentLineNumber(r->parser),
                why);
    r->failed = true;
    XML_StopParser(r->parser, XML_FALSE);
}

static struct span local_name(struct arena *a, const char *name)
{
    const char *colon = strrchr(name, ':');
    return arena_span(a, span_of(colon && colon[1] ? colon + 1 : name));
}

static struct json *string_value(struct arena *a, struct span s)
{
    struct json *v = arena_alloc(a, sizeof *v);
    v->type = JSON_STRING;
    v->string = arena_span(a, s.p ? s : SPAN(""));
    return v;
}

static struct json *object(struct arena *a, size_t members)
{
    struct json *v = arena_alloc(a, sizeof *v);
    v->type = JSON_OBJECT;
    v->items = arena_alloc(a, (members + 1) * sizeof *v->items);
    v->names = arena_alloc(a, (members + 1) * sizeof *v->names);
    return v;
}

static void member(struct json *to, struct span name, const struct json *value)
{
    for (size_t i = 0; i < to->count; i++)
        if (span_eq(to->names[i], name)) /* a:x and b:x */
            return;
    to->names[to->count] = name;
    to->items[to->count++] = *value;
}

/* False: too many. */
static bool attributes(struct reader *r, const char **list, const struct json **out)
{
    size_t n = 0;
    while (list[2 * n])
        n++;
    if (n > XML_ATTRIBUTES_MAX)
        return false;
    struct json *all = object(r->arena, n);
    for (size_t i = 0; i < n; i++)
        member(all, local_name(r->arena, list[2 * i]),
               string_value(r->arena, span_of(list[2 * i + 1])));
    *out = all;
    return true;
}

static void on_start(void *ctx, const char *name, const char **list)
{
    struct reader *r = ctx;
    struct element *x = arena_alloc(r->arena, sizeof *x);
    if (r->failed)
        return;
    if (++r->depth > XML_DEPTH_MAX || ++r->elements > XML_ELEMENTS_MAX) {
        refuse(r, ERR_LIMIT, "XML 套得太深，或元素太多");
        return;
    }
    if (!attributes(r, list, &x->attributes)) {
        refuse(r, ERR_LIMIT, "一个元素的属性太多");
        return;
    }
    x->name = local_name(r->arena, name);
    x->parent = r->open;
    if (x->parent) {
        *(x->parent->last ? &x->parent->last->next : &x->parent->first) = x;
        x->parent->last = x;
        x->parent->children++;
    } else {
        r->root = x;
    }
    r->open = x;
}

static void on_end(void *ctx, const char *name)
{
    struct reader *r = ctx;
    (void)name;
    if (r->failed)
        return;
    r->depth--;
    r->open = r->open->parent;
}

static void on_text(void *ctx, const char *text, int n)
{
    struct reader *r = ctx;
    if (!r->failed && r->open)
        buf_put(&r->open->text, text, (size_t)n);
}

static void on_doctype(void *ctx, const char *name, const char *system, const char *public,
                       int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    refuse(ctx, ERR_INPUT, "XML 不能带 DOCTYPE（实体、外部文件一概不认）");
}

/* Depth is bounded by XML_DEPTH_MAX. */
static const struct json *value_of(struct arena *a, const struct element *x)
{
    struct json *v = object(a, 4), list = {.type = JSON_ARRAY};
    list.items = arena_alloc(a, (x->children + 1) * sizeof *list.items);
    for (const struct element *c = x->first; c; c = c->next)
        list.items[list.count++] = *value_of(a, c);
    member(v, SPAN("name"), string_value(a, x->name));
    member(v, SPAN("text"), string_value(a, span_trim(buf_view(&x->text))));
    member(v, SPAN("attributes"), x->attributes);
    member(v, SPAN("children"), &list);
    return v;
}

/* Texts grow on the heap; the elements themselves lie in the arena. */
static void texts_free(struct element *x)
{
    for (struct element *c = x ? x->first : NULL; c; c = c->next)
        texts_free(c);
    if (x)
        buf_free(&x->text);
}

const struct json *xml_parse(struct arena *a, struct span text, struct err *e)
{
    if (text.n > XML_BYTES_MAX) {
        err_set(e, ERR_LIMIT, "XML 有 %zu 字节，至多 %d", text.n, (int)XML_BYTES_MAX);
        return NULL;
    }
    struct reader r = {.arena = a, .e = e};
    r.parser = XML_ParserCreate(NULL);
    must(r.parser);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    enum XML_Status status = XML_Parse(r.parser, text.n ? text.p : "", (int)text.n, XML_TRUE);
    if (status != XML_STATUS_OK && !r.failed)
        err_set(e, ERR_INPUT, "不是完整的 XML：第 %lu 行 %s",
                (unsigned long)XML_GetCurrentLineNumber(r.parser),
                XML_ErrorString(XML_GetErrorCode(r.parser)));
    bool ok = status == XML_STATUS_OK && !r.failed && r.root;
    const struct json *root = ok ? value_of(a, r.root) : NULL;
    texts_free(r.root);
    XML_ParserFree(r.parser);
    return root;
}
