/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who tracks which source: every combination, held against tables written by hand. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

static const struct policy_memory memory = { .last = (1ULL << 40) - 1, .page = 4096 };

enum log { ABSENT, SHORT, FINE };
enum iommu { BYPASSED, BLIND, PLAIN, TRACKS };

/* By hand: who tracks a source of each kind, if a device is preferred, if an IOMMU is. */
static const struct kind {
	enum iommu iommu;
	enum log log;
	enum policy_tracker device_first, iommu_first;
} kinds[] = {
	{ BYPASSED, ABSENT, POLICY_NOBODY, POLICY_NOBODY },
	{ BYPASSED, SHORT, POLICY_NOBODY, POLICY_NOBODY },
	{ BYPASSED, FINE, POLICY_DEVICE, POLICY_DEVICE },
	{ BLIND, ABSENT, POLICY_NOBODY, POLICY_NOBODY },
	{ BLIND, SHORT, POLICY_NOBODY, POLICY_NOBODY },
	{ BLIND, FINE, POLICY_DEVICE, POLICY_DEVICE },
	{ PLAIN, ABSENT, POLICY_NOBODY, POLICY_NOBODY },
	{ PLAIN, SHORT, POLICY_NOBODY, POLICY_NOBODY },
	{ PLAIN, FINE, POLICY_DEVICE, POLICY_DEVICE },
	{ TRACKS, ABSENT, POLICY_IOMMU, POLICY_IOMMU },
	{ TRACKS, SHORT, POLICY_IOMMU, POLICY_IOMMU },
	{ TRACKS, FINE, POLICY_DEVICE, POLICY_IOMMU },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct policy_source source(const struct kind *kind, uint32_t number)
{
	return (struct policy_source){
		.device = number,
		.hwpt = kind->iommu == BYPASSED ? 0 : 100 + number,
		.by_access = kind->iommu == BYPASSED,
		/* Whatever is said of an IOMMU that sees nothing must not count. */
		.iommu_tracks = kind->iommu != BLIND,
		.hwpt_tracks = kind->iommu == TRACKS || kind->iommu == BLIND ||
			       kind->iommu == BYPASSED,
		.stops = true,
		.has_log = kind->log != ABSENT,
		.log_page = 4096,
		.log_last = kind->log == FINE ? memory.last : memory.last - 1,
		.hwpt_page = 4096,
	};
}

static enum policy_tracker expected(const struct kind *kind, bool prefer_iommu)
{
	return prefer_iommu ? kind->iommu_first : kind->device_first;
}

/* Options by the bits of @n. */
static struct policy_options options_of(unsigned int n)
{
	return (struct policy_options){ .prefer_iommu = n & 1,
					.allow_all_dirty = n & 2,
					.require_stop = n & 4 };
}

/* One source of each kind, with all options, if it can be stopped and if not. */
START_TEST(one)
{
	struct policy_options options = options_of(_i % 8);
	struct policy_choice choice;
	struct policy_answer answer;

	for (size_t k = 0; k < N_KINDS; k++) {
		struct policy_source s = source(&kinds[k], 1);
		enum policy_tracker tracker = expected(&kinds[k], options.prefer_iommu);
		bool nobody = tracker == POLICY_NOBODY, stops = _i < 8;
		bool refused = (nobody && !options.allow_all_dirty) ||
			       (options.require_stop && !stops);

		s.stops = stops;
		ck_assert_int_eq(policy_decide(&options, &memory, &s, 1, &choice, &answer),
				 !refused);
		ck_assert_int_eq(answer.refused, refused);
		ck_assert_int_eq(choice.tracker, tracker);
		ck_assert_int_eq(choice.starts, !nobody);
		ck_assert_uint_eq(answer.n_hwpts, tracker == POLICY_IOMMU);
		ck_assert_uint_eq(answer.n_logs, tracker == POLICY_DEVICE);
		ck_assert_uint_eq(answer.n_nobody, nobody);
		ck_assert_uint_eq(answer.page_size, 4096);
		ck_assert_ptr_nonnull(choice.why);
		if (refused) {
			ck_assert_uint_eq(answer.refused_by, 0);
			ck_assert_ptr_nonnull(answer.why);
		} else {
			ck_assert_ptr_null(answer.why);
		}
	}
}
END_TEST

/* Two of any kinds: each is decided as if it were alone, and the sums are theirs. */
START_TEST(two)
{
	struct policy_options options = options_of(_i);
	struct policy_choice choices[2];
	struct policy_answer answer;

	for (size_t a = 0; a < N_KINDS; a++) {
		for (size_t b = 0; b < N_KINDS; b++) {
			struct policy_source both[2] = { source(&kinds[a], 1),
							 source(&kinds[b], 2) };
			enum policy_tracker want[2] = {
				expected(&kinds[a], options.prefer_iommu),
				expected(&kinds[b], options.prefer_iommu),
			};
			size_t count[3] = { 0 };

			count[want[0]]++;
			count[want[1]]++;
			ck_assert_int_eq(
				policy_decide(&options, &memory, both, 2, choices, &answer),
				options.allow_all_dirty || !count[POLICY_NOBODY]);
			ck_assert_int_eq(choices[0].tracker, want[0]);
			ck_assert_int_eq(choices[1].tracker, want[1]);
			ck_assert_uint_eq(answer.n_hwpts, count[POLICY_IOMMU]);
			ck_assert_uint_eq(answer.n_logs, count[POLICY_DEVICE]);
			ck_assert_uint_eq(answer.n_nobody, count[POLICY_NOBODY]);
			if (answer.refused)
				ck_assert_uint_eq(answer.refused_by, want[0] != POLICY_NOBODY);
		}
	}
}
END_TEST

START_TEST(words)
{
	const struct policy_options options = { 0 };
	static const struct {
		enum iommu iommu;
		enum log log;
		const char *why;
	} rows[] = {
		{ BYPASSED, ABSENT, "no IOMMU sees it, and it has no log" },
		{ BLIND, SHORT, "its IOMMU cannot track, and its log does not reach all memory" },
		{ PLAIN, ABSENT, "its page table was not made to be tracked, and it has no log" },
		{ TRACKS, ABSENT, "it has no log" },
		{ BLIND, FINE, "its IOMMU cannot track" },
	};
	struct policy_choice choice;
	struct policy_answer answer;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kind kind = { .iommu = rows[i].iommu, .log = rows[i].log };
		struct policy_source s = source(&kind, 1);

		policy_decide(&options, &memory, &s, 1, &choice, &answer);
		ck_assert_str_eq(choice.why, rows[i].why);
		if (answer.refused)
			ck_assert_str_eq(answer.why, rows[i].why);
	}
}
END_TEST

START_TEST(nothing)
{
	const struct policy_options options = { .require_stop = true };
	struct policy_answer answer;

	ck_assert(policy_decide(&options, &memory, NULL, 0, NULL, &answer));
	ck_assert_uint_eq(answer.n_hwpts + answer.n_logs + answer.n_nobody, 0);
	ck_assert_uint_eq(answer.page_size, 4096);
}
END_TEST

/* Three PASIDs of one device with a log, two devices in one HWPT: one start each. */
START_TEST(shared)
{
	const struct kind logs = { BLIND, FINE, 0, 0 }, tracked = { TRACKS, ABSENT, 0, 0 };
	const struct policy_options options = { 0 };
	struct policy_source s[5] = {
		source(&logs, 1),    source(&tracked, 2), source(&logs, 1),
		source(&tracked, 3), source(&logs, 1),
	};
	struct policy_choice choices[5];
	struct policy_answer answer;

	s[1].hwpt = s[3].hwpt = 9;
	s[0].hwpt = s[2].hwpt = s[4].hwpt = 9; /* though not their tracker */
	ck_assert(policy_decide(&options, &memory, s, 5, choices, &answer));
	ck_assert_uint_eq(answer.n_hwpts, 1);
	ck_assert_uint_eq(answer.n_logs, 1);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(choices[i].starts, i < 2);
}
END_TEST

/* The largest of those that are used, and of no other. */
START_TEST(pages)
{
	const struct kind both = { TRACKS, FINE, 0, 0 };
	struct policy_options options = { 0 };
	struct policy_source s[2] = { source(&both, 1), source(&both, 2) };
	struct policy_choice choices[2];
	struct policy_answer answer;

	s[0].log_page = 65536;
	s[1].hwpt_page = 16384;
	policy_decide(&options, &memory, s, 2, choices, &answer);
	ck_assert_uint_eq(answer.page_size, 65536);
	options.prefer_iommu = true;
	policy_decide(&options, &memory, s, 2, choices, &answer);
	ck_assert_uint_eq(answer.page_size, 16384);
	s[1].hwpt_page = 512;
	policy_decide(&options, &memory, s, 2, choices, &answer);
	ck_assert_uint_eq(answer.page_size, 4096);
}
END_TEST

/* ---- while tracking is on ---- */

static struct policy_source old[2];
static struct policy_choice chosen[2];

/* A log of device 1, and HWPT 102. */
static void start(void)
{
	const struct kind logs = { BLIND, FINE, 0, 0 }, tracked = { TRACKS, ABSENT, 0, 0 };
	const struct policy_options options = { 0 };
	struct policy_answer answer;

	old[0] = source(&logs, 1);
	old[1] = source(&tracked, 2);
	ck_assert(policy_decide(&options, &memory, old, 2, chosen, &answer));
}

/* By hand: what is to be done about one of each kind that joins; all-dirty allowed. */
START_TEST(joins)
{
	static const struct {
		enum iommu iommu;
		enum log log;
		uint32_t device, hwpt;
		uint32_t steps;
	} rows[] = {
		{ BLIND, FINE, 3, 103, POLICY_START_LOG },
		{ BLIND, FINE, 1, 103, 0 }, /* another PASID of the device that logs */
		{ TRACKS, ABSENT, 3, 103, POLICY_START_HWPT },
		{ TRACKS, ABSENT, 3, 102, 0 }, /* into the HWPT that is tracked */
		{ TRACKS, FINE, 3, 102, POLICY_START_LOG },
		{ BYPASSED, FINE, 3, 0, POLICY_START_LOG },
		{ BYPASSED, ABSENT, 3, 0, POLICY_ALL_DIRTY_BEGINS },
		{ BLIND, ABSENT, 3, 103, POLICY_ALL_DIRTY_BEGINS },
		{ PLAIN, SHORT, 3, 103, POLICY_ALL_DIRTY_BEGINS },
	};
	struct policy_choice choice;
	struct policy_change change;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kind kind = { rows[i].iommu, rows[i].log, 0, 0 };
		struct policy_source s = source(&kind, rows[i].device);
		struct policy_options options = { .allow_all_dirty = true };
		bool nobody = rows[i].steps & POLICY_ALL_DIRTY_BEGINS;

		s.hwpt = rows[i].hwpt;
		start();
		ck_assert(policy_join(&options, &memory, old, chosen, 2, &s, &choice, &change));
		ck_assert_msg(change.steps == rows[i].steps, "row %zu: %#x", i, change.steps);
		ck_assert_int_eq(choice.tracker == POLICY_NOBODY, nobody);
		ck_assert_int_eq(choice.starts,
				 (change.steps & (POLICY_START_LOG | POLICY_START_HWPT)) != 0);

		options.allow_all_dirty = false;
		ck_assert_int_eq(
			policy_join(&options, &memory, old, chosen, 2, &s, &choice, &change),
			!nobody);
		ck_assert_int_eq(change.refused, nobody);
		if (nobody)
			ck_assert_uint_eq(change.steps, 0);

		options = (struct policy_options){ .allow_all_dirty = true, .require_stop = true };
		s.stops = false;
		ck_assert(!policy_join(&options, &memory, old, chosen, 2, &s, &choice, &change));
		ck_assert_uint_eq(change.steps, 0);
	}
}
END_TEST

/* All is dirty already: a second one changes nothing. */
START_TEST(joins_nobody_twice)
{
	const struct kind none = { BLIND, ABSENT, 0, 0 };
	const struct policy_options options = { .allow_all_dirty = true };
	struct policy_source s = source(&none, 3);
	struct policy_choice choice;
	struct policy_change change;

	start();
	chosen[1].tracker = POLICY_NOBODY;
	ck_assert(policy_join(&options, &memory, old, chosen, 2, &s, &choice, &change));
	ck_assert_uint_eq(change.steps, 0);
}
END_TEST

START_TEST(joins_coarser)
{
	const struct kind tracked = { TRACKS, ABSENT, 0, 0 };
	const struct policy_options options = { 0 };
	struct policy_source s = source(&tracked, 3);
	struct policy_choice choice;
	struct policy_change change;

	s.hwpt_page = 65536;
	start();
	ck_assert(policy_join(&options, &memory, old, chosen, 2, &s, &choice, &change));
	ck_assert_uint_eq(change.steps, POLICY_START_HWPT | POLICY_COARSER);
	ck_assert_uint_eq(change.page_size, 65536);
}
END_TEST

START_TEST(leaves)
{
	struct policy_change change;

	for (int gone = 0; gone < 2; gone++) {
		start();
		policy_leave(&memory, old, chosen, 2, 0, gone, &change);
		ck_assert_uint_eq(change.steps, gone ? POLICY_ALL_DIRTY_ONCE :
						       POLICY_COLLECT_LOG | POLICY_STOP_LOG);
		start();
		policy_leave(&memory, old, chosen, 2, 1, gone, &change);
		ck_assert_uint_eq(change.steps, POLICY_COLLECT_HWPT | POLICY_STOP_HWPT);
		ck_assert_uint_eq(change.page_size, 4096);

		start();
		chosen[0].tracker = chosen[1].tracker = POLICY_NOBODY;
		policy_leave(&memory, old, chosen, 2, 0, gone, &change);
		ck_assert_uint_eq(change.steps, POLICY_ALL_DIRTY_ONCE);
		start();
		chosen[0].tracker = POLICY_NOBODY;
		policy_leave(&memory, old, chosen, 2, 0, gone, &change);
		ck_assert_uint_eq(change.steps, POLICY_ALL_DIRTY_ONCE | POLICY_ALL_DIRTY_ENDS);
	}
}
END_TEST

/* What it shares goes on, for the other, who then is the one that it was started for. */
START_TEST(leaves_shared)
{
	const struct kind tracked = { TRACKS, ABSENT, 0, 0 }, logs = { BLIND, FINE, 0, 0 };
	const struct policy_options options = { 0 };
	struct policy_source s[4] = { source(&tracked, 1), source(&tracked, 2), source(&logs, 3),
				      source(&logs, 3) };
	struct policy_choice choices[4];
	struct policy_answer answer;
	struct policy_change change;

	s[1].hwpt = s[0].hwpt;
	policy_decide(&options, &memory, s, 4, choices, &answer);
	policy_leave(&memory, s, choices, 4, 0, false, &change);
	ck_assert_uint_eq(change.steps, POLICY_COLLECT_HWPT);
	ck_assert(!choices[0].starts && choices[1].starts);
	policy_leave(&memory, s, choices, 4, 2, false, &change);
	ck_assert_uint_eq(change.steps, POLICY_COLLECT_LOG);
	ck_assert(!choices[2].starts && choices[3].starts);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("policy");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, one, 0, 16);
	tcase_add_loop_test(tcase, two, 0, 8);
	tcase_add_test(tcase, words);
	tcase_add_test(tcase, nothing);
	tcase_add_test(tcase, shared);
	tcase_add_test(tcase, pages);
	tcase_add_test(tcase, joins);
	tcase_add_test(tcase, joins_nobody_twice);
	tcase_add_test(tcase, joins_coarser);
	tcase_add_test(tcase, leaves);
	tcase_add_test(tcase, leaves_shared);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
