/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A cell is (format, leaf size, pattern, density). Each of its repetitions, for
 * every engine the target has: write the pattern, read the tables (the floor),
 * harvest, read the tables again, and hold the bitmap against the truth word for
 * word. A wrong bit fails the cell: a fast harvest that loses pages is none.
 *
 * Floor, harvest and engines take turns within a repetition, so that whatever
 * else the machine does hits all alike: ratios within a cell mean something on a
 * busy machine, times do not. Time is the thread's own processor time, which
 * leaves preemption out. The tables are as warm in the caches as the read before
 * leaves them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "pattern.h"
#include "set.h"
#include "shim.h"
#include "space.h"

#define ENGINES 8 /* as many as are measured */
#define REPETITIONS_QUICK 11
#define REPETITIONS_FULL 21

struct cell {
	const struct bench_plan *plan;
	struct iodirty_format_info format;
	uint64_t leaf, leaves;
	unsigned int repetitions;
	unsigned int permille;
	bool clustered;
	struct cell *next;
};

/* What one cell measures; samples are nanoseconds. */
struct samples {
	unsigned int engines, floors, harvests;
	char engine[ENGINES][IODIRTY_NAME_LEN];
	double *floor; /* two a harvest, of all engines */
	double *harvest[ENGINES];
	uint64_t entries;
	uint64_t reported, missed, excess; /* bits, of all harvests */
};

static struct cell *cells;
static unsigned int cells_failed;
/* Cells run in order of (format, leaf) and share what that takes. */
static struct space space;
static struct pattern pattern;
static uint64_t *bitmap;
static const struct cell *opened_for;

/* ---- the mapping that cells share ---- */

static void close_space(void)
{
	space_close(&space);
	pattern_fini(&pattern);
	free(bitmap);
	bitmap = NULL;
	opened_for = NULL;
}

static int open_space(const struct cell *c)
{
	int err;

	if (opened_for && !strcmp(opened_for->format.name, c->format.name) &&
	    opened_for->leaf == c->leaf)
		return 0;
	close_space();
	err = space_open(&space, c->plan->driver, c->plan->arg, &c->format, c->leaf, c->leaves);
	if (err)
		return err;
	opened_for = c;
	err = pattern_init(&pattern, space.leaves, space.leaf / space.page);
	if (!err)
		bitmap = malloc(pattern.words * sizeof(*bitmap));
	if (err || !bitmap) {
		snprintf(space.error, sizeof(space.error), "no memory for the bitmap");
		return -ENOMEM;
	}
	return 0;
}

/* ---- one cell ---- */

static int select_engine(const char *name)
{
	struct iodirty_engine e = { .size = sizeof(e), .op = IODIRTY_ENGINE_SELECT };

	if (!space.t->driver->engine)
		return 0;
	snprintf(e.name, sizeof(e.name), "%s", name);
	return space.t->driver->engine(space.t, &e);
}

/* The target's engines, the default first; one without a choice is "default". */
static void list_engines(struct samples *s)
{
	while (space.t->driver->engine && s->engines < ENGINES) {
		struct iodirty_engine e = {
			.size = sizeof(e),
			.op = IODIRTY_ENGINE_GET_INDEX,
			.index = s->engines,
		};

		if (space.t->driver->engine(space.t, &e))
			break;
		memcpy(s->engine[s->engines++], e.name, sizeof(e.name));
	}
	if (!s->engines)
		strcpy(s->engine[s->engines++], "default");
}

static void samples_free(struct samples *s)
{
	free(s->floor);
	for (unsigned int e = 0; e < ENGINES; e++)
		free(s->harvest[e]);
}

static bool samples_alloc(struct samples *s, unsigned int repetitions)
{
	bool ok;

	list_engines(s);
	s->floor = calloc(2 * s->engines * repetitions, sizeof(*s->floor));
	ok = s->floor;
	for (unsigned int e = 0; e < s->engines; e++) {
		s->harvest[e] = calloc(repetitions, sizeof(*s->harvest[e]));
		ok = ok && s->harvest[e];
	}
	return ok;
}

static int read_floor(struct samples *s)
{
	uint64_t start = measure_now_ns();
	int err;

	if (!space.t->driver->table_read) {
		s->entries = space.leaves;
		return 0;
	}
	err = space_table_read(&space, &s->entries);
	s->floor[s->floors++] = measure_since_ns(start);
	return err;
}

/*
 * Hold the bitmap against the truth. Where the target does not say which leaves
 * it uses, only missing pages are an error.
 */
static bool check_bitmap(struct samples *s)
{
	bool exact = space.t->caps & TARGET_LEAF;
	uint64_t missed =
		pattern_beyond(exact ? pattern.dirty : pattern.written, bitmap, pattern.words);
	uint64_t excess = exact ? pattern_beyond(bitmap, pattern.dirty, pattern.words) : 0;

	s->reported += pattern_count(bitmap, pattern.words);
	s->missed += missed;
	s->excess += excess;
	return !missed && !excess;
}

/* Write, floor, harvest, floor, check. NULL, or what went wrong. */
static const char *measure(struct samples *s, unsigned int engine, unsigned int repetition)
{
	uint64_t start;
	int err;

	if (select_engine(s->engine[engine]))
		return "the engine cannot be selected";
	if (space_mark(&space, pattern.written))
		return "the pattern could not be written";
	memset(bitmap, 0, pattern.words * sizeof(*bitmap));
	if (read_floor(s))
		return "the tables could not be read";
	start = measure_now_ns();
	err = space_harvest(&space, 0, bitmap);
	s->harvest[engine][repetition] = measure_since_ns(start);
	if (err)
		return "IOMMU_HWPT_GET_DIRTY_BITMAP failed";
	if (read_floor(s))
		return "the tables could not be read";
	if (!check_bitmap(s))
		return "the bitmap differs from what was written";
	return NULL;
}

/* Counters of engine @e, named after it unless it is the default. */
static void report_engine(struct bench_state *state, struct samples *s, unsigned int e,
			  double floor_min, double floor_median)
{
	double mid = measure_median(s->harvest[e], s->harvests), min = s->harvest[e][0];
	char prefix[IODIRTY_NAME_LEN + 1] = "", name[64];

	if (e)
		snprintf(prefix, sizeof(prefix), "%.14s_", s->engine[e]);
	const struct {
		const char *name;
		double value;
		bool needs_floor;
	} counters[] = {
		{ "ns_per_iopte", min / s->entries, false },
		{ "ns_per_iopte_median", mid / s->entries, false },
		{ "ms_per_gib", min / 1e6 / ((double)space.length / (1 << 30)), false },
		{ "x_floor", min / floor_min, true },
		{ "x_floor_median", mid / floor_median, true },
	};
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		if (counters[i].needs_floor && !s->floors)
			continue;
		snprintf(name, sizeof(name), "%s%s", prefix, counters[i].name);
		bench_counter(state, name, counters[i].value);
	}
	if (e) {
		snprintf(name, sizeof(name), "x_%s", s->engine[e]);
		bench_counter(state, name, min / s->harvest[0][0]);
	}
}

static void print_head(const struct cell *c, const struct samples *s)
{
	char leaf[MEASURE_NAME], range[MEASURE_NAME];

	printf("\n%s, %s leaves, %s mapped, %llu IOPTEs\n", c->format.name,
	       measure_size_name(space.leaf, leaf), measure_size_name(space.length, range),
	       (unsigned long long)s->entries);
	printf("  %-9s %8s  %14s %16s %8s %10s %11s", "pattern", "density", "floor ns/IOPTE",
	       "harvest ns/IOPTE", "x floor", "ms/GiB", "over-report");
	for (unsigned int e = 1; e < s->engines; e++)
		printf("  x %-8s", s->engine[e]);
	putchar('\n');
}

static void print_row(const struct cell *c, struct samples *s, double floor, uint64_t written)
{
	double harvest = s->harvest[0][0];

	printf("  %-9s %7.1f%%  %14.3f %16.3f %8.2f %10.4f", c->clustered ? "clustered" : "random",
	       c->permille / 10.0, floor / s->entries, harvest / s->entries,
	       s->floors ? harvest / floor : 0, harvest / 1e6 / ((double)space.length / (1 << 30)));
	if (written)
		printf(" %11.1f", (double)s->reported / written);
	else
		printf(" %11s", "-");
	for (unsigned int e = 1; e < s->engines; e++)
		printf("  %-10.2f", s->harvest[e][0] / harvest);
	putchar('\n');
	fflush(stdout);
}

static void report(struct bench_state *state, const struct cell *c, struct samples *s,
		   uint64_t written)
{
	double floor_median = s->floors ? measure_median(s->floor, s->floors) : 0;
	double floor_min = s->floors ? s->floor[0] : 0;

	for (unsigned int e = 0; e < s->engines; e++)
		report_engine(state, s, e, floor_min, floor_median);
	if (s->floors) {
		bench_counter(state, "floor_ns_per_iopte", floor_min / s->entries);
		bench_counter(state, "floor_ns_per_iopte_median", floor_median / s->entries);
	}
	if (written)
		bench_counter(state, "over_report", (double)s->reported / written);
	bench_counter(state, "missed", s->missed);
	bench_counter(state, "excess", s->excess);
	bench_counter(state, "entries", s->entries);
	bench_counter(state, "leaf_bytes", space.leaf);
	bench_counter(state, "range_bytes", space.length);
	bench_counter(state, "page_bytes", space.page);
	bench_counter(state, "density_percent", c->permille / 10.0);
	bench_counter(state, "clustered", c->clustered);
	print_row(c, s, floor_min, written);
}

static void fail(struct bench_state *state, const struct cell *c, const struct samples *s,
		 const char *why)
{
	char leaf[MEASURE_NAME], message[512];

	snprintf(message, sizeof(message), "%s/%s %s %.1f %%: %s", c->format.name,
		 measure_size_name(c->leaf, leaf), c->clustered ? "clustered" : "random",
		 c->permille / 10.0, why);
	if (s->missed || s->excess)
		snprintf(message + strlen(message), sizeof(message) - strlen(message),
			 ": %llu bits missed, %llu too many", (unsigned long long)s->missed,
			 (unsigned long long)s->excess);
	bench_fail(state, message);
	fprintf(stderr, "iodirty bench: FAILED %s\n", message);
	cells_failed++;
}

static void run_cell(struct bench_state *state, void *arg)
{
	const struct cell *c = arg;
	struct samples s = { 0 };
	const char *why = NULL;
	uint64_t written = 0;

	if (open_space(c)) {
		fail(state, c, &s, space.error);
		close_space();
		return;
	}
	if (!samples_alloc(&s, c->repetitions))
		why = "no memory for the samples";
	while (!why && bench_keep_running(state)) {
		uint64_t chosen = pattern_choose(&pattern, c->permille, c->clustered, s.harvests);

		for (unsigned int e = 0; e < s.engines && !why; e++) {
			why = measure(&s, e, s.harvests);
			written += chosen;
		}
		bench_iteration_seconds(state, s.harvest[0][s.harvests] / 1e9);
		s.harvests++;
	}
	if (why) {
		fail(state, c, &s, why);
	} else {
		if (opened_for == c)
			print_head(c, &s);
		report(state, c, &s, written);
	}
	samples_free(&s);
}

/* ---- the cells of a format ---- */

static struct cell **cells_end = &cells;

/*
 * How much is mapped. Quick: tables of half a MiB at least (256 MiB of 4K
 * leaves). Full: 32 MiB of them, more than caches hold, where leaves are small
 * or made of as many entries.
 */
static uint64_t range_bytes(const struct bench_plan *plan, uint64_t leaf)
{
	if (plan->full)
		return leaf < 2 << 20 ? 16ULL << 30 : 512ULL << 30;
	return leaf <= 16 << 10 ? 256ULL << 20 : leaf << 14;
}

static void add_cell(const struct bench_plan *plan, const struct iodirty_format_info *format,
		     uint64_t leaf, bool clustered, unsigned int permille)
{
	struct cell *c = calloc(1, sizeof(*c));
	char size[MEASURE_NAME], name[96];

	if (!c) {
		perror("iodirty bench");
		exit(1);
	}
	*c = (struct cell){
		.plan = plan,
		.format = *format,
		.leaf = leaf,
		.leaves = range_bytes(plan, leaf) / leaf,
		.repetitions = plan->full ? REPETITIONS_FULL : REPETITIONS_QUICK,
		.permille = permille,
		.clustered = clustered,
	};
	*cells_end = c;
	cells_end = &c->next;
	snprintf(name, sizeof(name), "harvest/%s/%s/%s/%g%%", format->name,
		 measure_size_name(leaf, size), clustered ? "clustered" : "random",
		 permille / 10.0);
	bench_register(name, c->repetitions, run_cell, c);
}

/* Which leaf sizes: the smallest that is a page at least, 64K and 2M; with full,
 * all from there to 2M. */
static bool wanted(const struct bench_plan *plan, uint64_t leaf, bool smallest)
{
	return smallest || leaf == 64 << 10 || leaf == 2 << 20 || (plan->full && leaf < 2 << 20);
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	static const struct {
		unsigned int permille;
		bool clustered_too;
	} densities[] = { { 0, false },	 { 1, false },	{ 10, true },
			  { 100, true }, { 500, true }, { 1000, false } };
	unsigned int n = 0;
	bool smallest = true;

	for (unsigned int lg2 = 12; lg2 < 64; lg2++) {
		uint64_t leaf = 1ULL << lg2;

		if (!(format->leaf_sizes & leaf) || !wanted(plan, leaf, smallest))
			continue;
		smallest = false;
		for (int clustered = 0; clustered < 2; clustered++) {
			for (size_t i = 0; i < sizeof(densities) / sizeof(densities[0]); i++) {
				if (clustered && !densities[i].clustered_too)
					continue;
				add_cell(plan, format, leaf, clustered, densities[i].permille);
				n++;
			}
		}
	}
	return n;
}

static unsigned int finish(void)
{
	close_space();
	while (cells) {
		struct cell *next = cells->next;

		free(cells);
		cells = next;
	}
	cells_end = &cells;
	return cells_failed;
}

extern const struct bench_set set_harvest;
const struct bench_set set_harvest = {
	.name = "harvest",
	.summary = "what a harvest costs, beside merely reading the same entries",
	.add = add,
	.finish = finish,
};
