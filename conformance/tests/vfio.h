/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tests of VFIO devices share: a scene that such a device writes to. */
#ifndef IODIRTY_TESTS_VFIO_H
#define IODIRTY_TESTS_VFIO_H

#include <inttypes.h>
#include <sched.h>
#include <sys/mman.h>

#include "attach.h"

static const struct iodirty_vfio_plug vfio_pci = { .kind = IODIRTY_VFIO_PCI };
static const struct iodirty_vfio_plug vfio_mdev = { .kind = IODIRTY_VFIO_MDEV };

/* A scene, tracking; its device is one of VFIO's, attached. Returns its descriptor. */
static inline int open_tracked(struct scene *s, u32 *id)
{
	int fd;

	scene_open(s, .leaves = 4, .no_attach = true);
	fd = ct_vfio_device(&vfio_pci, id);
	x(ct_vfio_attach(fd, s->hwpt, NULL));
	return fd;
}

/* A byte by the device at @offset; remembered by @s. */
static inline void vfio_write(struct scene *s, int fd, u64 offset)
{
	x(ct_vfio_write(fd, s->iova + offset, "!", 1));
	scene_mark(s, offset, 1);
}

static inline void vfio_write_pasid(struct scene *s, int fd, u32 pasid, u64 offset)
{
	x(ct_vfio_write_pasid(fd, pasid, s->iova + offset, "!", 1));
	scene_mark(s, offset, 1);
}

/* Its transfer is refused, for just this reason, and memory is as it was. */
static inline void vfio_expect_fault(const struct scene *s, int fd, u32 pasid,
				     enum iodirty_fault fault)
{
	u8 before = s->mem[1], byte = before + 1;
	u64 seen;

	x_err(EFAULT, ct_vfio_write_pasid(fd, pasid, s->iova + 1, &byte, 1));
	seen = ct_bar_read(fd, IODIRTY_BAR_DMA_FAULT);
	ct_check(seen == fault, "the device reports fault %" PRIu64 ", expected %d", seen, fault);
	ct_check(s->mem[1] == before, "a write that faulted changed memory from %#x to %#x", before,
		 s->mem[1]);
}

/* Flat out, and as random as ct.seed: all of the scene, a leaf at a time. */
static inline struct iodirty_stream_start vfio_stream(const struct scene *s)
{
	return (struct iodirty_stream_start){
		.pattern = IODIRTY_PATTERN_RANDOM,
		.iova = s->iova,
		.length = s->length,
		.stride = s->leaf,
		.seed = ct.seed,
	};
}

/* The offset that write @n of @s goes to. */
static inline u64 vfio_stream_offset(const struct iodirty_stream_start *s, u64 n)
{
	u64 state = s->seed + n * 0x9e3779b97f4a7c15ull, slot = n;

	if (s->pattern == IODIRTY_PATTERN_RANDOM)
		slot = ct_random(&state);
	return slot % (s->length / s->stride) * s->stride;
}

/* Wait until @more writes are complete than are now. */
static inline u64 vfio_wait_writes(int fd, u64 more)
{
	u64 now, end = ct_vfio_generated(fd) + more;

	/* It may need our processor. */
	while ((now = ct_vfio_generated(fd)) < end)
		sched_yield();
	return now;
}

/* A page that can be read only, with @size bytes of @data. */
static inline void *read_only(const void *data, size_t size)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ct_check(page != MAP_FAILED, "no page");
	memcpy(page, data, size);
	ct_check(!mprotect(page, 4096, PROT_READ), "a page that cannot be made read-only");
	return page;
}

/* A page that cannot be accessed at all. */
static inline void *no_access(void)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ct_check(page != MAP_FAILED, "no page");
	return page;
}

/* @n bytes, zeroes, and then nothing that can be accessed. */
static inline u8 *cut_off(size_t n)
{
	u8 *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ct_check(pages != MAP_FAILED && !mprotect(pages + 4096, 4096, PROT_NONE), "no pages");
	return pages + 4096 - n;
}

static inline int64_t region_read(int fd, void *buf, size_t size, u64 pos)
{
	return ct.t->driver->fd_read(ct.t, fd, buf, size, pos);
}

static inline int64_t region_write(int fd, const void *buf, size_t size, u64 pos)
{
	return ct.t->driver->fd_write(ct.t, fd, buf, size, pos);
}

static inline struct vfio_region_info region_info(int fd, u32 index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	x(ct_fd_ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info));
	return info;
}

#endif
