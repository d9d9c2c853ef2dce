/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SMMUv3's stage 1 over its stage 2: Arm SMMU Architecture Specification (IHI 0070),
 * section 5.2 for the stream table entry, chapter 4 for the commands. The modelled
 * SMMU has no tables of descriptors in two levels (IDR0.CD2L 0), and PASIDs of 20 bits.
 *
 * A stream table entry is a device's as a whole: the guest's descriptors say what each
 * PASID goes through, so none is attached by itself.
 */
#include "nested.h"

/* Word 0: V 0, Config 3:1, S1Fmt 5:4, S1ContextPtr 51:6, S1CDMax 63:59. */
#define STE_V 0x1ULL
#define STE_CONFIG_SHIFT 1
#define STE_S1FMT 0x30ULL
#define STE_S1CONTEXTPTR 0x000fffffffffffc0ULL
#define STE_S1CDMAX_SHIFT 59
#define STE_0_GUEST 0xf80fffffffffffffULL
/* Word 1: S1DSS 1:0, S1CIR 3:2, S1COR 5:4, S1CSH 7:6, S1STALLD 27, EATS 29:28. */
#define STE_S1DSS 0x3ULL
#define STE_EATS_SHIFT 28
#define STE_1_GUEST 0x380000ffULL

enum { CONFIG_ABORT = 0, CONFIG_BYPASS = 4, CONFIG_STAGE1 = 5 };

#define CDMAX_MAX 20

/* As in Linux, EIO is what a bad entry is refused with. */
static int init_stage1(struct hw_stage1 *s1, u64 word0, u64 word1)
{
	u64 cdmax = word0 >> STE_S1CDMAX_SHIFT, dss = word1 & STE_S1DSS;

	if (cdmax > CDMAX_MAX || (cdmax && (word0 & STE_S1FMT || dss > HW_DSS_CD0)))
		return -EIO;
	s1->kind = HW_STAGE1_CD;
	s1->address = word0 & STE_S1CONTEXTPTR;
	s1->cds_lg2 = (unsigned int)cdmax;
	s1->dss = (enum hw_dss)dss;
	return 0;
}

static int init(struct nested *nested, const union nested_data *data)
{
	u64 word0 = data->arm.ste[0], word1 = data->arm.ste[1];

	nested->stage1.kind = HW_STAGE1_ABORT;
	if (!(word0 & STE_V))
		return 0;
	if (word0 & ~STE_0_GUEST || word1 & ~STE_1_GUEST || word1 >> STE_EATS_SHIFT > 1)
		return -EIO;
	switch (word0 >> STE_CONFIG_SHIFT & 7) {
	case CONFIG_ABORT:
		return 0;
	case CONFIG_BYPASS:
		nested->stage1.kind = HW_STAGE1_NONE;
		return 0;
	case CONFIG_STAGE1:
		return init_stage1(&nested->stage1, word0, word1);
	default:
		return -EIO;
	}
}

enum { /* opcodes, bits 7:0 of word 0 */
       CFGI_CD = 0x05,
       CFGI_CD_ALL = 0x06,
       TLBI_NH_ALL = 0x10,
       TLBI_NH_ASID = 0x11,
       TLBI_NH_VA = 0x12,
       TLBI_NH_VAA = 0x13,
       TLBI_NSNH_ALL = 0x30,
       ATC_INV = 0x40,
};

/*
 * 4.4: word 1 has TG 11:10 and the address from bit 12 up. Without TG it is that
 * address, in whatever leaf; with it, (NUM + 1) * 2^(5 * SCALE) granules from there
 * on, NUM in bits 16:12 of word 0, SCALE in 24:20.
 */
static void forget_range(struct nested *nested, u64 word0, u64 word1)
{
	static const unsigned int granule_lg2[4] = { 0, 12, 14, 16 };
	u64 first = word1 & ~(PORT_PAGE_SIZE - 1), tg = word1 >> 10 & 3;
	unsigned int lg2 = granule_lg2[tg] + 5 * (unsigned int)(word0 >> 20 & 31);
	u64 units = (word0 >> 12 & 31) + 1, last = first;

	if (tg)
		last = lg2 >= 64 || units - 1 >= (UINT64_MAX - first) >> lg2 ?
			       UINT64_MAX :
			       first + (units << lg2) - 1;
	nested_forget(nested, first, last);
}

/* 4.5: word 1 has Size 5:0 and the address from bit 12 up, 2^Size pages aligned so. */
static void forget_atc(struct nested *nested, u64 word1)
{
	unsigned int lg2 = PORT_PAGE_LG2 + (unsigned int)(word1 & 63);
	u64 span = lg2 >= 64 ? UINT64_MAX : (1ULL << lg2) - 1;
	u64 first = word1 & ~(PORT_PAGE_SIZE - 1) & ~span;

	nested_forget_devices(nested, first, first | span);
}

/*
 * ASIDs, PASIDs and stream ids are not looked at: whatever one is named, all of this
 * stage 1 is meant. Descriptors are not cached; what came by one is, and goes with it.
 * Devices' caches are the guest's to command, after the IOMMU's.
 */
static int invalidate(struct nested *nested, const union nested_data *entry)
{
	u64 word0 = entry->arm_inv.cmd[0], word1 = entry->arm_inv.cmd[1];

	switch (word0 & 0xff) {
	case CFGI_CD:
	case CFGI_CD_ALL:
	case TLBI_NH_ALL:
	case TLBI_NH_ASID:
	case TLBI_NSNH_ALL:
		nested_forget(nested, 0, UINT64_MAX);
		return 0;
	case TLBI_NH_VA:
	case TLBI_NH_VAA:
		forget_range(nested, word0, word1);
		return 0;
	case ATC_INV:
		forget_atc(nested, word1);
		return 0;
	default:
		return -EIO;
	}
}

const struct nested_kind nested_arm = {
	.parent = "arm-s2",
	.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
	.min_len = sizeof(struct iommu_hwpt_arm_smmuv3),
	.max_len = sizeof(struct iommu_hwpt_arm_smmuv3),
	.init = init,
	.inv_type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
	.inv_len = sizeof(struct iommu_viommu_arm_smmuv3_invalidate),
	.invalidate = invalidate,
};
