/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * AMD-Vi host page tables with hardware dirty bits (HAD), and `mock`, the same
 * entries over a granule of 2 KiB, as the kernel's test driver has them. The
 * levels here count from 0, the manual's from 1.
 */
#include "abi/iodirty.h"
#include "abi/iommufd_test.h"
#include "formats.h"
#include "pgtable/bits/amd-v1.h"

#define INDEX_LG2 9

static bool present(u64 entry)
{
	return entry & AMDV1_PR;
}

static unsigned int next_level(u64 entry)
{
	return (entry & AMDV1_NEXT_LEVEL_MASK) >> AMDV1_NEXT_LEVEL_SHIFT;
}

/* We never skip a level: a table one below is the manual's level @level. */
static bool is_table(u64 entry, unsigned int level)
{
	return present(entry) && level && next_level(entry) == level;
}

/* The address field counts granules. */
static inline u64 field(u64 entry)
{
	return (entry & AMDV1_ADDR_MASK) >> AMDV1_ADDR_SHIFT;
}

static inline u64 to_field(u64 granules)
{
	return granules << AMDV1_ADDR_SHIFT & AMDV1_ADDR_MASK;
}

static inline u64 make_table(u64 phys, unsigned int level, unsigned int granule_lg2)
{
	return AMDV1_PR | AMDV1_A | AMDV1_IR | AMDV1_IW | to_field(phys >> granule_lg2) |
	       (u64)level << AMDV1_NEXT_LEVEL_SHIFT;
}

static inline u64 make_leaf(u64 pa, unsigned int lg2, unsigned int level, unsigned int prot,
			    unsigned int granule_lg2)
{
	u64 granules = pa >> granule_lg2;
	u64 entry = AMDV1_PR;

	if (lg2 != granule_lg2 + level * INDEX_LG2) {
		/* 2^(n + 1) granules: n ones below a zero */
		granules |= (1ULL << (lg2 - granule_lg2 - 1)) - 1;
		entry |= (u64)AMDV1_NEXT_LEVEL_CONTIG << AMDV1_NEXT_LEVEL_SHIFT;
	}
	if (prot & PGT_READ)
		entry |= AMDV1_IR;
	if (prot & PGT_WRITE)
		entry |= AMDV1_IW;
	return entry | to_field(granules);
}

static inline void decode(u64 entry, unsigned int level, struct pgt_leaf *leaf,
			  unsigned int granule_lg2)
{
	leaf->lg2 = granule_lg2 + level * INDEX_LG2;
	if (next_level(entry) == AMDV1_NEXT_LEVEL_CONTIG)
		leaf->lg2 = granule_lg2 + port_ctz(~field(entry)) + 1;
	leaf->pa = field(entry) << granule_lg2 & ~((1ULL << leaf->lg2) - 1);
	leaf->prot = (entry & AMDV1_IR ? PGT_READ : 0) | (entry & AMDV1_IW ? PGT_WRITE : 0);
}

/* The functions of @fmt, whose granule is 2^@lg2. */
#define GRANULE_FUNCTIONS(fmt, lg2)                                                    \
	static u64 fmt##_table_phys(u64 entry)                                         \
	{                                                                              \
		return field(entry) << (lg2);                                          \
	}                                                                              \
	static u64 fmt##_make_table(u64 phys, unsigned int level)                      \
	{                                                                              \
		return make_table(phys, level, lg2);                                   \
	}                                                                              \
	static u64 fmt##_make_leaf(u64 pa, unsigned int leaf_lg2, unsigned int level,  \
				   unsigned int prot)                                  \
	{                                                                              \
		return make_leaf(pa, leaf_lg2, level, prot, lg2);                      \
	}                                                                              \
	static void fmt##_decode(u64 entry, unsigned int level, struct pgt_leaf *leaf) \
	{                                                                              \
		decode(entry, level, leaf, lg2);                                       \
	}

GRANULE_FUNCTIONS(amd_v1, 12)
GRANULE_FUNCTIONS(mock, 11)

const struct pgt_format pgt_amd_v1 = {
	.name = "amd-v1",
	.granule_lg2 = 12,
	.index_lg2 = INDEX_LG2,
	.levels = 6,
	/* 512 GiB, the item of level 3, does not work in hardware */
	.leaf_sizes = PGT_SIZES(12, 51) & ~(1ULL << 39),
	.aperture_last = ~0ULL,
	.output_lg2 = 52,
	/* no DIRTY_PASID: a PASID translates by a guest table (v2), without D */
	.flags = IODIRTY_FORMAT_DIRTY | IODIRTY_FORMAT_NEST_PARENT | IODIRTY_FORMAT_MASKED |
		 IODIRTY_FORMAT_SKIP,
	.present_mask = AMDV1_PR,
	.dirty_mask = AMDV1_PR | AMDV1_D,
	.dirty_value = AMDV1_PR | AMDV1_D,
	.clean_clear = AMDV1_D,
	.several = (u64)AMDV1_NEXT_LEVEL_CONTIG << AMDV1_NEXT_LEVEL_SHIFT,
	.dirty_set = AMDV1_A | AMDV1_D, /* hardware sets both */
	.accessed = AMDV1_A,
	.present = present,
	.is_table = is_table,
	.table_phys = amd_v1_table_phys,
	.make_table = amd_v1_make_table,
	.make_leaf = amd_v1_make_leaf,
	.decode = amd_v1_decode,
};

const struct pgt_format pgt_mock = {
	.name = "mock",
	.granule_lg2 = 11,
	.index_lg2 = INDEX_LG2,
	.levels = 3,
	.leaf_sizes = PGT_SIZES(11, 30),
	.aperture_first = MOCK_APERTURE_START,
	.aperture_last = MOCK_APERTURE_LAST,
	.output_lg2 = 51, /* granules of half the size */
	.flags = IODIRTY_FORMAT_DIRTY | IODIRTY_FORMAT_NEST_PARENT | IODIRTY_FORMAT_DIRTY_PASID |
		 IODIRTY_FORMAT_MASKED | IODIRTY_FORMAT_SKIP,
	.present_mask = AMDV1_PR,
	.dirty_mask = AMDV1_PR | AMDV1_D,
	.dirty_value = AMDV1_PR | AMDV1_D,
	.clean_clear = AMDV1_D,
	.several = (u64)AMDV1_NEXT_LEVEL_CONTIG << AMDV1_NEXT_LEVEL_SHIFT,
	.dirty_set = AMDV1_A | AMDV1_D, /* hardware sets both */
	.accessed = AMDV1_A,
	.present = present,
	.is_table = is_table,
	.table_phys = mock_table_phys,
	.make_table = mock_make_table,
	.make_leaf = mock_make_leaf,
	.decode = mock_decode,
};
