/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The set "harvest": groups of rows. A group is all that is measured at once, in turns; a
 * row is one way to harvest, and one result. harvest_plan.c says which there are, harvest.c
 * measures a group, harvest_report.c shows it.
 */
#ifndef IODIRTY_BENCH_HARVEST_H
#define IODIRTY_BENCH_HARVEST_H

#include "floor.h"
#include "pattern.h"
#include "set.h"
#include "shim.h"
#include "space.h"
#include "variant.h"

/* The engine that others are compared with, where there is one of this name. */
#define HARVEST_BASELINE "entry"

struct harvest_bitmap {
	uint64_t page; /* bytes to a bit; 0: the smallest */
	unsigned int offset; /* bytes from the start of a page */
	bool fresh; /* its pages were never touched */
};

struct harvest_row {
	struct harvest_group *group;
	char name[160];
	struct variant variant;
	unsigned int threads; /* on as many equal parts of the range */
	struct harvest_bitmap bitmap;
	bool reported; /* else it is only what others are compared with */
	unsigned int every; /* measured in each so-many-th repetition */

	/* Samples in ns: processor time, or with several threads, wall time. */
	double *ns;
	unsigned int n;
	/* Wall time, when no thread was made to wait for a processor. */
	double *quiet;
	unsigned int nr_quiet;
	unsigned int harvests; /* what follows is of all of them */
	struct iodirty_stats stats;
	uint64_t bytes_reported, bytes_written;
	uint64_t missed, excess; /* bits */
	char error[200]; /* "": it is right */
};

struct harvest_group {
	const struct bench_plan *plan;
	struct iodirty_format_info format;
	uint64_t leaf, leaves; /* bytes; how many */
	enum space_layout layout;
	bool cold;
	unsigned int permille;
	bool clustered;
	/* Repetitions: until the seconds are used up, but at least and at most. */
	unsigned int least, most;
	double seconds;
	struct harvest_row *rows;
	unsigned int nr_rows;
	unsigned int number; /* for people */
	struct harvest_group *next;

	bool measured;
	struct floors floors;
	uint64_t length, page, entries;
};

/* Register the groups of a format, at the end of *@groups. How many rows. */
unsigned int harvest_plan(struct harvest_group **groups, const struct bench_plan *plan,
			  const struct iodirty_format_info *format);
/* Run by the library, with a struct harvest_row. */
void harvest_run(struct bench_state *state, void *row);

/* The least of a row's samples, and its median; sorts them. */
double harvest_least(struct harvest_row *row, double *median);
/* The row of the same group that is the baseline, or this one with one thread; or NULL. */
struct harvest_row *harvest_baseline(const struct harvest_group *g);
struct harvest_row *harvest_one_thread(const struct harvest_row *row);

void harvest_report(struct bench_state *state, struct harvest_row *row);
void harvest_print_head(const struct harvest_group *g);
void harvest_print_rows(struct harvest_group *g);

#endif
