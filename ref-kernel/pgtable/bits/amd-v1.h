/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * AMD-Vi host page tables: the bits, and nothing else. AMD I/O Virtualization
 * Technology (IOMMU) Specification, 48882, section 2.2.3 "I/O Page Tables for
 * Host Translations". PTE is its table "I/O Page Table Entry (PTE) Fields,
 * PR=1", PDE its table "I/O Page Directory Entry (PDE) Fields, PR=1".
 *
 * The format `mock` has the same bits with a granule of 2 KiB: its address
 * field counts granules, of pages and of tables alike.
 */
#ifndef IODIRTY_BITS_AMD_V1_H
#define IODIRTY_BITS_AMD_V1_H

/* PTE, PDE bit 0, PR: present. While it is 0 all other bits are software's. */
#define AMDV1_PR 0x0000000000000001ULL
/* PTE, PDE bit 5, A: accessed. Set by hardware when the DTE has HAD[0]. */
#define AMDV1_A 0x0000000000000020ULL
/* PTE bit 6, D: dirty. Set by hardware on a write when the DTE has HAD = 11b. */
#define AMDV1_D 0x0000000000000040ULL
/*
 * PTE, PDE bits 11:9, Next Level. PDE: the level, counted from 1, of the table
 * pointed to. PTE: 000b a page of the size of the level, 111b a page whose size
 * is coded in the address.
 */
#define AMDV1_NEXT_LEVEL_SHIFT 9
#define AMDV1_NEXT_LEVEL_MASK 0x0000000000000e00ULL
#define AMDV1_NEXT_LEVEL_PAGE 0
#define AMDV1_NEXT_LEVEL_CONTIG 7
/*
 * PTE bits 51:12, Page Address; PDE bits 51:12, Next Table Address. Next Level
 * 111b: table "Example Page Size Encodings"; with n ones below the lowest zero,
 * counted from bit 12, the page is 2^(n + 1) granules and its address is the
 * field with bits n:0 cleared.
 */
#define AMDV1_ADDR_SHIFT 12
#define AMDV1_ADDR_MASK 0x000ffffffffff000ULL
/* PTE bit 60, FC: force coherent. */
#define AMDV1_FC 0x1000000000000000ULL
/* PTE, PDE bit 61, IR: reads allowed; the AND of all levels counts. */
#define AMDV1_IR 0x2000000000000000ULL
/* PTE, PDE bit 62, IW: writes allowed; the AND of all levels counts. */
#define AMDV1_IW 0x4000000000000000ULL

#endif
