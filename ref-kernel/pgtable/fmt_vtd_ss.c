/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Intel VT-d second-stage page tables of 4 levels, with SSADE. */
#include "abi/iodirty.h"
#include "formats.h"
#include "pgtable/bits/vtd-ss.h"

#define GRANULE_LG2 12
#define INDEX_LG2 9

static bool present(u64 entry)
{
	return entry & (VTDSS_R | VTDSS_W);
}

static bool is_table(u64 entry, unsigned int level)
{
	return present(entry) && level && !(entry & VTDSS_PS);
}

static u64 table_phys(u64 entry)
{
	return entry & VTDSS_ADDR_MASK;
}

static u64 make_table(u64 phys, unsigned int level)
{
	(void)level;
	return VTDSS_R | VTDSS_W | VTDSS_A | phys;
}

static u64 make_leaf(u64 pa, unsigned int lg2, unsigned int level, unsigned int prot)
{
	u64 entry = pa & VTDSS_ADDR_MASK;

	(void)lg2;
	if (level)
		entry |= VTDSS_PS;
	if (prot & PGT_READ)
		entry |= VTDSS_R;
	if (prot & PGT_WRITE)
		entry |= VTDSS_W;
	return entry;
}

static void decode(u64 entry, unsigned int level, struct pgt_leaf *leaf)
{
	leaf->lg2 = GRANULE_LG2 + level * INDEX_LG2;
	leaf->pa = entry & VTDSS_ADDR_MASK;
	leaf->prot = (entry & VTDSS_R ? PGT_READ : 0) | (entry & VTDSS_W ? PGT_WRITE : 0);
}

const struct pgt_format pgt_vtd_ss = {
	.name = "vtd-ss",
	.granule_lg2 = GRANULE_LG2,
	.index_lg2 = INDEX_LG2,
	.levels = 4,
	.leaf_sizes = 1ULL << 12 | 1ULL << 21 | 1ULL << 30,
	.aperture_last = (1ULL << 48) - 1,
	.output_lg2 = 52,
	.flags = IODIRTY_FORMAT_DIRTY | IODIRTY_FORMAT_NEST_PARENT | IODIRTY_FORMAT_DIRTY_PASID |
		 IODIRTY_FORMAT_MASKED | IODIRTY_FORMAT_SKIP,
	.present_mask = VTDSS_R | VTDSS_W,
	.dirty_mask = VTDSS_D,
	.dirty_value = VTDSS_D,
	.clean_clear = VTDSS_D,
	.dirty_set = VTDSS_A | VTDSS_D, /* hardware sets both */
	.accessed = VTDSS_A,
	.present = present,
	.is_table = is_table,
	.table_phys = table_phys,
	.make_table = make_table,
	.make_leaf = make_leaf,
	.decode = decode,
};
