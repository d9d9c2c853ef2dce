/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>

#include "iommufd/iommufd.h"
#include "node.h"
#include "vfio/vfio.h"

#define DEVICES_MAX 64

static const char *test_format;
static enum iodirty_split_policy split_policy;
static struct iommufd_ctx *recorder; /* NULL: nobody asked for a record */
static _Atomic unsigned int n_opened;
/* Complete before the first open; they stay as long as this process. */
static struct vfio_device *devices[DEVICES_MAX];
static unsigned int n_devices;

void node_defaults(const char *format, enum iodirty_split_policy split)
{
	test_format = format;
	split_policy = split;
}

int node_plug(const struct iodirty_vfio_plug *plug)
{
	int err;

	if (n_devices == DEVICES_MAX)
		return -ENOSPC;
	devices[n_devices] = vfio_device_create(plug, &err);
	if (!devices[n_devices])
		return err;
	n_devices++;
	return 0;
}

int node_record(struct iodirty_record *r)
{
	if (!recorder)
		recorder = iommufd_open();
	return recorder ? (int)iommufd_ioctl(recorder, IODIRTY_RECORD, (uintptr_t)r) : -ENOMEM;
}

static void *iommu_open(int *err)
{
	struct iommufd_ctx *ctx = iommufd_open();

	*err = -ENOMEM;
	if (ctx) {
		iommufd_set_test_format(ctx, test_format);
		iommufd_set_split(ctx, split_policy);
		if (recorder)
			iommufd_record_by(ctx, recorder, ++n_opened << 16);
	}
	return ctx;
}

static void *vfio_open(enum iodirty_vfio_node node, u64 number, const struct port_fd_ops **ops,
		       int *err)
{
	struct vfio_device *dev = NULL;

	*err = -ENOENT;
	if (node != IODIRTY_VFIO_CONTAINER) {
		if (number >= n_devices)
			return NULL;
		dev = devices[number];
	}
	*ops = vfio_node_ops(node);
	return vfio_node_open(dev, node, err);
}

void *node_open(const struct wire *w, const struct port_fd_ops **ops, int *err)
{
	switch (w->cmd) {
	case WIRE_IOMMU:
		*ops = &iommufd_fd_ops;
		return iommu_open(err);
	case WIRE_VFIO_DEVICE:
		return vfio_open(IODIRTY_VFIO_DEVICE, w->arg, ops, err);
	case WIRE_VFIO_GROUP:
		return vfio_open(IODIRTY_VFIO_GROUP, w->arg, ops, err);
	case WIRE_VFIO_CONTAINER:
		return vfio_open(IODIRTY_VFIO_CONTAINER, w->arg, ops, err);
	}
	*err = -EINVAL;
	return NULL;
}
