/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was written while tracking was on is not to be had once it is off. */
#include "kernel.h"

int main(void)
{
	uint8_t bitmap = 0;
	uint32_t ioas, hwpt = tracked(1, &ioas);
	int ret;

	mark(hwpt, IOVA);
	must(track(hwpt, false), "IOMMU_HWPT_SET_DIRTY_TRACKING");
	ret = get(hwpt, IOVA, PAGE, PAGE, &bitmap);
	return shown(!ret && !bitmap, "written, disabled, harvested: %d, bitmap %#x", ret, bitmap);
}
