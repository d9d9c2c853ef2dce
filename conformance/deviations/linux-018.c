/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A device that cannot track joins a HWPT that tracks, by PASID. */
#include "kernel.h"

int main(void)
{
	uint32_t ioas = ioas_alloc(), able, unable, stdev, own, hwpt;
	const uint32_t flags = IOMMU_HWPT_ALLOC_PASID;
	struct iommu_test_cmd cmd = { .size = sizeof(cmd) };
	int ret;

	must(device(ioas, MOCK_FLAGS_DEVICE_PASID, NULL, &able), "a mock device with PASIDs");
	must(device(ioas, MOCK_FLAGS_DEVICE_PASID | MOCK_FLAGS_DEVICE_NO_DIRTY, &stdev, &unable),
	     "a mock device that cannot track");
	must(hwpt_alloc(able, ioas, flags | IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt),
	     "IOMMU_HWPT_ALLOC");
	must(track(hwpt, true), "IOMMU_HWPT_SET_DIRTY_TRACKING");
	/* Its own requests go through a table that knows PASIDs, too. */
	must(hwpt_alloc(unable, ioas, flags, &own), "IOMMU_HWPT_ALLOC");
	cmd.op = IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE;
	cmd.id = stdev;
	cmd.mock_domain_replace.pt_id = own;
	must(call(IOMMU_TEST_CMD, &cmd), "IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE");
	cmd.op = IOMMU_TEST_OP_PASID_ATTACH;
	cmd.pasid_attach.pasid = 5;
	cmd.pasid_attach.pt_id = hwpt;
	ret = call(IOMMU_TEST_CMD, &cmd);
	cmd.op = IOMMU_TEST_OP_PASID_DETACH;
	call(IOMMU_TEST_CMD, &cmd);
	return shown(!ret, "a NO_DIRTY device attaches PASID 5 to a HWPT that tracks: %d", ret);
}
