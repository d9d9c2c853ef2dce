/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a run's records come to. Decided here once; the views only show it. */
#ifndef IODIRTY_SUMMARY_H
#define IODIRTY_SUMMARY_H

#include "run.h"

#define N_VERDICTS (VERDICT_CRASH + 1)

/* A requirement in one configuration: the worst of its cases. */
struct cell {
	const struct requirement *req;
	const char *config; /* "amd-v1/64K", or "-" */
	enum verdict verdict;
};

struct summary {
	struct cell *cells; /* in the order of the plan */
	size_t n_cells;
	size_t cases[N_VERDICTS]; /* how many, by verdict */
	size_t table[N_VERDICTS]; /* how many cells */
	const struct requirement **unexercised; /* mandatory, no case passed or failed */
	size_t n_unexercised;
	const char *outcome; /* "passed", "failed", "interrupted", "nothing-ran" */
	int exit_code;
};

void summarize(const struct run *run, struct summary *s);
void summary_free(struct summary *s);

/* Does it fail the run? That of an informative requirement does not. */
bool verdict_fails(const struct requirement *req, enum verdict verdict);

#endif
