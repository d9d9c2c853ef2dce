/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who tracks what the devices of a guest write, when it is to be migrated: a small
 * library that a VMM can take as it is (workloads/policy.c). It allocates nothing, asks
 * nobody, and keeps no state: a VMM says what its sources of DMA can do, and does what
 * the answer says.
 *
 * It decides for each source by itself. That is right because bitmaps OR: a report is
 * complete for its source if it has every page that the source wrote, and the union of
 * complete reports is complete for all of them, whoever made each; two trackers of one
 * source do no harm. So one device without a log costs the others nothing, which an
 * answer for all at once (all by device, else all by IOMMU, else everything is dirty)
 * would make it. What does spread is a source that nobody tracks: all that it can reach
 * is dirty, in every round and in the last, so that it alone decides how long the guest
 * is stopped.
 */
#ifndef IODIRTY_POLICY_H
#define IODIRTY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum policy_tracker {
	POLICY_NOBODY = 0, /* all that it can reach is dirty */
	POLICY_IOMMU = 1, /* IOMMU_HWPT_SET_DIRTY_TRACKING, _GET_DIRTY_BITMAP */
	POLICY_DEVICE = 2, /* VFIO_DEVICE_FEATURE_DMA_LOGGING_* */
};

/*
 * One source of DMA: a device by its own requests, one PASID of it, or an mdev.
 * @device and @hwpt are the caller's numbers; sources with the same share that log, or
 * that HWPT, which is started once.
 */
struct policy_source {
	uint32_t device;
	uint32_t hwpt; /* what its DMA goes through; of no meaning with by_access */
	bool by_access; /* software, which reaches memory by the processor: no IOMMU sees it */
	bool iommu_tracks; /* the IOMMU in front of it can */
	bool hwpt_tracks; /* @hwpt was made for it: IOMMU_HWPT_ALLOC_DIRTY_TRACKING */
	bool stops; /* it can be stopped: a migration state, or another way that is sure */
	/*
	 * The log of @device covers this source and reports it by the guest's addresses.
	 * A log knows no PASIDs: it covers one only where that has the IOVAs of the device
	 * itself.
	 */
	bool has_log;
	uint64_t log_page; /* the smallest that it notes and reports, a power of two */
	uint64_t log_last; /* the last IOVA that it can note */
	uint64_t hwpt_page; /* the smallest that @hwpt reports */
};

/* Where the guest's memory is. */
struct policy_memory {
	uint64_t last; /* IOVA of its last byte */
	uint64_t page; /* what the VMM keeps a bit for */
};

struct policy_options {
	bool prefer_iommu; /* where both can: else the device, whose log is of its own */
	bool allow_all_dirty; /* what nobody tracks makes everything dirty; else: refused */
	bool require_stop; /* a source that cannot be stopped is refused: no report is the last */
};

/* The answer for one source. */
struct policy_choice {
	enum policy_tracker tracker;
	/* It is the first that needs this HWPT, or log: starting that for it does for all. */
	bool starts;
	const char *why; /* in words; NOBODY: why neither can */
};

/* The answer for all. */
struct policy_answer {
	bool refused; /* then nothing is to be started */
	size_t refused_by; /* the source */
	const char *why; /* refused: why; else NULL */
	size_t n_hwpts, n_logs; /* to be started */
	size_t n_nobody; /* sources that nobody tracks: with any, all memory is dirty */
	uint64_t page_size; /* to ask every tracker for: one bit is the same page to all */
};

/*
 * Decide for @n sources. @choices has room for them. Returns false, and the answer says
 * why, if they cannot be migrated so.
 */
bool policy_decide(const struct policy_options *options, const struct policy_memory *memory,
		   const struct policy_source *sources, size_t n, struct policy_choice *choices,
		   struct policy_answer *answer);

/* ---- while tracking is on ---- */

/* What to do about a source that comes or goes. Steps are in this order. */
enum policy_step {
	/* Comes: before its first DMA (before it is attached, or may be bus master). */
	POLICY_START_HWPT = 1 << 0,
	POLICY_START_LOG = 1 << 1,
	/* Goes: stop its DMA, collect what its tracker has, then let it go. */
	POLICY_COLLECT_HWPT = 1 << 2,
	POLICY_COLLECT_LOG = 1 << 3,
	/* Nobody else needs it. */
	POLICY_STOP_HWPT = 1 << 4,
	POLICY_STOP_LOG = 1 << 5,
	/* All memory counts as written once: what it wrote is not known, and will not be. */
	POLICY_ALL_DIRTY_ONCE = 1 << 6,
	/* All memory is dirty in every round from now on; or no longer, once it is over. */
	POLICY_ALL_DIRTY_BEGINS = 1 << 7,
	POLICY_ALL_DIRTY_ENDS = 1 << 8,
	/* Bits are of a larger page from now on: ask for @page_size. */
	POLICY_COARSER = 1 << 9,
};

struct policy_change {
	bool refused; /* it must not come; nothing changes */
	const char *why; /* in words */
	uint32_t steps; /* enum policy_step */
	uint64_t page_size; /* to ask for afterwards */
};

/*
 * @joined comes to the @n @sources of which policy_decide() made @choices: with the same
 * @options and @memory. *choice is its own. Returns false if it is refused.
 */
bool policy_join(const struct policy_options *options, const struct policy_memory *memory,
		 const struct policy_source *sources, const struct policy_choice *choices, size_t n,
		 const struct policy_source *joined, struct policy_choice *choice,
		 struct policy_change *change);

/*
 * The @index-th of @n goes. @gone: it has been pulled out already. What it wrote through
 * a HWPT is in the page tables, and stays for whoever collects while the HWPT exists; a
 * log is gone with its device. Who leaves has the choices of those that stay as they were,
 * but for starts, which passes to the next that shares its tracker.
 */
void policy_leave(const struct policy_memory *memory, const struct policy_source *sources,
		  struct policy_choice *choices, size_t n, size_t index, bool gone,
		  struct policy_change *change);

#endif
