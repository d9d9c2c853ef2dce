/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Leaves while tracking is on. By default they stay as they were mapped, and a write
 * is reported with the whole of its leaf, as in Linux: there one chooses when mapping
 * (IOMMU_OPTION_HUGE_PAGES), since smaller leaves cost tables and IOTLB reach, and
 * hardware that takes no two sizes for one address faults DMA while they are made.
 * A HWPT can be told to split them anyhow (IODIRTY_SPLIT): then enable splits all to
 * the smallest size, what is mapped meanwhile is mapped so, and disable makes them
 * what a map would have made.
 */
#include "core.h"

static bool splits(const struct hwpt *hwpt)
{
	return hwpt->split != IODIRTY_SPLIT_KEEP;
}

unsigned int hwpt_max_leaf_lg2(const struct hwpt *hwpt)
{
	if (hwpt->ioas->no_huge || (hwpt->tracking && splits(hwpt)))
		return pgt_small_lg2(&hwpt->pgt);
	return 63;
}

/* Leaves have changed size, and tables have gone: walk caches forget, too. */
static void forget(void *arg, u64 first, u64 last)
{
	struct pgt_gather gather;

	pgt_gather_init(&gather);
	pgt_gather_add(&gather, first, last);
	gather.tables = true;
	hwpt_invalidate(arg, &gather);
}

static int begin(struct pgt_resize *r, struct hwpt *hwpt)
{
	*r = (struct pgt_resize){
		.pgt = &hwpt->pgt,
		.way = hwpt->split == IODIRTY_SPLIT_IN_PLACE ? PGT_IN_PLACE : PGT_BREAK_BEFORE_MAKE,
		.sync = forget,
		.arg = hwpt,
	};
	return pgt_resize_begin(r);
}

/* As hwpt_fill_area made it. What was mapped in small leaves stays so. */
static void merge_area(struct pgt_resize *r, struct area *area)
{
	u64 done = 0, length = area->last - area->node.key + 1;

	while (!area->small && done < length) {
		u64 phys, run = iopages_run(area->pages, area->offset + done, length - done, &phys);

		pgt_merge(r, area->node.key + done, phys, run, area->prot, 63);
		done += run;
	}
}

static struct area *first_area(struct hwpt *hwpt)
{
	return area_of(port_map_ceil(&hwpt->ioas->areas, 0));
}

int hwpt_split_leaves(struct hwpt *hwpt)
{
	struct area *area = first_area(hwpt), *end;
	struct pgt_resize r;
	int err;

	if (!splits(hwpt))
		return 0;
	err = begin(&r, hwpt);
	if (err)
		return err;
	for (; !err && area; area = area_of(port_map_next(&area->node)))
		err = pgt_split(&r, area->node.key, area->last);
	end = area; /* after the one that failed */
	for (area = err ? first_area(hwpt) : end; area != end;
	     area = area_of(port_map_next(&area->node)))
		merge_area(&r, area);
	pgt_resize_end(&r);
	return err;
}

int hwpt_merge_leaves(struct hwpt *hwpt)
{
	struct area *area = first_area(hwpt);
	struct pgt_resize r;
	int err;

	if (!splits(hwpt))
		return 0;
	err = begin(&r, hwpt);
	if (err)
		return err;
	for (; area; area = area_of(port_map_next(&area->node)))
		merge_area(&r, area);
	pgt_resize_end(&r);
	return 0;
}

int split_ioctl(struct ucmd *ucmd)
{
	struct iodirty_split *cmd = ucmd->arg;
	struct hwpt *hwpt;
	int err = 0;

	if (cmd->policy > IODIRTY_SPLIT_IN_PLACE || cmd->__reserved)
		return -EOPNOTSUPP;
	hwpt = object_get(ucmd->ctx, cmd->hwpt_id, OBJECT_HWPT);
	if (!hwpt)
		return -ENOENT;
	port_mutex_lock(&ucmd->ctx->attach_lock);
	port_rwsem_write(&hwpt->ioas->rwsem);
	if (!(hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING))
		err = -EOPNOTSUPP;
	else if (hwpt->tracking)
		err = -EBUSY;
	else
		hwpt->split = cmd->policy;
	port_rwsem_write_end(&hwpt->ioas->rwsem);
	port_mutex_unlock(&ucmd->ctx->attach_lock);
	object_put(&hwpt->obj);
	return err;
}
