/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * CLEAR: what a harvest leaves behind. What was reported is clean, and so are
 * the caches in front of it: the next write is reported again. What was not
 * asked for stays reportable, once.
 */
#include "bits.h"
#include "ct.h"

#define SOME_PASID 5

static const char *needs_parts(const struct ct_config *config)
{
	return config->leaf_lg2 > config->format.granule_lg2 ? NULL :
							       "a leaf of one granule has no parts";
}

static const char *needs_dirty_pasid(const struct ct_config *config)
{
	return config->format.flags & IODIRTY_FORMAT_DIRTY_PASID ? NULL :
								   "the format tracks no PASIDs";
}

/* One byte by any device or PASID that is attached to the scene's HWPT. */
static void write_by(struct scene *s, u32 dev, u32 pasid, u64 at)
{
	u8 byte = 0xd1;

	x(ct_dma_write(dev, pasid, s->iova + at, &byte, 1));
	scene_mark(s, at, 1);
}

static void expect_all(struct scene *s)
{
	scene_expect(s, 0, s->length, s->leaf);
}

CT_TEST(clear_once, "CLEAR-001", .scope = CT_EACH_LEAF, .giant = true)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	scene_write(&s, 0, 1);
	scene_write(&s, 2 * s.leaf, 1);
	scene_write(&s, s.length - 1, 1);
	scene_expect(&s, 0, s.length, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
}

CT_TEST(clear_not, "CLEAR-002", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = 4);
	scene_write(&s, s.leaf, 1);
	scene_write(&s, 3 * s.leaf, 1);
	for (unsigned int i = 0; i < 3; i++)
		scene_expect_no_clear(&s, 0, s.length, s.leaf);
	/* Nor of part of a leaf, nor of part of the range. */
	scene_expect_no_clear(&s, s.leaf, s.granule, s.granule);
	scene_expect_no_clear(&s, 2 * s.leaf, 2 * s.leaf, s.leaf);
	expect_all(&s);
	scene_expect_no_clear(&s, 0, s.length, s.leaf);
	expect_all(&s);
}

/* Looking changes nothing for the writes after it, cached as dirty or not. */
CT_TEST(clear_not_then_write, "CLEAR-002", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = 2);
	scene_write(&s, 0, 1);
	scene_expect_no_clear(&s, 0, s.length, s.leaf);
	scene_write(&s, 0, 1);
	scene_write(&s, s.leaf, 1);
	scene_expect_no_clear(&s, 0, s.length, s.leaf);
	expect_all(&s);
	expect_all(&s);
}

/* What is kept lies behind what is cleared, on both sides of it, before it. */
CT_TEST(clear_range_only, "CLEAR-003", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	for (u64 cleared = 0; cleared < 3; cleared++) {
		for (u64 leaf = 0; leaf < 3; leaf++)
			scene_write(&s, leaf * s.leaf, 1);
		scene_expect(&s, cleared * s.leaf, s.leaf, s.leaf);
		expect_all(&s);
		expect_all(&s);
	}
}

/* A part of a leaf, in bytes from its start. */
struct part {
	u64 first, end;
};

/*
 * The parts that a request may take of a leaf. Returns how many; the smallest
 * leaves have fewer that differ, and then some are tried twice.
 */
#define PARTS 6
static void parts_of_leaf(const struct scene *s, struct part parts[PARTS])
{
	const u64 half = s->leaf / 2 & -s->granule;
	const struct part all[PARTS] = {
		{ 0, s->granule }, /* all that is left lies behind */
		{ s->leaf - s->granule, s->leaf }, /* all that is left lies before */
		{ half, half + s->granule }, /* what is left is in two pieces */
		{ 0, half }, /* on the border of halves: */
		{ half, s->leaf }, /* where a table or contiguous block may end */
		{ s->granule, s->leaf }, /* one granule is left */
	};

	memcpy(parts, all, sizeof(all));
}

/* Dirty leaf 1 of 3 so that it must be reported whatever part is asked for. */
static void write_both_ends(struct scene *s)
{
	scene_write(s, s->leaf, 1);
	scene_write(s, 2 * s->leaf - 1, 1);
}

CT_TEST(clear_part_of_leaf, "CLEAR-004", .scope = CT_EACH_LEAF, .giant = true,
	.requires = needs_parts)
{
	struct part parts[PARTS];
	struct scene s;

	scene_open(&s, .leaves = 3);
	parts_of_leaf(&s, parts);
	for (size_t i = 0; i < PARTS; i++) {
		u64 first = s.leaf + parts[i].first, end = s.leaf + parts[i].end;

		/* The part; then the rest, with its neighbours; then nothing. */
		write_both_ends(&s);
		scene_expect(&s, first, end - first, s.granule);
		scene_expect(&s, first, end - first, s.granule);
		scene_expect(&s, 0, s.length, s.granule);
		scene_expect(&s, 0, s.length, s.granule);

		/* The rest in two requests that end where the part does. */
		write_both_ends(&s);
		scene_expect(&s, first, end - first, s.granule);
		scene_expect(&s, end, s.length - end, s.granule);
		scene_expect(&s, 0, first, s.granule);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* Granule by granule, from either end: each reported once. */
CT_TEST(clear_leaf_in_pieces, "CLEAR-004", .scope = CT_EACH_LEAF, .requires = needs_parts)
{
	struct scene s;
	u64 step;

	scene_open(&s, .leaves = 3);
	step = highest(s.granule, s.leaf / 32);
	scene_write(&s, s.leaf + s.leaf / 2, 1);
	for (u64 at = 0; at < s.length; at += step)
		scene_expect(&s, at, step, step);
	expect_all(&s);
	scene_write(&s, s.leaf + s.leaf / 2, 1);
	for (u64 at = s.length; at; at -= step)
		scene_expect(&s, at - step, step, step);
	expect_all(&s);
}

CT_TEST(clear_part_not, "CLEAR-004", .scope = CT_EACH_LEAF, .requires = needs_parts)
{
	struct part parts[PARTS];
	struct scene s;

	scene_open(&s, .leaves = 3);
	parts_of_leaf(&s, parts);
	for (size_t i = 0; i < PARTS; i++) {
		u64 first = s.leaf + parts[i].first, end = s.leaf + parts[i].end;

		write_both_ends(&s);
		/* Looking at a part, and at what a part left, takes nothing away. */
		scene_expect_no_clear(&s, first, end - first, s.granule);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		scene_expect(&s, first, end - first, s.granule);
		scene_expect_no_clear(&s, s.leaf, s.leaf, s.granule);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		scene_expect(&s, 0, s.length, s.granule);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

CT_TEST(clear_part_then_write, "CLEAR-004", .scope = CT_EACH_LEAF, .requires = needs_parts)
{
	struct part parts[PARTS];
	struct scene s;

	scene_open(&s, .leaves = 3);
	parts_of_leaf(&s, parts);
	for (size_t i = 0; i < PARTS; i++) {
		u64 first = s.leaf + parts[i].first, end = s.leaf + parts[i].end;

		/* Written inside the part again: the leaf is dirty again, all of it. */
		write_both_ends(&s);
		scene_expect(&s, first, end - first, s.granule);
		scene_write(&s, first, 1);
		scene_expect(&s, 0, s.length, s.granule);
		scene_expect(&s, 0, s.length, s.granule);

		/* Written outside, then the same part again, then the rest. */
		write_both_ends(&s);
		scene_expect(&s, first, end - first, s.granule);
		write_both_ends(&s);
		scene_expect(&s, first, end - first, s.granule);
		scene_expect(&s, 0, s.length, s.granule);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* One request that cuts a leaf at either end leaves two rests. */
CT_TEST(clear_parts_at_both_ends, "CLEAR-004", .scope = CT_EACH_LEAF, .requires = needs_parts)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	for (u64 leaf = 0; leaf < 3; leaf++) {
		scene_write(&s, leaf * s.leaf, 1);
		scene_write(&s, (leaf + 1) * s.leaf - 1, 1);
	}
	scene_expect(&s, s.leaf - s.granule, s.leaf + 2 * s.granule, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
}

CT_TEST(clear_rest_goes_with_unmap, "CLEAR-005", .scope = CT_EACH_LEAF, .requires = needs_parts)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	write_both_ends(&s);
	scene_expect(&s, s.leaf, s.granule, s.granule);
	x(ct_unmap(s.ioas, s.iova, s.length, NULL));
	x(ct_map(s.ioas, s.mem, s.length, s.iova));
	scene_forget(&s, 0, s.length);
	scene_expect(&s, 0, s.length, s.granule);
	write_both_ends(&s);
	scene_expect(&s, 0, s.length, s.granule);
}

CT_TEST(clear_rest_goes_with_enable, "CLEAR-005", .scope = CT_EACH_LEAF, .requires = needs_parts)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	write_both_ends(&s);
	scene_expect(&s, s.leaf, s.granule, s.granule);
	/* On when already on keeps the rest, as it keeps all else. */
	x(ct_set_tracking(s.hwpt, true));
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	/* Off, then on, starts clean. */
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, true));
	scene_forget(&s, 0, s.length);
	scene_expect(&s, 0, s.length, s.granule);
	write_both_ends(&s);
	scene_expect(&s, 0, s.length, s.granule);
}

/* What is kept of one area's leaf is not another's to drop. */
CT_TEST(clear_rest_outlives_neighbour, "CLEAR-005", .scope = CT_EACH_LEAF, .requires = needs_parts)
{
	struct scene s;
	u64 area;

	scene_open(&s, .leaves = 4, .no_map = true);
	area = s.length / 2;
	x(ct_map(s.ioas, s.mem, area, s.iova));
	x(ct_map(s.ioas, s.mem + area, area, s.iova + area));
	scene_write(&s, area - 1, 1);
	scene_expect(&s, area - s.leaf, s.granule, s.granule);
	x(ct_unmap(s.ioas, s.iova + area, area, NULL));
	scene_expect(&s, 0, area, s.granule);
	scene_expect(&s, 0, area, s.granule);
}

/* The second write finds what the first left in the IOTLB, or must not. */
CT_TEST(clear_write_again, "CLEAR-006", .scope = CT_EACH_LEAF, .giant = true)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	const struct {
		u64 first, again;
	} writes[] = {
		{ s.leaf, s.leaf }, /* the same byte */
		{ s.leaf, s.leaf + s.granule - 1 }, /* the same granule */
		{ s.leaf, 2 * s.leaf - 1 }, /* the leaf's other end */
		{ s.length - 1, 2 * s.leaf }, /* in the last leaf, backwards */
		{ 0, s.length - 1 }, /* another leaf: its first write */
	};

	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		for (unsigned int round = 0; round < 3; round++) {
			scene_write(&s, writes[i].first, 1);
			expect_all(&s);
			scene_write(&s, writes[i].again, 1);
			expect_all(&s);
		}
		expect_all(&s);
	}
}

/* Caches know three leaves as dirty; only the harvested one is cleaned. */
CT_TEST(clear_write_again_after_range, "CLEAR-006", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	for (u64 cleaned = 0; cleaned < 3; cleaned++) {
		for (u64 leaf = 0; leaf < 3; leaf++)
			scene_write(&s, leaf * s.leaf, 1);
		scene_expect(&s, cleaned * s.leaf, s.leaf, s.leaf);
		for (u64 leaf = 0; leaf < 3; leaf++)
			scene_write(&s, leaf * s.leaf, 1);
		scene_expect_no_clear(&s, 0, s.length, s.leaf);
		expect_all(&s);
		expect_all(&s);
	}
}

/* A long request is cleaned in several steps; each step's caches count. */
CT_TEST(clear_write_again_long_bitmap, "CLEAR-006", .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u64 page_size;

	scene_open(&s, .leaves = 256);
	/* 2^20 bits: 128 KiB of bitmap, many windows of any likely size. */
	page_size = highest(1, s.length >> 20);
	for (unsigned int round = 0; round < 2; round++) {
		/* Not near one another, so that no single span covers two by luck. */
		for (u64 at = 0; at < s.length; at += 51 * s.leaf)
			scene_write(&s, at, 1);
		scene_expect(&s, 0, s.length, page_size);
	}
	expect_all(&s);
}

CT_TEST(clear_write_again_by_pasid, "CLEAR-006", .scope = CT_EACH_LEAF, .needs = TARGET_PASID,
	.requires = needs_dirty_pasid)
{
	struct scene s;

	scene_open(&s, .leaves = 2, .pasid_width = PASID_WIDTH,
		   .hwpt_flags = IOMMU_HWPT_ALLOC_PASID);
	x(ct_attach(s.dev, SOME_PASID, s.hwpt));
	for (unsigned int round = 0; round < 3; round++) {
		write_by(&s, s.dev, SOME_PASID, s.leaf);
		expect_all(&s);
	}
	/* Both ways into one table: each has caches of its own. */
	for (unsigned int round = 0; round < 3; round++) {
		write_by(&s, s.dev, SOME_PASID, 0);
		write_by(&s, s.dev, 0, 0);
		expect_all(&s);
		write_by(&s, s.dev, round & 1 ? SOME_PASID : 0, 0);
		expect_all(&s);
	}
	expect_all(&s);
}

CT_TEST(clear_write_again_by_two_devices, "CLEAR-006", .scope = CT_EACH_LEAF)
{
	u32 dev[2];
	struct scene s;

	scene_open(&s, .leaves = 2);
	dev[0] = s.dev;
	x(ct_plug(0, &dev[1]));
	x(ct_attach(dev[1], 0, s.hwpt));
	/* Both have the leaf in their caches as dirty; either writes next. */
	for (unsigned int round = 0; round < 4; round++) {
		write_by(&s, dev[0], 0, s.leaf);
		write_by(&s, dev[1], 0, s.leaf);
		expect_all(&s);
		write_by(&s, dev[round & 1], 0, s.leaf);
		expect_all(&s);
	}
	expect_all(&s);
}

CT_TEST(clear_nothing_dirty, "CLEAR-007", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	expect_all(&s);
	scene_expect_no_clear(&s, 0, s.length, s.leaf);
	scene_write(&s, s.leaf, 1);
	/* Elsewhere nothing is dirty, and harvesting there is nobody's loss. */
	for (unsigned int i = 0; i < 3; i++) {
		scene_expect(&s, 0, s.leaf, s.granule);
		scene_expect(&s, 2 * s.leaf, s.leaf, s.granule);
	}
	expect_all(&s);
	expect_all(&s);
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
}

CT_TEST(clear_one_hwpt, "CLEAR-008", .scope = CT_EACH_LEAF)
{
	struct ct_shadow *truth;
	u8 byte = 0xd1;
	u32 dev, hwpt;
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s, .leaves = 4);
	x(ct_plug(0, &dev));
	x(ct_hwpt_alloc(dev, s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	x(ct_attach(dev, 0, hwpt));
	x(ct_set_tracking(hwpt, true));
	truth = ct_shadow_new(s.iova, s.length, s.granule, s.reach);

	/* One leaf written by both, one by each, one by none. */
	scene_write(&s, 0, 1);
	scene_write(&s, s.leaf, 1);
	for (u64 leaf = 0; leaf < 4; leaf += 2) {
		x(ct_dma_write(dev, 0, s.iova + leaf * s.leaf, &byte, 1));
		ct_shadow_write(truth, s.iova + leaf * s.leaf, 1);
	}
	expect_all(&s);
	expect_all(&s);
	for (unsigned int i = 0; i < 2; i++) {
		ct_bitmap_init(&b, 4, 0);
		x(ct_get_bitmap(hwpt, 0, s.iova, s.length, s.leaf, b.bytes));
		ct_shadow_compare(truth, &b, s.iova, s.leaf, ct.t->caps & TARGET_LEAF);
		ct_bitmap_check_guards(&b);
		ct_bitmap_free(&b);
		ct_shadow_forget(truth, s.iova, s.length);
	}
	ct_shadow_free(truth);
}

/* One bit stands for two leaves: both are clean afterwards, and only they. */
CT_TEST(clear_coarse, "CLEAR-009", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 size, first;

	scene_open(&s, .leaves = 4);
	size = 2 * s.leaf;
	first = -s.iova & (size - 1);
	for (u64 leaf = 0; leaf < 4; leaf++)
		scene_write(&s, leaf * s.leaf, 1);
	scene_expect(&s, first, size, size);
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	expect_all(&s);
	/* The second of the two alone sets the bit, and is cleared with it. */
	scene_write(&s, first + size - 1, 1);
	scene_expect(&s, first, size, size);
	scene_expect(&s, first, size, s.granule);
}

/* Bits finer than a granule: the leaf is clean after its last bit, not before. */
CT_TEST(clear_fine, "CLEAR-009", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 page_size;

	scene_open(&s, .leaves = 2);
	page_size = highest(s.granule, s.leaf >> 12) / 16;
	scene_write(&s, s.leaf, 1);
	scene_expect_no_clear(&s, 0, s.length, page_size);
	scene_expect(&s, 0, s.length, page_size);
	scene_expect(&s, 0, s.length, page_size);
}
