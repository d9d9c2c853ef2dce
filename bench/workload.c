/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Harvests of what a workload writes, round by round of its own time: its accesses are
 * performed as DMA, at the same places of the tracked range, then there is a harvest. Which
 * pages must be in each bitmap is what was written, known from the accesses alone. What
 * several devices do, and by PASIDs, is done by one: it is in the same tables.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "floor.h"
#include "measure.h"
#include "workload.h"

#define ROUND_NS 10000000 /* of the workload's time */
#define PIECE ((uint64_t)1 << 20) /* bytes of one DMA at the most */
#define SEED 1

static struct cells cells;

static const char *const usual[] = { "nic", "nvme", "gpu", "idle" };
#define N_USUAL (sizeof(usual) / sizeof(usual[0]))

struct replayed {
	struct rig *rig;
	struct workload *w; /* without end */
	struct access next; /* not yet done */
	uint64_t shift; /* from its IOVAs to the range's */
	uint8_t *data;
	uint64_t accesses, writes;
};

static struct workload *open_it(const char *name, bool full, char error[WORKLOAD_ERROR])
{
	struct workload_options o = {
		.memory = full ? 1ULL << 30 : 256ULL << 20,
		.seed = SEED,
	};

	return workload_open(name, &o, error);
}

static const char *fetch(struct replayed *r)
{
	int ret = r->w->next(r->w, &r->next);

	if (ret > 0)
		return NULL;
	snprintf(r->rig->error, sizeof(r->rig->error), "%s",
		 ret ? r->w->error : "the workload is over");
	return r->rig->error;
}

static const char *replayed_open(struct replayed *r, struct rig *rig, const char *name)
{
	char error[WORKLOAD_ERROR];
	struct workload *w = open_it(name, rig->cell->plan->full, error);

	*r = (struct replayed){ .rig = rig, .data = malloc(PIECE) };
	r->w = w ? workload_endless(w) : NULL;
	if (!r->w) {
		snprintf(rig->error, sizeof(rig->error), "%s",
			 w ? "there is nothing in this workload" : error);
		workload_close(w);
		return rig->error;
	}
	if (!r->data)
		return "no memory for the data";
	memset(r->data, 0x5a, PIECE);
	if (r->w->length > rig->space.length)
		return "the range is smaller than the workload's memory";
	r->shift = rig->space.iova - r->w->iova;
	return fetch(r);
}

static void replayed_close(struct replayed *r)
{
	workload_close(r->w);
	free(r->data);
}

/* Each page of it, and all of each leaf. */
static void note(struct replayed *r, const struct access *a)
{
	struct pattern *p = &r->rig->pattern;
	uint64_t first = (a->iova - r->w->iova) / r->rig->space.page;
	uint64_t last = (a->iova - r->w->iova + a->length - 1) / r->rig->space.page;

	for (uint64_t i = first; i <= last; i++)
		p->written[i / 64] |= 1ULL << i % 64;
	for (uint64_t i = first / p->pages * p->pages; i < (last / p->pages + 1) * p->pages; i++)
		p->dirty[i / 64] |= 1ULL << i % 64;
}

static const char *perform(struct replayed *r, const struct access *a)
{
	struct space *s = &r->rig->space;

	for (uint64_t done = 0; done < a->length; done += PIECE) {
		uint64_t left = a->length - done;
		struct iodirty_dma dma = {
			.size = sizeof(dma),
			.op = a->write ? IODIRTY_DMA_WRITE : IODIRTY_DMA_READ,
			.dev_id = s->dev,
			.iova = a->iova + r->shift + done,
			.length = left < PIECE ? left : PIECE,
			.data = (uintptr_t)r->data,
		};
		int err = s->t->driver->dma(s->t, &dma);

		if (err || dma.out_fault)
			return rig_failed(r->rig, err ? err : -EFAULT, "DMA at IOVA 0x%llx",
					  (unsigned long long)dma.iova);
	}
	r->accesses++;
	r->writes += a->write;
	if (a->write)
		note(r, a);
	return NULL;
}

/* All that is earlier than @end, and the harvest of it. */
static const char *one_round(struct replayed *r, uint64_t end, double *ns)
{
	struct rig *rig = r->rig;
	struct pattern *p = &rig->pattern;
	const char *why = NULL;

	memset(p->written, 0, p->words * sizeof(*p->written));
	memset(p->dirty, 0, p->words * sizeof(*p->dirty));
	while (!why && r->next.ns < end) {
		why = perform(r, &r->next);
		if (!why)
			why = fetch(r);
	}
	if (!why && floor_warm(&rig->space))
		why = "the tables could not be read";
	if (!why)
		why = rig_harvest(rig, 0, ns);
	return why ? why : rig_check(rig);
}

static double mean(const double *values, unsigned int n)
{
	double sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += values[i];
	return sum / n;
}

static void report(struct replayed *r, const struct floors *floors, double *ns)
{
	struct rig *rig = r->rig;
	uint64_t entries = floors->nr ? floors->entries : rig->space.leaves;
	double all = mean(ns, rig->n);

	rig_report(rig, "ns_per_iopte", all / entries);
	if (floors->nr)
		rig_report(rig, "x_floor", all / floor_best(floors, false).median);
	if (rig->written)
		rig_report(rig, "over_report", (double)rig->reported / rig->written);
	rig_report(rig, "density_percent",
		   100.0 * rig->written * rig->space.page / rig->n / r->w->length);
	rig_report(rig, "harvests", rig->n);
	rig_report(rig, "accesses", r->accesses);
	rig_report(rig, "device_writes", r->writes);
	rig_report(rig, "pages_written", rig->written);
	rig_report(rig, "ms_per_gib", rig_ms_per_gib(rig, all));
	measure_median(ns, rig->n);
	rig_report(rig, "longest_ms", ns[rig->n - 1] / 1e6);
}

static const char *run(struct rig *rig)
{
	const struct bench_plan *plan = rig->cell->plan;
	double ns[CELL_REPETITIONS];
	struct floors floors;
	struct replayed r;
	const char *why = replayed_open(&r, rig,
					plan->nr_workloads ? plan->workloads[rig->cell->variant] :
							     usual[rig->cell->variant]);

	if (floors_init(&floors, &rig->space, rig->cell->repetitions) && !why)
		why = "the tables could not be read";
	while (!why && bench_keep_running(rig->state)) {
		why = one_round(&r, (uint64_t)ROUND_NS * (rig->n + 1), &ns[rig->n]);
		for (unsigned int i = 0; i < floors.nr && !why; i++)
			if (floor_read(&floors, &rig->space, i, false))
				why = "the tables could not be read";
		rig_next(rig, why ? 0 : ns[rig->n]);
	}
	if (!why)
		report(&r, &floors, ns);
	floors_fini(&floors);
	replayed_close(&r);
	return why;
}

/* The last of a path: there is no '/' in a part of a cell's name. */
static const char *cell_part(const char *workload)
{
	const char *slash = strrchr(workload, '/');

	return slash ? slash + 1 : workload;
}

/* How many leaves of @leaf, a power of two, take the workload's memory. 0: none. */
static uint64_t leaves_for(const struct iodirty_format_info *format, uint64_t leaf, uint64_t length)
{
	uint64_t leaves = 1;

	while (leaves * leaf < length)
		leaves *= 2;
	return space_leaves(format, leaf, leaves) == leaves ? leaves : 0;
}

static void add_workload(const struct bench_plan *plan, const struct iodirty_format_info *format,
			 unsigned int index)
{
	const char *name = plan->nr_workloads ? plan->workloads[index] : usual[index];
	char error[WORKLOAD_ERROR], size[MEASURE_NAME];
	struct workload *w = open_it(name, plan->full, error);
	uint64_t sizes = format->leaf_sizes & ~4095ull;

	if (!w) {
		fprintf(stderr, "iodirty bench: %s\n", error);
		cells.failed++;
		return;
	}
	for (; sizes; sizes &= sizes - 1) {
		struct cell c = {
			.plan = plan,
			.format = *format,
			.leaf = sizes & -sizes,
			.repetitions = plan->full ? 50 : 10,
			.variant = index,
		};
		uint64_t leaves = leaves_for(format, c.leaf, w->length);

		/* Quick: the smallest, and as large ones as are usual. */
		if (!leaves || c.leaf > w->length ||
		    (!plan->full && c.leaf > cells_smallest_leaf(format) && c.leaf != 2 << 20))
			continue;
		c.range = leaves * c.leaf;
		cells_add(&cells, &c, run, "workload/%s/%s/%.40s", format->name,
			  measure_size_name(c.leaf, size), cell_part(name));
	}
	workload_close(w);
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	unsigned int n = plan->nr_workloads ? plan->nr_workloads : N_USUAL;

	if (!plan->driver->dma || (!plan->nr_workloads && cells_enough(&cells, plan)))
		return 0;
	for (unsigned int i = 0; i < n; i++)
		add_workload(plan, format, i);
	return n;
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_workload;
const struct bench_set set_workload = {
	.name = "workload",
	.summary = "harvests of what a workload's devices write (--workload)",
	.add = add,
	.finish = finish,
};
