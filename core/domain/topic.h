/*
 * Council topics that a scenario proposes: effect "topic" of domain/outcome.h. A proposal becomes a record
 * council_topic like any other, drafted, in the transaction that moves the scenario's cursor. What follows is
 * people's business: a topic that is there, whatever its stage, is never touched again from here.
 */
#ifndef WY_DOMAIN_TOPIC_H
#define WY_DOMAIN_TOPIC_H

#include <stdbool.h>

#include "util/err.h"
#include "util/span.h"

struct json;
struct scenario;
struct street;
struct txn;

/* The topic's id: the same for the same scenario and key, so that a proposal repeated makes no second topic. */
void topic_id(char out[27], struct span scenario, struct span key);
bool topic_kind_is_known(struct span kind);     /* general, reno, tripartite */
bool topic_origin_is_known(struct span origin); /* scenario, auto */

/* May this effect be applied? Before the first append of its outcome. */
bool topic_check(const struct street *street, const struct scenario *scenario,
                 const struct json *effect, struct err *e);
/* Inside the writer. Does nothing if there is or was a topic of that id. */
bool topic_propose(struct txn *t, const struct street *street, const struct scenario *scenario,
                   const struct json *effect, struct err *e);

#endif
