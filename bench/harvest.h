/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The benchmark: what a harvest costs, beside the floor, the cost of merely
 * reading the same page-table entries.
 */
#ifndef IODIRTY_BENCH_HARVEST_H
#define IODIRTY_BENCH_HARVEST_H

#include <stdbool.h>

#include "target.h"

struct harvest_plan {
	const struct target_driver *driver;
	const char *arg; /* of the target */
	bool full; /* every leaf size, larger ranges, more repetitions */
};

/* Register every cell of @format. @plan outlives the run. Returns how many. */
unsigned int harvest_register(const struct harvest_plan *plan,
			      const struct iodirty_format_info *format);

/* After the run: how many cells failed. Frees what was registered. */
unsigned int harvest_finish(void);

#endif
