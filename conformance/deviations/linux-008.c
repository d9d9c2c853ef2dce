/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A device that cannot track joins a nested HWPT over a parent that does. */
#include "kernel.h"

int main(void)
{
	struct iommu_hwpt_selftest data = { .iotlb = IOMMU_TEST_IOTLB_DEFAULT };
	uint32_t ioas = ioas_alloc(), dev, parent, stdev;
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.data_type = IOMMU_HWPT_DATA_SELFTEST,
		.data_len = sizeof(data.iotlb),
		.data_uptr = (uintptr_t)&data,
	};
	int ret;

	must(device(ioas, 0, NULL, &dev), "IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS");
	must(hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_NEST_PARENT,
			&parent),
	     "IOMMU_HWPT_ALLOC");
	must(track(parent, true), "IOMMU_HWPT_SET_DIRTY_TRACKING");
	arg.dev_id = dev;
	arg.pt_id = parent;
	must(call(IOMMU_HWPT_ALLOC, &arg), "IOMMU_HWPT_ALLOC, nested");
	ret = device(arg.out_hwpt_id, MOCK_FLAGS_DEVICE_NO_DIRTY, &stdev, NULL);
	return shown(!ret, "a NO_DIRTY device attaches below a parent that tracks: %d", ret);
}
