/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests of chapter TYPE1 share: a container with the device in it, calls of
 * DIRTY_PAGES, and writes that are seen to arrive.
 */
#ifndef IODIRTY_TESTS_TYPE1_H
#define IODIRTY_TESTS_TYPE1_H

#include "compat.h"

#define START VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
#define GET VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP

enum {
	INFO_ROOM = 4096, /* bytes that any answer of GET_INFO fits in */
	WORD = 64, /* bits of a bitmap's unit */
};

/* @pages pages of memory, and the IOVAs that they are for; nothing is mapped yet. */
struct container {
	u32 dev;
	u64 page; /* bytes that a bit stands for */
	u64 pages;
	u64 iova;
	u8 *mem;
};

/* The whole answer, in @bytes of INFO_ROOM. */
static inline const struct vfio_iommu_type1_info *type1_info(u8 *bytes)
{
	memset(bytes, 0, INFO_ROOM);
	x(get_info(bytes, INFO_ROOM));
	return (const void *)bytes;
}

/* The capability with this id, or NULL: its offset leaves room for @size bytes. */
static inline const void *type1_capability(const u8 *bytes, u32 id, u32 size)
{
	const struct vfio_iommu_type1_info *info = (const void *)bytes;
	u32 at = info->flags & VFIO_IOMMU_INFO_CAPS ? info->cap_offset : 0, end = sizeof(*info);

	while (at) {
		const struct vfio_info_cap_header *cap = (const void *)(bytes + at);

		ct_check(at >= end && at % 8 == 0 && at + sizeof(*cap) <= info->argsz,
			 "a capability at offset %u, after %u, of %u", at, end, info->argsz);
		if (cap->id == id) {
			ct_check(at + size <= info->argsz, "capability %u is cut off at %u", id,
				 info->argsz);
			return cap;
		}
		end = at + sizeof(*cap);
		at = cap->next;
	}
	return NULL;
}

static inline void type1_open(struct container *c, u32 type, u64 pages)
{
	static _Alignas(8) u8 bytes[INFO_ROOM];
	u64 sizes;

	*c = (struct container){ .pages = pages };
	x(ct.t->driver->container(ct.t, type, ct.config.format.name, &c->dev));
	sizes = type1_info(bytes)->iova_pgsizes;
	ct_check(sizes, "GET_INFO names no page size");
	c->page = sizes & -sizes;
	c->iova = align_up(ct.config.format.aperture_first + 1, 32 << 20); /* not 0 */
	c->mem = ct_memory(pages * c->page, highest(c->page, 4096), 0);
}

/* Pages [first, first + n), to be found at the same place in mem. */
static inline int type1_map(const struct container *c, u64 first, u64 n)
{
	return vfio_map(READ | WRITE, c->mem + first * c->page, n * c->page,
			c->iova + first * c->page);
}

/* The device writes a byte of this page; it must arrive. */
static inline void type1_write(const struct container *c, u64 page)
{
	u64 at = page * c->page + 5;
	u8 byte = c->mem[at] + 0x31;

	x(ct_dma_write(c->dev, 0, c->iova + at, &byte, 1));
	ct_check(c->mem[at] == byte, "the write at %#" PRIx64 " is not where it belongs",
		 c->iova + at);
}

static inline int type1_dirty_pages(u32 flags)
{
	struct vfio_iommu_type1_dirty_bitmap arg = { .argsz = sizeof(arg), .flags = flags };

	return container_ioctl(VFIO_IOMMU_DIRTY_PAGES, &arg);
}

/* struct vfio_iommu_type1_dirty_bitmap, and the data of GET. */
struct type1_get {
	u32 argsz;
	u32 flags;
	struct vfio_iommu_type1_dirty_bitmap_get range;
};

/* Pages [first, first + n) into @bitmap, which has n bits. */
static inline struct type1_get type1_request(const struct container *c, u64 first, u64 n,
					     void *bitmap)
{
	return (struct type1_get){
		.argsz = sizeof(struct type1_get),
		.flags = GET,
		.range = { .iova = c->iova + first * c->page,
			   .size = n * c->page,
			   .bitmap = { .pgsize = c->page,
				       .size = align_up(n, WORD) / 8,
				       .data = bitmap } },
	};
}

static inline int type1_ask(struct type1_get *get)
{
	return container_ioctl(VFIO_IOMMU_DIRTY_PAGES, get);
}

static inline int type1_get(const struct container *c, u64 first, u64 n, void *bitmap)
{
	struct type1_get get = type1_request(c, first, n, bitmap);

	return type1_ask(&get);
}

/* struct vfio_iommu_type1_dma_unmap, and the data of GET_DIRTY_BITMAP. */
struct type1_unmap {
	u32 argsz;
	u32 flags;
	u64 iova;
	u64 size;
	struct vfio_bitmap bitmap;
};

static inline struct type1_unmap type1_unmap_request(const struct container *c, u64 first, u64 n,
						     void *bitmap)
{
	return (struct type1_unmap){
		.argsz = sizeof(struct type1_unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.iova = c->iova + first * c->page,
		.size = n * c->page,
		.bitmap = { .pgsize = c->page, .size = align_up(n, WORD) / 8, .data = bitmap },
	};
}

/* No mapping begins at this page: there is room for one. */
static inline bool type1_is_mapped(const struct container *c, u64 page)
{
	int ret = type1_map(c, page, 1);

	if (ret == -EEXIST)
		return true;
	x(ret);
	x(vfio_unmap(0, c->iova + page * c->page, c->page, NULL));
	return false;
}

static inline void type1_expect(const struct ct_bitmap *b, u64 page, bool dirty, const char *why)
{
	ct_check(ct_bitmap_test(b, page) == dirty, "page %" PRIu64 " is %sreported: %s", page,
		 dirty ? "not " : "", why);
}

#endif
