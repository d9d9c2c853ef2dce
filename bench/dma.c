/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Harvests while a device writes to random pages of the range. Every bitmap is held
 * against the device's own sequence of writes: one that is missing fails the cell, whatever
 * the time was. In the same run, and before anything is written, harvests of the same
 * range: what is more is the price of dirty bits, and of a second one who uses the tables.
 */
#define _GNU_SOURCE
#include <time.h>

#include "measure.h"
#include "traffic.h"

static struct cells cells;

/* A device that is given no processor for so long is no device. */
#define PATIENCE_NS 10000000000ULL

/* Some time passes, and some writes do. */
static const char *wait_for_writes(struct traffic *t, uint64_t pause_ns)
{
	const struct timespec pause = { .tv_nsec = pause_ns };
	uint64_t start = measure_wall_ns(), count;
	const char *why;

	do {
		nanosleep(&pause, NULL);
		why = traffic_count(t, &count);
		if (!why && measure_wall_ns() - start > PATIENCE_NS)
			why = "the device has not written for 10 s";
	} while (!why && count <= t->after);
	return why;
}

static const char *run(struct rig *rig)
{
	double quiet[CELL_REPETITIONS], under[CELL_REPETITIONS];
	uint64_t writes = 0, start = 0;
	struct traffic t = { 0 };
	const char *why = NULL;

	for (unsigned int i = 0; i < rig->cell->repetitions && !why; i++)
		why = rig_harvest(rig, 0, &quiet[i]);
	if (!why)
		why = traffic_open(&t, rig, rig->space.length, rig->cell->variant);
	start = measure_wall_ns();
	while (!why && bench_keep_running(rig->state)) {
		why = wait_for_writes(&t, rig->cell->plan->full ? 50000000 : 5000000);
		if (!why)
			why = traffic_harvest(&t, &under[rig->n]);
		rig_next(rig, why ? 0 : under[rig->n]);
	}
	if (!why)
		why = traffic_count(&t, &writes);
	start = measure_wall_ns() - start;
	if (!why) {
		measure_median(quiet, rig->n);
		measure_median(under, rig->n);
		rig_report(rig, "harvests", t.harvests);
		rig_report(rig, "writes", writes);
		rig_report(rig, "writes_per_s", writes * 1e9 / start);
		rig_report(rig, "missed", rig->missed);
		rig_report(rig, "over_report", (double)rig->reported / rig->written);
		rig_report(rig, "ms_per_gib", rig_ms_per_gib(rig, under[0]));
		rig_report(rig, "x_clean", under[0] / quiet[0]);
	}
	traffic_close(&t);
	return why;
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	static const struct {
		unsigned int rate;
		const char *name;
	} rates[] = { { 0, "flat-out" }, { 100000, "100k" }, { 1000000, "1M" } };
	uint64_t leaf = cells_smallest_leaf(format);
	char size[MEASURE_NAME];

	if (!leaf || !plan->driver->stream_start || cells_enough(&cells, plan))
		return 0;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct cell c = {
			.plan = plan,
			.format = *format,
			.leaf = leaf,
			.range = plan->full ? 8ULL << 30 : 256ULL << 20,
			.repetitions = plan->full ? 60 : 20,
			.variant = rates[i].rate,
		};

		cells_add(&cells, &c, run, "dma/%s/%s/%s", format->name,
			  measure_size_name(leaf, size), rates[i].name);
	}
	return sizeof(rates) / sizeof(rates[0]);
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_dma;
const struct bench_set set_dma = {
	.name = "dma",
	.summary = "harvests while a device writes: none may be missed",
	.add = add,
	.finish = finish,
};
