/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The AMD-Vi host table walk: AMD I/O Virtualization Technology (IOMMU)
 * Specification, 48882, section 2.2.3. Levels count from 1, as there. The
 * device table entry grants IR and IW, and its HAD field is 11b when @track.
 */
#include "pgtable/bits/amd-v1.h"
#include "walkers.h"

/* What one entry of a table of @level spans, bytes, log2. */
static unsigned int span_lg2(const struct hw_geometry *tables, unsigned int level)
{
	return tables->granule_lg2 + (level - 1) * tables->index_lg2;
}

static u64 field_ones(unsigned int bits)
{
	return (1ULL << bits) - 1;
}

/*
 * The page that an entry of @level maps, Next Level 0 or 7: its address and
 * size. False where the manual has no such page.
 */
static bool page_of(const struct hw_geometry *tables, u64 entry, unsigned int level, u64 *pa,
		    unsigned int *lg2)
{
	u64 field = (entry & AMDV1_ADDR_MASK) >> AMDV1_ADDR_SHIFT;
	unsigned int span = span_lg2(tables, level), coded;

	*lg2 = span;
	if ((entry & AMDV1_NEXT_LEVEL_MASK) >> AMDV1_NEXT_LEVEL_SHIFT == AMDV1_NEXT_LEVEL_CONTIG) {
		/*
		 * The lowest zero of the address field and the ones below it
		 * are no address: with n ones, the page is 2^(n + 1) granules.
		 * It fills at least the entry, and does not reach the size that
		 * an entry one level up has.
		 */
		coded = port_ctz(~field) + 1;
		field &= ~field_ones(coded);
		*lg2 = tables->granule_lg2 + coded;
		if (*lg2 < span || *lg2 >= span + tables->index_lg2)
			return false;
	}
	*pa = field << tables->granule_lg2;
	return !(*pa & field_ones(*lg2));
}

static enum iodirty_fault walk(struct hw_walk *w, struct hw_xlate *out)
{
	const struct hw_geometry *tables = w->tables;
	u64 *p, entry, pa, marked;
	unsigned int next, lg2;
	struct hw_place at;

	/* Wider than the levels of the device table entry's mode. */
	if (tables->input_lg2 < 64 && w->iova >> tables->input_lg2)
		return IODIRTY_FAULT_ADDRESS;
again:
	if (w->fault)
		return w->fault;
	/* Begin at the table that the device table entry points to. */
	at = (struct hw_place){
		.level = tables->levels,
		.lg2 = tables->input_lg2,
		.table = w->root,
		.allowed = AMDV1_IR | AMDV1_IW,
	};
	hw_walk_begin(w, &at);
	for (;;) {
		/* Each level picks an entry by its own bits of the address. */
		at.lg2 = span_lg2(tables, at.level);
		p = hw_walk_entry(w, at.table, w->iova >> at.lg2 & field_ones(tables->index_lg2));
		if (!p)
			return w->fault;
		entry = port_load(p);
		/* PR = 0: nothing there, whatever the other bits are. */
		if (!(entry & AMDV1_PR))
			return IODIRTY_FAULT_NOT_PRESENT;
		/* A permission must be given at every level. */
		at.allowed &= entry;
		next = (entry & AMDV1_NEXT_LEVEL_MASK) >> AMDV1_NEXT_LEVEL_SHIFT;
		if (next == AMDV1_NEXT_LEVEL_PAGE || next == AMDV1_NEXT_LEVEL_CONTIG)
			break;
		/* A directory entry leads down, by one level or by more. */
		if (next >= at.level)
			return IODIRTY_FAULT_BAD_TABLE;
		/* Address bits that skipped levels would have used must be 0. */
		if (w->iova & field_ones(at.lg2) & ~field_ones(span_lg2(tables, next + 1)))
			return IODIRTY_FAULT_NOT_PRESENT;
		/* Hardware that updates A does so in directory entries too. */
		if (w->track && !hw_walk_mark(w, p, entry, entry | AMDV1_A))
			goto again;
		at.table = (entry & AMDV1_ADDR_MASK) >> AMDV1_ADDR_SHIFT << tables->granule_lg2;
		at.level = next;
		at.lg2 = span_lg2(tables, next + 1);
		hw_walk_down(w, &at);
	}
	if (!page_of(tables, entry, at.level, &pa, &lg2))
		return IODIRTY_FAULT_BAD_TABLE;
	if (!(at.allowed & (w->write ? AMDV1_IW : AMDV1_IR)))
		return IODIRTY_FAULT_PERMISSION;
	/*
	 * The request will go on: A, and D for a write, in one atomic update. Of
	 * a page with several entries, it is the one this address picked.
	 */
	if (w->track) {
		marked = entry | AMDV1_A | (w->write ? AMDV1_D : 0);
		if (!hw_walk_mark(w, p, entry, marked))
			goto again;
		if (marked & ~entry & AMDV1_D)
			port_count(w->dirty_sets, 1);
		entry = marked;
	}
	*out = (struct hw_xlate){
		.pa = pa | (w->iova & field_ones(lg2)),
		.iova_first = w->iova & ~field_ones(lg2),
		.lg2 = lg2,
		.read = at.allowed & AMDV1_IR,
		.write = at.allowed & AMDV1_IW,
		.dirty = entry & AMDV1_D,
	};
	return IODIRTY_FAULT_NONE;
}

const struct hw_walker hw_walker_amd_v1 = { .format = "amd-v1", .walk = walk };
/* The same tables in granules of 2 KiB; the configuration says so. */
const struct hw_walker hw_walker_mock = { .format = "mock", .walk = walk };
