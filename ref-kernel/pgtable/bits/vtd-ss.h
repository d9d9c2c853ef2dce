/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Intel VT-d second-stage page tables: the bits, and nothing else. Intel
 * Virtualization Technology for Directed I/O, Architecture Specification,
 * section 9.8 "Second-Stage Paging Entries". Leaf is its tables "SS-PDPE that
 * Maps a 1-GByte Page", "SS-PDE that Maps a 2-MByte Page" and "SS-PTE that Maps
 * a 4-KByte Page"; table entry the other SS-PML4E, SS-PDPE, SS-PDE.
 */
#ifndef IODIRTY_BITS_VTD_SS_H
#define IODIRTY_BITS_VTD_SS_H

/*
 * All, bit 0, R: reads allowed, and bit 1, W: writes allowed; the AND of all
 * levels counts. There is no present bit: an entry with neither is not present
 * (section 3.7) and its other bits are software's.
 */
#define VTDSS_R 0x0000000000000001ULL
#define VTDSS_W 0x0000000000000002ULL
/* SS-PDPE, SS-PDE bit 7, PS: maps a page. SS-PML4E: 0. SS-PTE: ignored. */
#define VTDSS_PS 0x0000000000000080ULL
/* All, bit 8, A: accessed. Set by hardware when the PASID entry has SSADE. */
#define VTDSS_A 0x0000000000000100ULL
/* Leaf, bit 9, D: dirty. Set by hardware on a write, with SSADE. */
#define VTDSS_D 0x0000000000000200ULL
/*
 * Bits 51:12, ADDR, as far as the host address width: of the table or the page.
 * A 2 MiB page has 0 in bits 20:12, a 1 GiB page in bits 29:12.
 */
#define VTDSS_ADDR_MASK 0x000ffffffffff000ULL

#endif
