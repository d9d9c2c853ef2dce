/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "port.h"

static _Thread_local u32 left; /* fail points until the one that fails; 0: off */

u32 port_fail_set(u32 nth)
{
	u32 was = left;

	left = nth;
	return was;
}

bool port_fail(void)
{
	return left && !--left;
}
