/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* VFIO devices, as a driver in user space has them: by descriptor, and by registers. */
#include <inttypes.h>

#include "ct.h"

enum {
	CONFIG_COMMAND = 4, /* PCI 3.0, 6.2.2 */
	BUS_MASTER = 1 << 2,
	FEATURE_MAX = 64, /* bytes of the largest feature's struct, and more */
};

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
	struct vfio_device_bind_iommufd arg = {
		.argsz = offsetof(struct vfio_device_bind_iommufd, token_uuid_ptr),
		.iommufd = ct.t->fd,
	};
	int ret = ct_fd_ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg);

	if (!ret)
		*dev = arg.out_devid;
	return ret;
}

static int attach(int fd, u32 flags, u32 pasid, u32 pt, u32 *hwpt)
{
	struct vfio_device_attach_iommufd_pt arg = {
		.argsz = flags ? sizeof(arg) :
				 offsetof(struct vfio_device_attach_iommufd_pt, pasid),
		.flags = flags,
		.pt_id = pt,
		.pasid = pasid,
	};
	int ret = ct_fd_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg);

	if (!ret && hwpt)
		*hwpt = arg.pt_id;
	return ret;
}

int ct_vfio_attach(int fd, u32 pt, u32 *hwpt)
{
	return attach(fd, 0, 0, pt, hwpt);
}

int ct_vfio_attach_pasid(int fd, u32 pasid, u32 pt)
{
	return attach(fd, VFIO_DEVICE_ATTACH_PASID, pasid, pt, NULL);
}

static int detach(int fd, u32 flags, u32 pasid)
{
	struct vfio_device_detach_iommufd_pt arg = {
		.argsz = flags ? sizeof(arg) :
				 offsetof(struct vfio_device_detach_iommufd_pt, pasid),
		.flags = flags,
		.pasid = pasid,
	};

	return ct_fd_ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}

int ct_vfio_detach(int fd)
{
	return detach(fd, 0, 0);
}

int ct_vfio_detach_pasid(int fd, u32 pasid)
{
	return detach(fd, VFIO_DEVICE_DETACH_PASID, pasid);
}

int ct_vfio_feature(int fd, u32 flags, void *data, u32 size)
{
	struct {
		struct vfio_device_feature head;
		_Alignas(8) u8 data[FEATURE_MAX];
	} arg = { .head = { .argsz = sizeof(arg.head) + size, .flags = flags } };
	int ret;

	ct_check(size <= sizeof(arg.data), "a feature of %u bytes", size);
	if (size)
		memcpy(arg.data, data, size);
	ret = ct_fd_ioctl(fd, VFIO_DEVICE_FEATURE, &arg);
	if (!ret && size)
		memcpy(data, arg.data, size);
	return ret;
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

/* Where region @index begins in the descriptor. */
static u64 region(int fd, u32 index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	x(ct_fd_ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info));
	return info.offset;
}

static void move(int fd, bool write, u64 pos, void *buf, size_t size)
{
	const struct target_driver *driver = ct.t->driver;
	int64_t n = write ? driver->fd_write(ct.t, fd, buf, size, pos) :
			    driver->fd_read(ct.t, fd, buf, size, pos);

	ct_check(n == (int64_t)size, "%s %zu bytes at %#" PRIx64 ": %s", write ? "write" : "read",
		 size, pos, n < 0 ? ct_errno_name((int)n) : "not all");
}

u64 ct_bar_read(int fd, u32 reg)
{
	u64 value;

	move(fd, false, region(fd, VFIO_PCI_BAR0_REGION_INDEX) + reg, &value, sizeof(value));
	return value;
}

void ct_bar_write(int fd, u32 reg, u64 value)
{
	move(fd, true, region(fd, VFIO_PCI_BAR0_REGION_INDEX) + reg, &value, sizeof(value));
}

void ct_vfio_bus_master(int fd, bool on)
{
	u64 at = region(fd, VFIO_PCI_CONFIG_REGION_INDEX) + CONFIG_COMMAND;
	u16 command;

	move(fd, false, at, &command, sizeof(command));
	command = on ? command | BUS_MASTER : command & ~BUS_MASTER;
	move(fd, true, at, &command, sizeof(command));
}

int ct_vfio_write_pasid(int fd, u32 pasid, u64 iova, const void *data, u32 length)
{
	ct_check(length <= IODIRTY_BAR_BUFFER_SIZE, "%u bytes at once", length);
	move(fd, true, region(fd, VFIO_PCI_BAR0_REGION_INDEX) + IODIRTY_BAR_BUFFER, (void *)data,
	     length);
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
	ct_bar_write(fd, IODIRTY_BAR_GEN_IOVA, s->iova);
	ct_bar_write(fd, IODIRTY_BAR_GEN_LENGTH, s->length);
	ct_bar_write(fd, IODIRTY_BAR_GEN_STRIDE, s->stride);
	ct_bar_write(fd, IODIRTY_BAR_GEN_SEED, s->seed);
	ct_bar_write(fd, IODIRTY_BAR_GEN_RATE, s->rate);
	ct_bar_write(fd, IODIRTY_BAR_GEN_COUNT, s->count);
	ct_bar_write(fd, IODIRTY_BAR_GEN_PATTERN, s->pattern);
	ct_bar_write(fd, IODIRTY_BAR_GEN_PASID, s->pasid);
	ct_bar_write(fd, IODIRTY_BAR_GEN_CONTROL, 1);
	ct_check(ct_bar_read(fd, IODIRTY_BAR_GEN_CONTROL), "the generator does not start");
}

u64 ct_vfio_generated(int fd)
{
	return ct_bar_read(fd, IODIRTY_BAR_GEN_COMPLETED);
}

u64 ct_vfio_generate_stop(int fd)
{
	ct_bar_write(fd, IODIRTY_BAR_GEN_CONTROL, 0);
	return ct_vfio_generated(fd);
}
