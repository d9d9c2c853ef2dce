/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The first-stage walk: Intel Virtualization Technology for Directed I/O,
 * Architecture Specification, section 3.6 for the walk, 3.6.1 for permissions,
 * 3.6.2 for A and D, 9.7 for the entries. Levels count from 1: FS-PTE 1, FS-PDE 2,
 * FS-PDPE 3, FS-PML4E 4. All requests are user requests for data. The PASID-table
 * entry has no EAFE, and nothing in it switches A and D: @track is not asked.
 */
#include "pgtable/bits/vtd-fs.h"
#include "walkers.h"

#define PAGE_LEVEL_MAX 3 /* an FS-PDPE maps 1 GiB; above it PS is reserved */

static u64 ones(unsigned int bits)
{
	return (1ULL << bits) - 1;
}

/* Are all bits from the highest that is translated upwards equal? */
static bool canonical(u64 iova, unsigned int bits)
{
	u64 upper = iova >> (bits - 1);

	return !upper || upper == ~0ULL >> (bits - 1);
}

static enum iodirty_fault walk(struct hw_walk *w, struct hw_xlate *out)
{
	const struct hw_geometry *g = w->tables;
	const unsigned int bits = g->granule_lg2 + g->levels * g->index_lg2;
	u64 *p, entry, pa, marked;
	struct hw_place at;

	if (!canonical(w->iova, bits))
		return IODIRTY_FAULT_ADDRESS;
again:
	if (w->fault)
		return w->fault;
	/* Begin at the table that the PASID-table entry's FSPTPTR names. */
	at = (struct hw_place){
		.level = g->levels,
		.lg2 = bits,
		.table = w->root,
		.allowed = VTDFS_RW | VTDFS_US,
	};
	hw_walk_begin(w, &at);
	for (;;) {
		/* Each level picks one of 512 entries by 9 bits of the address. */
		at.lg2 = g->granule_lg2 + (at.level - 1) * g->index_lg2;
		p = hw_walk_entry(w, at.table, w->iova >> at.lg2 & ones(g->index_lg2));
		if (!p)
			return w->fault;
		entry = port_load(p);
		/* P = 0: the rest of it is ignored. */
		if (!(entry & VTDFS_P))
			return IODIRTY_FAULT_NOT_PRESENT;
		/* R/W and U/S must be given at every level. */
		at.allowed &= entry;
		/* An FS-PTE maps a page, its bit 7 is PAT; others if PS. */
		if (at.level == 1 || (entry & VTDFS_PS))
			break;
		/* A is set in every paging-structure entry that is used. */
		if (!hw_walk_mark(w, p, entry, entry | VTDFS_A))
			goto again;
		at.table = entry & VTDFS_ADDR_MASK;
		at.level--;
		hw_walk_down(w, &at);
	}
	/* Reserved: PS above 1 GiB, and address bits below the page's size, but PAT. */
	pa = entry & VTDFS_ADDR_MASK;
	if (at.level > 1)
		pa &= ~VTDFS_PAT_LARGE;
	if (at.level > PAGE_LEVEL_MAX || (pa & ones(at.lg2)))
		return IODIRTY_FAULT_BAD_TABLE;
	if (!(at.allowed & VTDFS_US) || (w->write && !(at.allowed & VTDFS_RW)))
		return IODIRTY_FAULT_PERMISSION;
	/* In the entry that maps the page A, and for a write D, in one locked update. */
	marked = entry | VTDFS_A | (w->write ? VTDFS_D : 0);
	if (!hw_walk_mark(w, p, entry, marked))
		goto again;
	if (marked & ~entry & VTDFS_D)
		port_count(w->dirty_sets, 1);
	*out = (struct hw_xlate){
		.pa = pa | (w->iova & ones(at.lg2)),
		.iova_first = w->iova & ~ones(at.lg2),
		.lg2 = at.lg2,
		.read = true,
		.write = at.allowed & VTDFS_RW,
		.dirty = marked & VTDFS_D,
	};
	return IODIRTY_FAULT_NONE;
}

const struct hw_walker hw_walker_vtd_fs = { .format = "vtd-fs", .always = true, .walk = walk };
