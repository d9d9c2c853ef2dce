/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts of a harvest, which no load of the machine changes: what stats() tells, and by
 * bench/instructions, where there is valgrind, instructions.
 */
#ifndef IODIRTY_BENCH_COUNTS_H
#define IODIRTY_BENCH_COUNTS_H

#include "set.h"

enum counts_mode {
	COUNTS_OFF,
	COUNTS_ALL,
	COUNTS_CALLS, /* for bench/instructions: a line a harvest, and nothing of valgrind */
	COUNTS_INSTRUCTIONS, /* show instructions alone */
};

enum counts_result { COUNTS_RIGHT, COUNTS_WRONG, COUNTS_NONE };

/* Count the harvests of these formats; JSON goes to @path, NULL: nowhere. */
enum counts_result counts_run(const struct bench_plan *plan,
			      const struct iodirty_format_info *formats, unsigned int n,
			      enum counts_mode mode, const char *path);

#endif
