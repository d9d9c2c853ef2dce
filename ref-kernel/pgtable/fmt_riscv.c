/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * RISC-V page tables as the first stage of an IOMMU with AMO_HWAD: Sv39, Sv48 and
 * Sv57 are the same entries in 3, 4 and 5 levels. Leaves are at every level, and
 * with Svnapot 16 entries of the lowest are one of 64 KiB.
 */
#include "abi/iodirty.h"
#include "formats.h"
#include "pgtable/bits/riscv.h"

#define GRANULE_LG2 12
#define INDEX_LG2 9
#define NAPOT_LG2 16
#define FLAGS                                                                             \
	(IODIRTY_FORMAT_DIRTY | IODIRTY_FORMAT_DIRTY_PASID | IODIRTY_FORMAT_WRITE_READS | \
	 IODIRTY_FORMAT_TAGS_PASID | IODIRTY_FORMAT_MASKED)

static bool present(u64 entry)
{
	return entry & RISCV_V;
}

static bool is_table(u64 entry, unsigned int level)
{
	return present(entry) && level && !(entry & (RISCV_R | RISCV_W | RISCV_X));
}

static u64 to_ppn(u64 phys)
{
	return phys >> GRANULE_LG2 << RISCV_PPN_SHIFT & RISCV_PPN_MASK;
}

static u64 table_phys(u64 entry)
{
	return (entry & RISCV_PPN_MASK) >> RISCV_PPN_SHIFT << GRANULE_LG2;
}

static u64 make_table(u64 phys, unsigned int level)
{
	(void)level;
	return RISCV_V | to_ppn(phys);
}

/*
 * A is set at once: nobody asks for it, and hardware without SADE faults for want of
 * it. What may be written may be read: W without R is reserved.
 */
static u64 make_leaf(u64 pa, unsigned int lg2, unsigned int level, unsigned int prot)
{
	u64 entry = RISCV_V | RISCV_R | RISCV_U | RISCV_A | to_ppn(pa);

	(void)level;
	if (lg2 == NAPOT_LG2)
		entry |= RISCV_N | RISCV_NAPOT_64K;
	if (prot & PGT_WRITE)
		entry |= RISCV_W;
	return entry;
}

static void decode(u64 entry, unsigned int level, struct pgt_leaf *leaf)
{
	leaf->lg2 = GRANULE_LG2 + level * INDEX_LG2;
	leaf->pa = table_phys(entry);
	leaf->prot = (entry & RISCV_R ? PGT_READ : 0) | (entry & RISCV_W ? PGT_WRITE : 0);
	if (entry & RISCV_N) {
		leaf->lg2 = NAPOT_LG2;
		leaf->pa &= ~((1ULL << NAPOT_LG2) - 1);
	}
}

/*
 * Addresses are sign-extended; IOVAs are the lower half of them. No VARIANT: a
 * modelled IOMMU reads the tables of one mode.
 */
#define RISCV_FORMAT(id, mode, nr_levels, sizes)                                          \
	const struct pgt_format id = {                                                    \
		.name = mode,                                                             \
		.granule_lg2 = GRANULE_LG2,                                               \
		.index_lg2 = INDEX_LG2,                                                   \
		.levels = nr_levels,                                                      \
		.leaf_sizes = 1ULL << 12 | 1ULL << NAPOT_LG2 | (sizes),                   \
		.aperture_last = (1ULL << (GRANULE_LG2 + INDEX_LG2 * (nr_levels)-1)) - 1, \
		.output_lg2 = 56,                                                         \
		.flags = FLAGS,                                                           \
		.always = true,                                                           \
		.present_mask = RISCV_V,                                                  \
		.dirty_mask = RISCV_V | RISCV_D,                                          \
		.dirty_value = RISCV_V | RISCV_D,                                         \
		.clean_clear = RISCV_D,                                                   \
		.several = RISCV_N,                                                       \
		.dirty_set = RISCV_A | RISCV_D, /* hardware sets both */                  \
		.present = present,                                                       \
		.is_table = is_table,                                                     \
		.table_phys = table_phys,                                                 \
		.make_table = make_table,                                                 \
		.make_leaf = make_leaf,                                                   \
		.decode = decode,                                                         \
	}

/* Mega-, giga-, tera- and petapages. */
RISCV_FORMAT(pgt_riscv_sv39, "riscv-sv39", 3, 1ULL << 21 | 1ULL << 30);
RISCV_FORMAT(pgt_riscv_sv48, "riscv-sv48", 4, 1ULL << 21 | 1ULL << 30 | 1ULL << 39);
RISCV_FORMAT(pgt_riscv_sv57, "riscv-sv57", 5, 1ULL << 21 | 1ULL << 30 | 1ULL << 39 | 1ULL << 48);
