/*
 * XML of foreign devices, made a plain tree of JSON values (expat's only home). No DTD and therefore no
 * entities beyond the five of XML itself; size, depth, elements and attributes are bounded.
 *
 * An element is {"name","text","attributes":{…},"children":[…]}: names without their prefix, the text of the
 * element itself with white space around it taken off.
 */
#ifndef WY_UTIL_XML_H
#define WY_UTIL_XML_H

#include <stddef.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/json.h"
#include "util/span.h"

enum {
    XML_BYTES_MAX = 1 << 20,
    XML_DEPTH_MAX = 24,
    XML_ELEMENTS_MAX = 10000,
    XML_ATTRIBUTES_MAX = 32, /* of one element */
};

/* The root element; all of it in `a`. NULL: ERR_INPUT with the line, or ERR_LIMIT. */
const struct json *xml_parse(struct arena *a, struct span text, struct err *e);

#endif
