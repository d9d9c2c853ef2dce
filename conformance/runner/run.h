/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One run of the conformance tests: what was asked for, the plan (every case
 * with its record), and how it went. plan.c makes it, execute.c fills in the
 * records, summary.c judges, and the views show.
 */
#ifndef IODIRTY_RUN_H
#define IODIRTY_RUN_H

#include <stdio.h>
#include <time.h>

#include "requirement.h"
#include "result.h"

#define RUN_ID_LEN 32 /* hexadecimal digits */

enum leaf_choice {
	LEAF_QUICK, /* the smallest, and the largest up to 2 MiB */
	LEAF_USUAL, /* those where the encoding, or the way to it, changes */
	LEAF_ALL,
};

struct run_case {
	struct ct_case c;
	const struct requirement *req;
};

struct run {
	/* what was asked for */
	int argc;
	char **argv;
	const struct target_driver *driver;
	const char *target_arg; /* NULL if none */
	uint64_t seed;
	char id[RUN_ID_LEN + 1]; /* of this run and no other; in each of its files */
	enum leaf_choice leaf;
	unsigned int jobs;
	double timeout_scale;
	unsigned int soak_s; /* longer, for the tests that soak */
	bool concurrent; /* only the tests that are marked so */
	bool verbose;
	bool resumed; /* the journal held a part of it already */
	struct journal *journal; /* NULL: nobody asked for one */
	int kmsg; /* the kernel's log, where the target runs in it; else -1 */

	/* the plan */
	uint64_t caps; /* of the target, when it was first opened */
	struct iodirty_format_info *formats; /* those selected */
	size_t n_formats;
	const struct requirement **reqs; /* those selected, in order */
	size_t n_reqs;
	struct run_case *cases; /* by requirement, in the order of reqs */
	size_t n_cases;
	struct record *records; /* shared with the processes that run cases */

	/* how it went */
	time_t started; /* 0: not yet */
	double seconds;
	bool complete; /* false: interrupted */
};

/*
 * Names and globs; an empty list selects all. One that matches nothing is an
 * error, told with the valid names on stderr: EXIT_CODE_USAGE.
 */
struct patterns {
	const char **list;
	size_t n;
};

/* Opens the target once. driver, target_arg and leaf are set; enum exit_code. */
int plan_run(struct run *run, const struct patterns *formats, const struct patterns *reqs);
void plan_free(struct run *run);
/* Every test there is, in the order of reading, NULL at the end; free() it. */
const struct ct_test **all_tests(void);

/* Run every case whose record is VERDICT_NOT_RUN; each has a verdict afterwards. */
void execute_run(struct run *run);

/* "PASS" and so on */
const char *verdict_name(enum verdict verdict);
static inline enum verdict case_verdict(const struct run_case *rc)
{
	enum verdict verdict = atomic_load_explicit(&rc->c.record->verdict, memory_order_acquire);

	/* A test may have scribbled over its record. */
	return verdict > VERDICT_CRASH ? VERDICT_RUNNING : verdict;
}

/* Has the runner judged it? Until then the verdict is the case's own word. */
static inline bool case_ended(const struct run_case *rc)
{
	return atomic_load_explicit(&rc->c.record->final, memory_order_acquire) == RECORD_FINAL;
}

double monotonic_seconds(void);

#endif
