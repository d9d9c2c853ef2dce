/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What most sets are made of: a list of cells, each of which is run by one function in a
 * tracked space that is opened for it, checked, and printed in a line.
 */
#ifndef IODIRTY_BENCH_CELLS_H
#define IODIRTY_BENCH_CELLS_H

#include "pattern.h"
#include "set.h"
#include "shim.h"
#include "space.h"

#define CELL_REPETITIONS 64 /* the most that a cell may have */

struct cells;
struct cell;

/* What a cell is run with: all of it is gone when it is done. */
struct rig {
	const struct cell *cell;
	struct bench_state *state;
	struct space space;
	struct pattern pattern; /* the leaves last chosen */
	uint64_t *bitmap; /* of the whole range */
	bool pages_exact; /* leaves are split: just what was written is reported */
	uint64_t written, reported; /* bits, of all that were checked */
	uint64_t missed, excess;
	unsigned int n; /* the repetition */
	char line[1000]; /* what is printed of it */
	char error[256];
};

/* One cell: loops while bench_keep_running(), and tells each iteration's seconds by
 * rig_next(). NULL, or what went wrong. */
typedef const char *cell_fn(struct rig *rig);

struct cell {
	const struct bench_plan *plan;
	struct iodirty_format_info format;
	uint64_t leaf, range; /* bytes */
	unsigned int repetitions;
	unsigned int variant; /* whatever the set has several of */
	/* private */
	cell_fn *run;
	struct cells *of;
	char name[96];
	struct cell *next;
};

struct cells {
	struct cell *first, *last;
	unsigned int failed;
};

/* Registers a copy of @cell under the name that @fmt says. */
__attribute__((format(printf, 4, 5))) void cells_add(struct cells *cells, const struct cell *cell,
						     cell_fn *run, const char *fmt, ...);
/* As struct bench_set has it. */
unsigned int cells_finish(struct cells *cells);
/* The smallest leaf that is a page at least; 0: none. */
uint64_t cells_smallest_leaf(const struct iodirty_format_info *format);
/* A quick run measures but one format of this set, and has it. */
bool cells_enough(const struct cells *cells, const struct bench_plan *plan);

/* ---- in a cell ---- */

/* Choose so many leaves, and write to them. */
const char *rig_write(struct rig *rig, unsigned int permille, uint64_t seed);
/* The same again: what is chosen stays. */
const char *rig_write_again(struct rig *rig);
/* A harvest of the whole range, into a bitmap that is clear, and what it took. */
const char *rig_harvest(struct rig *rig, uint32_t flags, double *ns);
/* Hold the bitmap against what is chosen, word for word. */
const char *rig_check(struct rig *rig);
const char *rig_track(struct rig *rig, bool on, double *ns);
void rig_next(struct rig *rig, double ns);
/* A number of the result. */
void rig_report(struct rig *rig, const char *name, double value);
/* @ns by GiB of the range, in milliseconds. */
double rig_ms_per_gib(const struct rig *rig, double ns);
/* "WHAT: why", of an ioctl. */
__attribute__((format(printf, 3, 4))) const char *rig_failed(struct rig *rig, int err,
							     const char *fmt, ...);

#endif
