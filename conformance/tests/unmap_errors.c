/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter UNMAP: an unmap that reports and is refused, or fails, has unmapped nothing, and
 * every write is still reported.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "concurrency.h"
#include "unmap.h"

#define NEEDS TARGET_UNMAP_DIRTY
#define N(array) (sizeof(array) / sizeof((array)[0]))

static u8 *memory(u64 length, int prot)
{
	u8 *p = mmap(NULL, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ct_check(p != MAP_FAILED, "mmap: errno %d", errno);
	return p;
}

/* ---- requests that are refused ---- */

struct request {
	const char *what;
	struct iodirty_unmap_dirty arg;
	int err;
};

/* Of a call that returned @ret: all is as it was, the bitmap at @bytes untouched. */
static void expect_refused(struct scene *s, const char *what, int ret, int err, const u8 *bytes,
			   u64 size)
{
	ct_check(ret == -err, "%s: expected %s, got %s", what, ct_errno_name(err),
		 ct_errno_name(ret));
	for (u64 i = 0; i < size; i++)
		ct_check(!bytes[i], "%s: byte %llu of the bitmap is %#x", what,
			 (unsigned long long)i, bytes[i]);
	scene_expect_no_clear(s, 0, s->length / 2, s->granule);
	scene_expect_no_clear(s, s->length / 2, s->length / 2, s->granule);
}

/* Two areas, half of the scene each, and a hole after them. */
CT_TEST(unmap_refused, "UNMAP-009", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	u64 size = 4096, half, p, end;
	struct scene s;
	u8 *bytes;

	scene_open(&s, .no_map = true);
	half = s.length / 2;
	p = s.granule;
	end = s.iova + s.length;
	bytes = memory(size, PROT_READ | PROT_WRITE);
	x(ct_map(s.ioas, s.mem, half, s.iova));
	x(ct_map(s.ioas, s.mem + half, half, s.iova + half));
	scene_write(&s, 0, 1);
	scene_write(&s, half, 1);

	const struct iodirty_unmap_dirty good = {
		.ioas_id = s.ioas,
		.iova = s.iova,
		.length = s.length,
		.page_size = s.leaf,
		.data = (uintptr_t)bytes,
	};
	struct request bad[] = {
		{ "a flag", good, EOPNOTSUPP },
		{ "the reserved field", good, EOPNOTSUPP },
		{ "no such id", good, ENOENT },
		{ "a HWPT's id", good, ENOENT },
		{ "length 0", good, EINVAL },
		{ "page_size 0", good, EINVAL },
		{ "page_size 3 pages", good, EINVAL },
		{ "page_size greater than iova's alignment", good, EINVAL },
		{ "iova not aligned", good, EINVAL },
		{ "length not aligned", good, EINVAL },
		{ "all of the address space, as IOAS_UNMAP takes it", good, EINVAL },
		{ "beyond the top", good, EOVERFLOW },
		{ "into a hole", good, ENOENT },
		{ "a hole", good, ENOENT },
		{ "a part, at the front", good, ENOENT },
		{ "a part, at the end", good, ENOENT },
		{ "parts of two", good, ENOENT },
		{ "NULL", good, EFAULT },
		{ "the last page of user space", good, EFAULT },
		{ "not canonical", good, EFAULT },
		{ "read-only", good, EFAULT },
	};
	unsigned int i = 0;

	bad[i++].arg.flags = 1;
	bad[i++].arg.__reserved = 1;
	bad[i++].arg.ioas_id = 4711;
	bad[i++].arg.ioas_id = s.hwpt;
	bad[i++].arg.length = 0;
	bad[i++].arg.page_size = 0;
	bad[i++].arg.page_size = 3 * s.leaf;
	bad[i++].arg.page_size = (u64)1 << 63;
	bad[i++].arg.iova += p / 2;
	bad[i++].arg.length -= p / 2;
	bad[i].arg.iova = 0;
	bad[i++].arg.length = UINT64_MAX;
	bad[i].arg.iova = -2 * s.leaf;
	bad[i++].arg.length = 4 * s.leaf;
	bad[i++].arg.length += s.leaf;
	bad[i].arg.iova = end;
	bad[i++].arg.length = s.leaf;
	bad[i++].arg.length = s.leaf;
	bad[i].arg.iova = end - s.leaf;
	bad[i++].arg.length = s.leaf;
	bad[i].arg.iova += s.leaf;
	bad[i++].arg.length -= 2 * s.leaf;
	bad[i++].arg.data = 0;
	bad[i++].arg.data = 0x7ffffffff000;
	bad[i++].arg.data = 0x8000000000000000;
	bad[i++].arg.data = (uintptr_t)memory(4096, PROT_READ);
	ct_check(i == N(bad), "%u requests of %zu are written", i, N(bad));
	for (i = 0; i < N(bad); i++) {
		int ret = ct.t->driver->unmap_dirty(ct.t, &bad[i].arg);

		expect_refused(&s, bad[i].what, ret, bad[i].err, bytes, size);
	}
	unmap_expect_all(&s);
}

/* No HWPT that could say what was written; a plain unmap is what there is. */
CT_TEST(unmap_untracked, "UNMAP-009", .scope = CT_EACH_FORMAT, .needs = NEEDS)
{
	struct ct_bitmap b;
	struct scene s;
	u32 ioas;

	scene_open(&s);
	x(ct_ioas_alloc(&ioas));
	x(ct_map(ioas, s.mem, s.length, s.iova));
	ct_bitmap_init_guarded(&b, s.length / s.page);
	x_err(EOPNOTSUPP, ct_unmap_dirty(ioas, s.iova, s.length, s.page, b.bytes));
	x(ct_replace(s.dev, 0, ioas));
	x_err(EOPNOTSUPP, ct_unmap_dirty(ioas, s.iova, s.length, s.page, b.bytes));
	ct_check(!ct_bitmap_count(&b), "a refused unmap wrote to the bitmap");
	expect_lands(&s, s.dev, 0, 0, s.mem, NULL);
	x(ct_unmap(ioas, s.iova, s.length, NULL));
}

/* A bit a byte of 1 GiB is a bitmap of 128 MiB. */
CT_TEST(unmap_bitmap_too_long, "UNMAP-009", .scope = CT_EACH_FORMAT, .needs = NEEDS)
{
	const u64 length = 1 << 30;
	struct scene s;
	u8 *bytes;

	scene_open(&s, .no_map = true);
	s.mem = ct_memory(length, length, 0);
	s.iova = align_up(highest(s.iova, ct.config.format.aperture_first), length);
	if (s.iova + length - 1 > ct.config.format.aperture_last)
		ct_skip("the aperture has no room");
	bytes = mmap(NULL, length / 8, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ct_check(bytes != MAP_FAILED, "no memory for the bitmap");
	x(ct_map(s.ioas, s.mem, length, s.iova));
	x(ct_dma_write(s.dev, 0, s.iova + length - 1, "!", 1));
	x_err(E2BIG, unmap_dirty(&s, 0, length, 1, bytes));
	ct_check(!bytes[0] && !bytes[length / 8 - 1], "a refused unmap wrote to the bitmap");
	x(unmap_dirty(&s, 0, length, s.granule, bytes));
	ct_check(bytes[(length / s.granule - 1) / 8] >> 7, "the write is not reported");
}

/* ---- a bitmap that cannot be written to its end ---- */

/*
 * However long the part that can be: that is seen before a device is kept from its memory,
 * so none of a stream's writes faults, and none is lost.
 */
CT_TEST(unmap_bitmap_half, "UNMAP-009", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = NEEDS | TARGET_DMA | TARGET_STREAM)
{
	struct traffic t;
	struct scene s;
	u64 bitmap;
	u8 *bad;

	/* A bit a byte, more than a window long. */
	scene_open(&s, .leaves = (u64)(8 << 20) >> ct.config.leaf_lg2);
	bitmap = s.length / 8;
	bad = memory(bitmap, PROT_READ | PROT_WRITE);
	ct_check(!mprotect(bad + bitmap - 4096, 4096, PROT_READ), "mprotect: errno %d", errno);
	traffic_open(&t, &s, s.leaf);
	traffic_start(&t, s.dev);
	for (u32 i = 0; i < 50; i++) {
		x_err(EFAULT, unmap_dirty(&s, 0, s.length, 1, bad));
		if (i % 10 == 0)
			traffic_settle(&t);
	}
	traffic_finish(&t);
}

/* ---- whatever fails ---- */

/* Two areas and two HWPTs; of the first, one leaf has been harvested by half. */
struct sweep {
	struct scene s, second;
	u64 half, pins;
};

static u64 pinned_pages(void)
{
	struct iodirty_stats stats = { 0 };

	if (ct.t->caps & TARGET_STATS)
		x(ct.t->driver->stats(ct.t, &stats));
	return stats.pinned_pages;
}

static void sweep_map(struct sweep *w)
{
	struct scene *s = &w->s;
	u64 part = highest(s->leaf / 2, s->granule);

	x(ct_map(s->ioas, s->mem, w->half, s->iova));
	x(ct_map(s->ioas, s->mem + w->half, w->half, s->iova + w->half));
	w->pins = pinned_pages();
	scene_write(s, 0, 1);
	scene_write(s, s->length - 1, 1);
	scene_expect(s, 0, part, s->granule);
	scene_write(&w->second, s->leaf, 1);
}

static void expect_nothing_done(struct sweep *w)
{
	u8 byte = 1;

	scene_expect_no_clear(&w->s, 0, w->s.length, w->s.granule);
	scene_expect_no_clear(&w->second, 0, w->s.length, w->s.granule);
	/* What was dirty may be written, and stays dirty. */
	x(ct_dma_write(w->s.dev, 0, w->s.iova + w->s.length - 1, &byte, 1));
	x(ct_dma_read(w->s.dev, 0, w->s.iova + w->s.leaf, &byte, 1));
	scene_write(&w->second, w->s.leaf, 1);
	ct_check(pinned_pages() == w->pins, "%llu pages are pinned, not %llu",
		 (unsigned long long)pinned_pages(), (unsigned long long)w->pins);
	scene_expect_no_clear(&w->s, 0, w->s.length, w->s.granule);
}

CT_TEST(nth_unmap_dirty, "UNMAP-010", .scope = CT_EACH_LEAF,
	.needs = NEEDS | TARGET_FAIL_NTH | TARGET_LEAF)
{
	u32 left = 0, failures = 0;
	struct sweep w = { 0 };
	struct ct_bitmap b;

	scene_open(&w.s, .no_map = true);
	w.half = w.s.length / 2;
	scene_beside(&w.second, &w.s, w.s.ioas);
	ct_bitmap_init(&b, w.s.length / w.s.granule, 0);
	for (u32 nth = 1; !left; nth++) {
		int ret;

		sweep_map(&w);
		x(ct.t->driver->fail_nth(ct.t, nth, &left));
		ret = unmap_dirty(&w.s, 0, w.s.length, w.s.granule, b.bytes);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		ct_check(left == 0 || ret == 0, "failed by itself: %s", ct_errno_name(ret));
		if (ret) {
			failures++;
			expect_nothing_done(&w);
			/* It may have set bits, of what was written and no others. */
			x(unmap_dirty(&w.s, 0, w.s.length, w.s.granule, b.bytes));
		}
		/* What the second wrote is one more leaf. */
		scene_mark(&w.s, w.s.leaf, 1);
		scene_compare(&w.s, &b, w.s.iova, w.s.granule, true);
		scene_forget(&w.second, 0, w.s.length);
		ct_bitmap_fill(&b, 0);
		ct_check(!pinned_pages(), "%llu pages are still pinned",
			 (unsigned long long)pinned_pages());
	}
	ct_check(failures > 0, "nothing could be made to fail");
	ct_measure("calls failed", failures, "1");
}
