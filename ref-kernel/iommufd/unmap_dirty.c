/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An unmap that loses no write: IODIRTY_UNMAP_DIRTY. */
#include "core.h"

int unmap_dirty_ioctl(struct ucmd *ucmd)
{
	(void)ucmd;
	return -EOPNOTSUPP;
}
