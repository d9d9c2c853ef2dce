/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long an IOAS_MAP or IOAS_UNMAP of one leaf waits at the most while a harvest of a
 * large range runs, and which part of that harvest's time it is: whole harvests, if a lock is
 * held from end to end, or a piece. On a machine that is busy the longest wait may be that for
 * a processor: the median is told of the longest of each harvest.
 */
#include <string.h>

#include "aside.h"
#include "background.h"
#include "measure.h"

#define PERMILLE 10

static struct cells cells;

struct waits {
	double max[CELL_REPETITIONS], harvest[CELL_REPETITIONS], part[CELL_REPETITIONS];
	double quiet; /* the least, with no harvest */
	uint64_t calls; /* that were begun while there was a harvest */
};

/* One of each: the longer. */
static const char *wait_once(struct aside *a, double *ns)
{
	uint64_t start = measure_wall_ns(), middle, end;
	int err = aside_map(a);

	middle = measure_wall_ns();
	if (!err)
		err = aside_unmap(a);
	end = measure_wall_ns();
	*ns = middle - start > end - middle ? middle - start : end - middle;
	return err ? rig_failed(a->rig, err, "map and unmap of one leaf") : NULL;
}

static const char *round_of(struct aside *a, struct waits *w)
{
	struct rig *rig = a->rig;
	double ns, max = 0;
	struct background b;
	const char *why = rig_write(rig, PERMILLE, rig->n), *other;

	memset(rig->bitmap, 0, rig->pattern.words * sizeof(*rig->bitmap));
	for (int i = 0; i < 16 && !why; i++) {
		why = wait_once(a, &ns);
		if (!why && (!w->quiet || ns < w->quiet))
			w->quiet = ns;
	}
	if (!why)
		why = background_start(&b, rig, 1);
	if (why)
		return why;
	while (!atomic_load(&b.begun))
		;
	do {
		why = wait_once(a, &ns);
		max = ns > max ? ns : max;
		w->calls++;
	} while (!why && !atomic_load(&b.ended));
	other = background_stop(&b);
	if (!why)
		why = other;
	w->harvest[rig->n] = b.wall_ns;
	w->max[rig->n] = max;
	w->part[rig->n] = max / b.wall_ns;
	return why ? why : rig_check(rig);
}

/* Pieces that harvests have been made in; 0 where the target does not say. */
static uint64_t pieces(struct rig *rig)
{
	struct iodirty_stats stats = { .size = sizeof(stats) };
	struct target *t = rig->space.t;

	if (!(t->caps & TARGET_STATS) || t->driver->stats(t, &stats))
		return 0;
	return stats.harvest_pieces;
}

static const char *run(struct rig *rig)
{
	struct waits w = { 0 };
	uint64_t first = pieces(rig);
	struct aside a;
	const char *why = aside_open(&a, rig, rig->space.leaf);

	while (!why && bench_keep_running(rig->state)) {
		why = round_of(&a, &w);
		rig_next(rig, why ? 0 : w.harvest[rig->n]);
	}
	aside_close(&a);
	if (why)
		return why;
	rig_report(rig, "hold_max_us", measure_median(w.max, rig->n) / 1e3);
	rig_report(rig, "x_of_harvest", measure_median(w.part, rig->n));
	rig_report(rig, "quiet_us", w.quiet / 1e3);
	rig_report(rig, "harvest_ms", measure_median(w.harvest, rig->n) / 1e6);
	rig_report(rig, "calls", w.calls);
	if (first != pieces(rig))
		rig_report(rig, "pieces", (double)(pieces(rig) - first) / rig->n);
	return NULL;
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	uint64_t leaf = cells_smallest_leaf(format);
	char size[MEASURE_NAME], range[MEASURE_NAME];
	struct cell c = {
		.plan = plan,
		.format = *format,
		.leaf = leaf,
		.range = plan->full ? 64ULL << 30 : 8ULL << 30,
		.repetitions = plan->full ? 21 : 7,
	};

	if (!leaf || cells_enough(&cells, plan))
		return 0;
	cells_add(&cells, &c, run, "hold/%s/%s/%s", format->name, measure_size_name(leaf, size),
		  measure_size_name(c.range, range));
	return 1;
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_hold;
const struct bench_set set_hold = {
	.name = "hold",
	.summary = "how long map and unmap wait for a harvest",
	.add = add,
	.finish = finish,
};
