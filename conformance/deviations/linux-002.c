/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A bitmap that cannot be written is no error, and the dirty bits are gone. */
#include "kernel.h"

int main(void)
{
	uint8_t bitmap = 0;
	uint32_t ioas, hwpt = tracked(1, &ioas);
	int bad, good;

	mark(hwpt, IOVA);
	bad = get(hwpt, IOVA, PAGE, PAGE, NULL);
	good = get(hwpt, IOVA, PAGE, PAGE, &bitmap);
	return shown(!bad && !good && !bitmap,
		     "a harvest into NULL returns %d; the next one %d, with bitmap %#x", bad, good,
		     bitmap);
}
