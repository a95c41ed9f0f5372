/*
 * Batches after they have come: what each brought, which one a version of a record came from, and taking one
 * back whole.
 *
 * A batch is named by its source and name ("SOURCE|NAME"); what came under a name that was used again is the
 * latest of them. Each part's BATCH entry (domain/record.h) tells the seqs that it wrote, so the versions
 * that a batch brought are some ranges of the journal. Postings of a BATCH entry: BATCH_BY_TYPE, _SOURCE,
 * _NAME and BATCH_ANY ("*"), with its own seq as the time.
 *
 * Taking back: a record whose current version came from the batch gets the version before it again, or is
 * withdrawn if there was none; what came after the batch stands. "Before" passes over what other batches that
 * were taken back had brought. The new version's `cause` is the seq of the version it is a copy of (a
 * withdrawal's: of what it took back), so that it is never taken for news of its own.
 *
 * WITHDRAWAL entry, key as the BATCH: {"type","reason","by","began","state":"running"|"done","next":seq,
 * "first":seq,"ranges":[[first,last],…],"older":[…],"restored","withdrawn","kept"}; one for each part of the
 * work. `older`: ranges taken back before under the same name. The one with "done" is what scenarios judge (engine/taken_back.h). `first`: the first of its own entries.
 */
#ifndef WY_DOMAIN_BATCH_H
#define WY_DOMAIN_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/span.h"

struct dictionary;
struct json;
struct json_w;
struct person;
struct street;
struct txn;
struct view;

enum { BATCH_BY_TYPE = 1, BATCH_BY_SOURCE, BATCH_BY_NAME, BATCH_ANY };
enum { BATCH_REASON_MAX = 500 };

struct batch_range {
    uint64_t first, last;
};
enum batch_state { BATCH_KEPT, BATCH_WITHDRAWING, BATCH_WITHDRAWN };
struct batch_about { /* everything lives in the arena it was read into */
    struct span key; /* of its entries */
    struct span source, name, type, mode, scope;
    uint64_t seq, began, parts, rows, accepted, unchanged, withdrawn, refused;
    int64_t at;
    bool done;
    struct batch_range *ranges; /* versions it brought, in order */
    size_t range_count;
    enum batch_state state;
    struct span reason, by; /* of its withdrawal */
    int64_t withdrawn_at;
    uint64_t restored, taken,
        kept;             /* records that got a version back, were withdrawn, had a later one */
    uint64_t next, first; /* where the withdrawal goes on, where its entries begin */
};

/* "SOURCE|NAME", or the name alone where only one source has used it. ERR_MISSING, ERR_INPUT. */
bool batch_find(struct view *v, struct arena *a, struct span id, struct batch_about *out,
                struct err *e);
/* The batch that brought the version `seq` of a record of this type. ERR_MISSING: none did. */
bool batch_of_version(struct view *v, struct arena *a, struct span type, uint64_t seq,
                      struct batch_about *out, struct err *e);
bool batch_brought(const struct batch_about *b, uint64_t seq);
bool batch_ranges_have(const struct batch_range *ranges, size_t count, uint64_t seq);
/* {"id","source","batch","type", … ,"state","reason"?,"by"?,"withdrawn_at"?} */
void batch_view(const struct batch_about *b, struct json_w *w);

struct batch_filter {
    struct span type, source; /* SPAN_NONE: any */
    uint64_t before;          /* seq of the last one of the page before; 0: from the newest */
    int limit;
};
/* {"items":[…],"next":…} of the types this person may see, newest first. */
bool batch_list(struct view *v, struct arena *a, const struct street *street,
                const struct person *person, const struct batch_filter *f, struct json_w *w,
                struct err *e);

struct batch_withdraw {
    struct span id, reason, by;
    const struct person *person; /* NULL: the console; else who must have the right to */
    int most;                    /* records to write in this part; 0: 500 */
};
/* In the writer: one part of taking the batch back; again and again until out->state is BATCH_WITHDRAWN. One
 * that is under way is gone on with, by whomever; one that is over stays as it is. `out` lives in the arena. */
bool batch_withdraw_part(struct txn *t, const struct street *street,
                         const struct batch_withdraw *in, struct arena *a,
                         struct batch_about *out, struct err *e);
/* Withdrawals that a crash has cut off: the id of the first, or SPAN_NONE. */
struct span batch_withdrawal_open(struct view *v, struct arena *a);

/* A WITHDRAWAL entry's body, as far as scenarios need it. False: it is not the last part of one. */
struct batch_taken_back {
    struct span type, reason;
    uint64_t first;
    struct batch_range *ranges;
    size_t range_count;
};
bool batch_taken_back_read(struct span body, struct arena *a, struct batch_taken_back *out);

#endif
