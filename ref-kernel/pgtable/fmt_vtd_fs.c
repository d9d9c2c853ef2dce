/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Intel VT-d first-stage page tables of 4 levels; A and D are set always. */
#include "abi/iodirty.h"
#include "formats.h"
#include "pgtable/bits/vtd-fs.h"

#define GRANULE_LG2 12
#define INDEX_LG2 9

static bool present(u64 entry)
{
	return entry & VTDFS_P;
}

static bool is_table(u64 entry, unsigned int level)
{
	return present(entry) && level && !(entry & VTDFS_PS);
}

static u64 table_phys(u64 entry)
{
	return entry & VTDFS_ADDR_MASK;
}

static u64 make_table(u64 phys, unsigned int level)
{
	(void)level;
	return VTDFS_P | VTDFS_RW | VTDFS_US | VTDFS_A | phys;
}

/* What may be written may be read: there is no bit for reads. */
static u64 make_leaf(u64 pa, unsigned int lg2, unsigned int level, unsigned int prot)
{
	u64 entry = VTDFS_P | VTDFS_US | (pa & VTDFS_ADDR_MASK);

	(void)lg2;
	if (level)
		entry |= VTDFS_PS;
	if (prot & PGT_WRITE)
		entry |= VTDFS_RW;
	return entry;
}

static void decode(u64 entry, unsigned int level, struct pgt_leaf *leaf)
{
	leaf->lg2 = GRANULE_LG2 + level * INDEX_LG2;
	/* the lowest address bit of a large page is its PAT */
	leaf->pa = entry & VTDFS_ADDR_MASK & ~((1ULL << leaf->lg2) - 1);
	leaf->prot = PGT_READ | (entry & VTDFS_RW ? PGT_WRITE : 0);
}

const struct pgt_format pgt_vtd_fs = {
	.name = "vtd-fs",
	.granule_lg2 = GRANULE_LG2,
	.index_lg2 = INDEX_LG2,
	.levels = 4,
	.leaf_sizes = 1ULL << 12 | 1ULL << 21 | 1ULL << 30,
	/* Hardware translates canonical addresses; IOVAs are the lower half of them. */
	.aperture_last = (1ULL << 47) - 1,
	.output_lg2 = 52,
	/* Not MASKED: hardware may set EA in an entry that is dirty already. */
	.flags = IODIRTY_FORMAT_DIRTY | IODIRTY_FORMAT_DIRTY_PASID | IODIRTY_FORMAT_WRITE_READS |
		 IODIRTY_FORMAT_TAGS_PASID | IODIRTY_FORMAT_SKIP,
	.always = true,
	.present_mask = VTDFS_P,
	.dirty_mask = VTDFS_P | VTDFS_D,
	.dirty_value = VTDFS_P | VTDFS_D,
	.clean_clear = VTDFS_D,
	.dirty_set = VTDFS_A | VTDFS_D, /* hardware sets both */
	.accessed = VTDFS_A,
	.present = present,
	.is_table = is_table,
	.table_phys = table_phys,
	.make_table = make_table,
	.make_leaf = make_leaf,
	.decode = decode,
};
