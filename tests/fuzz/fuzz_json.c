/*
 * Any bytes at the JSON reader: it must not fall over, the tree and the scan must agree on what is JSON and
 * on every value, and what the writer makes of a tree must read back as the same tree.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/err.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct json *a, const struct json *b)
{
    double x, y;
    if (json_number(a, &x) &&
        json_number(b, &y)) /* 6800000.0 is written without its fraction */
        return x == y && (a->type != JSON_INT || a->integer == b->integer);
    if (a->type != b->type)
        return false;
    if (a->type == JSON_BOOL)
        return a->boolean == b->boolean;
    if (a->type == JSON_STRING)
        return span_eq(a->string, b->string) && a->string.p[a->string.n] == '\0';
    if (json_count(a) != json_count(b))
        return false;
    for (size_t i = 0; i < json_count(a); i++) {
        if (a->type == JSON_OBJECT && !span_eq(a->names[i], b->names[i]))
            return false;
        if (!same(&a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

static void check_writer(struct arena *arena, const struct json *tree)
{
    struct buf out = {0};
    struct err e = {0};
    struct json_w w = json_w_begin(&out);
    json_w_value(&w, tree);
    json_w_end(&w);
    struct json_limits limits = {.bytes = out.n + 1};
    const struct json *back = json_parse(arena, buf_view(&out), &limits, NULL, &e);
    must(back && same(tree, back));
    buf_free(&out);
}

static void check_value(struct arena *arena, const struct json_value *v,
                        const struct json *tree)
{
    must(v->type == tree->type);
    switch (v->type) {
    case JSON_NULL:
        break;
    case JSON_BOOL:
        must(v->boolean == tree->boolean);
        break;
    case JSON_INT:
        must(v->integer == tree->integer && v->real == (double)tree->integer);
        break;
    case JSON_REAL:
        must(memcmp(&v->real, &tree->real, sizeof v->real) == 0);
        break;
    case JSON_STRING:
        must(span_eq(v->string, tree->string) && span_is_utf8(v->string));
        break;
    case JSON_ARRAY:
    case JSON_OBJECT: {
        const struct json *inner = json_parse(arena, v->raw, NULL, NULL, NULL);
        must(inner && same(inner, tree));
    }
    }
}

static void check_scan(struct arena *arena, struct span text, const struct json *tree,
                       size_t at)
{
    struct json_scan s;
    struct json_value value;
    struct span name;
    struct err e = {0};
    size_t n = 0;
    if (json_scan_open(&s, arena, text, NULL, &e)) {
        for (; json_scan_next(&s, &name, &value, &e); n++) {
            if (!tree)
                continue;
            must(n < tree->count && span_eq(name, tree->names[n]));
            check_value(arena, &value, &tree->items[n]);
        }
    }
    must(s.failed == !json_is(tree, JSON_OBJECT));
    if (!s.failed) {
        must(n == tree->count && s.at == text.n);
        return;
    }
    must(e.code != ERR_NONE && span_is_utf8(span_of(e.text)));
    if (!tree && n > 0) /* it was an object at least, so both stumbled over the same byte */
        must(s.at == at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct arena arena = {0};
    struct err e = {0};
    size_t at = 0;
    const struct json *tree = json_parse(&arena, text, NULL, &at, &e);
    must(tree || (e.code != ERR_NONE && at <= size && span_is_utf8(span_of(e.text))));
    check_scan(&arena, text, json_is(tree, JSON_OBJECT) ? tree : NULL, at);
    if (tree)
        check_writer(&arena, tree);
    arena_free(&arena);
    return 0;
}
