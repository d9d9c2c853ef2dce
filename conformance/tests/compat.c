/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter COMPAT: the VFIO container's ioctls, answered by an iommufd. What must
 * be so for a program that knows no other interface, and what must be refused so
 * that it does not take a migration for safe that is not. GET_INFO is in
 * compat_info.c, unmapping in the middle of a mapping in compat_type1.c.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "compat.h"

/* ---- version, extensions, type ---- */

static void expect_extension(u64 extension, int answer)
{
	int ret = vfio_number(VFIO_CHECK_EXTENSION, extension);

	ct_check(ret == answer, "CHECK_EXTENSION of %" PRIu64 " is %d, expected %d", extension, ret,
		 answer);
}

/* The same with and without an address space. */
CT_TEST(extensions, "COMPAT-001", .needs = TARGET_VFIO_COMPAT)
{
	static const u64 no[] = {
		VFIO_TYPE1_NESTING_IOMMU,      VFIO_UPDATE_VADDR, 0, 2, 5, 7, 11, 1000,
		1ULL << 32 | VFIO_TYPE1_IOMMU, UINT64_MAX,
	};
	u32 ioas;

	for (int named = 0; named < 2; named++) {
		int version = vfio_number(VFIO_GET_API_VERSION, 0);

		ct_check(version == 0, "the version of the API is %d, expected 0", version);
		expect_extension(VFIO_TYPE1_IOMMU, 1);
		expect_extension(VFIO_TYPE1v2_IOMMU, 1);
		expect_extension(VFIO_UNMAP_ALL, 1);
		for (size_t i = 0; i < N(no); i++)
			expect_extension(no[i], 0);
		x(ct_ioas_alloc(&ioas));
		x(vfio_ioas(IOMMU_VFIO_IOAS_SET, ioas));
	}
	/* Whether the IOMMU is coherent is its own affair. */
	if (vfio_number(VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU) != 0)
		expect_extension(VFIO_DMA_CC_IOMMU, 1);
}

static void expect_no_container(const char *when)
{
	struct vfio_iommu_type1_info info = { 0 };
	const struct {
		const char *what;
		int ret;
	} calls[] = {
		{ "SET_IOMMU type1", vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) },
		{ "SET_IOMMU type1v2", vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) },
		{ "CHECK_EXTENSION DMA_CC", vfio_number(VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU) },
		{ "GET_INFO", get_info(&info, sizeof(info)) },
		{ "MAP_DMA", vfio_map(READ | WRITE, ct_memory(4096, 4096, 0), 4096, 1 << 24) },
		{ "UNMAP_DMA", vfio_unmap(0, 1 << 24, 4096, NULL) },
		{ "UNMAP_DMA ALL", vfio_unmap(VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, NULL) },
	};

	for (size_t i = 0; i < N(calls); i++)
		ct_check(calls[i].ret == -ENODEV, "%s, %s: expected ENODEV, got %s", when,
			 calls[i].what, ct_errno_name(calls[i].ret));
}

CT_TEST(no_address_space, "COMPAT-002", .needs = TARGET_VFIO_COMPAT)
{
	u32 ioas;

	expect_no_container("none was named");
	x(ct_ioas_alloc(&ioas));
	expect_no_container("one is there, not named");
	x(vfio_ioas(IOMMU_VFIO_IOAS_SET, ioas));
	x(vfio_unmap(VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, NULL));
	x(vfio_ioas(IOMMU_VFIO_IOAS_CLEAR, 0));
	expect_no_container("it was cleared");
	x(vfio_ioas(IOMMU_VFIO_IOAS_SET, ioas));
	x(ct_destroy(ioas));
	expect_no_container("it was destroyed");
}

/* What is wrong with the argument is said though there is no address space. */
CT_TEST(bad_arguments_first, "COMPAT-003", .needs = TARGET_VFIO_COMPAT)
{
	static const unsigned long cmds[] = { VFIO_IOMMU_GET_INFO, VFIO_IOMMU_MAP_DMA,
					      VFIO_IOMMU_UNMAP_DMA };
	static const u32 fixed[] = { 16, 32, 24 };
	/* What is right without the fault: nothing else may be what is refused. */
	static const u32 good[] = { 0, READ | WRITE, 0 };
	u8 *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u32 ioas;

	ct_check(page != MAP_FAILED && !mprotect(page + 4096, 4096, PROT_NONE), "mmap: errno %d",
		 errno);
	for (int named = 0; named < 2; named++) {
		for (size_t i = 0; i < N(cmds); i++) {
			u32 arg[8] = { 0, good[i] };

			x_err(EFAULT, ct_ioctl(cmds[i], NULL));
			x_err(EFAULT, ct_ioctl(cmds[i], page + 4096 - fixed[i] + 1));
			for (arg[0] = 0; arg[0] < fixed[i]; arg[0]++)
				x_err(EINVAL, ct_ioctl(cmds[i], arg));
			if (cmds[i] == VFIO_IOMMU_GET_INFO)
				continue; /* its flags are an answer */
			arg[0] = fixed[i];
			for (u32 flag = 8; flag; flag <<= 1) {
				arg[1] = good[i] | flag;
				x_err(EINVAL, ct_ioctl(cmds[i], arg));
			}
		}
		x(ct_ioas_alloc(&ioas));
		x(vfio_ioas(IOMMU_VFIO_IOAS_SET, ioas));
	}
}

static u64 huge_pages(u32 ioas)
{
	u64 on = 7;

	x(ct_option(IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_GET, &on));
	return on;
}

CT_TEST(set_iommu, "COMPAT-004", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	static const u64 bad[] = { 0,
				   2,
				   VFIO_DMA_CC_IOMMU,
				   VFIO_TYPE1_NESTING_IOMMU,
				   VFIO_UNMAP_ALL,
				   1000,
				   UINT64_MAX,
				   1ULL << 32 | VFIO_TYPE1_IOMMU };
	struct scene s;

	open_container(&s, VFIO_TYPE1v2_IOMMU, true);
	for (size_t i = 0; i < N(bad); i++)
		x_err(EINVAL, vfio_number(VFIO_SET_IOMMU, bad[i]));
	ct_check(huge_pages(s.ioas) == 1, "type1v2 has turned large pages off");
	/* Too late: large leaves may be there. */
	scene_write(&s, 0, 1);
	x_err(EINVAL, vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	ct_check(huge_pages(s.ioas) == 1, "a refused type1 has turned large pages off");
	unmap_part(&s, 0, s.length);
	for (int twice = 0; twice < 2; twice++) {
		x(vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
		ct_check(huge_pages(s.ioas) == 0, "type1 has left large pages on");
	}
	/* Every leaf is small now, though all would suit large ones. */
	x(vfio_map(READ | WRITE, s.mem, s.length, s.iova));
	scene_write(&s, 3 << 20, 1);
	scene_expect(&s, 0, s.length, s.granule);
	x(vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
}

/* ---- MAP_DMA; of type1, so that the truth knows the leaves ---- */

/* There and nowhere else, clean, and tracked from the first write. */
CT_TEST(map_at_iova, "COMPAT-009", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u64 half;

	open_container(&s, VFIO_TYPE1_IOMMU, false);
	half = s.length / 2;
	for (u64 at = 0; at < half; at += half / 4)
		x(vfio_map(READ | WRITE, s.mem + at, s.page, s.iova + at));
	for (u64 at = 0; at < half; at += half / 4) {
		scene_expect(&s, at, s.page, s.granule);
		expect_there(&s, at + 5);
		expect_gone(&s, at + s.page, s.page);
	}
	for (u64 at = 0; at < half; at += half / 4) {
		scene_expect(&s, at, s.page, s.granule);
		scene_expect(&s, at, s.page, s.granule);
	}
}

/* A device reads what is READ and writes what is WRITE. */
CT_TEST(map_access, "COMPAT-010", .needs = TARGET_VFIO_COMPAT | TARGET_DMA, .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u64 p;
	u8 byte = 0;

	open_container(&s, VFIO_TYPE1_IOMMU, false);
	p = s.page;
	x(vfio_map(READ, s.mem, p, s.iova));
	x(vfio_map(READ | WRITE, s.mem + p, p, s.iova + p));
	s.mem[1] = 0x5a;
	x(ct_dma_read(s.dev, 0, s.iova + 1, &byte, 1));
	ct_check(byte == 0x5a, "read %#x, there is 0x5a", byte);
	x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + 1, "?", 1));
	ct_check(s.mem[1] == 0x5a, "a write reached memory that is only READ");
	expect_there(&s, p);
	scene_expect(&s, 0, 2 * p, s.granule);
}

/* Refused for what is wrong, and nothing is mapped; what is mapped keeps its bits. */
CT_TEST(map_refused, "COMPAT-011", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u64 p, at, half;

	open_container(&s, VFIO_TYPE1_IOMMU, false);
	p = s.page;
	half = s.length / 2;
	at = s.iova + half;
	x(vfio_map(READ | WRITE, s.mem, half, s.iova));
	scene_write(&s, 0, 1);
	scene_write(&s, half - 1, 1);

	x_err(EEXIST, vfio_map(READ | WRITE, s.mem, p, s.iova));
	x_err(EEXIST, vfio_map(READ | WRITE, s.mem, 2 * p, at - p));
	x_err(EINVAL, vfio_map(0, s.mem, p, at));
	x_err(EINVAL, vfio_map(READ | WRITE | VFIO_DMA_MAP_FLAG_VADDR, s.mem, p, at));
	x_err(EINVAL, vfio_map(VFIO_DMA_MAP_FLAG_VADDR, s.mem, p, s.iova));
	x_err(EINVAL, vfio_map(READ | WRITE, s.mem, 0, at));
	x_err(EINVAL, vfio_map(READ | WRITE, s.mem, p, at + 1));
	x_err(EINVAL, vfio_map(READ | WRITE, s.mem, p + 1, at));
	x_err(EINVAL, vfio_map(READ | WRITE, s.mem + 1, p, at));
	x_err(EFAULT, vfio_map(READ | WRITE, NULL, p, at));
	x_err(EOVERFLOW, vfio_map(READ | WRITE, s.mem, 2 * p, -p));
	if (ct.config.format.aperture_last != UINT64_MAX)
		x_err(EINVAL, vfio_map(READ | WRITE, s.mem, p, ct.config.format.aperture_last + 1));

	expect_gone(&s, half, half);
	scene_expect(&s, 0, half, s.granule);
}

/* ---- UNMAP_DMA ---- */

static void expect_unmapped(u32 flags, u64 iova, u64 size, u64 expected)
{
	u64 unmapped;

	x(vfio_unmap(flags, iova, size, &unmapped));
	ct_check(unmapped == expected, "unmapped 0x%" PRIx64 " bytes, expected 0x%" PRIx64,
		 unmapped, expected);
}

static void unmap_all_ways(u32 type)
{
	const u32 all = VFIO_DMA_UNMAP_FLAG_ALL;
	struct scene s;
	u64 q;

	open_container(&s, type, false);
	q = s.length / 4;
	expect_unmapped(0, s.iova, s.length, 0);
	expect_unmapped(all, 0, 0, 0);
	for (u64 at = 0; at < s.length; at += q)
		x(vfio_map(READ | WRITE, s.mem + at, q, s.iova + at));
	x_err(EINVAL, vfio_unmap(all, s.iova, q, NULL));
	x_err(EINVAL, vfio_unmap(all, 0, q, NULL));
	x_err(EINVAL, vfio_unmap(all, s.iova, 0, NULL));
	x_err(EINVAL, vfio_unmap(0, s.iova, 0, NULL));
	x_err(EOVERFLOW, vfio_unmap(0, s.iova, UINT64_MAX, NULL));
	expect_unmapped(0, s.iova + q, q, q);
	expect_unmapped(0, s.iova + q, q, 0);
	expect_gone(&s, q, q);
	expect_there(&s, 0);
	/* A range with a hole: what is in it. */
	expect_unmapped(0, s.iova, 3 * q, 2 * q);
	expect_gone(&s, 0, 3 * q);
	expect_there(&s, 3 * q);
	expect_unmapped(all, 0, 0, q);
	expect_gone(&s, 0, s.length);
}

CT_TEST(unmap, "COMPAT-012", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	unmap_all_ways(VFIO_TYPE1v2_IOMMU);
	unmap_all_ways(VFIO_TYPE1_IOMMU);
}

/* Type1v2 has whole mappings only: a part is ENOENT, and no bit of it is lost. */
CT_TEST(unmap_part_of_v2, "COMPAT-013", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	struct ct_bitmap before, after;
	struct scene s;
	u64 q;

	open_container(&s, VFIO_TYPE1v2_IOMMU, true);
	q = s.length / 4;
	ct_bitmap_init_guarded(&before, s.length / s.page);
	ct_bitmap_init_guarded(&after, s.length / s.page);
	for (u64 at = 0; at < s.length; at += q / 2)
		scene_write(&s, at, 1);
	x(scene_get(&s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, s.length, s.page, before.bytes));

	const struct {
		u64 offset, size;
	} parts[] = { { 0, s.page }, { 0, s.page / 2 },	  { 0, s.length - s.page },
		      { q, q },	     { s.length - q, q }, { s.page, s.length } };

	for (size_t i = 0; i < N(parts); i++) {
		u64 size;

		x_err(ENOENT, vfio_unmap(0, s.iova + parts[i].offset, parts[i].size, &size));
		ct_check(size == 0, "0x%" PRIx64 " bytes are said to be unmapped", size);
	}
	x(scene_get(&s, 0, 0, s.length, s.page, after.bytes));
	ct_check(!memcmp(before.bytes, after.bytes, s.length / s.page / 8),
		 "%" PRIu64 " pages were dirty, %" PRIu64 " after unmaps that were refused",
		 ct_bitmap_count(&before), ct_bitmap_count(&after));
	expect_there(&s, q + s.page);
}

/* ---- the old dirty tracking ---- */

/* Refused with nothing unmapped, no bit taken, and the bitmap as it was. */
CT_TEST(unmap_with_bitmap, "COMPAT-014", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	static const u32 refused[] = {
		VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP | VFIO_DMA_UNMAP_FLAG_ALL,
		VFIO_DMA_UNMAP_FLAG_VADDR,
		VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL,
	};
	_Alignas(8) u8 arg[sizeof(struct vfio_iommu_type1_dma_unmap) + sizeof(struct vfio_bitmap)];
	struct vfio_iommu_type1_dma_unmap *unmap = (void *)arg;
	struct vfio_bitmap *bitmap = (void *)unmap->data;
	struct ct_bitmap b;
	struct scene s;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	ct_bitmap_init_guarded(&b, s.length / 4096);
	scene_write(&s, 0, 1);
	scene_write(&s, s.length - 1, 1);
	for (size_t i = 0; i < N(refused); i++) {
		bool all = refused[i] & VFIO_DMA_UNMAP_FLAG_ALL;

		memset(arg, 0, sizeof(arg));
		unmap->argsz = sizeof(arg);
		unmap->flags = refused[i];
		unmap->iova = all ? 0 : s.iova;
		unmap->size = all ? 0 : s.length;
		bitmap->pgsize = 4096;
		bitmap->size = align_up(s.length / 4096, 64) / 8;
		bitmap->data = (void *)b.bytes;
		x_err(EINVAL, ct_ioctl(VFIO_IOMMU_UNMAP_DMA, arg));
		ct_check(ct_bitmap_count(&b) == 0, "a refused call wrote to the bitmap");
		ct_bitmap_check_guards(&b);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
	}
	expect_there(&s, s.length / 2);
	scene_expect(&s, 0, s.length, s.granule);
}

/* A program that tries to log must see at once that it cannot. */
CT_TEST(dirty_pages, "COMPAT-015", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	static const u32 flags[] = { 0, VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
				     VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
				     VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP };
	_Alignas(8) u8 arg[sizeof(struct vfio_iommu_type1_dirty_bitmap) +
			   sizeof(struct vfio_iommu_type1_dirty_bitmap_get)];
	struct vfio_iommu_type1_dirty_bitmap *head = (void *)arg;
	struct vfio_iommu_type1_dirty_bitmap_get *get = (void *)head->data;
	struct ct_bitmap b;
	struct scene s;

	x_err(ENOTTY, ct_ioctl(VFIO_IOMMU_DIRTY_PAGES, NULL));
	open_container(&s, VFIO_TYPE1_IOMMU, true);
	ct_bitmap_init_guarded(&b, s.length / 4096);
	for (size_t i = 0; i < N(flags); i++) {
		scene_write(&s, i << 20, 1);
		memset(arg, 0, sizeof(arg));
		head->argsz = sizeof(arg);
		head->flags = flags[i];
		get->iova = s.iova;
		get->size = s.length;
		get->bitmap.pgsize = 4096;
		get->bitmap.size = align_up(s.length / 4096, 64) / 8;
		get->bitmap.data = (void *)b.bytes;
		x_err(ENOTTY, ct_ioctl(VFIO_IOMMU_DIRTY_PAGES, arg));
		ct_check(ct_bitmap_count(&b) == 0, "a refused call wrote to the bitmap");
		ct_bitmap_check_guards(&b);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
	}
	scene_expect(&s, 0, s.length, s.granule);
}

/* VFIO's other numbers, and these with a direction and a size. */
CT_TEST(other_numbers, "COMPAT-016", .needs = TARGET_VFIO_COMPAT)
{
	static const unsigned long other[] = {
		_IO('<', VFIO_BASE),
		_IOR(VFIO_TYPE, VFIO_BASE, u32),
		_IOW(VFIO_TYPE, VFIO_BASE + 1, u32),
		_IOWR(VFIO_TYPE, VFIO_BASE + 12, struct vfio_iommu_type1_info),
		_IOW(VFIO_TYPE, VFIO_BASE + 13, struct vfio_iommu_type1_dma_map),
		_IOWR(VFIO_TYPE, VFIO_BASE + 14, struct vfio_iommu_type1_dma_unmap),
	};
	u64 arg[8];
	u32 ioas;

	x(ct_ioas_alloc(&ioas));
	x(vfio_ioas(IOMMU_VFIO_IOAS_SET, ioas));
	for (u32 nr = VFIO_BASE; nr < IOMMUFD_CMD_BASE; nr++) {
		u32 n = nr - VFIO_BASE;

		if (n <= 2 || (n >= 12 && n <= 14))
			continue;
		memset(arg, 0x20, sizeof(arg));
		x_err(ENOTTY, ct_ioctl(_IO(VFIO_TYPE, nr), arg));
	}
	for (size_t i = 0; i < N(other); i++)
		x_err(ENOTTY, ct_ioctl(other[i], arg));
}
