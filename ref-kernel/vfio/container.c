/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A container: groups that share one address space, of an IOMMU driver. */
#include "device.h"

void *vfio_container_open(int *err)
{
	*err = -EOPNOTSUPP;
	return NULL;
}

static void container_release(void *priv)
{
	(void)priv;
}

const struct port_fd_ops vfio_container_ops = { .release = container_release };
