/* Private to route_records.c (reading) and route_intake.c (POST /records/{type}). */
#ifndef WY_NET_ROUTE_INTAKE_H
#define WY_NET_ROUTE_INTAKE_H

#include "net/route.h"

void intake_begin(struct request *r);
bool intake_feed(struct request *r, struct span bytes, bool last);
void intake_gone(struct request *r);

#endif
