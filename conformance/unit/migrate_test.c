/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `iodirty migrate` judges by: the truth about writes, and sizes that are typed. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "shape.h"
#include "show.h"

enum { PAGES = 8, PAGE = 4096, IOVA = 0x100000 };

static struct truth truth;

/* One source that writes to pages 0, 1 .. 7, 0 ...; 2 writes are complete when tracking
 * starts, and none meanwhile: write 2 may be under way. */
static void begin(void)
{
	const struct truth_sample start = { .before = { 2 }, .after = { 2 } };

	ck_assert(truth_open(&truth, IOVA, PAGES * PAGE, PAGE, 4));
	truth.n = 1;
	truth.work[0] = (struct iodirty_stream_start){
		.iova = IOVA,
		.length = PAGES * PAGE,
		.stride = PAGE,
	};
	truth_begin(&truth, &start);
}

static void end(void)
{
	truth_close(&truth);
}

/* @pages: a bit a page. */
static void report(uint64_t before, uint64_t after, uint64_t pages, uint64_t written, uint64_t lost)
{
	const struct truth_sample sample = { .before = { before }, .after = { after } };
	struct truth_verdict verdict = truth_report(&truth, &sample, &pages);

	ck_assert_uint_eq(verdict.written, written);
	ck_assert_uint_eq(verdict.lost, lost);
}

START_TEST(complete)
{
	report(5, 6, 1 << 2 | 1 << 3 | 1 << 4, 3, 0);
	/* Writes 5 and 6 went on during the first report: 5 is in neither. */
	report(9, 9, 1 << 6 | 1 << 7 | 1 << 0, 4, 1);
}
END_TEST

START_TEST(under_way)
{
	/* Write 2 began before tracking did: the copy of all memory has it. */
	report(5, 6, 1 << 3 | 1 << 4 | 1 << 5, 3, 0);
	/* 5 is in the first, 6 in the second. */
	report(9, 9, 1 << 6 | 1 << 7 | 1 << 0, 4, 0);
	/* More than was written is no loss. */
	report(9, 9, 0xff, 0, 0);
}
END_TEST

/* A write that is not counted for long may have been reported long ago. */
START_TEST(long_under_way)
{
	report(5, 5, 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5, 3, 0);
	report(5, 5, 0, 0, 0);
	report(7, 7, 1 << 6, 2, 0);
}
END_TEST

START_TEST(lost_early)
{
	report(5, 5, 1 << 3, 3, 1);
	report(5, 5, 0, 0, 0);
	/* Each of its writes, and not that of the other page. */
	report(13, 13, 0xff & ~(1 << 4), 8, 1);
}
END_TEST

START_TEST(losses)
{
	const uint64_t pages[] = { 1, 4, 6 };
	struct truth_loss found[3];

	report(5, 5, 1 << 2 | 1 << 3, 3, 1);
	report(13, 13, 0xff & ~(1 << 4), 8, 1);
	report(15, 15, 1 << 5, 2, 1);
	truth_losses(&truth, pages, found, 3);
	ck_assert(!found[0].found);
	/* Page 4: writes 4, 12. */
	ck_assert(found[1].found);
	ck_assert_uint_eq(found[1].write, 12);
	ck_assert_uint_eq(found[1].report, 2);
	/* Page 6: writes 6, 14. */
	ck_assert(found[2].found);
	ck_assert_uint_eq(found[2].write, 14);
	ck_assert_uint_eq(found[2].report, 3);
}
END_TEST

/* ---- accesses ---- */

/* Write 0 of each may have begun before tracking did. */
static const struct access list[] = {
	{ .ns = 0, .iova = 0x9007000, .length = 1, .device = 0, .write = true }, /* page 7 */
	{ .ns = 0, .iova = 0x9007000, .length = 1, .device = 1, .write = true },
	{ .ns = 0, .iova = 0x9000fff, .length = 2, .device = 1, .write = true }, /* pages 0, 1 */
	{ .ns = 1, .iova = 0x9005000, .length = 4096, .device = 0 }, /* reads */
	{ .ns = 2, .iova = 0x9002000, .length = 8193, .device = 0, .write = true }, /* 2, 3, 4 */
	{ .ns = 3, .iova = 0x9003fff, .length = 1, .device = 1, .write = true }, /* 3 */
};
static size_t at;

static int list_next(struct workload *w, struct access *out)
{
	(void)w;
	if (at == sizeof(list) / sizeof(list[0]))
		return 0;
	*out = list[at++];
	return 1;
}

static struct workload listed = { .iova = 0x9000000, .devices = 2, .next = list_next };

static void begin_accesses(void)
{
	const struct truth_sample start = { 0 };

	at = 0;
	ck_assert(truth_open(&truth, IOVA, PAGES * PAGE, PAGE, 4));
	truth.n = 2;
	truth.workload = &listed;
	truth_begin(&truth, &start);
}

/* Writes complete of device 0, of device 1. */
static void report_of(uint64_t of_0, uint64_t of_1, uint64_t pages, uint64_t written, uint64_t lost)
{
	const struct truth_sample sample = { { of_0, of_1 }, { of_0, of_1 } };
	struct truth_verdict verdict = truth_report(&truth, &sample, &pages);

	ck_assert_uint_eq(verdict.written, written);
	ck_assert_uint_eq(verdict.lost, lost);
}

START_TEST(accesses)
{
	report_of(1, 2, 1 << 0 | 1 << 1 | 1 << 7, 3, 0);
	report_of(2, 3, 1 << 2 | 1 << 3 | 1 << 4, 3, 0);
	ck_assert_int_eq(truth.error, 0);
}
END_TEST

/* The middle page of three, by device 0; then another write to that, by device 1. */
START_TEST(accesses_lost)
{
	const uint64_t pages[] = { 1, 3, 4 };
	struct truth_loss found[3];

	report_of(2, 2, 1 << 0 | 1 << 2 | 1 << 4 | 1 << 7, 6, 2);
	truth_losses(&truth, pages, found, 3);
	ck_assert(found[0].found && found[1].found && !found[2].found);
	ck_assert_uint_eq(found[0].source, 1);
	ck_assert_uint_eq(found[1].source, 0);
	ck_assert_uint_eq(found[1].write, 1);
	ck_assert_uint_eq(found[1].report, 1);
	report_of(2, 3, 0, 1, 1);
	truth_losses(&truth, pages, found, 3);
	ck_assert_uint_eq(found[1].source, 1);
	ck_assert_uint_eq(found[1].write, 2);
	ck_assert_uint_eq(found[1].report, 2);
}
END_TEST

START_TEST(accesses_that_end)
{
	const struct truth_sample sample = { { 3 }, { 3 } };
	const uint64_t pages = 0xff;

	truth_report(&truth, &sample, &pages);
	ck_assert_int_eq(truth.error, -ENODATA);
}
END_TEST

/* ---- beside the model ---- */

START_TEST(agreement)
{
	static const struct {
		uint64_t rounds, bytes, last;
		bool converged, agrees;
	} rows[] = {
		{ 10, 1000, 500, true, true },	 { 11, 1100, 550, true, true },
		{ 9, 900, 450, true, true },	 { 12, 1000, 500, true, false },
		{ 10, 1101, 500, true, false },	 { 10, 899, 500, true, false },
		{ 10, 1000, 551, true, false },	 { 10, 1000, 0, true, false },
		{ 10, 1000, 500, false, false },
	};
	struct migration_entry model = {
		.o.link = 1000,
		.r = { .n_rounds = 10, .bytes = 1000, .final_bytes = 500, .converged = true },
	};
	struct migration_agreement a;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct migration_entry measured = model;

		measured.r.n_rounds = rows[i].rounds;
		measured.r.bytes = rows[i].bytes;
		measured.r.final_bytes = rows[i].last;
		measured.r.converged = rows[i].converged;
		migration_compare(&measured, &model, &a);
		ck_assert_msg(a.agrees == rows[i].agrees, "row %zu", i);
	}
	model.r.verdict = MIGRATION_FAILED;
	migration_compare(&model, &model, &a);
	ck_assert(!a.agrees);
}
END_TEST

/* A report of 58 us, and one of 38, is all that the downtimes are. */
START_TEST(next_to_no_downtime)
{
	static const struct {
		uint64_t limit, bytes;
		bool agrees;
	} rows[] = {
		{ 300000000, 1000, true }, /* 1 %: 3 ms */
		{ 2000100, 1000, true },    { 2000000, 1000, false }, /* just the 20 us */
		{ 0, 1000, false }, /* nothing was asked for */
		{ 300000000, 1101, false },
	};
	const struct migration_entry model = {
		.o.link = 1000,
		.r = { .n_rounds = 1, .bytes = 1000, .final_report_ns = 38000 },
	};
	struct migration_agreement a;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct migration_entry measured = model;

		measured.o.downtime_ns = rows[i].limit;
		measured.r.bytes = rows[i].bytes;
		measured.r.final_report_ns = 58000;
		migration_compare(&measured, &model, &a);
		ck_assert_msg(a.agrees == rows[i].agrees, "row %zu", i);
	}
}
END_TEST

/* The first numbers of SplitMix64, from 0, as its author's program prints them. */
START_TEST(random_pages)
{
	static const uint64_t numbers[] = { 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4,
					    0x06c45d188009454f };
	const struct iodirty_stream_start work = {
		.pattern = IODIRTY_PATTERN_RANDOM,
		.iova = 1 << 30,
		.length = (uint64_t)1 << 43,
		.stride = 8,
	};

	for (uint64_t n = 0; n < 3; n++)
		ck_assert_uint_eq(truth_iova(&work, n),
				  (1 << 30) + numbers[n] % ((uint64_t)1 << 40) * 8);
}
END_TEST

START_TEST(sizes)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t size;
	} rows[] = {
		{ "4096", true, 4096 },
		{ "4K", true, 4096 },
		{ "64M", true, 64 << 20 },
		{ "1G", true, 1 << 30 },
		{ "2T", true, (uint64_t)2 << 40 },
		{ "0x1K", true, 1024 },
		{ "", false, 0 },
		{ "K", false, 0 },
		{ "1Q", false, 0 },
		{ "1 G", false, 0 },
		{ "-1M", false, 0 },
		{ "1GG", false, 0 },
		{ "18446744073709551615K", false, 0 },
	};
	uint64_t size;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(parse_size(rows[i].text, 0, UINT64_MAX, &size) == rows[i].good, "%s",
			      rows[i].text);
		if (rows[i].good)
			ck_assert_uint_eq(size, rows[i].size);
	}
	ck_assert(!parse_size("4K", 8192, UINT64_MAX, &size));
	ck_assert(!parse_size("4K", 0, 4095, &size));
	ck_assert(parse_rate("10G", &size));
	ck_assert_uint_eq(size, 10000000000);
	ck_assert(!parse_rate("7", &size));
}
END_TEST

/* Whatever the devices, what a shape makes of them is a stream within memory. */
START_TEST(streams)
{
	const uint64_t iova = 1 << 20, lengths[] = { 65536, 1 << 20, 1 << 30 };

	for (unsigned int k = 0; k < n_shapes; k++) {
		for (unsigned int n = shapes[k].devices; n <= TRUTH_SOURCES; n++) {
			for (unsigned int i = 0; i < n * 3; i++) {
				uint64_t length = lengths[i % 3];
				struct iodirty_stream_start s = { 0 };

				shapes[k].work(i / 3, n, iova, length, &s);
				ck_assert(s.stride && s.stride % 8 == 0 && s.stride <= s.length);
				ck_assert(s.iova >= iova && s.iova + s.length <= iova + length);
				ck_assert(s.rate);
			}
		}
		ck_assert_ptr_eq(shape_find(shapes[k].name), &shapes[k]);
	}
	ck_assert_ptr_null(shape_find("nothing"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate");
	TCase *tcase = tcase_create("truth");
	TCase *by_access = tcase_create("accesses");
	TCase *words = tcase_create("words");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, complete);
	tcase_add_test(tcase, under_way);
	tcase_add_test(tcase, long_under_way);
	tcase_add_test(tcase, lost_early);
	tcase_add_test(tcase, losses);
	tcase_add_checked_fixture(by_access, begin_accesses, end);
	tcase_add_test(by_access, accesses);
	tcase_add_test(by_access, accesses_lost);
	tcase_add_test(by_access, accesses_that_end);
	tcase_add_test(words, agreement);
	tcase_add_test(words, next_to_no_downtime);
	tcase_add_test(words, random_pages);
	tcase_add_test(words, sizes);
	tcase_add_test(words, streams);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, by_access);
	suite_add_tcase(suite, words);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
