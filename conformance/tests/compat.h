/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of chapter COMPAT share: VFIO's ioctls, a call each, and scenes. */
#ifndef IODIRTY_TESTS_COMPAT_H
#define IODIRTY_TESTS_COMPAT_H

#include "abi/vfio.h"
#include "bits.h"
#include "ct.h"

#define READ VFIO_DMA_MAP_FLAG_READ
#define WRITE VFIO_DMA_MAP_FLAG_WRITE

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* The container that the test has opened itself; -1: what ct_ioctl() reaches is one. */
static int container_fd = -1;

static inline int container_ioctl(unsigned long cmd, void *arg)
{
	return container_fd < 0 ? ct_ioctl(cmd, arg) : ct_fd_ioctl(container_fd, cmd, arg);
}

/* One that takes a number. May return more than 0. */
static inline int vfio_number(unsigned long cmd, u64 arg)
{
	return container_ioctl(cmd, (void *)arg);
}

static inline int vfio_map(u32 flags, const void *va, u64 size, u64 iova)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = size,
	};

	return container_ioctl(VFIO_IOMMU_MAP_DMA, &arg);
}

/* *@unmapped, which may be NULL: the size that is handed back, whatever happens. */
static inline int vfio_unmap(u32 flags, u64 iova, u64 size, u64 *unmapped)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.iova = iova,
		.size = size,
	};
	int ret = container_ioctl(VFIO_IOMMU_UNMAP_DMA, &arg);

	if (unmapped)
		*unmapped = arg.size;
	return ret;
}

/* [iova + offset, + length) goes, all of it; its writes are nobody's any more. */
static inline void unmap_part(struct scene *s, u64 offset, u64 length)
{
	u64 size;

	x(vfio_unmap(0, s->iova + offset, length, &size));
	ct_check(size == length, "unmapped 0x%" PRIx64 " bytes of 0x%" PRIx64, size, length);
	scene_forget(s, offset, length);
}

static inline int get_info(void *buffer, u32 argsz)
{
	memcpy(buffer, &argsz, sizeof(argsz));
	return container_ioctl(VFIO_IOMMU_GET_INFO, buffer);
}

static inline int vfio_ioas(u16 op, u32 ioas)
{
	struct iommu_vfio_ioas arg = { .size = sizeof(arg), .op = op, .ioas_id = ioas };

	return ct_ioctl(IOMMU_VFIO_IOAS, &arg);
}

/*
 * 4 MiB as a container of @type, one mapping that could have leaves of 2 MiB; or
 * none, yet. The scene's leaves are the format's smallest: so they are in type1.
 */
static inline void open_container(struct scene *s, u32 type, bool map)
{
	const u64 huge = 2 << 20;

	scene_open(s, .leaves = 2 * huge >> ct.config.leaf_lg2, .no_map = true);
	s->mem = ct_memory(s->length, huge, s->iova % huge);
	/* Without large pages leaves are of a page, which may be two granules. */
	if (!(ct.t->caps & TARGET_LEAF)) {
		s->reach = s->page;
		ct_shadow_free(s->truth);
		s->truth = ct_shadow_new(s->iova, s->length, s->granule, s->reach);
	}
	x(vfio_ioas(IOMMU_VFIO_IOAS_SET, s->ioas));
	x(vfio_number(VFIO_SET_IOMMU, type));
	if (map)
		x(vfio_map(READ | WRITE, s->mem, s->length, s->iova));
}

/* No device reaches [iova + offset, + length), and a harvest says that it is a hole. */
static inline void expect_gone(const struct scene *s, u64 offset, u64 length)
{
	const u64 at[] = { offset, offset + length - 1 };

	scene_expect_hole(s, s->hwpt, offset, length);
	for (int i = 0; ct.t->caps & TARGET_DMA && i < 2; i++) {
		s->mem[at[i]] = 0x11;
		x_err(EFAULT, ct_dma_write(s->dev, 0, s->iova + at[i], "?", 1));
		ct_check(s->mem[at[i]] == 0x11, "a write at %#" PRIx64 " reached memory unmapped",
			 s->iova + at[i]);
	}
}

/* A write at @offset arrives, and will be expected of the next harvest. */
static inline void expect_there(struct scene *s, u64 offset)
{
	s->mem[offset] = 0;
	scene_write(s, offset, 1);
	ct_check(!(ct.t->caps & TARGET_DMA) || s->mem[offset] != 0,
		 "the write at %#" PRIx64 " is not where it belongs", s->iova + offset);
}

#endif
