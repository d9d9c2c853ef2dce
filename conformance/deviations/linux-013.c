/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A length of zero is told of as an overflow; at IOVA 0 it means everything. */
#include "kernel.h"

int main(void)
{
	uint8_t bitmap = 0;
	uint32_t ioas, hwpt = tracked(1, &ioas);
	int ret = get(hwpt, IOVA, 0, PAGE, &bitmap);

	return shown(ret != -EINVAL, "a harvest of no bytes returns %d", ret);
}
