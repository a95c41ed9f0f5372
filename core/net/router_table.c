/* The families of routes there are. Apart from router.c so that the router can be tested alone. */
#include "net/router.h"

extern const struct route_family route_session, route_records, route_users, route_run;
extern const struct route_family route_alerts, route_scenarios, route_datasets, route_backtest,
    route_explain;
extern const struct route_family route_feeds, route_batches;

const struct route_family *const *router_families(size_t *count)
{
    static const struct route_family *const families[] = {
        &route_session, &route_records, &route_scenarios, &route_alerts,
        &route_users,   &route_run,     &route_datasets,  &route_backtest,
        &route_explain, &route_feeds,   &route_batches,
    };
    *count = sizeof families / sizeof *families;
    return families;
}
