/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Config space: what a driver finds a device by, and sets up (PCI 3.0, 6.1). */
#include "device.h"

enum {
	VENDOR = 0x00,
	DEVICE_ID = 0x02,
	COMMAND = 0x04,
	CLASS = 0x0b, /* base class; 0xff: fits none */
	BAR0 = 0x10,
};

#define COMMAND_BITS 0x0006u /* memory space, bus master */
#define BUS_MASTER 0x0004u

static void put16(u8 *at, u32 v)
{
	at[0] = (u8)v;
	at[1] = (u8)(v >> 8);
}

void vfio_config_init(struct vfio_config *config)
{
	memset(config->bytes, 0, sizeof(config->bytes));
	put16(config->bytes + VENDOR, IODIRTY_BAR_VENDOR);
	put16(config->bytes + DEVICE_ID, IODIRTY_BAR_DEVICE);
	config->bytes[CLASS] = 0xff;
}

/* Which bits of a byte can be written: those of a BAR that are above its size. */
static u8 writable(u32 at)
{
	const u32 bar = ~(IODIRTY_BAR_SIZE - 1u);

	if (at == COMMAND)
		return COMMAND_BITS;
	if (at >= BAR0 && at < BAR0 + 4)
		return (u8)(bar >> (at - BAR0) * 8);
	return 0;
}

void vfio_config_read(const struct vfio_config *config, u32 at, void *buf, u32 size)
{
	memcpy(buf, config->bytes + at, size);
}

void vfio_config_write(struct vfio_config *config, u32 at, const void *buf, u32 size)
{
	const u8 *new = buf;

	for (u32 i = 0; i < size; i++) {
		u8 *byte = config->bytes + at + i, mask = writable(at + i);

		*byte = (u8)((*byte & ~mask) | (new[i] & mask));
	}
}

bool vfio_config_bus_master(const struct vfio_config *config)
{
	return config->bytes[COMMAND] & BUS_MASTER;
}

void vfio_config_reset(struct vfio_device *dev)
{
	port_rwsem_write(&dev->io);
	vfio_config_init(&dev->config);
	port_rwsem_write_end(&dev->io);
}
