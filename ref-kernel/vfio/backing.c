/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a device does DMA through: of an iommufd, or a container, that it is bound to, a
 * modelled device behind an IOMMU, or, of one that is software, an access (mdev.c).
 */
#include "device.h"

static struct device *plug_in(struct vfio_device *dev, struct iommufd_ctx *ctx, int *err)
{
	struct iodirty_plug plug = {
		.size = sizeof(plug),
		.flags = dev->plug.flags & IODIRTY_VFIO_NO_DIRTY ? IODIRTY_PLUG_NO_DIRTY : 0,
		.pasid_width = dev->plug.pasid ? port_lg2(dev->plug.pasid) + 1 :
						 dev->plug.pasid_width,
	};
	struct device *hw;

	memcpy(plug.format, dev->plug.format, sizeof(plug.format));
	hw = device_plug(ctx, &plug, 0, err);
	if (!hw)
		return NULL;
	object_publish(&hw->obj);
	object_hold(&hw->obj);
	hw_dev_stop(hw->hw, dev->stopped);
	if (dev->log)
		hw_dev_log(hw->hw, vfio_log_note, dev);
	return hw;
}

int vfio_backing_bind(struct vfio_device *dev, struct iommufd_ctx *ctx,
		      struct vfio_container *container)
{
	struct vfio_backing backing = { .ctx = ctx, .container = container };
	int err = 0;

	if (dev->plug.kind == IODIRTY_VFIO_MDEV)
		backing.mdev = vfio_mdev_create(ctx, container, &err);
	else
		backing.dev = plug_in(dev, ctx, &err);
	if (!backing.mdev && !backing.dev)
		return err;
	ctx_hold(ctx);
	port_rwsem_write(&dev->io);
	dev->backing = backing;
	port_rwsem_write_end(&dev->io);
	return 0;
}

void vfio_backing_unbind(struct vfio_device *dev)
{
	struct vfio_backing was = dev->backing;

	if (!was.ctx)
		return;
	port_rwsem_write(&dev->io);
	dev->backing = (struct vfio_backing){ 0 };
	port_rwsem_write_end(&dev->io);
	if (was.mdev)
		vfio_mdev_destroy(was.mdev);
	if (was.dev) {
		device_unplug(was.dev);
		object_put(&was.dev->obj);
	}
	ctx_put(was.ctx);
}

u32 vfio_backing_id(const struct vfio_device *dev)
{
	return dev->backing.mdev ? vfio_mdev_id(dev->backing.mdev) : dev->backing.dev->obj.id;
}

/* By the processor, page tables and IOMMU aside. */
static enum iodirty_fault access_dma(struct vfio_device *dev, bool write, u64 iova, void *buf,
				     u64 length)
{
	struct vfio_backing *backing = &dev->backing;
	int err;

	if (!vfio_mdev_attached(backing->mdev))
		return IODIRTY_FAULT_NOT_ATTACHED;
	if (!length)
		return IODIRTY_FAULT_NONE;
	if (write)
		vfio_log_note(dev, iova, length);
	err = vfio_mdev_rw(backing->mdev, iova, buf, length, write);
	if (err == -EPERM)
		return IODIRTY_FAULT_PERMISSION;
	if (err == -EFAULT)
		return IODIRTY_FAULT_MEMORY;
	if (err)
		return IODIRTY_FAULT_NOT_PRESENT;
	hw_recorder_note(backing->ctx->record,
			 backing->ctx->record_ids + vfio_mdev_id(backing->mdev), 0,
			 write ? IODIRTY_DMA_WRITE : IODIRTY_DMA_READ, iova, length);
	return IODIRTY_FAULT_NONE;
}

u64 vfio_dma(struct vfio_device *dev, u32 pasid, bool write, u64 iova, void *buf, u64 length,
	     struct hw_fault *fault)
{
	u64 moved = 0;

	*fault = (struct hw_fault){ .reason = IODIRTY_FAULT_NONE };
	port_rwsem_read(&dev->io);
	if (dev->stopped || !vfio_config_bus_master(&dev->config)) {
		fault->reason = IODIRTY_FAULT_STOPPED;
	} else if (!dev->backing.ctx) {
		fault->reason = IODIRTY_FAULT_NOT_ATTACHED;
	} else if (dev->backing.dev) {
		if (dev->plug.kind == IODIRTY_VFIO_MDEV_PASID)
			pasid = dev->plug.pasid;
		moved = hw_dma(dev->backing.dev->hw, pasid, write, iova, buf, length, fault);
	} else {
		fault->reason = access_dma(dev, write, iova, buf, length);
		moved = fault->reason == IODIRTY_FAULT_NONE ? length : 0;
	}
	port_rwsem_read_end(&dev->io);
	return moved;
}

void vfio_dma_stop(struct vfio_device *dev, bool stop)
{
	port_rwsem_write(&dev->io);
	dev->stopped = stop;
	if (dev->backing.dev)
		hw_dev_stop(dev->backing.dev->hw, stop);
	port_rwsem_write_end(&dev->io);
}
