/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A set is what one file of bench/ measures: it registers its cells, and tells in the end
 * how many failed. sets.c lists them all.
 */
#ifndef IODIRTY_BENCH_SET_H
#define IODIRTY_BENCH_SET_H

#include <stdbool.h>

#include "target.h"

struct bench_plan {
	const struct target_driver *driver;
	const char *arg; /* of the target */
	/* A second target, which the first is measured beside; or NULL. */
	const struct target_driver *against;
	const char *against_arg;
	bool full; /* every leaf size, larger ranges, more repetitions */
	unsigned int repetitions; /* 0: as many as the set finds right */
	unsigned int slow_down; /* per cent: a harvest takes so much longer */
	/* Variants of a harvest (variant.h), as typed; none: the set's own choice. */
	const char *const *variants;
	unsigned int nr_variants;
	/* As workload_open() takes them; none: the set's own choice. */
	const char *const *workloads;
	unsigned int nr_workloads;
};

struct bench_set {
	const char *name; /* names of its cells begin with it and a slash */
	const char *summary; /* a line for people */
	bool beside; /* measures two targets: run if, and only if, there is a second */
	/* Register every cell of @format. @plan outlives the run. Returns how many. */
	unsigned int (*add)(const struct bench_plan *plan,
			    const struct iodirty_format_info *format);
	/* After the run: how many cells failed. Frees what was registered. */
	unsigned int (*finish)(void);
};

/* All, in the order in which they are run; ended by NULL. */
extern const struct bench_set *const bench_sets[];

#endif
