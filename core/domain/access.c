#include "domain/access.h"

#include "domain/alert.h"
#include "domain/dictionary.h"
#include "domain/user.h"

static bool among(struct span id, const struct span *list, size_t count)
{
    if (!id.n)
        return false;
    for (size_t i = 0; i < count; i++)
        if (span_eq(id, list[i]))
            return true;
    return false;
}

static bool is_staff(const struct person *p)
{
    switch (p->role) {
    case ROLE_ADMIN:
    case ROLE_LEADER:
    case ROLE_OFFICE:
    case ROLE_EDITOR:
    case ROLE_COMMUNITY:
    case ROLE_GRID:
        return true;
    case ROLE_RESIDENT:
    case ROLE_GUEST:
    case ROLE_MACHINE:
        return false;
    }
    return false;
}

static bool is_of_office(const struct person *p, struct span office)
{
    return (p->role == ROLE_OFFICE || p->role == ROLE_EDITOR) && p->office.n && office.n &&
           span_eq(p->office, office);
}

/* Its own office's, or told to that office as well. */
static bool office_shares(const struct person *p, const struct alert *al)
{
    return is_of_office(p, al->office) || ((p->role == ROLE_OFFICE || p->role == ROLE_EDITOR) &&
                                           among(p->office, al->also, al->also_count));
}

static bool community_shares(const struct person *p, const struct alert *al)
{
    if (p->role != ROLE_COMMUNITY && p->role != ROLE_GRID)
        return false;
    for (size_t i = 0; i < al->community_count; i++)
        if (among(al->communities[i], p->communities, p->community_count))
            return true;
    return false;
}

static bool alert_shown(const struct person *p, const struct alert *al)
{
    return p->role == ROLE_ADMIN || p->role == ROLE_LEADER || office_shares(p, al) ||
           community_shares(p, al);
}

static bool alert_handled(const struct person *p, const struct alert *al)
{
    return p->role == ROLE_ADMIN || office_shares(p, al) || community_shares(p, al);
}

static bool type_shown(const struct person *p, const struct type *t)
{
    if (!t->restricted)
        return is_staff(p);
    return p->role == ROLE_ADMIN || p->role == ROLE_LEADER ||
           is_of_office(p, span_of(t->owner));
}

static bool type_taken(const struct person *p, const struct type *t)
{
    if (p->role == ROLE_MACHINE)
        return among(span_of(t->name), p->types, p->type_count);
    return p->role == ROLE_ADMIN || is_of_office(p, span_of(t->owner));
}

/* Without an object: is there any at all for which this person might? */
static bool may_some(const struct person *p, enum access_act act)
{
    bool office = p->role == ROLE_OFFICE || p->role == ROLE_EDITOR;
    switch (act) {
    case ACCESS_ALERT_ACT:
        return is_staff(p) && p->role != ROLE_LEADER;
    case ACCESS_ALERT_CLOSE:
        return p->role == ROLE_ADMIN || office;
    case ACCESS_TYPE_PUT:
        return p->role == ROLE_ADMIN || p->role == ROLE_MACHINE || office;
    case ACCESS_PRIVATE_SEE:
        return office;
    case ACCESS_SCENARIO_EDIT:
        return p->role == ROLE_ADMIN || p->role == ROLE_EDITOR;
    case ACCESS_SCENARIO_SEE:
        return is_staff(p) && p->role != ROLE_GRID;
    case ACCESS_ADMINISTER:
        return p->role == ROLE_ADMIN;
    case ACCESS_ALERT_SEE:
    case ACCESS_TYPE_SEE:
    case ACCESS_STAFF:
        return is_staff(p);
    case ACCESS_SELF:
        return is_staff(p) || p->role == ROLE_MACHINE;
    }
    return false;
}

bool access_may(const struct person *p, const struct street *street, enum access_act act,
                const void *about)
{
    (void)street; /* offices and communities carry no rights of their own yet */
    if (!p || p->disabled)
        return false;
    if (!about)
        return may_some(p, act);
    switch (act) {
    case ACCESS_ALERT_SEE:
        return alert_shown(p, about);
    case ACCESS_ALERT_ACT:
        return alert_handled(p, about);
    case ACCESS_ALERT_CLOSE:
        return p->role == ROLE_ADMIN || is_of_office(p, ((const struct alert *)about)->office);
    case ACCESS_TYPE_SEE:
        return type_shown(p, about);
    case ACCESS_TYPE_PUT:
        return type_taken(p, about);
    case ACCESS_PRIVATE_SEE:
        return is_of_office(p, span_of(((const struct type *)about)->owner));
    case ACCESS_SCENARIO_EDIT:
        return p->role == ROLE_ADMIN ||
               (p->role == ROLE_EDITOR && is_of_office(p, *(const struct span *)about));
    case ACCESS_SCENARIO_SEE:
    case ACCESS_ADMINISTER:
    case ACCESS_SELF:
    case ACCESS_STAFF:
        return may_some(p, act);
    }
    return false;
}
