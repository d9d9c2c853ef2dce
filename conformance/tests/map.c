/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter MAP: mapping, unmapping, copying and moving areas while they are
 * tracked. Areas are as large as a leaf of the configuration (but no smaller
 * than a page), one after the other from the scene's IOVA.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "ct.h"

#define FIXED IOMMU_IOAS_MAP_FIXED_IOVA
#define READ IOMMU_IOAS_MAP_READABLE
#define WRITE IOMMU_IOAS_MAP_WRITEABLE

/* Bytes of an area; scenes of 8 leaves have room for four. */
static u64 area_size(const struct scene *s)
{
	return s->leaf > s->page ? s->leaf : s->page;
}

static void map_area(struct scene *s, u64 index)
{
	u64 area = area_size(s);

	x(ct_map(s->ioas, s->mem + index * area, area, s->iova + index * area));
}

/* Area @index is gone: its writes are nobody's any more, and it is a hole. */
static void unmap_area(struct scene *s, u64 index)
{
	u64 area = area_size(s), bytes;

	x(ct_unmap(s->ioas, s->iova + index * area, area, &bytes));
	ct_check(bytes == area, "unmapped %llu of %llu bytes", (unsigned long long)bytes,
		 (unsigned long long)area);
	scene_forget(s, index * area, area);
}

/* A byte in every leaf of areas 0 to @n - 1; a leaf may be too large to fill. */
static void write_areas(struct scene *s, u64 n)
{
	for (u64 at = 0; at < n * area_size(s); at += s->leaf)
		scene_write(s, at + 1, 1);
}

/* A scene with areas 0 to 3 mapped. */
static void open_areas(struct scene *s)
{
	scene_open(s, .leaves = 8, .no_map = true);
	for (u64 i = 0; i < 4; i++)
		map_area(s, i);
}

/* ---- map ---- */

/* What is mapped while tracking is on begins clean, and is tracked at once. */
CT_TEST(map_while_tracking, "MAP-001", .scope = CT_EACH_LEAF, .giant = true)
{
	struct scene s;
	u64 area;

	scene_open(&s, .leaves = 8, .no_map = true);
	area = area_size(&s);
	map_area(&s, 0);
	scene_write(&s, 0, 1);
	map_area(&s, 1);
	map_area(&s, 2);
	scene_expect_no_clear(&s, 0, 3 * area, s.granule);
	scene_write(&s, area, 1);
	scene_write(&s, 3 * area - 1, 1);
	scene_expect(&s, 0, 3 * area, s.granule);
	scene_expect(&s, 0, 3 * area, s.granule);
}

/* An IOVA of the kernel's choice: allowed, aligned, and tracked like any other. */
CT_TEST(map_automatic, "MAP-002", .scope = CT_EACH_FORMAT)
{
	const struct iodirty_format_info *f = &ct.config.format;
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s, .leaves = 8, .no_map = true);
	ct_bitmap_init_guarded(&b, s.page / s.granule);
	for (int i = 0; i < 4; i++) {
		u64 iova = 0;

		x(ct_map_flags(s.ioas, READ | WRITE, s.mem, s.page, &iova));
		ct_check(iova != 0 && iova % s.granule == 0 && iova >= f->aperture_first &&
				 iova <= f->aperture_last - s.page + 1,
			 "mapped at 0x%llx", (unsigned long long)iova);
		ct_bitmap_fill(&b, 0);
		x(ct_get_bitmap(s.hwpt, 0, iova, s.page, s.granule, b.bytes));
		ct_check(ct_bitmap_count(&b) == 0, "mapped dirty");
		x(ct_dma_write(s.dev, 0, iova + 5, "!", 1));
		x(ct_get_bitmap(s.hwpt, 0, iova, s.page, s.granule, b.bytes));
		ct_check(ct_bitmap_test(&b, 0), "a write at 0x%llx is not reported",
			 (unsigned long long)iova);
	}
}

/* A map that fails, for whatever reason, leaves tracking on and every bit. */
CT_TEST(map_failure, "MAP-003", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 area, iova;

	open_areas(&s);
	area = area_size(&s);
	unmap_area(&s, 3);
	scene_write(&s, 0, 1);
	scene_write(&s, 2 * area, 1);
	x_err(EEXIST, ct_map(s.ioas, s.mem, area, s.iova));
	x_err(EEXIST, ct_map(s.ioas, s.mem, 2 * area, s.iova + 2 * area));
	x_err(EINVAL, ct_map(s.ioas, s.mem, area, s.iova + 3 * area + 1));
	x_err(EINVAL, ct_map(s.ioas, s.mem, 0, s.iova + 3 * area));
	x_err(EFAULT, ct_map(s.ioas, NULL, area, s.iova + 3 * area));
	iova = s.iova + 3 * area;
	x_err(EINVAL, ct_map_flags(s.ioas, FIXED, s.mem, area, &iova));
	scene_expect_hole(&s, s.hwpt, 3 * area, area);
	scene_expect_no_clear(&s, 0, 3 * area, s.granule);
	map_area(&s, 3);
	scene_write(&s, 4 * area - 1, 1);
	scene_expect(&s, 0, 4 * area, s.granule);
}

/* Memory that is not there, in part not there, or not writable: EFAULT, and not
 * one page of it is mapped. */
CT_TEST(map_bad_memory, "MAP-004", .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u64 p;
	u8 *va;

	scene_open(&s, .leaves = 8, .no_map = true);
	p = s.page;
	map_area(&s, 0);
	scene_write(&s, 0, 1);

	va = ct_memory(4 * p, p, 0);
	ct_check(!mprotect(va + 2 * p, p, PROT_NONE), "mprotect: errno %d", errno);
	ct_check(!mprotect(va + 3 * p, p, PROT_READ), "mprotect: errno %d", errno);
	const struct {
		u64 va, length;
	} bad[] = {
		{ (u64)va, 3 * p }, /* the last page of three */
		{ (u64)va + 2 * p, p }, /* nothing there */
		{ (u64)va + 3 * p, p }, /* read-only */
		{ 0, p },
		{ 0xffff800000000000, p }, /* the kernel's */
		{ 0x8000000000000000, p }, /* no address */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		x_err(EFAULT, ct_map(s.ioas, (void *)bad[i].va, bad[i].length, s.iova + p));
		scene_expect_hole(&s, s.hwpt, p, p);
		scene_expect_hole(&s, s.hwpt, p, 3 * p);
		if (ct.t->caps & TARGET_DMA)
			x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + p, "?", 1));
	}
	x(ct_map(s.ioas, va, 2 * p, s.iova + p));
	scene_expect(&s, 0, 3 * p, s.granule);
}

/* ---- unmap ---- */

/* Unmap takes the area's bits with it and leaves a hole; its neighbours keep
 * theirs. */
CT_TEST(unmap_drops_bits, "MAP-005", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 area;

	open_areas(&s);
	area = area_size(&s);
	write_areas(&s, 4);
	unmap_area(&s, 1);
	/* What a harvest says that comes to a hole later: ERRORS-005. */
	scene_expect_hole(&s, s.hwpt, area, area);
	scene_expect_hole(&s, s.hwpt, area, 2 * area);
	scene_expect(&s, 0, area, s.granule);
	scene_expect(&s, 2 * area, 2 * area, s.granule);
}

/* Unmap and map again: the new area is clean, whatever the old one was. */
CT_TEST(remap_is_clean, "MAP-006", .scope = CT_EACH_LEAF, .giant = true)
{
	struct scene s;
	u64 area;

	open_areas(&s);
	area = area_size(&s);
	for (int round = 0; round < 3; round++) {
		write_areas(&s, 4);
		unmap_area(&s, 1);
		unmap_area(&s, 2);
		map_area(&s, 2);
		map_area(&s, 1);
		scene_write(&s, 2 * area - 1, 1);
		scene_expect(&s, 0, 4 * area, s.granule);
	}
}

/* Other memory at the same IOVA: a write after the remap goes there, is reported,
 * and does not reach the old memory through a stale translation. */
CT_TEST(remap_reaches_new_memory, "MAP-007", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct scene s;
	u64 area;
	u8 *old, *fresh;

	open_areas(&s);
	area = area_size(&s);
	scene_write(&s, area, 1); /* the translation is cached, dirty */
	old = s.mem + area;
	*old = 0;
	fresh = ct_memory(area, 2 * s.leaf > 4096 ? 2 * s.leaf : 4096, s.leaf);

	unmap_area(&s, 1);
	x(ct_map(s.ioas, fresh, area, s.iova + area));
	scene_write(&s, area, 1);
	ct_check(*fresh != 0, "the write did not reach the new memory");
	ct_check(*old == 0, "the write reached memory that is no longer mapped");
	scene_expect(&s, 0, 4 * area, s.granule);
}

/* After an unmap the device faults, at once and at every byte of the area, also
 * through translations that it had used before. */
CT_TEST(unmap_stops_dma, "MAP-008", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct scene s;
	u64 area;
	u8 byte;

	open_areas(&s);
	area = area_size(&s);
	write_areas(&s, 4);
	unmap_area(&s, 1);
	for (u64 at = area; at < 2 * area; at += area / 8) {
		x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + at, "?", 1));
		x_err(EFAULT, ct_dma_read(s.dev, 0, s.iova + at, &byte, 1));
	}
	x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + 2 * area - 1, "?", 1));
	scene_expect_hole(&s, s.hwpt, area, area);
	map_area(&s, 1);
	scene_expect(&s, 0, 4 * area, s.granule);
}

static const char *needs_leaf_above_page(const struct ct_config *config)
{
	return config->leaf_lg2 <= 12 || config->leaf_lg2 <= config->format.granule_lg2 ?
		       "the leaf is no larger than a page" :
		       NULL;
}

/* One large leaf gives way to pages, and these to a large leaf, at one IOVA: no
 * cached entry of either size survives the other's coming. */
CT_TEST(remap_changes_leaf, "MAP-009", .scope = CT_EACH_LEAF, .requires = needs_leaf_above_page)
{
	struct ct_bitmap b;
	struct scene s;
	u8 *pages;

	scene_open(&s, .leaves = 4);
	x(ct_unmap(s.ioas, s.iova, s.length, NULL));
	/* One page beyond alignment: no leaf but a page fits. */
	pages = ct_memory(s.leaf, 2 * s.leaf, s.page);
	ct_bitmap_init_guarded(&b, s.leaf / s.page);
	for (int round = 0; round < 2; round++) {
		x(ct_map(s.ioas, s.mem, s.leaf, s.iova));
		scene_write(&s, s.leaf - 1, 1);
		scene_expect(&s, 0, s.leaf, s.page);
		scene_write(&s, 0, 1);
		x(ct_unmap(s.ioas, s.iova, s.leaf, NULL));
		scene_forget(&s, 0, s.leaf);

		x(ct_map(s.ioas, pages, s.leaf, s.iova));
		ct_bitmap_fill(&b, 0);
		x(scene_get(&s, 0, 0, s.leaf, s.page, b.bytes));
		ct_check(ct_bitmap_count(&b) == 0, "mapped dirty");
		x(ct_dma_write(s.dev, 0, s.iova + s.page, "!", 1));
		x(scene_get(&s, 0, 0, s.leaf, s.page, b.bytes));
		ct_check(ct_bitmap_test(&b, 1), "the page that was written is clean");
		if (ct.t->caps & TARGET_LEAF)
			ct_check(ct_bitmap_count(&b) == 1, "%llu pages are dirty, one was written",
				 (unsigned long long)ct_bitmap_count(&b));
		x(ct_unmap(s.ioas, s.iova, s.leaf, NULL));
	}
}

/* The recipe before an unmap: NO_CLEAR, then unmap; the caller has the bits. */
CT_TEST(no_clear_then_unmap, "MAP-010", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 area;

	open_areas(&s);
	area = area_size(&s);
	scene_write(&s, area, 1);
	scene_write(&s, 3 * area, 1);
	scene_expect_no_clear(&s, area, area, s.granule);
	unmap_area(&s, 1);
	scene_expect_hole(&s, s.hwpt, area, area);
	scene_expect(&s, 2 * area, 2 * area, s.granule);
}

/* Everything at once; tracking goes on for what is mapped next. */
CT_TEST(unmap_all, "MAP-011", .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u64 area, bytes;

	open_areas(&s);
	area = area_size(&s);
	write_areas(&s, 4);
	x(ct_unmap(s.ioas, 0, UINT64_MAX, &bytes));
	ct_check(bytes == 4 * area, "unmapped %llu of %llu bytes", (unsigned long long)bytes,
		 (unsigned long long)(4 * area));
	scene_forget(&s, 0, 4 * area);
	for (u64 i = 0; i < 4; i++)
		scene_expect_hole(&s, s.hwpt, i * area, area);
	x(ct_unmap(s.ioas, 0, UINT64_MAX, &bytes));
	ct_check(bytes == 0, "unmapped %llu bytes of nothing", (unsigned long long)bytes);
	map_area(&s, 2);
	scene_write(&s, 2 * area, 1);
	scene_expect(&s, 2 * area, area, s.granule);
}

/* One call over many areas, with holes between them. */
CT_TEST(unmap_many, "MAP-012", .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u64 bytes;

	scene_open(&s, .leaves = 256, .no_map = true);

	const u64 n = s.length / s.page;

	for (u64 i = 0; i < n; i++)
		if (i % 3)
			x(ct_map(s.ioas, s.mem + i * s.page, s.page, s.iova + i * s.page));
	for (u64 i = 0; i < n; i++)
		if (i % 3)
			scene_write(&s, i * s.page, s.page);
	/* From hole to hole: 1 and 2 of each three, areas 4 .. n - 4 at least. */
	const u64 first = 3, end = n / 3 * 3 - 3;

	x(ct_unmap(s.ioas, s.iova + first * s.page, (end - first) * s.page, &bytes));
	ct_check(bytes == (end - first) / 3 * 2 * s.page, "unmapped %llu bytes, not %llu",
		 (unsigned long long)bytes, (unsigned long long)((end - first) / 3 * 2 * s.page));
	for (u64 i = first; i < end; i++)
		scene_expect_hole(&s, s.hwpt, i * s.page, s.page);
	scene_expect(&s, s.page, 2 * s.page, s.granule);
	scene_expect(&s, (end + 1) * s.page, 2 * s.page, s.granule);
}

/* A range that cuts an area unmaps nothing of it and loses none of its bits. */
CT_TEST(unmap_part, "MAP-013", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 area;

	scene_open(&s, .leaves = 4);
	area = area_size(&s);
	scene_write(&s, 0, 1);
	scene_write(&s, s.leaf, 1);
	scene_write(&s, s.length - 1, 1);
	x_err(ENOENT, ct_unmap(s.ioas, s.iova, area, NULL));
	x_err(ENOENT, ct_unmap(s.ioas, s.iova + area, area, NULL));
	x_err(ENOENT, ct_unmap(s.ioas, s.iova + area, s.length - area, NULL));
	x_err(ENOENT, ct_unmap(s.ioas, s.iova + area, s.length, NULL));
	x_err(ENOENT, ct_unmap(s.ioas, s.iova - area, 2 * area, NULL));
	scene_expect(&s, 0, s.length, s.granule);
	scene_write(&s, s.length - 1, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* ---- aliases ---- */

/* A copy within the IOAS: the same pages at two IOVAs, each with its own bits, and
 * clean although its source was dirty. */
CT_TEST(copy_has_own_bits, "MAP-014", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 half;

	scene_open(&s, .leaves = 8, .no_map = true);
	half = s.length / 2;
	x(ct_map(s.ioas, s.mem, half, s.iova));
	scene_write(&s, 0, 1);
	scene_write(&s, half - 1, 1);
	x(ct_copy(s.ioas, s.iova + half, s.ioas, s.iova, half, FIXED | READ | WRITE));
	scene_expect(&s, 0, s.length, s.granule);

	scene_write(&s, half, 1); /* by the alias */
	scene_expect(&s, 0, s.length, s.granule);
	scene_write(&s, half - 1, 1); /* by the original */
	scene_expect(&s, 0, s.length, s.granule);

	scene_write(&s, half, 1);
	scene_forget(&s, 0, half);
	x(ct_unmap(s.ioas, s.iova, half, NULL)); /* the copy stays */
	scene_expect(&s, half, half, s.granule);
	scene_write(&s, s.length - 1, 1);
	scene_expect(&s, half, half, s.granule);
}

/* A copy into another IOAS, tracked through a HWPT of its own. */
CT_TEST(copy_to_other_ioas, "MAP-015", .scope = CT_EACH_FORMAT)
{
	struct scene s, other;
	u32 ioas;

	scene_open(&s);
	x(ct_ioas_alloc(&ioas));
	scene_beside(&other, &s, ioas);
	scene_write(&s, 0, 1);
	x(ct_copy(other.ioas, s.iova, s.ioas, s.iova, s.length, FIXED | READ | WRITE));
	scene_expect(&other, 0, s.length, s.granule);
	scene_write(&other, s.leaf, 1);
	scene_write(&s, 2 * s.leaf, 1);
	scene_expect(&other, 0, s.length, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
}

/* ---- files, permissions, processes ---- */

/* PAGE_SIZE leaves, so that it is known what a write dirties; 4 pages of a file
 * at the scene's IOVA, from the file's second page. Skips where unknown. */
static int map_file(struct scene *s)
{
	u64 off = 0, iova = s->iova;
	int fd = ct_memfd(8 * s->page);

	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s->ioas, IOMMU_OPTION_OP_SET, &off));
	x(ct_map_file(s->ioas, FIXED | READ | WRITE, fd, s->page, 4 * s->page, &iova));
	return fd;
}

/* Pages of a memfd are tracked as the caller's memory is. */
CT_TEST(file_is_tracked, "MAP-016", .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u8 *va;
	int fd;

	scene_open(&s, .leaves = 16, .no_map = true);
	fd = map_file(&s);
	scene_expect(&s, 0, 4 * s.page, s.page);
	scene_write(&s, s.page, 1);
	scene_write(&s, 4 * s.page - 1, 1);
	scene_expect(&s, 0, 4 * s.page, s.page);
	if (!(ct.t->caps & TARGET_DMA))
		return;
	va = mmap(NULL, 8 * s.page, PROT_READ, MAP_SHARED, fd, 0);
	ct_check(va != MAP_FAILED, "mmap: errno %d", errno);
	ct_check(va[2 * s.page] == 0xd1 && va[5 * s.page - 1] == 0xd1 && va[s.page] == 0,
		 "the bytes are not in the file where they belong");
}

/* A descriptor opened for reading gives a device no more than that. */
CT_TEST(file_opened_read_only, "MAP-021", .scope = CT_EACH_FORMAT)
{
	u8 byte = 0x5a;
	char path[32];
	struct scene s;
	u64 off = 0, iova, beside;
	int fd, ro, ret;

	scene_open(&s, .leaves = 16, .no_map = true);
	iova = s.iova;
	beside = s.iova + 4 * s.page;
	fd = ct_memfd(4 * s.page);
	ct_check(pwrite(fd, &byte, 1, s.page) == 1, "pwrite: errno %d", errno);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	ct_check(ro >= 0, "%s for reading: errno %d", path, errno);

	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s.ioas, IOMMU_OPTION_OP_SET, &off));
	x(ct_map_file(s.ioas, FIXED | READ, ro, 0, 4 * s.page, &iova));
	if (ct.t->caps & TARGET_DMA) {
		byte = 0;
		x(ct_dma_read(s.dev, 0, s.iova + s.page, &byte, 1));
		ct_check(byte == 0x5a, "the device reads %#x, the file has 0x5a", byte);
		x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + s.page, "?", 1));
		ct_check(pread(fd, &byte, 1, s.page) == 1 && byte == 0x5a,
			 "a write that faulted is in the file");
	}
	scene_expect(&s, 0, 4 * s.page, s.page);

	ret = ct_map_file(s.ioas, FIXED | READ | WRITE, ro, 0, 4 * s.page, &beside);
	ct_check(ret, "mapped for writing by a descriptor for reading");
	ct_note("refused with %s", ct_errno_name(ret));
	scene_expect_hole(&s, s.hwpt, 4 * s.page, 4 * s.page);
	x(ct_map_file(s.ioas, FIXED | READ | WRITE, fd, 0, 4 * s.page, &beside));
	scene_write(&s, 5 * s.page, 1);
	scene_expect(&s, 0, 8 * s.page, s.page);
}

/* CHANGE_PROCESS moves the accounting, not the bits. */
CT_TEST(change_process_keeps_bits, "MAP-017", .scope = CT_EACH_FORMAT)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };
	struct scene s;

	scene_open(&s, .leaves = 16, .no_map = true);
	map_file(&s);
	scene_write(&s, s.page, 1);
	x(ct_ioctl(IOMMU_IOAS_CHANGE_PROCESS, &cmd));
	scene_write(&s, 3 * s.page, 1);
	scene_expect(&s, 0, 4 * s.page, s.page);
	/* It is refused as soon as one area is not of a file; again nothing is lost. */
	scene_write(&s, 0, 1);
	x(ct_map(s.ioas, ct_memory(s.page, s.page, 0), s.page, s.iova + 4 * s.page));
	x_err(EINVAL, ct_ioctl(IOMMU_IOAS_CHANGE_PROCESS, &cmd));
	scene_expect(&s, 0, 5 * s.page, s.page);
}

/* A read-only area in the range is no hole, and clean. */
CT_TEST(read_only_in_range, "MAP-018", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 area, iova;

	open_areas(&s);
	area = area_size(&s);
	unmap_area(&s, 1);
	iova = s.iova + area;
	x(ct_map_flags(s.ioas, FIXED | READ, s.mem + area, area, &iova));
	scene_write(&s, 0, 1);
	scene_write(&s, 2 * area, 1);
	scene_expect(&s, 0, 4 * area, s.granule);
}

/* A device may read it; a write and an AtomicOp fault and dirty nothing. */
CT_TEST(read_only_never_dirty, "MAP-019", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct scene s;
	u64 area, iova;
	u8 byte;

	open_areas(&s);
	area = area_size(&s);
	unmap_area(&s, 1);
	iova = s.iova + area;
	x(ct_map_flags(s.ioas, FIXED | READ, s.mem + area, area, &iova));
	x(ct_dma_read(s.dev, 0, iova, &byte, 1));
	x_err(EFAULT, ct_dma_write(s.dev, 0, iova, "?", 1));
	x_err(EFAULT, ct_dma_write(s.dev, 0, iova + area - 1, "?", 1));
	if (ct.t->caps & TARGET_ATOMIC) {
		struct iodirty_dma d = { .size = sizeof(d),
					 .op = IODIRTY_DMA_CAS,
					 .dev_id = s.dev,
					 .iova = iova,
					 .length = 8,
					 .compare = 99 };

		x(ct.t->driver->dma(ct.t, &d));
		ct_check(d.out_fault == IODIRTY_FAULT_PERMISSION, "CAS on read-only memory: %u",
			 d.out_fault);
	}
	scene_expect(&s, 0, 4 * area, s.granule);
}

/* A device may write it, and what it writes is reported; a read dirties nothing. */
CT_TEST(write_only, "MAP-022", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct scene s;
	u64 area, iova;
	u8 byte = 0;
	int ret;

	open_areas(&s);
	area = area_size(&s);
	unmap_area(&s, 1);
	iova = s.iova + area;
	x(ct_map_flags(s.ioas, FIXED | WRITE, s.mem + area, area, &iova));
	s.mem[area] = 0x5a;
	ret = ct_dma_read(s.dev, 0, iova, &byte, 1);
	if (ct.config.format.flags & IODIRTY_FORMAT_WRITE_READS)
		ct_check(!ret && byte == 0x5a, "a read: %s, %#x", ct_errno_name(ret), byte);
	else
		ct_check(ret == -EFAULT && !byte, "a read: %s, %#x", ct_errno_name(ret), byte);
	scene_expect(&s, 0, 4 * area, s.granule);
	scene_write(&s, area, 1);
	scene_write(&s, 2 * area - 1, 1);
	scene_expect_no_clear(&s, 0, 4 * area, s.granule);
	scene_expect(&s, 0, 4 * area, s.granule);
	scene_write(&s, area, 1);
	scene_expect(&s, 0, 4 * area, s.granule);
	scene_expect(&s, 0, 4 * area, s.granule);
	/* It goes as any other does. */
	unmap_area(&s, 1);
	x_err(EFAULT, ct_dma_write(s.dev, 0, iova, "?", 1));
	x_err(EFAULT, ct_dma_write(s.dev, 0, iova + area - 1, "?", 1));
}

/* ---- many areas ---- */

/* Of this thread, so that others on the machine do not count. */
static double seconds(void)
{
	static clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
	static double tick;
	struct timespec t, next;

	/* Some kernels count processor time in ticks of milliseconds. */
	if (!tick) {
		clock_gettime(clock, &t);
		do {
			clock_gettime(clock, &next);
			tick = next.tv_sec - t.tv_sec + (next.tv_nsec - t.tv_nsec) / 1e9;
		} while (!tick);
		if (tick > 1e-4)
			clock = CLOCK_MONOTONIC;
	}
	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* So that few areas, which a cache would hold, are measured as many are. */
static void empty_caches(void)
{
	static u8 other[256 << 20];

	memset(other, 1, sizeof(other));
}

/* Maps @n areas of a page, harvests them, unmaps them; the best of @rounds. */
static void time_areas(struct scene *s, u64 n, int rounds, double *mapping, double *harvest)
{
	struct ct_bitmap b;

	ct_bitmap_init(&b, n, 0);
	*mapping = *harvest = 1e9;
	for (int round = 0; round < rounds; round++) {
		double start = seconds(), between, taken;
		u64 bytes;

		for (u64 i = 0; i < n; i++)
			x(ct_map(s->ioas, s->mem, s->page, s->iova + i * s->page));
		taken = seconds() - start;
		for (int again = 0; again < 3; again++) {
			empty_caches();
			between = seconds();
			x(scene_get(s, 0, 0, n * s->page, s->page, b.bytes));
			*harvest = least(*harvest, seconds() - between);
		}
		start = seconds();
		for (u64 i = 0; i < n / 2; i++)
			x(ct_unmap(s->ioas, s->iova + 2 * i * s->page, s->page, NULL));
		x(ct_unmap(s->ioas, 0, UINT64_MAX, &bytes));
		*mapping = least(*mapping, taken + seconds() - start);
		ct_check(bytes == (n - n / 2) * s->page, "unmapped %llu bytes",
			 (unsigned long long)bytes);
	}
	ct_bitmap_free(&b);
}

/* A guest of many areas: the cost of each may grow with the logarithm of their
 * number. More areas are given 2.5 times what n log n makes of the time of 1,000:
 * a cost that grew with n would take 24 times that for 100,000. */
CT_TEST(many_areas, "MAP-020", .timeout_s = 120)
{
	static const struct {
		u64 n, lg; /* @lg: of n, base 10 */
		int rounds;
		const char *mapping, *harvest;
	} steps[] = {
		{ 1000, 3, 5, "map+unmap/area, 1000", "harvest/area, 1000" },
		{ 10000, 4, 3, "map+unmap/area, 10000", "harvest/area, 10000" },
		{ 100000, 5, 1, "map+unmap/area, 100000", "harvest/area, 100000" },
	};
	double mapping[3], harvest[3];
	struct scene s;

	scene_open(&s, .no_map = true);
	for (int i = 0; i < 3; i++) {
		time_areas(&s, steps[i].n, steps[i].rounds, &mapping[i], &harvest[i]);
		ct_measure(steps[i].mapping, mapping[i] / steps[i].n * 1e9, "ns");
		ct_measure(steps[i].harvest, harvest[i] / steps[i].n * 1e9, "ns");
	}
	for (int i = 1; i < 3; i++) {
		double times = steps[i].n / steps[0].n;
		double allowed = 2.5 * times * steps[i].lg / steps[0].lg;

		ct_check(mapping[i] <= allowed * mapping[0],
			 "mapping %llu areas takes %.1f times as long as 1,000",
			 (unsigned long long)steps[i].n, mapping[i] / mapping[0]);
		ct_check(harvest[i] <= allowed * harvest[0],
			 "harvesting %llu areas takes %.1f times as long as 1,000",
			 (unsigned long long)steps[i].n, harvest[i] / harvest[0]);
	}
}
