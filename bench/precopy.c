/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a round of a precopy migration waits for: a harvest that clears, of all of the
 * guest's memory, and its bits into the bitmap of the VMM. A guest that dirties D bytes a
 * second behind a link of B has (D/B)^k of its memory dirty at the end of round k; cells
 * are such rounds.
 *
 * QEMU measures the dirty rate over 100 ms at least, and counts in what was dirtied while
 * it waited: with that a sync of x ms takes a limit of downtime above B*x/(B-D) to end, or,
 * if it is short (x <= 100 - 100*D/B), above 100*D*x/((100-x)*(B-D)): Chuang Xu, cover letter
 * of QEMU's patches 20251208120952.37563-1.
 */
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "measure.h"

#define LINK 12.5 /* GB/s: 100 Gbit/s */
#define DIRTIED 5.0 /* GB/s */

static struct cells cells;

static double downtime_limit_ms(double sync)
{
	if (sync > 100 - 100 * DIRTIED / LINK)
		return LINK * sync / (LINK - DIRTIED);
	return 100 * DIRTIED * sync / ((100 - sync) * (LINK - DIRTIED));
}

/* What of all memory is dirty at the end of round @k. */
static unsigned int dirty_permille(unsigned int k)
{
	double permille = 1000;

	while (k--)
		permille *= DIRTIED / LINK;
	return permille;
}

/* Into the VMM's bitmap: how many pages were clean there. */
static uint64_t merge(uint64_t *vmm, const uint64_t *bitmap, size_t words)
{
	uint64_t n = 0;

	for (size_t i = 0; i < words; i++) {
		if (!bitmap[i])
			continue;
		n += __builtin_popcountll(bitmap[i] & ~vmm[i]);
		vmm[i] |= bitmap[i];
	}
	return n;
}

static const char *sync_once(struct rig *rig, uint64_t *vmm, double *harvest, double *whole)
{
	size_t words = rig->pattern.words;
	const char *why = rig_write(rig, rig->cell->variant, rig->n);
	uint64_t start, fresh;

	memset(vmm, 0, words * sizeof(*vmm));
	if (!why)
		why = rig_harvest(rig, 0, harvest);
	if (why)
		return why;
	start = measure_now_ns();
	fresh = merge(vmm, rig->bitmap, words);
	*whole = *harvest + measure_since_ns(start);
	if (memcmp(vmm, rig->bitmap, words * sizeof(*vmm)) || fresh != pattern_count(vmm, words))
		return "the VMM's bitmap is not what was harvested";
	return rig_check(rig);
}

static const char *run(struct rig *rig)
{
	double harvest[CELL_REPETITIONS], whole[CELL_REPETITIONS], sync;
	uint64_t *vmm = calloc(rig->pattern.words, sizeof(*vmm));
	const char *why = vmm ? NULL : "no memory for the VMM's bitmap";

	while (!why && bench_keep_running(rig->state)) {
		why = sync_once(rig, vmm, &harvest[rig->n], &whole[rig->n]);
		rig_next(rig, why ? 0 : whole[rig->n]);
	}
	free(vmm);
	if (why)
		return why;
	measure_median(harvest, rig->n);
	measure_median(whole, rig->n);
	sync = whole[0] / 1e6;
	rig_report(rig, "sync_ms", sync);
	rig_report(rig, "x_harvest", whole[0] / harvest[0]);
	rig_report(rig, "downtime_limit_ms", downtime_limit_ms(sync));
	rig_report(rig, "ms_per_gib", rig_ms_per_gib(rig, whole[0]));
	rig_report(rig, "density_percent", rig->cell->variant / 10.0);
	rig_report(rig, "over_report", (double)rig->reported / rig->written);
	return NULL;
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	static const unsigned int rounds[] = { 1, 2, 5 };
	uint64_t leaf = cells_smallest_leaf(format);
	char size[MEASURE_NAME], all[MEASURE_NAME];

	if (!leaf || cells_enough(&cells, plan))
		return 0;
	for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
		struct cell c = {
			.plan = plan,
			.format = *format,
			.leaf = leaf,
			.range = plan->full ? 16ULL << 30 : 1ULL << 30,
			.repetitions = plan->full ? 21 : 5,
			.variant = dirty_permille(rounds[i]),
		};

		cells_add(&cells, &c, run, "precopy/%s/%s/%s/round%u", format->name,
			  measure_size_name(leaf, size), measure_size_name(c.range, all),
			  rounds[i]);
	}
	return sizeof(rounds) / sizeof(rounds[0]);
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_precopy;
const struct bench_set set_precopy = {
	.name = "precopy",
	.summary = "what a round of a migration waits for, and the downtime it takes",
	.add = add,
	.finish = finish,
};
