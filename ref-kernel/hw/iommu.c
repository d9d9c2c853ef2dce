/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A modelled IOMMU as its driver sees it: context entries, invalidation
 * commands, counters. What DMA does with them is in dma.c.
 */
#include "iommu.h"

#define IOVA_MAX (~0ULL)

struct context {
	struct port_node node; /* key: PASID */
	struct hw_context entry;
};

const struct hw_walker *hw_walker_find(const char *format)
{
	const struct hw_walker *const *w;

	for (w = hw_walkers; *w; w++)
		if (!strcmp((*w)->format, format))
			break;
	return *w;
}

struct hw_iommu *hw_iommu_create(const struct hw_iommu_config *config, int *err)
{
	const struct hw_walker *walker = hw_walker_find(config->tables.format);
	struct hw_iommu *iommu;

	if (!walker) {
		*err = -ENOENT;
		return NULL;
	}
	iommu = port_alloc(sizeof(*iommu));
	if (!iommu || hw_iotlb_init(&iommu->iotlb, config->iotlb_entries)) {
		port_free(iommu);
		*err = -ENOMEM;
		return NULL;
	}
	iommu->config = *config;
	iommu->walker = walker;
	port_rwsem_init(&iommu->in_flight);
	return iommu;
}

void hw_iommu_destroy(struct hw_iommu *iommu)
{
	port_rwsem_destroy(&iommu->in_flight);
	hw_iotlb_fini(&iommu->iotlb);
	port_free(iommu);
}

struct hw_dev *hw_dev_create(struct hw_iommu *iommu)
{
	struct hw_dev *dev = port_alloc(sizeof(*dev));

	if (dev) {
		dev->iommu = iommu;
		port_map_init(&dev->contexts);
	}
	return dev;
}

void hw_dev_destroy(struct hw_dev *dev)
{
	port_free(dev);
}

static struct context *find(struct hw_dev *dev, u32 pasid)
{
	struct port_node *node = port_map_ceil(&dev->contexts, pasid);

	return node && node->key == pasid ? port_container(node, struct context, node) : NULL;
}

const struct hw_context *hw_context_find(struct hw_dev *dev, u32 pasid)
{
	struct context *c = find(dev, pasid);

	/* A stream table entry has a descriptor for each PASID, its S1CDMax allowing. */
	if (!c && pasid) {
		c = find(dev, 0);
		if (c && (c->entry.stage1.kind != HW_STAGE1_CD || !c->entry.stage1.cds_lg2))
			c = NULL;
	}
	return c ? &c->entry : NULL;
}

int hw_context_set(struct hw_dev *dev, u32 pasid, const struct hw_context *ctx)
{
	struct hw_iommu *iommu = dev->iommu;
	struct context *c;
	int err = 0;

	port_rwsem_write(&iommu->in_flight);
	c = find(dev, pasid);
	if (c) {
		hw_iotlb_forget_domain(&iommu->iotlb, c->entry.domain);
	} else if (ctx) {
		c = port_alloc(sizeof(*c));
		if (!c) {
			err = -ENOMEM;
			goto out;
		}
		c->node.key = pasid;
		port_map_insert(&dev->contexts, &c->node);
	}
	if (ctx) {
		c->entry = *ctx;
		hw_iotlb_forget_domain(&iommu->iotlb, ctx->domain);
	} else if (c) {
		port_map_erase(&dev->contexts, &c->node);
		port_free(c);
	}
out:
	port_rwsem_write_end(&iommu->in_flight);
	return err;
}

/* Let nobody in, and wait for those who are: what they used may then be forgotten. */
static void drain(struct hw_iommu *iommu)
{
	port_rwsem_write(&iommu->in_flight);
}

static void drained(struct hw_iommu *iommu, u64 bytes)
{
	port_rwsem_write_end(&iommu->in_flight);
	port_count(&iommu->count.invalidations, 1);
	port_count(&iommu->count.invalidated_bytes, bytes);
}

static u64 span_of(u64 first, u64 last)
{
	return last - first == IOVA_MAX ? IOVA_MAX : last - first + 1;
}

/*
 * There is no walk cache to forget: a walk begins at the root, every time. The
 * wait for DMA that is under way is the completion (VT-d: invalidation wait
 * with drain; AMD: COMPLETION_WAIT).
 */
void hw_invalidate(struct hw_iommu *iommu, u32 domain, u64 first, u64 last)
{
	drain(iommu);
	hw_iotlb_forget(&iommu->iotlb, domain, 0, first, last);
	drained(iommu, span_of(first, last));
}

/* Of a command without a range no bytes are counted. */
void hw_invalidate_domain(struct hw_iommu *iommu, u32 domain)
{
	drain(iommu);
	hw_iotlb_forget_domain(&iommu->iotlb, domain);
	drained(iommu, 0);
}

void hw_invalidate_stage1(struct hw_iommu *iommu, u32 domain, u32 tag, u64 first, u64 last)
{
	drain(iommu);
	hw_iotlb_forget(&iommu->iotlb, domain, tag, first, last);
	drained(iommu, 0);
}

void hw_stats(struct hw_iommu *iommu, struct iodirty_stats *stats)
{
	const struct hw_counters *count = &iommu->count;

	stats->dma_ops += port_load(&count->dma_ops);
	stats->iotlb_hits += port_load(&count->iotlb_hits);
	stats->iotlb_misses += port_load(&count->iotlb_misses);
	stats->walks += port_load(&count->walks);
	stats->dirty_sets += port_load(&count->dirty_sets);
	stats->invalidations += port_load(&count->invalidations);
	stats->invalidated_bytes += port_load(&count->invalidated_bytes);
}
