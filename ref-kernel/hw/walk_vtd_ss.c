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

static enum iodirty_fault walk(const struct hw_iommu_config *config, u64 root_phys, u64 iova,
			       bool write, bool track, struct hw_xlate *out, u64 *dirty_sets)
{
	u64 *table, *p, entry, allowed, pa, marks;
	unsigned int level, lg2;

again:
	/* Begin at the table that the PASID-table entry's SSPTPTR names. */
	level = config->levels;
	table = port_phys_page(root_phys);
	allowed = VTDSS_R | VTDSS_W;
	for (;;) {
		/* Each level picks one of 512 entries by 9 bits of the address. */
		lg2 = config->granule_lg2 + (level - 1) * config->index_lg2;
		p = &table[(iova >> lg2) & ones(config->index_lg2)];
		entry = port_load(p);
		/* Neither R nor W: not present, the rest of it is ignored. */
		if (!(entry & (VTDSS_R | VTDSS_W)))
			return IODIRTY_FAULT_NOT_PRESENT;
		/* A permission must be given at every level. */
		allowed &= entry;
		/* An SS-PTE maps a page, its bit 7 is ignored; others if PS. */
		if (level == 1 || (entry & VTDSS_PS))
			break;
		/* A is set in every paging-structure entry that is used. */
		if (track && !hw_entry_mark(p, entry, VTDSS_A))
			goto again;
		table = port_phys_page(entry & VTDSS_ADDR_MASK);
		level--;
	}
	/* Reserved: PS above 1 GiB, and address bits below the page's size. */
	pa = entry & VTDSS_ADDR_MASK;
	if (level > PAGE_LEVEL_MAX || (pa & ones(lg2)))
		return IODIRTY_FAULT_BAD_TABLE;
	if (!(allowed & (write ? VTDSS_W : VTDSS_R)))
		return IODIRTY_FAULT_PERMISSION;
	/*
	 * A translation that succeeds sets A in the entry that maps the page,
	 * and for a write D, in one locked update of an entry still as it was.
	 */
	if (track) {
		marks = write ? VTDSS_A | VTDSS_D : VTDSS_A;
		if (!hw_entry_mark(p, entry, marks))
			goto again;
		if (marks & ~entry & VTDSS_D)
			port_count(dirty_sets, 1);
		entry |= marks;
	}
	*out = (struct hw_xlate){
		.pa = pa | (iova & ones(lg2)),
		.iova_first = iova & ~ones(lg2),
		.lg2 = lg2,
		.read = allowed & VTDSS_R,
		.write = allowed & VTDSS_W,
		.dirty = entry & VTDSS_D,
	};
	return IODIRTY_FAULT_NONE;
}

const struct hw_walker hw_walker_vtd_ss = { .format = "vtd-ss", .walk = walk };
