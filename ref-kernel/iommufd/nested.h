/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Nested HWPTs, between nested.c and the kinds of them. */
#ifndef IODIRTY_IOMMUFD_NESTED_H
#define IODIRTY_IOMMUFD_NESTED_H

#include "core.h"

/* What a HWPT_ALLOC or an entry of a HWPT_INVALIDATE brings. */
union nested_data {
	struct iommu_hwpt_selftest mock;
	struct iommu_hwpt_invalidate_selftest mock_inv;
	struct iommu_hwpt_vtd_s1 vtd;
	struct iommu_hwpt_vtd_s1_invalidate vtd_inv;
	struct iommu_hwpt_arm_smmuv3 arm;
	struct iommu_viommu_arm_smmuv3_invalidate arm_inv;
};

/* What one IOMMU's driver takes for a stage 1. */
struct nested_kind {
	const char *parent; /* what the names of the parent's formats begin with */
	u32 data_type, min_len, max_len; /* a length outside is -EINVAL */
	u32 flags; /* of HWPT_ALLOC, besides FAULT_ID_VALID */
	/* Judge the data, and take it into @nested. What it lacks is 0. */
	int (*init)(struct nested *nested, const union nested_data *data);
	u32 inv_type, inv_len;
	int (*invalidate)(struct nested *nested, const union nested_data *entry);
};

extern const struct nested_kind nested_vtd, nested_arm;

/* Forget [first, last], the guest's addresses, in every IOMMU; and in the devices, which
 * must be the later one of the two. Complete on return. */
void nested_forget(struct nested *nested, u64 first, u64 last);
void nested_forget_devices(struct nested *nested, u64 first, u64 last);

#endif
