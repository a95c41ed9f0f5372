/* Numbers as JSON writes them, read exactly. Shared by span_number and the JSON scanner. */
#ifndef WY_UTIL_NUMBER_H
#define WY_UTIL_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { NUMBER_DIGITS_MAX = 40 };

enum number_kind {
    NUMBER_BAD,      /* not the JSON number grammar */
    NUMBER_INT,      /* no fraction, no exponent, fits int64 */
    NUMBER_REAL,     /* finite */
    NUMBER_OVERFLOW, /* an integer beyond int64 */
    NUMBER_LONG,     /* more than NUMBER_DIGITS_MAX digits, exponent included */
    NUMBER_INFINITE, /* a real beyond double */
};
struct number {
    enum number_kind kind;
    size_t
        length; /* bytes that belong to the number; for NUMBER_BAD up to the offending byte */
    int64_t integer; /* NUMBER_INT */
    double real;     /* NUMBER_INT, NUMBER_REAL and NUMBER_OVERFLOW */
};

/* Read the longest number at p; what follows it is the caller's to judge. */
void number_scan(struct number *out, const char *p, const char *end);

#endif
