/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calibrate.h"
#include "vfio_client.h"

#define SECOND ((uint64_t)1000000000)
#define TURNS 5
#define DIRTY_MOST 8192 /* leaves that are written to, spread over memory */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static int timed_report(struct machine *m, uint64_t *bitmap, uint64_t *ns)
{
	uint64_t start = now();
	int ret = machine_report(m, bitmap);

	*ns = now() - start;
	return ret;
}

/* @n leaves, by the devices in turn. */
static int write_leaves(struct machine *m, uint64_t leaf, uint64_t n)
{
	uint64_t leaves = m->length / leaf;
	struct vfioc_transfer transfer = { .length = sizeof(uint64_t), .write = true };
	uint32_t fault;
	int ret;

	for (uint64_t i = 0; i < n; i++) {
		transfer.iova = m->iova + leaves * i / n * leaf;
		ret = vfioc_dma(m->t, m->devices[i % m->n].fd, &transfer, &fault);
		if (!ret && fault != IODIRTY_FAULT_NONE)
			ret = -EFAULT;
		if (ret)
			return machine_fail(m, ret, "DMA at %#" PRIx64, transfer.iova);
	}
	return 0;
}

/* The least of some: what comes between them is not the report's. */
static int least_report(struct machine *m, uint64_t *bitmap, uint64_t leaf, uint64_t n,
			uint64_t *least)
{
	uint64_t ns;
	int ret = 0;

	*least = UINT64_MAX;
	for (int i = 0; i < TURNS && !ret; i++) {
		ret = write_leaves(m, leaf, n);
		if (!ret)
			ret = timed_report(m, bitmap, &ns);
		if (!ret && ns < *least)
			*least = ns;
	}
	return ret;
}

static int measure(struct machine *m, uint64_t *bitmap, struct predict_cost *cost)
{
	uint64_t leaf = m->split ? m->page : m->leaf, leaves = m->length / leaf;
	uint64_t n = leaves < DIRTY_MOST ? leaves : DIRTY_MOST, idle, dirty;
	bool by_leaf = m->trackers == TRACKERS_IOMMU || m->trackers == TRACKERS_MIXED;
	int ret = least_report(m, bitmap, leaf, 0, &idle);

	if (ret)
		return ret;
	*cost = (struct predict_cost){ .call = by_leaf ? 0 : (double)idle };
	if (by_leaf)
		cost->page = (double)idle / leaves;
	if (!by_leaf && m->trackers != TRACKERS_LOG)
		return 0;
	ret = least_report(m, bitmap, leaf, n, &dirty);
	if (!ret && dirty > idle)
		cost->dirty = (double)(dirty - idle) / n;
	return ret;
}

int machine_calibrate(const struct machine_options *o, struct predict_cost *cost, char error[256])
{
	uint64_t *bitmap = NULL;
	struct machine m;
	int ret = machine_open(&m, o);

	if (!ret)
		ret = machine_run(&m);
	if (!ret)
		ret = machine_track(&m);
	if (!ret) {
		bitmap = calloc(truth_words(m.length / m.page), sizeof(*bitmap));
		ret = bitmap ? measure(&m, bitmap, cost) : machine_fail(&m, -ENOMEM, "a bitmap");
	}
	memcpy(error, m.error, 256);
	free(bitmap);
	machine_close(&m);
	return ret;
}
