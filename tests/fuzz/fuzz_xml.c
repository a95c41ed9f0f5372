/* Any bytes at the XML reader: no crash, and what comes out is a plain tree whose texts are UTF-8. */
#include <stdint.h>

#include "util/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct json *v, int depth)
{
    must(depth <= XML_DEPTH_MAX && v->type == JSON_OBJECT && v->count == 4);
    must(json_string(json_get(v, "name")).n > 0);
    must(span_is_utf8(json_string(json_get(v, "text"))));
    const struct json *attributes = json_get(v, "attributes"), *list = json_get(v, "children");
    must(attributes->count <= XML_ATTRIBUTES_MAX);
    for (size_t i = 0; i < attributes->count; i++)
        must(span_is_utf8(attributes->names[i]) && span_is_utf8(attributes->items[i].string));
    for (size_t i = 0; i < json_count(list); i++)
        check(json_item(list, i), depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct err e = {0};
    const struct json *v = xml_parse(&a, (struct span){(const char *)data, size}, &e);
    must((v != NULL) == (e.code == ERR_NONE));
    if (v)
        check(v, 1);
    arena_free(&a);
    return 0;
}
