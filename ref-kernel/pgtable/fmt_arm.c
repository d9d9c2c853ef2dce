/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Arm VMSAv8-64 tables as SMMUv3 has them: stages 1 and 2, granules of 4K, 16K
 * and 64K, 48-bit input, with hardware update of A and dirty state (HTTU). The
 * levels here count up from the leaves: 0 is the manual's level 3.
 *
 * AF is always set: nothing here looks at what was accessed. It is not modelled in
 * table descriptors (HAFT).
 */
#include "abi/iodirty.h"
#include "formats.h"
#include "pgtable/bits/arm.h"

#define ATTR_NORMAL 0 /* of CD.MAIR: Normal, write-back */

enum stage {
	S1 = 1,
	S2 = 2,
};

static bool present(u64 entry)
{
	return entry & ARM_VALID;
}

static bool is_table(u64 entry, unsigned int level)
{
	return present(entry) && level && entry & ARM_TABLE;
}

static u64 table_phys(u64 entry)
{
	return entry & ARM_ADDR_MASK;
}

static u64 make_table(u64 phys, unsigned int level)
{
	(void)level;
	return phys | ARM_VALID | ARM_TABLE;
}

/* log2 of the entries that the Contiguous bit makes one. */
static inline unsigned int group_lg2(unsigned int granule_lg2, unsigned int level)
{
	switch (granule_lg2) {
	case 12:
		return 4;
	case 14:
		return level ? 5 : 7;
	default:
		return 5;
	}
}

static inline unsigned int item_lg2(unsigned int granule_lg2, unsigned int level)
{
	return granule_lg2 + level * (granule_lg2 - 3);
}

/* AP cannot forbid reads: what may be written may be read. */
static inline u64 s1_attributes(unsigned int prot)
{
	return (u64)ATTR_NORMAL << ARM_S1_ATTR_SHIFT | ARM_S1_AP1 | ARM_S1_AP2 | ARM_S1_NG |
	       ARM_S1_PXN | ARM_S1_UXN | (prot & PGT_WRITE ? ARM_DBM : 0);
}

static inline u64 s2_attributes(unsigned int prot)
{
	return ARM_S2_MEMATTR_WB | ARM_S2_XN | (prot & PGT_READ ? ARM_S2_S2AP0 : 0) |
	       (prot & PGT_WRITE ? ARM_DBM : 0);
}

static inline u64 make_leaf(u64 pa, unsigned int lg2, unsigned int level, unsigned int prot,
			    enum stage stage, unsigned int granule_lg2)
{
	u64 entry = pa | ARM_VALID | ARM_SH_INNER | ARM_AF;

	if (!level)
		entry |= ARM_TABLE;
	if (lg2 != item_lg2(granule_lg2, level))
		entry |= ARM_CONTIGUOUS;
	return entry | (stage == S1 ? s1_attributes(prot) : s2_attributes(prot));
}

#define READ_BIT ARM_S1_AP1 /* stage 2's S2AP[0] is the same one */
_Static_assert(READ_BIT == ARM_S2_S2AP0, "reads");

static inline void decode(u64 entry, unsigned int level, struct pgt_leaf *leaf, enum stage stage,
			  unsigned int granule_lg2)
{
	bool read = entry & READ_BIT;
	bool dirty = stage == S1 ? !(entry & ARM_S1_AP2) : entry & ARM_S2_S2AP1;

	leaf->lg2 = item_lg2(granule_lg2, level);
	if (entry & ARM_CONTIGUOUS)
		leaf->lg2 += group_lg2(granule_lg2, level);
	leaf->pa = entry & ARM_ADDR_MASK & ~((1ULL << leaf->lg2) - 1);
	leaf->prot = (read ? PGT_READ : 0) | (dirty || entry & ARM_DBM ? PGT_WRITE : 0);
}

/* Leaves of each granule: pages, blocks, and contiguous groups of them. */
#define SIZES_4K (1ULL << 12 | 1ULL << 16 | 1ULL << 21 | 1ULL << 25 | 1ULL << 30 | 1ULL << 34)
#define SIZES_16K (1ULL << 14 | 1ULL << 21 | 1ULL << 25 | 1ULL << 30)
#define SIZES_64K (1ULL << 16 | 1ULL << 21 | 1ULL << 29 | 1ULL << 34)

/* A substream chooses a CD, which is stage 1: so there are PASIDs. A guest's stage 1
 * nests in stage 2. */
#define S1_TRAITS                                                                                 \
	.flags = IODIRTY_FORMAT_DIRTY | IODIRTY_FORMAT_DIRTY_PASID | IODIRTY_FORMAT_WRITE_READS | \
		 IODIRTY_FORMAT_TAGS_PASID | IODIRTY_FORMAT_MASKED,                               \
	.dirty_mask = ARM_VALID | ARM_DBM | ARM_S1_AP2, .dirty_value = ARM_VALID | ARM_DBM,       \
	.clean_set = ARM_S1_AP2, .dirty_clear = ARM_S1_AP2
#define S2_TRAITS                                                                           \
	.flags = IODIRTY_FORMAT_DIRTY | IODIRTY_FORMAT_NEST_PARENT | IODIRTY_FORMAT_MASKED, \
	.dirty_mask = ARM_VALID | ARM_DBM | ARM_S2_S2AP1,                                   \
	.dirty_value = ARM_VALID | ARM_DBM | ARM_S2_S2AP1, .clean_clear = ARM_S2_S2AP1,     \
	.dirty_set = ARM_S2_S2AP1

/*
 * @fmt names the struct too; @lg2 is its granule; @more is its alone. Hardware always
 * records: CD.HD and STE.S2HD are not changed under a table in use.
 */
#define ARM_FORMAT(fmt, title, stage, lg2, more...)                                    \
	static u64 fmt##_make_leaf(u64 pa, unsigned int leaf_lg2, unsigned int level,  \
				   unsigned int prot)                                  \
	{                                                                              \
		return make_leaf(pa, leaf_lg2, level, prot, stage, lg2);               \
	}                                                                              \
	static void fmt##_decode(u64 entry, unsigned int level, struct pgt_leaf *leaf) \
	{                                                                              \
		decode(entry, level, leaf, stage, lg2);                                \
	}                                                                              \
	const struct pgt_format pgt_##fmt = { .name = title,                           \
					      .granule_lg2 = lg2,                      \
					      .index_lg2 = lg2 - 3,                    \
					      .aperture_last = (1ULL << 48) - 1,       \
					      .output_lg2 = 48,                        \
					      .contiguous = true,                      \
					      .always = true,                          \
					      .present_mask = ARM_VALID,               \
					      .several = ARM_CONTIGUOUS,               \
					      .present = present,                      \
					      .is_table = is_table,                    \
					      .table_phys = table_phys,                \
					      .make_table = make_table,                \
					      .make_leaf = fmt##_make_leaf,            \
					      .decode = fmt##_decode,                  \
					      stage##_TRAITS,                          \
					      more }

/*
 * Stage 2 with 16K has no level 0 (without LPA2): the one bit that would index it
 * chooses one of two concatenated tables of level 1. With 4K and 64K both stages
 * begin alike, at levels 0 and 1.
 */
ARM_FORMAT(arm_s1_4k, "arm-s1-4k", S1, 12, .levels = 4, .leaf_sizes = SIZES_4K);
ARM_FORMAT(arm_s1_16k, "arm-s1-16k", S1, 14, .levels = 4, .leaf_sizes = SIZES_16K);
ARM_FORMAT(arm_s1_64k, "arm-s1-64k", S1, 16, .levels = 3, .leaf_sizes = SIZES_64K);
ARM_FORMAT(arm_s2_4k, "arm-s2-4k", S2, 12, .levels = 4, .leaf_sizes = SIZES_4K);
ARM_FORMAT(arm_s2_16k, "arm-s2-16k", S2, 14, .levels = 3, .root_index_lg2 = 12,
	   .leaf_sizes = SIZES_16K);
ARM_FORMAT(arm_s2_64k, "arm-s2-64k", S2, 16, .levels = 3, .leaf_sizes = SIZES_64K);
