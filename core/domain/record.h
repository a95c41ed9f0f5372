/*
 * Records at the door: from NDJSON, a JSON array or CSV to journal entries, line by line. Parsing and
 * checking need no transaction and run where the bytes arrive; what changed is decided in it.
 */
#ifndef WY_DOMAIN_RECORD_H
#define WY_DOMAIN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/dictionary.h"
#include "store/journal.h"
#include "util/arena.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/span.h"

struct json_w;
struct txn;
struct vault;
struct view;

enum record_format { RECORD_NDJSON, RECORD_JSON, RECORD_CSV };

/* One line that passed: key and body ready for the journal. */
struct record {
    long line;
    const struct type *type;
    struct span key, body;
};
struct record_refusal {
    long line;           /* of the text; in a JSON array the number of the item; both from 1 */
    const char *field;   /* "" if it is the whole line */
    const char *message; /* Chinese, says what to do */
    struct span key; /* whose record it was meant to be; SPAN_NONE if that cannot be made out */
};

/* Check one JSON object against its type. Everything in `a`. Unknown fields, wrong types, missing keys,
 * numbers out of range, a month that is none … are ERR_INPUT; *field names the field. `type`,
 * `stored_at`, `_seq` and `_at` in the object are the system's and are passed over. Private fields are sealed;
 * without a vault (examples) they are left out. Any other code than ERR_INPUT: the vault failed. */
bool record_parse(const struct type *t, struct span object, struct vault *vault,
                  struct arena *a, struct record *out, const char **field, struct err *e);

/* {"line","field","message"}: how senders are told. */
void record_refusal_view(const struct record_refusal *x, struct json_w *w);

enum {
    RECORD_LINE_MAX = 64 * 1024, /* a longer line is refused, the ones behind it are read on */
    RECORD_CSV_ROWS = 50000,
};
/* Bytes in, lines out. RECORD_JSON takes an array of objects or one object. The first row of CSV names the
 * fields, by name or Chinese label; an empty cell is null. Owned by one request; everything it hands out lives in its arena until
 * record_reader_drop. */
struct record_reader;
struct record_reader *record_reader_new(const struct type *t, enum record_format format,
                                        struct vault *vault);
void record_reader_free(struct record_reader *r);
/* False: the text cannot be read on (broken JSON array, CSV quote, over the limits of reliability.md 2);
 * what was good before stays good. */
bool record_reader_feed(struct record_reader *r, struct span bytes, bool last, struct err *e);
/* Where that was: the line of a CSV, the last whole item of a JSON array; 0: nowhere. */
long record_reader_failure_line(const struct record_reader *r);
size_t record_reader_records(const struct record_reader *r, const struct record **out);
size_t record_reader_refusals(const struct record_reader *r, const struct record_refusal **out);
void record_reader_drop(
    struct record_reader *r); /* forget what was handed out, keep the place in the text */

/* What a batch brings. */
struct batch {
    const struct type *type;
    const struct record *records;
    size_t count;
    const struct record_refusal *refusals; /* lines of it that were refused: see full */
    size_t refusal_count;
    struct span source; /* who sends: user or key id */
    struct span name;   /* batch id, at most 31 bytes; empty: made from the entry's seed */
    bool more; /* not full: another part with the same name follows, only the last one tells */
    bool full, last; /* mode=full; this is its last part */
    struct span
        scope; /* value of the type's scope field, e.g. "2020-06"; empty: that of its records */
    bool
        single; /* a feed of single records: no BATCH entry, its dataset_update at most once an hour */
    bool quiet; /* neither BATCH nor dataset_update: examples, where records are all there is */
};
struct batch_result {
    uint64_t accepted, unchanged, withdrawn;
    uint64_t first_seq,
        last_seq; /* of the records written and withdrawn; 0 if there are none */
    char name[32];
    bool
        withheld; /* full, but refused lines hide whose records they were: nothing was withdrawn */
    /* With several records of one batch equal to what is stored, all count as unchanged. */
};
/*
 * In the writer. Writes what is new or changed, with its index postings (each indexed field with the event
 * time; and the event time alone); a full list's last part withdraws what is missing in its scope; writes the
 * batch's dataset_update and BATCH entry.
 *
 * A full list in parts: each part's BATCH entry (source, name) holds hashes of the keys it confirmed without
 * writing them, so the last part knows all that was seen, after a crash as well. A key is missing if it was
 * neither confirmed nor written since the first part began. A refused line counts as seen; where its key
 * cannot be made out, nothing is withdrawn. WITHDRAW entries carry the body that was withdrawn.
 *
 * BATCH body: {"type","mode":"full"|"add","scope"?,"parts","rows","accepted","unchanged","withdrawn","refused",
 * "unreadable":bool,"began":seq,"first":seq,"last":seq (of what this part wrote, if any),"done":bool,"seen"?:"16 hex digits a key"}; numbers are sums of all parts so far.
 */
bool record_apply(struct txn *t, struct dictionary *d, const struct batch *b,
                  struct batch_result *out, struct err *e);
/* One record written by domain code itself, with its postings and no batch; *seq 0 if it is unchanged. */
bool record_put(struct txn *t, const struct type *type, struct span key, struct span body,
                uint64_t *seq, struct err *e);
/* Take one record back; *seq 0 if there is none. */
bool record_withdraw(struct txn *t, const struct type *type, struct span key, uint64_t *seq,
                     struct err *e);

/* Reading. `key` as key_join makes it. */
bool record_event_time(const struct type *t, struct span body,
                       int64_t *us); /* false: has none */
bool record_find(struct view *v, struct arena *a, const struct type *t, struct span key,
                 uint64_t as_of, struct entry *out,
                 struct err *e); /* ERR_MISSING: none or withdrawn */
/* Key prefix without the time part → the subject's version with the largest key time. */
bool record_latest(struct view *v, struct arena *a, const struct type *t, struct span prefix,
                   uint64_t as_of, struct entry *out, struct err *e);

/* Walk records by equality on fields (values as row_put_text writes them), in key order, verified as of
 * `as_of`. `all`: every record; else the latest of each subject, which must satisfy all of where. Chooses
 * key prefix, an index or the whole type by itself. Finding costs no more than the postings of the best field. */
struct record_where {
    int field;
    struct span value;
};
struct record_scan;
struct record_scan *record_scan_open(struct view *v, const struct type *t,
                                     const struct record_where *where, size_t count, bool all,
                                     struct span after, uint64_t as_of);
bool record_scan_next(struct record_scan *s, struct arena *a, struct entry *out, struct err *e);
/* Records read so far that did not satisfy `where`, where no index helped: the same for every reader as of the
 * same seq, so scripts can be charged for them. */
uint64_t record_scan_passed_over(const struct record_scan *s);
/* End the walk once it has passed over `most` records, for readers who must not take long. The place is then the
 * key to go on behind, valid until close; empty: there was nothing more. Before the first next. */
void record_scan_patience(struct record_scan *s, uint64_t most);
struct span record_scan_place(const struct record_scan *s);
void record_scan_close(struct record_scan *s);
/* Records whose event time lies in [from, to] and that satisfy `where`: each once, in order of that time, until
 * fn returns false. Types without event time count by arrival of the version, and are walked. *looked (may be
 * NULL): how many records were looked at, told or not: the same for every reader as of the same seq. */
bool record_window(struct view *v, struct arena *a, const struct type *t,
                   const struct record_where *where, size_t count, int64_t from, int64_t to,
                   uint64_t as_of, bool (*fn)(void *ctx, const struct entry *e), void *ctx,
                   uint64_t *looked, struct err *e);

/* The `most` newest of them, oldest first; types without event time have none. Told apart from record_window
 * by cost: it walks backwards from `to`, along the keys or the postings of the first indexed field of `where`. */
bool record_last(struct view *v, struct arena *a, const struct type *t,
                 const struct record_where *where, size_t count, int64_t from, int64_t to,
                 uint64_t as_of, size_t most, struct entry **out, size_t *found,
                 uint64_t *looked, struct err *e);

/* A record for people: {fields…, "_seq", "_at"}. `reveal` opens private fields (vault needed); otherwise
 * they are masked ("张**", "138****8000"). */
void record_view(const struct type *t, const struct entry *entry, struct vault *vault,
                 bool reveal, struct json_w *w);

#endif
