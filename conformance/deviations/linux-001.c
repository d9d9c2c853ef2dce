/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A hole in the range ends the harvest, without a word: what lies behind it is not read. */
#include "kernel.h"

int main(void)
{
	uint8_t bitmap = 0;
	uint32_t ioas, hwpt = tracked(1, &ioas);
	int ret;

	/* Page 0 is mapped, 1 is a hole, 2 is mapped and written to. */
	must(map(ioas, mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		 PAGE, IOVA + 2 * PAGE),
	     "IOMMU_IOAS_MAP");
	mark(hwpt, IOVA + 2 * PAGE);
	ret = get(hwpt, IOVA, 3 * PAGE, PAGE, &bitmap);
	return shown(!ret && !(bitmap & 4), "a harvest over a hole returns %d, bitmap %#x", ret,
		     bitmap);
}
