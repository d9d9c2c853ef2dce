/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A cell is (format, leaf size). Each repetition maps a range, writes to a tenth of its
 * leaves and unmaps it, in three ways that take turns:
 *
 *	plain	IOAS_UNMAP: what was written is lost
 *	two	GET_DIRTY_BITMAP with NO_CLEAR, then IOAS_UNMAP: what is written between the
 *		two is lost
 *	report	one call that loses nothing, where the target has it
 *
 * Ratios within a cell mean something on a busy machine, times do not. Bitmaps are held
 * against the truth, as a harvest's are. Not seen here: what flushing costs hardware. All
 * three flush as often, which the conformance suite counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "pattern.h"
#include "set.h"
#include "shim.h"
#include "space.h"

#define REPETITIONS 11
#define PERMILLE 100

enum way { PLAIN, TWO, REPORT, WAYS };

struct cell {
	const struct bench_plan *plan;
	struct iodirty_format_info format;
	uint64_t leaf, leaves;
	struct cell *next;
};

struct samples {
	double ns[WAYS][REPETITIONS];
	unsigned int n;
	uint64_t missed, excess;
};

static struct cell *cells, **cells_end = &cells;
static unsigned int cells_failed;

static int unmap(struct space *space, enum way way, uint64_t *bitmap)
{
	int err = 0;

	if (way == REPORT)
		return space_unmap_dirty(space, bitmap);
	if (way == TWO)
		err = space_harvest(space, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, bitmap);
	return err ? err : space_unmap(space);
}

/* NULL, or what went wrong. It is mapped before and after. */
static const char *measure(struct space *space, struct pattern *pattern, enum way way,
			   uint64_t *bitmap, struct samples *s)
{
	bool exact = space->t->caps & TARGET_LEAF;
	uint64_t start;
	int err;

	if (space_mark(space, pattern->written))
		return "the pattern could not be written";
	memset(bitmap, 0, pattern->words * sizeof(*bitmap));
	start = measure_now_ns();
	err = unmap(space, way, bitmap);
	s->ns[way][s->n] = measure_since_ns(start);
	if (err)
		return "the unmap failed";
	if (space_map(space))
		return space->error;
	if (way == PLAIN)
		return NULL;
	s->missed +=
		pattern_beyond(exact ? pattern->dirty : pattern->written, bitmap, pattern->words);
	s->excess += exact ? pattern_beyond(bitmap, pattern->dirty, pattern->words) : 0;
	return s->missed || s->excess ? "the bitmap differs from what was written" : NULL;
}

static void report(struct bench_state *state, struct space *space, struct samples *s, bool reports)
{
	char leaf[MEASURE_NAME], range[MEASURE_NAME];
	double best[WAYS];

	for (int way = PLAIN; way < WAYS; way++) {
		measure_median(s->ns[way], s->n);
		best[way] = s->ns[way][0];
	}
	bench_counter(state, "unmap_ns_per_leaf", best[PLAIN] / space->leaves);
	bench_counter(state, "x_read_then_unmap", best[TWO] / best[PLAIN]);
	if (reports)
		bench_counter(state, "x_unmap_that_reports", best[REPORT] / best[PLAIN]);
	bench_counter(state, "missed", s->missed);
	bench_counter(state, "excess", s->excess);
	printf("\n%s, %s leaves, %s: unmap %.1f ns/leaf; read, then unmap: x %.2f",
	       space->format.name, measure_size_name(space->leaf, leaf),
	       measure_size_name(space->length, range), best[PLAIN] / space->leaves,
	       best[TWO] / best[PLAIN]);
	if (reports)
		printf("; unmap that reports: x %.2f", best[REPORT] / best[PLAIN]);
	putchar('\n');
	fflush(stdout);
}

static const char *run(struct bench_state *state, const struct cell *c, struct space *space,
		       struct pattern *pattern, uint64_t **bitmap)
{
	struct samples s = { 0 };
	const char *why = NULL;
	bool reports;

	if (space_open(space, c->plan->driver, c->plan->arg, &c->format, c->leaf, c->leaves))
		return space->error;
	if (pattern_init(pattern, space->leaves, space->leaf / space->page))
		return "no memory for the pattern";
	*bitmap = malloc(pattern->words * sizeof(**bitmap));
	if (!*bitmap)
		return "no memory for the bitmap";
	reports = space->t->caps & TARGET_UNMAP_DIRTY;
	while (!why && bench_keep_running(state)) {
		pattern_choose(pattern, PERMILLE, false, s.n);
		for (int way = PLAIN; way < WAYS && !why; way++)
			if (way != REPORT || reports)
				why = measure(space, pattern, way, *bitmap, &s);
		bench_iteration_seconds(state, s.ns[reports ? REPORT : TWO][s.n] / 1e9);
		s.n++;
	}
	if (!why)
		report(state, space, &s, reports);
	return why;
}

static void run_cell(struct bench_state *state, void *arg)
{
	const struct cell *c = arg;
	struct pattern pattern = { 0 };
	struct space space = { 0 };
	uint64_t *bitmap = NULL;
	const char *why = run(state, c, &space, &pattern, &bitmap);

	if (why) {
		bench_fail(state, why);
		fprintf(stderr, "iodirty bench: FAILED unmap, %s: %s\n", c->format.name, why);
		cells_failed++;
	}
	free(bitmap);
	pattern_fini(&pattern);
	space_close(&space);
}

/* The smallest leaves that are a page at least; with full, those of 2 MiB, too. */
static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	unsigned int n = 0;

	for (unsigned int lg2 = 12; lg2 <= 21 && (!n || plan->full); lg2++) {
		uint64_t leaf = 1ULL << lg2;
		char size[MEASURE_NAME], name[96];
		struct cell *c;

		if (!(format->leaf_sizes & leaf) || (n && lg2 != 21))
			continue;
		c = calloc(1, sizeof(*c));
		if (!c) {
			perror("iodirty bench");
			exit(1);
		}
		*c = (struct cell){
			.plan = plan,
			.format = *format,
			.leaf = leaf,
			.leaves = (leaf <= 16 << 10 ? 256ULL << 20 : leaf << 14) / leaf,
		};
		*cells_end = c;
		cells_end = &c->next;
		snprintf(name, sizeof(name), "unmap/%s/%s", format->name,
			 measure_size_name(leaf, size));
		bench_register(name, REPETITIONS, run_cell, c);
		n++;
	}
	return n;
}

static unsigned int finish(void)
{
	while (cells) {
		struct cell *next = cells->next;

		free(cells);
		cells = next;
	}
	cells_end = &cells;
	return cells_failed;
}

extern const struct bench_set set_unmap;
const struct bench_set set_unmap = {
	.name = "unmap",
	.summary = "an unmap that reports what was written, beside those that do not",
	.add = add,
	.finish = finish,
};
