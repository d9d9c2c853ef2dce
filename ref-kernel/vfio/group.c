/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A group: each device is one. */
#include "device.h"

void *vfio_group_open(struct vfio_device *dev, int *err)
{
	(void)dev;
	*err = -EOPNOTSUPP;
	return NULL;
}

static void group_release(void *priv)
{
	(void)priv;
}

const struct port_fd_ops vfio_group_ops = { .release = group_release };
