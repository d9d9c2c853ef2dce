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

/*
 * Set @bits, atomically, in an entry that a walk has read as @old. False when
 * the entry is no longer @old: somebody changed it, and the walk begins anew.
 */
static inline bool hw_entry_mark(u64 *entry, u64 old, u64 bits)
{
	return (old & bits) == bits || port_cmpxchg(entry, &old, old | bits);
}

#endif
