/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Formats and entries as the test of the page tables knows them: worked out by
 * hand from the manuals, with the bits spelled out once more.
 */
#ifndef IODIRTY_UNIT_PGTABLE_KNOWN_H
#define IODIRTY_UNIT_PGTABLE_KNOWN_H

#include <check.h>
#include <string.h>
#include "pgtable.h"

#define RW (PGT_READ | PGT_WRITE)
#define MAX_TESTED_LG2 40 /* 1 TiB */

/* Arm: valid, bit 7 and DBM (51) of a leaf that may be written. */
#define S1_CLEAN 0x0008000000000081
#define S1_DIRTY 0x0008000000000001
#define S2_DIRTY 0x0008000000000081

static const struct known {
	const char *name;
	unsigned int granule_lg2, index_lg2, root_index_lg2, levels;
	u64 first, last; /* aperture */
	u64 present; /* bits of an entry, any of them */
	u64 dirty_mask, dirty; /* bits that say dirty, and what they are then */
	u64 table, table_level; /* an entry that leads to a table; added for each level */
	u64 sizes; /* leaves, up to MAX_TESTED_LG2 */
	bool contiguous, always;
	unsigned int output_lg2; /* bits of an address that an entry holds */
	unsigned int address_shl; /* of an entry's address field, to be an address */
	bool write_reads; /* what may be written may be read */
} known[] = {
	{ "amd-v1", 12, 9, 9, 6, 0, ~0ULL, 1, 0x40, 0x40, 0x6000000000000021, 0x200, 0x17ffffff000,
	  0, 0, 52, 0, 0 },
	{ "vtd-ss", 12, 9, 9, 4, 0, 0xffffffffffff, 3, 0x200, 0x200, 0x103, 0, 0x40201000, 0, 0, 52,
	  0, 0 },
	{ "vtd-fs", 12, 9, 9, 4, 0, 0x7fffffffffff, 1, 0x41, 0x41, 0x27, 0, 0x40201000, 0, 1, 52, 0,
	  1 },
	{ "riscv-sv39", 12, 9, 9, 3, 0, 0x3fffffffff, 1, 0x81, 0x81, 1, 0, 0x40211000, 0, 1, 56, 2,
	  1 },
	{ "riscv-sv48", 12, 9, 9, 4, 0, 0x7fffffffffff, 1, 0x81, 0x81, 1, 0, 0x8040211000, 0, 1, 56,
	  2, 1 },
	{ "riscv-sv57", 12, 9, 9, 5, 0, 0xffffffffffffff, 1, 0x81, 0x81, 1, 0, 0x8040211000, 0, 1,
	  56, 2, 1 },
	{ "mock", 11, 9, 9, 3, 0x1000000, 0x7fffffff, 1, 0x40, 0x40, 0x6000000000000021, 0x200,
	  0x7ffff800, 0, 0, 51, 0, 0 },
	{ "arm-s1-4k", 12, 9, 9, 4, 0, 0xffffffffffff, 1, S1_CLEAN, S1_DIRTY, 3, 0, 0x442211000, 1,
	  1, 48, 0, 1 },
	{ "arm-s1-16k", 14, 11, 11, 4, 0, 0xffffffffffff, 1, S1_CLEAN, S1_DIRTY, 3, 0, 0x42204000,
	  1, 1, 48, 0, 1 },
	{ "arm-s1-64k", 16, 13, 13, 3, 0, 0xffffffffffff, 1, S1_CLEAN, S1_DIRTY, 3, 0, 0x420210000,
	  1, 1, 48, 0, 1 },
	{ "arm-s2-4k", 12, 9, 9, 4, 0, 0xffffffffffff, 1, S2_DIRTY, S2_DIRTY, 3, 0, 0x442211000, 1,
	  1, 48, 0, 0 },
	{ "arm-s2-16k", 14, 11, 12, 3, 0, 0xffffffffffff, 1, S2_DIRTY, S2_DIRTY, 3, 0, 0x42204000,
	  1, 1, 48, 0, 0 },
	{ "arm-s2-64k", 16, 13, 13, 3, 0, 0xffffffffffff, 1, S2_DIRTY, S2_DIRTY, 3, 0, 0x420210000,
	  1, 1, 48, 0, 0 },
};

#define NR_KNOWN ((int)(sizeof(known) / sizeof(known[0])))

static inline int known_named(const char *name)
{
	int i = 0;

	while (i < NR_KNOWN && strcmp(known[i].name, name))
		i++;
	ck_assert_int_lt(i, NR_KNOWN);
	return i;
}

/*
 * Entries worked out by hand from the rules that pgtable/bits/ states. AMD:
 * present 1, next level 7 is 0xe00, IR and IW 0x60..., the size of a contiguous
 * leaf in ones from bit 12. Mock: the same with the address counted in units of
 * 2 KiB. VT-d: R 1, W 2, PS 0x80; its first stage P 1, R/W 2, U/S 4, PS 0x80. RISC-V: V 1,
 * R 2, W 4, U 0x10, A 0x40, the address from bit 10 on; N bit 63, with 8 in the lowest 4
 * bits of the address. Arm: page 3, block 1, SH 0x300, AF 0x400, DBM bit 51, contiguous
 * bit 52; stage 1 AP[1] 0x40, AP[2] 0x80, nG 0x800, PXN and UXN bits 53 and 54; stage 2
 * write-back 0x3c, reads 0x40, XN bit 54.
 */
static const struct golden {
	const char *format;
	u64 iova, pa;
	unsigned int lg2, level, prot, replicas;
	u64 entry; /* the first */
} golden[] = {
	{ "amd-v1", 0x1000, 0x12345000, 12, 0, RW, 1, 0x6000000012345001 },
	{ "amd-v1", 0x1000, 0x12345000, 12, 0, PGT_READ, 1, 0x2000000012345001 },
	{ "amd-v1", 0x1000, 0x12345000, 12, 0, PGT_WRITE, 1, 0x4000000012345001 },
	{ "amd-v1", 0x2000, 0x12346000, 13, 0, RW, 2, 0x6000000012346e01 },
	{ "amd-v1", 0x4000, 0x12344000, 14, 0, RW, 4, 0x6000000012345e01 },
	{ "amd-v1", 0x8000, 0x12348000, 15, 0, RW, 8, 0x600000001234be01 },
	{ "amd-v1", 0x100000, 0x12300000, 20, 0, RW, 256, 0x600000001237fe01 },
	{ "amd-v1", 0x200000, 0x40000000, 21, 1, RW, 1, 0x6000000040000001 },
	{ "amd-v1", 0x400000, 0x40000000, 22, 1, RW, 2, 0x60000000401ffe01 },
	{ "amd-v1", 0x40000000, 0x80000000, 30, 2, RW, 1, 0x6000000080000001 },
	{ "amd-v1", 0xffffff8000000000, 0x8000000000, 38, 2, RW, 256, 0x6000009ffffffe01 },
	{ "amd-v1", 0x10000000000, 0x30000000000, 40, 3, RW, 2, 0x6000037ffffffe01 },
	{ "vtd-ss", 0x1000, 0x12345000, 12, 0, RW, 1, 0x12345003 },
	{ "vtd-ss", 0x1000, 0x12345000, 12, 0, PGT_READ, 1, 0x12345001 },
	{ "vtd-ss", 0x1000, 0x12345000, 12, 0, PGT_WRITE, 1, 0x12345002 },
	{ "vtd-ss", 0x200000, 0x40000000, 21, 1, RW, 1, 0x40000083 },
	{ "vtd-ss", 0xffffc0000000, 0x80000000, 30, 2, PGT_READ, 1, 0x80000081 },
	{ "vtd-fs", 0x1000, 0x12345000, 12, 0, RW, 1, 0x12345007 },
	{ "vtd-fs", 0x1000, 0x12345000, 12, 0, PGT_READ, 1, 0x12345005 },
	{ "vtd-fs", 0x1000, 0x12345000, 12, 0, PGT_WRITE, 1, 0x12345007 },
	{ "vtd-fs", 0x200000, 0x40000000, 21, 1, RW, 1, 0x40000087 },
	{ "vtd-fs", 0x7fffc0000000, 0x80000000, 30, 2, PGT_READ, 1, 0x80000085 },
	{ "riscv-sv39", 0x1000, 0x12345000, 12, 0, RW, 1, 0x48d1457 },
	{ "riscv-sv39", 0x1000, 0x12345000, 12, 0, PGT_READ, 1, 0x48d1453 },
	{ "riscv-sv39", 0x1000, 0x12345000, 12, 0, PGT_WRITE, 1, 0x48d1457 },
	{ "riscv-sv39", 0x10000, 0x12340000, 16, 0, RW, 16, 0x80000000048d2057 },
	{ "riscv-sv39", 0x7f0000, 0xfffffffff0000, 16, 0, PGT_READ, 16, 0x8003ffffffffe053 },
	{ "riscv-sv39", 0x200000, 0x40000000, 21, 1, RW, 1, 0x10000057 },
	{ "riscv-sv39", 0x3fc0000000, 0x80000000, 30, 2, PGT_READ, 1, 0x20000053 },
	{ "riscv-sv48", 0x7fffffff0000, 0x12340000, 16, 0, RW, 16, 0x80000000048d2057 },
	{ "riscv-sv48", 0x7f8000000000, 0x8000000000, 39, 3, RW, 1, 0x2000000057 },
	{ "riscv-sv57", 0xffffffc0000000, 0x80000000, 30, 2, RW, 1, 0x20000057 },
	{ "riscv-sv57", 0xffff8000000000, 0x8000000000, 39, 3, PGT_READ, 1, 0x2000000053 },
	{ "mock", 0x1000800, 0x12345800, 11, 0, RW, 1, 0x600000002468b001 },
	{ "mock", 0x1001000, 0x12345000, 12, 0, RW, 2, 0x600000002468ae01 },
	{ "mock", 0x1002000, 0x12346000, 13, 0, RW, 4, 0x600000002468de01 },
	{ "mock", 0x1100000, 0x12300000, 20, 1, RW, 1, 0x6000000024600001 },
	{ "mock", 0x1200000, 0x12200000, 21, 1, RW, 2, 0x60000000245ffe01 },
	{ "arm-s1-4k", 0x1000, 0x12345000, 12, 0, RW, 1, 0x68000012345fc3 },
	{ "arm-s1-4k", 0x1000, 0x12345000, 12, 0, PGT_READ, 1, 0x60000012345fc3 },
	{ "arm-s1-4k", 0x10000, 0x12340000, 16, 0, RW, 16, 0x78000012340fc3 },
	{ "arm-s1-4k", 0x200000, 0x40200000, 21, 1, RW, 1, 0x68000040200fc1 },
	{ "arm-s1-4k", 0x200000, 0x40200000, 21, 1, PGT_READ, 1, 0x60000040200fc1 },
	{ "arm-s1-4k", 0x2000000, 0x42000000, 25, 1, RW, 16, 0x78000042000fc1 },
	{ "arm-s1-4k", 0xffffc0000000, 0x80000000, 30, 2, RW, 1, 0x68000080000fc1 },
	{ "arm-s1-4k", 0x400000000, 0x800000000, 34, 2, RW, 16, 0x78000800000fc1 },
	{ "arm-s1-16k", 0x4000, 0x12344000, 14, 0, RW, 1, 0x68000012344fc3 },
	{ "arm-s1-16k", 0x4000, 0x12344000, 14, 0, PGT_READ, 1, 0x60000012344fc3 },
	{ "arm-s1-16k", 0x200000, 0x12200000, 21, 0, RW, 128, 0x78000012200fc3 },
	{ "arm-s1-16k", 0x2000000, 0x42000000, 25, 1, RW, 1, 0x68000042000fc1 },
	{ "arm-s1-16k", 0xffffc0000000, 0x80000000, 30, 1, RW, 32, 0x78000080000fc1 },
	{ "arm-s1-64k", 0x10000, 0x12340000, 16, 0, RW, 1, 0x68000012340fc3 },
	{ "arm-s1-64k", 0x10000, 0x12340000, 16, 0, PGT_READ, 1, 0x60000012340fc3 },
	{ "arm-s1-64k", 0x200000, 0x12200000, 21, 0, RW, 32, 0x78000012200fc3 },
	{ "arm-s1-64k", 0x20000000, 0x60000000, 29, 1, RW, 1, 0x68000060000fc1 },
	{ "arm-s1-64k", 0xfffc00000000, 0x800000000, 34, 1, RW, 32, 0x78000800000fc1 },
	{ "arm-s2-4k", 0x1000, 0x12345000, 12, 0, RW, 1, 0x4800001234577f },
	{ "arm-s2-4k", 0x1000, 0x12345000, 12, 0, PGT_READ, 1, 0x4000001234577f },
	{ "arm-s2-4k", 0x1000, 0x12345000, 12, 0, PGT_WRITE, 1, 0x4800001234573f },
	{ "arm-s2-4k", 0x10000, 0x12340000, 16, 0, RW, 16, 0x5800001234077f },
	{ "arm-s2-4k", 0x200000, 0x40200000, 21, 1, RW, 1, 0x4800004020077d },
	{ "arm-s2-4k", 0x200000, 0x40200000, 21, 1, PGT_READ, 1, 0x4000004020077d },
	{ "arm-s2-4k", 0x2000000, 0x42000000, 25, 1, RW, 16, 0x5800004200077d },
	{ "arm-s2-4k", 0xffffc0000000, 0x80000000, 30, 2, RW, 1, 0x4800008000077d },
	{ "arm-s2-4k", 0x400000000, 0x800000000, 34, 2, RW, 16, 0x5800080000077d },
	{ "arm-s2-16k", 0x4000, 0x12344000, 14, 0, RW, 1, 0x4800001234477f },
	{ "arm-s2-16k", 0x4000, 0x12344000, 14, 0, PGT_READ, 1, 0x4000001234477f },
	{ "arm-s2-16k", 0x200000, 0x12200000, 21, 0, RW, 128, 0x5800001220077f },
	{ "arm-s2-16k", 0x2000000, 0x42000000, 25, 1, RW, 1, 0x4800004200077d },
	{ "arm-s2-16k", 0xffffc0000000, 0x80000000, 30, 1, RW, 32, 0x5800008000077d },
	{ "arm-s2-64k", 0x10000, 0x12340000, 16, 0, RW, 1, 0x4800001234077f },
	{ "arm-s2-64k", 0x10000, 0x12340000, 16, 0, PGT_READ, 1, 0x4000001234077f },
	{ "arm-s2-64k", 0x200000, 0x12200000, 21, 0, RW, 32, 0x5800001220077f },
	{ "arm-s2-64k", 0x20000000, 0x60000000, 29, 1, RW, 1, 0x4800006000077d },
	{ "arm-s2-64k", 0xfffc00000000, 0x800000000, 34, 1, RW, 32, 0x5800080000077d },
};

#endif
