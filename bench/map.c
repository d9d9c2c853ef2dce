/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IOAS_MAP and IOAS_UNMAP of a range beside what is tracked: while tracking is on, against
 * off; and while another thread harvests without end, against nobody. The first two are held
 * against each other by the thread's own time, the latter by what passes, since what is added
 * is waiting; take that as no more than it is on a machine that is busy.
 */
#include <string.h>

#include "aside.h"
#include "background.h"
#include "measure.h"

#define PERMILLE 10

static struct cells cells;

enum mode { OFF, ON, HARVESTED, MODES };

struct costs {
	double map[MODES][CELL_REPETITIONS], unmap[MODES][CELL_REPETITIONS];
	double map_wall[MODES][CELL_REPETITIONS], unmap_wall[MODES][CELL_REPETITIONS];
};

static const char *map_once(struct aside *a, enum mode mode, struct costs *c)
{
	unsigned int n = a->rig->n;
	uint64_t wall = measure_wall_ns(), start = measure_now_ns();
	int err = aside_map(a);

	c->map[mode][n] = measure_since_ns(start);
	c->map_wall[mode][n] = measure_wall_ns() - wall;
	if (err)
		return rig_failed(a->rig, err, "IOMMU_IOAS_MAP");
	wall = measure_wall_ns();
	start = measure_now_ns();
	err = aside_unmap(a);
	c->unmap[mode][n] = measure_since_ns(start);
	c->unmap_wall[mode][n] = measure_wall_ns() - wall;
	return err ? rig_failed(a->rig, err, "IOMMU_IOAS_UNMAP") : NULL;
}

/* What was written before they begin, all the harvests together must have found. */
static const char *map_under_harvests(struct aside *a, struct costs *c)
{
	struct rig *rig = a->rig;
	struct background b;
	const char *why = rig_write(rig, PERMILLE, rig->n), *other;

	memset(rig->bitmap, 0, rig->pattern.words * sizeof(*rig->bitmap));
	if (!why)
		why = background_start(&b, rig, 0);
	if (why)
		return why;
	while (!atomic_load(&b.begun))
		;
	why = map_once(a, HARVESTED, c);
	other = background_stop(&b);
	if (!why)
		why = other;
	return why ? why : rig_check(rig);
}

static const char *round_of(struct aside *a, struct costs *c)
{
	const char *why;
	double ns;

	why = rig_track(a->rig, false, &ns);
	if (!why)
		why = map_once(a, OFF, c);
	if (!why)
		why = rig_track(a->rig, true, &ns);
	if (!why)
		why = map_once(a, ON, c);
	return why ? why : map_under_harvests(a, c);
}

static double least(double *values, unsigned int n)
{
	measure_median(values, n);
	return values[0];
}

static void report(struct rig *rig, struct costs *c, uint64_t leaves)
{
	unsigned int n = rig->n;
	double off[2] = { least(c->map[OFF], n), least(c->unmap[OFF], n) };

	rig_report(rig, "map_ns_per_leaf", off[0] / leaves);
	rig_report(rig, "unmap_ns_per_leaf", off[1] / leaves);
	rig_report(rig, "x_map_tracked", least(c->map[ON], n) / off[0]);
	rig_report(rig, "x_unmap_tracked", least(c->unmap[ON], n) / off[1]);
	rig_report(rig, "x_map_harvested",
		   measure_median(c->map_wall[HARVESTED], n) / measure_median(c->map_wall[ON], n));
	rig_report(rig, "x_unmap_harvested",
		   measure_median(c->unmap_wall[HARVESTED], n) /
			   measure_median(c->unmap_wall[ON], n));
}

static const char *run(struct rig *rig)
{
	struct costs costs;
	struct aside a;
	const char *why = aside_open(&a, rig, rig->cell->variant);

	while (!why && bench_keep_running(rig->state)) {
		why = round_of(&a, &costs);
		rig_next(rig, why ? 0 : costs.map[ON][rig->n]);
	}
	if (!why)
		report(rig, &costs, a.length / rig->space.leaf);
	aside_close(&a);
	return why;
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	static const unsigned int lengths[] = { 2 << 20, 64 << 20 };
	uint64_t leaf = cells_smallest_leaf(format);
	char leaf_name[MEASURE_NAME], length[MEASURE_NAME];

	if (!leaf || cells_enough(&cells, plan))
		return 0;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct cell c = {
			.plan = plan,
			.format = *format,
			.leaf = leaf,
			.range = plan->full ? 1ULL << 30 : 64ULL << 20,
			.repetitions = plan->full ? 61 : 15,
			.variant = lengths[i],
		};

		cells_add(&cells, &c, run, "map/%s/%s/%s", format->name,
			  measure_size_name(leaf, leaf_name),
			  measure_size_name(lengths[i], length));
	}
	return sizeof(lengths) / sizeof(lengths[0]);
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_map;
const struct bench_set set_map = {
	.name = "map",
	.summary = "map and unmap while tracking is on, and while there are harvests",
	.add = add,
	.finish = finish,
};
