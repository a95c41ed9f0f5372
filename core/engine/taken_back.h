/*
 * A batch was taken back (domain/batch.h): each open alert whose evidence read one of its versions is judged
 * again, as of now and with the scenario's own memory as it was then: the judgement that raised it, and the
 * last ones that found it so again. If none of them raises it any more it is retracted, or noted where somebody
 * has touched it already. The cost is that of the open alerts, not of the batch.
 */
#ifndef WY_ENGINE_TAKEN_BACK_H
#define WY_ENGINE_TAKEN_BACK_H

#include "engine/evaluate.h"

struct work;

/* Judge the entry in hand, a WITHDRAWAL; emits the effects. */
enum evaluate_result taken_back_judge(struct work *w);

#endif
