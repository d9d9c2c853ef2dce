/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sets of pages, held against an array of a byte a page. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "page_set.h"
#include "workload.h"

enum { PAGES = 5 * PAGE_SET_CHUNK + 100, STEPS = 200 };

static uint8_t model[PAGES], seen[PAGES];
static struct page_set set;

static void begin(void)
{
	memset(model, 0, sizeof(model));
	ck_assert(page_set_open(&set, PAGES));
}

static void end(void)
{
	page_set_close(&set);
}

static void add(struct page_set *s, uint64_t first, uint64_t last)
{
	ck_assert(page_set_add(s, first, last));
	memset(model + first, 1, last - first + 1);
}

/* Count, membership and iteration say the same as the array. */
static void expect(const struct page_set *s)
{
	struct page_cursor c = { 0 };
	uint64_t count = 0, wrong = 0;

	memset(seen, 0, sizeof(seen));
	while (page_set_next(s, &c)) {
		if (c.page >= PAGES || seen[c.page])
			ck_abort_msg("page %" PRIu64 " comes out", c.page);
		seen[c.page] = 1;
	}
	ck_assert(!memcmp(seen, model, sizeof(seen)));
	for (uint64_t i = 0; i < PAGES; i++) {
		wrong += page_set_has(s, i) != model[i];
		count += model[i];
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(s->count, count);
}

START_TEST(edges)
{
	static const uint64_t at[] = {
		0,	  63, 64, 127, PAGE_SET_CHUNK - 1, PAGE_SET_CHUNK, 3 * PAGE_SET_CHUNK + 65,
		PAGES - 1
	};
	const size_t n = sizeof(at) / sizeof(at[0]);

	expect(&set);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i; j < n; j++) {
			add(&set, at[i], at[j]);
			expect(&set);
			page_set_clear(&set);
			memset(model, 0, sizeof(model));
			expect(&set);
		}
	}
}
END_TEST

START_TEST(at_random)
{
	uint64_t state = 1;

	for (int i = 0; i < STEPS; i++) {
		uint64_t first = workload_random(&state) % PAGES;
		uint64_t length = 1 + workload_random(&state) % (i % 8 ? 70 : 9000);
		uint64_t last = first + length > PAGES ? PAGES - 1 : first + length - 1;

		if (i % 25 == 24) {
			page_set_clear(&set);
			memset(model, 0, sizeof(model));
		}
		add(&set, first, last);
		expect(&set);
	}
}
END_TEST

START_TEST(merge)
{
	struct page_set other;
	uint64_t state = 2;

	ck_assert(page_set_open(&other, PAGES));
	/* What was there before is not merged, nor does it come back. */
	ck_assert(page_set_add(&other, 0, PAGES - 1));
	page_set_clear(&other);
	ck_assert(page_set_add(&set, 0, PAGES - 1));
	page_set_clear(&set);
	for (int i = 0; i < STEPS; i++) {
		uint64_t page = workload_random(&state) % PAGES;

		add(i % 2 ? &set : &other, page, page);
		if (i % 5 == 0)
			add(i % 2 ? &other : &set, page, page);
	}
	ck_assert(page_set_merge(&set, &other));
	expect(&set);
	ck_assert(page_set_merge(&set, &other));
	expect(&set);
	page_set_close(&other);
}
END_TEST

/* 16 TiB of pages of 4 KiB, few of which are in it, thousands of times. */
START_TEST(large)
{
	const uint64_t pages = (uint64_t)1 << 32;
	uint64_t wrong = 0;
	struct page_set s;

	ck_assert(page_set_open(&s, pages));
	for (uint64_t i = 1; i <= 10000; i++) {
		wrong += !page_set_add(&s, pages - i, pages - i);
		wrong += !page_set_add(&s, i << 18, i << 18);
		wrong += s.count != 2 || !page_set_has(&s, pages - i) || !page_set_has(&s, i << 18);
		wrong += page_set_has(&s, pages - i - 1) || page_set_has(&s, (i - 1) << 18);
		page_set_clear(&s);
	}
	ck_assert_uint_eq(wrong, 0);
	page_set_close(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("page_set");
	TCase *tcase = tcase_create("page_set"), *wide = tcase_create("large");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, edges);
	tcase_add_test(tcase, at_random);
	tcase_add_test(tcase, merge);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(wide, 60);
	tcase_add_test(wide, large);
	suite_add_tcase(suite, wide);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
