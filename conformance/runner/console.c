/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For people: progress while it runs, then what went wrong, then the counts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "text.h"
#include "view.h"

#define FAILURES_SHOWN 50

/* ---- progress ---- */

static struct {
	bool *shown; /* by case, for --verbose */
	double last_time;
	size_t last_done;
	bool line; /* the terminal's cursor stands behind an updating line */
} progress;

static bool terminal(void)
{
	return isatty(STDERR_FILENO);
}

static void clear_line(void)
{
	if (progress.line)
		fputs("\r\033[K", stderr);
	progress.line = false;
}

static void show_ended(const struct run *run)
{
	if (!progress.shown)
		progress.shown = calloc(run->n_cases + 1, sizeof(*progress.shown));
	if (!progress.shown)
		abort();
	for (size_t i = 0; i < run->n_cases; i++) {
		const struct run_case *rc = &run->cases[i];

		if (progress.shown[i] || !case_ended(rc))
			continue;
		progress.shown[i] = true;
		clear_line();
		fprintf(stderr, "%-5s %s %s %s (%.2f s)\n", verdict_name(case_verdict(rc)),
			rc->req->id, rc->c.test->name, rc->c.config_name, rc->c.record->seconds);
	}
}

/* One line that is rewritten on a terminal; else one every 5 s, or 10 %. */
static void show_counts(const struct run *run, bool last)
{
	double now = monotonic_seconds();
	size_t done = 0, bad = 0;

	for (size_t i = 0; i < run->n_cases; i++) {
		const struct run_case *rc = &run->cases[i];

		done += case_ended(rc);
		bad += case_ended(rc) && verdict_fails(rc->req, case_verdict(rc));
	}
	if (terminal()) {
		if (progress.line && done == progress.last_done)
			return;
		progress.last_done = done;
		fprintf(stderr, "\r\033[K%zu of %zu cases, %zu failed", done, run->n_cases, bad);
		progress.line = true;
		return;
	}
	if (!last && now - progress.last_time < 5 &&
	    (done - progress.last_done) * 10 < run->n_cases)
		return;
	if (done == progress.last_done && last)
		return;
	fprintf(stderr, "%zu of %zu cases, %zu failed\n", done, run->n_cases, bad);
	progress.last_time = now;
	progress.last_done = done;
}

void console_progress(const struct run *run)
{
	if (!progress.last_time)
		progress.last_time = monotonic_seconds();
	if (run->verbose)
		show_ended(run);
	else
		show_counts(run, false);
	fflush(stderr);
}

void console_progress_end(const struct run *run)
{
	if (run->verbose)
		show_ended(run);
	else
		show_counts(run, true);
	clear_line();
	free(progress.shown);
	progress.shown = NULL;
}

/* ---- what came of it ---- */

static bool worth_showing(const struct run_case *rc)
{
	enum verdict verdict = case_verdict(rc);

	return verdict == VERDICT_FAIL || verdict_fails(rc->req, verdict);
}

static const char *class_note(const struct requirement *req)
{
	return req->class == REQUIREMENT_INFORMATIVE ? " (informative: does not fail the run)" : "";
}

static void show_in_full(const struct run_case *rc, FILE *out)
{
	const struct record *r = rc->c.record;

	fprintf(out, "\n%s %s: %s%s\n", verdict_name(case_verdict(rc)), rc->req->id, rc->req->title,
		class_note(rc->req));
	fprintf(out, "  test    %s (%s:%d)\n  config  %s\n  stake   %s\n", rc->c.test->name,
		rc->c.test->file, rc->c.test->line, rc->c.config_name, rc->req->stake);
	text_print_lines(out, "  ", r->message);
	text_print_lines(out, "    ", r->notes);
}

static void show_as_line(const struct run_case *rc, FILE *out)
{
	const char *message = rc->c.record->message;

	fprintf(out, "%-5s %s %s %s: %.*s\n", verdict_name(case_verdict(rc)), rc->req->id,
		rc->c.test->name, rc->c.config_name, text_line_length(message, 160), message);
}

static void show_failures(const struct run *run, FILE *out)
{
	size_t n = 0;

	for (size_t i = 0; i < run->n_cases; i++) {
		const struct run_case *rc = &run->cases[i];

		if (!worth_showing(rc))
			continue;
		if (!n)
			show_in_full(rc, out);
		else if (n <= FAILURES_SHOWN)
			show_as_line(rc, out);
		if (++n == 1)
			fputc('\n', out);
	}
	if (n > FAILURES_SHOWN + 1)
		fprintf(out, "... and %zu more\n", n - FAILURES_SHOWN - 1);
}

static void show_totals(const char *what, const size_t totals[N_VERDICTS], FILE *out)
{
	static const enum verdict order[] = {
		VERDICT_PASS,  VERDICT_FAIL,	    VERDICT_CRASH, VERDICT_HANG,    VERDICT_XPASS,
		VERDICT_XFAIL, VERDICT_NOT_CAPABLE, VERDICT_SKIP,  VERDICT_NOT_RUN,
	};

	fprintf(out, "%-30s", what);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (totals[order[i]] || order[i] == VERDICT_PASS)
			fprintf(out, "  %s %zu", verdict_name(order[i]), totals[order[i]]);
	fputc('\n', out);
}

/* What was written under harvests, by the tests that count it. */
static void show_traffic(const struct run *run, FILE *out)
{
	double writes = 0, harvests = 0;

	for (size_t i = 0; i < run->n_cases; i++) {
		const struct record *r = run->cases[i].c.record;

		for (unsigned int m = 0; m < r->measures; m++) {
			if (!strcmp(r->measure[m].name, "writes"))
				writes += r->measure[m].value;
			else if (!strcmp(r->measure[m].name, "harvests"))
				harvests += r->measure[m].value;
		}
	}
	if (writes > 0)
		fprintf(out, "%-30s  %.0f writes by DMA, %.0f harvests\n",
			"streams under harvests:", writes, harvests);
}

void console_view(const struct run *run, const struct summary *s, FILE *out)
{
	size_t failed = 0;

	show_failures(run, out);
	for (size_t i = 0; i < s->n_unexercised; i++)
		fprintf(out, "not exercised: %s %s\n", s->unexercised[i]->id,
			s->unexercised[i]->title);
	show_totals("requirement x configuration:", s->table, out);
	show_totals("cases:", s->cases, out);
	show_traffic(run, out);
	for (size_t i = 0; i < run->n_cases; i++)
		failed += verdict_fails(run->cases[i].req, case_verdict(&run->cases[i]));
	fprintf(out,
		"target %s, run %s, seed 0x%" PRIx64 ": %s: %zu cases, %zu passed, "
		"%zu failed, %zu skipped, %.1f s\n",
		run->driver->name, run->id, run->seed, s->outcome, run->n_cases,
		s->cases[VERDICT_PASS], failed, s->cases[VERDICT_SKIP], run->seconds);
}
