/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "summary.h"

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[N_VERDICTS] = {
		[VERDICT_NOT_RUN] = "NOT_RUN", [VERDICT_RUNNING] = "RUNNING",
		[VERDICT_PASS] = "PASS",       [VERDICT_FAIL] = "FAIL",
		[VERDICT_SKIP] = "SKIP",       [VERDICT_XFAIL] = "XFAIL",
		[VERDICT_XPASS] = "XPASS",     [VERDICT_HANG] = "HANG",
		[VERDICT_CRASH] = "CRASH",     [VERDICT_NOT_CAPABLE] = "NOT_CAPABLE",
	};

	return names[verdict];
}

/* What was not run outweighs a pass, so that no half of a cell passes for it. */
static unsigned int weight(enum verdict verdict)
{
	static const unsigned char weights[N_VERDICTS] = {
		[VERDICT_SKIP] = 0,  [VERDICT_PASS] = 1,    [VERDICT_NOT_CAPABLE] = 2,
		[VERDICT_XFAIL] = 3, [VERDICT_RUNNING] = 4, [VERDICT_NOT_RUN] = 4,
		[VERDICT_XPASS] = 5, [VERDICT_HANG] = 6,    [VERDICT_CRASH] = 7,
		[VERDICT_FAIL] = 8,
	};

	return weights[verdict];
}

bool verdict_fails(const struct requirement *req, enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_FAIL:
		return req->class != REQUIREMENT_INFORMATIVE;
	case VERDICT_CRASH:
	case VERDICT_HANG:
	case VERDICT_XPASS:
		return true;
	default:
		return false;
	}
}

/* Cases stand by requirement, so a cell of this one is among the last. */
static struct cell *find_cell(struct summary *s, const struct run_case *rc)
{
	for (size_t i = s->n_cells; i > 0 && s->cells[i - 1].req == rc->req; i--)
		if (!strcmp(s->cells[i - 1].config, rc->c.config_name))
			return &s->cells[i - 1];
	s->cells[s->n_cells] = (struct cell){ .req = rc->req,
					      .config = rc->c.config_name,
					      .verdict = case_verdict(rc) };
	return &s->cells[s->n_cells++];
}

static bool exercised(const struct run *run, const struct requirement *req)
{
	for (size_t i = 0; i < run->n_cases; i++) {
		enum verdict verdict = case_verdict(&run->cases[i]);

		if (run->cases[i].req == req && verdict != VERDICT_SKIP &&
		    verdict != VERDICT_NOT_CAPABLE && verdict != VERDICT_NOT_RUN)
			return true;
	}
	return false;
}

static void set_outcome(const struct run *run, struct summary *s, bool failed)
{
	size_t ran = run->n_cases - s->cases[VERDICT_SKIP] - s->cases[VERDICT_NOT_CAPABLE] -
		     s->cases[VERDICT_NOT_RUN];

	if (!run->complete) {
		s->outcome = "interrupted";
		s->exit_code = EXIT_CODE_FAILED;
	} else if (failed) {
		s->outcome = "failed";
		s->exit_code = EXIT_CODE_FAILED;
	} else if (!ran) {
		s->outcome = "nothing-ran";
		s->exit_code = EXIT_CODE_NOTHING_RAN;
	} else {
		s->outcome = "passed";
		s->exit_code = EXIT_CODE_PASSED;
	}
}

void summarize(const struct run *run, struct summary *s)
{
	bool failed = false;

	*s = (struct summary){
		.cells = calloc(run->n_cases + 1, sizeof(*s->cells)),
		.unexercised = calloc(run->n_reqs + 1, sizeof(*s->unexercised)),
	};
	if (!s->cells || !s->unexercised)
		abort();

	for (size_t i = 0; i < run->n_cases; i++) {
		const struct run_case *rc = &run->cases[i];
		enum verdict verdict = case_verdict(rc);
		struct cell *cell = find_cell(s, rc);

		s->cases[verdict]++;
		if (weight(verdict) > weight(cell->verdict))
			cell->verdict = verdict;
		if (verdict_fails(rc->req, verdict))
			failed = true;
	}
	for (size_t i = 0; i < s->n_cells; i++)
		s->table[s->cells[i].verdict]++;
	for (size_t i = 0; i < run->n_reqs; i++)
		if (run->reqs[i]->class == REQUIREMENT_MANDATORY && !exercised(run, run->reqs[i]))
			s->unexercised[s->n_unexercised++] = run->reqs[i];
	set_outcome(run, s, failed);
}

void summary_free(struct summary *s)
{
	free(s->cells);
	free(s->unexercised);
}
