/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A request that ends inside a large leaf: the bitmap is written past its end. */
#include "kernel.h"

#define LEAF MOCK_HUGE_PAGE_SIZE

int main(void)
{
	static uint8_t bitmap[PAGE];
	uint32_t ioas = ioas_alloc(), dev, hwpt;
	uint8_t *mem =
		mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t last = sizeof(bitmap);
	int ret;

	/* The leaf takes memory in one piece. */
	mem = (uint8_t *)(((uintptr_t)mem + (2 << 20) - 1) & -(2ul << 20));
	must(madvise(mem, 2 << 20, MADV_HUGEPAGE), "no huge pages here");
	memset(mem, 1, 2 << 20);
	/* 7.2 has no such flag, and large leaves for all. */
	if (device(ioas, MOCK_FLAGS_DEVICE_HUGE_IOVA, NULL, &dev))
		must(device(ioas, 0, NULL, &dev), "a mock device");
	must(hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt), "IOMMU_HWPT_ALLOC");
	must(map(ioas, mem, LEAF, IOVA), "IOMMU_IOAS_MAP");
	must(track(hwpt, true), "IOMMU_HWPT_SET_DIRTY_TRACKING");
	mark(hwpt, IOVA);
	ret = get(hwpt, IOVA, 8 * PAGE, PAGE, bitmap);
	while (last && !bitmap[last - 1])
		last--;
	return shown(last > 1,
		     "8 pages of a leaf of 256: %d, and %zu bytes of the bitmap are written", ret,
		     last);
}
