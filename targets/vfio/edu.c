/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * QEMU's edu device (its docs/specs/edu): a buffer of 4 KiB and one DMA engine that
 * takes a tenth of a second for each transfer. It ignores faults. By default it
 * addresses 28 bits only; more is not relied upon.
 */
#include <errno.h>

#include "dma.h"

#define VENDOR 0x1234
#define DEVICE 0x11e8

#define REG_ID 0x00
#define ID 0x010000edu
#define REG_DMA_SOURCE 0x80
#define REG_DMA_DESTINATION 0x88
#define REG_DMA_COUNT 0x90
#define REG_DMA_COMMAND 0x98
#define COMMAND_START 0x1ull /* while it runs */
#define COMMAND_TO_MEMORY 0x2ull

#define BUFFER 0x40000ull /* as the engine addresses it */
#define MAX 4095 /* the whole buffer at once ends some versions of QEMU */

static bool edu_probe(const struct pci_id *id)
{
	return id->vendor == VENDOR && id->device == DEVICE;
}

static int edu_wait(struct dma *d)
{
	uint64_t end = dma_clock_ms() + DMA_TIMEOUT_MS;

	while (device_read64(d->dev, REG_DMA_COMMAND) & COMMAND_START) {
		if (dma_clock_ms() > end)
			return -ETIMEDOUT;
		dma_rest();
	}
	return 0;
}

/* A transfer of whoever had it before may be under way. */
static int edu_start(struct dma *d)
{
	return edu_wait(d);
}

static int edu_init(struct dma *d, bool scratch, struct why *why)
{
	uint32_t id = d->dev->bar_size > REG_DMA_COMMAND ? device_read32(d->dev, REG_ID) : 0;

	(void)scratch; /* its buffer holds nothing of worth */
	if (id != ID)
		return refuse(why, -ENODEV, "edu: register 0 is %#x, expected %#x", id, ID);
	d->unit = 1;
	d->max = MAX;
	d->last = (1ull << 28) - 1;
	return edu_start(d);
}

static int edu_move(struct dma *d, enum dma_way way, uint64_t iova, uint32_t length)
{
	bool out = way == DMA_WRITE;

	device_write64(d->dev, REG_DMA_SOURCE, out ? BUFFER : iova);
	device_write64(d->dev, REG_DMA_DESTINATION, out ? iova : BUFFER);
	device_write64(d->dev, REG_DMA_COUNT, length);
	device_write64(d->dev, REG_DMA_COMMAND, COMMAND_START | (out ? COMMAND_TO_MEMORY : 0));
	return 0;
}

static void edu_remove(struct dma *d)
{
	edu_wait(d);
}

const struct dma_driver dma_edu = {
	.name = "edu",
	.probe = edu_probe,
	.init = edu_init,
	.start = edu_start,
	.move = edu_move,
	.wait = edu_wait,
	.remove = edu_remove,
};
