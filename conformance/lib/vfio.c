/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* VFIO devices, as a driver in user space has them: vfio_client.h, of ct.t. */
#include "ct.h"
#include "vfio_client.h"

int ct_vfio_plug(const struct iodirty_vfio_plug *like, u32 *id)
{
	struct iodirty_vfio_plug plug = *like;
	int ret;

	memcpy(plug.format, ct.config.format.name, sizeof(plug.format));
	ret = ct.t->driver->vfio_plug(ct.t, &plug);
	if (!ret)
		*id = plug.out_vfio_id;
	return ret;
}

int ct_vfio_unplug(u32 id)
{
	return ct.t->driver->vfio_unplug(ct.t, id);
}

int ct_vfio_open(u32 node, u32 id)
{
	return ct.t->driver->vfio_open(ct.t, node, id);
}

int ct_fd_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ct.t->driver->fd_ioctl(ct.t, fd, cmd, arg);
}

int ct_vfio_bind(int fd, u32 *dev)
{
	return vfioc_bind(ct.t, fd, dev);
}

int ct_vfio_attach(int fd, u32 pt, u32 *hwpt)
{
	return vfioc_attach(ct.t, fd, 0, 0, pt, hwpt);
}

int ct_vfio_attach_pasid(int fd, u32 pasid, u32 pt)
{
	return vfioc_attach(ct.t, fd, VFIO_DEVICE_ATTACH_PASID, pasid, pt, NULL);
}

int ct_vfio_detach(int fd)
{
	return vfioc_detach(ct.t, fd, 0, 0);
}

int ct_vfio_detach_pasid(int fd, u32 pasid)
{
	return vfioc_detach(ct.t, fd, VFIO_DEVICE_DETACH_PASID, pasid);
}

int ct_vfio_feature(int fd, u32 flags, void *data, u32 size)
{
	return vfioc_feature(ct.t, fd, flags, data, size);
}

int ct_vfio_device(const struct iodirty_vfio_plug *like, u32 *id)
{
	u32 dev;
	int fd;

	x(ct_vfio_plug(like, id));
	fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, *id);
	ct_check(fd >= 0, "the device's node: %s", ct_errno_name(fd));
	x(ct_vfio_bind(fd, &dev));
	ct_vfio_bus_master(fd, true);
	return fd;
}

u64 ct_bar_read(int fd, u32 reg)
{
	uint64_t value;

	x(vfioc_bar_read(ct.t, fd, reg, &value));
	return value;
}

void ct_bar_write(int fd, u32 reg, u64 value)
{
	x(vfioc_bar_write(ct.t, fd, reg, value));
}

void ct_vfio_bus_master(int fd, bool on)
{
	x(vfioc_bus_master(ct.t, fd, on));
}

int ct_vfio_write_pasid(int fd, u32 pasid, u64 iova, const void *data, u32 length)
{
	ct_check(length <= IODIRTY_BAR_BUFFER_SIZE, "%u bytes at once", length);
	x(vfioc_buffer_write(ct.t, fd, data, length));
	ct_bar_write(fd, IODIRTY_BAR_DMA_SOURCE, IODIRTY_BAR_BUFFER);
	ct_bar_write(fd, IODIRTY_BAR_DMA_DESTINATION, iova);
	ct_bar_write(fd, IODIRTY_BAR_DMA_COUNT, length);
	ct_bar_write(fd, IODIRTY_BAR_DMA_PASID, pasid);
	ct_bar_write(fd, IODIRTY_BAR_DMA_COMMAND, 3);
	return ct_bar_read(fd, IODIRTY_BAR_DMA_FAULT) == IODIRTY_FAULT_NONE ? 0 : -EFAULT;
}

int ct_vfio_write(int fd, u64 iova, const void *data, u32 length)
{
	return ct_vfio_write_pasid(fd, 0, iova, data, length);
}

static int pin(int fd, bool on, u64 iova, u64 length)
{
	ct_bar_write(fd, IODIRTY_BAR_PIN_IOVA, iova);
	ct_bar_write(fd, IODIRTY_BAR_PIN_LENGTH, length);
	ct_bar_write(fd, IODIRTY_BAR_PIN_CONTROL, on);
	return -(int)ct_bar_read(fd, IODIRTY_BAR_PIN_ERROR);
}

int ct_vfio_pin(int fd, u64 iova, u64 length)
{
	return pin(fd, true, iova, length);
}

int ct_vfio_unpin(int fd, u64 iova, u64 length)
{
	return pin(fd, false, iova, length);
}

void ct_vfio_generate(int fd, const struct iodirty_stream_start *s)
{
	x(vfioc_generate(ct.t, fd, s));
}

u64 ct_vfio_generated(int fd)
{
	uint64_t completed;

	x(vfioc_generated(ct.t, fd, &completed));
	return completed;
}

u64 ct_vfio_generate_stop(int fd)
{
	uint64_t completed;

	x(vfioc_generate_stop(ct.t, fd, &completed));
	return completed;
}
