/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Intel VT-d first-stage page tables: the bits, and nothing else. Intel
 * Virtualization Technology for Directed I/O, Architecture Specification,
 * section 9.7 "First-Stage Paging Entries". Leaf is its tables "FS-PDPE that
 * Maps a 1-GByte Page", "FS-PDE that Maps a 2-MByte Page" and "FS-PTE that Maps
 * a 4-KByte Page"; table entry the other FS-PML4E, FS-PDPE, FS-PDE. They are
 * the processor's own, and AMD-Vi's guest tables ("v2").
 */
#ifndef IODIRTY_BITS_VTD_FS_H
#define IODIRTY_BITS_VTD_FS_H

/* All, bit 0, P: present. While it is 0 all other bits are software's. */
#define VTDFS_P 0x0000000000000001ULL
/* All, bit 1, R/W: writes allowed, if all levels say so. Reads always are. */
#define VTDFS_RW 0x0000000000000002ULL
/*
 * All, bit 2, U/S: user requests allowed, if all levels say so. Requests without
 * PASID, and those with one that do not ask for privilege, are user requests
 * (section 3.6.1).
 */
#define VTDFS_US 0x0000000000000004ULL
/* All, bits 3 and 4, PWT and PCD: with PAT, the memory type. */
#define VTDFS_PWT 0x0000000000000008ULL
#define VTDFS_PCD 0x0000000000000010ULL
/* All, bit 5, A: accessed. Set by hardware in every entry used; no switch. */
#define VTDFS_A 0x0000000000000020ULL
/* Leaf, bit 6, D: dirty. Set by hardware on a write; no switch. */
#define VTDFS_D 0x0000000000000040ULL
/* FS-PDPE, FS-PDE bit 7, PS: maps a page. FS-PML4E: 0. FS-PTE: PAT. */
#define VTDFS_PS 0x0000000000000080ULL
/* Leaf, bit 8, G: global. */
#define VTDFS_G 0x0000000000000100ULL
/* All, bit 10, EA: extended accessed. Ignored unless the PASID entry has EAFE. */
#define VTDFS_EA 0x0000000000000400ULL
/* FS-PDPE and FS-PDE that map a page, bit 12: PAT. */
#define VTDFS_PAT_LARGE 0x0000000000001000ULL
/*
 * Bits 51:12, ADDR, as far as the host address width: of the table or the page.
 * A 2 MiB page has 0 in bits 20:13, a 1 GiB page in bits 29:13.
 */
#define VTDFS_ADDR_MASK 0x000ffffffffff000ULL
/* All, bit 63, XD: no instruction fetches. */
#define VTDFS_XD 0x8000000000000000ULL

#endif
