/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ERRORS: an error costs nothing. Each test makes a call fail and then
 * shows that every write is still reported, that nothing half-done is left, and
 * that the same call, made well, succeeds.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "ct.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static u8 *pages(u64 length, int prot)
{
	u8 *p = mmap(NULL, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ct_check(p != MAP_FAILED, "mmap: errno %d", errno);
	return p;
}

/* ---- the bitmap ---- */

/* Every kind of address that cannot be written: EFAULT, and the next harvest has
 * it all. */
CT_TEST(bitmap_unwritable, "ERRORS-001", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s);

	const struct {
		const char *what;
		void *at;
	} bad[] = {
		{ "NULL", NULL },
		{ "the first page", (void *)8 },
		{ "no access", pages(4096, PROT_NONE) },
		{ "read-only", pages(4096, PROT_READ) },
		{ "the kernel's", (void *)0xffff800000000000 },
		{ "not canonical", (void *)0x8000000000000000 },
		{ "the last page of user space", (void *)0x7ffffffff000 },
		{ "the top", (void *)0xfffffffffffffff8 },
	};

	for (size_t i = 0; i < N(bad); i++) {
		scene_write(&s, i % 4 * s.leaf, 1);
		for (int twice = 0; twice < 2; twice++) {
			int ret = scene_get(&s, 0, 0, s.length, s.page, bad[i].at);

			ct_check(ret == -EFAULT, "%s: expected EFAULT, got %s", bad[i].what,
				 ct_errno_name(ret));
		}
		x_err(EFAULT, scene_get(&s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, s.length,
					s.page, bad[i].at));
	}
	scene_expect(&s, 0, s.length, s.granule);
}

/* A bitmap that cannot be written is an error though there is no bit to write:
 * else its program learns of the mistake on the first dirty page. */
CT_TEST(bitmap_unwritable_clean, "ERRORS-002")
{
	struct scene s;

	scene_open(&s);
	x_err(EFAULT, scene_get(&s, 0, 0, s.length, s.page, NULL));
	x_err(EFAULT, scene_get(&s, 0, 0, s.length, s.page, pages(4096, PROT_READ)));
	scene_write(&s, 0, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* The bitmap begins in memory and ends outside: what the failed harvest and the
 * next one delivered is all there was. */
CT_TEST(bitmap_half_writable, "ERRORS-003", .scope = CT_EACH_FORMAT)
{
	static const int gone[] = { PROT_NONE, PROT_READ };

	for (size_t g = 0; g < N(gone); g++) {
		struct ct_bitmap b;
		struct scene s;
		u8 *half;
		u64 bytes;

		scene_open(&s, .leaves = 64);
		half = pages(2 * 4096, PROT_READ | PROT_WRITE);
		ct_check(!mprotect(half + 4096, 4096, gone[g]), "mprotect: errno %d", errno);
		bytes = s.length / s.granule / 8;
		half += 4096 - bytes / 2;

		scene_write(&s, 0, s.length);
		x_err(EFAULT, scene_get(&s, 0, 0, s.length, s.granule, half));
		ct_bitmap_init(&b, s.length / s.granule, 0);
		memcpy(b.bytes, half, bytes / 2);
		x(scene_get(&s, 0, 0, s.length, s.granule, b.bytes));
		scene_compare(&s, &b, s.iova, s.granule, true);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* A bitmap of 4 MiB, longer than any window, whose second half cannot be written.
 * A write that the call did not deliver is in the next harvest. Granules of one
 * byte make so large a bitmap of 32 MiB. */
CT_TEST(bitmap_second_window, "ERRORS-004", .scope = CT_EACH_FORMAT, .timeout_s = 60)
{
	const u64 length = 32 << 20, bitmap = length / 8;
	static const u64 at[] = { 0, 5 << 20, (16 << 20) - 1, 16 << 20, 21 << 20, (32 << 20) - 1 };
	struct ct_bitmap b;
	struct scene s;
	u8 *bad;

	scene_open(&s, .leaves = length >> ct.config.leaf_lg2);
	bad = pages(bitmap, PROT_READ | PROT_WRITE);
	ct_check(!mprotect(bad + bitmap / 2, bitmap / 2, PROT_NONE), "mprotect: errno %d", errno);
	for (size_t i = 0; i < N(at); i++)
		scene_write(&s, at[i], 1);
	x_err(EFAULT, scene_get(&s, 0, 0, length, 1, bad));

	ct_bitmap_init(&b, length / s.leaf, 0);
	x(scene_get(&s, 0, 0, length, s.leaf, b.bytes));
	for (size_t i = 0; i < N(at); i++) {
		bool delivered = at[i] / 8 < bitmap / 2 && bad[at[i] / 8] & 1 << at[i] % 8;

		ct_check(delivered || ct_bitmap_test(&b, at[i] / s.leaf),
			 "the write at offset 0x%llx is lost", (unsigned long long)at[i]);
		scene_mark(&s, at[i], 1);
	}
	/* And nothing was made up. */
	for (u64 leaf = 0; leaf < b.nbits; leaf++) {
		bool written = false;

		for (size_t i = 0; i < N(at); i++)
			written |= at[i] / s.leaf == leaf;
		ct_check(written || !ct_bitmap_test(&b, leaf) || !(ct.t->caps & TARGET_LEAF),
			 "leaf %llu was not written", (unsigned long long)leaf);
	}
	scene_forget(&s, 0, length);
	scene_expect(&s, 0, length, s.leaf);
}

static const char *needs_long_leaf(const struct ct_config *config)
{
	/* 16 bytes of bitmap a page: its half must be a page at least */
	if (config->leaf_lg2 < 17)
		return "the bitmap of a leaf is shorter than two pages";
	return config->leaf_lg2 > 24 ? "the bitmap would be too long" : NULL;
}

/* The bitmap cannot be written from the middle of a leaf on: that half of the leaf
 * is reported by the next harvest, however much was delivered of the first. */
CT_TEST(bitmap_ends_inside_leaf, "ERRORS-004", .scope = CT_EACH_LEAF, .requires = needs_long_leaf)
{
	struct ct_bitmap b;
	struct scene s;
	u8 *bad;

	scene_open(&s, .leaves = 2);
	bad = pages(s.length / 8, PROT_READ | PROT_WRITE);
	ct_check(!mprotect(bad + s.leaf / 16, s.length / 8 - s.leaf / 16, PROT_NONE),
		 "mprotect: errno %d", errno);
	scene_write(&s, 0, 1);
	x_err(EFAULT, scene_get(&s, 0, 0, s.length, 1, bad));

	ct_bitmap_init(&b, s.length / s.granule, 0);
	x(scene_get(&s, 0, 0, s.length, s.granule, b.bytes));
	for (u64 at = s.leaf / 2; at < s.leaf; at += s.granule)
		ct_check(ct_bitmap_test(&b, at / s.granule), "the leaf at offset 0x%llx is lost",
			 (unsigned long long)at);
}

static const char *needs_parts(const struct ct_config *config)
{
	return config->leaf_lg2 > config->format.granule_lg2 ? NULL :
							       "a leaf of one granule has no parts";
}

/* What a harvest of half a leaf left to be told stays so when the next cannot be
 * delivered, by whichever end that reaches it. */
CT_TEST(bitmap_refused_after_part, "ERRORS-004", .scope = CT_EACH_LEAF, .requires = needs_parts)
{
	struct scene s;

	scene_open(&s, .leaves = 3);

	const u64 half = s.leaf / 2 & -s.granule, cut = s.leaf + half;
	const struct {
		u64 first, end; /* what is harvested before */
	} parts[] = { { s.leaf, cut }, { cut, 2 * s.leaf } };

	for (size_t i = 0; i < N(parts); i++) {
		scene_write(&s, cut, 1);
		scene_expect(&s, parts[i].first, parts[i].end - parts[i].first, s.granule);
		x_err(EFAULT, scene_get(&s, 0, 0, s.length, s.granule, NULL));
		x_err(EFAULT, scene_get(&s, 0, s.leaf, s.leaf, s.granule, NULL));
		scene_expect(&s, 0, s.length, s.granule);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* ---- the range ---- */

/* A hole at the start, inside, at the end, everywhere: ENOENT, nothing cleared,
 * not a bit written, though most of the range is mapped and dirty. */
CT_TEST(hole_in_range, "ERRORS-005", .scope = CT_EACH_LEAF)
{
	/* Areas of a leaf, a page at least; 0, 1, 3 and 4 of 6 are mapped. */
	static const u64 mapped[] = { 0, 1, 3, 4 };
	static const struct {
		u64 first, count;
	} ranges[] = {
		{ 0, 6 }, { 0, 3 }, { 1, 2 }, { 1, 3 }, { 2, 1 },
		{ 2, 2 }, { 3, 3 }, { 4, 2 }, { 5, 1 },
	};
	struct ct_bitmap b;
	struct scene s;
	u64 area;

	scene_open(&s, .leaves = ct.config.leaf_lg2 < 12 ? 12 : 6, .no_map = true);
	area = s.length / 6;
	for (size_t i = 0; i < N(mapped); i++) {
		x(ct_map(s.ioas, s.mem + mapped[i] * area, area, s.iova + mapped[i] * area));
		scene_write(&s, mapped[i] * area, 1);
		scene_write(&s, (mapped[i] + 1) * area - 1, 1);
	}
	for (size_t i = 0; i < N(ranges); i++) {
		ct_bitmap_init_guarded(&b, ranges[i].count * area / s.page);
		x_err(ENOENT, scene_get(&s, 0, ranges[i].first * area, ranges[i].count * area,
					s.page, b.bytes));
		ct_check(ct_bitmap_count(&b) == 0, "wrote %llu bits before it met the hole",
			 (unsigned long long)ct_bitmap_count(&b));
		ct_bitmap_check_guards(&b);
		ct_bitmap_free(&b);
	}
	scene_expect(&s, 0, 2 * area, s.granule);
	scene_expect(&s, 3 * area, 2 * area, s.granule);
}

/* Geometry, flags and ids that are refused: nothing was cleared on the way. */
CT_TEST(refused_clears_nothing, "ERRORS-006", .scope = CT_EACH_LEAF)
{
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s);

	const struct {
		u32 flags;
		u64 offset, length, page_size;
		int err;
	} bad[] = {
		{ 2, 0, s.length, s.page, EOPNOTSUPP },	 { 0, 0, 0, s.page, EINVAL },
		{ 0, 0, s.length, 0, EINVAL },		 { 0, 0, s.length, s.page - 1, EINVAL },
		{ 0, 0, s.length - 1, s.page, EINVAL },	 { 0, 1, s.length, s.page, EINVAL },
		{ 0, 0, UINT64_MAX, s.page, EOVERFLOW }, { 0, 0, s.length, -1ULL, EINVAL },
	};

	ct_bitmap_init(&b, s.length / s.granule, 0);
	for (size_t i = 0; i < N(bad); i++) {
		scene_write(&s, i % 4 * s.leaf, 1);
		x_err(bad[i].err, scene_get(&s, bad[i].flags, bad[i].offset, bad[i].length,
					    bad[i].page_size, b.bytes));
		ct_check(ct_bitmap_count(&b) == 0, "a refused harvest wrote to the bitmap");
	}
	x_err(ENOENT, ct_get_bitmap(s.ioas, 0, s.iova, s.length, s.page, b.bytes));
	x_err(ENOENT, ct_set_tracking(s.ioas, false));
	scene_expect(&s, 0, s.length, s.granule);
}

/* ---- the nth failure ---- */

struct sweep {
	struct scene s; /* 4 leaves, of which the first half is mapped */
	struct ct_bitmap bits;
	u64 half, pins;
	u32 hwpt, dev; /* a second pair over the IOAS; not attached */
	int memfd;
};

static void get_stats(struct iodirty_stats *stats)
{
	*stats = (struct iodirty_stats){ .size = sizeof(*stats) };
	x(ct.t->driver->stats(ct.t, stats));
}

static u64 pinned(void)
{
	struct iodirty_stats stats;

	if (!(ct.t->caps & TARGET_STATS))
		return 0;
	get_stats(&stats);
	return stats.pinned_pages;
}

static void sweep_open(struct sweep *w)
{
	scene_open(&w->s, .leaves = 4, .no_map = true);
	w->half = w->s.length / 2;
	x(ct_map(w->s.ioas, w->s.mem, w->half, w->s.iova));
	ct_bitmap_init(&w->bits, w->half / w->s.granule, 0);
	w->memfd = ct_memfd(w->half);
	x(ct_plug(0, &w->dev));
	x(ct_hwpt_alloc(w->dev, w->s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &w->hwpt));
	x(ct_set_tracking(w->hwpt, true));
	w->pins = pinned();
	scene_write(&w->s, w->s.leaf + 1, 1);
}

static void expect_pins(struct sweep *w)
{
	u64 now = pinned();

	ct_check(now == w->pins, "%llu pages are pinned, not %llu", (unsigned long long)now,
		 (unsigned long long)w->pins);
}

/* Makes the write of sweep_open() again, after it has been reported. */
static void rewrite(struct sweep *w)
{
	scene_expect(&w->s, 0, w->half, w->s.granule);
	scene_write(&w->s, w->s.leaf + 1, 1);
}

/* Nothing is left that holds the HWPT, the IOAS or a page of memory. */
static void sweep_close(struct sweep *w)
{
	struct iodirty_stats stats;

	scene_expect(&w->s, 0, w->half, w->s.granule);
	x(ct_detach(w->s.dev, 0));
	if (w->hwpt)
		x(ct_destroy(w->hwpt));
	x(ct_destroy(w->s.hwpt));
	x(ct_unmap(w->s.ioas, 0, UINT64_MAX, NULL));
	x(ct_destroy(w->s.ioas));
	if (!(ct.t->caps & TARGET_STATS))
		return;
	get_stats(&stats);
	ct_check(stats.pinned_pages == 0, "%llu pages are still pinned",
		 (unsigned long long)stats.pinned_pages);
	ct_check(stats.table_pages == 0, "%llu table pages are left",
		 (unsigned long long)stats.table_pages);
}

/*
 * Makes fail, in turn, every allocation, pin, copy and lookup of @op. Whenever
 * it returned an error, @failed looks at what is left, and @op must succeed when
 * repeated. @done looks at its success and undoes it.
 */
static void sweep(struct sweep *w, int (*op)(struct sweep *w), void (*failed)(struct sweep *w),
		  void (*done)(struct sweep *w))
{
	u32 failures = 0;

	for (u32 nth = 1; nth < 10000; nth++) {
		u32 left;
		int ret;

		x(ct.t->driver->fail_nth(ct.t, nth, &left));
		ret = op(w);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		ct_check(left == 0 || ret == 0, "failed by itself: %s", ct_errno_name(ret));
		if (ret) {
			failures++;
			ct_check(ret == -ENOMEM || ret == -EFAULT || ret == -ENOENT ||
					 ret == -EINVAL,
				 "failure %u of one place: %s", nth, ct_errno_name(ret));
			failed(w);
			x(op(w));
		}
		done(w);
		if (left) {
			ct_check(failures > 0, "nothing could be made to fail");
			ct_measure("failures injected", nth - 1, "1");
			ct_measure("calls failed", failures, "1");
			sweep_close(w);
			return;
		}
	}
	ct_fail("10000 places to fail");
}

static void nothing(struct sweep *w)
{
	(void)w;
}

static int op_get(struct sweep *w)
{
	return scene_get(&w->s, 0, 0, w->half, w->s.granule, w->bits.bytes);
}

/* The failed call and the good one delivered into one bitmap. */
static void done_get(struct sweep *w)
{
	scene_compare(&w->s, &w->bits, w->s.iova, w->s.granule, true);
	ct_bitmap_fill(&w->bits, 0);
	rewrite(w);
}

/* GET: what a failed harvest did not deliver, the next one does. */
CT_TEST(nth_get, "ERRORS-007", .scope = CT_EACH_LEAF, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	sweep(&w, op_get, nothing, done_get);
}

static int op_enable(struct sweep *w)
{
	return ct_set_tracking(w->s.hwpt, true);
}

/* Enable, when it is on: on any outcome the bits stay. */
CT_TEST(nth_enable_again, "ERRORS-008", .scope = CT_EACH_FORMAT, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	sweep(&w, op_enable, rewrite, rewrite);
}

/* On, clean, and tracking; then off again, with nothing left over. */
static void done_enable(struct sweep *w)
{
	scene_forget(&w->s, 0, w->half);
	scene_expect(&w->s, 0, w->half, w->s.granule);
	scene_write(&w->s, 0, 1);
	scene_expect(&w->s, 0, w->half, w->s.granule);
	x(ct_set_tracking(w->s.hwpt, false));
}

/* Enable, when it is off: a failed one does not stand in the way of the next. */
CT_TEST(nth_enable, "ERRORS-009", .scope = CT_EACH_FORMAT, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	x(ct_set_tracking(w.s.hwpt, false));
	sweep(&w, op_enable, nothing, done_enable);
}

static int op_disable(struct sweep *w)
{
	return ct_set_tracking(w->s.hwpt, false);
}

static void done_disable(struct sweep *w)
{
	x(ct_set_tracking(w->s.hwpt, true));
	scene_forget(&w->s, 0, w->half);
	rewrite(w);
}

/* Disable that fails has not disabled: earlier and later writes are reported. */
CT_TEST(nth_disable, "ERRORS-010", .scope = CT_EACH_FORMAT, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	sweep(&w, op_disable, rewrite, done_disable);
}

static int op_map(struct sweep *w)
{
	return ct_map(w->s.ioas, w->s.mem + w->half, w->half, w->s.iova + w->half);
}

static int op_copy(struct sweep *w)
{
	return ct_copy(w->s.ioas, w->s.iova + w->half, w->s.ioas, w->s.iova, w->half,
		       IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			       IOMMU_IOAS_MAP_WRITEABLE);
}

static int op_map_file(struct sweep *w)
{
	u64 iova = w->s.iova + w->half;

	return ct_map_file(w->s.ioas,
			   IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
				   IOMMU_IOAS_MAP_WRITEABLE,
			   w->memfd, 0, w->half, &iova);
}

/* Nothing is mapped there, nothing pinned, in no HWPT, and all bits remain. */
static void failed_map(struct sweep *w)
{
	expect_pins(w);
	scene_expect_hole(&w->s, w->s.hwpt, w->half, w->half);
	scene_expect_hole(&w->s, w->hwpt, w->half, w->half);
	if (ct.t->caps & TARGET_DMA)
		x_err(EFAULT, ct_dma_write(w->s.dev, 0, w->s.iova + w->half, "?", 1));
	scene_expect_no_clear(&w->s, 0, w->half, w->s.granule);
}

static void done_map(struct sweep *w)
{
	u64 last = w->s.iova + w->s.length - 1;
	struct ct_bitmap b;

	ct_bitmap_init(&b, w->half / w->s.page, 0);
	x(scene_get(&w->s, 0, w->half, w->half, w->s.page, b.bytes));
	ct_check(ct_bitmap_count(&b) == 0, "mapped dirty");
	x(ct_dma_write(w->s.dev, 0, last, "!", 1));
	x(scene_get(&w->s, 0, w->half, w->half, w->s.page, b.bytes));
	ct_check(ct_bitmap_test(&b, b.nbits - 1), "a write to the new area is not reported");
	x(ct_unmap(w->s.ioas, w->s.iova + w->half, w->half, NULL));
	ct_bitmap_free(&b);
	expect_pins(w);
	rewrite(w);
}

/* MAP into an IOAS with two HWPTs: all of it in both, or nothing in either. */
CT_TEST(nth_map, "ERRORS-011", .scope = CT_EACH_LEAF, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	sweep(&w, op_map, failed_map, done_map);
}

/* The same for a copy. */
CT_TEST(nth_copy, "ERRORS-012", .scope = CT_EACH_FORMAT, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	sweep(&w, op_copy, failed_map, done_map);
}

/* The same for a file. */
CT_TEST(nth_map_file, "ERRORS-013", .scope = CT_EACH_FORMAT, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	sweep(&w, op_map_file, failed_map, done_map);
}

static int op_hwpt_alloc(struct sweep *w)
{
	return ct_hwpt_alloc(w->dev, w->s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &w->hwpt);
}

static void failed_hwpt_alloc(struct sweep *w)
{
	expect_pins(w);
	scene_expect_no_clear(&w->s, 0, w->half, w->s.granule);
}

/* The new HWPT is filled with what is mapped, and usable. */
static void done_hwpt_alloc(struct sweep *w)
{
	struct ct_bitmap b;

	ct_bitmap_init(&b, w->half / w->s.leaf, 0);
	x(ct_set_tracking(w->hwpt, true));
	x(ct_attach(w->dev, 0, w->hwpt));
	x(ct_dma_write(w->dev, 0, w->s.iova + w->half - 1, "!", 1));
	x(ct_get_bitmap(w->hwpt, 0, w->s.iova, w->half, w->s.leaf, b.bytes));
	ct_check(ct_bitmap_test(&b, b.nbits - 1), "a write is not reported");
	ct_bitmap_free(&b);
	x(ct_detach(w->dev, 0));
	x(ct_destroy(w->hwpt));
	w->hwpt = 0;
	expect_pins(w);
	rewrite(w);
}

/* HWPT_ALLOC: no table page and no reference stays behind. */
CT_TEST(nth_hwpt_alloc, "ERRORS-014", .scope = CT_EACH_LEAF, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	x(ct_destroy(w.hwpt));
	w.hwpt = 0;
	sweep(&w, op_hwpt_alloc, failed_hwpt_alloc, done_hwpt_alloc);
}

static int op_attach(struct sweep *w)
{
	return ct_attach(w->dev, 0, w->hwpt);
}

/* The device reaches nothing, and nothing holds the HWPT but the sweep. */
static void failed_attach(struct sweep *w)
{
	if (ct.t->caps & TARGET_DMA)
		x_err(EFAULT, ct_dma_write(w->dev, 0, w->s.iova, "?", 1));
	scene_expect_no_clear(&w->s, 0, w->half, w->s.granule);
}

/* Tracked from the first write on. */
static void done_attach(struct sweep *w)
{
	struct ct_bitmap b;

	ct_bitmap_init(&b, w->half / w->s.leaf, 0);
	x(ct_dma_write(w->dev, 0, w->s.iova, "!", 1));
	x(ct_get_bitmap(w->hwpt, 0, w->s.iova, w->half, w->s.leaf, b.bytes));
	ct_check(ct_bitmap_test(&b, 0), "a write of the attached device is not reported");
	ct_bitmap_free(&b);
	x(ct_detach(w->dev, 0));
	rewrite(w);
}

/* Attach to a HWPT that tracks: attached and tracked, or not attached. */
CT_TEST(nth_attach, "ERRORS-015", .scope = CT_EACH_FORMAT, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	sweep(&w, op_attach, failed_attach, done_attach);
}

static int op_replace(struct sweep *w)
{
	return ct_replace(w->s.dev, 0, w->hwpt);
}

/* Still where it was, and tracked there. */
static void failed_replace(struct sweep *w)
{
	rewrite(w);
}

static void done_replace(struct sweep *w)
{
	struct ct_bitmap b;

	ct_bitmap_init(&b, w->half / w->s.leaf, 0);
	x(ct_dma_write(w->s.dev, 0, w->s.iova, "!", 1));
	x(ct_get_bitmap(w->hwpt, 0, w->s.iova, w->half, w->s.leaf, b.bytes));
	ct_check(ct_bitmap_test(&b, 0), "a write through the new HWPT is not reported");
	ct_bitmap_free(&b);
	x(ct_replace(w->s.dev, 0, w->s.hwpt));
	rewrite(w); /* the old HWPT had kept its bits */
}

/* Replace one tracking HWPT by another: never between the two. */
CT_TEST(nth_replace, "ERRORS-016", .scope = CT_EACH_FORMAT, .needs = TARGET_FAIL_NTH)
{
	struct sweep w;

	sweep_open(&w);
	sweep(&w, op_replace, failed_replace, done_replace);
}

/* ---- accounting ---- */

/* Over the limit of locked memory: ENOMEM, nothing mapped, nothing pinned; what
 * fits still does, and what is unmapped is given back. */
CT_TEST(memlock_limit, "ERRORS-017", .scope = CT_EACH_FORMAT,
	.needs = TARGET_MEMLOCK | TARGET_STATS)
{
	struct scene s;
	u64 pins, p;
	u8 *va;

	scene_open(&s, .leaves = 16, .no_map = true);
	p = s.page;
	va = ct_memory(4 * p, p, 0);
	pins = pinned();
	x(ct.t->driver->memlock(ct.t, 2 * p));
	for (int round = 0; round < 4; round++) {
		x_err(ENOMEM, ct_map(s.ioas, va, 3 * p, s.iova));
		ct_check(pinned() == pins, "the failed map left pages pinned");
		x(ct_map(s.ioas, va, p, s.iova));
		scene_write(&s, 0, 1);
		x_err(ENOMEM, ct_map(s.ioas, va + p, 2 * p, s.iova + p));
		x(ct_map(s.ioas, va + p, p, s.iova + p));
		x_err(ENOMEM, ct_map(s.ioas, va + 2 * p, p, s.iova + 2 * p));
		scene_expect(&s, 0, 2 * p, p);
		x(ct_unmap(s.ioas, s.iova, 2 * p, NULL));
		ct_check(pinned() == pins, "unmap left pages pinned");
	}
}

/* The bitmap is the caller's only for the length of a call: it is not charged. */
CT_TEST(bitmap_is_not_charged, "ERRORS-018", .needs = TARGET_MEMLOCK)
{
	struct scene s;

	scene_open(&s);
	scene_write(&s, s.leaf, 1);
	x(ct.t->driver->memlock(ct.t, 0));
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
}

/* Failing and succeeding harvests by the thousand pin and leave nothing. */
CT_TEST(harvests_leave_nothing, "ERRORS-019", .needs = TARGET_STATS)
{
	struct iodirty_stats before, after;
	struct scene s;

	scene_open(&s);
	get_stats(&before);
	for (int i = 0; i < 1000; i++) {
		scene_write(&s, i % 4 * s.leaf, 1);
		x_err(EFAULT, scene_get(&s, 0, 0, s.length, s.page, NULL));
		scene_expect(&s, 0, s.length, s.granule);
	}
	get_stats(&after);
	ct_check(after.pinned_pages == before.pinned_pages, "%llu pages are pinned, not %llu",
		 (unsigned long long)after.pinned_pages, (unsigned long long)before.pinned_pages);
	ct_check(after.table_pages == before.table_pages, "%llu table pages, not %llu",
		 (unsigned long long)after.table_pages, (unsigned long long)before.table_pages);
}
