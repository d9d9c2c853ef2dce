/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SPLIT, with DMA under way: leaves change size while devices walk, cache and mark them.
 *
 * A stream's write is known by its number (abi/iodirty.h). Those from the one after
 * enable returned to the last that was complete when disable was called are owed, to a
 * harvest in between or to one after it.
 */
#include <stdlib.h>

#include "concurrency.h"
#include "split.h"

#define RUN_NS (150 * MS)
#define PAGES 2048 /* at most, of a stream's range */

struct cycles {
	struct scene s;
	u64 page, npages;
	u64 seed;
	u32 stream;
	struct ct_bitmap bits;
	u64 owed, faults;
};

static u32 start_stream(const struct scene *s, u64 page, u64 seed, u64 rate)
{
	struct iodirty_stream_start start = {
		.pattern = IODIRTY_PATTERN_RANDOM,
		.dev_id = s->dev,
		.iova = s->iova,
		.length = s->length,
		.stride = page,
		.seed = seed,
		.rate = rate,
	};

	x(ct.t->driver->stream_start(ct.t, &start));
	return start.out_stream_id;
}

static struct iodirty_stream_query query(u32 stream, u32 flags)
{
	struct iodirty_stream_query q = { .flags = flags, .stream_id = stream };

	x(ct.t->driver->stream_query(ct.t, &q));
	return q;
}

/* @plug: of the device that writes; NULL: any. */
static void cycles_open(struct cycles *c, u32 policy, const struct iodirty_plug *plug)
{
	u64 leaves = highest(2, (8u << 20) >> ct.config.leaf_lg2);
	struct scene *s = &c->s;

	*c = (struct cycles){ .seed = ct.seed };
	split_open(s, .leaves = lowest(leaves, 512), .plug = plug);
	x(ct_split(s->hwpt, policy));
	c->page = highest(s->granule, s->length / PAGES);
	c->npages = s->length / c->page;
	ct_bitmap_init_guarded(&c->bits, c->npages);
	c->stream = start_stream(s, c->page, c->seed, 0);
	while (!query(c->stream, 0).out_completed)
		sleep_ns(MS / 10);
}

static void cycles_harvest(struct cycles *c)
{
	x(scene_get(&c->s, 0, 0, c->s.length, c->page, c->bits.bytes));
}

/* On a busy machine a stream may stand still for a while. */
static void wait_for_writes(const struct cycles *c, u64 n)
{
	u64 late = now_ns() + 5000 * MS;

	while (query(c->stream, 0).out_completed < n && now_ns() < late)
		sleep_ns(MS / 20);
}

/* One period, and its rule. @harvest: one within it, too. */
static void cycle(struct cycles *c, bool harvest)
{
	struct iodirty_stream_query from, to;

	ct_bitmap_fill(&c->bits, 0);
	x(ct_set_tracking(c->s.hwpt, true));
	from = query(c->stream, 0);
	if (harvest) {
		wait_for_writes(c, from.out_completed + 8);
		cycles_harvest(c);
	}
	to = query(c->stream, 0);
	x(ct_set_tracking(c->s.hwpt, false));
	cycles_harvest(c);
	/* The write under way at the first query may have begun before. */
	ct_check(to.out_faults - from.out_faults <= 1,
		 "%" PRIu64 " faults while no leaf changes its size",
		 (u64)(to.out_faults - from.out_faults));
	for (u64 n = from.out_completed + 1; n < to.out_completed; n++) {
		u64 state = c->seed + n * 0x9e3779b97f4a7c15ull;
		u64 page = ct_random(&state) % c->npages;

		ct_check(ct_bitmap_test(&c->bits, page),
			 "lost: write %" PRIu64 " of [%" PRIu64 ", %" PRIu64 "), to IOVA %#" PRIx64
			 " (page %" PRIu64 ")",
			 n, (u64)from.out_completed + 1, (u64)to.out_completed,
			 c->s.iova + page * c->page, page);
		c->owed++;
	}
	c->faults = to.out_faults;
}

static void cycles_close(struct cycles *c)
{
	struct iodirty_stream_query end = query(c->stream, IODIRTY_STREAM_STOP);

	c->faults = end.out_faults;
	ct_measure("writes", end.out_completed, "1");
	ct_measure("writes owed", c->owed, "1");
	ct_measure("faults", end.out_faults, "1");
	ct_bitmap_check_guards(&c->bits);
}

static void run_in_place(const struct iodirty_plug *plug)
{
	u64 end = now_ns() + RUN_NS;
	struct cycles c;
	u64 n = 0;

	cycles_open(&c, IODIRTY_SPLIT_IN_PLACE, plug);
	do {
		cycle(&c, n % 2);
		ct_check(!c.faults, "%" PRIu64 " writes faulted in %" PRIu64 " cycles", c.faults,
			 n + 1);
	} while (++n < 4 || now_ns() < end);
	cycles_close(&c);
	ct_check(!c.faults, "%" PRIu64 " writes faulted", c.faults);
	ct_check(c.owed, "no write was complete within a cycle");
	ct_measure("cycles", n, "1");
}

CT_TEST(in_place_under_dma, "SPLIT-012", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_SPLIT | TARGET_STREAM, .requires = splittable)
{
	run_in_place(NULL);
}

/* With nothing cached every write meets the entries as they are. */
CT_TEST(in_place_uncached, "SPLIT-012", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_SPLIT | TARGET_STREAM | TARGET_CACHES, .requires = splittable)
{
	const struct iodirty_plug plug = { .flags = IODIRTY_PLUG_CACHES };

	run_in_place(&plug);
}

/* What was feared in February 2022: DMA that meets the broken entry faults. It takes as
 * many cycles as it takes; with a fault in one of a hundred, 5 seconds miss it never. */
CT_TEST(break_before_make_under_dma, "SPLIT-013", .scope = CT_EACH_LEAF, .concurrent = true,
	.timeout_s = 60, .needs = TARGET_SPLIT | TARGET_STREAM, .requires = splittable)
{
	u64 start = now_ns(), n = 0;
	struct cycles c;

	cycles_open(&c, IODIRTY_SPLIT_BREAK_BEFORE_MAKE, NULL);
	do
		cycle(&c, n % 2);
	while (++n < 4 || now_ns() < start + RUN_NS ||
	       (!c.faults && now_ns() < start + 20000 * MS));
	cycles_close(&c);
	ct_check(c.faults, "%" PRIu64 " cycles, and no write met a broken entry", n);
	ct_check(c.owed, "no write was complete within a cycle");
	ct_measure("cycles", n, "1");
}

static const char *affordable(const struct ct_config *config)
{
	return config->leaf_lg2 <= 22 ? splittable(config) : "64 leaves would be too large";
}

/*
 * Each D that hardware sets is reported, also one that it sets while leaves are merged,
 * when the table that it is set in is already cut off. Any other mark would hide that one
 * is lost, so a write comes once a millisecond; and with many leaves disable takes a good
 * part of that. Each leaf is read before: then a walk cache leads into its table, cut off
 * or not, until it is told to forget.
 */
static void marks(u32 policy)
{
	u64 end = now_ns() + 3 * RUN_NS, n = 0, marked = 0;
	struct ct_bitmap b;
	struct scene s;
	u32 stream;
	u8 byte;

	split_open(&s, .leaves = 64);
	x(ct_split(s.hwpt, policy));
	ct_bitmap_init(&b, s.length / s.leaf, 0);
	stream = start_stream(&s, s.granule, ct.seed, 1000);
	do {
		u64 before, after;

		x(ct_set_tracking(s.hwpt, true));
		for (u64 at = 0; at < s.length; at += s.leaf)
			x(ct_dma_read(s.dev, 0, s.iova + at, &byte, 1));
		x(scene_get(&s, 0, 0, s.length, s.leaf, b.bytes));
		before = stats_now().dirty_sets;
		x(ct_set_tracking(s.hwpt, false));
		after = stats_now().dirty_sets;
		ct_bitmap_fill(&b, 0);
		x(scene_get(&s, 0, 0, s.length, s.leaf, b.bytes));
		ct_check(after == before || ct_bitmap_count(&b),
			 "cycle %" PRIu64 ": hardware marked %" PRIu64
			 " entries until disable returned, and no leaf is reported",
			 n, after - before);
		marked += after != before;
	} while (++n < 4 || now_ns() < end);
	query(stream, IODIRTY_STREAM_STOP);
	ct_measure("cycles", n, "1");
	ct_measure("cycles with a mark", marked, "1");
}

CT_TEST(marks_while_merged, "SPLIT-014", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_SPLIT | TARGET_DMA | TARGET_STREAM | TARGET_STATS, .requires = affordable)
{
	marks(IODIRTY_SPLIT_IN_PLACE);
}

CT_TEST(marks_while_broken, "SPLIT-014", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_SPLIT | TARGET_DMA | TARGET_STREAM | TARGET_STATS, .requires = affordable)
{
	marks(IODIRTY_SPLIT_BREAK_BEFORE_MAKE);
}

/* Whatever could hold a leaf is told when it is no more. */
CT_TEST(change_is_invalidated, "SPLIT-015", .scope = CT_EACH_LEAF, .giant = true,
	.needs = TARGET_SPLIT | TARGET_STATS, .requires = splittable)
{
	for (size_t p = 0; p < 2; p++) {
		struct scene s;

		split_open(&s, .leaves = 2);
		x(ct_split(s.hwpt, split_policies[p]));
		for (unsigned int i = 0; i < 4; i++) {
			u64 before = stats_now().invalidated_bytes, seen;

			x(ct_set_tracking(s.hwpt, !(i % 2)));
			seen = stats_now().invalidated_bytes - before;
			ct_check(seen >= s.length,
				 "%s: %#" PRIx64 " bytes were invalidated of %#" PRIx64
				 " whose leaves changed",
				 i % 2 ? "disable" : "enable", seen, s.length);
		}
	}
}

/* Devices behind two IOMMUs: each has the leaves as they are now. */
CT_TEST(split_behind_two_iommus, "SPLIT-016", .scope = CT_EACH_LEAF,
	.needs = TARGET_SPLIT | TARGET_DMA, .requires = splittable)
{
	struct scene s;
	u32 dev;

	split_open(&s, .leaves = 2);
	x(ct_plug(0, &dev));
	x(ct_attach(dev, 0, s.hwpt));
	for (size_t p = 0; p < 4; p++) {
		u64 at = s.leaf / 2;

		x(ct_split(s.hwpt, split_policies[p % 2]));
		x(ct_dma_write(s.dev, 0, s.iova, "1", 1));
		x(ct_dma_write(dev, 0, s.iova, "2", 1));
		x(ct_set_tracking(s.hwpt, true));
		new_truth(&s, s.granule);
		for (unsigned int i = 0; i < 3; i++) {
			x(ct_dma_write(dev, 0, s.iova + at, "3", 1));
			scene_mark(&s, at, 1);
			scene_write(&s, i % 2 ? 0 : at, 1);
			scene_expect(&s, 0, s.length, s.granule);
		}
		x(ct_dma_write(dev, 0, s.iova + at, "4", 1));
		x(ct_set_tracking(s.hwpt, false));
		new_truth(&s, s.leaf);
		scene_mark(&s, at, 1);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

static const char *pasid_splittable(const struct ct_config *config)
{
	return config->format.flags & IODIRTY_FORMAT_DIRTY_PASID ?
		       splittable(config) :
		       "the format tracks no table that serves PASIDs";
}

CT_TEST(split_by_pasid, "SPLIT-016", .scope = CT_EACH_LEAF,
	.needs = TARGET_SPLIT | TARGET_DMA | TARGET_PASID, .requires = pasid_splittable)
{
	struct scene s;

	split_open(&s, .leaves = 2, .hwpt_flags = IOMMU_HWPT_ALLOC_PASID,
		   .pasid_width = PASID_WIDTH);
	x(ct_attach(s.dev, 3, s.hwpt));
	for (size_t p = 0; p < 4; p++) {
		x(ct_split(s.hwpt, split_policies[p % 2]));
		x(ct_dma_write(s.dev, 3, s.iova, "1", 1));
		x(ct_set_tracking(s.hwpt, true));
		new_truth(&s, s.granule);
		for (unsigned int i = 0; i < 2; i++) {
			x(ct_dma_write(s.dev, 3, s.iova + s.leaf - 1, "2", 1));
			scene_mark(&s, s.leaf - 1, 1);
			scene_expect(&s, 0, s.length, s.granule);
		}
		x(ct_dma_write(s.dev, 3, s.iova, "3", 1));
		x(ct_set_tracking(s.hwpt, false));
		new_truth(&s, s.leaf);
		scene_mark(&s, 0, 1);
		scene_expect(&s, 0, s.length, s.granule);
	}
}
