/*
 * CSV as offices send it: RFC 4180, with LF or CRLF, an optional UTF-8 byte order mark, quoted fields that
 * may hold line ends. Fed in pieces of any size; a row is handed out when it is whole.
 */
#ifndef WY_UTIL_CSV_H
#define WY_UTIL_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

enum { CSV_COLUMNS_MAX = 64, CSV_ROW_MAX = 64 * 1024 };

struct csv {
    struct buf row; /* unquoted bytes of the row in work */
    size_t ends[CSV_COLUMNS_MAX];
    int columns;
    long line,
        row_line;    /* line of the text, and the line on which the row began; both from 1 */
    long fault_line; /* which line the error names; 0: none was met */
    unsigned state;
};

/* One whole row; `fields` are valid during the call and NUL-terminated. Return false to stop: csv_feed then
 * returns true and takes no more. Lines with nothing on them are no rows. */
typedef bool csv_row_fn(void *ctx, long line, const struct span *fields, int count);

void csv_init(struct csv *c);
void csv_fini(struct csv *c);
/* Feed bytes; `last` says that the text ends here. A malformed row (stray quote, too long, too many
 * columns, not UTF-8, a NUL, CR without LF) is an error naming the line; the reader cannot go on after it.
 * How the text is cut into pieces makes no difference to rows and errors. */
bool csv_feed(struct csv *c, struct span bytes, bool last, csv_row_fn *row, void *ctx,
              struct err *e);

#endif
