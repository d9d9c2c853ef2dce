/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The cache of places in tables (VT-d 6.2: paging-structure caches; AMD's page
 * directory cache; Arm's walk cache). A walk that begins from such a place reads
 * none of the entries above it again: what software has since written there it
 * does not see, and A is not set in them again.
 */
#include "iommu.h"

void hw_walk_begin(struct hw_walk *w, struct hw_place *at)
{
	struct hw_iommu *iommu = w->iommu;
	struct hw_slot slot;

	if (!iommu)
		return;
	/* The smallest block that holds the address is the deepest table. */
	if (hw_cache_find(&iommu->places, w->tag, w->iova, &slot)) {
		port_count(&iommu->count.place_hits, 1);
		*at = slot.place;
	} else {
		port_count(&iommu->count.place_misses, 1);
	}
}

void hw_walk_down(struct hw_walk *w, const struct hw_place *at)
{
	struct hw_slot slot = { .tag = w->tag, .lg2 = at->lg2, .place = *at };

	if (!w->iommu)
		return;
	slot.first = at->lg2 < 64 ? w->iova & ~((1ULL << at->lg2) - 1) : 0;
	hw_cache_fill(&w->iommu->places, &slot);
}
