/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which leaf tables a harvest may pass over, by themselves: in every format whose
 * hardware marks the entries that lead to tables. Those entries are read raw; which bit
 * is A is known from the manuals.
 */
#include <check.h>
#include <stdlib.h>

#include "abi/iodirty.h"
#include "pgtable.h"

#define RW (PGT_READ | PGT_WRITE)
#define TABLES 5
#define PA 0x4000000000ULL

/* Every table has 512 entries. */
static const struct known {
	const char *name;
	u64 accessed;
	unsigned int leaf_lg2;
	u64 area; /* the first IOVA of a leaf table */
} known[] = {
	{ "amd-v1", 1 << 5, 12, 0x40000000 },
	{ "vtd-ss", 1 << 8, 12, 0x40000000 },
	{ "vtd-fs", 1 << 5, 12, 0x40000000 },
	{ "mock", 1 << 5, 11, 0x40000000 },
};
#define NR_KNOWN ((int)(sizeof(known) / sizeof(known[0])))

static struct pgt pgt;
static const struct known *k;
static struct pgt_summary sum;
static u64 table, leaf;

static void open_tables(int i, unsigned int max_lg2)
{
	k = &known[i];
	leaf = 1ULL << k->leaf_lg2;
	table = leaf * 512;
	ck_assert_int_eq(pgt_init(&pgt, pgt_format_by_name(k->name), 0, true), 0);
	ck_assert_int_eq(
		pgt_map(&pgt, k->area, k->area + PA, TABLES * table, RW, max_lg2), 0);
	ck_assert_int_eq(pgt_summary_init(&sum, pgt.fmt, TABLES * table), 0);
}

static void close_tables(void)
{
	pgt_summary_fini(&sum);
	pgt_fini(&pgt);
}

/* The entry that leads to leaf table @n. */
static u64 *upper(unsigned int n)
{
	u64 iova = k->area + n * table, *at = pgt.root;
	unsigned int level = pgt.fmt->levels - 1;

	for (; level > 1; level--)
		at = port_phys_table(
			pgt.fmt->table_phys(at[iova >> (k->leaf_lg2 + 9 * level) & 511]));
	return &at[iova >> (k->leaf_lg2 + 9) & 511];
}

/* Bit n: A is set above table n. */
static unsigned int accessed(void)
{
	unsigned int n, set = 0;

	for (n = 0; n < TABLES; n++)
		set |= !!(*upper(n) & k->accessed) << n;
	return set;
}

/* What hardware does on its way to leaf table @n. */
static void walk(unsigned int n)
{
	port_fetch_or(upper(n), k->accessed);
}

/* Leaf tables in which a dirty leaf is found by a harvest of [first, last] with what the
 * last summary says; a bit is a table. */
static unsigned int found(u64 first, u64 last)
{
	static u64 words[TABLES * 512 / 64 + 1];
	struct pgt_how how = { .engine = pgt_engine_default(), .skip = true, .summary = &sum };
	unsigned int tables = 0;
	struct pgt_gather g;
	struct pgt_bits b;
	u64 bit;

	pgt_bits_init(&b, first, last, k->leaf_lg2, words);
	pgt_gather_init(&g);
	pgt_harvest(&pgt, &how, first, last, 0, &b, &g);
	for (bit = 0; bit <= (last - first) >> k->leaf_lg2; bit++)
		if (words[bit / 64] >> bit % 64 & 1)
			tables |= 1U << (first + bit * leaf - k->area) / table;
	return tables;
}

/* Of the whole area, clearing; @stale: are walk caches to forget? */
static void summarize(bool stale)
{
	struct pgt_gather g;

	pgt_gather_init(&g);
	pgt_summarize(&pgt, k->area, k->area + (TABLES * table - 1), 0, &sum, &g);
	ck_assert(g.tables == stale);
}

START_TEST(tables_are_made_accessed)
{
	open_tables(_i, 63);
	ck_assert_uint_eq(pgt.fmt->flags & IODIRTY_FORMAT_SKIP, IODIRTY_FORMAT_SKIP);
	close_tables();
	open_tables(_i, known[_i].leaf_lg2);
	ck_assert_uint_eq(accessed(), 0x1f);
	summarize(true);
	ck_assert_uint_eq(accessed(), 0);
	ck_assert_uint_eq(sum.accessed, TABLES);
	ck_assert_uint_eq(sum.passed, 0);
	summarize(false);
	ck_assert_uint_eq(sum.accessed, 0);
	ck_assert_uint_eq(sum.passed, TABLES);
	close_tables();
}
END_TEST

/* Marked by hand in two leaves, and above one of them alone. */
START_TEST(clean_ones_are_passed_over)
{
	open_tables(_i, known[_i].leaf_lg2);
	summarize(true);
	pgt_set_dirty(&pgt, k->area + table);
	pgt_set_dirty(&pgt, k->area + 4 * table - 1);
	ck_assert_uint_eq(accessed(), 0x0a);
	port_fetch_and(upper(3), ~k->accessed);
	walk(2);
	summarize(true);
	ck_assert_uint_eq(sum.accessed, 2);
	ck_assert_uint_eq(sum.passed, 3);
	ck_assert_uint_eq(found(k->area, k->area + (TABLES * table - 1)), 0x02);
	/* It is still there. */
	walk(3);
	summarize(true);
	ck_assert_uint_eq(found(k->area, k->area + (TABLES * table - 1)), 0x08);
	close_tables();
}
END_TEST

START_TEST(looking_alone_changes_nothing)
{
	struct pgt_gather g;

	open_tables(_i, known[_i].leaf_lg2);
	summarize(true);
	walk(1);
	walk(4);
	pgt_gather_init(&g);
	pgt_summarize(&pgt, k->area, k->area + (TABLES * table - 1), PGT_NO_CLEAR, &sum, &g);
	ck_assert(!g.tables);
	ck_assert_uint_eq(sum.accessed, 2);
	ck_assert_uint_eq(sum.passed, 3);
	ck_assert_uint_eq(accessed(), 0x12);
	close_tables();
}
END_TEST

/* A table of which a leaf is not asked for: looked at, A or not, and A stays. */
START_TEST(cut_ones_are_looked_at)
{
	struct pgt_gather g;
	u64 first, last;
	unsigned int end;

	open_tables(_i, known[_i].leaf_lg2);
	first = k->area;
	last = k->area + (TABLES * table - 1);
	for (end = 0; end < 2; end++) {
		u64 from = first + (end ? 0 : leaf), to = last - (end ? leaf : 0);
		unsigned int cut = end ? TABLES - 1 : 0;

		summarize(true);
		ck_assert_uint_eq(accessed(), 0);
		pgt_set_dirty(&pgt, first + cut * table + 5 * leaf);
		walk(2);
		pgt_gather_init(&g);
		pgt_summarize(&pgt, from, to, 0, &sum, &g);
		ck_assert_uint_eq(sum.accessed, 1);
		ck_assert_uint_eq(sum.passed, TABLES - 2);
		ck_assert_uint_eq(accessed(), 1U << cut);
		ck_assert_uint_eq(found(from, to), 1U << cut);
		/* Nor does it matter whether A is set. */
		pgt_set_dirty(&pgt, first + cut * table + 5 * leaf);
		port_fetch_and(upper(cut), ~k->accessed);
		pgt_gather_init(&g);
		pgt_summarize(&pgt, from, to, 0, &sum, &g);
		ck_assert_uint_eq(found(from, to), 1U << cut);
		walk(cut);
	}
	/* Less than a table, within one and across two. */
	pgt_gather_init(&g);
	pgt_summarize(&pgt, first + leaf, first + (table - 1), 0, &sum, &g);
	ck_assert_uint_eq(sum.accessed + sum.passed, 0);
	pgt_summarize(&pgt, first + leaf, first + (2 * table - leaf - 1), 0, &sum, &g);
	ck_assert_uint_eq(sum.accessed + sum.passed, 0);
	ck_assert(!g.tables);
	close_tables();
}
END_TEST

START_TEST(set_accessed_reaches_its_range)
{
	open_tables(_i, known[_i].leaf_lg2);
	summarize(true);
	pgt_set_accessed(&pgt, k->area + 2 * table - 1, k->area + 2 * table);
	ck_assert_uint_eq(accessed(), 0x06);
	pgt_set_accessed(&pgt, 0, ~0ULL);
	ck_assert_uint_eq(accessed(), 0x1f);
	close_tables();
}
END_TEST

static void no_sync(void *arg, u64 first, u64 last)
{
	(void)arg;
	(void)first;
	(void)last;
}

/* A large leaf is dirty; split, each of the small ones is found. */
START_TEST(split_leaves_are_found)
{
	enum pgt_way way;

	for (way = PGT_BREAK_BEFORE_MAKE; way <= PGT_IN_PLACE; way++) {
		struct pgt_resize r = { .pgt = &pgt, .way = way, .sync = no_sync };

		open_tables(_i, 63);
		pgt_set_dirty(&pgt, k->area + table);
		ck_assert_int_eq(pgt_resize_begin(&r), 0);
		ck_assert_int_eq(pgt_split(&r, k->area, k->area + (TABLES * table - 1)), 0);
		pgt_resize_end(&r);
		summarize(true);
		ck_assert_uint_ne(found(k->area, k->area + (TABLES * table - 1)) & 0x02, 0);
		close_tables();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("summary");
	TCase *tc = tcase_create("summary");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, tables_are_made_accessed, 0, NR_KNOWN);
	tcase_add_loop_test(tc, clean_ones_are_passed_over, 0, NR_KNOWN);
	tcase_add_loop_test(tc, looking_alone_changes_nothing, 0, NR_KNOWN);
	tcase_add_loop_test(tc, cut_ones_are_looked_at, 0, NR_KNOWN);
	tcase_add_loop_test(tc, set_accessed_reaches_its_range, 0, NR_KNOWN);
	tcase_add_loop_test(tc, split_leaves_are_found, 0, NR_KNOWN);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
