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

int vfioc_engine_open(struct vfioc_engine *e, struct target *t, int fd, uint32_t pasid)
{
	uint64_t wide = pasid;
	int ret;

	*e = (struct vfioc_engine){ .t = t, .fd = fd };
	ret = find_region(t, fd, VFIO_PCI_BAR0_REGION_INDEX, &e->bar);
	if (!ret)
		ret = move_at(t, fd, true, e->bar + IODIRTY_BAR_DMA_PASID, &wide, sizeof(wide));
	return ret;
}

int vfioc_engine_load(const struct vfioc_engine *e, uint64_t value)
{
	return move_at(e->t, e->fd, true, e->bar + IODIRTY_BAR_BUFFER, &value, sizeof(value));
}

int vfioc_engine_move(const struct vfioc_engine *e, bool write, uint64_t iova, uint64_t length)
{
	/* Registers that follow one another: the command is the last to be written. */
	uint64_t registers[] = { IODIRTY_BAR_BUFFER, iova, length, 3 };

	if (!write) {
		registers[0] = iova;
		registers[1] = IODIRTY_BAR_BUFFER;
		registers[3] = 1;
	}
	return move_at(e->t, e->fd, true, e->bar + IODIRTY_BAR_DMA_SOURCE, registers,
		       sizeof(registers));
}

int vfioc_engine_fault(const struct vfioc_engine *e, uint32_t *fault)
{
	uint64_t reason = 0;
	int ret = move_at(e->t, e->fd, false, e->bar + IODIRTY_BAR_DMA_FAULT, &reason,
			  sizeof(reason));

	*fault = (uint32_t)reason;
	return ret;
}

int vfioc_dma(struct target *t, int fd, const struct vfioc_transfer *transfer, uint32_t *fault)
{
	struct vfioc_engine e;
	int ret = vfioc_engine_open(&e, t, fd, transfer->pasid);

	*fault = IODIRTY_FAULT_NONE;
	if (!ret && transfer->write)
		ret = vfioc_engine_load(&e, transfer->value);
	if (!ret)
		ret = vfioc_engine_move(&e, transfer->write, transfer->iova, transfer->length);
	return ret ? ret : vfioc_engine_fault(&e, fault);
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
