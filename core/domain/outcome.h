/*
 * What an evaluation leaves behind, on its way from the engine to the writer. One outcome
 * batch is all that one version of one scenario made of the entries (from, to]. As JSON, one
 * object:
 *
 * {"scenario":"ent_x","version":412,"from":100,"to":180,"runs":12,"unknown":1,
 *  "effects":[
 *   {"do":"alert","cause":150,"key":"E1|2020-06","kind":"income","level":"yellow",
 *    "about":["enterprise","E1"],"title":"…","text":"…","office":"…","communities":["xiaohe"],
 *    "also":[],"due":time,"evidence_of":["enterprise|E2"],"reopen":false,"now":time,
 *    "quiet_default":"24h"|"0h","evidence":{see domain/alert.h},
 *    "rejudged":true  (after a late record: an open one is not counted up),
 *    "stands":true    (rejudged: this is the earliest judgement that holds; those before are void),
 *    "flapping":true  (life.flap: an open one stays as it is, unless the level rises),
 *    "fingerprint":text  (of all reads, where evidence.reads holds only some)},
 *   {"do":"clear","cause":150,"key":"…","reason":"…","close":true,"now":time,
 *    "flapping":true  (an open one stays open)},
 *   {"do":"retract","cause":150,"key":"…","reason":"…","now":time},
 *   {"do":"set","cause":150,"key":"…","value":…}      value absent: forget it
 *   {"do":"wake","cause":150,"key":"…","at":time,"data":…}
 *   {"do":"sleep","cause":150,"key":"…"}
 *   {"do":"topic","cause":150,"key":"…","title":"…","kind":"general"|"reno"|"tripartite",
 *    "origin":"scenario"|"auto","keyword":text,"communities":[…],"estate_id":text,
 *    "project_id":text,"now":time}   see domain/topic.h; refused unless `may` has "topic"
 *   {"do":"log","cause":150,"text":"…"}],
 *  "fault":{"seq":181,"type":"ent_income","key":"E1|2020-06","line":12,"message":"…"}}
 *
 * "minute":n,"alerts":n may stand beside "runs": alerts made in the street's minute n so far, which the cursor
 * keeps for the engine's limit. `fault` only if it stopped. An alert's times are those of the entry that caused it.
 * `due`, `office` … may be absent. Times are RFC 3339 texts. Effects are in the order in
 * which they were made.
 */
#ifndef WY_DOMAIN_OUTCOME_H
#define WY_DOMAIN_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

struct json;
struct scenario;
struct street;
struct txn;

/* Applied whole, or refused whole: ERR_CONFLICT if the stored cursor is not (from, version),
 * or the scenario is paused, stopped or missing; then the engine reads the cursor again. */
bool outcome_apply(struct txn *t, const struct street *street, const struct json *outcome,
                   struct err *e);

/* Backtest: the effects of one entry (an array as above) into a throw-away store that holds nothing but what the
 * scenario itself has made (domain/alert_replay.h). `at`: the time of that entry. There is no cursor; logs and topics leave nothing behind. */
bool outcome_replay(struct txn *t, const struct street *street, const struct scenario *scenario,
                    const struct json *effects, int64_t at, struct err *e);

#endif
