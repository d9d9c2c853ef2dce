/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Translations of whole leaves, as an IOTLB and a device's cache hold them. What
 * a DMA finds here it believes: nothing but an invalidation, or another leaf that
 * takes its place, takes an entry back.
 */
#include "iommu.h"

bool hw_iotlb_lookup(struct hw_cache *tlb, struct hw_tag tag, u64 iova, struct hw_xlate *x)
{
	struct hw_slot slot;

	if (!hw_cache_find(tlb, tag, iova, &slot))
		return false;
	*x = slot.leaf;
	x->pa += iova - x->iova_first;
	return true;
}

void hw_iotlb_fill(struct hw_cache *tlb, struct hw_tag tag, u64 iova, const struct hw_xlate *x)
{
	struct hw_slot slot = { .tag = tag, .first = x->iova_first, .lg2 = x->lg2, .leaf = *x };

	slot.leaf.pa -= iova - x->iova_first;
	hw_cache_fill(tlb, &slot);
}
