/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "vfio_client.h"

enum {
	CONFIG_COMMAND = 4, /* PCI 3.0, 6.2.2 */
	BUS_MASTER = 1 << 2,
	FEATURE_MAX = 64, /* bytes of the largest feature's struct, and more */
};

int vfioc_bind(struct target *t, int fd, uint32_t *dev)
{
	struct vfio_device_bind_iommufd arg = {
		.argsz = offsetof(struct vfio_device_bind_iommufd, token_uuid_ptr),
		.iommufd = t->fd,
	};
	int ret = t->driver->fd_ioctl(t, fd, VFIO_DEVICE_BIND_IOMMUFD, &arg);

	if (!ret)
		*dev = arg.out_devid;
	return ret;
}

int vfioc_attach(struct target *t, int fd, uint32_t flags, uint32_t pasid, uint32_t pt,
		 uint32_t *hwpt)
{
	struct vfio_device_attach_iommufd_pt arg = {
		.argsz = flags ? sizeof(arg) :
				 offsetof(struct vfio_device_attach_iommufd_pt, pasid),
		.flags = flags,
		.pt_id = pt,
		.pasid = pasid,
	};
	int ret = t->driver->fd_ioctl(t, fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg);

	if (!ret && hwpt)
		*hwpt = arg.pt_id;
	return ret;
}

int vfioc_detach(struct target *t, int fd, uint32_t flags, uint32_t pasid)
{
	struct vfio_device_detach_iommufd_pt arg = {
		.argsz = flags ? sizeof(arg) :
				 offsetof(struct vfio_device_detach_iommufd_pt, pasid),
		.flags = flags,
		.pasid = pasid,
	};

	return t->driver->fd_ioctl(t, fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}

int vfioc_feature(struct target *t, int fd, uint32_t flags, void *data, uint32_t size)
{
	_Alignas(8) uint8_t buf[sizeof(struct vfio_device_feature) + FEATURE_MAX] = { 0 };
	struct vfio_device_feature *arg = (struct vfio_device_feature *)buf;
	int ret;

	if (size > FEATURE_MAX)
		return -E2BIG;
	arg->argsz = sizeof(*arg) + size;
	arg->flags = flags;
	if (size)
		memcpy(arg->data, data, size);
	ret = t->driver->fd_ioctl(t, fd, VFIO_DEVICE_FEATURE, arg);
	if (!ret && size)
		memcpy(data, arg->data, size);
	return ret;
}

/* Where region @index begins. */
static int find_region(struct target *t, int fd, uint32_t index, uint64_t *base)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };
	int ret = t->driver->fd_ioctl(t, fd, VFIO_DEVICE_GET_REGION_INFO, &info);

	*base = info.offset;
	return ret;
}

/* @size bytes, all of them. */
static int move_at(struct target *t, int fd, bool write, uint64_t at, void *buf, size_t size)
{
	int64_t n = write ? t->driver->fd_write(t, fd, buf, size, at) :
			    t->driver->fd_read(t, fd, buf, size, at);

	if (n < 0)
		return (int)n;
	return n == (int64_t)size ? 0 : -EIO;
}

static int move(struct target *t, int fd, uint32_t index, bool write, uint64_t at, void *buf,
		size_t size)
{
	uint64_t base;
	int ret = find_region(t, fd, index, &base);

	return ret ? ret : move_at(t, fd, write, base + at, buf, size);
}

int vfioc_bar_read(struct target *t, int fd, uint32_t reg, uint64_t *value)
{
	return move(t, fd, VFIO_PCI_BAR0_REGION_INDEX, false, reg, value, sizeof(*value));
}

int vfioc_bar_write(struct target *t, int fd, uint32_t reg, uint64_t value)
{
	return move(t, fd, VFIO_PCI_BAR0_REGION_INDEX, true, reg, &value, sizeof(value));
}

int vfioc_buffer_write(struct target *t, int fd, const void *data, uint32_t length)
{
	return move(t, fd, VFIO_PCI_BAR0_REGION_INDEX, true, IODIRTY_BAR_BUFFER, (void *)data,
		    length);
}

int vfioc_bus_master(struct target *t, int fd, bool on)
{
	uint16_t command;
	int ret = move(t, fd, VFIO_PCI_CONFIG_REGION_INDEX, false, CONFIG_COMMAND, &command,
		       sizeof(command));

	if (ret)
		return ret;
	command = on ? command | BUS_MASTER : command & ~BUS_MASTER;
	return move(t, fd, VFIO_PCI_CONFIG_REGION_INDEX, true, CONFIG_COMMAND, &command,
		    sizeof(command));
}

int vfioc_dma(struct target *t, int fd, const struct vfioc_transfer *transfer, uint32_t *fault)
{
	/* Registers that follow one another: the command is the last to be written. */
	uint64_t registers[] = { IODIRTY_BAR_BUFFER, transfer->iova, transfer->length, 3 };
	uint64_t value = transfer->value, pasid = transfer->pasid, base, result = 0;
	int ret = find_region(t, fd, VFIO_PCI_BAR0_REGION_INDEX, &base);

	if (!transfer->write) {
		registers[0] = transfer->iova;
		registers[1] = IODIRTY_BAR_BUFFER;
		registers[3] = 1;
	}
	if (!ret && transfer->write)
		ret = move_at(t, fd, true, base + IODIRTY_BAR_BUFFER, &value, sizeof(value));
	if (!ret)
		ret = move_at(t, fd, true, base + IODIRTY_BAR_DMA_PASID, &pasid, sizeof(pasid));
	if (!ret)
		ret = move_at(t, fd, true, base + IODIRTY_BAR_DMA_SOURCE, registers,
			      sizeof(registers));
	if (!ret)
		ret = move_at(t, fd, false, base + IODIRTY_BAR_DMA_FAULT, &result, sizeof(result));
	*fault = (uint32_t)result;
	return ret;
}

int vfioc_generate(struct target *t, int fd, const struct iodirty_stream_start *s)
{
	const struct {
		uint32_t reg;
		uint64_t value;
	} writes[] = {
		{ IODIRTY_BAR_GEN_IOVA, s->iova },	 { IODIRTY_BAR_GEN_LENGTH, s->length },
		{ IODIRTY_BAR_GEN_STRIDE, s->stride },	 { IODIRTY_BAR_GEN_SEED, s->seed },
		{ IODIRTY_BAR_GEN_RATE, s->rate },	 { IODIRTY_BAR_GEN_COUNT, s->count },
		{ IODIRTY_BAR_GEN_PATTERN, s->pattern }, { IODIRTY_BAR_GEN_PASID, s->pasid },
		{ IODIRTY_BAR_GEN_CONTROL, 1 },
	};
	uint64_t running;
	int ret;

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		ret = vfioc_bar_write(t, fd, writes[i].reg, writes[i].value);
		if (ret)
			return ret;
	}
	ret = vfioc_bar_read(t, fd, IODIRTY_BAR_GEN_CONTROL, &running);
	if (ret)
		return ret;
	return running ? 0 : -EINVAL;
}

int vfioc_generated(struct target *t, int fd, uint64_t *completed)
{
	return vfioc_bar_read(t, fd, IODIRTY_BAR_GEN_COMPLETED, completed);
}

int vfioc_generate_stop(struct target *t, int fd, uint64_t *completed)
{
	int ret = vfioc_bar_write(t, fd, IODIRTY_BAR_GEN_CONTROL, 0);

	return ret ? ret : vfioc_generated(t, fd, completed);
}
