/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A VMM whose sources of DMA are tracked as the policy says: it is asked, and what that
 * answers is done on the target, to the letter.
 */
#ifndef IODIRTY_TESTS_POLICY_VMM_H
#define IODIRTY_TESTS_POLICY_VMM_H

#include "ct.h"
#include "policy.h"

#define VMM_SOURCES 6
#define VMM_PAGES 64 /* of memory, in those of reports */

struct vmm_source {
	int fd;
	u32 id, dev; /* of the device: as it was plugged, as it was bound */
	u32 pasid; /* its writes carry; 0: none */
};

struct vmm {
	struct scene s; /* whose own device is attached to nothing */
	struct policy_options options;
	struct policy_memory memory;
	bool plain; /* HWPTs are not made for tracking, from here on */
	/* Side by side, as the policy takes them. */
	struct vmm_source sources[VMM_SOURCES];
	struct policy_source can[VMM_SOURCES];
	struct policy_choice choices[VMM_SOURCES];
	size_t n;
	struct policy_answer answer;
	u64 page; /* of reports */
	struct ct_shadow *truth; /* in pages of @page */
	struct ct_bitmap pending; /* collected of those that left */
	bool all_dirty, all_dirty_once;
};

void vmm_open(struct vmm *v);
/* A device, plugged, opened, bound and attached, but no bus master yet. What it can do is
 * found out by asking. */
void vmm_add(struct vmm *v, u32 kind, u32 flags);
/* One, and PASID 3 of it as another source, over the same memory. */
void vmm_add_with_pasid(struct vmm *v, u32 flags);
/* Ask, and start what is to be started; false: refused, nothing was started. */
bool vmm_start(struct vmm *v);
/* One more, as vmm_add() and vmm_start(): false: refused, and it is away again. */
bool vmm_join(struct vmm *v, u32 kind, u32 flags);
/* Source @i goes, told before or pulled out. */
void vmm_leave(struct vmm *v, size_t i, bool gone);

/* Source @i writes a byte of page @page. */
void vmm_write(struct vmm *v, size_t i, u64 page);
/* The union of all reports: just what was written since the last, or all. */
void vmm_expect(struct vmm *v);
void vmm_expect_tracker(const struct vmm *v, size_t i, enum policy_tracker tracker);

#endif
