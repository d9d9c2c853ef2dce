/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <inttypes.h>

#include "migration.h"
#include "workload_kinds.h"

/* What it is, or why it cannot be had. */
static struct workload *open_any(const struct migration_options *o, char error[WORKLOAD_ERROR])
{
	const struct workload_options options = {
		.memory = o->machine.memory,
		.seed = o->seed,
		.devices = o->workload ? 0 : o->machine.devices,
		.own_rate = o->own_rate,
		.rate = o->rate,
	};

	if (o->workload)
		return workload_open(o->workload, &options, error);
	return workload_of_shapes(o->shapes, o->n_shapes, &options, error);
}

static struct workload *endless_of(struct workload *w, char error[WORKLOAD_ERROR])
{
	struct workload *endless = workload_endless(w);

	if (!endless)
		snprintf(error, WORKLOAD_ERROR, "workload %.80s has no access: %.100s", w->name,
			 w->error);
	return endless;
}

struct workload *migration_accesses(const struct migration_options *o, char error[WORKLOAD_ERROR])
{
	struct workload *w = open_any(o, error), *endless = NULL;

	if (!w)
		return NULL;
	if (w->length > o->machine.memory)
		snprintf(error, WORKLOAD_ERROR,
			 "workload %.80s is of %" PRIu64 " KiB of memory: --memory is %" PRIu64 "K",
			 w->name, w->length >> 10, o->machine.memory >> 10);
	else
		endless = endless_of(w, error);
	if (!endless)
		workload_close(w);
	return endless;
}
