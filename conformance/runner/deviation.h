/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Known ways in which a kernel does otherwise than a requirement says: the table is
 * made of conformance/deviations/ by conformance/gen_deviations.py.
 */
#ifndef IODIRTY_DEVIATION_H
#define IODIRTY_DEVIATION_H

#include "run.h"

/* Why a kernel deviates; several requirements may meet the same cause. */
struct deviation_cause {
	const char *id; /* "LINUX-003" */
	const char *title;
	const char *stake; /* "data-loss": what it costs */
	const char *text; /* why, by the source */
	const char *expected, *observed; /* of the program */
	const char *program; /* the smallest that shows it: conformance/deviations/... */
};

/* One requirement, in the cases and versions in which it was seen to fail. */
struct deviation {
	const struct deviation_cause *cause;
	const char *target;
	const char *requirement;
	const char *const *cases; /* globs of "test config", ended by NULL */
	const char *const *versions; /* "6.12": of the kernel's release */
	const char *const *messages; /* globs; what else is said is something else */
	const char *where; /* "uml", "machine" (not UML) or NULL: only there */
	enum verdict verdict; /* FAIL, HANG or CRASH */
	bool sometimes; /* a race: a pass contradicts nothing */
};

/* The last has no cause. */
extern const struct deviation deviations[];

/*
 * What @verdict is in the light of the table: XFAIL as listed, XPASS if it passed
 * against the list, else itself; r->deviation and r->message say so.
 */
enum verdict deviation_judge(const struct run *run, struct run_case *rc, enum verdict verdict);

#endif
