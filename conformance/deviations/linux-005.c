/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A page_size that is no power of two: bits by its lowest one, far beyond the bitmap. */
#include "kernel.h"

int main(void)
{
	/* 6 bytes of IOVA a bit, as page_size 6 says, are 2048 bits of 12288 bytes of IOVA. */
	static uint8_t bitmap[PAGE];
	uint32_t ioas, hwpt = tracked(3, &ioas);
	const size_t size = 3 * PAGE / 6 / 8;
	size_t last = sizeof(bitmap);
	int ret;

	for (int i = 0; i < 3; i++)
		mark(hwpt, IOVA + i * PAGE);
	ret = get(hwpt, IOVA, 3 * PAGE, 6, bitmap);
	while (last && !bitmap[last - 1])
		last--;
	return shown(!ret, "page_size 6 returns %d; of a bitmap of %zu bytes, %zu are written", ret,
		     size, last);
}
