/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The AMD-Vi host table walk: AMD I/O Virtualization Technology (IOMMU)
 * Specification, 48882, section 2.2.3. Levels count from 1, as there. The
 * device table entry grants IR and IW, and its HAD field is 11b when @track.
 */
#include "pgtable/bits/amd-v1.h"
#include "walkers.h"

/* What one entry of a table of @level spans, bytes, log2. */
static unsigned int span_lg2(const struct hw_iommu_config *config, unsigned int level)
{
	return config->granule_lg2 + (level - 1) * config->index_lg2;
}

static u64 field_ones(unsigned int bits)
{
	return (1ULL << bits) - 1;
}

/*
 * The page that an entry of @level maps, Next Level 0 or 7: its address and
 * size. False where the manual has no such page.
 */
static bool page_of(const struct hw_iommu_config *config, u64 entry, unsigned int level, u64 *pa,
		    unsigned int *lg2)
{
	u64 field = (entry & AMDV1_ADDR_MASK) >> AMDV1_ADDR_SHIFT;
	unsigned int span = span_lg2(config, level), coded;

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
		*lg2 = config->granule_lg2 + coded;
		if (*lg2 < span || *lg2 >= span + config->index_lg2)
			return false;
	}
	*pa = field << config->granule_lg2;
	return !(*pa & field_ones(*lg2));
}

static enum iodirty_fault walk(const struct hw_iommu_config *config, u64 root_phys, u64 iova,
			       bool write, bool track, struct hw_xlate *out, u64 *dirty_sets)
{
	unsigned int level, next, lg2;
	u64 *table, *p, entry, allowed, pa, marks;

again:
	/* Begin at the table that the device table entry points to. */
	level = config->levels;
	table = port_phys_page(root_phys);
	allowed = AMDV1_IR | AMDV1_IW;
	for (;;) {
		/* Each level picks an entry by its own bits of the address. */
		p = &table[(iova >> span_lg2(config, level)) & field_ones(config->index_lg2)];
		entry = port_load(p);
		/* PR = 0: nothing there, whatever the other bits are. */
		if (!(entry & AMDV1_PR))
			return IODIRTY_FAULT_NOT_PRESENT;
		/* A permission must be given at every level. */
		allowed &= entry;
		next = (entry & AMDV1_NEXT_LEVEL_MASK) >> AMDV1_NEXT_LEVEL_SHIFT;
		if (next == AMDV1_NEXT_LEVEL_PAGE || next == AMDV1_NEXT_LEVEL_CONTIG)
			break;
		/* A directory entry leads down, by one level or by more. */
		if (next >= level)
			return IODIRTY_FAULT_BAD_TABLE;
		/* Address bits that skipped levels would have used must be 0. */
		if (iova & field_ones(span_lg2(config, level)) &
		    ~field_ones(span_lg2(config, next + 1)))
			return IODIRTY_FAULT_NOT_PRESENT;
		/* Hardware that updates A does so in directory entries too. */
		if (track && !hw_entry_mark(p, entry, AMDV1_A))
			goto again;
		table = port_phys_page((entry & AMDV1_ADDR_MASK) >> AMDV1_ADDR_SHIFT
									    << config->granule_lg2);
		level = next;
	}
	if (!page_of(config, entry, level, &pa, &lg2))
		return IODIRTY_FAULT_BAD_TABLE;
	if (!(allowed & (write ? AMDV1_IW : AMDV1_IR)))
		return IODIRTY_FAULT_PERMISSION;
	/*
	 * The request will go on: A, and D for a write, in one atomic update. Of
	 * a page with several entries, it is the one this address picked.
	 */
	if (track) {
		marks = write ? AMDV1_A | AMDV1_D : AMDV1_A;
		if (!hw_entry_mark(p, entry, marks))
			goto again;
		if (marks & ~entry & AMDV1_D)
			port_count(dirty_sets, 1);
		entry |= marks;
	}
	*out = (struct hw_xlate){
		.pa = pa | (iova & field_ones(lg2)),
		.iova_first = iova & ~field_ones(lg2),
		.lg2 = lg2,
		.read = allowed & AMDV1_IR,
		.write = allowed & AMDV1_IW,
		.dirty = entry & AMDV1_D,
	};
	return IODIRTY_FAULT_NONE;
}

const struct hw_walker hw_walker_amd_v1 = { .format = "amd-v1", .walk = walk };
/* The same tables in granules of 2 KiB; the configuration says so. */
const struct hw_walker hw_walker_mock = { .format = "mock", .walk = walk };
