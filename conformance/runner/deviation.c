/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "deviation.h"

/* Does the running kernel say of itself that it is user-mode Linux? */
static bool user_mode_linux(void)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "vendor_id", 9) && strstr(line, "User Mode Linux");
	if (file)
		fclose(file);
	return found;
}

static bool here(const struct deviation *d)
{
	return !d->where || user_mode_linux() == !strcmp(d->where, "uml");
}

/* "6.12" is 6.12, 6.12.117 and 6.12-rc1, and not 6.120. */
static bool running(const char *const *versions)
{
	struct utsname u;

	uname(&u);
	for (; *versions; versions++) {
		size_t length = strlen(*versions);

		if (!strncmp(u.release, *versions, length) &&
		    (u.release[length] < '0' || u.release[length] > '9'))
			return true;
	}
	return false;
}

static bool any_matches(const char *const *globs, const char *text)
{
	for (; *globs; globs++)
		if (!fnmatch(*globs, text, 0))
			return true;
	return false;
}

static bool is_about(const struct deviation *d, const struct run *run, const struct run_case *rc)
{
	char name[256];

	if (strcmp(d->target, run->driver->name) || strcmp(d->requirement, rc->req->id))
		return false;
	snprintf(name, sizeof(name), "%s %s", rc->c.test->name, rc->c.config_name);
	return any_matches(d->cases, name) && running(d->versions) && here(d);
}

enum verdict deviation_judge(const struct run *run, struct run_case *rc, enum verdict verdict)
{
	struct record *r = rc->c.record;
	const struct deviation *listed = NULL;
	bool may_pass = false;

	if (verdict == VERDICT_SKIP || verdict == VERDICT_NOT_CAPABLE)
		return verdict;
	for (const struct deviation *d = deviations; d->cause; d++) {
		if (!is_about(d, run, rc))
			continue;
		if (verdict == d->verdict && any_matches(d->messages, r->message)) {
			snprintf(r->deviation, sizeof(r->deviation), "%s", d->cause->id);
			return VERDICT_XFAIL;
		}
		listed = d;
		may_pass |= d->sometimes;
	}
	if (verdict != VERDICT_PASS || !listed || may_pass)
		return verdict;
	snprintf(r->deviation, sizeof(r->deviation), "%s", listed->cause->id);
	snprintf(r->message, sizeof(r->message),
		 "passed although %s lists it for this kernel: take it from the entry in "
		 "conformance/deviations/",
		 listed->cause->id);
	return VERDICT_XPASS;
}
