/* What the loop itself answers: hello and service.status. */
#ifndef JUNCTION_STATUS_H
#define JUNCTION_STATUS_H

#include "connection.h"

/* The result for an item of kind ITEM_LOOP; NULL when memory is out. */
cJSON *status_result(struct connection *connection, const struct item *item);

#endif
