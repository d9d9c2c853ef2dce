/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a case ends, and what it says about itself. */
#define _GNU_SOURCE /* strerrorname_np */
#include <stdarg.h>
#include <stdio.h>

#include "ct.h"
#include "result.h"
#include "verdict.h"

struct record *ct_record;
struct ct_exit ct_exit;

/* The verdict last: whoever sees it finds the message complete. */
static void __attribute__((noreturn, format(printf, 3, 0)))
end(enum verdict verdict, enum ct_exit_value value, const char *fmt, va_list args)
{
	vsnprintf(ct_record->message, sizeof(ct_record->message), fmt, args);
	atomic_store(&ct_record->verdict, verdict);
	longjmp(ct_exit.env, value);
}

void ct_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(VERDICT_FAIL, CT_EXIT_FAIL, fmt, args);
}

void ct_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(VERDICT_SKIP, CT_EXIT_SKIP, fmt, args);
}

void ct_not_capable(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(VERDICT_NOT_CAPABLE, CT_EXIT_SKIP, fmt, args);
}

void ct_note(const char *fmt, ...)
{
	size_t used = strlen(ct_record->notes);
	char *at = ct_record->notes + used;
	size_t room = sizeof(ct_record->notes) - used;
	va_list args;

	if (used && room > 1) {
		*at++ = '\n';
		*at = '\0';
		room--;
	}
	va_start(args, fmt);
	vsnprintf(at, room, fmt, args);
	va_end(args);
}

void ct_measure(const char *name, double value, const char *unit)
{
	unsigned int n = ct_record->measures;

	ct_check(n < RECORD_MEASURES, "no room for measure %s: a record holds %d", name,
		 RECORD_MEASURES);
	snprintf(ct_record->measure[n].name, sizeof(ct_record->measure[n].name), "%s", name);
	snprintf(ct_record->measure[n].unit, sizeof(ct_record->measure[n].unit), "%s", unit);
	ct_record->measure[n].value = value;
	ct_record->measures = n + 1;
}

const char *ct_errno_name(int err)
{
	static _Thread_local char number[24];
	const char *name = strerrorname_np(err < 0 ? -err : err);

	if (name)
		return name;
	snprintf(number, sizeof(number), "errno %d", err < 0 ? -err : err);
	return number;
}

/* "tests/report.c" of however long a path. */
static const char *short_path(const char *file)
{
	const char *p = file + strlen(file);
	int slashes = 0;

	while (p > file && (p[-1] != '/' || ++slashes < 2))
		p--;
	return p;
}

void ct_expect_errno(int err, int ret, const char *what, const char *file, int line)
{
	char expected[24];

	if (ret == -err)
		return;
	if (ret == TARGET_UNABLE)
		ct_skip("%s", ct.t->unable);
	snprintf(expected, sizeof(expected), "%s", ct_errno_name(err));
	ct_check(ret <= 0, "%s returned %d, expected %s (%s:%d)", what, ret, expected,
		 short_path(file), line);
	ct_fail("%s returned %s, expected %s (%s:%d)", what, ct_errno_name(ret), expected,
		short_path(file), line);
}

u64 ct_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}
