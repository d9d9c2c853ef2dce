/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What it costs to switch dirty tracking on, which makes all that is mapped clean, and
 * off again; by leaf size, and with large leaves split meanwhile. Beside it, in the same
 * repetition, a harvest of the same range: a pass over the same entries.
 *
 * Once a tenth of the leaves is written tracking goes off and on, and a harvest must find
 * nothing of that; then what is written anew is held against the truth, by pages where
 * leaves are split.
 */
#include "cells.h"
#include "measure.h"

#define PERMILLE 100
#define KEEP_ALL 1000 /* no policy is set at all */

static struct cells cells;

struct costs {
	double off[CELL_REPETITIONS], on[CELL_REPETITIONS], harvest[CELL_REPETITIONS];
};

static const char *split(struct rig *rig)
{
	struct target *t = rig->space.t;
	int err = t->driver->split(t, rig->space.hwpt, rig->cell->variant);

	rig->pages_exact = true;
	return err ? rig_failed(rig, err, "the policy of splitting cannot be set") : NULL;
}

/* Off, on, and nothing is dirty; then written, harvested, checked. */
static const char *round_of(struct rig *rig, double *off, double *on, double *harvest)
{
	const char *why = rig_write(rig, PERMILLE, 2 * rig->n);
	double quiet;

	if (!why)
		why = rig_track(rig, false, off);
	if (!why && rig->cell->variant != KEEP_ALL)
		why = split(rig);
	if (!why)
		why = rig_track(rig, true, on);
	if (!why)
		why = rig_harvest(rig, 0, &quiet);
	if (!why) {
		rig->excess += pattern_count(rig->bitmap, rig->pattern.words);
		why = rig->excess ? "what was written before tracking was enabled is reported" :
				    NULL;
	}
	if (!why)
		why = rig_write(rig, PERMILLE, 2 * rig->n + 1);
	if (!why)
		why = rig_harvest(rig, 0, harvest);
	return why ? why : rig_check(rig);
}

static const char *run(struct rig *rig)
{
	double first[3];
	/* The first time there is nothing split yet that could be put together. */
	const char *why = round_of(rig, &first[0], &first[1], &first[2]);
	struct costs costs;

	while (!why && bench_keep_running(rig->state)) {
		unsigned int n = rig->n;

		why = round_of(rig, &costs.off[n], &costs.on[n], &costs.harvest[n]);
		rig_next(rig, why ? 0 : costs.on[n]);
	}
	if (why)
		return why;
	measure_median(costs.off, rig->n);
	measure_median(costs.on, rig->n);
	measure_median(costs.harvest, rig->n);
	rig_report(rig, "ms_per_gib", rig_ms_per_gib(rig, costs.on[0]));
	rig_report(rig, "x_harvest", costs.on[0] / costs.harvest[0]);
	rig_report(rig, "disable_ms_per_gib", rig_ms_per_gib(rig, costs.off[0]));
	rig_report(rig, "x_disable_harvest", costs.off[0] / costs.harvest[0]);
	rig_report(rig, "harvest_ms_per_gib", rig_ms_per_gib(rig, costs.harvest[0]));
	rig_report(rig, "over_report", (double)rig->reported / rig->written);
	return NULL;
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	static const struct {
		unsigned int policy;
		const char *name;
	} variants[] = { { KEEP_ALL, "" },
			 { IODIRTY_SPLIT_BREAK_BEFORE_MAKE, "/break-before-make" },
			 { IODIRTY_SPLIT_IN_PLACE, "/in-place" } };
	uint64_t smallest = cells_smallest_leaf(format);
	const uint64_t leaves[] = { smallest, 2 << 20, 1 << 30 };
	char size[MEASURE_NAME];
	unsigned int n = 0;

	for (size_t l = 0; l < 2u + plan->full; l++) {
		if (!(format->leaf_sizes & leaves[l]) || (l && leaves[l] == smallest))
			continue;
		for (size_t v = 0; v < sizeof(variants) / sizeof(variants[0]); v++) {
			struct cell c = {
				.plan = plan,
				.format = *format,
				.leaf = leaves[l],
				.range = plan->full ? 16ULL << 30 : 256ULL << 20,
				.repetitions = plan->full ? 21 : 5,
				.variant = variants[v].policy,
			};

			if (c.variant != KEEP_ALL && (!l || !plan->driver->split))
				continue;
			cells_add(&cells, &c, run, "enable/%s/%s%s", format->name,
				  measure_size_name(c.leaf, size), variants[v].name);
			n++;
		}
	}
	return n;
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_enable;
const struct bench_set set_enable = {
	.name = "enable",
	.summary = "switching tracking on and off, beside a harvest of the same range",
	.add = add,
	.finish = finish,
};
