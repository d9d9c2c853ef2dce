/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Migration states of a device: VFIO_DEVICE_FEATURE_MIGRATION, version 2. */
#include "device.h"

int vfio_mig_create(struct vfio_device *dev)
{
	(void)dev;
	return 0;
}

void vfio_mig_destroy(struct vfio_device *dev)
{
	(void)dev;
}

void vfio_mig_reset(struct vfio_device *dev)
{
	(void)dev;
}
