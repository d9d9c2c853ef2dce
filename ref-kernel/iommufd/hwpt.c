/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Hardware page tables: one IO page table over one IOAS, and who translates
 * through it. An automatic one is made for a device that attaches to an IOAS; it
 * never tracks, and goes with its last device.
 */
#include "core.h"

#define HWPT_FLAGS                                                        \
	(IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING | \
	 IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID)

int hwpt_fill_area(struct hwpt *hwpt, struct area *area)
{
	unsigned int max_lg2 = hwpt_max_leaf_lg2(hwpt);
	u64 done = 0, length = area->last - area->node.key + 1;
	int err;

	err = iopages_pin_domain(area->pages);
	if (err)
		return err;
	area->small |= hwpt->ioas->no_huge;
	while (!err && done < length) {
		u64 phys, run = iopages_run(area->pages, area->offset + done, length - done, &phys);

		err = pgt_map(&hwpt->pgt, area->node.key + done, phys, run, area->prot, max_lg2);
		done += run;
	}
	if (err)
		hwpt_drain_area(hwpt, area);
	return err;
}

void hwpt_drain_area(struct hwpt *hwpt, struct area *area)
{
	u64 first = area->node.key, last = area->last;
	struct pgt_gather gather;

	pgt_gather_init(&gather);
	pgt_unmap(&hwpt->pgt, first, last - first + 1, &gather);
	hwpt_invalidate(hwpt, &gather);
	/* From here no device reaches the tables or the pages. */
	pgt_gather_free(&gather);
	port_mutex_lock(&hwpt->residue_lock);
	residue_drop(hwpt, first, last);
	port_mutex_unlock(&hwpt->residue_lock);
	iopages_unpin_domain(area->pages);
}

void hwpt_wait(const struct hwpt *hwpt)
{
	for (const struct hwpt_tag *tag = hwpt->tags; tag; tag = tag->next)
		if (!tag->next || tag->next->iommu != tag->iommu)
			hw_inv_wait(tag->iommu->hw);
}

bool attach_invalidate_device(const struct attach *a, u64 first, u64 last)
{
	struct hw_inv cmd = {
		.kind = HW_INV_ATC,
		.first = first,
		.last = last,
		.dev = a->dev->hw,
		.pasid = (u32)a->node.key,
	};

	if (!a->dev->ats)
		return false;
	if (pt_serves_all_pasids(a->pt))
		cmd.pasid = HW_ANY;
	hw_inv_issue(a->dev->iommu->hw, &cmd);
	return true;
}

/* What IOMMUs cache. attach_sem held. */
static void invalidate_iommus(const struct hwpt *hwpt, const struct pgt_gather *gather)
{
	struct hw_inv cmd = {
		.kind = HW_INV_RANGE,
		.leaf_only = !gather->tables,
		.domain = hwpt->domain,
	};
	const struct hw_inv whole = { .kind = HW_INV_DOMAIN, .domain = hwpt->domain };

	for (const struct hwpt_tag *tag = hwpt->tags; tag; tag = tag->next) {
		cmd.pasid = tag->pasid;
		for (unsigned int i = 0; i < gather->nr; i++) {
			cmd.first = gather->ranges[i].first;
			cmd.last = gather->ranges[i].last;
			hw_inv_issue(tag->iommu->hw, &cmd);
		}
		/* A range of ours finds nothing that went through a stage 1. */
		if (tag->nested)
			hw_inv_issue(tag->iommu->hw, &whole);
	}
	hwpt_wait(hwpt);
}

/* What devices cache, each by itself and by each of its PASIDs. attach_sem held. */
static void invalidate_devices(const struct hwpt *hwpt, const struct pgt_gather *gather)
{
	bool any = false;

	for (const struct attach *a = hwpt->attaches; a; a = a->hwpt_next) {
		if (pt_has_stage1(a->pt)) {
			/* By addresses of stage 1, of which any may be of what @gather has. */
			any |= attach_invalidate_device(a, 0, UINT64_MAX);
			continue;
		}
		for (unsigned int i = 0; i < gather->nr; i++)
			any |= attach_invalidate_device(a, gather->ranges[i].first,
							gather->ranges[i].last);
	}
	if (any)
		hwpt_wait(hwpt);
}

/* What a summary has cleared A in (pgtable/summary.c). Devices hold no tables; what they
 * hold of leaves waits until those are cleaned. */
void hwpt_invalidate_walks(struct hwpt *hwpt, const struct pgt_gather *gather)
{
	if (!gather->nr)
		return;
	port_rwsem_read(&hwpt->attach_sem);
	invalidate_iommus(hwpt, gather);
	port_rwsem_read_end(&hwpt->attach_sem);
}

/* Devices only when the IOMMUs are clean: from them they would fetch it again. */
void hwpt_invalidate(struct hwpt *hwpt, const struct pgt_gather *gather)
{
	if (!gather->nr)
		return;
	port_rwsem_read(&hwpt->attach_sem);
	invalidate_iommus(hwpt, gather);
	invalidate_devices(hwpt, gather);
	port_rwsem_read_end(&hwpt->attach_sem);
}

/* Take what lies outside the format's aperture away from the IOAS. */
static int reserve_outside(struct ioas *ioas, const struct pgt_format *fmt, const void *owner)
{
	int err = 0;

	if (fmt->aperture_first)
		err = ioas_reserve(ioas, 0, fmt->aperture_first - 1, owner);
	if (!err && fmt->aperture_last != UINT64_MAX)
		err = ioas_reserve(ioas, fmt->aperture_last + 1, UINT64_MAX, owner);
	return err;
}

static void leave_ioas(struct hwpt *hwpt)
{
	struct ioas *ioas = hwpt->ioas;
	struct hwpt **at = &ioas->hwpts;

	while (*at != hwpt)
		at = &(*at)->next;
	*at = hwpt->next;
	ioas_unreserve(ioas, hwpt);
	ioas_update_alignment(ioas); /* it can only become less strict */
}

static void drain_before(struct hwpt *hwpt, struct area *end)
{
	struct area *area = area_of(port_map_ceil(&hwpt->ioas->areas, 0));

	for (; area != end; area = area_of(port_map_next(&area->node)))
		hwpt_drain_area(hwpt, area);
}

static int join_ioas(struct hwpt *hwpt)
{
	struct ioas *ioas = hwpt->ioas;
	struct area *area;
	int err;

	port_rwsem_write(&ioas->rwsem);
	hwpt->next = ioas->hwpts;
	ioas->hwpts = hwpt;
	err = ioas_update_alignment(ioas);
	if (!err)
		err = reserve_outside(ioas, hwpt->pgt.fmt, hwpt);
	area = err ? NULL : area_of(port_map_ceil(&ioas->areas, 0));
	while (area) {
		err = hwpt_fill_area(hwpt, area);
		if (err) {
			drain_before(hwpt, area);
			break;
		}
		area = area_of(port_map_next(&area->node));
	}
	if (err)
		leave_ioas(hwpt);
	port_rwsem_write_end(&ioas->rwsem);
	return err;
}

static int check_flags(const struct device *dev, u32 flags)
{
	const struct pgt_format *fmt = dev->iommu->fmt;

	if (flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) {
		if (!dev->iommu->dirty)
			return -EOPNOTSUPP;
		if (flags & IOMMU_HWPT_ALLOC_PASID && !(fmt->flags & IODIRTY_FORMAT_DIRTY_PASID))
			return -EOPNOTSUPP;
	}
	if (!(flags & IOMMU_HWPT_ALLOC_NEST_PARENT))
		return 0;
	/* A parent's page requests come from the guests' tables. */
	if (flags & IOMMU_HWPT_FAULT_ID_VALID || !(fmt->flags & IODIRTY_FORMAT_NEST_PARENT))
		return -EOPNOTSUPP;
	return 0;
}

struct hwpt *hwpt_create(struct ioas *ioas, struct device *dev, u32 flags, u64 leaf_sizes, int *err)
{
	struct iommufd_ctx *ctx = ioas->obj.ctx;
	struct hwpt *hwpt;

	*err = check_flags(dev, flags);
	if (*err)
		return NULL;
	*err = -ENOMEM;
	hwpt = object_alloc(ctx, sizeof(*hwpt), OBJECT_HWPT);
	if (!hwpt)
		return NULL;
	*err = pgt_init(&hwpt->pgt, dev->iommu->fmt, leaf_sizes,
			flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	if (*err)
		goto abort;
	hwpt->ioas = ioas;
	hwpt->flags = flags;
	if (flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING)
		hwpt->split = ctx->split;
	port_mutex_lock(&ctx->lock);
	hwpt->domain = ctx->next_domain++;
	port_mutex_unlock(&ctx->lock);
	port_rwsem_init(&hwpt->attach_sem);
	residue_init(hwpt);
	*err = join_ioas(hwpt);
	if (*err)
		goto fini;
	object_hold(&ioas->obj);
	return hwpt;

fini:
	port_mutex_destroy(&hwpt->residue_lock);
	port_rwsem_destroy(&hwpt->attach_sem);
	pgt_fini(&hwpt->pgt);
abort:
	object_abort(&hwpt->obj);
	return NULL;
}

/* Nothing is attached, so nothing translates through it. */
void hwpt_release(struct object *obj)
{
	struct hwpt *hwpt = (struct hwpt *)obj;
	struct ioas *ioas = hwpt->ioas;

	port_rwsem_write(&ioas->rwsem);
	drain_before(hwpt, NULL);
	leave_ioas(hwpt);
	port_rwsem_write_end(&ioas->rwsem);
	pgt_fini(&hwpt->pgt);
	port_mutex_destroy(&hwpt->residue_lock);
	port_rwsem_destroy(&hwpt->attach_sem);
	if (hwpt->fault)
		object_put((struct object *)hwpt->fault);
	port_free(hwpt);
	object_put(&ioas->obj);
}

/* Those of the IOMMU, unless the mock's driver is told otherwise. */
static int read_leaf_sizes(const struct device *dev, const struct iommu_hwpt_alloc *cmd,
			   u64 *leaf_sizes)
{
	struct iommu_hwpt_selftest data;
	int err;

	*leaf_sizes = dev->iommu->leaf_sizes;
	if (cmd->data_type == IOMMU_HWPT_DATA_NONE)
		return 0;
	err = mock_read_data(dev, cmd, &data);
	if (err)
		return err;
	if (data.pagetable_type > MOCK_IOMMUPT_HUGE)
		return -EOPNOTSUPP;
	if (data.pagetable_type == MOCK_IOMMUPT_HUGE)
		*leaf_sizes = MOCK_PAGE_SIZE | MOCK_HUGE_PAGE_SIZE;
	return 0;
}

/* What @cmd asks for over @pt, an IOAS or a HWPT. Not published. */
static struct object *create_over(struct object *pt, struct device *dev,
				  const struct iommu_hwpt_alloc *cmd, int *err)
{
	struct nested *nested;
	struct hwpt *hwpt;
	u64 leaf_sizes;

	*err = -EINVAL;
	if (pt->type == OBJECT_HWPT) {
		nested = nested_create((struct hwpt *)pt, dev, cmd, err);
		return nested ? &nested->obj : NULL;
	}
	if (pt->type != OBJECT_IOAS)
		return NULL;
	*err = read_leaf_sizes(dev, cmd, &leaf_sizes);
	if (*err)
		return NULL;
	port_mutex_lock(&pt->ctx->attach_lock);
	hwpt = hwpt_create((struct ioas *)pt, dev, cmd->flags, leaf_sizes, err);
	port_mutex_unlock(&pt->ctx->attach_lock);
	return hwpt ? &hwpt->obj : NULL;
}

/* Give the new HWPT its queue, and tell the caller its id. */
static int finish(struct ucmd *ucmd, struct object *hwpt)
{
	struct iommu_hwpt_alloc *cmd = ucmd->arg;

	if (cmd->flags & IOMMU_HWPT_FAULT_ID_VALID) {
		*pt_fault(hwpt) = object_get(ucmd->ctx, cmd->fault_id, OBJECT_FAULT);
		if (!*pt_fault(hwpt))
			return -ENOENT;
	}
	cmd->out_hwpt_id = hwpt->id;
	return ucmd_reply(ucmd);
}

int hwpt_alloc_ioctl(struct ucmd *ucmd)
{
	struct iommu_hwpt_alloc *cmd = ucmd->arg;
	struct object *pt, *hwpt;
	struct device *dev;
	int err;

	if (cmd->flags & ~HWPT_FLAGS || cmd->__reserved || cmd->__reserved2)
		return -EOPNOTSUPP;
	if ((cmd->data_type == IOMMU_HWPT_DATA_NONE) != (cmd->data_len == 0))
		return -EINVAL;
	dev = object_get(ucmd->ctx, cmd->dev_id, OBJECT_DEVICE);
	if (!dev)
		return -ENOENT;
	err = -EINVAL;
	pt = object_get(ucmd->ctx, cmd->pt_id, OBJECT_ANY);
	if (!pt)
		goto put_dev;
	hwpt = create_over(pt, dev, cmd, &err);
	if (!hwpt)
		goto put_pt;
	err = finish(ucmd, hwpt);
	if (err)
		object_put(hwpt);
	else
		object_publish(hwpt);
put_pt:
	object_put(pt);
put_dev:
	object_put(&dev->obj);
	return err;
}
