/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last part of a leaf of several entries is not reported, and is made clean. */
#include "kernel.h"

int main(void)
{
	uint8_t first = 0, second = 0;
	uint32_t ioas, hwpt = tracked(1, &ioas);

	/* A page is two granules of the mock: one leaf of two entries. */
	mark(hwpt, IOVA);
	must(get(hwpt, IOVA, PAGE, GRANULE, &first), "IOMMU_HWPT_GET_DIRTY_BITMAP");
	must(get(hwpt, IOVA, PAGE, GRANULE, &second), "IOMMU_HWPT_GET_DIRTY_BITMAP");
	return shown(first != 3 && !(second & 2),
		     "both halves of a page are written; the bitmap is %#x, the next one %#x",
		     first, second);
}
