/*
 * What kinds of entries the journal holds. Numbers are a contract with stored data: never reuse or change.
 *
 *   type       key (each part + 0x00)     body                                   cause
 *   TICK       none                       {"specs":["daily 07:00",…],"due":time}  0
 *   WAKE       scenario, timer key        {"due":time,"data":…}                   seq of the TIMER entry
 *   CONFIG     "records"|"org"|"calendar" the office file as JSON                 0
 *   VERSION    scenario                   see domain/scenario.h                   0
 *   STATUS     scenario                   see domain/scenario.h                   0 or the faulting seq
 *   ALERT      scenario, alert key        see domain/alert.h                      seq judged, 0 for a person's act
 *   STATE      scenario, state key        JSON value                              seq judged
 *   TIMER      scenario, timer key        {"at":time,"data":…}; withdrawn = off   seq judged
 *   USER       name                       see domain/user.h                       0
 *   KEY        key id                     see domain/user.h                       0
 *   CLOCK      none                       {"to":time}: a held clock was moved     0
 *   LOG        none                       {"scenario","text"}: ctx:log, unknown   seq judged
 *   BATCH      source, batch              what a batch brought (domain/record.h)  0
 *   WITHDRAWAL source, batch              taking a batch back (domain/batch.h)    0
 *   records    key fields in order        domain/row.h                            0, or the version it copies
 */
#ifndef WY_DOMAIN_ENTRY_TYPE_H
#define WY_DOMAIN_ENTRY_TYPE_H

enum entry_type {
    ENTRY_TICK = 1,
    ENTRY_WAKE = 2,
    ENTRY_CONFIG = 3,
    ENTRY_VERSION = 4,
    ENTRY_STATUS = 5,
    ENTRY_ALERT = 6,
    ENTRY_STATE = 7,
    ENTRY_TIMER = 8,
    ENTRY_USER = 9,
    ENTRY_KEY = 10,
    ENTRY_CLOCK = 11,
    ENTRY_LOG = 12,
    ENTRY_BATCH = 13,
    ENTRY_WITHDRAWAL = 14,
    ENTRY_RECORDS = 256, /* + position of the type in scripts/office/records.lua */
};

#endif
