/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The invalidation queue. Hardware may carry out a command at any time after it
 * was issued; this one does so as late as it may: when a wait is due, or when
 * there is no room for one more. So whoever does not wait is found out.
 */
#include "iommu.h"

#define IOVA_MAX (~0ULL)

void hw_caches_forget(struct hw_iommu *iommu, struct hw_tag tag, u64 first, u64 last,
		      bool leaf_only)
{
	/* Nothing is tagged by PASID: whatever one is named, all have it. */
	if (!iommu->config.pasid_tagged)
		tag.pasid = HW_ANY;
	hw_cache_forget(&iommu->iotlb, tag, first, last);
	if (!leaf_only)
		hw_cache_forget(&iommu->places, tag, first, last);
}

static void count_range(struct hw_counters *count, u64 first, u64 last)
{
	u64 span = last - first;

	port_count(&count->invalidated_bytes, span == IOVA_MAX ? span : span + 1);
}

/* in_flight is held for writing. */
static void carry_out(struct hw_iommu *iommu, const struct hw_inv *cmd)
{
	struct hw_tag tag = { .domain = cmd->domain, .pasid = cmd->pasid };
	u64 first = 0, last = IOVA_MAX;
	bool leaf_only = false;

	switch (cmd->kind) {
	case HW_INV_RANGE:
		first = cmd->first;
		last = cmd->last;
		leaf_only = cmd->leaf_only;
		count_range(&iommu->count, first, last);
		break;
	case HW_INV_STAGE1:
		tag.pasid = HW_ANY;
		tag.stage1 = cmd->stage1;
		first = cmd->first;
		last = cmd->last;
		break;
	case HW_INV_PASID:
		tag.stage1 = HW_ANY;
		break;
	case HW_INV_DOMAIN:
		tag.pasid = HW_ANY;
		tag.stage1 = HW_ANY;
		break;
	case HW_INV_GLOBAL:
		tag = (struct hw_tag){ HW_ANY, HW_ANY, HW_ANY };
		break;
	case HW_INV_ATC:
		port_count(&iommu->count.atc_invalidations, 1);
		if (cmd->dev->ats)
			hw_atc_invalidate(cmd->dev, cmd->pasid, cmd->first, cmd->last);
		return;
	}
	hw_caches_forget(iommu, tag, first, last, leaf_only);
	port_count(&iommu->count.invalidations, 1);
}

/*
 * Carry out all that was issued, in that order. Whoever holds in_flight for
 * writing has waited for the DMA that used what is forgotten: of an IOTLB's
 * command that is the drain, of a device's its answer.
 */
void hw_queue_drain(struct hw_iommu *iommu)
{
	struct hw_queue *q = &iommu->queue;
	unsigned int i;

	port_rwsem_write(&iommu->in_flight);
	port_mutex_lock(&q->lock);
	for (i = 0; i < q->nr; i++)
		carry_out(iommu, &q->commands[i]);
	q->nr = 0;
	port_mutex_unlock(&q->lock);
	port_rwsem_write_end(&iommu->in_flight);
}

void hw_inv_issue(struct hw_iommu *iommu, const struct hw_inv *cmd)
{
	struct hw_queue *q = &iommu->queue;

	port_mutex_lock(&q->lock);
	while (q->nr == HW_QUEUE_LENGTH) {
		port_mutex_unlock(&q->lock);
		hw_queue_drain(iommu);
		port_mutex_lock(&q->lock);
	}
	q->commands[q->nr++] = *cmd;
	port_mutex_unlock(&q->lock);
}

/* Though another caller's wait may have carried out what this one's is for: then it
 * has ended by the time that in_flight is free. */
void hw_inv_wait(struct hw_iommu *iommu)
{
	hw_queue_drain(iommu);
	port_count(&iommu->count.waits, 1);
}
