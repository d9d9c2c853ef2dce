/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is to be invalidated, by itself: ranges, and words of items, added in any order to a
 * gather and to a plain model, an element a page.
 */
#include <check.h>
#include <stdlib.h>
#include "walk.h"

#define PAGES 4096
#define PAGE_LG2 12
#define ROUNDS 300

static bool want[PAGES], got[PAGES];
static u64 base;

static u64 iova_of(u64 page)
{
	return base + (page << PAGE_LG2);
}

static void expand(const struct pgt_gather *g)
{
	u64 next = 0, page, wrong = 0;
	unsigned int r;

	memset(got, 0, sizeof(got));
	ck_assert_uint_le(g->nr, PGT_RANGES);
	for (r = 0; r < g->nr; r++) {
		u64 first = (g->ranges[r].first - base) >> PAGE_LG2;
		u64 last = (g->ranges[r].last - base) >> PAGE_LG2;

		ck_assert_uint_lt(last, PAGES);
		wrong += g->ranges[r].first != iova_of(first) ||
			 g->ranges[r].last != iova_of(last) + ((1ULL << PAGE_LG2) - 1);
		wrong += first < next || last < first || !want[first] || !want[last];
		next = last + 2; /* else they were one */
		for (page = first; page <= last; page++)
			got[page] = true;
	}
	for (page = 0; page < PAGES; page++)
		wrong += want[page] && !got[page];
	ck_assert_uint_eq(wrong, 0);
}

static unsigned int runs(void)
{
	unsigned int n = 0, page;

	for (page = 0; page < PAGES; page++)
		n += want[page] && (!page || !want[page - 1]);
	return n;
}

static int descending(const void *a, const void *b)
{
	return *(const int *)b - *(const int *)a;
}

/* How many pages more than wanted the best choice of @n ranges has. */
static int least_excess(int n)
{
	static int gaps[PAGES];
	int count = 0, last = -1, excess = 0, page, i;

	for (page = 0; page < PAGES; page++) {
		if (!want[page])
			continue;
		if (last >= 0 && page > last + 1)
			gaps[count++] = page - last - 1;
		last = page;
	}
	qsort(gaps, count, sizeof(gaps[0]), descending);
	for (i = n - 1; i < count; i++)
		excess += gaps[i];
	return excess;
}

static int excess(void)
{
	int n = 0, page;

	for (page = 0; page < PAGES; page++)
		n += got[page] && !want[page];
	return n;
}

/* Low in the address space, and to its end. */
static void begin(struct pgt_gather *g, unsigned int round)
{
	base = round % 2 ? -((u64)PAGES << PAGE_LG2) : 0;
	memset(want, 0, sizeof(want));
	pgt_gather_init(g);
}

static void add(struct pgt_gather *g, int first, int last)
{
	memset(&want[first], true, last - first + 1);
	pgt_gather_add(g, iova_of(first), iova_of(last) + ((1ULL << PAGE_LG2) - 1));
}

/* In any order, overlapping or not: as long as they fit they are exact. */
START_TEST(any_order)
{
	struct pgt_gather g;
	unsigned int round, n;

	srand(1);
	for (round = 0; round < ROUNDS; round++) {
		bool fits = true;

		begin(&g, round);
		for (n = rand() % 80; n; n--) {
			int first = rand() % PAGES;
			int last = first + rand() % (1 + rand() % 100);

			add(&g, first, last < PAGES ? last : PAGES - 1);
			expand(&g);
			fits &= runs() <= PGT_RANGES;
			if (fits)
				ck_assert_mem_eq(got, want, sizeof(want));
		}
	}
}
END_TEST

/* In ascending order, as a harvest comes to them: the smallest gaps are taken in. */
START_TEST(ascending)
{
	struct pgt_gather g;
	unsigned int round;

	srand(2);
	for (round = 0; round < ROUNDS; round++) {
		int step = 2 + rand() % 120, page;

		begin(&g, round);
		for (page = rand() % step; page < PAGES; page += 1 + rand() % step)
			add(&g, page, page);
		expand(&g);
		ck_assert_int_eq(excess(), least_excess(PGT_RANGES));
		if (runs() > PGT_RANGES)
			ck_assert_uint_eq(g.nr, PGT_RANGES);
	}
}
END_TEST

/*
 * Words of items, a table's at a time. Where these are dense holes of less than 128 may be
 * taken in though others are smaller; else it is as if each had been added.
 */
START_TEST(items)
{
	struct pgt_gather g;
	unsigned int round;

	srand(3);
	for (round = 0; round < ROUNDS; round++) {
		int one_in = 1 + rand() % 300, most = 0, table, hole = 0, page;
		bool sparse = true;

		begin(&g, round);
		for (table = 0; table < PAGES / 512; table++) {
			u64 words[8] = { 0 }, n = 0;
			unsigned int named = 0, i;

			for (i = 0; i < 512; i++) {
				if (rand() % one_in)
					continue;
				words[i / 64] |= 1ULL << i % 64;
				named |= 1U << i / 64;
				want[table * 512 + i] = true;
				n++;
			}
			sparse &= n < PGT_RANGES;
			if (named)
				pgt_gather_items(&g, iova_of(table * 512), PAGE_LG2, named, words,
						 n);
		}
		expand(&g);
		if (sparse)
			ck_assert_int_eq(excess(), least_excess(PGT_RANGES));
		if (runs() <= PGT_RANGES)
			ck_assert_mem_eq(got, want, sizeof(want));
		for (page = 0; page < PAGES; page++) {
			hole = got[page] && !want[page] ? hole + 1 : 0;
			most = hole > most ? hole : most;
		}
		if (!sparse)
			ck_assert_int_lt(most, 128);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gather");
	TCase *tc = tcase_create("gather");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, any_order);
	tcase_add_test(tc, ascending);
	tcase_add_test(tc, items);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
