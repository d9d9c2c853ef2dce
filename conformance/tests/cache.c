/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter CACHE: an IOMMU remembers leaves, with their D, and tables on the way to
 * them. Whatever it holds, and however little, reports are exact.
 */
#include "attach.h"
#include "bits.h"
#include "caches.h"
#include "concurrency.h"

#define LEAVES 8
#define ROUNDS 3

/* Leaves here and there are written, each more than once, and harvested; then others,
 * and some of the same. */
CT_TEST(written_again, "CACHE-001", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct iodirty_plug plug;
	u64 random = ct.seed;

	for_each_cache_size(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .leaves = LEAVES, .plug = &plug);
		for (unsigned int round = 0; round < ROUNDS; round++) {
			for (unsigned int i = 0; i < LEAVES; i++)
				scene_write(&s, ct_random(&random) % LEAVES * s.leaf + i, 1);
			expect_all(&s);
			/* All of them, and again when all are cached as dirty. */
			for (unsigned int i = 0; i < 2 * LEAVES; i++)
				scene_write(&s, i % LEAVES * s.leaf, 1);
			expect_all(&s);
			expect_all(&s);
		}
	}
}

/* A harvest of a part cleans that and leaves the caches right for the rest. */
CT_TEST(part_harvested, "CACHE-001", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .leaves = LEAVES, .plug = &plug);
		for (u64 at = 0; at < s.length; at += s.leaf)
			scene_write(&s, at, 1);
		scene_expect(&s, 2 * s.leaf, 2 * s.leaf, s.granule);
		for (u64 at = 0; at < s.length; at += s.leaf)
			scene_write(&s, at, 1);
		scene_expect(&s, 0, 4 * s.leaf, s.granule);
		scene_expect(&s, 2 * s.leaf, 6 * s.leaf, s.granule);
		/* One that clears nothing takes nothing away. */
		scene_write(&s, 3 * s.leaf, 1);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		scene_write(&s, 4 * s.leaf, 1);
		expect_all(&s);
	}
}

CT_TEST(enabled_when_warm, "CACHE-002", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .leaves = LEAVES, .plug = &plug, .no_enable = true);
		for (unsigned int round = 0; round < 2; round++) {
			warm(&s, s.dev, 0);
			x(ct_set_tracking(s.hwpt, true));
			scene_write(&s, s.leaf, 1);
			scene_write(&s, (LEAVES - 1) * s.leaf, 1);
			expect_all(&s);
			scene_write(&s, s.leaf, 1);
			expect_all(&s);
			x(ct_set_tracking(s.hwpt, false));
		}
	}
}

/* ---- unmap ---- */

/* Other memory where the scene's was, leaf by leaf alike. */
CT_TEST(mapped_elsewhere, "CACHE-003", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		u8 *memory[2];
		struct scene s;

		scene_open(&s, .leaves = 4, .plug = &plug);
		memory[0] = s.mem;
		memory[1] = ct_memory(s.length, highest(2 * s.leaf, 4096), s.leaf);
		for (unsigned int round = 1; round < 4; round++) {
			warm(&s, s.dev, 0);
			x(ct_unmap(s.ioas, s.iova, s.length, NULL));
			expect_fault(&s, s.dev, 0);
			s.mem = memory[round % 2];
			x(ct_map(s.ioas, s.mem, s.length, s.iova));
			scene_forget(&s, 0, s.length);
			expect_all(&s);
			for (u64 at = s.leaf; at < s.length; at += 2 * s.leaf) {
				expect_lands(&s, s.dev, 0, at, s.mem, memory[(round + 1) % 2]);
				scene_mark(&s, at, 1);
			}
			expect_all(&s);
			scene_write(&s, s.leaf, 1);
			expect_all(&s);
		}
	}
}

/* The leaf size that fills an entry of a level above the smallest: 0 if there is none
 * small enough to be filled with the smallest. */
static unsigned int block_lg2(const struct ct_config *config)
{
	unsigned int lg2 = config->format.granule_lg2 + 9;

	while (lg2 < 30 && !(config->format.leaf_sizes >> lg2 & 1))
		lg2++;
	return lg2 < 30 ? lg2 : 0;
}

static const char *has_blocks(const struct ct_config *config)
{
	return block_lg2(config) ? NULL : "no leaf size takes the place of a table of leaves";
}

static void expect_leaf(const struct scene *s, u64 iova, unsigned int lg2)
{
	struct iodirty_leaf leaf = { .hwpt_id = s->hwpt, .iova = iova };

	x(ct.t->driver->leaf(ct.t, &leaf));
	ct_check(leaf.out_lg2 == lg2, "IOVA %#llx is mapped by a leaf of 2^%u bytes, expected 2^%u",
		 (unsigned long long)iova, leaf.out_lg2, lg2);
}

/* One harvest says that just @length bytes from @start are dirty. */
static void expect_dirty(const struct scene *s, u64 iova, u64 length, u64 start, u64 dirty)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, length / s->granule);
	x(ct_get_bitmap(s->hwpt, 0, iova, length, s->granule, b.bytes));
	ct_bitmap_check_guards(&b);
	for (u64 bit = 0; bit < b.nbits; bit++) {
		bool want = bit * s->granule >= start && bit * s->granule < start + dirty;

		ct_check(ct_bitmap_test(&b, bit) == want, "IOVA %#llx, bit %llu: expected %s",
			 (unsigned long long)iova, (unsigned long long)bit,
			 want ? "dirty" : "clean");
	}
	ct_bitmap_free(&b);
}

/* A table of small leaves makes room for one large leaf, and that for a table: what was
 * cached of the one, its table too, is no way into the other. */
CT_TEST(table_becomes_leaf, "CACHE-003", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA | TARGET_LEAF,
	.requires = has_blocks)
{
	unsigned int large_lg2 = block_lg2(&ct.config);
	u64 large = (u64)1 << large_lg2;
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct scene s;
		u8 *few, *many;
		u64 iova;

		scene_open(&s, .plug = &plug, .no_map = true);
		iova = align_up(s.iova + s.length, 2 * large);
		/* An odd multiple of the smallest leaf, and of the large one. */
		many = ct_memory(large, highest(2 * s.leaf, 4096), s.leaf);
		few = ct_memory(large, 2 * large, large);
		for (unsigned int round = 0; round < 4; round++) {
			u8 *mem = round % 2 ? few : many, byte = 0xe0 + round;
			unsigned int lg2 = round % 2 ? large_lg2 : ct.config.leaf_lg2;
			u64 size = (u64)1 << lg2, at = large / 2 + s.leaf;

			x(ct_map(s.ioas, mem, large, iova));
			expect_leaf(&s, iova + at, lg2);
			for (unsigned int again = 0; again < 2; again++) {
				x(ct_dma_write(s.dev, 0, iova + at, &byte, 1));
				ct_check(mem[at] == byte, "the write is not where it belongs");
				expect_dirty(&s, iova, large, at & ~(size - 1), size);
			}
			x(ct_dma_write(s.dev, 0, iova + at, &byte, 1));
			x(ct_unmap(s.ioas, iova, large, NULL));
			x_err(EFAULT, ct_dma_write(s.dev, 0, iova + at, &byte, 1));
		}
	}
}

/* ---- who has it cached ---- */

CT_TEST(pasids_cached, "CACHE-004", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA | TARGET_PASID,
	.requires = tracks_pasids)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, PASID_WIDTH)
	{
		struct scene s;

		pasids_in_turn(&s, &plug);
	}
}

/* Two devices behind one IOMMU, a third behind another. */
CT_TEST(devices_cached, "CACHE-005", .scope = CT_EACH_FORMAT,
	.needs = TARGET_DMA | TARGET_SHARED_IOMMU)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct iodirty_plug beside = plug;
		struct scene s;
		u32 devs[3];

		scene_open(&s, .plug = &plug);
		x(ct_detach(s.dev, 0));
		memcpy(beside.format, ct.config.format.name, sizeof(beside.format));
		x(ct.t->driver->plug(ct.t, &beside));
		devs[0] = beside.out_dev_id;
		/* The caches are there already: nothing need be said of them. */
		beside = (struct iodirty_plug){ .iommu_id = beside.iommu_id };
		x(ct_plug_as(&beside, &devs[1]));
		devs[2] = s.dev;
		for (unsigned int i = 0; i < 3; i++)
			x(ct_attach(devs[i], 0, s.hwpt));
		for (unsigned int round = 0; round < 3; round++) {
			for (unsigned int i = 0; i < 3; i++)
				write_as(&s, devs[i], 0, s.leaf);
			expect_all(&s);
			write_as(&s, devs[round], 0, s.leaf);
			expect_all(&s);
		}
		/* One goes; the caches that it shared still serve the other. */
		x(ct_detach(devs[0], 0));
		write_as(&s, devs[1], 0, s.leaf);
		expect_all(&s);
		write_as(&s, devs[1], 0, s.leaf);
		expect_all(&s);
	}
}

/* To another HWPT over other memory, and back, and away. */
CT_TEST(moved_when_warm, "CACHE-006", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct scene s, other;

		open_two(&s, &other, &plug);
		for (unsigned int round = 0; round < 2; round++) {
			expect_lands(&s, s.dev, 0, s.leaf, s.mem, other.mem);
			scene_mark(&s, s.leaf, 1);
			x(ct_replace(s.dev, 0, other.hwpt));
			expect_lands(&s, s.dev, 0, s.leaf, other.mem, s.mem);
			scene_mark(&other, s.leaf, 1);
			expect_all(&s);
			expect_all(&other);
			expect_lands(&s, s.dev, 0, s.leaf, other.mem, s.mem);
			scene_mark(&other, s.leaf, 1);
			x(ct_replace(s.dev, 0, s.hwpt));
			expect_lands(&s, s.dev, 0, s.leaf, s.mem, other.mem);
			scene_mark(&s, s.leaf, 1);
			expect_all(&other);
			x(ct_detach(s.dev, 0));
			expect_fault(&s, s.dev, 0);
			x(ct_attach(s.dev, 0, s.hwpt));
			expect_all(&s);
			scene_write(&s, s.leaf, 1);
			expect_all(&s);
		}
	}
}

/* ---- how much is forgotten ---- */

static struct iodirty_stats stats_now(void)
{
	struct iodirty_stats stats = { .size = sizeof(stats) };

	x(ct.t->driver->stats(ct.t, &stats));
	return stats;
}

/* A harvest cleans @cleaned bytes, and caches forget at least that: how much. */
static u64 forgotten_by_harvest(struct scene *s, u64 cleaned)
{
	struct iodirty_stats before = stats_now(), after;
	u64 forgotten;

	expect_all(s);
	after = stats_now();
	forgotten = after.invalidated_bytes - before.invalidated_bytes;
	ct_check(after.cleaned_bytes - before.cleaned_bytes == cleaned,
		 "%llu bytes were made clean, expected %llu",
		 (unsigned long long)(after.cleaned_bytes - before.cleaned_bytes),
		 (unsigned long long)cleaned);
	ct_check(forgotten >= cleaned, "of %llu bytes made clean caches forget only %llu",
		 (unsigned long long)cleaned, (unsigned long long)forgotten);
	return forgotten;
}

/* At both ends, one by itself, and two side by side. */
CT_TEST(few_runs_forgotten, "CACHE-008", .scope = CT_EACH_LEAF, .needs = TARGET_DMA | TARGET_STATS)
{
	static const unsigned int written[] = { 0, 2, 4, 5, LEAVES - 1 };
	const unsigned int n = sizeof(written) / sizeof(written[0]);
	struct scene s;
	u64 forgotten;

	scene_open(&s, .leaves = LEAVES);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < n; i++)
			scene_write(&s, written[i] * s.leaf, 1);
		forgotten = forgotten_by_harvest(&s, n * s.leaf);
		ct_check(forgotten == n * s.leaf,
			 "of %llu bytes made clean caches forget %llu, expected no more",
			 (unsigned long long)(n * s.leaf), (unsigned long long)forgotten);
		scene_write(&s, s.leaf, 1);
		ct_check(forgotten_by_harvest(&s, s.leaf) == s.leaf,
			 "a leaf was made clean, and more than it is forgotten");
	}
}

CT_TEST(nothing_forgotten, "CACHE-008", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA | TARGET_STATS)
{
	struct iodirty_stats before, after;
	struct scene s;

	scene_open(&s, .leaves = LEAVES);
	scene_write(&s, s.leaf, 1);
	before = stats_now();
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	after = stats_now();
	ct_check(after.invalidations == before.invalidations &&
			 after.cleaned_bytes == before.cleaned_bytes,
		 "a harvest with NO_CLEAR cleans or invalidates");
	expect_all(&s);
	before = stats_now();
	expect_all(&s);
	after = stats_now();
	ct_check(after.invalidations == before.invalidations,
		 "a harvest that found nothing dirty invalidates");
}

/* Every other leaf: more runs than anybody keeps apart. */
CT_TEST(many_runs_forgotten, "CACHE-008", .scope = CT_EACH_FORMAT,
	.needs = TARGET_DMA | TARGET_STATS)
{
	struct scene s;
	u64 forgotten;

	scene_open(&s, .leaves = 256);
	for (u64 at = 0; at < s.length; at += 2 * s.leaf)
		scene_write(&s, at, 1);
	forgotten = forgotten_by_harvest(&s, s.length / 2);
	ct_check(forgotten <= s.length, "caches forget more than the range");
	ct_measure("bytes forgotten for 100 made clean", 200 * forgotten / s.length, "1");
}

/*
 * Runs with holes that grow, that shrink, or of any size: there is no one way to make few
 * ranges of them. None is forgotten: what is written again is reported again.
 */
CT_TEST(uneven_runs_forgotten, "CACHE-008", .scope = CT_EACH_FORMAT,
	.needs = TARGET_DMA | TARGET_STATS)
{
	enum { RUNS = 48 };
	u64 random = ct.seed;
	struct scene s;

	scene_open(&s, .leaves = RUNS * (RUNS + 3) / 2);
	for (unsigned int shape = 0; shape < 4; shape++) {
		u64 at[RUNS], next = 0;

		for (unsigned int i = 0; i < RUNS; i++) {
			at[i] = next * s.leaf;
			next += 2;
			next += shape == 0 ? i :
				shape == 1 ? RUNS - 1 - i :
					     ct_random(&random) % (RUNS / 2);
		}
		for (unsigned int again = 0; again < 2; again++) {
			for (unsigned int i = 0; i < RUNS; i++)
				scene_write(&s, at[i], 1);
			ct_check(forgotten_by_harvest(&s, RUNS * s.leaf) <= s.length,
				 "caches forget more than the range");
		}
	}
}

/* ---- at the same time ---- */

static int harvest_all(void *arg)
{
	struct traffic *t = arg;

	return traffic_harvest(t, 0, t->npages, NULL);
}

/* Two devices, each behind caches of the sizes given. */
static void run_streams(const struct iodirty_plug *first, const struct iodirty_plug *second)
{
	struct worker harvester;
	struct traffic t;
	struct scene s;
	u32 dev;

	scene_open(&s, .leaves = 128, .plug = first);
	x(ct_plug_as(second, &dev));
	x(ct_attach(dev, 0, s.hwpt));
	traffic_open(&t, &s, s.leaf);
	traffic_start(&t, s.dev);
	traffic_start(&t, dev);
	worker_start(&harvester, harvest_all, &t);
	traffic_run(&t, 120 * MS);
	worker_stop(&harvester);
	traffic_finish(&t);
}

CT_TEST(streams_in_tiny_caches, "CACHE-007", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM | TARGET_DMA | TARGET_CACHES)
{
	run_streams(&cache_sizes[1], &cache_sizes[2]);
}

CT_TEST(streams_in_no_caches, "CACHE-007", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM | TARGET_DMA | TARGET_CACHES)
{
	run_streams(&cache_sizes[0], &cache_sizes[3]);
}
