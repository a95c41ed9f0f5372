/*
 * Who may see and do what: decided here and nowhere else. HTTP, websocket, push, lists, counts ask the
 * same function. What a person may not see does not exist for them: the answer is ERR_MISSING, not ERR_DENIED.
 */
#ifndef WY_DOMAIN_ACCESS_H
#define WY_DOMAIN_ACCESS_H

#include <stdbool.h>

#include "util/err.h"
#include "util/span.h"

struct alert;
struct person;
struct street;
struct type;

enum access_act {
    ACCESS_ALERT_SEE, /* about: struct alert */
    ACCESS_ALERT_ACT, /* about: struct alert; office and admin close, communities give feedback */
    ACCESS_ALERT_CLOSE,
    ACCESS_TYPE_SEE, /* about: struct type */
    ACCESS_TYPE_PUT,
    ACCESS_PRIVATE_SEE, /* about: struct type */
    ACCESS_SCENARIO_SEE,
    ACCESS_SCENARIO_EDIT, /* about: struct span office */
    ACCESS_ADMINISTER,    /* users, keys, reload, clock, backup */
    ACCESS_SELF,          /* me, types: whoever is signed in, machines too */
    ACCESS_STAFF,         /* org, types, clock: any signed-in member of staff */
};
/* `about` as the act says, NULL where it has none. NULL for an act that has one asks whether there is any
 * object at all for which this person might: a first answer for routes, the object decides afterwards. */
bool access_may(const struct person *p, const struct street *street, enum access_act act,
                const void *about);

#endif
