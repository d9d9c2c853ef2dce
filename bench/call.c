/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a call of GET_DIRTY_BITMAP costs besides the entries: one page a call; a range in
 * one call or in 64; leaving bits (NO_CLEAR) or clearing them. One leaf of a hundred is
 * written.
 */
#include <string.h>

#include "cells.h"
#include "measure.h"

#define PERMILLE 10
#define PIECES 64
#define PAGE_CALLS 64

static struct cells cells;

struct costs {
	double page[CELL_REPETITIONS], whole[CELL_REPETITIONS], pieces[CELL_REPETITIONS],
		no_clear[CELL_REPETITIONS];
};

/* By @length bytes a call, @n of them, each @apart from the last. */
static const char *harvest_in_pieces(struct rig *rig, uint64_t length, unsigned int n,
				     uint64_t apart, double *ns)
{
	struct space *s = &rig->space;
	uint64_t start;
	int err = 0;

	memset(rig->bitmap, 0, rig->pattern.words * sizeof(*rig->bitmap));
	start = measure_now_ns();
	for (unsigned int i = 0; i < n && !err; i++)
		err = space_harvest_part(s, 0, i * apart, length, s->page,
					 &rig->bitmap[i * apart / s->page / 64]);
	*ns = measure_since_ns(start);
	return err ? rig_failed(rig, err, "a call for a piece of the range") : NULL;
}

static const char *round_of(struct rig *rig, struct costs *costs)
{
	const char *why = rig_write(rig, PERMILLE, rig->n);
	uint64_t length = rig->space.length / PIECES;
	unsigned int n = rig->n;

	/* Pieces begin at whole words of the bitmap. */
	if (length / rig->space.page < 64)
		return "the range is too small to be cut";
	if (!why)
		why = rig_harvest(rig, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, &costs->no_clear[n]);
	if (!why)
		why = rig_check(rig);
	if (!why)
		why = rig_harvest(rig, 0, &costs->whole[n]);
	if (!why)
		why = rig_check(rig);
	if (!why)
		why = rig_write_again(rig);
	if (!why)
		why = harvest_in_pieces(rig, length, PIECES, length, &costs->pieces[n]);
	if (!why)
		why = rig_check(rig);
	if (!why) /* the range's first page, which is clean by now */
		why = harvest_in_pieces(rig, rig->space.page, PAGE_CALLS, 0, &costs->page[n]);
	costs->page[n] /= PAGE_CALLS;
	return why;
}

static const char *run(struct rig *rig)
{
	const char *why = NULL;
	struct costs costs;
	double whole;

	while (!why && bench_keep_running(rig->state)) {
		why = round_of(rig, &costs);
		rig_next(rig, why ? 0 : costs.whole[rig->n]);
	}
	if (why)
		return why;
	measure_median(costs.page, rig->n);
	measure_median(costs.whole, rig->n);
	measure_median(costs.pieces, rig->n);
	measure_median(costs.no_clear, rig->n);
	whole = costs.whole[0];
	rig_report(rig, "page_ns", costs.page[0]);
	rig_report(rig, "pages_for_a_call", costs.page[0] / (whole / rig->pattern.leaves));
	rig_report(rig, "ms_per_gib", rig_ms_per_gib(rig, whole));
	rig_report(rig, "x_64_calls", costs.pieces[0] / whole);
	rig_report(rig, "x_no_clear", costs.no_clear[0] / whole);
	rig_report(rig, "over_report", (double)rig->reported / rig->written);
	return NULL;
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	uint64_t leaf = cells_smallest_leaf(format);
	char size[MEASURE_NAME];
	struct cell c = {
		.plan = plan,
		.format = *format,
		.leaf = leaf,
		.range = plan->full ? 64ULL << 30 : 1ULL << 30,
		.repetitions = plan->full ? 21 : 5,
	};

	if (!leaf)
		return 0;
	cells_add(&cells, &c, run, "call/%s/%s", format->name, measure_size_name(leaf, size));
	return 1;
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_call;
const struct bench_set set_call = {
	.name = "call",
	.summary = "what a call costs besides its entries, in pieces, and without clearing",
	.add = add,
	.finish = finish,
};
