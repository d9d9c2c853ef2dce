/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "replay.h"

#define ENDLESS_ROUNDS 10
#define SECOND ((uint64_t)1000000000)

volatile sig_atomic_t replay_interrupted;

static bool fail(struct replay *r, int exit_code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool fail(struct replay *r, int exit_code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, args);
	va_end(args);
	r->exit_code = exit_code;
	return false;
}

static bool in_space(struct replay *r, bool good)
{
	return good || fail(r, r->space.exit_code, "%s", r->space.error);
}

static bool interrupted(struct replay *r)
{
	r->interrupted = replay_interrupted;
	if (r->interrupted)
		fail(r, EXIT_CODE_FAILED, "interrupted after %u of %u rounds", r->n_rounds,
		     r->n_planned);
	return r->interrupted;
}

/* ---- what is to come ---- */

/* The workload's next access is @next, if @has_next. False: it could not be read. */
static bool fetch(struct replay *r)
{
	int ret = r->w->next(r->w, &r->next);

	r->record++;
	r->has_next = ret > 0;
	return ret >= 0 || fail(r, EXIT_CODE_FAILED, "%s", r->w->error);
}

static unsigned int performer(const struct replay *r)
{
	return r->merge ? 0 : r->next.device;
}

static bool note_pasid(struct replay *r)
{
	struct space_pasid p = { .device = performer(r), .pasid = r->next.pasid };

	for (size_t i = r->n_pasids; i-- > 0;)
		if (r->pasids[i].device == p.device && r->pasids[i].pasid == p.pasid)
			return true;
	if (r->n_pasids == REPLAY_PASIDS)
		return fail(r, EXIT_CODE_USAGE, "the workload has more than %d PASIDs",
			    REPLAY_PASIDS);
	r->pasids[r->n_pasids++] = p;
	return true;
}

/*
 * How many rounds it has, and which PASIDs, none of which must come as a surprise later: by
 * reading all of it once.
 */
static bool look_ahead(struct replay *r)
{
	uint64_t most = r->rounds_limit ? r->rounds_limit :
			r->w->ns	? REPLAY_ROUNDS + 1 :
					  ENDLESS_ROUNDS;
	uint64_t rounds = r->w->ns ? (r->w->ns - 1) / r->round_ns + 1 : 1, of;

	for (;;) {
		if (interrupted(r) || !fetch(r))
			return false;
		of = r->has_next ? r->next.ns / r->round_ns : 0;
		if (!r->has_next || of >= most)
			break;
		rounds = rounds > of ? rounds : of + 1;
		if (r->next.pasid && !note_pasid(r))
			return false;
	}
	if (of >= most || rounds > most)
		rounds = most;
	if (rounds > REPLAY_ROUNDS)
		return fail(r, EXIT_CODE_USAGE,
			    "the workload has more than %d rounds: take a larger --round, or "
			    "--rounds to do only the first",
			    REPLAY_ROUNDS);
	r->n_planned = rounds;
	r->w->rewind(r->w);
	r->record = 0;
	return fetch(r);
}

bool replay_open(struct replay *r)
{
	if (!look_ahead(r) || !in_space(r, space_open(&r->space, &r->space_options, r->w)) ||
	    !in_space(r,
		      space_start(&r->space, r->merge ? 1 : r->w->devices, r->pasids, r->n_pasids)))
		return false;
	r->pages = r->space.length / r->space.page;
	r->bitmap = calloc((r->pages + 63) / 64, sizeof(*r->bitmap));
	r->rounds = calloc(r->n_planned, sizeof(*r->rounds));
	return (r->bitmap && r->rounds) || fail(r, EXIT_CODE_FAILED, "no memory");
}

void replay_close(struct replay *r)
{
	space_close(&r->space);
	free(r->bitmap);
	free(r->rounds);
}

/* ---- time ---- */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* Until the moment @ns of the workload has come. A signal ends it sooner. */
static void wait_for(struct replay *r, uint64_t ns)
{
	uint64_t due, at;
	struct timespec t;

	if (!r->pace)
		return;
	due = r->start_ns + (uint64_t)(ns / r->pace);
	at = now();
	if (at >= due) {
		r->lag_ns = at - due > r->lag_ns ? at - due : r->lag_ns;
		return;
	}
	t.tv_sec = due / SECOND;
	t.tv_nsec = due % SECOND;
	while (!replay_interrupted &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	at = now();
	if (at > due)
		r->lag_ns = at - due > r->lag_ns ? at - due : r->lag_ns;
}

/* ---- rounds ---- */

static bool perform(struct replay *r, struct replay_round *round, uint64_t end)
{
	while (r->has_next && r->next.ns < end) {
		wait_for(r, r->next.ns);
		if (interrupted(r) ||
		    !in_space(r, space_access(&r->space, performer(r), &r->next, r->record)))
			return false;
		round->records++;
		round->writes += r->next.write;
		round->bytes += r->next.write ? r->next.length : 0;
		if (!fetch(r))
			return false;
	}
	wait_for(r, end);
	return !interrupted(r);
}

static bool harvest(struct replay *r, struct replay_round *round)
{
	size_t words = (r->pages + 63) / 64;
	uint64_t start;

	memset(r->bitmap, 0, words * sizeof(*r->bitmap));
	start = now();
	if (!in_space(r, space_harvest(&r->space, r->bitmap)))
		return false;
	round->harvest_ns = now() - start;
	for (size_t i = 0; i < words; i++)
		round->reported += __builtin_popcountll(r->bitmap[i]);
	return true;
}

bool replay_run(struct replay *r)
{
	r->start_ns = now();
	while (r->n_rounds < r->n_planned) {
		struct replay_round *round = &r->rounds[r->n_rounds];

		if (!perform(r, round, (r->n_rounds + 1) * r->round_ns) || !harvest(r, round))
			return false;
		r->n_rounds++;
		if (r->deliver && !r->deliver(r, r->bitmap))
			return fail(r, EXIT_CODE_FAILED, "the report of round %u is lost",
				    r->n_rounds - 1);
	}
	return true;
}
