/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A PCI device that is open through VFIO: configuration space, BAR 0, reset. */
#include <endian.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../sys.h"
#include "abi/vfio.h"
#include "vfio.h"

/* PCI Local Bus 3.0, 6.2.2: the command register. */
#define COMMAND 4
#define COMMAND_MEMORY 0x2
#define COMMAND_MASTER 0x4
#define COMMAND_INTX_OFF 0x400

static int region(int fd, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return sys_ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info);
}

int device_master(struct vfio_device *dev, bool on)
{
	uint16_t command;

	if (pread(dev->fd, &command, sizeof(command), dev->config + COMMAND) != sizeof(command))
		return -EIO;
	command = le16toh(command) & ~COMMAND_MASTER;
	command |= COMMAND_MEMORY | COMMAND_INTX_OFF | (on ? COMMAND_MASTER : 0);
	command = htole16(command);
	if (pwrite(dev->fd, &command, sizeof(command), dev->config + COMMAND) != sizeof(command))
		return -EIO;
	return 0;
}

int device_open(struct vfio_device *dev, int fd)
{
	struct vfio_region_info config, bar;
	void *at;
	int ret;

	*dev = (struct vfio_device){ .fd = fd };
	ret = region(fd, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	if (!ret)
		ret = region(fd, VFIO_PCI_BAR0_REGION_INDEX, &bar);
	if (!ret && (!(bar.flags & VFIO_REGION_INFO_FLAG_MMAP) || !bar.size))
		ret = -ENXIO;
	if (ret)
		goto fail;
	dev->config = config.offset;
	ret = device_master(dev, false);
	if (ret)
		goto fail;
	at = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, bar.offset);
	if (at == MAP_FAILED) {
		ret = -errno;
		goto fail;
	}
	dev->bar = at;
	dev->bar_size = bar.size;
	return 0;
fail:
	sys_close(fd);
	dev->fd = -1;
	return ret;
}

void device_close(struct vfio_device *dev)
{
	if (dev->fd < 0)
		return;
	device_master(dev, false);
	sys_ioctl(dev->fd, VFIO_DEVICE_RESET, NULL); /* not every device can */
	munmap((void *)dev->bar, dev->bar_size);
	sys_close(dev->fd);
	dev->fd = -1;
}

uint32_t device_read32(const struct vfio_device *dev, size_t offset)
{
	return le32toh(*(volatile uint32_t *)(dev->bar + offset));
}

uint64_t device_read64(const struct vfio_device *dev, size_t offset)
{
	return le64toh(*(volatile uint64_t *)(dev->bar + offset));
}

/* What was written to memory before is there when the device hears of it. */
void device_write32(struct vfio_device *dev, size_t offset, uint32_t value)
{
	__sync_synchronize();
	*(volatile uint32_t *)(dev->bar + offset) = htole32(value);
}

void device_write64(struct vfio_device *dev, size_t offset, uint64_t value)
{
	__sync_synchronize();
	*(volatile uint64_t *)(dev->bar + offset) = htole64(value);
}
