/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a home calls: the VFIO devices of the modelled machine, and their nodes.
 */
#ifndef IODIRTY_VFIO_H
#define IODIRTY_VFIO_H

#include "abi/iodirty.h"
#include "port.h"

struct vfio_device;

/* NULL with *@err: abi/iodirty.h says which. */
struct vfio_device *vfio_device_create(const struct iodirty_vfio_plug *plug, int *err);
/* Surprise removal, whatever is open; the creator's reference goes. */
void vfio_device_remove(struct vfio_device *dev);

/*
 * Open a node: the private data of a descriptor to be installed with
 * vfio_node_ops(@node), whose release ends it. NULL with *@err -ENODEV (removed), -EBUSY, -ENOMEM,
 * -EINVAL (no such node). @dev is NULL for a container.
 */
void *vfio_node_open(struct vfio_device *dev, enum iodirty_vfio_node node, int *err);
const struct port_fd_ops *vfio_node_ops(enum iodirty_vfio_node node);

#endif
