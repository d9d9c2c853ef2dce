/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter TYPE1: words of the bitmap, the ends of what can be mapped, and what the versions
 * differ in.
 */
#include "bits.h"
#include "type1_groups.h"

/* Mappings: pages [3, 10), [70, 71), [130, 200). The bitmap's words are ones. */
CT_TEST(type1_words, "TYPE1-038", .needs = TARGET_VFIO)
{
	static const struct {
		u64 first, n;
	} maps[] = { { 3, 7 }, { 70, 1 }, { 130, 70 } };
	struct container c;
	struct member m;
	struct ct_bitmap b;

	container_with(&c, &m, IODIRTY_VFIO_MDEV, 5 * WORD);
	for (size_t i = 0; i < N(maps); i++)
		x(type1_map(&c, maps[i].first, maps[i].n));
	x(type1_dirty_pages(START));
	member_write(&m, &c, 4 * c.page, 1);
	member_write(&m, &c, 199 * c.page, 1);
	ct_bitmap_init_guarded(&b, c.pages);
	ct_bitmap_fill(&b, 0xff);
	x(type1_get(&c, 0, c.pages, b.bytes));
	for (u64 page = 0; page < c.pages; page++) {
		/* Before a mapping, in its first word, bits stay; behind it none is set;
		 * a word that no mapping has a page in is not written. */
		bool stays = page < 3 || (page >= 64 && page < 70) || (page >= 128 && page < 130) ||
			     page >= 256;

		type1_expect(&b, page, stays || page == 4 || page == 199,
			     stays ? "it was set, and is no page of a mapping" :
				     "the words of a mapping are written, not added to");
	}
	ct_bitmap_check_guards(&b);
	/* A hole alone: nothing is written. */
	ct_bitmap_fill(&b, 0xff);
	x(type1_get(&c, 256, 64, b.bytes + 32));
	ct_check(ct_bitmap_count(&b) == c.pages, "a report of a hole cleared bits");
}

CT_TEST(type1_mappings_end, "TYPE1-039", .needs = TARGET_VFIO)
{
	static _Alignas(8) u8 bytes[INFO_ROOM];
	const struct vfio_iommu_type1_info_dma_avail *avail;
	struct container c;
	struct member m;
	u32 most = 0, n;
	int ret = 0;

	container_with(&c, &m, IODIRTY_VFIO_MDEV, 1);
	for (n = 0; !ret; n++) {
		if (n == 0 || n == 1000) {
			type1_info(bytes);
			avail = type1_capability(bytes, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
						 sizeof(*avail));
			ct_check(avail, "GET_INFO does not say how many mappings there may be");
			if (!n)
				most = avail->avail;
			ct_check(avail->avail == most - n, "%u mappings of %u: %u are left", n,
				 most, avail->avail);
			ct_check(most >= 1000 && most <= 1 << 20, "%u mappings at most", most);
		}
		ret = vfio_map(READ | WRITE, c.mem, c.page, c.iova + n * c.page);
	}
	ct_check(ret == -ENOSPC && n - 1 == most, "mapping %u of %u: %s", n, most,
		 ct_errno_name(ret));
	x(vfio_unmap(0, c.iova + 500 * c.page, c.page, NULL));
	x(vfio_map(READ | WRITE, c.mem, c.page, c.iova + 500 * c.page));
	x_err(ENOSPC, vfio_map(READ | WRITE, c.mem, c.page, c.iova + n * c.page));
	/* They are all tracked, too. */
	x(type1_dirty_pages(START));
	x(vfio_unmap(VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, NULL));
	type1_info(bytes);
	avail = type1_capability(bytes, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, sizeof(*avail));
	ct_check(avail->avail == most, "%u mappings are left of %u, when nothing is mapped",
		 avail->avail, most);
}

/* 8 TiB and a page of one mapping, which nobody pins, since the device is software. */
CT_TEST(type1_mapping_too_long, "TYPE1-040", .needs = TARGET_VFIO)
{
	const u64 size = (1ull << 31) * 4096, iova = 1ull << 44;
	struct container c;
	struct member m;

	container_with(&c, &m, IODIRTY_VFIO_MDEV, WORD);
	x(type1_map(&c, 0, c.pages));
	x(vfio_map(READ | WRITE, NULL, size, iova));
	x_err(EINVAL, type1_dirty_pages(START));
	/* It is off, as it was. */
	x_err(EINVAL, type1_get(&c, 0, c.pages, ct_memory(4096, 4096, 0)));
	x(vfio_unmap(0, iova, size, NULL));
	x(type1_dirty_pages(START));
	member_write(&m, &c, 5 * c.page, 1);
	x_err(EINVAL, vfio_map(READ | WRITE, NULL, size, iova));
	x(vfio_map(READ | WRITE, c.mem, c.page, iova));
	REPORT(&c, "written: page 5", 5);
}

/* The last page of all: that it ends at 2^64 is no overflow. */
CT_TEST(type1_last_page, "TYPE1-041", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;
	struct ct_bitmap b;
	struct type1_unmap unmap;
	u64 size;

	container_with(&c, &m, IODIRTY_VFIO_MDEV, 2 * WORD);
	c.iova = -c.pages * c.page;
	x(type1_map(&c, 0, c.pages - 1));
	x(type1_map(&c, c.pages - 1, 1));
	x_err(EEXIST, type1_map(&c, c.pages - 1, 1));
	x_err(EINVAL, vfio_map(READ | WRITE, c.mem, 2 * c.page, -c.page));
	x(type1_dirty_pages(START));
	member_write(&m, &c, (c.pages - 1) * c.page, 4096);
	member_write(&m, &c, 5 * c.page, 1);
	REPORT(&c, "written: pages 5 and 127, the last", 5, 127);
	member_write(&m, &c, (c.pages - 1) * c.page + 4095, 1);
	ct_bitmap_init_guarded(&b, WORD);
	x(type1_get(&c, c.pages - 1, 1, b.bytes));
	expect_only(&b, (u64[]){ 0 }, 1, "the last page was written");
	ct_bitmap_fill(&b, 0);
	member_write(&m, &c, (c.pages - 1) * c.page, 1);
	unmap = type1_unmap_request(&c, c.pages - 1, 1, b.bytes);
	x(container_ioctl(VFIO_IOMMU_UNMAP_DMA, &unmap));
	ct_check(unmap.size == c.page, "unmapped %#" PRIx64 " bytes of a page", unmap.size);
	expect_only(&b, (u64[]){ 0 }, 1, "the last page was written, and unmapped");
	x(type1_map(&c, c.pages - 1, 1));
	x(vfio_unmap(VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, &size));
	ct_check(size == c.pages * c.page, "ALL unmapped %#" PRIx64 " bytes of %#" PRIx64, size,
		 c.pages * c.page);
}

CT_TEST(type1_map_arguments, "TYPE1-042", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;
	const u64 huge = ~0ull & ~4095ull;

	container_with(&c, &m, IODIRTY_VFIO_PCI, 2 * WORD);
	x_err(EINVAL, vfio_map(0, c.mem, c.page, c.iova));
	x_err(EINVAL, vfio_map(READ | 1u << 3, c.mem, c.page, c.iova));
	x_err(EINVAL, vfio_map(READ, c.mem, 0, c.iova));
	x_err(EINVAL, vfio_map(READ, c.mem, c.page / 2, c.iova));
	x_err(EINVAL, vfio_map(READ, c.mem, c.page, c.iova + c.page / 2));
	x_err(EINVAL, vfio_map(READ, c.mem + c.page / 2, c.page, c.iova));
	x_err(EINVAL, vfio_map(READ, c.mem, huge, -huge + c.page));
	x(type1_map(&c, 1, 1));
	x_err(EEXIST, type1_map(&c, 1, 1));
	x_err(EEXIST, type1_map(&c, 0, 2));
	x_err(EEXIST, type1_map(&c, 0, 3));
	x(type1_map(&c, 0, 1));
	x_err(EINVAL, vfio_unmap(0, c.iova, 0, NULL));
	x_err(EINVAL, vfio_unmap(0, c.iova, c.page / 2, NULL));
	x_err(EINVAL, vfio_unmap(0, c.iova + c.page / 2, c.page, NULL));
	x_err(EINVAL, vfio_unmap(0, -c.page, 2 * c.page, NULL));
	x_err(EINVAL, vfio_unmap(1u << 3, c.iova, c.page, NULL));
	member_write(&m, &c, 0, 1);
	member_write(&m, &c, c.page, 1);
}

/* New addresses for what is mapped are not offered, so they are not taken. */
CT_TEST(type1_vaddr, "TYPE1-043", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;
	int ret;

	container_with(&c, &m, IODIRTY_VFIO_PCI, WORD);
	ret = vfio_number(VFIO_CHECK_EXTENSION, VFIO_UPDATE_VADDR);
	ct_check(ret == 0, "UPDATE_VADDR: %d, expected 0", ret);
	x(type1_map(&c, 0, c.pages));
	x_err(EINVAL, vfio_unmap(VFIO_DMA_UNMAP_FLAG_VADDR, c.iova, c.pages * c.page, NULL));
	x_err(EINVAL, vfio_unmap(VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, NULL));
	x_err(EINVAL, vfio_map(VFIO_DMA_MAP_FLAG_VADDR, c.mem, c.pages * c.page, c.iova));
	member_write(&m, &c, 5, 1);
	container_add(&c, &m, IODIRTY_VFIO_MDEV);
	x_err(EBUSY, vfio_unmap(VFIO_DMA_UNMAP_FLAG_VADDR, c.iova, c.pages * c.page, NULL));
	member_write(&m, &c, 5, 1);
}

/* Of the first version: pages [0, 8), [8, 16), nothing, [24, 32). */
CT_TEST(type1_first_version_unmap, "TYPE1-044", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	static const struct {
		u64 first, n, unmapped;
	} calls[] = {
		{ 1, 7, 0 }, { 2, 30, 0 }, { 16, 8, 0 }, { 16, 9, 8 }, { 0, 1, 8 }, { 8, 8, 8 },
	};
	struct container c;
	u64 size;

	type1_open(&c, VFIO_TYPE1_IOMMU, 32);
	x(type1_map(&c, 0, 8));
	x(type1_map(&c, 8, 8));
	x(type1_map(&c, 24, 8));
	for (size_t i = 0; i < N(calls); i++) {
		x(vfio_unmap(0, c.iova + calls[i].first * c.page, calls[i].n * c.page, &size));
		ct_check(size == calls[i].unmapped * c.page,
			 "pages [%" PRIu64 ", + %" PRIu64 "): unmapped %#" PRIx64
			 " bytes, expected %" PRIu64 " pages",
			 calls[i].first, calls[i].n, size, calls[i].unmapped);
		if (i < 4)
			type1_write(&c, 7);
		if (i < 5)
			type1_write(&c, 15);
	}
	ct_check(!type1_is_mapped(&c, 0) && !type1_is_mapped(&c, 15) && !type1_is_mapped(&c, 31),
		 "a mapping is still there");
}

/* ---- against iommufd ---- */

enum {
	SPACE = 512, /* pages of 4 KiB */
	WRITES = 64,
};

/* The @i-th write, the same in each call: somewhere, one to 8 KiB long. */
static void nth_write(u64 i, u64 *at, u64 *length)
{
	u64 state = ct.seed + i;

	*length = ct_random(&state) % 8192 + 1;
	*at = ct_random(&state) % (SPACE * 4096 - *length);
}

/* By iommufd: what that reports, in pages of 4 KiB. */
static void iommufd_report(struct ct_bitmap *b)
{
	static const u8 data[8192] = { 1, 2, 3 };
	const u64 iova = align_up(ct.config.format.aperture_first + 1, 32 << 20);
	u32 ioas, dev, hwpt;
	u64 at, length;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	x(ct_map(ioas, ct_memory(SPACE * 4096, 2 << 20, 0), SPACE * 4096, iova));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	x(ct_set_tracking(hwpt, true));
	x(ct_attach(dev, 0, hwpt));
	for (u64 i = 0; i < WRITES; i++) {
		nth_write(i, &at, &length);
		x(ct_dma_write(dev, 0, iova + at, data, length));
	}
	ct_bitmap_init_guarded(b, SPACE);
	x(ct_get_bitmap(hwpt, 0, iova, SPACE * 4096, 4096, b->bytes));
}

CT_TEST(type1_superset, "TYPE1-045", .needs = TARGET_TYPE1 | TARGET_DMA | TARGET_TRACK)
{
	static const u8 data[8192] = { 1, 2, 3 };
	struct ct_bitmap iommufd, b;
	struct container c;
	u64 at, length;

	iommufd_report(&iommufd);
	type1_open(&c, VFIO_TYPE1v2_IOMMU, SPACE);
	c.pages = SPACE * 4096 / c.page;
	ct_bitmap_init_guarded(&b, align_up(c.pages, WORD));
	x(type1_map(&c, 0, c.pages));
	x(type1_dirty_pages(START));
	for (u64 i = 0; i < WRITES; i++) {
		nth_write(i, &at, &length);
		x(ct_dma_write(c.dev, 0, c.iova + at, data, length));
	}
	x(type1_get(&c, 0, c.pages, b.bytes));
	for (u64 i = 0; i < WRITES; i++) {
		nth_write(i, &at, &length);
		for (u64 page = at / 4096; page <= (at + length - 1) / 4096; page++)
			type1_expect(&iommufd, page, true, "a device wrote there; iommufd");
	}
	for (u64 page = 0; page < SPACE; page++)
		if (ct_bitmap_test(&iommufd, page))
			type1_expect(&b, page * 4096 / c.page, true,
				     "iommufd reports it for the same writes");
	ct_measure("iommufd_reports", ct_bitmap_count(&iommufd), "pages");
	ct_measure("type1_reports", ct_bitmap_count(&b) * c.page / 4096, "pages");
}
