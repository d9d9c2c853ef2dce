/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of chapter ATTACH share: more devices, more HWPTs, and faults. */
#ifndef IODIRTY_TESTS_ATTACH_H
#define IODIRTY_TESTS_ATTACH_H

#include "ct.h"

static inline const char *tracks_pasids(const struct ct_config *config)
{
	return config->format.flags & IODIRTY_FORMAT_DIRTY_PASID ?
		       NULL :
		       "the format tracks no table that serves PASIDs";
}

/* A clearing harvest of all of @s, in granules, is the truth. */
static inline void expect_all(struct scene *s)
{
	scene_expect(s, 0, s->length, s->granule);
}

/* The same HWPT, IOAS and truth, seen by another device: plugged, not attached. */
static inline struct scene second_device(const struct scene *s, u32 pasid_width)
{
	struct scene second = *s;

	x(ct_plug_pasid(0, pasid_width, &second.dev));
	return second;
}

/* Another dirty HWPT over the same IOAS, with a truth of its own. Tracking is off. */
static inline struct scene second_hwpt(const struct scene *s, u32 flags)
{
	struct scene second = *s;

	second.truth = ct_shadow_new(s->iova, s->length, s->granule, s->reach);
	x(ct_hwpt_alloc(s->dev, s->ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING | flags, &second.hwpt));
	return second;
}

/* An IOAS that maps other memory at the scene's IOVAs. */
static inline u8 *second_ioas(const struct scene *s, u32 *ioas)
{
	u8 *mem = ct_memory(s->length, s->leaf < 4096 ? 4096 : 2 * s->leaf, s->leaf);

	x(ct_ioas_alloc(ioas));
	x(ct_map(*ioas, mem, s->length, s->iova));
	return mem;
}

/*
 * (dev, pasid) reaches nothing at the scene's IOVAs: its write faults and @mem
 * keeps its byte. Where DMA is only marked there is nothing to see.
 */
static inline void expect_fault(const struct scene *s, u32 dev, u32 pasid)
{
	u8 before = s->mem[1], byte = before + 1;

	if (!(ct.t->caps & TARGET_DMA))
		return;
	x_err(EFAULT, ct_dma_write(dev, pasid, s->iova + 1, &byte, 1));
	ct_check(s->mem[1] == before, "a write that faulted changed memory from %#x to %#x", before,
		 s->mem[1]);
}

/* A write by (dev, pasid) at @offset arrives in @mem, and not in @not. */
static inline void expect_lands(const struct scene *s, u32 dev, u32 pasid, u64 offset,
				const u8 *mem, const u8 *elsewhere)
{
	u8 byte = mem[offset] + 1, other = elsewhere ? elsewhere[offset] : 0;

	x(ct_dma_write(dev, pasid, s->iova + offset, &byte, 1));
	ct_check(mem[offset] == byte, "the write at %#llx is not where it belongs",
		 (unsigned long long)(s->iova + offset));
	ct_check(!elsewhere || elsewhere[offset] == other,
		 "the write at %#llx went to another IOAS's memory",
		 (unsigned long long)(s->iova + offset));
}

#endif
