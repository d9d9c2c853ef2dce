/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SPLIT: large leaves that are split while tracking is on, where a HWPT is told to.
 * Each write is then reported by its page; before and after leaves are what they were,
 * and nothing that was owed is lost by the change. With DMA under way: split_dma.c.
 */
#include "split.h"

/* As Linux has it: a leaf stays, and is reported whole. */
CT_TEST(keep_is_the_default, "SPLIT-001", .scope = CT_EACH_LEAF, .giant = true,
	.needs = TARGET_SPLIT | TARGET_LEAF, .requires = splittable)
{
	struct scene s;

	split_open(&s, .leaves = 2);
	for (int told = 0; told < 2; told++) {
		x(ct_set_tracking(s.hwpt, true));
		expect_leaves(s.hwpt, s.iova, s.length, s.leaf);
		scene_write(&s, s.leaf + s.leaf / 2, 1);
		scene_expect(&s, 0, s.length, s.granule);
		x(ct_set_tracking(s.hwpt, false));
		expect_leaves(s.hwpt, s.iova, s.length, s.leaf);
		/* Split once, then told to keep: kept. */
		x(ct_split(s.hwpt, IODIRTY_SPLIT_IN_PLACE));
		enable_split(&s);
		x(ct_set_tracking(s.hwpt, false));
		x(ct_split(s.hwpt, IODIRTY_SPLIT_KEEP));
		new_truth(&s, s.leaf);
	}
}

/* Page by page, wherever in what was a leaf. */
CT_TEST(page_by_page, "SPLIT-002", .scope = CT_EACH_LEAF, .giant = true,
	.needs = TARGET_SPLIT | TARGET_LEAF, .requires = splittable)
{
	for (size_t p = 0; p < 2; p++) {
		struct scene s;
		u64 step;

		split_open(&s, .leaves = 3);
		step = highest(s.granule, s.leaf / 64);
		x(ct_split(s.hwpt, split_policies[p]));
		/* What was written before is old. */
		scene_write(&s, s.leaf, 1);
		enable_split(&s);
		scene_expect(&s, 0, s.length, s.granule);
		for (u64 at = s.leaf; at < 2 * s.leaf; at += step) {
			scene_write(&s, at, 1);
			scene_expect_no_clear(&s, 0, s.length, s.granule);
			scene_expect(&s, at, s.granule, s.granule);
		}
		scene_expect(&s, 0, s.length, s.granule);
		/* All at once, then in coarse bits, then in fine ones. */
		for (u64 at = 0; at < s.length; at += step)
			scene_write(&s, at + s.granule - 1, 1);
		scene_expect_no_clear(&s, 0, s.length, s.leaf);
		scene_expect(&s, 0, s.length, s.granule);
		scene_write(&s, s.leaf - 1, 2);
		scene_expect_no_clear(&s, 0, s.length, s.granule / 2);
		scene_expect(&s, s.leaf, s.leaf, s.leaf);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* After disable leaves are what they were; what was not reported still is, once. */
CT_TEST(merged_at_disable, "SPLIT-003", .scope = CT_EACH_LEAF, .giant = true,
	.needs = TARGET_SPLIT | TARGET_LEAF, .requires = splittable)
{
	for (size_t p = 0; p < 2; p++) {
		struct scene s;

		split_open(&s, .leaves = 3);
		x(ct_split(s.hwpt, split_policies[p]));
		for (unsigned int i = 0; i < 4; i++) {
			/* Nowhere, in the first granule, in the last, in the middle. */
			const u64 at[] = { 0, s.leaf, 2 * s.leaf - 1, s.leaf + s.leaf / 2 };

			enable_split(&s);
			scene_write(&s, 0, 1);
			scene_expect(&s, 0, s.length, s.granule);
			if (i)
				scene_write(&s, at[i], 1);
			x(ct_set_tracking(s.hwpt, false));
			expect_leaves(s.hwpt, s.iova, s.length, s.leaf);
			new_truth(&s, s.leaf);
			if (i)
				scene_mark(&s, at[i], 1);
			/* A part of it, the rest, and no more. */
			scene_expect(&s, s.leaf, s.granule, s.granule);
			scene_expect(&s, 0, s.length, s.granule);
			scene_expect(&s, 0, s.length, s.granule);
		}
		/* Kept parts of a leaf, and then another period. */
		x(ct_split(s.hwpt, IODIRTY_SPLIT_KEEP));
		x(ct_set_tracking(s.hwpt, true));
		scene_write(&s, s.leaf, 1);
		scene_expect(&s, s.leaf, s.granule, s.granule);
		x(ct_set_tracking(s.hwpt, false));
		x(ct_split(s.hwpt, split_policies[p]));
		enable_split(&s);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* Leaves of many sizes in one area: each becomes what it was. */
CT_TEST(seams_come_back, "SPLIT-003", .scope = CT_EACH_LEAF, .needs = TARGET_SPLIT | TARGET_LEAF,
	.requires = splittable)
{
	static struct iodirty_leaf before[4096];
	struct scene s;
	u64 far, iova, length;
	size_t n = 0;
	void *va;

	scene_open(&s, .leaves = 4, .no_map = true, .no_enable = true);
	far = lowest(s.leaf, 64u << 20) - s.page;
	iova = s.iova + s.leaf - far;
	length = far + s.leaf + far;
	va = ct_memory(length, s.leaf, s.leaf - far);
	x(ct_map(s.ioas, va, length, iova));
	/* Beside it, in memory too, a mapping of its own: no leaf is in both. */
	for (u64 at = iova; at - iova < length; n++) {
		ct_check(n < sizeof(before) / sizeof(before[0]), "too many leaves");
		before[n] = leaf_at(s.hwpt, at);
		at = before[n].out_start + ((u64)1 << before[n].out_lg2);
	}
	for (size_t p = 0; p < 2; p++) {
		x(ct_split(s.hwpt, split_policies[p]));
		x(ct_set_tracking(s.hwpt, true));
		expect_leaves(s.hwpt, iova, length, s.granule);
		x(ct_set_tracking(s.hwpt, false));
		for (size_t i = 0; i < n; i++) {
			struct iodirty_leaf leaf = leaf_at(s.hwpt, before[i].iova);

			ct_check(leaf.out_start == before[i].out_start &&
					 leaf.out_lg2 == before[i].out_lg2,
				 "IOVA %#" PRIx64 ": leaf of 2^%u bytes at %#" PRIx64
				 ", before it was 2^%u at %#" PRIx64,
				 (u64)before[i].iova, leaf.out_lg2, (u64)leaf.out_start,
				 before[i].out_lg2, (u64)before[i].out_start);
		}
	}
	ct_measure("leaves", n, "1");
}

/* Two areas that adjoin in both address spaces are merged each for itself. */
CT_TEST(merged_within_area, "SPLIT-003", .scope = CT_EACH_LEAF, .needs = TARGET_SPLIT | TARGET_LEAF,
	.requires = splittable)
{
	struct scene s;
	u64 half;

	scene_open(&s, .leaves = 2, .no_map = true, .no_enable = true);
	half = s.leaf / 2;
	x(ct_map(s.ioas, s.mem, half, s.iova));
	x(ct_map(s.ioas, s.mem + half, half, s.iova + half));
	for (size_t p = 0; p < 2; p++) {
		struct iodirty_leaf leaf;

		x(ct_split(s.hwpt, split_policies[p]));
		x(ct_set_tracking(s.hwpt, true));
		expect_leaves(s.hwpt, s.iova, s.leaf, s.granule);
		x(ct_set_tracking(s.hwpt, false));
		leaf = leaf_at(s.hwpt, s.iova + half);
		ct_check(leaf.out_start == s.iova + half && (u64)1 << leaf.out_lg2 <= half,
			 "a leaf of 2^%u bytes at %#" PRIx64 " is in two areas", leaf.out_lg2,
			 (u64)leaf.out_start);
	}
	x(ct_unmap(s.ioas, s.iova, half, NULL));
	x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova, "?", 1));
	x(ct_dma_write(s.dev, 0, s.iova + half, "!", 1));
}

/* ---- the same memory ---- */

static void expect_same_memory(const struct scene *s, u32 dev, u8 round)
{
	u64 step = highest(s->granule, s->length / 128);
	u8 got[16], put[16];

	for (u64 at = 0; at < s->length; at += step) {
		u64 off = at + (at / step * 40) % (s->granule - 16);

		memset(put, (int)(at / step) ^ round, sizeof(put));
		memcpy(s->mem + off, put, sizeof(put));
		x(ct_dma_read(dev, 0, s->iova + off, got, sizeof(got)));
		ct_check(!memcmp(got, put, sizeof(put)),
			 "IOVA %#" PRIx64 ": the device read 0x%02x, memory has 0x%02x",
			 s->iova + off, got[0], put[0]);
		memset(put, (int)(at / step) ^ round ^ 0xff, sizeof(put));
		x(ct_dma_write(dev, 0, s->iova + off, put, sizeof(put)));
		ct_check(!memcmp(s->mem + off, put, sizeof(put)),
			 "IOVA %#" PRIx64 ": the device wrote 0x%02x, memory has 0x%02x",
			 s->iova + off, put[0], s->mem[off]);
	}
}

CT_TEST(translation_is_unchanged, "SPLIT-004", .scope = CT_EACH_LEAF, .giant = true,
	.needs = TARGET_SPLIT | TARGET_DMA, .requires = splittable)
{
	struct scene s;

	split_open(&s, .leaves = 2);
	for (u8 round = 0; round < 4; round++) {
		x(ct_split(s.hwpt, split_policies[round % 2]));
		expect_same_memory(&s, s.dev, round);
		x(ct_set_tracking(s.hwpt, true));
		expect_same_memory(&s, s.dev, 0x40 | round);
		x(ct_set_tracking(s.hwpt, false));
		expect_same_memory(&s, s.dev, 0x80 | round);
	}
}

/* ---- what is mapped and unmapped meanwhile ---- */

/* Small at once, and at disable what a map would have made. */
CT_TEST(mapped_while_split, "SPLIT-005", .scope = CT_EACH_LEAF, .needs = TARGET_SPLIT | TARGET_LEAF,
	.requires = splittable)
{
	for (size_t p = 0; p < 2; p++) {
		struct scene s;
		u32 hwpt;

		scene_open(&s, .leaves = 4, .no_map = true, .no_enable = true);
		x(ct_map(s.ioas, s.mem, 2 * s.leaf, s.iova));
		x(ct_split(s.hwpt, split_policies[p]));
		x(ct_set_tracking(s.hwpt, true));
		x(ct_map(s.ioas, s.mem + 2 * s.leaf, 2 * s.leaf, s.iova + 2 * s.leaf));
		new_truth(&s, s.granule);
		expect_leaves(s.hwpt, s.iova, s.length, s.granule);
		scene_write(&s, 3 * s.leaf - 1, 2);
		scene_expect(&s, 0, s.length, s.granule);
		/* Of another HWPT that is not the business. */
		x(ct_hwpt_alloc(s.dev, s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
		expect_leaves(hwpt, s.iova, s.length, s.leaf);
		x(ct_set_tracking(s.hwpt, false));
		expect_leaves(s.hwpt, s.iova, s.length, s.leaf);
		expect_leaves(hwpt, s.iova, s.length, s.leaf);
	}
}

/* What was a leaf, or several, goes as it would have; what is beside it stays. */
CT_TEST(unmapped_while_split, "SPLIT-006", .scope = CT_EACH_LEAF,
	.needs = TARGET_SPLIT | TARGET_LEAF | TARGET_DMA | TARGET_STATS, .requires = splittable)
{
	for (size_t p = 0; p < 2; p++) {
		u64 tables, unmapped;
		struct scene s;

		scene_open(&s, .leaves = 3, .no_map = true, .no_enable = true);
		x(ct_map(s.ioas, s.mem + 2 * s.leaf, s.leaf, s.iova + 2 * s.leaf));
		tables = stats_now().table_pages;
		x(ct_map(s.ioas, s.mem, 2 * s.leaf, s.iova));
		x(ct_split(s.hwpt, split_policies[p]));
		enable_split(&s);
		scene_write(&s, s.leaf, 1);
		scene_write(&s, 2 * s.leaf, 1);
		x_err(ENOENT, ct_unmap(s.ioas, s.iova + s.leaf, s.leaf, NULL));
		x(ct_unmap(s.ioas, s.iova, 2 * s.leaf, &unmapped));
		ct_check(unmapped == 2 * s.leaf, "%#" PRIx64 " bytes were unmapped", unmapped);
		x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova, "?", 1));
		x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + 2 * s.leaf - 1, "?", 1));
		scene_expect_hole(&s, s.hwpt, 0, s.leaf);
		scene_expect(&s, 2 * s.leaf, s.leaf, s.granule);
		x(ct_set_tracking(s.hwpt, false));
		expect_leaves(s.hwpt, s.iova + 2 * s.leaf, s.leaf, s.leaf);
		ct_check(stats_now().table_pages == tables,
			 "%" PRIu64 " pages of tables, before they were %" PRIu64,
			 (u64)stats_now().table_pages, tables);
		x(ct_unmap(s.ioas, s.iova + 2 * s.leaf, s.leaf, NULL));
	}
}

/* HUGE_PAGES 0: there is nothing to split, and nothing that was not split is merged. */
CT_TEST(small_mappings_stay_small, "SPLIT-007", .scope = CT_EACH_LEAF,
	.needs = TARGET_SPLIT | TARGET_LEAF, .requires = splittable)
{
	u64 off = 0, on = 1;
	struct scene s;

	scene_open(&s, .leaves = 4, .no_map = true, .no_enable = true);
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s.ioas, IOMMU_OPTION_OP_SET, &off));
	x(ct_map(s.ioas, s.mem, 2 * s.leaf, s.iova));
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s.ioas, IOMMU_OPTION_OP_SET, &on));
	x(ct_map(s.ioas, s.mem + 2 * s.leaf, 2 * s.leaf, s.iova + 2 * s.leaf));
	for (size_t p = 0; p < 2; p++) {
		x(ct_split(s.hwpt, split_policies[p]));
		enable_split(&s);
		scene_write(&s, s.leaf, 1);
		scene_write(&s, 3 * s.leaf, 1);
		scene_expect(&s, 0, s.length, s.granule);
		x(ct_set_tracking(s.hwpt, false));
		expect_leaves(s.hwpt, s.iova, 2 * s.leaf, s.granule);
		expect_leaves(s.hwpt, s.iova + 2 * s.leaf, 2 * s.leaf, s.leaf);
	}
}

/* ---- the policy ---- */

CT_TEST(policy_errors, "SPLIT-008", .scope = CT_EACH_FORMAT, .needs = TARGET_SPLIT)
{
	struct scene s;
	u32 hwpt;

	split_open(&s);
	x_err(EOPNOTSUPP, ct_split(s.hwpt, IODIRTY_SPLIT_IN_PLACE + 1));
	x_err(EOPNOTSUPP, ct_split(s.hwpt, UINT32_MAX));
	x_err(ENOENT, ct_split(s.ioas, IODIRTY_SPLIT_IN_PLACE));
	x_err(ENOENT, ct_split(0, IODIRTY_SPLIT_IN_PLACE));
	x(ct_hwpt_alloc(s.dev, s.ioas, 0, &hwpt));
	x_err(EOPNOTSUPP, ct_split(hwpt, IODIRTY_SPLIT_IN_PLACE));
	for (u32 policy = 0; policy <= IODIRTY_SPLIT_IN_PLACE; policy++) {
		x(ct_split(s.hwpt, policy));
		x(ct_set_tracking(s.hwpt, true));
		for (u32 other = 0; other <= IODIRTY_SPLIT_IN_PLACE; other++)
			x_err(EBUSY, ct_split(s.hwpt, other));
		x(ct_set_tracking(s.hwpt, false));
	}
}

/* Refused while tracking is on, and without effect; enable again changes nothing. */
CT_TEST(policy_while_on, "SPLIT-008", .scope = CT_EACH_LEAF, .needs = TARGET_SPLIT | TARGET_LEAF,
	.requires = splittable)
{
	struct scene s;

	split_open(&s);
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, s.leaf, 1);
	x_err(EBUSY, ct_split(s.hwpt, IODIRTY_SPLIT_IN_PLACE));
	x(ct_set_tracking(s.hwpt, true));
	expect_leaves(s.hwpt, s.iova, s.length, s.leaf);
	scene_expect(&s, 0, s.length, s.granule);
	x(ct_set_tracking(s.hwpt, false));
	x(ct_split(s.hwpt, IODIRTY_SPLIT_IN_PLACE));
	enable_split(&s);
	scene_write(&s, s.leaf, 1);
	x_err(EBUSY, ct_split(s.hwpt, IODIRTY_SPLIT_KEEP));
	x(ct_set_tracking(s.hwpt, true));
	expect_leaves(s.hwpt, s.iova, s.length, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, false));
	expect_leaves(s.hwpt, s.iova, s.length, s.leaf);
}

/* ---- what may not be written ---- */

CT_TEST(read_only_area, "SPLIT-009", .scope = CT_EACH_LEAF,
	.needs = TARGET_SPLIT | TARGET_LEAF | TARGET_DMA, .requires = splittable)
{
	for (size_t p = 0; p < 2; p++) {
		struct scene s;
		u64 iova;
		u8 byte;

		scene_open(&s, .leaves = 4, .no_map = true, .no_enable = true);
		iova = s.iova;
		x(ct_map_flags(s.ioas, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE, s.mem,
			       2 * s.leaf, &iova));
		x(ct_map(s.ioas, s.mem + 2 * s.leaf, 2 * s.leaf, s.iova + 2 * s.leaf));
		x(ct_split(s.hwpt, split_policies[p]));
		enable_split(&s);
		for (unsigned int i = 0; i < 2; i++) {
			x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova, "?", 1));
			x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + 2 * s.leaf - 1, "?", 1));
			x(ct_dma_read(s.dev, 0, s.iova + s.leaf, &byte, 1));
			scene_expect(&s, 0, s.length, s.granule);
			x(ct_set_tracking(s.hwpt, i));
		}
		x(ct_set_tracking(s.hwpt, false));
		expect_leaves(s.hwpt, s.iova, s.length, s.leaf);
	}
}

/* ---- memory ---- */

CT_TEST(tables_are_given_back, "SPLIT-010", .scope = CT_EACH_LEAF, .giant = true,
	.needs = TARGET_SPLIT | TARGET_STATS, .requires = splittable)
{
	struct scene s;
	u64 before;

	split_open(&s, .leaves = 3);
	before = stats_now().table_pages;
	for (unsigned int i = 0; i < 6; i++) {
		x(ct_split(s.hwpt, split_policies[i % 2]));
		x(ct_set_tracking(s.hwpt, true));
		scene_write(&s, 0, 1);
		ct_check(stats_now().table_pages >= before, "tables were given back by a split");
		x(ct_set_tracking(s.hwpt, false));
		ct_check(stats_now().table_pages == before,
			 "%" PRIu64 " pages of tables, before they were %" PRIu64,
			 (u64)stats_now().table_pages, before);
	}
}

/* Switch tracking, with each failure, the first ones and then ever further on. */
static void each_failure(struct scene *s, bool on, void (*failed)(struct scene *s))
{
	u32 failures = 0, left = 0;

	for (u32 nth = 1; !left; nth += nth < 10 ? 1 : nth / 2) {
		int ret;

		x(ct.t->driver->fail_nth(ct.t, nth, &left));
		ret = ct_set_tracking(s->hwpt, on);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		ct_check(left == 0 || ret == 0, "failed by itself: %s", ct_errno_name(ret));
		if (left)
			break;
		ct_check(ret == -ENOMEM || ret == -EFAULT || ret == -ENOENT, "failure %u: %s", nth,
			 ct_errno_name(ret));
		failures++;
		failed(s);
	}
	ct_check(failures > 2, "%u failures: the split has not been made to fail", failures);
	ct_measure("calls failed", failures, "1");
}

/* Off, leaves as they were, and what is owed from before is owed. */
static void enable_failed(struct scene *s)
{
	x(ct_split(s->hwpt, IODIRTY_SPLIT_KEEP));
	x(ct_split(s->hwpt, IODIRTY_SPLIT_IN_PLACE));
	expect_leaves(s->hwpt, s->iova, s->length, s->leaf);
	scene_expect_no_clear(s, 0, s->length, s->granule);
}

CT_TEST(enable_that_fails, "SPLIT-011", .scope = CT_EACH_LEAF,
	.needs = TARGET_SPLIT | TARGET_LEAF | TARGET_FAIL_NTH | TARGET_STATS,
	.requires = splittable)
{
	struct scene s;
	u64 tables;

	scene_open(&s, .leaves = 3);
	tables = stats_now().table_pages;
	/* Owed: a leaf, and a part of one. */
	scene_write(&s, 0, 1);
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, s.leaf, s.granule, s.granule);
	x(ct_set_tracking(s.hwpt, false));
	x(ct_split(s.hwpt, IODIRTY_SPLIT_IN_PLACE));
	each_failure(&s, true, enable_failed);
	new_truth(&s, s.granule);
	expect_leaves(s.hwpt, s.iova, s.length, s.granule);
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
	x(ct_set_tracking(s.hwpt, false));
	ct_check(stats_now().table_pages == tables, "%" PRIu64 " pages of tables, not %" PRIu64,
		 (u64)stats_now().table_pages, tables);
}

/* On, leaves small, and all is reported. */
static void disable_failed(struct scene *s)
{
	x_err(EBUSY, ct_split(s->hwpt, IODIRTY_SPLIT_KEEP));
	expect_leaves(s->hwpt, s->iova, s->length, s->granule);
	scene_expect_no_clear(s, 0, s->length, s->granule);
	scene_write(s, 2 * s->leaf, 1);
	scene_expect(s, 2 * s->leaf, s->leaf, s->granule);
}

CT_TEST(disable_that_fails, "SPLIT-011", .scope = CT_EACH_LEAF,
	.needs = TARGET_SPLIT | TARGET_LEAF | TARGET_FAIL_NTH, .requires = splittable)
{
	struct scene s;

	split_open(&s, .leaves = 3);
	x(ct_split(s.hwpt, IODIRTY_SPLIT_BREAK_BEFORE_MAKE));
	enable_split(&s);
	scene_write(&s, s.leaf, 1);
	each_failure(&s, false, disable_failed);
	expect_leaves(s.hwpt, s.iova, s.length, s.leaf);
	new_truth(&s, s.leaf);
	scene_mark(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
}
