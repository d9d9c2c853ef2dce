/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a migration would be, without one: its rounds, bytes and downtime, computed from a
 * workload's accesses and a few numbers. It shares nothing with precopy.c but the description
 * below, so that each can be held against the other.
 *
 * Time is that of the workload: tracking begins at 0, and so does the first round. A round
 * sends what is pending (the first: all memory), which takes bytes / link. Then a report is
 * made, which takes what struct predict_cost says, and has what was written until it began; the
 * rest is for the next. What it has is by the tracker:
 *	iommu	all of each leaf that was written to
 *	log	each page of 4 KiB that was written to
 *	mixed	device i by log, IOMMU, log, in turn
 *	type1, nobody	all memory
 * If that much can be sent within the downtime, or the most rounds are done, devices are
 * stopped, a last report is made, and what it and the one before have is sent: that, and the
 * report, is the downtime.
 */
#ifndef IODIRTY_WORKLOADS_PREDICT_H
#define IODIRTY_WORKLOADS_PREDICT_H

#include "migration.h"

/* What a report takes: measured in the same run, or the user's word. Nanoseconds. */
struct predict_cost {
	double call; /* by itself */
	double page; /* more for each page that is looked at: by IOPTE, so for a leaf only once */
	double dirty; /* and more for each leaf that is dirty */
};

/*
 * @o as migrate() has it; the link must be given, and the workload must have times. @r: as
 * migrate() fills it in, but for what only a real one has (verdict MIGRATION_PREDICTED, no
 * differing pages, no states). Memory may be up to 16 TiB: what is kept grows with what is
 * written, not with it.
 */
void migration_predict(const struct migration_options *o, const struct predict_cost *cost,
		       struct migration_result *r);

#endif
