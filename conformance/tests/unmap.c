/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter UNMAP: an unmap that reports what was written until it, of mappings that
 * nobody writes to meanwhile. So it must say exactly what a harvest would have said.
 */
#include "caches.h"
#include "split.h"
#include "stage1.h"
#include "unmap.h"

#define NEEDS TARGET_UNMAP_DIRTY
#define LEAVES 8

/* The first, the last and a byte in the middle of some leaves. */
static void write_some(struct scene *s)
{
	scene_write(s, 0, 1);
	scene_write(s, 2 * s->leaf - 1, 1);
	scene_write(s, 3 * s->leaf + s->leaf / 2, 1);
	scene_write(s, s->length - 1, 1);
}

CT_TEST(unmap_reports, "UNMAP-002", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct scene s;
	u8 byte;

	scene_open(&s, .leaves = LEAVES);
	unmap_expect_all(&s);
	for (u32 round = 0; round < 3; round++) {
		map_again(&s);
		x(ct_dma_read(s.dev, 0, s.iova + 5 * s.leaf, &byte, 1));
		write_some(&s);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		unmap_expect_all(&s);
		ct_check(s.mem[0] == 0xd1 && s.mem[s.length - 1] == 0xd1,
			 "memory does not hold what was written");
	}
	map_again(&s);
	expect_all(&s);
}

/* Wherever in a leaf: of some formats it is several entries, of which one is marked. */
CT_TEST(unmap_any_part_of_leaf, "UNMAP-002", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct scene s;
	u64 step;

	scene_open(&s);
	step = highest(s.granule, s.leaf / 16);
	for (u64 at = 0; at < s.leaf; at += step) {
		scene_write(&s, s.leaf + at, 1);
		scene_write(&s, 3 * s.leaf - 1 - at, 1);
		unmap_expect_all(&s);
		map_again(&s);
	}
}

/* Clean in the tables and in a cache, or dirty in both: what is in one alone is not. */
CT_TEST(unmap_warm, "UNMAP-002", .scope = CT_EACH_FORMAT, .needs = NEEDS)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .leaves = LEAVES, .plug = &plug);
		for (u32 round = 0; round < 2; round++) {
			warm(&s, s.dev, 0);
			scene_mark(&s, 0, s.length);
			expect_all(&s);
			write_some(&s);
			write_some(&s);
			unmap_expect_all(&s);
			map_again(&s);
		}
	}
}

CT_TEST(unmap_ats, "UNMAP-002", .scope = CT_EACH_FORMAT, .needs = NEEDS | TARGET_ATS)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .leaves = LEAVES, .plug = &plug);
		for (u32 round = 0; round < 2; round++) {
			warm(&s, s.dev, 0);
			scene_mark(&s, 0, s.length);
			expect_all(&s);
			write_some(&s);
			unmap_expect_all(&s);
			map_again(&s);
		}
	}
}

/* What may not be written is not reported, though dirty is a way of being writable. */
CT_TEST(unmap_read_only, "UNMAP-002", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct scene s;
	u64 iova, half;
	u8 byte = 0;

	scene_open(&s, .leaves = LEAVES, .no_map = true);
	half = s.length / 2;
	iova = s.iova;
	x(ct_map_flags(s.ioas, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE, s.mem, half,
		       &iova));
	x(ct_map(s.ioas, s.mem + half, half, s.iova + half));
	x(ct_dma_read(s.dev, 0, s.iova, &byte, 1));
	x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova, &byte, 1));
	scene_write(&s, half, 1);
	unmap_expect_all(&s);
}

/* Leaves that were made smaller since they were mapped: all that is reported is what a
 * harvest reports, which chapter SPLIT knows. */
CT_TEST(unmap_split, "UNMAP-002", .scope = CT_EACH_LEAF, .needs = NEEDS | TARGET_SPLIT,
	.requires = splittable)
{
	for (u32 i = 0; i < sizeof(split_policies) / sizeof(split_policies[0]); i++) {
		struct scene s;

		split_open(&s);
		x(ct_split(s.hwpt, split_policies[i]));
		enable_split(&s);
		write_some(&s);
		unmap_expect_all(&s);
	}
}

/* What stage 1 writes to the guest's tables is written, too. */
CT_TEST(unmap_guest_tables, "UNMAP-004", .scope = CT_EACH_LEAF,
	.needs = NEEDS | TARGET_STAGE1 | TARGET_DMA, .requires = stage1_none)
{
	struct ct_bitmap b;
	struct guest g;

	guest_open(&g);
	guest_expect(&g);
	guest_write(&g, 0);
	guest_write(&g, g.length - 1);
	unmap_expect(&g.s, 0, g.s.length, g.s.granule);
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	guest_look(&g);
	ct_bitmap_init_guarded(&b, g.tables_length / g.s.page);
	x(ct_unmap_dirty(g.s.ioas, g.gpa, g.tables_length, g.s.page, b.bytes));
	ct_bitmap_check_guards(&b);
	ct_shadow_compare(g.truth, &b, g.gpa, g.s.page, ct.t->caps & TARGET_LEAF);
	ct_check(ct_bitmap_count(&b), "the IOMMU marked no entry of stage 1");
	ct_bitmap_free(&b);
	guest_expect_fault(&g, true, guest_iova(&g, 0));
}

/* ---- what harvests left ---- */

static const char *leaf_can_be_cut(const struct ct_config *config)
{
	return config->leaf_lg2 > config->format.granule_lg2 && config->leaf_lg2 > 12 ?
		       NULL :
		       "no request can cut a leaf";
}

CT_TEST(unmap_reports_rest, "UNMAP-005", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = leaf_can_be_cut)
{
	struct scene s;
	u64 half;

	scene_open(&s, .leaves = LEAVES);
	half = s.leaf / 2;
	scene_write(&s, s.leaf, 1);
	scene_write(&s, 4 * s.leaf - 1, 1);
	/* Cleaned whole, and half of each not told: the second, then the first. */
	scene_expect(&s, s.leaf, half, s.granule);
	scene_expect(&s, 3 * s.leaf + half, half, s.granule);
	/* What is told now is not dirty any more, nor is it kept. */
	unmap_expect_all(&s);
	map_again(&s);
	expect_all(&s);
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, s.leaf, half, s.granule);
	scene_write(&s, s.leaf, 1);
	unmap_expect_all(&s);
}

/* ---- several HWPTs ---- */

CT_TEST(unmap_of_all_hwpts, "UNMAP-006", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct scene s, second;
	u32 untracked;

	scene_open(&s, .leaves = LEAVES);
	second = s;
	x(ct_plug(0, &second.dev));
	x(ct_hwpt_alloc(second.dev, s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &second.hwpt));
	x(ct_set_tracking(second.hwpt, true));
	x(ct_attach(second.dev, 0, second.hwpt));
	x(ct_plug(0, &untracked));
	x(ct_attach(untracked, 0, s.ioas));
	/* One truth for both: what the third writes belongs to nobody. */
	for (u32 round = 0; round < 2; round++) {
		u8 byte = 1;

		scene_write(&s, s.leaf, 1);
		scene_write(&second, 3 * s.leaf, 1);
		scene_write(&s, 4 * s.leaf, 1);
		scene_write(&second, 4 * s.leaf, 1);
		x(ct_dma_write(untracked, 0, s.iova + 6 * s.leaf, &byte, 1));
		unmap_expect_all(&s);
		scene_expect_hole(&s, second.hwpt, 0, s.length);
		expect_fault(&s, second.dev, 0);
		expect_fault(&s, untracked, 0);
		map_again(&s);
	}
}

/* Switched off again: what a harvest would report now, be that much or nothing. */
CT_TEST(unmap_when_off, "UNMAP-006", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct ct_bitmap harvest, unmap;
	struct scene s;

	scene_open(&s, .leaves = LEAVES);
	for (u32 round = 0; round < 2; round++) {
		write_some(&s);
		x(ct_set_tracking(s.hwpt, false));
		if (round)
			scene_write(&s, 5 * s.leaf, 1);
		ct_bitmap_init(&harvest, s.length / s.granule, 0);
		x(scene_get(&s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, s.length, s.granule,
			    harvest.bytes));
		ct_bitmap_init_guarded(&unmap, s.length / s.granule);
		x(unmap_dirty(&s, 0, s.length, s.granule, unmap.bytes));
		ct_bitmap_check_guards(&unmap);
		for (u64 bit = 0; bit < unmap.nbits; bit++)
			ct_check(ct_bitmap_test(&unmap, bit) == ct_bitmap_test(&harvest, bit),
				 "IOVA %#" PRIx64 ": the unmap and a harvest before it differ",
				 s.iova + bit * s.granule);
		map_again(&s);
		x(ct_set_tracking(s.hwpt, true));
	}
}

/* ---- where bits go ---- */

static void expect_at(struct scene *s, u64 length, u64 page_size, u64 pointer)
{
	struct ct_bitmap b;

	ct_bitmap_init(&b, length / page_size, pointer);
	x(unmap_dirty(s, 0, length, page_size, b.bytes));
	scene_compare(s, &b, s->iova, page_size, true);
	ct_bitmap_free(&b);
}

CT_TEST(unmap_lengths, "UNMAP-007", .scope = CT_EACH_FORMAT, .needs = NEEDS)
{
	static const u32 counts[] = { 1, 7, 8, 9, 17, 63, 64, 65, 129, 513 };
	static const u64 pointers[] = { 0, 1, 7, 61, 4095 };
	u64 random = ct.seed;
	struct scene s;

	scene_open(&s, .leaves = 1026, .no_map = true);
	for (u32 c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		u64 length = counts[c] * s.page;

		for (u32 p = 0; p < sizeof(pointers) / sizeof(pointers[0]); p++) {
			x(ct_map(s.ioas, s.mem, length, s.iova));
			scene_write(&s, length - 1, 1);
			for (u32 i = 0; i < counts[c] / 2; i++)
				scene_write(&s, ct_random(&random) % length, 1);
			expect_at(&s, length, s.page, pointers[p]);
		}
	}
}

/* Bits finer than a leaf and coarser; each stands for what is from the range's start. */
CT_TEST(unmap_page_sizes, "UNMAP-007", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct scene s;

	scene_open(&s, .leaves = LEAVES, .no_map = true);
	for (u64 size = s.granule / 2; size <= s.length; size *= 4) {
		u64 offset = align_up(s.iova, highest(size, s.page)) - s.iova;
		u64 length = align_down(s.length - offset, highest(size, s.page));

		if (!length || s.length / size > 1 << 16)
			continue;
		x(ct_map(s.ioas, s.mem + offset, length, s.iova + offset));
		scene_write(&s, offset, 1);
		scene_write(&s, offset + length - 1, 1);
		unmap_expect(&s, offset, length, size);
	}
}

/* A bitmap of 4 MiB, a bit a byte: more than any window. */
CT_TEST(unmap_long_bitmap, "UNMAP-007", .scope = CT_EACH_FORMAT, .needs = NEEDS)
{
	const u64 length = 32 << 20;
	static const u64 at[] = { 0, 5 << 20, (16 << 20) - 1, 16 << 20, 21 << 20, (32 << 20) - 1 };
	struct scene s;

	scene_open(&s, .leaves = length >> ct.config.leaf_lg2);
	for (u32 i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		scene_write(&s, at[i], 1);
	unmap_expect(&s, 0, length, 1);
}

/* A leaf under the bits of several windows: all of them have it. */
CT_TEST(unmap_leaf_in_windows, "UNMAP-007", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct scene s;

	if (ct.config.leaf_lg2 < 20 || ct.config.leaf_lg2 > 24)
		ct_skip("the bitmap of a leaf is not of several windows, or too long");
	scene_open(&s, .leaves = 2);
	scene_write(&s, s.leaf, 1);
	unmap_expect(&s, 0, s.length, 1);
}

/* The caller's bits are added to. */
CT_TEST(unmap_keeps_bits, "UNMAP-007", .scope = CT_EACH_FORMAT, .needs = NEEDS)
{
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s, .leaves = 64);
	ct_bitmap_init(&b, s.length / s.page, 3);
	memset(b.bytes, 0xaa, b.nbits / 8);
	scene_write(&s, 2 * s.page, 1);
	scene_write(&s, 3 * s.page, 1);
	x(unmap_dirty(&s, 0, s.length, s.page, b.bytes));
	for (u64 bit = 0; bit < b.nbits; bit++)
		ct_check(ct_bitmap_test(&b, bit) == (bit % 2 || bit == 2), "bit %llu is %s",
			 (unsigned long long)bit, bit == 2 ? "missing" : "not as it was");
	ct_bitmap_free(&b);
}

/* ---- neighbours ---- */

/* Areas of the scene, two leaves each: some in the middle go in one call. */
CT_TEST(unmap_among_others, "UNMAP-008", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct scene s;
	u64 area;

	scene_open(&s, .leaves = 16, .no_map = true);
	area = 2 * s.leaf;
	for (u64 at = 0; at < s.length; at += area)
		x(ct_map(s.ioas, s.mem + at, area, s.iova + at));
	for (u64 at = 0; at < s.length; at += area)
		scene_write(&s, at + area - 1, 1);
	unmap_expect(&s, 2 * area, 3 * area, s.granule);
	scene_expect_hole(&s, s.hwpt, 2 * area, 3 * area);
	scene_expect_no_clear(&s, 0, 2 * area, s.granule);
	scene_write(&s, 5 * area, 1);
	scene_expect(&s, 0, 2 * area, s.granule);
	scene_expect(&s, 5 * area, 3 * area, s.granule);
	/* The same range again, which is mapped otherwise now. */
	x(ct_map(s.ioas, s.mem + 2 * area, 3 * area, s.iova + 2 * area));
	scene_write(&s, 3 * area, 1);
	unmap_expect(&s, area, 4 * area, s.granule);
	scene_expect(&s, 0, area, s.granule);
	scene_expect(&s, 5 * area, 3 * area, s.granule);
}

/* ---- accesses ---- */

static int test_cmd(struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ct_ioctl(IOMMU_TEST_CMD, cmd);
}

/* An access pins a page of each of many areas: it is asked to let go of each, and the
 * bits are of the devices. */
CT_TEST(unmap_asks_accesses, "UNMAP-011", .scope = CT_EACH_FORMAT, .needs = NEEDS | TARGET_ACCESS)
{
	struct iommu_test_cmd create = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.create_access.flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
	};
	struct iodirty_stats stats = { 0 };
	const u64 areas = 256;
	struct scene s;

	scene_open(&s, .leaves = 2 * areas, .no_map = true);
	s.mem = ct_memory(s.length, s.page, 0);
	for (u64 i = 0; i < areas; i++)
		x(ct_map(s.ioas, s.mem + i * s.page, s.page, s.iova + i * s.page));
	create.id = s.ioas;
	x(test_cmd(&create));
	for (u64 i = 0; i < areas; i++) {
		struct iommu_test_cmd pin = {
			.op = IOMMU_TEST_OP_ACCESS_PAGES,
			.id = create.create_access.out_access_fd,
			.access_pages = { .flags = MOCK_FLAGS_ACCESS_WRITE,
					  .iova = s.iova + i * s.page,
					  .length = s.page,
					  .uptr = (uintptr_t)s.mem + i * s.page },
		};

		x(test_cmd(&pin));
	}
	scene_write(&s, s.page, 1);
	scene_write(&s, (areas - 1) * s.page, 1);
	unmap_expect(&s, 0, areas * s.page, s.page);
	if (ct.t->caps & TARGET_STATS) {
		x(ct.t->driver->stats(ct.t, &stats));
		ct_check(stats.pinned_pages == 0, "%llu pages are still pinned",
			 (unsigned long long)stats.pinned_pages);
	}
}

/* ---- what it costs ---- */

/* Commands and waits of one unmap of @areas areas, all of them written, as a plain one or
 * as one that reports. */
static struct iodirty_stats cost(struct scene *s, u64 areas, bool report)
{
	struct iodirty_stats before = { 0 }, after = { 0 };
	u64 area = s->length / areas;

	for (u64 at = 0; at < s->length; at += area) {
		x(ct_map(s->ioas, s->mem + at, area, s->iova + at));
		scene_write(s, at, 1);
	}
	x(ct.t->driver->stats(ct.t, &before));
	if (report)
		unmap_expect(s, 0, s->length, s->granule);
	else
		x(ct_unmap(s->ioas, s->iova, s->length, NULL));
	x(ct.t->driver->stats(ct.t, &after));
	scene_forget(s, 0, s->length);
	return (struct iodirty_stats){
		.invalidations = after.invalidations - before.invalidations,
		.atc_invalidations = after.atc_invalidations - before.atc_invalidations,
		.waits = after.waits - before.waits,
	};
}

static void expect_no_more(const char *what, u64 reporting, u64 plain)
{
	ct_check(reporting <= plain, "%llu %s; a plain unmap makes %llu",
		 (unsigned long long)reporting, what, (unsigned long long)plain);
}

CT_TEST(unmap_costs_one_flush, "UNMAP-012", .scope = CT_EACH_FORMAT,
	.needs = NEEDS | TARGET_STATS | TARGET_ATS)
{
	for (u64 areas = 1; areas <= 4; areas *= 4) {
		const struct iodirty_plug ats = { .flags = IODIRTY_PLUG_ATS };
		struct iodirty_stats plain, reporting;
		struct scene s;
		u32 dev;

		scene_open(&s, .leaves = LEAVES, .no_map = true);
		x(ct_plug_as(&ats, &dev));
		x(ct_attach(dev, 0, s.hwpt));
		plain = cost(&s, areas, false);
		reporting = cost(&s, areas, true);
		ct_check(plain.invalidations, "a plain unmap invalidates nothing");
		expect_no_more("invalidations", reporting.invalidations, plain.invalidations);
		expect_no_more("of devices' caches", reporting.atc_invalidations,
			       plain.atc_invalidations);
		expect_no_more("waits", reporting.waits, plain.waits);
	}
}
