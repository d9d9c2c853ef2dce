/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What became of migrations, run or computed: for a person, and as JSON. */
#ifndef IODIRTY_WORKLOADS_SHOW_H
#define IODIRTY_WORKLOADS_SHOW_H

#include "predict.h"
#include "workload.h"

struct migration_entry {
	struct migration_options o; /* leaf and format are set */
	struct migration_result r;
	bool model; /* computed, by @cost */
	struct predict_cost cost;
	char origin[512]; /* of the workload */
	bool pattern;
};

/* One that was run, beside what the model says: measured / model. */
struct migration_agreement {
	double rounds, sent, downtime;
	/* All within 10 %, or the downtimes closer than 1 % of the one asked for; and both
	 * converge or neither does. */
	bool agrees;
};

void migration_compare(const struct migration_entry *measured, const struct migration_entry *model,
		       struct migration_agreement *out);
/* Downtime by the link, not by how fast memory is copied here; there is a link. */
double migration_link_ns(const struct migration_entry *e);

const char *migration_verdict_name(enum migration_verdict verdict);
/* "uniform+ring"; @out holds 128 bytes. */
const char *migration_workload(const struct migration_options *o, char out[128]);
void migration_print(const struct migration_entry *e, FILE *out);
void migration_table(const struct migration_entry *e, size_t n, FILE *out);
/* @e: run and computed ones in turn. */
void migration_agreements(const struct migration_entry *e, size_t n, FILE *out);
/* @against: as there. */
void migration_json(const struct migration_entry *e, size_t n, bool against, int argc, char **argv,
		    FILE *out);

#endif
