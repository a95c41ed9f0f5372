/* Private to evaluate.c and late.c: how one judgement is run. */
#ifndef WY_ENGINE_EVALUATE_IMPL_H
#define WY_ENGINE_EVALUATE_IMPL_H

#include "engine/api.h"

/* What evaluate_entry keeps while it works. */
struct work {
    struct evaluation ev;
    struct evaluated *out;
    struct err *e;
    int alerts;       /* emitted so far */
    size_t sets_from; /* in out->sets: those of this entry */
};

/* One judgement, complete with merging; effects go to `into`. */
enum evaluate_result evaluate_record(struct work *w, const struct instance_handler *h,
                                     const struct entry *row, int64_t now, uint64_t as_of,
                                     struct effects *into);
enum evaluate_result evaluate_subject(struct work *w, const struct instance_every *every,
                                      const struct entry *row, int64_t due, uint64_t as_of,
                                      struct effects *into);
/* What a WAKE entry of the scenario's own timers means, if there is a handler for it. */
enum evaluate_result evaluate_wake(struct work *w, const struct entry *entry,
                                   struct effects *into);
/* Write what is not dropped behind out->effects. */
enum evaluate_result evaluate_emit(struct work *w, struct effects *list);
/* Hold times and flap limits (steady.c), before the list is written. */
enum evaluate_result steady_pass(struct work *w, struct effects *list);
/* Its timers have names that begin with this: what one of them brings goes to `list`, and needs no further pass. */
enum { STEADY_MARK = '\x01' };
enum evaluate_result steady_ring(struct work *w, struct span name, int64_t due,
                                 struct effects *list);
/* Where the time of a record is its arrival. */
int64_t evaluate_time(const struct type *t, const struct entry *row);

#endif
