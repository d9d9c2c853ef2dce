/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "measure.h"

/* ---- a cell's rig ---- */

const char *rig_failed(struct rig *rig, int err, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(rig->error, sizeof(rig->error), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(rig->error))
		snprintf(rig->error + n, sizeof(rig->error) - n, ": %s", strerror(-err));
	return rig->error;
}

const char *rig_write_again(struct rig *rig)
{
	int err = space_mark(&rig->space, rig->pattern.written);

	return err ? rig_failed(rig, err, "the pattern could not be written") : NULL;
}

const char *rig_write(struct rig *rig, unsigned int permille, uint64_t seed)
{
	pattern_choose(&rig->pattern, permille, false, seed);
	return rig_write_again(rig);
}

const char *rig_harvest(struct rig *rig, uint32_t flags, double *ns)
{
	uint64_t start;
	int err;

	memset(rig->bitmap, 0, rig->pattern.words * sizeof(*rig->bitmap));
	start = measure_now_ns();
	err = space_harvest(&rig->space, flags, rig->bitmap);
	*ns = measure_since_ns(start);
	return err ? rig_failed(rig, err, "IOMMU_HWPT_GET_DIRTY_BITMAP") : NULL;
}

const char *rig_check(struct rig *rig)
{
	const struct pattern *p = &rig->pattern;
	bool exact = rig->space.t->caps & TARGET_LEAF;
	const uint64_t *truth = exact && !rig->pages_exact ? p->dirty : p->written;

	rig->written += pattern_count(p->written, p->words);
	rig->reported += pattern_count(rig->bitmap, p->words);
	rig->missed += pattern_beyond(truth, rig->bitmap, p->words);
	rig->excess += exact ? pattern_beyond(rig->bitmap, truth, p->words) : 0;
	return rig->missed || rig->excess ? "the bitmap differs from what was written" : NULL;
}

const char *rig_track(struct rig *rig, bool on, double *ns)
{
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set),
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = rig->space.hwpt,
	};
	struct target *t = rig->space.t;
	uint64_t start = measure_now_ns();
	int err = t->driver->ioctl(t, IOMMU_HWPT_SET_DIRTY_TRACKING, &set);

	*ns = measure_since_ns(start);
	return err ? rig_failed(rig, err, "IOMMU_HWPT_SET_DIRTY_TRACKING") : NULL;
}

void rig_next(struct rig *rig, double ns)
{
	bench_iteration_seconds(rig->state, ns / 1e9);
	rig->n++;
}

void rig_report(struct rig *rig, const char *name, double value)
{
	size_t used = strlen(rig->line);

	bench_counter(rig->state, name, value);
	snprintf(rig->line + used, sizeof(rig->line) - used, "%s %s %.4g", used ? "," : "", name,
		 value);
}

double rig_ms_per_gib(const struct rig *rig, double ns)
{
	return ns / 1e6 / ((double)rig->space.length / (1 << 30));
}

static const char *rig_open(struct rig *rig)
{
	const struct cell *c = rig->cell;

	if (space_open(&rig->space, c->plan->driver, c->plan->arg, &c->format, c->leaf,
		       c->range / c->leaf))
		return rig->space.error;
	if (pattern_init(&rig->pattern, rig->space.leaves, rig->space.leaf / rig->space.page))
		return "no memory for the pattern";
	rig->bitmap = calloc(rig->pattern.words, sizeof(*rig->bitmap));
	return rig->bitmap ? NULL : "no memory for the bitmap";
}

static void rig_close(struct rig *rig)
{
	space_close(&rig->space);
	pattern_fini(&rig->pattern);
	free(rig->bitmap);
}

/* ---- the list ---- */

static void run_cell(struct bench_state *state, void *arg)
{
	const struct cell *c = arg;
	struct rig rig = { .cell = c, .state = state };
	const char *why = rig_open(&rig);

	if (!why)
		why = c->run(&rig);
	if (!why) {
		bench_counter(state, "missed", rig.missed);
		bench_counter(state, "excess", rig.excess);
		printf("%s:%s\n", c->name, rig.line);
		fflush(stdout);
	} else {
		bench_fail(state, why);
		fprintf(stderr, "iodirty bench: FAILED %s: %s", c->name, why);
		if (rig.missed || rig.excess)
			fprintf(stderr, ": %llu bits missed, %llu too many",
				(unsigned long long)rig.missed, (unsigned long long)rig.excess);
		fputc('\n', stderr);
		c->of->failed++;
	}
	rig_close(&rig);
}

void cells_add(struct cells *cells, const struct cell *cell, cell_fn *run, const char *fmt, ...)
{
	struct cell *c = malloc(sizeof(*c));
	va_list ap;

	if (!c) {
		perror("iodirty bench");
		exit(1);
	}
	*c = *cell;
	if (c->plan->repetitions)
		c->repetitions = c->plan->repetitions < CELL_REPETITIONS ? c->plan->repetitions :
									   CELL_REPETITIONS;
	c->run = run;
	c->of = cells;
	c->next = NULL;
	va_start(ap, fmt);
	vsnprintf(c->name, sizeof(c->name), fmt, ap);
	va_end(ap);
	if (cells->last)
		cells->last->next = c;
	else
		cells->first = c;
	cells->last = c;
	bench_register(c->name, c->repetitions, run_cell, c);
}

unsigned int cells_finish(struct cells *cells)
{
	unsigned int failed = cells->failed;

	while (cells->first) {
		struct cell *next = cells->first->next;

		free(cells->first);
		cells->first = next;
	}
	*cells = (struct cells){ 0 };
	return failed;
}

uint64_t cells_smallest_leaf(const struct iodirty_format_info *format)
{
	uint64_t sizes = format->leaf_sizes & ~4095ull;

	return sizes & -sizes;
}

bool cells_enough(const struct cells *cells, const struct bench_plan *plan)
{
	return !plan->full && cells->first;
}
