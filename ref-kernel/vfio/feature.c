/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* VFIO_DEVICE_FEATURE: what a device may have besides (drivers/vfio/vfio_main.c). */
#include "device.h"

long vfio_feature_ioctl(struct vfio_device *dev, u64 uptr)
{
	(void)dev;
	(void)uptr;
	return -ENOTTY;
}
