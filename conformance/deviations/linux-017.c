/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A request that begins at the last entry of a leaf never ends. */
#include "kernel.h"

int main(void)
{
	uint8_t bitmap = 0;
	uint32_t ioas, hwpt = tracked(1, &ioas);
	int ret;

	mark(hwpt, IOVA);
	ret = get(hwpt, IOVA + GRANULE, GRANULE, GRANULE, &bitmap);
	return shown(false, "the second half of a page: %d", ret);
}
