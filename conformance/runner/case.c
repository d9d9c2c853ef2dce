/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE /* memfd_create */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "case.h"
#include "deviation.h"
#include "kmsg.h"
#include "text.h"
#include "verdict.h"

#define TIMEOUT_S 20
#define OUTPUT_MAX (1 << 20) /* what a case may print; the rest is lost */
#define OUTPUT_KEPT 1536 /* of which so much goes to the notes */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#ifdef SANITIZED
#define SLOWDOWN 4
#else
#define SLOWDOWN 1
#endif

/* What the process of a case finds in place when it is forked. */
static struct {
	struct run *run;
	_Atomic pid_t *group;
	int output;
} forked;

double case_timeout(const struct run *run, const struct ct_test *test)
{
	return (test->timeout_s ? test->timeout_s : TIMEOUT_S) * SLOWDOWN * run->timeout_scale +
	       run->soak_s;
}

/* ---- in the process of the case ---- */

static void prepare_process(void)
{
	const struct rlimit no_core = { 0, 0 };

	*forked.group = getpid(); /* libcheck has made it a group of its own */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	dup2(forked.output, STDOUT_FILENO);
	dup2(forked.output, STDERR_FILENO);
	close(forked.output);
	setvbuf(stdout, NULL, _IOLBF, 0); /* nothing of it is lost with the process */
}

static void end_process(double start)
{
	enum verdict running = VERDICT_RUNNING;

	ct_record->seconds = monotonic_seconds() - start;
	atomic_compare_exchange_strong(&ct_record->verdict, &running, VERDICT_PASS);
	/* Not exit(): tests free nothing, which would be reported as leaks.
	 * ThreadSanitizer turns this into a failure if it has reported. */
	_exit(EXIT_SUCCESS);
}

START_TEST(enter_case)
{
	static struct run_case *rc; /* outlives the jump */
	static double start;
	int ret;

	prepare_process();
	rc = &forked.run->cases[_i];
	start = monotonic_seconds();
	ct_record = rc->c.record;
	atomic_store(&ct_record->verdict, VERDICT_RUNNING);
	switch (setjmp(ct_exit.env)) {
	case 0:
		break;
	case CT_EXIT_SKIP:
		end_process(start);
		break;
	default:
		ct_record->seconds = monotonic_seconds() - start;
		ck_abort_msg("%s", ct_record->message);
	}

	ct.config = rc->c.config;
	ct.seed = forked.run->seed;
	ct.soak_s = forked.run->soak_s;
	ret = forked.run->driver->open(forked.run->target_arg, &ct.t);
	if (ret)
		ct_fail("target %s does not open: %s", forked.run->driver->name,
			ct_errno_name(ret));
	rc->c.test->run();
	forked.run->driver->close(ct.t);
	end_process(start);
}
END_TEST

/* ---- in the worker ---- */

/* A file of fixed size: a case that prints without end runs into EPERM. */
static int output_create(void)
{
	int fd = memfd_create("iodirty-output", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, OUTPUT_MAX) || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		abort();
	return fd;
}

/* What was printed so far, as one string, to be freed. */
static char *output_read(int fd)
{
	off_t length = lseek(fd, 0, SEEK_CUR); /* the case shares our file position */
	char *text = malloc(OUTPUT_MAX + 1);

	if (!text || length < 0)
		abort();
	if (length > OUTPUT_MAX)
		length = OUTPUT_MAX;
	length = pread(fd, text, length, 0);
	for (off_t i = 0; i < length; i++)
		if (!text[i])
			text[i] = '?';
	text[length < 0 ? 0 : length] = '\0';
	return text;
}

/* Where a sanitizer's report begins, from "ERROR:" or its like, or NULL. */
static const char *sanitizer_report(const char *output)
{
	static const char *const marks[] = { "ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
					     "WARNING: ThreadSanitizer",
					     "ThreadSanitizer:", "runtime error: " };
	const char *found;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		found = strstr(output, marks[i]);
		if (found)
			return found;
	}
	return NULL;
}

/* A sanitizer's report from its beginning, else the end of what was printed. */
static void append_output(struct record *r, const char *output)
{
	size_t used = strnlen(r->notes, sizeof(r->notes) - 1), length = strlen(output);
	const char *report = sanitizer_report(output), *from = report;

	if (!length)
		return;
	if (!report)
		from = length > OUTPUT_KEPT ? output + length - OUTPUT_KEPT : output;
	snprintf(r->notes + used, sizeof(r->notes) - used, "%soutput%s:\n%.*s", used ? "\n" : "",
		 from > output ? ", a part" : "", OUTPUT_KEPT, from);
}

/* A test may have scribbled over its record: whatever is there becomes sound. */
static void make_sound(struct record *r)
{
	r->message[sizeof(r->message) - 1] = '\0';
	r->notes[sizeof(r->notes) - 1] = '\0';
	r->deviation[sizeof(r->deviation) - 1] = '\0';
	text_clean(r->message);
	text_clean(r->notes);
	text_clean(r->deviation);
	if (r->measures > RECORD_MEASURES)
		r->measures = RECORD_MEASURES;
	for (unsigned int i = 0; i < r->measures; i++) {
		r->measure[i].name[sizeof(r->measure[i].name) - 1] = '\0';
		r->measure[i].unit[sizeof(r->measure[i].unit) - 1] = '\0';
		text_clean(r->measure[i].name);
		text_clean(r->measure[i].unit);
	}
}

static void set_message(struct record *r, const char *text)
{
	snprintf(r->message, sizeof(r->message), "%.*s", (int)strcspn(text, "\n"), text);
}

/*
 * The verdict, from what the case wrote and how its process ended. One that is
 * final there stands, unless the process then died or a sanitizer has spoken.
 */
static enum verdict judge(const struct run *run, struct run_case *rc, TestResult *tr,
			  const char *output)
{
	struct record *r = rc->c.record;
	enum verdict verdict = case_verdict(rc);
	bool died = tr_rtype(tr) != CK_PASS;
	const char *report = sanitizer_report(output);

	if (verdict == VERDICT_FAIL)
		return verdict;
	if (verdict != VERDICT_RUNNING && verdict != VERDICT_NOT_RUN && !died && !report)
		return verdict;
	if (died && strstr(tr_msg(tr), "timeout")) {
		snprintf(r->message, sizeof(r->message), "not over after %g s",
			 case_timeout(run, rc->c.test));
		return VERDICT_HANG;
	}
	if (report)
		set_message(r, report);
	else if (died)
		set_message(r, tr_msg(tr));
	else
		set_message(r, "the test ended its process, with exit code 0");
	return VERDICT_CRASH;
}

/* Message and notes are complete before the verdict is seen. */
void case_set_verdict(const struct run *run, struct run_case *rc, enum verdict verdict)
{
	struct record *r = rc->c.record;

	make_sound(r);
	if (verdict != VERDICT_NOT_RUN)
		verdict = deviation_judge(run, rc, verdict);
	atomic_store_explicit(&r->verdict, verdict, memory_order_release);
	if (verdict != VERDICT_NOT_RUN)
		atomic_store_explicit(&r->final, RECORD_FINAL, memory_order_release);
}

/* The kernel complained of something while the case ran: it fails, if it has not. */
static enum verdict warned(struct record *r, enum verdict verdict, const char *warning)
{
	size_t used = strnlen(r->notes, sizeof(r->notes) - 1);

	snprintf(r->notes + used, sizeof(r->notes) - used, "%sthe kernel's log: %s",
		 used ? "\n" : "", warning);
	if (verdict != VERDICT_PASS && verdict != VERDICT_SKIP && verdict != VERDICT_NOT_CAPABLE)
		return verdict;
	snprintf(r->message, sizeof(r->message), "the kernel's log: %s", warning);
	return VERDICT_FAIL;
}

void case_run(struct run *run, size_t index, _Atomic pid_t *group)
{
	struct run_case *rc = &run->cases[index];
	struct record *r = rc->c.record;
	Suite *suite = suite_create("iodirty");
	TCase *tcase = tcase_create(rc->c.test->name);
	SRunner *runner = srunner_create(suite);
	double start = monotonic_seconds();
	char warning[KMSG_LINE];
	enum verdict verdict;
	TestResult **results;
	char *output;

	forked.run = run;
	forked.group = group;
	forked.output = output_create();
	tcase_set_timeout(tcase, case_timeout(run, rc->c.test));
	tcase_add_loop_test(tcase, enter_case, index, index + 1);
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_FORK);
	kmsg_skip(run->kmsg);
	srunner_run_all(runner, CK_SILENT);

	results = srunner_results(runner);
	output = output_read(forked.output);
	verdict = judge(run, rc, results[0], output);
	if (!isfinite(r->seconds) || r->seconds <= 0)
		r->seconds = monotonic_seconds() - start;
	if (verdict != VERDICT_PASS && verdict != VERDICT_SKIP)
		append_output(r, output);
	if (kmsg_warning(run->kmsg, warning))
		verdict = warned(r, verdict, warning);
	case_set_verdict(run, rc, verdict);
	free(output);
	free(results);
	srunner_free(runner);
	close(forked.output);
}

bool case_died(const struct run *run, struct run_case *rc, const char *how)
{
	if (case_ended(rc))
		return false;
	snprintf(rc->c.record->message, sizeof(rc->c.record->message),
		 "the process that ran the test is gone: %s", how);
	case_set_verdict(run, rc, VERDICT_CRASH);
	return true;
}

void case_interrupted(const struct run *run, struct run_case *rc)
{
	set_message(rc->c.record, "the run was interrupted");
	case_set_verdict(run, rc, VERDICT_NOT_RUN);
}
