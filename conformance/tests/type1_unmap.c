/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter TYPE1: to unmap, and to be told in the same call what was written until
 * then. Nobody else can tell it afterwards.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "type1.h"

/* Two mappings of a word of pages each, tracked, with a write in both. */
static void open_two(struct container *c, struct ct_bitmap *b)
{
	type1_open(c, VFIO_TYPE1v2_IOMMU, 2 * WORD);
	ct_bitmap_init_guarded(b, c->pages);
	x(type1_map(c, 0, WORD));
	x(type1_map(c, WORD, WORD));
	x(type1_dirty_pages(START));
	type1_write(c, 7);
	type1_write(c, WORD + 9);
}

static void expect_both(const struct ct_bitmap *b, const char *why)
{
	type1_expect(b, 7, true, why);
	type1_expect(b, WORD + 9, true, why);
	ct_bitmap_check_guards(b);
}

static int ask(struct type1_unmap *unmap)
{
	return container_ioctl(VFIO_IOMMU_UNMAP_DMA, unmap);
}

/* All or nothing: one word of the bitmap can be written to, the other not. */
CT_TEST(type1_unmap_bad_bitmap, "TYPE1-014", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	struct container c;
	struct ct_bitmap b;
	struct type1_unmap unmap;
	u8 *room = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ct_check(room != MAP_FAILED && !mprotect(room + 4096, 4096, PROT_NONE), "mmap: errno %d",
		 errno);
	open_two(&c, &b);
	unmap = type1_unmap_request(&c, 0, c.pages, room + 4096 - 8);
	x_err(EFAULT, ask(&unmap));
	ct_check(type1_is_mapped(&c, 0) || unmap.size == WORD * c.page,
		 "the call failed and left a size of %#" PRIx64
		 ", all that was asked for; the first "
		 "mapping, of %#" PRIx64 " bytes, is gone",
		 unmap.size, WORD * c.page);
	ct_check(type1_is_mapped(&c, WORD), "what could not be reported is gone");
}

/* Afterwards nothing is reached any more. */
CT_TEST(type1_unmap_with_bitmap, "TYPE1-015", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	struct container c;
	struct ct_bitmap b;
	struct type1_unmap unmap;

	open_two(&c, &b);
	unmap = type1_unmap_request(&c, 0, c.pages, b.bytes);
	x(ask(&unmap));
	ct_check(unmap.size == c.pages * c.page, "unmapped %#" PRIx64 " bytes, expected %#" PRIx64,
		 unmap.size, c.pages * c.page);
	expect_both(&b, "a device wrote there before the unmap");
	c.mem[7 * c.page] = 0x11;
	x_err(EFAULT, ct_dma_write(c.dev, 0, c.iova + 7 * c.page, "?", 1));
	ct_check(c.mem[7 * c.page] == 0x11, "a write reached memory unmapped");
	ct_check(!type1_is_mapped(&c, 0) && !type1_is_mapped(&c, WORD), "a mapping is still there");
	/* Nothing there is nothing to report. */
	ct_bitmap_fill(&b, 0);
	x(ask(&unmap));
	ct_check(unmap.size == 0, "unmapped %#" PRIx64 " bytes of nothing", unmap.size);
	ct_check(!ct_bitmap_count(&b), "pages are reported where nothing was mapped");
}

static void expect_refused(struct type1_unmap unmap, const struct ct_bitmap *b, const char *what)
{
	int ret = ask(&unmap);

	ct_check(ret == -EINVAL, "%s: expected EINVAL, got %s", what, ct_errno_name(ret));
	ct_check(!ct_bitmap_count(b), "%s: a refused call wrote to the bitmap", what);
}

CT_TEST(type1_unmap_refused, "TYPE1-016", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	struct container c;
	struct ct_bitmap b;
	struct type1_unmap good, bad;

	open_two(&c, &b);
	good = type1_unmap_request(&c, 0, c.pages, b.bytes);
	for (bad = good, bad.argsz = 0; bad.argsz < sizeof(bad); bad.argsz++)
		expect_refused(bad, &b, "argsz too small");
	bad = good;
	bad.flags |= VFIO_DMA_UNMAP_FLAG_ALL;
	expect_refused(bad, &b, "ALL with a bitmap");
	bad.flags ^= VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR;
	expect_refused(bad, &b, "VADDR with a bitmap");
	bad = good;
	bad.bitmap.pgsize = 2 * c.page;
	expect_refused(bad, &b, "another page size");
	bad = good;
	for (bad.bitmap.size = 0; bad.bitmap.size < good.bitmap.size; bad.bitmap.size++)
		expect_refused(bad, &b, "bitmap too small");
	bad = good;
	bad.size -= c.page;
	expect_refused(bad, &b, "the last mapping cut");
	bad = type1_unmap_request(&c, 1, c.pages - 1, b.bytes);
	expect_refused(bad, &b, "the first mapping cut");
	x(type1_dirty_pages(STOP));
	expect_refused(good, &b, "tracking off");
	x(type1_dirty_pages(START));
	type1_write(&c, 7);
	type1_write(&c, WORD + 9);
	x(ask(&good));
	expect_both(&b, "a device wrote there, and calls that were refused were before");
}

CT_TEST(type1_unmap_all, "TYPE1-017", .needs = TARGET_TYPE1 | TARGET_DMA)
{
	const u32 all = VFIO_DMA_UNMAP_FLAG_ALL;
	struct container c;
	struct ct_bitmap b;
	u64 size;

	open_two(&c, &b);
	x_err(EINVAL, vfio_unmap(all, c.iova, c.page, NULL));
	x_err(EINVAL, vfio_unmap(all, 0, c.page, NULL));
	x_err(EINVAL, vfio_unmap(all, c.iova, 0, NULL));
	x(type1_get(&c, 0, c.pages, b.bytes));
	expect_both(&b, "a device wrote there, and an unmap was refused");
	x(vfio_unmap(all, 0, 0, &size));
	ct_check(size == c.pages * c.page, "unmapped %#" PRIx64 " bytes, expected %#" PRIx64, size,
		 c.pages * c.page);
	ct_check(!type1_is_mapped(&c, 0) && !type1_is_mapped(&c, WORD), "a mapping is still there");
	x(vfio_unmap(all, 0, 0, &size));
	ct_check(size == 0, "unmapped %#" PRIx64 " bytes of nothing", size);
	ct_bitmap_fill(&b, 0);
	x(type1_get(&c, 0, c.pages, b.bytes));
	ct_check(!ct_bitmap_count(&b), "pages are reported where nothing is mapped");
}
