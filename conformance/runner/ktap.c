/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * KTAP version 1 (Linux, Documentation/dev-tools/ktap.rst): one test a
 * requirement, one subtest a case. Readers look at ok and at SKIP, and take
 * every other "not ok" for a failure; so what does not fail the run is "ok".
 */
#include "text.h"
#include "version.h"
#include "view.h"

static void diagnostics(const struct run_case *rc, FILE *out)
{
	const struct record *r = rc->c.record;

	/* Four spaces: no line is to be taken for "# Subtest:". */
	text_print_lines(out, "  #    ", r->message);
	text_print_lines(out, "  #      ", r->notes);
	for (unsigned int i = 0; i < r->measures; i++)
		fprintf(out, "  #    %s: %g %s\n", r->measure[i].name, r->measure[i].value,
			r->measure[i].unit);
}

static void directive(const struct run_case *rc, FILE *out)
{
	const struct record *r = rc->c.record;

	switch (case_verdict(rc)) {
	case VERDICT_PASS:
		break;
	case VERDICT_SKIP:
		fputs(" # SKIP ", out);
		text_print_line(out, r->message);
		break;
	case VERDICT_NOT_CAPABLE:
		fputs(" # SKIP not capable: ", out);
		text_print_line(out, r->message);
		break;
	case VERDICT_FAIL:
		if (!verdict_fails(rc->req, VERDICT_FAIL))
			fputs(" # XFAIL the requirement is informative", out);
		break;
	case VERDICT_XFAIL:
		fprintf(out, " # XFAIL %s", r->deviation);
		break;
	case VERDICT_XPASS:
		fprintf(out, " # ERROR passed in spite of deviation %s", r->deviation);
		break;
	case VERDICT_HANG:
		fputs(" # TIMEOUT", out);
		break;
	case VERDICT_CRASH:
		fputs(" # ERROR the test's process crashed", out);
		break;
	case VERDICT_NOT_RUN:
	case VERDICT_RUNNING:
		fputs(" # ERROR not run", out);
		break;
	}
}

static bool not_ok(const struct run_case *rc)
{
	enum verdict verdict = case_verdict(rc);

	return verdict == VERDICT_NOT_RUN || verdict_fails(rc->req, verdict);
}

/* The cases [first, last) of one requirement. */
static void one_requirement(const struct run *run, size_t number, size_t first, size_t last,
			    FILE *out)
{
	const struct requirement *req = run->cases[first].req;
	bool failed = false, skipped = true;

	fprintf(out, "  KTAP version 1\n  # Subtest: %s\n  # %s\n  1..%zu\n", req->id, req->title,
		last - first);
	for (size_t i = first; i < last; i++) {
		const struct run_case *rc = &run->cases[i];

		if (case_verdict(rc) != VERDICT_SKIP) {
			diagnostics(rc, out);
			skipped = false;
		}
		fprintf(out, "  %s %zu %s:%s", not_ok(rc) ? "not ok" : "ok", i - first + 1,
			rc->c.test->name, rc->c.config_name);
		directive(rc, out);
		fputc('\n', out);
		failed |= not_ok(rc);
	}
	fprintf(out, "%s %zu %s%s\n", failed ? "not ok" : "ok", number, req->id,
		skipped ? " # SKIP every case was skipped" : "");
}

void ktap_view(const struct run *run, const struct summary *s, FILE *out)
{
	size_t first, last, number = 0;

	(void)s;
	for (first = 0; first < run->n_cases; first++)
		if (!first || run->cases[first].req != run->cases[first - 1].req)
			number++;
	fprintf(out, "KTAP version 1\n# iodirty %s, target %s, run %s\n1..%zu\n", IODIRTY_VERSION,
		run->driver->name, run->id, number);
	number = 0;
	for (first = 0; first < run->n_cases; first = last) {
		for (last = first; last < run->n_cases; last++)
			if (run->cases[last].req != run->cases[first].req)
				break;
		one_requirement(run, ++number, first, last, out);
	}
}
