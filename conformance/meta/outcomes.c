/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tests that produce every outcome a test can have, to test the runner;
 * check.py knows which each must get. Their names begin with what it is.
 */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ct.h"
#include "result.h"

/* ---- plain ---- */

CT_TEST(pass_each_leaf, "ABI-001", .scope = CT_EACH_LEAF, .giant = true)
{
	ct_check(ct.config.leaf_lg2 >= ct.config.format.granule_lg2, "leaf 2^%u",
		 ct.config.leaf_lg2);
}

CT_TEST(pass_each_format, "ABI-001", .scope = CT_EACH_FORMAT)
{
	ct_check(ct.t && ct.config.leaf_lg2 == ct.config.format.granule_lg2, "leaf 2^%u",
		 ct.config.leaf_lg2);
}

CT_TEST(pass_printing, "ABI-001")
{
	printf("to stdout\n");
	fprintf(stderr, "to stderr\n");
	ct_note("a note");
}

CT_TEST(fail_plainly, "ABI-002")
{
	printf("printed before it failed\n");
	ct_fail("expected 1, seen 2");
}

CT_TEST(fail_in_one_format, "ABI-002", .scope = CT_EACH_FORMAT)
{
	ct_check(strcmp(ct.config.format.name, "small"), "not in %s", ct.config.format.name);
}

CT_TEST(skip_in_the_test, "ABI-003")
{
	ct_skip("no # reason\nat all");
}

CT_TEST(skip_unclaimed, "ABI-003", .needs = TARGET_DMA | TARGET_PASID | TARGET_ACCESS)
{
	ct_fail("must not be run");
}

/* A pass, but at the 1 GiB that only giant tests run with. */
CT_TEST(skip_giant_leaf, "ABI-001", .scope = CT_EACH_LEAF)
{
	ct_check(ct.config.leaf_lg2 < 30, "must not be run");
}

static const char *never(const struct ct_config *config)
{
	(void)config;
	return "never has a meaning";
}

CT_TEST(skip_not_required, "ABI-003", .requires = never)
{
	ct_fail("must not be run");
}

/* ---- death ---- */

CT_TEST(crash_segv, "TRACK-001")
{
	raise(SIGSEGV);
}

CT_TEST(crash_abort, "TRACK-001")
{
	abort();
}

CT_TEST(crash_exit_0, "TRACK-001")
{
	exit(0);
}

CT_TEST(crash_exit_77, "TRACK-001")
{
	_exit(77);
}

CT_TEST(crash_with_worker, "TRACK-001", .concurrent = true)
{
	kill(getppid(), SIGKILL);
	pause();
}

CT_TEST(pass_after_the_worker, "TRACK-001", .concurrent = true)
{
}

/* As a sanitizer that goes on after its report. */
CT_TEST(crash_reported, "TRACK-001")
{
	fprintf(stderr, "==1==ERROR: AddressSanitizer: nothing-overflow on address 0\n#0 here\n");
}

/* What no sanitizer sees unless it is built in. */
CT_TEST(crash_or_pass_overflow, "TRACK-001")
{
	volatile char *p = malloc(8);
	volatile size_t end = 8;

	p[end] = 1;
	free((void *)p);
}

static int raced;

static void *race(void *arg)
{
	(void)arg;
	raced++;
	return NULL;
}

CT_TEST(crash_or_pass_race, "TRACK-001", .concurrent = true)
{
	pthread_t thread;

	pthread_create(&thread, NULL, race, NULL);
	raced++;
	pthread_join(thread, NULL);
}

CT_TEST(hang, "TRACK-002", .timeout_s = 1)
{
	for (;;)
		pause();
}

/* ---- words ---- */

CT_TEST(fail_hostile, "REPORT-001")
{
	char text[] = "]]> <a b='c'>&amp; \"q\" \x01\x1b[31m \xff\xfe \xc3( \xed\xa0\x80 "
		      "\xef\xbf\xbf \xf4\x90\x80\x80 \xc2\x85 good: \xc3\xa9\xe2\x82\xac\n"
		      "ok 1 not a result\n# Subtest: not one\nKTAP version 1\n1..7\n";

	ct_note("%s", text);
	fputs(text, stderr);
	ct_fail("%s", text);
}

CT_TEST(fail_long, "REPORT-001")
{
	char text[8192];

	/* Two-byte characters, so that any cut may be within one. */
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[sizeof(text) - 1] = '\0';
	ct_note("x%s", text);
	ct_fail("%s", text);
}

CT_TEST(fail_printing_without_end, "REPORT-001")
{
	static const char line[4096] = { [0 ... 4094] = '.', [4095] = '\n' };
	size_t lost = 0;

	for (int i = 0; i < 1000; i++)
		lost += write(STDERR_FILENO, line, sizeof(line)) < 0;
	ct_fail("%zu lines went nowhere", lost);
}

CT_TEST(fail_with_nul, "REPORT-001")
{
	ct_check(write(STDOUT_FILENO, "a\0b\n", 4) == 4, "write");
	ct_fail("printed a NUL");
}

CT_TEST(crash_scribbling, "REPORT-001")
{
	memset(ct_record, 0xff, sizeof(*ct_record));
	abort();
}

/* ---- what stays ---- */

/* The file whose path the environment variable @name holds gets both. */
static void tell_pids(const char *name, pid_t pid, pid_t child)
{
	const char *path = getenv(name);
	FILE *file = path ? fopen(path, "w") : NULL;

	if (file) {
		fprintf(file, "%d %d\n", (int)pid, (int)child);
		fclose(file);
	}
}

static pid_t idle_child(void)
{
	pid_t pid = fork();

	while (!pid)
		pause();
	return pid;
}

CT_TEST(pass_leaving_a_process, "CLEAR-001")
{
	tell_pids("IODIRTY_META_STRAY", getpid(), idle_child());
}

CT_TEST(pass_leaving_memory, "CLEAR-001")
{
	char *volatile p = malloc(100);

	p = NULL;
	ct_check(!p, "leaks");
}

static void *forever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

CT_TEST(fail_leaving_a_thread, "CLEAR-001")
{
	pthread_t thread;

	pthread_create(&thread, NULL, forever, NULL);
	ct_fail("a thread is left");
}

/* No verdict that there is. */
CT_TEST(crash_with_own_verdict, "CLEAR-001")
{
	ct_record->verdict = 77;
}

/* ---- judged otherwise ---- */

CT_TEST(fail_informative, "MAP-001")
{
	ct_fail("for information");
}

static void deviate(enum verdict verdict, const char *message)
{
	strcpy(ct_record->deviation, "DEV-001");
	strcpy(ct_record->message, message);
	ct_record->verdict = verdict;
}

CT_TEST(xfail, "ACCESS-001")
{
	deviate(VERDICT_XFAIL, "as the deviation says");
}

CT_TEST(xpass, "ACCESS-001", .scope = CT_EACH_FORMAT)
{
	deviate(VERDICT_XPASS, "contrary to the deviation");
}

/* As meta/deviations.toml has them. */
CT_TEST(xfail_as_listed, "ACCESS-001")
{
	ct_fail("returned 0, expected EFAULT");
}

CT_TEST(fail_otherwise_than_listed, "ACCESS-001")
{
	ct_fail("returned 0, expected EINVAL");
}

CT_TEST(xpass_as_not_listed, "ACCESS-001")
{
}

CT_TEST(pass_as_sometimes, "ACCESS-001")
{
}

CT_TEST(fail_as_elsewhere, "ACCESS-001")
{
	ct_fail("listed for another kernel, another place, another target");
}

CT_TEST(xfail_crash_as_listed, "ACCESS-001")
{
	abort();
}

CT_TEST(not_capable, "ACCESS-001")
{
	ct_not_capable("the IOMMU cannot");
}

CT_TEST(pass_measuring, "LEAF-001")
{
	ct_measure("writes", 42, "1");
	ct_measure("nothing", NAN, "s");
	ct_measure("<&\xff>", INFINITY, "\x02");
}

/* ---- interruption ---- */

CT_TEST(skip_or_wait, "ERRORS-001", .timeout_s = 60)
{
	if (!getenv("IODIRTY_META_SLOW"))
		ct_skip("nobody interrupts this run");
	tell_pids("IODIRTY_META_SLOW", getpid(), idle_child());
	for (;;)
		pause();
}
