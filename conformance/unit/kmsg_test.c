/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's log as the runner reads it: a record a read, here from a socket. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kmsg.h"

static int log_end, our_end;
static char line[KMSG_LINE];

static void open_log(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	log_end = ends[0];
	our_end = ends[1];
}

static void close_log(void)
{
	close(log_end);
	close(our_end);
}

static void log_record(const char *text)
{
	ck_assert_int_eq(write(log_end, text, strlen(text)), strlen(text));
}

START_TEST(complaint)
{
	log_record("6,1,10,-;iommufd_mock iommufd_mock0: Adding to iommu group 0\n");
	log_record("4,2,11,-;WARNING: CPU: 0 PID: 9 at drivers/iommu/x.c:1\n SUBSYSTEM=none\n");
	log_record("0,3,12,-;BUG: KASAN: use-after-free in y\n");
	ck_assert(kmsg_warning(our_end, line));
	ck_assert_str_eq(line, "WARNING: CPU: 0 PID: 9 at drivers/iommu/x.c:1");
	/* All of it was read. */
	ck_assert(!kmsg_warning(our_end, line));
}
END_TEST

START_TEST(each_kind)
{
	static const char *const kinds[] = {
		"WARNING: possible circular locking dependency detected",
		"BUG: sleeping function called from invalid context at a.c:1",
		"BUG: unable to handle page fault for address: 0",
		"kernel BUG at mm/slub.c:1!",
		"BUG kmalloc-64 (Not tainted): Right Redzone overwritten",
		"UBSAN: shift-out-of-bounds in b.c:2",
		"refcount_t: underflow; use-after-free.",
		"Oops: general protection fault",
		"INFO: task iodirty:12 blocked for more than 120 seconds.",
		"INFO: rcu_sched self-detected stall on CPU",
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char record[256];

		snprintf(record, sizeof(record), "4,%zu,1,-;%s\n", i, kinds[i]);
		log_record(record);
		ck_assert_msg(kmsg_warning(our_end, line), "%s", kinds[i]);
		ck_assert_str_eq(line, kinds[i]);
	}
}
END_TEST

START_TEST(nothing_wrong)
{
	log_record("6,1,10,-;the word WARNING: inside a line\n");
	log_record("no record at all");
	log_record("6,2,11,-;\n");
	ck_assert(!kmsg_warning(our_end, line));
	ck_assert(!kmsg_warning(-1, line));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kmsg");
	TCase *tcase = tcase_create("log");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, open_log, close_log);
	tcase_add_test(tcase, complaint);
	tcase_add_test(tcase, each_kind);
	tcase_add_test(tcase, nothing_wrong);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
