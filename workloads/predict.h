/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a migration would be, without one: its rounds, bytes and downtime, computed from a
 * workload's accesses and a few numbers. It shares nothing with precopy.c but the description
 * below, so that each can be held against the other.
 *
 * Time is that of the workload, which begins again when it is over, in whole nanoseconds (of what
 * is computed the rest is dropped). Tracking begins at 0, and so does the first round. A round
 * sends what is pending (the first: all memory), which takes bytes / link. Then a report is made,
 * which takes what struct predict_cost says, and has what was written since the one before began,
 * until it began; the rest is for the next. A write is made at its time, in none, to each page
 * that it has a byte in; at the moment at which a report begins it is for the next. What a report
 * has is by the tracker, page by page, each once:
 *	iommu	all of each leaf that was written to
 *	log	each page that was written to
 *	mixed	device i by log, IOMMU, log, in turn
 *	type1, nobody	all memory, always
 * A page is of machine.granule bytes, for logs beside IOMMUs too, or of 4 KiB if that is 0, and by
 * log and nobody. A leaf is one of machine.leaf bytes, or a page if that is 0 or leaves are split;
 * the first begins where memory does, as does the first page.
 *
 * The next round begins when the report has ended. But if what it has can be sent within the
 * downtime (which counts no report), or the most rounds are done, devices are stopped instead, a
 * last report is made, and what it and the one before have, each page once, is sent: that, and
 * the last report, is the downtime.
 */
#ifndef IODIRTY_WORKLOADS_PREDICT_H
#define IODIRTY_WORKLOADS_PREDICT_H

#include "migration.h"

/*
 * What a report takes: measured in the same run, or the user's word. Nanoseconds. Logs have no
 * IOPTEs to be looked at, and who reports all memory has nothing to look at.
 */
struct predict_cost {
	double call; /* by itself */
	double page; /* iommu, mixed: more for each page that is looked at: an IOPTE, so a leaf */
	double dirty; /* iommu, log, mixed: more for each leaf, or page of a log, that is dirty */
};

/*
 * @o as migrate() has it; the link must be given, and the workload must have times. Shapes are
 * those of machine.devices devices; a workload by name has devices of its own. @r: as migrate()
 * fills it in, the last of @rounds being the one after the stop, but for what only a real one has
 * (verdict MIGRATION_PREDICTED or MIGRATION_FAILED, no differing pages, no states). Memory may be
 * up to 16 TiB, of which a workload may use only the beginning: what is kept grows with what is
 * written, not with it. It ends early, and fails, if migration_interrupted is set.
 */
void migration_predict(const struct migration_options *o, const struct predict_cost *cost,
		       struct migration_result *r);

#endif
