/* Borrowed bytes with their length: how every string argument travels. May hold any byte. */
#ifndef WY_UTIL_SPAN_H
#define WY_UTIL_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *p;
    size_t n;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})
#define SPAN_NONE     ((struct span){NULL, 0})
#define SPAN_ARG(s)   (int)(s).n, (s).p /* for "%.*s" */

struct span span_of(const char *cstr); /* NULL gives SPAN_NONE */
bool span_eq(struct span a, struct span b);
int span_cmp(struct span a, struct span b); /* bytewise, shorter first */
bool span_starts(struct span s, struct span prefix);
struct span span_trim(struct span s); /* ASCII white space off both ends */
/* Split at the first `sep`: returns what stands before it and moves *rest behind it; at the end of
 * input returns what is left and sets rest->p to NULL. Call while rest->p != NULL. */
struct span span_split(struct span *rest, char sep);
bool span_int(struct span s, int64_t *out);   /* whole span, optional '-', no overflow */
bool span_number(struct span s, double *out); /* whole span, JSON number grammar, finite */
bool span_is_utf8(struct span s);             /* strict: no overlong, surrogate, > U+10FFFF */
size_t span_cut_utf8(struct span s,
                     size_t max); /* largest length ≤ max at a character's border */
/* True if a character is a control (C0, DEL, C1), a bidi override/isolate or a zero-width mark:
 * what names and one-line texts may not hold. */
bool span_has_control(struct span s);

/* How many bytes must be put in, taken out or changed to make one of the other: to guess what a misspelt name
 * was meant to be. Names over 64 bytes are far from everything: SIZE_MAX. */
size_t span_distance(struct span a, struct span b);

#endif
