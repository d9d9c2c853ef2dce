/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* HWPT_INVALIDATE of a HWPT that is no nested one: an errno of its own. */
#include "kernel.h"

int main(void)
{
	uint32_t ioas, hwpt = tracked(1, &ioas);
	struct iommu_hwpt_invalidate arg = {
		.size = sizeof(arg),
		.hwpt_id = hwpt,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
		.entry_len = sizeof(struct iommu_hwpt_invalidate_selftest),
	};
	int ret = call(IOMMU_HWPT_INVALIDATE, &arg);

	return shown(ret == -EINVAL, "HWPT_INVALIDATE of a paging HWPT returns %d", ret);
}
