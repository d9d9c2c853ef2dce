/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every engine, with each way to clear, on every format: leaves of one entry and of several,
 * of which some are dirty at each density, harvested over ranges that begin and end
 * anywhere. What is expected is an array element a page; and of the entries themselves, that
 * those which were dirty, of leaves in the range, differ by their one bit, and no other by
 * anything.
 */
#include <check.h>
#include <stdlib.h>
#include "walk.h"

/* Two tables and a part of a third of 512 entries. */
#define PAGES 1400
#define GROUPS 1024 /* the first page of leaves that may have several entries */
#define RW (PGT_READ | PGT_WRITE)

static struct pgt pgt;
static u64 base;

static int nr_formats(void)
{
	int n = 0;

	while (pgt_formats[n])
		n++;
	return n;
}

static u64 iova_of(unsigned int page)
{
	return base + ((u64)page << pgt.fmt->granule_lg2);
}

/* The leaf of each page, its entry, and what that was before the harvest. */
static unsigned int leaf_first[PAGES], leaf_pages[PAGES];
static u64 *slot[PAGES], before[PAGES];
static bool was_dirty[PAGES];

static bool is_dirty(u64 entry)
{
	return (entry & pgt.fmt->dirty_mask) == pgt.fmt->dirty_value;
}

/* Leaves of one entry, and then the largest that are made of entries of the lowest level. */
static void open_table(const struct pgt_format *fmt)
{
	unsigned int page, level;

	ck_assert_int_eq(pgt_init(&pgt, fmt, 0, true), 0);
	/* so that the first leaf does not begin a table, and tables follow on */
	base = fmt->aperture_first ? fmt->aperture_first : 1ULL << 32;
	ck_assert_int_eq(
		pgt_map(&pgt, base, 0, (u64)GROUPS << fmt->granule_lg2, RW, fmt->granule_lg2), 0);
	ck_assert_int_eq(pgt_map(&pgt, iova_of(GROUPS), 0,
				 (u64)(PAGES - GROUPS) << fmt->granule_lg2, RW,
				 fmt->granule_lg2 + fmt->index_lg2 - 1),
			 0);
	for (page = 0; page < PAGES; page++) {
		struct pgt_leaf leaf;
		bool dirty;
		u64 start;

		ck_assert_int_eq(pgt_leaf(&pgt, iova_of(page), &leaf, &start, &dirty), 0);
		leaf_first[page] = (unsigned int)((start - base) >> fmt->granule_lg2);
		leaf_pages[page] = 1U << (leaf.lg2 - fmt->granule_lg2);
		slot[page] = pgt_find(&pgt, iova_of(page), &level);
		ck_assert_uint_eq(level, 0);
	}
	ck_assert_uint_eq(leaf_pages[0], 1);
}

static void mark(unsigned int percent)
{
	unsigned int page, failed = 0;

	/* to what an earlier harvest has left */
	for (page = 0; page < PAGES; page++)
		if ((unsigned int)(rand() % 100) < percent)
			failed |= !!pgt_set_dirty(&pgt, iova_of(page));
	ck_assert_uint_eq(failed, 0);
}

static bool leaf_was_dirty(unsigned int page)
{
	unsigned int i;

	for (i = leaf_first[page]; i < leaf_first[page] + leaf_pages[page]; i++)
		if (was_dirty[i])
			return true;
	return false;
}

/* A harvest of pages [from, to], and what must come of it. */
static void check_harvest(const struct pgt_how *how, unsigned int from, unsigned int to, bool clear)
{
	unsigned int lg2 = pgt.fmt->granule_lg2, page, wrong = 0, cleared = 0, bytes = 0;
	u64 words[PAGES / 64 + 2], want[PAGES / 64 + 2] = { 0 };
	u64 last = iova_of(to) + ((1ULL << lg2) - 1);
	struct pgt_gather g;
	struct pgt_bits b;

	for (page = 0; page < PAGES; page++) {
		before[page] = *slot[page];
		was_dirty[page] = is_dirty(before[page]);
	}
	memset(words, 0xa5, sizeof(words));
	pgt_bits_init(&b, iova_of(from), last, lg2, words);
	pgt_gather_init(&g);
	pgt_harvest(&pgt, how, iova_of(from), last, clear ? 0 : PGT_NO_CLEAR, &b, &g);
	for (page = 0; page < PAGES; page++) {
		unsigned int end = leaf_first[page] + leaf_pages[page];
		bool inside = leaf_first[page] <= to && end > from;

		if (page >= from && page <= to && leaf_was_dirty(page))
			want[(page - from) / 64] |= 1ULL << (page - from) % 64;
		if (inside && clear && was_dirty[page]) {
			wrong += is_dirty(*slot[page]) ||
				 __builtin_popcountll(*slot[page] ^ before[page]) != 1;
			cleared++;
		} else {
			wrong += *slot[page] != before[page];
		}
		bytes += inside && clear && leaf_was_dirty(page);
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_mem_eq(words, want, ((to - from) / 64 + 1) * sizeof(*words));
	ck_assert_uint_eq(words[(to - from) / 64 + 1], 0xa5a5a5a5a5a5a5a5);
	ck_assert_uint_eq(g.entries_cleared, cleared);
	ck_assert_uint_eq(g.cleaned_bytes, (u64)bytes << lg2);
}

START_TEST(finds_and_cleans)
{
	static const unsigned int percents[] = { 0, 1, 10, 50, 90, 100 };
	unsigned int e, way, d, n;

	open_table(pgt_formats[_i]);
	srand(1 + _i);
	for (e = 0; pgt_engines[e]; e++) {
		if (!pgt_engine_usable(pgt_engines[e]))
			continue;
		for (way = 0; way < 4; way++) {
			struct pgt_how how = {
				.engine = pgt_engines[e],
				.masked = way & 1,
				.prefetch = way & 2,
			};

			for (d = 0; d < sizeof(percents) / sizeof(percents[0]); d++) {
				for (n = 0; n < 16; n++) {
					unsigned int from = rand() % PAGES;
					unsigned int to = from + rand() % (PAGES - from);

					mark(percents[d]);
					check_harvest(&how, from, to, n % 4);
				}
				/* a word's and a table's first and last */
				mark(percents[d]);
				check_harvest(&how, 63, 63, true);
				check_harvest(&how, 64, 64, false);
				mark(percents[d]);
				check_harvest(&how, 511, 512, true);
				mark(percents[d]);
				check_harvest(&how, 0, PAGES - 1, true);
			}
		}
	}
	pgt_fini(&pgt);
}
END_TEST

/* They tell themselves apart, and what is preferred can be used. */
START_TEST(listed)
{
	static const char *const names[] = { "swar", "read-first", "entry" };
	const struct pgt_engine *const *e = pgt_engines;
	unsigned int n = 0, i;

	while (strcmp((*e)->name, names[0]))
		e++;
	for (i = 0; i < 3; i++, e++) {
		ck_assert_str_eq((*e)->name, names[i]);
		ck_assert(pgt_engine_usable(*e));
	}
	ck_assert_ptr_null(*e);
	for (e = pgt_engines; *e; e++, n++) {
		ck_assert_uint_lt(strlen((*e)->name), 16);
		ck_assert_uint_gt(strlen((*e)->summary), 0);
	}
	ck_assert(n == 3 || n == 5);
	ck_assert(pgt_engine_usable(pgt_engine_default()));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine");
	TCase *tc = tcase_create("engine");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, listed);
	tcase_add_loop_test(tc, finds_and_cleans, 0, nr_formats());
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
