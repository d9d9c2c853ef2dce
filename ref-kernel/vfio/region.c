/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Regions of a device: where they are in its descriptor, and access to them. There is
 * no mapping them: each access is a call, complete when it returns, so a register is what it
 * is after the write before.
 */
#include "device.h"

#define REGION_LG2 40 /* as Linux's vfio-pci places them */
#define MOST_AT_ONCE (64u * 1024)

static u64 region_size(u32 index)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		return IODIRTY_BAR_SIZE;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return VFIO_CONFIG_SIZE;
	default:
		return 0;
	}
}

long vfio_region_info(u64 uptr)
{
	struct vfio_region_info info;
	int err = vfio_copy_arg(&info, uptr, sizeof(info));

	if (err)
		return err;
	if (info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info.cap_offset = 0;
	info.offset = (u64)info.index << REGION_LG2;
	info.size = region_size(info.index);
	info.flags = info.size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	return port_copy_to_user(uptr, &info, sizeof(info));
}

/* Turning Bus Master off waits for what is under way. */
static int config_rw(struct vfio_device *dev, bool write, u32 at, void *buf, u32 size)
{
	int err = 0;

	port_mutex_lock(&dev->lock);
	if (dev->gone) {
		err = -ENODEV;
	} else if (write) {
		port_rwsem_write(&dev->io);
		vfio_config_write(&dev->config, at, buf, size);
		port_rwsem_write_end(&dev->io);
	} else {
		vfio_config_read(&dev->config, at, buf, size);
	}
	port_mutex_unlock(&dev->lock);
	return err;
}

/* The largest access, of 8 bytes at most, that @at is aligned for and @left has room for. */
static u32 unit(u32 at, u32 left)
{
	u32 size = 8;

	while (at & (size - 1) || size > left)
		size /= 2;
	return size;
}

static int bar_rw(struct vfio_device *dev, bool write, u32 at, u8 *buf, u32 size)
{
	int err = 0;

	for (u32 n; !err && size; at += n, buf += n, size -= n) {
		u64 value = 0;

		n = unit(at, size);
		if (write) {
			memcpy(&value, buf, n);
			err = vfio_engine_write(dev, at, n, value);
		} else {
			err = vfio_engine_read(dev, at, n, &value);
			memcpy(buf, &value, n);
		}
	}
	return err;
}

s64 vfio_region_rw(struct vfio_device *dev, bool write, u64 uaddr, u64 size, u64 pos)
{
	u32 index = (u32)(pos >> REGION_LG2);
	u64 at = pos & ((1ULL << REGION_LG2) - 1), room = region_size(index);
	u8 *buf;
	int err = 0;

	if (!size)
		return 0;
	if (pos == PORT_NO_POS || index >= VFIO_PCI_NUM_REGIONS || at >= room)
		return -EINVAL;
	size = port_min(port_min(size, room - at), MOST_AT_ONCE);
	buf = port_alloc(size);
	if (!buf)
		return -ENOMEM;
	if (write)
		err = port_copy_from_user(buf, uaddr, size);
	if (!err && index == VFIO_PCI_CONFIG_REGION_INDEX)
		err = config_rw(dev, write, (u32)at, buf, (u32)size);
	else if (!err)
		err = bar_rw(dev, write, (u32)at, buf, (u32)size);
	if (!err && !write)
		err = port_copy_to_user(uaddr, buf, size);
	port_free(buf);
	return err ? err : (s64)size;
}
