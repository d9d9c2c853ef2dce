/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * LEAF: how large the leaves are, and that a leaf is one thing: a write through
 * any of its entries dirties all of it, a harvest cleans all of it, and neither
 * touches the leaf beside it.
 */
#include "bits.h"
#include "ct.h"

static const char *needs_smaller_leaves(const struct ct_config *config)
{
	return config->leaf_lg2 > highest(config->format.granule_lg2, 12) ? NULL :
									    "no leaf is smaller";
}

static bool leaves_are_exact(void)
{
	return ct.t->caps & TARGET_LEAF;
}

/* The first byte of each entry of a leaf, or 64 places spread over it. */
static u64 entry_step(const struct scene *s)
{
	return highest(s->granule, s->leaf / 64);
}

static void expect_leaf_at(u32 hwpt, u64 iova, u64 start, u64 size)
{
	struct iodirty_leaf leaf = { .size = sizeof(leaf), .hwpt_id = hwpt, .iova = iova };

	x(ct.t->driver->leaf(ct.t, &leaf));
	ct_check(leaf.out_start == start && 1ull << leaf.out_lg2 == size,
		 "IOVA %#" PRIx64 ": leaf of %#" PRIx64 " bytes at %#" PRIx64
		 ", expected one of %#" PRIx64 " at %#" PRIx64,
		 iova, (u64)1 << leaf.out_lg2, (u64)leaf.out_start, size, start);
}

CT_TEST(leaf_size_is_used, "LEAF-001", .scope = CT_EACH_LEAF, .giant = true, .needs = TARGET_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	for (u64 at = 0; at < s.length; at += s.leaf) {
		expect_leaf_at(s.hwpt, s.iova + at, s.iova + at, s.leaf);
		expect_leaf_at(s.hwpt, s.iova + at + s.leaf / 2, s.iova + at, s.leaf);
		expect_leaf_at(s.hwpt, s.iova + at + s.leaf - 1, s.iova + at, s.leaf);
	}
}

/* Each entry stands for the leaf: whichever hardware marks, all of it is dirty. */
CT_TEST(leaf_any_entry, "LEAF-002", .scope = CT_EACH_LEAF, .giant = true)
{
	struct scene s;
	u64 step;

	scene_open(&s, .leaves = 3);
	step = entry_step(&s);
	for (u64 at = s.leaf; at < 2 * s.leaf; at += step) {
		scene_write(&s, at, 1);
		scene_expect(&s, 0, s.length, step);
	}
	/* To the granule: the leaf's last one is reported, the next leaf's first not. */
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
	scene_write(&s, 2 * s.leaf - 1, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* The entry that is dirty is not the one that the request covers. */
CT_TEST(leaf_entry_outside_request, "LEAF-002", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 step;

	scene_open(&s, .leaves = 3);
	step = entry_step(&s);
	for (u64 at = s.leaf; at < 2 * s.leaf; at += step) {
		scene_write(&s, at, 1);
		scene_expect_no_clear(&s, s.leaf, s.granule, s.granule);
		scene_expect_no_clear(&s, (s.leaf + s.leaf / 2) & -step, step, step);
		scene_expect(&s, 2 * s.leaf - s.granule, s.granule, s.granule);
		scene_expect(&s, 0, s.length, highest(s.granule, step / 2));
	}
}

/* Every entry dirty, then one harvest; then every entry alone again. */
CT_TEST(leaf_all_entries_cleaned, "LEAF-003", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 step;

	scene_open(&s, .leaves = 3);
	step = entry_step(&s);
	for (u64 at = s.leaf; at < 2 * s.leaf; at += step)
		scene_write(&s, at, 1);
	scene_expect(&s, 0, s.length, s.leaf);
	scene_expect(&s, 0, s.length, s.leaf);
	for (u64 at = s.leaf; at < 2 * s.leaf; at += step) {
		scene_write(&s, at, 1);
		scene_expect(&s, 0, s.length, s.leaf);
		scene_expect(&s, 0, s.length, s.leaf);
	}
	/* A request of one granule cleans all entries too; the rest is owed once. */
	for (u64 at = s.leaf; at < 2 * s.leaf; at += step)
		scene_write(&s, at, 1);
	scene_expect(&s, s.leaf, s.granule, s.granule);
	scene_expect(&s, s.leaf, s.leaf, s.granule);
	scene_expect(&s, 0, s.length, s.leaf);
}

/* ---- areas whose leaves differ ---- */

struct area {
	u64 iova, length;
	u8 *va;
};

/*
 * The leaf that alignment asks for at offset @at of @a: from its start on, the
 * largest size of the format that suits both addresses and ends within the area.
 */
static u64 leaf_by_alignment(const struct area *a, u64 at, u64 *start)
{
	u64 size;

	for (*start = 0;; *start += size) {
		u64 addresses = (a->iova + *start) | ((uintptr_t)a->va + *start);
		u64 aligned = 2 * (addresses & -addresses) - 1;
		u64 within = (2ull << (63 - __builtin_clzll(a->length - *start))) - 1;
		u64 sizes = ct.config.format.leaf_sizes & aligned & within;

		size = 1ull << (63 - __builtin_clzll(sizes));
		if (at - *start < size)
			return size;
	}
}

/*
 * Write one byte at @iova and harvest @all in pages: pages of [first, first +
 * length) may be dirty, must if @exact, and nothing else may.
 */
static void expect_only(struct scene *s, const struct area *all, u64 iova, u64 first, u64 length,
			bool exact)
{
	u64 nbits = all->length / s->page;
	struct ct_bitmap b;
	u8 byte = 0xd1;

	x(ct_dma_write(s->dev, 0, iova, &byte, 1));
	ct_bitmap_init_guarded(&b, nbits);
	x(ct_get_bitmap(s->hwpt, 0, all->iova, all->length, s->page, b.bytes));
	for (u64 bit = 0; bit < nbits; bit++) {
		u64 page = all->iova + bit * s->page;
		bool inside = page - first < length;
		bool must = exact ? inside : iova - page < s->page;
		bool seen = ct_bitmap_test(&b, bit);

		ct_check(seen ? inside : !must,
			 "write at %#" PRIx64 ": bit %" PRIu64 " (IOVA %#" PRIx64
			 ") is %s; its leaf is %#" PRIx64 "..%#" PRIx64,
			 iova, bit, page, seen ? "set" : "clear", first, first + length - 1);
	}
	ct_bitmap_check_guards(&b);
	ct_bitmap_free(&b);
}

/* Write at offset @at of @a and harvest @all: the leaf by alignment is dirty. */
static void expect_by_alignment(struct scene *s, const struct area *all, const struct area *a,
				u64 at)
{
	u64 start, size = leaf_by_alignment(a, at, &start);

	if (leaves_are_exact()) {
		expect_leaf_at(s->hwpt, a->iova + at, a->iova + start, size);
		expect_only(s, all, a->iova + at, a->iova + start, size, true);
	} else {
		expect_only(s, all, a->iova + at, a->iova, a->length, false);
	}
}

CT_TEST(leaf_seams, "LEAF-004", .scope = CT_EACH_LEAF, .requires = needs_smaller_leaves)
{
	struct scene s;
	u64 far;

	scene_open(&s, .leaves = 4, .no_map = true);
	/* Far enough to meet every smaller size but those that cost much memory. */
	far = lowest(s.leaf, 64u << 20) - s.page;
	/* One leaf of this size between @head and @tail bytes of smaller ones. */
	const struct {
		const char *why;
		u64 head, body, tail, misaligned;
	} shapes[] = {
		{ "a page on either side", .head = s.page, .body = s.leaf, .tail = s.page },
		{ "smaller sizes, up and down", .head = far, .body = s.leaf, .tail = far },
		{ "VA and IOVA agree on nothing above a page", .body = far + s.page,
		  .misaligned = s.page },
		{ "VA and IOVA agree on half a leaf", .body = s.leaf, .tail = s.page,
		  .misaligned = s.leaf / 2 },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		u64 head = shapes[i].head, end = head + shapes[i].body;
		u64 length = end + shapes[i].tail;
		const u64 places[] = {
			0, /* the first leaf of all */
			head - !!head, /* before the seam */
			head, /* after it */
			(head + end) / 2, /* far from seams */
			end - 1, /* before the next seam */
			end % length, /* after it */
			length - 1, /* the last leaf of all */
		};
		struct area a = { .iova = s.iova + s.leaf - head, .length = length };

		ct_note("%s", shapes[i].why);
		a.va = ct_memory(length, s.leaf, (s.leaf - head + shapes[i].misaligned) % s.leaf);
		x(ct_map(s.ioas, a.va, a.length, a.iova));
		for (size_t p = 0; p < sizeof(places) / sizeof(*places); p++)
			expect_by_alignment(&s, &a, &a, places[p]);
		x(ct_unmap(s.ioas, a.iova, a.length, NULL));
	}
}

/* All leaves of a harvest across seams dirty: no gap between them. */
CT_TEST(leaf_seams_all_dirty, "LEAF-004", .scope = CT_EACH_LEAF, .requires = needs_smaller_leaves)
{
	u64 start, size, nbits, nleaves = 0, npages = 0, last = 0;
	struct ct_bitmap b;
	struct area a;
	struct scene s;
	u8 byte = 0xd1;

	scene_open(&s, .leaves = 4, .no_map = true);
	/* From a page above a leaf's boundary: smaller leaves, one, smaller ones. */
	a.iova = s.iova + s.page;
	a.length = 2 * s.leaf;
	a.va = ct_memory(a.length, s.leaf, s.page);
	x(ct_map(s.ioas, a.va, a.length, a.iova));
	for (u64 at = 0; at < a.length; at = start + size) {
		size = leaf_by_alignment(&a, at, &start);
		x(ct_dma_write(s.dev, 0, a.iova + at, &byte, 1));
		nleaves++;
		npages += !npages || at / s.page != last;
		last = at / s.page;
	}
	nbits = a.length / s.page;
	for (unsigned int round = 0; round < 2; round++) {
		u64 want = round ? 0 : nbits, seen;

		ct_bitmap_init_guarded(&b, nbits);
		x(ct_get_bitmap(s.hwpt, 0, a.iova, a.length, s.page, b.bytes));
		seen = ct_bitmap_count(&b);
		/* Where leaf sizes are not known, some leaves were not written. */
		ct_check(leaves_are_exact() || round ? seen == want : seen >= npages,
			 "harvest %u of %" PRIu64 " leaves, each written: %" PRIu64
			 " pages are dirty, expected %" PRIu64,
			 round + 1, nleaves, seen, want);
		ct_bitmap_check_guards(&b);
		ct_bitmap_free(&b);
	}
}

/* Side by side in both address spaces, and yet two: no leaf is shared. */
CT_TEST(leaf_within_area, "LEAF-005", .scope = CT_EACH_LEAF, .giant = true,
	.requires = needs_smaller_leaves)
{
	struct area all, half[2];
	struct scene s;

	scene_open(&s, .leaves = 2, .no_map = true);
	all = (struct area){ .iova = s.iova, .length = s.leaf, .va = s.mem };
	for (unsigned int i = 0; i < 2; i++) {
		u64 at = i * s.leaf / 2;

		half[i] = (struct area){ .iova = all.iova + at,
					 .length = s.leaf / 2,
					 .va = all.va + at };
		x(ct_map(s.ioas, half[i].va, half[i].length, half[i].iova));
	}
	for (unsigned int i = 0; i < 2; i++) {
		expect_by_alignment(&s, &all, &half[i], 0);
		expect_by_alignment(&s, &all, &half[i], half[i].length - 1);
	}
}

/* Without huge pages a leaf is a page at most, which lets a target whose granule
 * is less have either; what is mapped after they are back is not. */
CT_TEST(leaf_huge_pages_off, "LEAF-006", .scope = CT_EACH_LEAF, .requires = needs_smaller_leaves)
{
	u64 off = 0, on = 1, size, small;
	struct area all;
	struct scene s;

	scene_open(&s, .leaves = 3, .no_map = true);
	size = 2 * s.leaf;
	small = leaves_are_exact() ? s.granule : s.page;
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s.ioas, IOMMU_OPTION_OP_SET, &off));
	x(ct_map(s.ioas, s.mem, size, s.iova));
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s.ioas, IOMMU_OPTION_OP_SET, &on));
	x(ct_map(s.ioas, s.mem + size, s.leaf, s.iova + size));
	all = (struct area){ .iova = s.iova, .length = s.length, .va = s.mem };

	const u64 places[] = { 0, small, s.leaf - 1, s.leaf, size - 1 };
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		u64 at = s.iova + places[i];

		if (leaves_are_exact())
			expect_leaf_at(s.hwpt, at, at / small * small, small);
		expect_only(&s, &all, at, at / s.page * s.page, s.page, true);
	}
	if (leaves_are_exact())
		expect_leaf_at(s.hwpt, s.iova + size, s.iova + size, s.leaf);
	expect_only(&s, &all, s.iova + size, s.iova + size, s.leaf, leaves_are_exact());
}

CT_TEST(leaf_huge_pages_per_ioas, "LEAF-006", .scope = CT_EACH_LEAF, .needs = TARGET_LEAF,
	.requires = needs_smaller_leaves)
{
	u64 off = 0, on = 1;
	u32 ioas, hwpt;
	struct scene s;

	scene_open(&s, .leaves = 2, .no_map = true);
	x(ct_ioas_alloc(&ioas));
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, ioas, IOMMU_OPTION_OP_SET, &off));
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s.ioas, IOMMU_OPTION_OP_GET, &on));
	ct_check(on == 1, "HUGE_PAGES of one IOAS went off with another's");
	x(ct_hwpt_alloc(s.dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	x(ct_map(s.ioas, s.mem, s.length, s.iova));
	x(ct_map(ioas, s.mem, s.length, s.iova));
	expect_leaf_at(s.hwpt, s.iova + s.leaf, s.iova + s.leaf, s.leaf);
	expect_leaf_at(hwpt, s.iova + s.leaf, s.iova + s.leaf, s.granule);
}
