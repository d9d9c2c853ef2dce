/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of a modelled IOMMU, between the files of hw/. */
#ifndef IODIRTY_HW_IOMMU_H
#define IODIRTY_HW_IOMMU_H

#include "hw/hw.h"

struct hw_iotlb_entry {
	bool valid;
	u32 domain;
	struct hw_xlate x; /* pa: of iova_first */
};

/*
 * A direct-mapped cache of leaves, whole ones, tagged by domain. What a DMA
 * finds here it believes: nothing but an invalidation takes an entry back.
 */
struct hw_iotlb {
	struct port_mutex lock; /* short: several DMAs look up and fill at once */
	struct hw_iotlb_entry *entries;
	unsigned int nr;
	u64 sizes; /* bit n: there may be a leaf of 2^n bytes */
};

/* -ENOMEM. @nr 0: it never holds anything. */
int hw_iotlb_init(struct hw_iotlb *tlb, unsigned int nr);
void hw_iotlb_fini(struct hw_iotlb *tlb);
bool hw_iotlb_lookup(struct hw_iotlb *tlb, u32 domain, u64 iova, struct hw_xlate *x);
/* @x: the translation of @iova; takes the place of what its slot held. */
void hw_iotlb_fill(struct hw_iotlb *tlb, u32 domain, u64 iova, const struct hw_xlate *x);
/* Every leaf of @domain that overlaps [first, last]. */
void hw_iotlb_forget(struct hw_iotlb *tlb, u32 domain, u64 first, u64 last);

/* As in struct iodirty_stats; port_count()ed. */
struct hw_counters {
	u64 dma_ops;
	u64 iotlb_hits, iotlb_misses;
	u64 walks, dirty_sets;
	u64 invalidations, invalidated_bytes;
};

struct hw_iommu {
	struct hw_iommu_config config;
	const struct hw_walker *walker;
	/*
	 * Held for read from the translation of one part of a DMA to its last
	 * byte; for write to change contexts and to invalidate. So whoever gets
	 * it for write has waited for all that used the old translations.
	 */
	struct port_rwsem in_flight;
	struct hw_iotlb iotlb;
	struct hw_counters count;
};

struct hw_dev {
	struct hw_iommu *iommu;
	struct port_map contexts; /* by PASID, under iommu->in_flight */
};

/* What (@dev, @pasid) translates through; NULL: nothing. in_flight is held. */
const struct hw_context *hw_context_find(struct hw_dev *dev, u32 pasid);

/* ---- for walkers (walk.c) ---- */

/* Where to begin: @at names the root; it may be moved down to a table that a walk
 * cache knows. */
void hw_walk_begin(struct hw_walk *w, struct hw_place *at);
/* The walk goes down to @at. */
void hw_walk_down(struct hw_walk *w, const struct hw_place *at);
/* Entry @index of the table at address @table: NULL with w->fault set if that cannot
 * be reached. */
u64 *hw_walk_entry(struct hw_walk *w, u64 table, u64 index);

/*
 * Make what a walk has read in @entry as @old into @new, in one atomic operation.
 * False: it is not @old any more, and the walk begins anew; or it cannot be written,
 * as w->fault says then.
 */
bool hw_walk_mark(struct hw_walk *w, u64 *entry, u64 old, u64 new);

#endif
