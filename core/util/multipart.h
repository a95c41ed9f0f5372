/*
 * multipart/form-data and its kin, as cameras send it: the whole body in memory, cut into parts at exact
 * boundaries. Strict: what is not said clearly is refused. Knows nothing of what the parts hold.
 */
#ifndef WY_UTIL_MULTIPART_H
#define WY_UTIL_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/span.h"

enum { MULTIPART_PARTS_MAX = 16, MULTIPART_HEADERS_MAX = 16 };

struct multipart_part {         /* all pointing into the body */
    struct span name, filename; /* of Content-Disposition; may be SPAN_NONE */
    struct span type; /* Content-Type without parameters; SPAN_NONE if there is none */
    struct span body;
};
/* The boundary of a Content-Type, RFC 2046: 1 to 70 of its characters. SPAN_NONE if it is no multipart. */
struct span multipart_boundary(struct span content_type);
/* How many parts there are; 0 with `e` if the body is not what it should be. The last boundary must be there:
 * a body that was cut off is refused. */
size_t multipart_split(struct span body, struct span boundary,
                       struct multipart_part parts[MULTIPART_PARTS_MAX], struct err *e);

#endif
