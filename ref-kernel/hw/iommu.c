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

static const struct hw_walker *find_walker(const char *format)
{
	const struct hw_walker *const *w;

	for (w = hw_walkers; *w; w++)
		if (!strcmp((*w)->format, format))
			break;
	return *w;
}

struct hw_iommu *hw_iommu_create(const struct hw_iommu_config *config, int *err)
{
	const struct hw_walker *walker = find_walker(config->tables.format);
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
		hw_iotlb_forget(&iommu->iotlb, c->entry.domain, 0, IOVA_MAX);
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
		hw_iotlb_forget(&iommu->iotlb, ctx->domain, 0, IOVA_MAX);
	} else if (c) {
		port_map_erase(&dev->contexts, &c->node);
		port_free(c);
	}
out:
	port_rwsem_write_end(&iommu->in_flight);
	return err;
}

/*
 * There is no walk cache to forget: a walk begins at the root, every time. The
 * wait for DMA that is under way is the completion (VT-d: invalidation wait
 * with drain; AMD: COMPLETION_WAIT).
 */
void hw_invalidate(struct hw_iommu *iommu, u32 domain, u64 first, u64 last)
{
	u64 span = last - first;

	port_rwsem_write(&iommu->in_flight);
	hw_iotlb_forget(&iommu->iotlb, domain, first, last);
	port_rwsem_write_end(&iommu->in_flight);
	port_count(&iommu->count.invalidations, 1);
	port_count(&iommu->count.invalidated_bytes, span == IOVA_MAX ? span : span + 1);
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
