/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of chapter NEST share: nested HWPTs of the mock's kind. */
#ifndef IODIRTY_TESTS_NEST_H
#define IODIRTY_TESTS_NEST_H

#include "attach.h"

/* The one kind of nested HWPT that can be described without a guest's tables. */
static inline const char *is_mock(const struct ct_config *config)
{
	return strcmp(config->format.name, "mock") ?
		       "nested HWPTs are described for the mock only" :
		       NULL;
}

/* HWPT_ALLOC with all its fields. */
static inline int hwpt_alloc_data(u32 dev, u32 pt, u32 flags, u32 fault_id, u32 type,
				  const void *data, u32 len, u32 *hwpt)
{
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = flags,
		.dev_id = dev,
		.pt_id = pt,
		.data_type = type,
		.data_len = len,
		.data_uptr = (uintptr_t)data,
		.fault_id = fault_id,
	};
	int ret = ct_ioctl(IOMMU_HWPT_ALLOC, &arg);

	*hwpt = ret ? 0 : arg.out_hwpt_id;
	return ret;
}

static inline int nested_alloc(u32 dev, u32 parent, u32 flags, u32 fault_id, u32 *hwpt)
{
	/* All that 6.12 knows; longer data is EINVAL there. */
	const u32 iotlb = IOMMU_TEST_IOTLB_DEFAULT;

	return hwpt_alloc_data(dev, parent, flags, fault_id, IOMMU_HWPT_DATA_SELFTEST, &iotlb,
			       sizeof(iotlb), hwpt);
}

/* HWPT_INVALIDATE; *@num comes back also with an error. */
static inline int invalidate(u32 hwpt, u32 type, const void *entries, u32 len, u32 *num)
{
	struct iommu_hwpt_invalidate arg = {
		.size = sizeof(arg),
		.hwpt_id = hwpt,
		.data_uptr = (uintptr_t)entries,
		.data_type = type,
		.entry_len = len,
		.entry_num = *num,
	};
	int ret = ct_ioctl(IOMMU_HWPT_INVALIDATE, &arg);

	*num = arg.entry_num;
	return ret;
}

/* A scene whose HWPT is a parent: nothing is attached yet, tracking is off. */
#define scene_open_parent(s, ...)                                                    \
	scene_open(s, .hwpt_flags = IOMMU_HWPT_ALLOC_NEST_PARENT, .no_attach = true, \
		   .no_enable = true, ##__VA_ARGS__)

#endif
