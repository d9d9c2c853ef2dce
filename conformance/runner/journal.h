/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The journal lets a run outlive the kernel that it tests. Where the environment
 * names a file in IODIRTY_JOURNAL, the run keeps account in it, one case at a time;
 * started again with the same file, it takes over what is there and goes on.
 *
 * The file is JSON, an object a line, each on disk before what follows it happens:
 *
 *	{"plan": HASH, "seed": "0x...", "started": SECONDS}	the first line
 *	{"start": INDEX, "case": TEXT, "timeout": SECONDS}
 *	{"end": INDEX, "verdict": ..., "message": ..., ...}
 *	{"died": "CRASH" or "HANG", "message": TEXT, "notes": TEXT}
 *	{"done": true}						the last one
 *
 * A "died" is written by who watches from outside, ci/lab: it is the verdict of the
 * case that was started last. When nothing is written for longer than the timeout
 * of the case that was started, and some grace, the kernel hangs.
 */
#ifndef IODIRTY_JOURNAL_H
#define IODIRTY_JOURNAL_H

#include "run.h"

struct journal;

/*
 * Once the plan is made: take over what the journal holds. enum exit_code; what is
 * wrong has been told on stderr. Without IODIRTY_JOURNAL nothing is done, by any of
 * these.
 */
int journal_open(struct run *run);
void journal_start(const struct run *run, size_t index);
void journal_end(const struct run *run, size_t index);
/* Every case has its verdict. */
void journal_done(const struct run *run);
void journal_close(struct run *run);

#endif
