/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bitmap of a VFIO container beside an iommufd harvest of the same memory, the same pages
 * written in both. Who says that everything is dirty is soon done: what counts is not the
 * time but the pages reported, each of which a migration sends again.
 */
#include <errno.h>
#include <string.h>

#include "abi/vfio.h"
#include "cells.h"
#include "measure.h"

static struct cells cells;

/* struct vfio_iommu_type1_dirty_bitmap, and what follows it. */
struct request {
	uint32_t argsz, flags;
	struct vfio_iommu_type1_dirty_bitmap_get range;
};

struct container {
	struct rig *rig;
	struct target *t;
	uint32_t dev;
};

struct results {
	double type1[CELL_REPETITIONS], iommufd[CELL_REPETITIONS];
	uint64_t pages; /* that type1 reported */
};

static int dirty_pages(struct container *c, uint32_t flag, uint64_t *bitmap)
{
	const struct space *s = &c->rig->space;
	struct request r = {
		.argsz = sizeof(r),
		.flags = flag,
		.range = {
			.iova = s->iova,
			.size = s->length,
			.bitmap = { .pgsize = s->page,
				    .size = c->rig->pattern.words * sizeof(*bitmap),
				    .data = (void *)bitmap },
		},
	};

	return c->t->driver->ioctl(c->t, VFIO_IOMMU_DIRTY_PAGES, &r);
}

/* The memory of the rig's space, at the same IOVAs. */
static const char *container_open(struct container *c, struct rig *rig)
{
	const struct bench_plan *plan = rig->cell->plan;
	const struct space *s = &rig->space;
	int err;

	*c = (struct container){ .rig = rig };
	err = plan->driver->open(plan->arg, &c->t);
	if (err)
		return rig_failed(rig, err, "open");
	err = c->t->driver->container(c->t, VFIO_TYPE1v2_IOMMU, s->format.name, &c->dev);
	if (err)
		return rig_failed(rig, err, "a container with the device");
	for (uint64_t off = 0; off < s->length && !err; off += s->chunk) {
		struct vfio_iommu_type1_dma_map map = {
			.argsz = sizeof(map),
			.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
			.vaddr = (uintptr_t)s->memory,
			.iova = s->iova + off,
			.size = s->chunk,
		};

		err = c->t->driver->ioctl(c->t, VFIO_IOMMU_MAP_DMA, &map);
	}
	if (err)
		return rig_failed(rig, err, "VFIO_IOMMU_MAP_DMA");
	err = dirty_pages(c, VFIO_IOMMU_DIRTY_PAGES_FLAG_START, NULL);
	return err ? rig_failed(rig, err, "VFIO_IOMMU_DIRTY_PAGES of START") : NULL;
}

static void container_close(struct container *c)
{
	if (c->t)
		c->t->driver->close(c->t);
}

/* The device writes to each page whose bit is set. */
static int write_pages(struct container *c, const uint64_t *pages)
{
	const struct space *s = &c->rig->space;
	uint64_t value = 1;

	for (uint64_t page = 0; page < s->length / s->page; page++) {
		struct iodirty_dma dma = {
			.size = sizeof(dma),
			.op = IODIRTY_DMA_WRITE,
			.dev_id = c->dev,
			.iova = s->iova + page * s->page,
			.length = sizeof(value),
			.data = (uintptr_t)&value,
		};
		int err;

		if (!(pages[page / 64] >> page % 64 & 1))
			continue;
		err = c->t->driver->dma(c->t, &dma);
		if (err || dma.out_fault)
			return err ? err : -EFAULT;
	}
	return 0;
}

static const char *by_type1(struct container *c, struct results *r)
{
	struct rig *rig = c->rig;
	struct pattern *p = &rig->pattern;
	uint64_t start;
	int err = write_pages(c, p->written);

	if (err)
		return rig_failed(rig, err, "the device of the container cannot write");
	memset(rig->bitmap, 0, p->words * sizeof(*rig->bitmap));
	start = measure_now_ns();
	err = dirty_pages(c, VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP, rig->bitmap);
	r->type1[rig->n] = measure_since_ns(start);
	if (err)
		return rig_failed(rig, err, "VFIO_IOMMU_DIRTY_PAGES of GET_BITMAP");
	r->pages += pattern_count(rig->bitmap, p->words);
	rig->missed += pattern_beyond(p->written, rig->bitmap, p->words);
	return rig->missed ? "type1's bitmap lacks what was written" : NULL;
}

static const char *run(struct rig *rig)
{
	struct results r = { 0 };
	struct container c;
	const char *why = container_open(&c, rig);

	while (!why && bench_keep_running(rig->state)) {
		why = rig_write(rig, rig->cell->variant, rig->n);
		if (!why)
			why = rig_harvest(rig, 0, &r.iommufd[rig->n]);
		if (!why)
			why = rig_check(rig);
		if (!why)
			why = by_type1(&c, &r);
		rig_next(rig, why ? 0 : r.iommufd[rig->n]);
	}
	container_close(&c);
	if (why)
		return why;
	measure_median(r.type1, rig->n);
	measure_median(r.iommufd, rig->n);
	rig_report(rig, "range_pages", rig->pattern.leaves);
	rig_report(rig, "pages_written", (double)rig->written / rig->n);
	rig_report(rig, "pages_iommufd", (double)rig->reported / rig->n);
	rig_report(rig, "pages_type1", (double)r.pages / rig->n);
	rig_report(rig, "x_bytes_type1", (double)r.pages / rig->reported);
	rig_report(rig, "over_report", (double)rig->reported / rig->written);
	rig_report(rig, "over_report_type1", (double)r.pages / rig->written);
	rig_report(rig, "ms_per_gib", rig_ms_per_gib(rig, r.iommufd[0]));
	rig_report(rig, "ms_per_gib_type1", rig_ms_per_gib(rig, r.type1[0]));
	rig_report(rig, "x_time_type1", r.type1[0] / r.iommufd[0]);
	return NULL;
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	static const unsigned int densities[] = { 1, 10, 100 };
	uint64_t leaf = cells_smallest_leaf(format);
	char size[MEASURE_NAME];

	if (leaf != 4096 || !plan->driver->container || cells_enough(&cells, plan))
		return 0;
	for (size_t i = 0; i < 2u + plan->full; i++) {
		struct cell c = {
			.plan = plan,
			.format = *format,
			.leaf = leaf,
			.range = plan->full ? 16ULL << 30 : 1ULL << 30,
			.repetitions = plan->full ? 11 : 3,
			.variant = densities[i],
		};

		cells_add(&cells, &c, run, "type1/%s/%s/%g%%", format->name,
			  measure_size_name(leaf, size), densities[i] / 10.0);
	}
	return 2u + plan->full;
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_type1;
const struct bench_set set_type1 = {
	.name = "type1",
	.summary = "a container's bitmap beside a harvest; the verdict is in bytes, not in time",
	.add = add,
	.finish = finish,
};
