/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One precopy migration: what it is to be, and what became of it. */
#ifndef IODIRTY_WORKLOADS_MIGRATION_H
#define IODIRTY_WORKLOADS_MIGRATION_H

#include <signal.h>
#include <stdio.h>

#include "machine.h"
#include "shape.h"

#define MIGRATION_SHOWN 20 /* pages that differ, one by one */
#define MIGRATION_SHAPES 8

/* What a second is. */
enum migration_clock {
	MIGRATION_WALL, /* a real one: devices write beside the rounds */
	/* One of the workload's: a round goes to its end at once, then devices do what they would have
	 * done meanwhile. The same each time, for any link. */
	MIGRATION_TRACE,
};

struct migration_options {
	struct machine_options machine;
	/* A workload by name or file (workload_open()), performed access by access; NULL: shapes,
	 * which devices' own generators write. */
	const char *workload;
	enum migration_clock clock; /* TRACE: shapes are performed, too, and there is a link */
	const struct shape *shapes[MIGRATION_SHAPES]; /* device i has the i-th, in turn */
	unsigned int n_shapes;
	/* TRACE: a report takes @harvest_ns for each page that is looked at, instead of what it
	 * is measured to take. */
	bool own_harvest;
	double harvest_ns;
	bool own_rate; /* @rate instead of the shapes' */
	uint64_t rate; /* writes a second of each device; 0: flat out */
	uint64_t link; /* bytes a second; 0: as fast as memory can be copied */
	uint64_t downtime_ns; /* the most; 0: go on for all rounds */
	unsigned int rounds; /* the most, with that of all memory */
	uint64_t seed;
	/* Not NULL: what devices did while they were tracked becomes a trace, with @record_origin
	 * as its text; the target has TARGET_RECORD, and devices are not in a container. */
	FILE *record;
	const char *record_origin;
};

struct migration_round {
	uint64_t bytes; /* sent */
	uint64_t copy_ns;
	/* The report that followed. */
	uint64_t reported, written, lost; /* pages */
	uint64_t report_ns;
};

struct migration_page {
	uint64_t iova; /* of the first word that differs */
	uint64_t expected, seen;
	struct truth_loss loss;
};

enum migration_verdict {
	MIGRATION_EQUAL,
	MIGRATION_DIFFERS,
	MIGRATION_LOST, /* equal, since what was lost was written again */
	MIGRATION_FAILED, /* it did not come to an end; see error */
	MIGRATION_PREDICTED, /* there was none: predict.h */
};

struct migration_result {
	enum migration_verdict verdict;
	char error[256];
	bool converged;
	uint64_t page; /* bytes */
	struct migration_round *rounds;
	unsigned int n_rounds;
	uint64_t bytes, reported, written, lost; /* sums */
	uint64_t downtime_ns, full_ns; /* full: one copy of all memory, in this run */
	uint64_t final_bytes, final_report_ns;
	uint64_t total_ns; /* from the first round's beginning to the last one's end */
	uint64_t writes; /* of all devices */
	uint64_t late_ns; /* a workload, by the wall: so far behind its times at the stop */
	uint64_t state_bytes; /* of devices */
	unsigned int states; /* devices moved */
	uint64_t differ; /* pages */
	struct migration_page pages[MIGRATION_SHOWN];
};

/* Its accesses, without end: of the workload, or those that generators of the shapes would make.
 * NULL, with @error. */
struct workload *migration_accesses(const struct migration_options *o, char error[WORKLOAD_ERROR]);

/* Set by a signal: give up soon. */
extern volatile sig_atomic_t migration_interrupted;

void migrate(const struct migration_options *o, struct migration_result *r);
void migration_free(struct migration_result *r);

#endif
