/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ERRORS: what a harvest cleaned and could not deliver it makes dirty again,
 * and that only. The target knows its leaves, so nothing else has an excuse.
 */
#include "bits.h"
#include "ct.h"

/* A harvest of part of the scene, made to fail anywhere. */
struct failing {
	struct scene s;
	u64 offset, length, page_size;
	u64 leaf; /* index of the only one written */
};

/* All that is reported is of the leaf that was written; and the byte that was, unless
 * the failed harvest, if it failed, had delivered it. */
static void expect_written(struct failing *f, u32 nth, bool owed)
{
	u64 written = f->leaf * f->s.leaf + 1;
	struct ct_bitmap b;

	ct_bitmap_init(&b, f->s.length / f->s.granule, 0);
	x(scene_get(&f->s, 0, 0, f->s.length, f->s.granule, b.bytes));
	for (u64 bit = 0; bit < b.nbits; bit++)
		ct_check(!ct_bitmap_test(&b, bit) || bit * f->s.granule / f->s.leaf == f->leaf,
			 "after failure %u of one place: IOVA 0x%llx is dirty, the write was to "
			 "leaf %llu only",
			 nth, (unsigned long long)(f->s.iova + bit * f->s.granule),
			 (unsigned long long)f->leaf);
	ct_check(!owed || ct_bitmap_test(&b, written / f->s.granule),
		 "after failure %u of one place: the write to IOVA 0x%llx is lost", nth,
		 (unsigned long long)(f->s.iova + written));
	ct_bitmap_free(&b);
}

static void fail_gets(struct failing *f)
{
	u32 left = 0, failures = 0;
	u64 written = f->leaf * f->s.leaf + 1;
	struct ct_bitmap b;
	int ret;

	ct_bitmap_init(&b, f->length / f->page_size, 0);
	for (u32 nth = 1; !left; nth++) {
		ct_bitmap_fill(&b, 0);
		scene_write(&f->s, written, 1);
		x(ct.t->driver->fail_nth(ct.t, nth, &left));
		ret = scene_get(&f->s, 0, f->offset, f->length, f->page_size, b.bytes);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		ct_check(left == 0 || ret == 0, "failed by itself: %s", ct_errno_name(ret));
		failures += ret != 0;
		expect_written(f, nth,
			       ret && !ct_bitmap_test(&b, (written - f->offset) / f->page_size));
	}
	ct_check(failures > 0, "nothing could be made to fail");
	ct_measure("calls failed", failures, "1");
}

/* One bit for four leaves, the last two of them read-only: what is made dirty again is
 * the leaf that was, not all that the bit stands for. */
CT_TEST(nth_get_coarse, "ERRORS-020", .scope = CT_EACH_LEAF, .needs = TARGET_FAIL_NTH | TARGET_LEAF)
{
	struct failing f = { 0 };
	u64 readonly, iova;

	scene_open(&f.s, .leaves = 8, .no_map = true);
	f.length = f.page_size = 4 * f.s.leaf;
	f.offset = align_up(f.s.iova, f.page_size) - f.s.iova;
	f.leaf = f.offset / f.s.leaf + 1;
	readonly = f.offset + f.length / 2;
	iova = f.s.iova + readonly;
	x(ct_map(f.s.ioas, f.s.mem, readonly, f.s.iova));
	x(ct_map_flags(f.s.ioas, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE,
		       f.s.mem + readonly, f.s.length - readonly, &iova));
	fail_gets(&f);
}

static const char *needs_leaf_above_window(const struct ct_config *config)
{
	if (config->leaf_lg2 < 20)
		return "the bitmap of a leaf is short";
	return config->leaf_lg2 > 24 ? "the bitmap would be too long" : NULL;
}

/* A bit a byte, from the last granule of a leaf on to the end of the next, which was
 * written: what fails in the middle of the second is not the first one's. */
CT_TEST(nth_get_across_leaves, "ERRORS-020", .scope = CT_EACH_LEAF,
	.needs = TARGET_FAIL_NTH | TARGET_LEAF, .requires = needs_leaf_above_window)
{
	struct failing f = { .leaf = 1, .page_size = 1 };

	scene_open(&f.s, .leaves = 2);
	f.offset = f.s.leaf - f.s.page;
	f.length = f.s.leaf + f.s.page;
	fail_gets(&f);
}
