/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The context descriptor of SMMUv3, which says where a guest's stage 1 begins: Arm
 * SMMU Architecture Specification (IHI 0070), section 5.4. Eight words of 64 bits,
 * of which two matter here. It is read at each walk: no cache holds descriptors.
 * Modelled is the lower range of addresses, TTB0's; none is in the upper.
 */
#include "iommu.h"

#define CD_LG2 6

/* Word 0. */
#define CD_T0SZ 0x000000000000003fULL /* 5:0, the input has 64 - T0SZ bits */
#define CD_TG0_SHIFT 6 /* 7:6, 0b00 4 KiB, 0b01 64 KiB, 0b10 16 KiB */
#define CD_EPD0 0x0000000000004000ULL /* 14, no walks of TTB0 */
#define CD_ENDI 0x0000000000008000ULL /* 15, tables are big-endian */
#define CD_V 0x0000000080000000ULL /* 31, valid */
#define CD_TBI0 0x0000004000000000ULL /* 38, the top byte of an address is ignored */
#define CD_AA64 0x0000020000000000ULL /* 41, tables of AArch64 */
#define CD_HD 0x0000040000000000ULL /* 42, dirty state is updated, if HA */
#define CD_HA 0x0000080000000000ULL /* 43, the access flag is updated */
/* Word 1, bits 51:4, TTB0. */
#define CD_TTB0 0x000ffffffffffff0ULL

/* T0SZ: from 48 bits down to 25 (5.4.1, without the extensions for larger or smaller). */
#define T0SZ_MIN 16
#define T0SZ_MAX 39

static const struct {
	const char *format;
	unsigned int granule_lg2;
} granules[4] = {
	{ "arm-s1-4k", 12 },
	{ "arm-s1-64k", 16 },
	{ "arm-s1-16k", 14 },
};

/* One that cannot be used: C_BAD_CD. */
static bool usable(u64 word0)
{
	u64 t0sz = word0 & CD_T0SZ;

	return word0 & CD_V && word0 & CD_AA64 && !(word0 & (CD_ENDI | CD_TBI0)) &&
	       t0sz >= T0SZ_MIN && t0sz <= T0SZ_MAX && granules[word0 >> CD_TG0_SHIFT & 3].format;
}

enum iodirty_fault hw_cd_read(const struct hw_nest *nest, struct hw_geometry *tables,
			      struct hw_walk *w)
{
	const struct hw_stage1 *s1 = &nest->ctx->stage1;
	u64 at = s1->address + ((u64)nest->pasid << CD_LG2), word0, word1;
	unsigned int granule_lg2, index_lg2, input_lg2, i;
	enum iodirty_fault fault;

	/* C_BAD_SUBSTREAMID: a descriptor that the table does not have. */
	if (nest->pasid >> s1->cds_lg2)
		return IODIRTY_FAULT_NOT_ATTACHED;
	fault = hw_nest_load(nest, at, &word0);
	if (!fault)
		fault = hw_nest_load(nest, at + sizeof(u64), &word1);
	if (fault)
		return fault;
	if (!usable(word0))
		return IODIRTY_FAULT_BAD_TABLE;
	if (word0 & CD_EPD0)
		return IODIRTY_FAULT_NOT_PRESENT;
	i = word0 >> CD_TG0_SHIFT & 3;
	granule_lg2 = granules[i].granule_lg2;
	index_lg2 = granule_lg2 - 3;
	input_lg2 = 64 - (word0 & CD_T0SZ);
	*tables = (struct hw_geometry){
		.format = granules[i].format,
		.granule_lg2 = granule_lg2,
		.index_lg2 = index_lg2,
		.levels = (input_lg2 - granule_lg2 + index_lg2 - 1) / index_lg2,
		.input_lg2 = input_lg2,
	};
	w->root = word1 & CD_TTB0;
	w->track = word0 & CD_HA;
	w->access_only = !(word0 & CD_HD);
	return IODIRTY_FAULT_NONE;
}
