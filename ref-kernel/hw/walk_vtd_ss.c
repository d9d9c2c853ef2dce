/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second-stage walk: Intel Virtualization Technology for Directed I/O,
 * Architecture Specification, section 3.7 for the walk, 3.7.2 for A and D, 9.8
 * for the entries. Levels count from 1: SS-PTE 1, SS-PDE 2, SS-PDPE 3, SS-PML4E
 * 4. The PASID-table entry has SSADE set when @track.
 */
#include "pgtable/bits/vtd-ss.h"
#include "walkers.h"

#define PAGE_LEVEL_MAX 3 /* an SS-PDPE maps 1 GiB; above it PS is reserved */

static u64 ones(unsigned int bits)
{
	return (1ULL << bits) - 1;
}

static enum iodirty_fault walk(struct hw_walk *w, struct hw_xlate *out)
{
	const struct hw_geometry *g = w->tables;
	u64 *p, entry, pa, marked;
	struct hw_place at;

	/* An address wider than the tables' is blocked. */
	if (w->iova >> g->input_lg2)
		return IODIRTY_FAULT_ADDRESS;
again:
	if (w->fault)
		return w->fault;
	/* Begin at the table that the PASID-table entry's SSPTPTR names. */
	at = (struct hw_place){
		.level = g->levels,
		.lg2 = g->input_lg2,
		.table = w->root,
		.allowed = VTDSS_R | VTDSS_W,
	};
	hw_walk_begin(w, &at);
	for (;;) {
		/* Each level picks one of 512 entries by 9 bits of the address. */
		at.lg2 = g->granule_lg2 + (at.level - 1) * g->index_lg2;
		p = hw_walk_entry(w, at.table, w->iova >> at.lg2 & ones(g->index_lg2));
		if (!p)
			return w->fault;
		entry = port_load(p);
		/* Neither R nor W: not present, the rest of it is ignored. */
		if (!(entry & (VTDSS_R | VTDSS_W)))
			return IODIRTY_FAULT_NOT_PRESENT;
		/* A permission must be given at every level. */
		at.allowed &= entry;
		/* An SS-PTE maps a page, its bit 7 is ignored; others if PS. */
		if (at.level == 1 || (entry & VTDSS_PS))
			break;
		/* A is set in every paging-structure entry that is used. */
		if (w->track && !hw_walk_mark(w, p, entry, entry | VTDSS_A))
			goto again;
		at.table = entry & VTDSS_ADDR_MASK;
		at.level--;
		hw_walk_down(w, &at);
	}
	/* Reserved: PS above 1 GiB, and address bits below the page's size. */
	pa = entry & VTDSS_ADDR_MASK;
	if (at.level > PAGE_LEVEL_MAX || (pa & ones(at.lg2)))
		return IODIRTY_FAULT_BAD_TABLE;
	if (!(at.allowed & (w->write ? VTDSS_W : VTDSS_R)))
		return IODIRTY_FAULT_PERMISSION;
	/*
	 * A translation that succeeds sets A in the entry that maps the page,
	 * and for a write D, in one locked update of an entry still as it was.
	 */
	if (w->track) {
		marked = entry | VTDSS_A | (w->write ? VTDSS_D : 0);
		if (!hw_walk_mark(w, p, entry, marked))
			goto again;
		if (marked & ~entry & VTDSS_D)
			port_count(w->dirty_sets, 1);
		entry = marked;
	}
	*out = (struct hw_xlate){
		.pa = pa | (w->iova & ones(at.lg2)),
		.iova_first = w->iova & ~ones(at.lg2),
		.lg2 = at.lg2,
		.read = at.allowed & VTDSS_R,
		.write = at.allowed & VTDSS_W,
		.dirty = entry & VTDSS_D,
	};
	return IODIRTY_FAULT_NONE;
}

const struct hw_walker hw_walker_vtd_ss = { .format = "vtd-ss", .walk = walk };
