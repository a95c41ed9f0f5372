/*
 * Any bytes as a multipart: the first line of the input is the Content-Type, the rest the body. Parts lie in
 * order inside the body, and cutting off its last byte that matters never makes more of it.
 */
#include <stdint.h>
#include <string.h>

#include "util/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct multipart_part parts[MULTIPART_PARTS_MAX], fewer[MULTIPART_PARTS_MAX];
    struct span body = {(const char *)data, size}, type = span_split(&body, '\n');
    struct span boundary = multipart_boundary(type);
    struct err e = {0};
    if (!boundary.n || !body.p)
        return 0;
    must(boundary.n <= 70 && boundary.p >= type.p &&
         boundary.p + boundary.n <= type.p + type.n);
    size_t n = multipart_split(body, boundary, parts, &e);
    must(n <= MULTIPART_PARTS_MAX && (n > 0) == (e.code == ERR_NONE));
    const char *at = body.p;
    for (size_t i = 0; i < n; i++) {
        must(parts[i].body.p >= at && parts[i].body.p + parts[i].body.n <= body.p + body.n);
        at = parts[i].body.p + parts[i].body.n;
    }
    if (!n)
        return 0;
    struct span cut = {body.p,
                       (size_t)(at - body.p)}; /* without the boundary behind the last part */
    must(multipart_split(cut, boundary, fewer, &e) == 0);
    return 0;
}
