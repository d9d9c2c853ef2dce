/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter TYPE1: the dirty tracking that VFIO containers have, and iommufd is to
 * replace. What it offers, what it refuses, and that no write of a device is lost;
 * how much more than the writes it reports. Unmapping is in type1_unmap.c.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>

#include "type1.h"

/* ---- what it says of itself ---- */

CT_TEST(type1_extensions, "TYPE1-001", .needs = TARGET_TYPE1)
{
	static const u32 there[] = { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_UNMAP_ALL };
	struct container c;
	int ret;

	type1_open(&c, VFIO_TYPE1v2_IOMMU, 1);
	x(vfio_number(VFIO_GET_API_VERSION, 0));
	for (size_t i = 0; i < N(there); i++) {
		ret = vfio_number(VFIO_CHECK_EXTENSION, there[i]);
		ct_check(ret == 1, "extension %u: %d, expected 1", there[i], ret);
	}
	ret = vfio_number(VFIO_CHECK_EXTENSION, 12345);
	ct_check(ret == 0, "extension 12345, which is none: %d, expected 0", ret);
}

CT_TEST(type1_migration_capability, "TYPE1-002", .needs = TARGET_TYPE1)
{
	static _Alignas(8) u8 bytes[INFO_ROOM];
	const struct vfio_iommu_type1_info_cap_migration *cap;
	struct container c;

	type1_open(&c, VFIO_TYPE1v2_IOMMU, 1);
	type1_info(bytes);
	cap = type1_capability(bytes, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, sizeof(*cap));
	ct_check(cap, "GET_INFO has no capability %d: a VMM would not migrate",
		 VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION);
	ct_check(cap->header.version == 1, "version %u, expected 1", cap->header.version);
	ct_check(cap->flags == 0, "flags %#x, of which none is defined", cap->flags);
	ct_check(cap->pgsize_bitmap & c.page,
		 "pgsize_bitmap %#llx lacks the smallest page size, %#" PRIx64,
		 (unsigned long long)cap->pgsize_bitmap, c.page);
	ct_check(cap->max_dirty_bitmap_size >= 8 && cap->max_dirty_bitmap_size % 8 == 0,
		 "max_dirty_bitmap_size %llu is no number of words",
		 (unsigned long long)cap->max_dirty_bitmap_size);
}

CT_TEST(type1_first_version, "TYPE1-003", .needs = TARGET_TYPE1)
{
	struct ct_bitmap b;
	struct container c;

	type1_open(&c, VFIO_TYPE1_IOMMU, 1);
	ct_bitmap_init_guarded(&b, WORD);
	x(type1_map(&c, 0, 1));
	x_err(EACCES, type1_dirty_pages(START));
	x_err(EACCES, type1_get(&c, 0, 1, b.bytes));
	x_err(EACCES, type1_dirty_pages(STOP));
	ct_check(!ct_bitmap_count(&b), "a refused call wrote to the bitmap");
}

/* ---- arguments ---- */

CT_TEST(type1_flags, "TYPE1-004", .needs = TARGET_TYPE1)
{
	struct container c;
	struct ct_bitmap b;
	struct type1_get get;

	type1_open(&c, VFIO_TYPE1v2_IOMMU, WORD);
	ct_bitmap_init_guarded(&b, WORD);
	x(type1_map(&c, 0, c.pages));
	x_err(EFAULT, container_ioctl(VFIO_IOMMU_DIRTY_PAGES, NULL));
	for (int on = 0; on < 2; on++) {
		for (u32 flags = 0; flags < 16; flags++) {
			get = type1_request(&c, 0, c.pages, b.bytes);
			get.flags = flags;
			if (flags != START && flags != STOP && flags != GET)
				x_err(EINVAL, type1_ask(&get));
		}
		for (u32 high = 16; high; high <<= 1)
			x_err(EINVAL, type1_dirty_pages(START | high));
		get = type1_request(&c, 0, c.pages, b.bytes);
		for (get.argsz = 0; get.argsz < sizeof(get); get.argsz++)
			x_err(EINVAL, type1_ask(&get));
		ct_check(!ct_bitmap_count(&b), "a refused call wrote to the bitmap");
		x(type1_dirty_pages(START));
	}
	/* More than there is to say is not looked at. */
	get.argsz = 4096;
	x(type1_ask(&get));
	ct_bitmap_check_guards(&b);
}

CT_TEST(type1_start_stop, "TYPE1-005", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	struct container c;
	struct ct_bitmap b;

	type1_open(&c, VFIO_TYPE1v2_IOMMU, WORD);
	ct_bitmap_init_guarded(&b, WORD);
	x(type1_dirty_pages(STOP));
	x(type1_dirty_pages(START));
	x(type1_map(&c, 0, c.pages));
	type1_write(&c, 3);
	x(type1_dirty_pages(START));
	x(type1_get(&c, 0, c.pages, b.bytes));
	type1_expect(&b, 3, true, "written between one START and another");
	x(type1_dirty_pages(STOP));
	x(type1_dirty_pages(STOP));
	x(type1_dirty_pages(START));
}

CT_TEST(type1_get_when_off, "TYPE1-006", .needs = TARGET_TYPE1)
{
	struct container c;
	struct ct_bitmap b;

	type1_open(&c, VFIO_TYPE1v2_IOMMU, WORD);
	ct_bitmap_init_guarded(&b, WORD);
	x(type1_map(&c, 0, c.pages));
	x_err(EINVAL, type1_get(&c, 0, c.pages, b.bytes));
	x(type1_dirty_pages(START));
	x(type1_dirty_pages(STOP));
	x_err(EINVAL, type1_get(&c, 0, c.pages, b.bytes));
	ct_check(!ct_bitmap_count(&b), "a refused call wrote to the bitmap");
	ct_bitmap_check_guards(&b);
}

/* A container with two words of pages mapped, tracked; and what is right to ask it. */
static struct type1_get tracked(struct container *c, struct ct_bitmap *b)
{
	type1_open(c, VFIO_TYPE1v2_IOMMU, 2 * WORD);
	ct_bitmap_init_guarded(b, c->pages);
	x(type1_map(c, 0, c->pages));
	x(type1_dirty_pages(START));
	return type1_request(c, 0, c->pages, b->bytes);
}

static void expect_refused(struct type1_get get, const struct ct_bitmap *b)
{
	x_err(EINVAL, type1_ask(&get));
	ct_check(!ct_bitmap_count(b), "a refused call wrote to the bitmap");
	ct_bitmap_check_guards(b);
}

CT_TEST(type1_page_size, "TYPE1-007", .needs = TARGET_TYPE1)
{
	struct container c;
	struct ct_bitmap b;
	struct type1_get get = tracked(&c, &b);

	for (u64 size = 1; size; size <<= 1) {
		get.range.bitmap.pgsize = size;
		if (size != c.page)
			expect_refused(get, &b);
	}
	get.range.bitmap.pgsize = 3 * c.page;
	expect_refused(get, &b);
	get.range.bitmap.pgsize = c.page;
	x(type1_ask(&get));
}

CT_TEST(type1_range, "TYPE1-008", .needs = TARGET_TYPE1)
{
	struct container c;
	struct ct_bitmap b;
	const struct type1_get good = tracked(&c, &b);
	const u64 hole = c.iova + 2 * c.pages * c.page;
	const struct {
		u64 iova, size;
	} bad[] = {
		{ c.iova + 1, c.page },
		{ c.iova + c.page / 2, c.page },
		{ c.iova, c.page / 2 },
		{ c.iova, c.page * c.pages - 1 },
		{ c.iova, 0 },
		/* Where nothing is mapped, so that it cuts nothing either. */
		{ hole + c.page / 2, c.page },
		{ hole, c.page / 2 },
		{ hole, c.page + c.page / 2 },
	};
	struct type1_get get = good;
	int ret;

	for (size_t i = 0; i < N(bad); i++) {
		get.range.iova = bad[i].iova;
		get.range.size = bad[i].size;
		expect_refused(get, &b);
	}
	get.range.iova = -c.page;
	get.range.size = 2 * c.page;
	ret = type1_ask(&get);
	ct_check(ret == -EINVAL || ret == -EOVERFLOW, "a range past 2^64: %s", ct_errno_name(ret));
	get = good;
	x(type1_ask(&get));
}

CT_TEST(type1_bitmap_size, "TYPE1-009", .needs = TARGET_TYPE1)
{
	static _Alignas(8) u8 bytes[INFO_ROOM];
	const struct vfio_iommu_type1_info_cap_migration *cap;
	struct container c;
	struct ct_bitmap b;
	const struct type1_get good = tracked(&c, &b);
	struct type1_get get = good;

	for (get.range.bitmap.size = 0; get.range.bitmap.size < good.range.bitmap.size;
	     get.range.bitmap.size++)
		expect_refused(get, &b);
	type1_info(bytes);
	cap = type1_capability(bytes, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, sizeof(*cap));
	if (cap) {
		get.range.bitmap.size = cap->max_dirty_bitmap_size + 8;
		expect_refused(get, &b);
	}
	/* A part of a word is a word. */
	x(vfio_unmap(0, c.iova, c.pages * c.page, NULL));
	x(type1_map(&c, 0, WORD + 1));
	get.range.size = (WORD + 1) * c.page;
	get.range.bitmap.size = 9;
	expect_refused(get, &b);
	get.range.bitmap.size = 16;
	x(type1_ask(&get));
	/* More than it takes is not written to. */
	get.range.bitmap.size = 4096;
	x(type1_ask(&get));
	ct_bitmap_check_guards(&b);
}

/* ---- which mappings a range has ---- */

/* Mappings: pages [0, 64), [64, 128), nothing, [192, 256). */
CT_TEST(type1_cut_mappings, "TYPE1-010", .needs = TARGET_TYPE1)
{
	static const struct {
		u64 first, n;
		bool good;
	} ranges[] = {
		{ 0, 64, true },    { 0, 128, true },	{ 0, 256, true },   { 64, 192, true },
		{ 64, 64, true },   { 128, 64, true },	{ 130, 20, true },  { 100, 28, false },
		{ 0, 63, false },   { 1, 63, false },	{ 0, 65, false },   { 63, 2, false },
		{ 128, 65, false }, { 191, 2, false },	{ 193, 63, false }, { 0, 200, false },
		{ 255, 1, false },  { 192, 63, false }, { 1, 255, false },
	};
	struct container c;
	struct ct_bitmap b;

	type1_open(&c, VFIO_TYPE1v2_IOMMU, 256);
	ct_bitmap_init_guarded(&b, 256);
	x(type1_map(&c, 0, 64));
	x(type1_map(&c, 64, 64));
	x(type1_map(&c, 192, 64));
	x(type1_dirty_pages(START));
	for (size_t i = 0; i < N(ranges); i++) {
		int ret = type1_get(&c, ranges[i].first, ranges[i].n, b.bytes);

		ct_check(ret == (ranges[i].good ? 0 : -EINVAL),
			 "pages [%" PRIu64 ", + %" PRIu64 "): %s, expected %s", ranges[i].first,
			 ranges[i].n, ct_errno_name(ret), ranges[i].good ? "0" : "EINVAL");
		ct_bitmap_check_guards(&b);
	}
}

/* ---- what was written is reported ---- */

CT_TEST(type1_written, "TYPE1-011", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	static const u64 written[] = { 0, 77, 511 };
	struct container c;
	struct ct_bitmap b;

	type1_open(&c, VFIO_TYPE1v2_IOMMU, 512);
	ct_bitmap_init_guarded(&b, 512);
	x(type1_map(&c, 0, 512));
	x(type1_dirty_pages(START));
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < N(written); i++)
			type1_write(&c, written[i] ^ round);
		ct_bitmap_fill(&b, 0);
		x(type1_get(&c, 0, 512, b.bytes));
		for (size_t i = 0; i < N(written); i++)
			type1_expect(&b, written[i] ^ round, true, "a device wrote there");
		ct_bitmap_check_guards(&b);
	}
}

/* Mapped while tracking is on, beside what is there, and not at the start of a word. */
CT_TEST(type1_written_to_later, "TYPE1-012", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	static const u64 written[] = { 0, 2, 3, 67, 99 };
	struct container c;
	struct ct_bitmap b;

	type1_open(&c, VFIO_TYPE1v2_IOMMU, 2 * WORD);
	ct_bitmap_init_guarded(&b, 2 * WORD);
	x(type1_map(&c, 0, 3));
	x(type1_dirty_pages(START));
	type1_write(&c, 0);
	x(type1_map(&c, 3, 65));
	x(type1_map(&c, 99, 1));
	for (size_t i = 1; i < N(written); i++)
		type1_write(&c, written[i]);
	x(type1_get(&c, 0, 2 * WORD, b.bytes));
	for (size_t i = 0; i < N(written); i++)
		type1_expect(&b, written[i], true, "a device wrote there");
	type1_expect(&b, 68, false, "nothing is mapped there");
	type1_expect(&b, 98, false, "nothing is mapped there");
	type1_expect(&b, 100, false, "nothing is mapped there");
	ct_bitmap_check_guards(&b);
}

/* ---- a bitmap that cannot be written to ---- */

/*
 * A mapping of 10 pages, 3 pages after the start of the range. That a call has failed
 * must be seen by nobody: neither in what it owes nor in what it does not.
 */
CT_TEST(type1_bad_bitmap, "TYPE1-013", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	struct container c;
	struct ct_bitmap b;
	void *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ct_check(none != MAP_FAILED, "mmap: errno %d", errno);
	type1_open(&c, VFIO_TYPE1v2_IOMMU, WORD);
	ct_bitmap_init_guarded(&b, WORD);
	x(type1_map(&c, 3, 10));
	x(type1_dirty_pages(START));
	type1_write(&c, 3);
	type1_write(&c, 12);
	for (int i = 0; i < 3; i++)
		x_err(EFAULT, type1_get(&c, 0, WORD, none));
	x(type1_get(&c, 0, WORD, b.bytes));
	type1_expect(&b, 3, true, "a device wrote there, and a call that failed was next");
	type1_expect(&b, 12, true, "a device wrote there, and a call that failed was next");
	for (u64 page = 0; page < WORD; page++)
		if (page < 3 || page > 12)
			type1_expect(&b, page, false,
				     "nothing is mapped there, and a call that failed was before");
}

/* ---- how much more than the writes ---- */

enum {
	PAGES = 512,
	PAGE_WRITTEN = 77,
};

/* The device writes by iommufd, before the container: how many pages that reports. */
static void iommufd_reports(char *out, size_t size)
{
	const u64 page = 4096, iova = align_up(ct.config.format.aperture_first, 32 << 20);
	const u64 written = PAGE_WRITTEN * page;
	const u64 granule = highest(1ull << ct.config.format.granule_lg2, page);
	/* Where no leaf is larger than the smallest. */
	u8 *mem = ct_memory(PAGES * page, 2 << 20, granule);
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
	};
	struct ct_bitmap b;
	bool capable;
	u32 ioas;
	int ret;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &alloc.dev_id));
	x(ct_map(ioas, mem, PAGES * page, iova));
	alloc.pt_id = ioas;
	ret = ct_ioctl(IOMMU_HWPT_ALLOC, &alloc);
	capable = ret != -EOPNOTSUPP || ct.t->caps & TARGET_TRACK;
	if (capable) {
		x(ret);
		x(ct_set_tracking(alloc.out_hwpt_id, true));
	}
	x(ct_attach(alloc.dev_id, 0, capable ? alloc.out_hwpt_id : ioas));
	x(ct_dma_write(alloc.dev_id, 0, iova + written, "!", 1));
	ct_check(mem[written] == '!', "the write at %#" PRIx64 " is not where it belongs",
		 iova + written);
	snprintf(out, size, "not capable");
	if (!capable)
		return;
	ct_bitmap_init_guarded(&b, PAGES);
	x(ct_get_bitmap(alloc.out_hwpt_id, 0, iova, PAGES * page, page, b.bytes));
	type1_expect(&b, PAGE_WRITTEN, true, "a device wrote there");
	ct_measure("iommufd_reports", ct_bitmap_count(&b), "pages");
	snprintf(out, size, "%" PRIu64, ct_bitmap_count(&b));
}

CT_TEST(type1_precision, "TYPE1-018", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	struct container c;
	struct ct_bitmap b;
	char iommufd[32];
	u64 reported;

	iommufd_reports(iommufd, sizeof(iommufd));
	type1_open(&c, VFIO_TYPE1v2_IOMMU, PAGES);
	ct_bitmap_init_guarded(&b, PAGES);
	x(type1_map(&c, 0, PAGES));
	x(type1_dirty_pages(START));
	type1_write(&c, PAGE_WRITTEN);
	x(type1_get(&c, 0, PAGES, b.bytes));
	type1_expect(&b, PAGE_WRITTEN, true, "a device wrote there");
	reported = ct_bitmap_count(&b);
	ct_measure("written", 1, "pages");
	ct_measure("type1_reports", reported, "pages");
	ct_check(reported == 1,
		 "a device wrote 1 page of %d: type1 reports %" PRIu64 "; iommufd: %s", PAGES,
		 reported, iommufd);
}
