/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `iodirty migrate` was asked for, and the migrations that makes. */
#ifndef IODIRTY_WORKLOADS_PLAN_H
#define IODIRTY_WORKLOADS_PLAN_H

#include "show.h"

#define PLAN_MOST 128 /* migrations */
#define PLAN_MEMORY_MOST ((uint64_t)16 << 40)

struct command;

/* What may be given several times. */
struct plan_names {
	const char *list[PLAN_MOST];
	unsigned int n;
};

struct plan_numbers {
	uint64_t list[PLAN_MOST];
	unsigned int n;
};

enum plan_how {
	PLAN_MEASURE,
	PLAN_MODEL,
	PLAN_BOTH, /* each by the model after it is measured */
};

struct plan_request {
	const char *target, *output, *record;
	bool force, compare, own_memory, own_clock;
	enum plan_how how;
	struct plan_names trackers, workloads;
	struct plan_numbers leaves, links; /* links: bytes a second */
	unsigned int devices; /* 0: as many as it takes */
	struct migration_options common; /* driver, seed, limits: of all */
};

/*
 * Into @out, for 2 * PLAN_MOST, workloads together; *n of them. The target is asked what formats
 * it has, and each workload is opened once. Returns enum exit_code, after it has complained.
 */
int plan_make(const struct command *command, struct plan_request *q, struct migration_entry *out,
	      size_t *n);

#endif
