/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter SKIP, where writes take other ways than a walk of the parent's tables: by a
 * guest's stage 1, by a device's own translations; and while harvests are under way.
 */
#include "concurrency.h"
#include "skip.h"
#include "stage1.h"

#define TABLES 4

/* ---- stage 1 ---- */

static const char *skips_stage1(const struct ct_config *config)
{
	return skips(config) ? skips(config) : stage1_none(config);
}

CT_TEST(through_stage1, "SKIP-009", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS | TARGET_STAGE1,
	.requires = skips_stage1)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct guest g;
		u64 table, step;

		guest_open(&g, .leaves = (TABLES + 1) * TABLE_ENTRIES, .leaf_lg2 = 12,
			   .plug = &plug);
		x(select_skip(true));
		table = table_bytes(&g.s);
		step = table + guest_page(&g);
		guest_expect(&g);
		for (u64 at = 0; at + step < g.length; at += step) {
			/* Stage 1 marks its tables once, and once only; so at last the
			 * harvest finds nothing dirty, and A set. */
			guest_read(&g, at);
			guest_expect(&g);
			guest_read(&g, at);
			guest_expect(&g);
			for (unsigned int round = 0; round < 2; round++) {
				guest_write(&g, at);
				guest_expect(&g);
			}
			guest_write(&g, at + guest_page(&g));
			guest_write(&g, 0);
			scene_expect_no_clear(&g.s, 0, g.s.length, g.s.granule);
			guest_expect(&g);
			guest_expect(&g);
		}
	}
}

/* ---- ATS ---- */

/* What a device with ATS has translated before, it writes later without asking. */
CT_TEST(by_own_translations, "SKIP-010", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS | TARGET_ATS,
	.requires = skips)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		skip_open(&s, TABLES, &(struct scene_options){ .plug = &plug });
		for (u64 n = 0; n < TABLES; n++) {
			u64 at = table_at(&s, n);

			/* It may write to both; the first is not harvested yet. */
			scene_write(&s, at, 1);
			scene_write(&s, at + s.leaf, 1);
			scene_expect_no_clear(&s, 0, s.length, s.granule);
			scene_write(&s, at, 1);
			scene_expect(&s, at + s.leaf, s.leaf, s.granule);
			scene_write(&s, at, 1);
			scene_write(&s, at + s.leaf, 1);
			expect_all(&s);
			/* Told to forget both, it has to ask again. */
			scene_write(&s, at + s.leaf, 1);
			expect_all(&s);
			scene_write(&s, at, 1);
			scene_write(&s, at + s.leaf, 1);
			scene_write(&s, table_at(&s, 0), 1);
			expect_all(&s);
			expect_all(&s);
		}
	}
}

/* It asks for write permission to read, and uses it when the harvest is done. */
CT_TEST(by_permission_asked_for, "SKIP-010", .scope = CT_EACH_FORMAT,
	.needs = SKIP_NEEDS | TARGET_ATS, .requires = skips)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		if (!is_eager(&plug))
			continue;
		skip_open(&s, TABLES, &(struct scene_options){ .plug = &plug });
		for (u64 n = 0; n < TABLES; n++) {
			u64 at = table_at(&s, n) + n * s.leaf;

			/* Asked for is dirty: as if it were written. */
			read_leaf(&s, at);
			scene_mark(&s, at, 1);
			expect_all(&s);
			write_as(&s, s.dev, 0, at);
			expect_all(&s);
			read_leaf(&s, at);
			write_as(&s, s.dev, 0, at);
			expect_all(&s);
		}
	}
}

/* ---- at the same time ---- */

/* Few writes for so many tables: between two harvests most are not written to. */
#define STREAM_TABLES 60
#define PAGES_OF_TABLE 8
#define STREAM_RATE 10000

static int harvest_all(void *arg)
{
	struct traffic *t = arg;

	return traffic_harvest(t, 0, t->npages, NULL);
}

/* Parts that cut tables, one after the other. */
static int harvest_parts(void *arg)
{
	struct traffic *t = arg;
	u64 n = 5 * PAGES_OF_TABLE / 2;
	int err = 0;

	for (u64 at = 0; !err && at < t->npages; at += n)
		err = traffic_harvest(t, at, lowest(n, t->npages - at), NULL);
	return err;
}

/* On most of the time; either is right at any moment. */
static int switch_skip(void *arg)
{
	int err;

	(void)arg;
	err = select_skip(false);
	if (!err)
		err = select_skip(true);
	sleep_ns(MS);
	return err;
}

static void run_streams(const struct iodirty_plug *first, const struct iodirty_plug *second,
			int (*beside)(void *arg))
{
	struct worker harvester, other;
	struct iodirty_stats before, after;
	struct traffic t;
	struct scene s;
	u32 dev;

	/* From the beginning of a table on: bits are parts of one. */
	scene_open(&s, .leaves = STREAM_TABLES * TABLE_ENTRIES, .plug = first, .no_map = true);
	s.iova = align_up(s.iova, table_bytes(&s));
	x(ct_map(s.ioas, s.mem, s.length, s.iova));
	x(select_skip(true));
	x(ct_plug_as(second, &dev));
	x(ct_attach(dev, 0, s.hwpt));
	before = counts();
	traffic_open(&t, &s, table_bytes(&s) / PAGES_OF_TABLE);
	t.rate = STREAM_RATE;
	traffic_start(&t, s.dev);
	traffic_start(&t, dev);
	worker_start(&harvester, beside, &t);
	worker_start(&other, switch_skip, NULL);
	traffic_run(&t, 120 * MS);
	worker_stop(&other);
	worker_stop(&harvester);
	traffic_finish(&t);
	after = counts();
	ct_check(after.tables_accessed > before.tables_accessed, "no table was written to");
	ct_measure("tables passed over", after.tables_passed - before.tables_passed, "1");
	ct_measure("tables accessed", after.tables_accessed - before.tables_accessed, "1");
}

CT_TEST(streams_skipped, "SKIP-012", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = SKIP_NEEDS | TARGET_STREAM | TARGET_CACHES, .requires = skips)
{
	run_streams(&cache_sizes[CACHE_SIZES - 1], &cache_sizes[2], harvest_all);
}

CT_TEST(streams_cut, "SKIP-012", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = SKIP_NEEDS | TARGET_STREAM | TARGET_CACHES, .requires = skips)
{
	run_streams(&cache_sizes[CACHE_SIZES - 1], &cache_sizes[3], harvest_parts);
}

/* Devices that translate by themselves, and walk seldom. */
CT_TEST(streams_by_own_translations, "SKIP-012", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = SKIP_NEEDS | TARGET_STREAM | TARGET_ATS | TARGET_CACHES, .requires = skips)
{
	const struct iodirty_plug ats = {
		.flags = IODIRTY_PLUG_ATS | IODIRTY_PLUG_CACHES,
		.iotlb_sets = 64,
		.iotlb_ways = 4,
		.walk_entries = 256,
		.atc_entries = 256,
	};

	run_streams(&ats, &ats, harvest_all);
}
