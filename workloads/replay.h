/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A workload performed as DMA, record by record, with a harvest of all memory at the end of
 * each round. Rounds are of the workload's time, at any pace: round k has the records of
 * [k * round_ns, (k + 1) * round_ns), so what each harvest is to report follows from the
 * workload alone.
 */
#ifndef IODIRTY_WORKLOADS_REPLAY_H
#define IODIRTY_WORKLOADS_REPLAY_H

#include <signal.h>
#include <stdio.h>

#include "space.h"

#define REPLAY_ROUNDS 10000 /* the most */
#define REPLAY_PASIDS 256 /* of all devices */

struct replay_round {
	uint64_t records, writes;
	uint64_t bytes; /* written */
	uint64_t reported; /* pages */
	uint64_t harvest_ns;
};

struct replay {
	/* Given. */
	struct workload *w;
	struct space_options space_options;
	uint64_t round_ns;
	unsigned int rounds_limit; /* 0: as many as the workload has, or 10 if it has no end */
	double pace; /* times as fast as recorded; 0: flat out */
	bool merge; /* one device has all records */
	/* A round is over: @bitmap has a bit for each of @pages. False: give up. NULL: nobody is
	 * to be told. */
	bool (*deliver)(struct replay *r, const uint64_t *bitmap);
	void *context; /* of that */

	/* What became of it. */
	struct space space;
	uint64_t pages;
	struct replay_round *rounds;
	unsigned int n_planned, n_rounds; /* to be done; done */
	uint64_t lag_ns; /* the most that it fell behind */
	bool interrupted;
	int exit_code; /* enum exit_code */
	char error[256]; /* if that is not 0 */

	/* private */
	struct space_pasid pasids[REPLAY_PASIDS];
	size_t n_pasids;
	uint64_t *bitmap;
	struct access next;
	bool has_next;
	uint64_t record; /* number of @next, from 1 */
	uint64_t start_ns; /* by the clock */
};

/* Set by a signal: give up soon. */
extern volatile sig_atomic_t replay_interrupted;

/* As far as it goes: true if to the end. replay_close() in any case; @w stays the caller's. */
bool replay_open(struct replay *r);
bool replay_run(struct replay *r);
void replay_close(struct replay *r);

/* replay_show.c */
void replay_print(const struct replay *r, FILE *out);
/* @target: as it was asked for. */
void replay_json(const struct replay *r, const char *target, int argc, char **argv, FILE *out);

#endif
