/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Enabling what is on already throws away what was not yet reported. */
#include "kernel.h"

int main(void)
{
	uint8_t bitmap = 0;
	uint32_t ioas, hwpt = tracked(1, &ioas);

	mark(hwpt, IOVA);
	must(track(hwpt, true), "IOMMU_HWPT_SET_DIRTY_TRACKING");
	must(get(hwpt, IOVA, PAGE, PAGE, &bitmap), "IOMMU_HWPT_GET_DIRTY_BITMAP");
	return shown(!bitmap, "written, enabled again, harvested: bitmap %#x", bitmap);
}
