/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Arm VMSAv8-64 translation tables, stage 1 and stage 2, as an SMMUv3 walks
 * them: the bits, and nothing else. Arm Architecture Reference Manual for
 * A-profile, DDI 0487, chapter "The AArch64 Virtual Memory System Architecture",
 * section D8.3 "Translation table descriptor formats". Table, Block and Page are
 * its tables of fields of the VMSAv8-64 Table descriptors and of the Block and
 * Page descriptors; what is named S1 or S2 is of that stage's alone.
 *
 * Output addresses have 48 bits: neither FEAT_LPA nor FEAT_LPA2.
 */
#ifndef IODIRTY_BITS_ARM_H
#define IODIRTY_BITS_ARM_H

/* All, bit 0: valid. While it is 0 all other bits are software's. */
#define ARM_VALID 0x0000000000000001ULL
/* Bit 1. Levels 0 to 2: 1 Table, 0 Block. Level 3: 1 Page, 0 reserved. */
#define ARM_TABLE 0x0000000000000002ULL
/*
 * Bits 47:12, of the table or of the output. Those below the table's granule, or
 * below the block's size, are RES0.
 */
#define ARM_ADDR_MASK 0x0000fffffffff000ULL
/* Block, Page bits 9:8, SH: 11b Inner Shareable. */
#define ARM_SH_INNER 0x0000000000000300ULL
/* Block, Page bit 10, AF: accessed. Set by hardware with HA (CD.HA, STE.S2HA). */
#define ARM_AF 0x0000000000000400ULL
/*
 * Block, Page bit 51, DBM: with HD (CD.HD, STE.S2HD) it may be written, whatever
 * bit 7 says; a write then makes bit 7 say so. D8.4 "Hardware management of the
 * dirty state". Without HD it is ignored.
 */
#define ARM_DBM 0x0008000000000000ULL
/*
 * Block, Page bit 52, Contiguous: one of a group of entries, in a row, aligned
 * and alike, whose outputs follow one another. D8.6 "The Contiguous bit" has how
 * many they are: 16 (4K granule); 128 at level 3, 32 at level 2 (16K); 32 (64K).
 */
#define ARM_CONTIGUOUS 0x0010000000000000ULL

/* S1 Block, Page bits 4:2, AttrIndx: which attribute of CD.MAIR. */
#define ARM_S1_ATTR_SHIFT 2
/* S1 Block, Page bit 6, AP[1]: 1 unprivileged accesses are allowed. */
#define ARM_S1_AP1 0x0000000000000040ULL
/* S1 Block, Page bit 7, AP[2]: 1 read-only. With DBM and HD: 1 clean, 0 dirty. */
#define ARM_S1_AP2 0x0000000000000080ULL
/* S1 Block, Page bit 11, nG: of this ASID only. */
#define ARM_S1_NG 0x0000000000000800ULL
/* S1 Block, Page bit 53, PXN, and bit 54, UXN: no execution. */
#define ARM_S1_PXN 0x0020000000000000ULL
#define ARM_S1_UXN 0x0040000000000000ULL
/* S1 Table bits 62:61, APTable: below it [0] nothing unprivileged, [1] no writes. */
#define ARM_S1_APTABLE0 0x2000000000000000ULL
#define ARM_S1_APTABLE1 0x4000000000000000ULL

/* S2 Block, Page bits 5:2, MemAttr: 1111b Normal, write-back. */
#define ARM_S2_MEMATTR_WB 0x000000000000003cULL
/* S2 Block, Page bits 7:6, S2AP: [0] reads allowed, [1] writes allowed. With DBM
 * and HD [1] says dirty. */
#define ARM_S2_S2AP0 0x0000000000000040ULL
#define ARM_S2_S2AP1 0x0000000000000080ULL
/* S2 Block, Page bits 54:53, XN: 10b no execution. */
#define ARM_S2_XN 0x0040000000000000ULL

#endif
