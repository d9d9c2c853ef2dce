/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reserved fields that are not zero are not refused. */
#include "kernel.h"

int main(void)
{
	uint32_t ioas, hwpt = tracked(1, &ioas);
	struct iommu_hwpt_set_dirty_tracking arg = { .size = sizeof(arg),
						     .hwpt_id = hwpt,
						     .__reserved = 1 };
	int ret = call(IOMMU_HWPT_SET_DIRTY_TRACKING, &arg);

	return shown(!ret, "SET_DIRTY_TRACKING with __reserved 1 returns %d", ret);
}
