/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How devices are made to do DMA. What they have in common, a store of bytes of
 * their own that they fill from memory and write to memory, is the contract of a
 * driver; dma.c makes of it "these bytes to this IOVA" and "did they arrive".
 *
 * One thread at a time calls any of this for one device. Drivers poll, use no
 * interrupts, and wait at most DMA_TIMEOUT_MS.
 */
#ifndef IODIRTY_TARGETS_VFIO_DMA_H
#define IODIRTY_TARGETS_VFIO_DMA_H

#include "vfio.h"

#define DMA_PAGE 4096ull /* transfers cross no multiple of this */
#define DMA_TIMEOUT_MS 5000

/*
 * Memory for the device's use alone: page 0 for the bytes that pass, the rest the
 * driver's, e.g. queues. The device sees it at these IOVAs while a DMA runs, and
 * only then; tests are kept away from all below DMA_ROOM_END.
 */
#define DMA_ROOM_IOVA 0x100000ull
#define DMA_ROOM_SIZE (8 * DMA_PAGE)
#define DMA_ROOM_END 0x200000ull

enum dma_way {
	DMA_FETCH, /* memory to the device's store */
	DMA_WRITE, /* the device's store to memory */
};

struct dma {
	const struct dma_driver *driver;
	struct vfio_device *dev;
	uint8_t *room; /* DMA_ROOM_SIZE bytes, at DMA_ROOM_IOVA */
	/* Set by init. Of a transfer, in bytes: */
	uint32_t unit; /* IOVA and length are multiples; a power of two */
	uint32_t max; /* at most so many; at most DMA_PAGE */
	uint64_t last; /* the last IOVA that the device can address */
	uint64_t store; /* where a driver keeps its store, in its own terms */
	uint32_t state[4]; /* a driver's own */
};

struct dma_driver {
	const char *name;
	/* Is it a device of this driver? By its id alone; the device is not touched. */
	bool (*probe)(const struct pci_id *id);
	/*
	 * For the first time, mastering the bus, with the room mapped. Sets unit, max,
	 * last; makes sure that nothing of worth is overwritten by the store, unless
	 * @scratch. The device may be in any state before.
	 */
	int (*init)(struct dma *d, bool scratch, struct why *why);
	/* As init, for each time after: of @d, unit, max, last and store are as it left them. */
	int (*start)(struct dma *d);
	/*
	 * Begin one transfer between the start of the store and [iova, iova + length),
	 * in units, within one DMA_PAGE. No other is under way.
	 */
	int (*move)(struct dma *d, enum dma_way way, uint64_t iova, uint32_t length);
	/*
	 * Until it is over: 0, complete and visible in memory; -EFAULT, the device says
	 * that it could not; -ETIMEDOUT. A device need not notice a fault.
	 */
	int (*wait)(struct dma *d);
	/* No access to memory from here on. After init or start, whatever they returned. */
	void (*remove)(struct dma *d);
};

extern const struct dma_driver dma_edu, dma_nvme;

/* The driver for a device, or NULL; is there one? */
const struct dma_driver *dma_driver_for(const struct pci_id *id);
bool dma_has_driver(const struct pci_id *id);

/*
 * @length bytes at any IOVA up to @d->last. 0 when they have arrived; -EFAULT with
 * *@done bytes before it that have. That they have is seen by having the device
 * fetch them again, so memory that it may write and not read counts as a fault;
 * and so does a read that finds nothing, if the device notices.
 */
int dma_write(struct dma *d, uint64_t iova, const uint8_t *data, uint64_t length, uint64_t *done);
int dma_read(struct dma *d, uint64_t iova, uint8_t *data, uint64_t length, uint64_t *done);

/* Milliseconds, from an arbitrary start; and a rest between two looks. */
uint64_t dma_clock_ms(void);
void dma_rest(void);

#endif
