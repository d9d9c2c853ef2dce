/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter SKIP: harvests that pass over what is certainly clean. A page that is written
 * through an entry which somebody has in a cache is the trap: its leaf is dirty, and
 * nothing above says so.
 */
#include "skip.h"
#include "split.h"

#define TABLES 4

/* ---- where it is ---- */

/* Arm's with HAFT would be; these formats are without. */
static bool marks_tables(void)
{
	static const char *const names[] = { "amd-v1", "mock", "vtd-ss", "vtd-fs" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(ct.config.format.name, names[i]))
			return true;
	return false;
}

CT_TEST(skip_where_marked, "SKIP-001", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS)
{
	struct iodirty_stats before;
	struct scene s;

	ct_check(!(ct.config.format.flags & IODIRTY_FORMAT_SKIP) == !marks_tables(),
		 "the format is said to %sskip", marks_tables() ? "not " : "");
	/* Nothing is there that it could be wrong for. */
	x(select_skip(true));
	scene_open(&s, .leaves = 4);
	before = counts();
	for (unsigned int round = 0; round < 2; round++) {
		scene_write(&s, round * s.leaf, 1);
		expect_all(&s);
		scene_write(&s, round * s.leaf, 1);
		expect_all(&s);
		expect_all(&s);
	}
	if (marks_tables()) {
		x(select_skip(true));
		return;
	}
	ct_check(counts().tables_passed == before.tables_passed, "tables were passed over");
	x_err(EOPNOTSUPP, select_skip(true));
	x(select_skip(false));
	scene_write(&s, s.leaf, 1);
	x_err(EOPNOTSUPP, select_skip(true));
	expect_all(&s);
}

/* ---- what it saves ---- */

/* A harvest of all whole tables is the truth, and reads @tables leaf tables, and at most
 * a quarter of one more in entries that lead to them. */
static void expect_looks(struct scene *s, u32 flags, u64 tables, u64 all)
{
	struct iodirty_stats before = counts(), after;
	u64 first = table_at(s, 0), length = all * table_bytes(s), entries;

	if (flags)
		scene_expect_no_clear(s, first, length, s->granule);
	else
		scene_expect(s, first, length, s->granule);
	after = counts();
	entries = after.entries_scanned - before.entries_scanned;
	ct_check(entries >= tables * TABLE_ENTRIES &&
			 entries < tables * TABLE_ENTRIES + TABLE_ENTRIES / 4,
		 "%llu entries were read, expected %llu tables of %u",
		 (unsigned long long)entries, (unsigned long long)tables, TABLE_ENTRIES);
	ct_check(after.tables_accessed - before.tables_accessed == tables &&
			 after.tables_passed - before.tables_passed == all - tables,
		 "%llu tables are said to be accessed and %llu passed over, expected %llu and %llu",
		 (unsigned long long)(after.tables_accessed - before.tables_accessed),
		 (unsigned long long)(after.tables_passed - before.tables_passed),
		 (unsigned long long)tables, (unsigned long long)(all - tables));
}

CT_TEST(idle_is_passed_over, "SKIP-002", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS,
	.requires = skips)
{
	struct scene s;

	skip_open(&s, TABLES, &(struct scene_options){ 0 });
	expect_looks(&s, 0, 0, TABLES);
	scene_write(&s, table_at(&s, 1), 1);
	expect_looks(&s, 0, 1, TABLES);
	expect_looks(&s, 0, 0, TABLES);
	/* The last byte of one and the first of the next; and one that is read. */
	scene_write(&s, table_at(&s, 1) - 1, 2);
	read_leaf(&s, table_at(&s, 3));
	expect_looks(&s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 3, TABLES);
	expect_looks(&s, 0, 3, TABLES);
	expect_looks(&s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, TABLES);
	expect_looks(&s, 0, 0, TABLES);
	/* Off: all again. */
	x(select_skip(false));
	scene_write(&s, table_at(&s, 2), 1);
	expect_all(&s);
}

/* What is large is in the tables that are always looked at. */
CT_TEST(large_is_looked_at, "SKIP-002", .scope = CT_EACH_LEAF, .needs = SKIP_NEEDS,
	.requires = skips)
{
	struct scene s;

	scene_open(&s, .leaves = 6);
	x(select_skip(true));
	for (unsigned int round = 0; round < 3; round++) {
		expect_all(&s);
		for (u64 at = round; at < 6; at += 2)
			scene_write(&s, at * s.leaf, 1);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		expect_all(&s);
		read_leaf(&s, 0);
		expect_all(&s);
		scene_write(&s, 0, 1);
	}
	expect_all(&s);
}

/* An idle guest: a GiB, or a quarter of one where leaves are of 2 KiB. */
CT_TEST(idle_costs_a_hundredth, "SKIP-002", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS,
	.requires = skips)
{
	u64 tables = ct.config.format.granule_lg2 < 12 ? 256 : 512, entries[2];
	struct scene s;

	skip_open(&s, tables, &(struct scene_options){ 0 });
	for (int on = 0; on < 2; on++) {
		struct iodirty_stats before;

		x(select_skip(on));
		before = counts();
		scene_expect(&s, table_at(&s, 0), tables * table_bytes(&s), s.granule);
		entries[on] = counts().entries_scanned - before.entries_scanned;
	}
	ct_measure("entries, without", entries[0], "1");
	ct_measure("entries, skipping", entries[1], "1");
	ct_check(entries[0] >= tables * TABLE_ENTRIES, "%llu entries of %llu tables were read",
		 (unsigned long long)entries[0], (unsigned long long)tables);
	ct_check(entries[1] * 100 <= entries[0],
		 "%llu entries were read of an idle guest, %llu without skipping",
		 (unsigned long long)entries[1], (unsigned long long)entries[0]);
}

/* ---- the trap ---- */

CT_TEST(through_cached_tables, "SKIP-003", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS,
	.requires = skips)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct scene s;

		skip_open(&s, TABLES, &(struct scene_options){ .plug = &plug });
		for (u64 n = 0; n < TABLES; n++) {
			u64 at = table_at(&s, n);

			/* Cached, and clean: the harvest has nothing to make clean. */
			read_leaf(&s, at + 7 * s.leaf);
			expect_all(&s);
			scene_write(&s, at + 7 * s.leaf, 1);
			expect_all(&s);
			/* The same again; others through the same table. */
			scene_write(&s, at + 7 * s.leaf, 1);
			expect_all(&s);
			scene_write(&s, at + table_bytes(&s) - 1, 1);
			scene_write(&s, at, 1);
			expect_all(&s);
			/* One that was passed over meanwhile. */
			scene_write(&s, table_at(&s, 0), 1);
			read_leaf(&s, at + 9 * s.leaf);
			expect_all(&s);
			scene_write(&s, at + 9 * s.leaf, 1);
			expect_all(&s);
			expect_all(&s);
		}
		/* All are cached; then each is written, and again. */
		for (unsigned int round = 0; round < 2; round++) {
			for (u64 n = 0; n < TABLES; n++)
				read_leaf(&s, table_at(&s, n));
			expect_all(&s);
			for (u64 n = 0; n < TABLES; n++)
				scene_write(&s, table_at(&s, n) + n * s.leaf, 1);
			expect_all(&s);
		}
	}
}

CT_TEST(through_all_iommus, "SKIP-011", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS,
	.requires = skips)
{
	struct scene s;
	u32 devs[3];

	skip_open(&s, TABLES, &(struct scene_options){ 0 });
	devs[0] = s.dev;
	for (unsigned int i = 1; i < 3; i++) {
		x(ct_plug(0, &devs[i]));
		x(ct_attach(devs[i], 0, s.hwpt));
	}
	for (unsigned int i = 0; i < 3; i++) {
		u64 at = table_at(&s, i);

		for (unsigned int k = 0; k < 3; k++) {
			s.dev = devs[k];
			read_leaf(&s, at);
		}
		expect_all(&s);
		for (unsigned int k = 0; k < 3; k++) {
			write_as(&s, devs[k], 0, at);
			expect_all(&s);
		}
		write_as(&s, devs[i], 0, at);
		expect_all(&s);
	}
}

static const char *skips_pasids(const struct ct_config *config)
{
	return skips(config) ? skips(config) : tracks_pasids(config);
}

CT_TEST(through_all_pasids, "SKIP-011", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS | TARGET_PASID,
	.requires = skips_pasids)
{
	struct scene s;

	skip_open(&s, TABLES,
		  &(struct scene_options){ .hwpt_flags = IOMMU_HWPT_ALLOC_PASID,
					   .pasid_width = PASID_WIDTH });
	x(ct_attach(s.dev, three_pasids[1], s.hwpt));
	x(ct_attach(s.dev, three_pasids[2], s.hwpt));
	for (unsigned int round = 0; round < 3; round++) {
		u64 at = table_at(&s, round) + s.leaf;
		u8 byte;

		for (unsigned int i = 0; i < 3; i++)
			x(ct_dma_read(s.dev, three_pasids[i], s.iova + at, &byte, 1));
		expect_all(&s);
		for (unsigned int i = 0; i < 3; i++) {
			write_as(&s, s.dev, three_pasids[i], at);
			expect_all(&s);
		}
	}
}

/* ---- what it leaves behind ---- */

CT_TEST(no_clear_leaves_accessed, "SKIP-004", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS,
	.requires = skips)
{
	struct scene s;

	skip_open(&s, TABLES, &(struct scene_options){ 0 });
	for (unsigned int round = 0; round < 2; round++) {
		scene_write(&s, table_at(&s, 1), 1);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		scene_write(&s, table_at(&s, 3) + s.leaf, 1);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		scene_expect_no_clear(&s, table_at(&s, 1), table_bytes(&s), s.granule);
		expect_all(&s);
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		/* Read, and not written yet. */
		read_leaf(&s, table_at(&s, 2));
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		scene_write(&s, table_at(&s, 2), 1);
		expect_all(&s);
	}
}

/* Written in table @n: its first leaf, its last, and the two in its middle. */
static void write_table(struct scene *s, u64 n)
{
	u64 at = table_at(s, n), half = at + table_bytes(s) / 2;

	scene_write(s, at, 1);
	scene_write(s, half - 1, 2);
	scene_write(s, at + table_bytes(s) - 1, 1);
}

CT_TEST(cut_tables, "SKIP-005", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS, .requires = skips)
{
	struct scene s;
	u64 table, half;

	skip_open(&s, TABLES, &(struct scene_options){ 0 });
	table = table_bytes(&s);
	half = table / 2;
	for (unsigned int round = 0; round < 2; round++) {
		/* From the middle of one to the middle of another. */
		for (u64 n = 0; n < TABLES; n++)
			write_table(&s, n);
		scene_expect(&s, table_at(&s, 0) + half, 2 * table, s.granule);
		expect_all(&s);
		/* All of one but its first leaf, or its last; then that. */
		write_table(&s, 1);
		scene_expect(&s, table_at(&s, 1) + s.leaf, table - s.leaf, s.granule);
		scene_expect(&s, table_at(&s, 1), s.leaf, s.granule);
		write_table(&s, 1);
		scene_expect(&s, table_at(&s, 1), table - s.leaf, s.granule);
		scene_expect(&s, table_at(&s, 2) - s.leaf, s.leaf, s.granule);
		/* Half by half, across a boundary of tables. */
		write_table(&s, 1);
		write_table(&s, 2);
		scene_expect(&s, table_at(&s, 1) + half, table, s.granule);
		scene_expect(&s, table_at(&s, 1), half, s.granule);
		write_table(&s, 1);
		expect_all(&s);
		/* The scene's ends lie in tables that it does not fill. */
		scene_write(&s, 0, 1);
		scene_write(&s, s.length - 1, 1);
		expect_all(&s);
	}
	expect_all(&s);
}

/* Bits of 8 bytes: the reference takes several windows. What it knew of the tables of one
 * says nothing of those of the next. */
CT_TEST(window_by_window, "SKIP-005", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS,
	.requires = skips)
{
	const u64 tables = 4;
	struct scene s;

	skip_open(&s, tables, &(struct scene_options){ 0 });
	for (u64 n = 0; n < tables; n++) {
		u64 first = table_at(&s, 0), length = tables * table_bytes(&s);

		scene_write(&s, table_at(&s, n) + n * s.leaf, 1);
		scene_write(&s, table_at(&s, tables - 1 - n), 1);
		scene_expect_no_clear(&s, first, length, 8);
		scene_expect(&s, first, length, 8);
		/* Where a window ends in the middle of a table. */
		scene_write(&s, table_at(&s, n) + table_bytes(&s) / 2, 1);
		scene_expect(&s, first + s.leaf, length - s.leaf, 8);
		expect_all(&s);
	}
}

/* Each place of a harvest where something can fail. */
CT_TEST(undelivered, "SKIP-006", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS | TARGET_FAIL_NTH,
	.requires = skips)
{
	unsigned int failures = 0;
	struct ct_bitmap b;
	struct scene s;
	u32 left = 0;

	skip_open(&s, TABLES, &(struct scene_options){ 0 });
	ct_bitmap_init(&b, s.length / s.granule, 0);
	for (u32 nth = 1; !left; nth++) {
		u32 none;
		int ret;

		ct_check(nth < 1000, "1000 places to fail");
		scene_write(&s, table_at(&s, nth % TABLES) + nth * s.leaf, 1);
		scene_write(&s, table_at(&s, 0), 1);
		ct_bitmap_fill(&b, 0);
		x(ct.t->driver->fail_nth(ct.t, nth, &none));
		ret = scene_get(&s, 0, 0, s.length, s.granule, b.bytes);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		failures += !!ret;
		if (!ret)
			scene_compare(&s, &b, s.iova, s.granule, true);
		expect_all(&s);
		expect_all(&s);
	}
	ct_check(failures, "nothing could be made to fail");
	ct_measure("calls failed", failures, "1");
}

/* ---- what is mapped ---- */

CT_TEST(mapped_meanwhile, "SKIP-007", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS,
	.requires = skips)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		/* Areas of one and a half tables: each shares one with the next. */
		const unsigned int areas = 3;
		struct scene s;
		u64 length;

		scene_open(&s, .leaves = areas * TABLE_ENTRIES * 3 / 2, .plug = &plug,
			   .no_map = true);
		x(select_skip(true));
		length = s.length / areas;
		for (unsigned int i = 0; i < areas; i++)
			x(ct_map(s.ioas, s.mem + i * length, length, s.iova + i * length));
		expect_all(&s);
		for (unsigned int i = 0; i < areas; i++) {
			/* One goes, with what was written to it, and comes back. */
			for (unsigned int k = 0; k < areas; k++)
				scene_write(&s, k * length, 1);
			scene_write(&s, (i + 1) * length - 1, 1);
			x(ct_unmap(s.ioas, s.iova + i * length, length, NULL));
			scene_forget(&s, i * length, length);
			x(ct_map(s.ioas, s.mem + i * length, length, s.iova + i * length));
			expect_all(&s);
			for (unsigned int round = 0; round < 2; round++) {
				scene_write(&s, i * length, 1);
				scene_write(&s, (i + 1) * length - 1, 1);
				expect_all(&s);
			}
			expect_all(&s);
		}
	}
}

static const char *skips_splits(const struct ct_config *config)
{
	if (config->leaf_lg2 > 22)
		return "leaves are too large";
	return skips(config) ? skips(config) : splittable(config);
}

CT_TEST(split_meanwhile, "SKIP-007", .scope = CT_EACH_LEAF,
	.needs = SKIP_NEEDS | TARGET_SPLIT | TARGET_LEAF, .requires = skips_splits)
{
	static const u32 policies[] = { IODIRTY_SPLIT_BREAK_BEFORE_MAKE, IODIRTY_SPLIT_IN_PLACE };

	for (size_t p = 0; p < 2; p++) {
		struct scene s;

		scene_open(&s, .leaves = 3, .no_enable = true);
		x(select_skip(true));
		x(ct_split(s.hwpt, policies[p]));
		for (unsigned int round = 0; round < 2; round++) {
			/* Old, and in a leaf that is split. */
			scene_write(&s, s.leaf, 1);
			enable_split(&s);
			expect_all(&s);
			for (unsigned int again = 0; again < 2; again++) {
				scene_write(&s, s.leaf - 1, 2);
				scene_write(&s, 3 * s.leaf - 1, 1);
				expect_all(&s);
				expect_all(&s);
			}
			/* Merged while it is dirty: owed, with all of its leaf. */
			scene_write(&s, s.leaf + s.leaf / 2, 1);
			x(ct_set_tracking(s.hwpt, false));
			new_truth(&s, s.leaf);
			scene_mark(&s, s.leaf, s.leaf);
			expect_all(&s);
			new_truth(&s, s.leaf);
		}
	}
}

/* ---- switches ---- */

CT_TEST(switched_between, "SKIP-008", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS,
	.requires = skips)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .leaves = TABLES * TABLE_ENTRIES + 4, .plug = &plug);
		for (unsigned int turn = 0; turn < 8; turn++) {
			/* On, on, off, off. */
			x(select_skip(turn & 2));
			scene_write(&s, table_at(&s, turn % TABLES), 1);
			read_leaf(&s, table_at(&s, (turn + 1) % TABLES));
			expect_all(&s);
			scene_write(&s, table_at(&s, (turn + 1) % TABLES), 1);
			scene_write(&s, table_at(&s, 0), 1);
			/* Written before, and harvested after, the switch. */
			x(select_skip(turn & 1));
			expect_all(&s);
		}
	}
}

CT_TEST(tracking_switched, "SKIP-008", .scope = CT_EACH_FORMAT, .needs = SKIP_NEEDS,
	.requires = skips)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct scene s;

		skip_open(&s, TABLES, &(struct scene_options){ .plug = &plug });
		for (unsigned int round = 0; round < 3; round++) {
			u8 byte = 1;

			/* Into caches while nothing is recorded. */
			x(ct_set_tracking(s.hwpt, false));
			for (u64 n = 0; n < TABLES; n++)
				x(ct_dma_write(s.dev, 0, s.iova + table_at(&s, n), &byte, 1));
			x(ct_set_tracking(s.hwpt, true));
			if (round)
				expect_all(&s);
			scene_write(&s, table_at(&s, round), 1);
			scene_write(&s, table_at(&s, 3) + s.leaf, 1);
			expect_all(&s);
			expect_all(&s);
			/* What was written before it is switched off is owed. */
			scene_write(&s, table_at(&s, round), 1);
			x(ct_set_tracking(s.hwpt, false));
			expect_all(&s);
		}
	}
}
