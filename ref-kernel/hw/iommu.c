/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A modelled IOMMU as its driver sees it: context entries and counters; its
 * invalidation queue is in queue.c, what DMA does with all that in dma.c.
 */
#include "iommu.h"

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
	*err = -ENOMEM;
	if (!iommu)
		return NULL;
	if (hw_cache_init(&iommu->iotlb, config->iotlb_sets, config->iotlb_ways))
		goto free;
	if (hw_cache_init_entries(&iommu->places, config->walk_entries))
		goto fini_iotlb;
	*err = 0;
	iommu->config = *config;
	iommu->walker = walker;
	port_mutex_init(&iommu->queue.lock);
	port_rwsem_init(&iommu->in_flight);
	return iommu;

fini_iotlb:
	hw_cache_fini(&iommu->iotlb);
free:
	port_free(iommu);
	return NULL;
}

void hw_iommu_destroy(struct hw_iommu *iommu)
{
	port_rwsem_destroy(&iommu->in_flight);
	port_mutex_destroy(&iommu->queue.lock);
	hw_cache_fini(&iommu->places);
	hw_cache_fini(&iommu->iotlb);
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
	if (dev->ats) {
		hw_queue_drain(dev->iommu); /* nothing on it names the device */
		hw_cache_fini(&dev->atc);
	}
	port_free(dev);
}

static struct context *find(struct hw_dev *dev, u32 pasid)
{
	struct port_node *node = port_map_ceil(&dev->contexts, pasid);

	return node && node->key == pasid ? port_container(node, struct context, node) : NULL;
}

/* A stream table entry has a descriptor for each PASID, its S1CDMax allowing. */
static bool serves_all(const struct hw_context *ctx)
{
	return ctx->stage1.kind == HW_STAGE1_CD && ctx->stage1.cds_lg2;
}

const struct hw_context *hw_context_find(struct hw_dev *dev, u32 pasid)
{
	struct context *c = find(dev, pasid);

	if (!c && pasid) {
		c = find(dev, 0);
		if (c && !serves_all(&c->entry))
			c = NULL;
	}
	return c ? &c->entry : NULL;
}

static void forget_domain(struct hw_iommu *iommu, u32 domain)
{
	hw_caches_forget(iommu, (struct hw_tag){ domain, HW_ANY, HW_ANY }, 0, ~0ULL, false);
}

int hw_context_set(struct hw_dev *dev, u32 pasid, const struct hw_context *ctx)
{
	struct hw_iommu *iommu = dev->iommu;
	struct context *c;
	bool all = ctx && serves_all(ctx);
	int err = 0;

	port_rwsem_write(&iommu->in_flight);
	c = find(dev, pasid);
	if (c) {
		all = all || serves_all(&c->entry);
		forget_domain(iommu, c->entry.domain);
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
		forget_domain(iommu, ctx->domain);
	} else if (c) {
		port_map_erase(&dev->contexts, &c->node);
		port_free(c);
	}
	hw_atc_reset(dev, all ? HW_ANY : pasid);
out:
	port_rwsem_write_end(&iommu->in_flight);
	return err;
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
	stats->walk_cache_hits += port_load(&count->place_hits);
	stats->walk_cache_misses += port_load(&count->place_misses);
	stats->atc_hits += port_load(&count->atc_hits);
	stats->atc_misses += port_load(&count->atc_misses);
	stats->atc_invalidations += port_load(&count->atc_invalidations);
	stats->waits += port_load(&count->waits);
}
