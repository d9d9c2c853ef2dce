/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * VFIO devices of a target as a driver in user space has them: by descriptor, and by the
 * registers of the reference's (enum iodirty_bar). What tests (ct_vfio_*, ct.h) and
 * workloads are written with. TARGET_VFIO; all return 0 or -errno.
 */
#ifndef IODIRTY_VFIO_CLIENT_H
#define IODIRTY_VFIO_CLIENT_H

#include "abi/vfio.h"
#include "target.h"

/* To the target's iommufd; *dev is its id there. */
int vfioc_bind(struct target *t, int fd, uint32_t *dev);
/* @flags 0: the device itself, or VFIO_DEVICE_ATTACH_PASID (DETACH_PASID): @pasid. *hwpt:
 * what it goes through; may be NULL. */
int vfioc_attach(struct target *t, int fd, uint32_t flags, uint32_t pasid, uint32_t pt,
		 uint32_t *hwpt);
int vfioc_detach(struct target *t, int fd, uint32_t flags, uint32_t pasid);
/* VFIO_DEVICE_FEATURE: @flags with the feature's number; @size bytes of @data, in and out. */
int vfioc_feature(struct target *t, int fd, uint32_t flags, void *data, uint32_t size);

/* Registers of BAR 0, of 8 bytes, and bytes of its buffer. */
int vfioc_bar_read(struct target *t, int fd, uint32_t reg, uint64_t *value);
int vfioc_bar_write(struct target *t, int fd, uint32_t reg, uint64_t value);
int vfioc_buffer_write(struct target *t, int fd, const void *data, uint32_t length);
int vfioc_bus_master(struct target *t, int fd, bool on);

/* What the DMA engine is to do: *fault is enum iodirty_fault. */
struct vfioc_transfer {
	uint64_t iova;
	uint64_t value; /* WRITE: the first 8 bytes; after them, what the buffer has */
	uint32_t length; /* at most IODIRTY_BAR_BUFFER_SIZE */
	uint32_t pasid; /* 0: none */
	bool write;
};

/* Complete on return. By one thread at a time, a device. */
int vfioc_dma(struct target *t, int fd, const struct vfioc_transfer *transfer, uint32_t *fault);

/*
 * The same in steps, for who has many transfers to make: where the registers are is asked, and
 * @pasid set, once. Loaded are the buffer's first 8 bytes; a read puts others there.
 */
struct vfioc_engine {
	struct target *t;
	int fd;
	uint64_t bar; /* where it begins in @fd */
};

int vfioc_engine_open(struct vfioc_engine *e, struct target *t, int fd, uint32_t pasid);
int vfioc_engine_load(const struct vfioc_engine *e, uint64_t value);
int vfioc_engine_move(const struct vfioc_engine *e, bool write, uint64_t iova, uint64_t length);
/* Of the newest transfer. */
int vfioc_engine_fault(const struct vfioc_engine *e, uint32_t *fault);

/* Begin the generator's writes; EINVAL: what @s says is no stream. */
int vfioc_generate(struct target *t, int fd, const struct iodirty_stream_start *s);
/* How many writes are complete. Stop: and there are no more. */
int vfioc_generated(struct target *t, int fd, uint64_t *completed);
int vfioc_generate_stop(struct target *t, int fd, uint64_t *completed);

#endif
