/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of caches and of devices with caches share: rigs with caches of
 * any size, accesses by PASID, and how many walks something took. */
#ifndef IODIRTY_UNIT_HW_CACHES_H
#define IODIRTY_UNIT_HW_CACHES_H

#include "hw_rig.h"

struct caches {
	unsigned int sets, ways, walk_entries;
	bool pasid_tagged;
	const struct hw_ats *ats; /* the device's */
};

#define setup_caches(k, ...) setup_caches_as(k, &(struct caches){ __VA_ARGS__ })
static inline struct rig *setup_caches_as(const struct kind *k, const struct caches *c)
{
	struct rig *r = setup(k, 0);
	int err = 0;

	ck_assert_int_eq(hw_context_set(r->dev, 0, NULL), 0);
	hw_dev_destroy(r->dev);
	hw_iommu_destroy(r->iommu);
	r->config.iotlb_sets = c->sets;
	r->config.iotlb_ways = c->ways;
	r->config.walk_entries = c->walk_entries;
	r->config.pasid_tagged = c->pasid_tagged;
	r->iommu = hw_iommu_create(&r->config, &err);
	ck_assert_ptr_nonnull(r->iommu);
	r->dev = hw_dev_create(r->iommu);
	if (c->ats)
		ck_assert_int_eq(hw_dev_ats(r->dev, c->ats), 0);
	attach(r, true);
	return r;
}

/* Bytes of the smallest leaf. */
static inline u64 leaf(const struct rig *r)
{
	return 1ULL << r->k->granule_lg2;
}

/* The context of @pasid: @domain, the rig's tables. */
static inline void attach_pasid(struct rig *r, u32 pasid, u32 domain)
{
	struct hw_context ctx = { .root_phys = port_table_phys(r->root),
				  .domain = domain,
				  .dirty = true };

	ck_assert_int_eq(hw_context_set(r->dev, pasid, &ctx), 0);
}

static inline enum iodirty_fault touch_pasid(struct rig *r, u32 pasid, bool write, u64 iova)
{
	struct hw_fault fault;
	u64 v = 0;

	hw_dma(r->dev, pasid, write, iova, &v, 8, &fault);
	return fault.reason;
}

/* Did this access, which has no fault, take a walk? */
static inline bool walks(struct rig *r, u32 pasid, bool write, u64 iova)
{
	u64 before = stats(r).walks;

	ck_assert_int_eq(touch_pasid(r, pasid, write, iova), IODIRTY_FAULT_NONE);
	return stats(r).walks != before;
}

#define issue(r, ...) hw_inv_issue((r)->iommu, &(struct hw_inv){ __VA_ARGS__ })

#endif
