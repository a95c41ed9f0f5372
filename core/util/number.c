#include "util/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(const char *p, const char *end)
{
    return p < end && (unsigned char)(*p - '0') < 10;
}

/* Decimal → double. Up to 2^53 and 10^22 both factors are exact, so one rounding is the right one
 * (Clinger); the rest goes to strtod on a bounded copy. No locale is ever set, so '.' is its point. */
static double real_of(const char *p, size_t n, uint64_t mantissa, bool exact, int exponent)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (exact && mantissa <= (1ULL << 53) && exponent >= -22 && exponent <= 22) {
        double v = (double)mantissa;
        v = exponent < 0 ? v / power[-exponent] : v * power[exponent];
        return p[0] == '-' ? -v : v;
    }
    char copy[NUMBER_DIGITS_MAX + 8]; /* two signs, point, 'e', NUL */
    memcpy(copy, p, n);
    copy[n] = '\0';
    return strtod(copy, NULL);
}

void number_scan(struct number *out, const char *const start, const char *end)
{
    const char *p = start;
    bool negative = p < end && *p == '-';
    if (negative)
        p++;
    out->kind = NUMBER_BAD;
    out->length = (size_t)(p - start);
    if (!is_digit(p, end))
        return;

    uint64_t mantissa = 0;
    bool exact = true; /* mantissa holds all digits so far */
    const char *digits = p;
    size_t digit_count;
    if (*p == '0') {
        p++;
    } else {
        for (; is_digit(p, end); p++) {
            unsigned d = (unsigned)(*p - '0');
            if (mantissa > (UINT64_MAX - d) / 10)
                exact = false;
            else
                mantissa = mantissa * 10 + d;
        }
    }
    digit_count = (size_t)(p - digits);
    out->length = (size_t)(p - start);
    if (is_digit(p, end))
        return; /* a leading zero */

    bool real = false;
    bool integer_exact = exact;
    uint64_t integer = mantissa;
    int exponent = 0;
    if (p < end && *p == '.') {
        real = true;
        const char *fraction = ++p;
        for (; is_digit(p, end); p++) {
            unsigned d = (unsigned)(*p - '0');
            if (mantissa > (UINT64_MAX - d) / 10)
                exact = false;
            else
                mantissa = mantissa * 10 + d;
        }
        out->length = (size_t)(p - start);
        if (p == fraction)
            return;
        digit_count += (size_t)(p - fraction);
        if (p - fraction <= NUMBER_DIGITS_MAX)
            exponent = -(int)(p - fraction);
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        real = true;
        p++;
        bool minus = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+'))
            p++;
        const char *power = p;
        int e = 0;
        for (; is_digit(p, end); p++)
            e = e < 100000 ? e * 10 + (*p - '0') : e;
        out->length = (size_t)(p - start);
        if (p == power)
            return;
        digit_count += (size_t)(p - power);
        exponent += minus ? -e : e;
    }
    out->length = (size_t)(p - start);

    if (digit_count > NUMBER_DIGITS_MAX) {
        out->kind = NUMBER_LONG;
        return;
    }
    if (real) {
        out->real = real_of(start, out->length, mantissa, exact, exponent);
        out->kind = isfinite(out->real) ? NUMBER_REAL : NUMBER_INFINITE;
        return;
    }
    uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (!integer_exact || integer > most) {
        out->real = real_of(start, out->length, 0, false, 0);
        out->kind = NUMBER_OVERFLOW;
        return;
    }
    out->integer = negative ? (int64_t)(0 - integer) : (int64_t)integer;
    out->real = (double)out->integer;
    out->kind = NUMBER_INT;
}
