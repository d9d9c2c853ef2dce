/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * RISC-V page tables of 8-byte entries, Sv39, Sv48 and Sv57: the bits, and
 * nothing else. RISC-V Instruction Set Manual, Volume II, Privileged
 * Architecture, "Sv39 Page Table Entry", which the sections of Sv48 and Sv57 refer
 * to; "Svnapot" and "Svpbmt" there. An IOMMU reads them as its first stage: RISC-V
 * IOMMU Architecture Specification.
 */
#ifndef IODIRTY_BITS_RISCV_H
#define IODIRTY_BITS_RISCV_H

/* Bit 0, V: valid. While it is 0 all other bits are software's. */
#define RISCV_V 0x0000000000000001ULL
/*
 * Bits 1 to 3, R, W, X: reads, writes, instruction fetches allowed; by the leaf
 * alone. None of them: the entry points to a table. W without R is reserved.
 */
#define RISCV_R 0x0000000000000002ULL
#define RISCV_W 0x0000000000000004ULL
#define RISCV_X 0x0000000000000008ULL
/*
 * Leaf, bit 4, U: for user mode. A request without process_id does not ask for
 * supervisor privilege (RISC-V IOMMU), and faults where it is 0.
 */
#define RISCV_U 0x0000000000000010ULL
/* Bit 5, G: global. */
#define RISCV_G 0x0000000000000020ULL
/* Leaf, bit 6, A: accessed. Set by hardware when DC.tc has SADE; else 0 faults. */
#define RISCV_A 0x0000000000000040ULL
/* Leaf, bit 7, D: dirty. Set by hardware on a write, with SADE; else a write to 0 faults. */
#define RISCV_D 0x0000000000000080ULL
/* Bits 9:8, RSW: software's. */
#define RISCV_RSW 0x0000000000000300ULL
/* Bits 53:10, PPN: of the table or the page, in 4 KiB. */
#define RISCV_PPN_SHIFT 10
#define RISCV_PPN_MASK 0x003ffffffffffc00ULL
/* Bits 60:54: reserved. */
#define RISCV_RESERVED 0x1fc0000000000000ULL
/* Leaf, bits 62:61, PBMT: memory type; 3 is reserved. */
#define RISCV_PBMT 0x6000000000000000ULL
/*
 * Leaf of the lowest level, bit 63, N (Svnapot): one of several equal entries.
 * Table "Page table entry encodings when pte.N=1": PPN[3:0] is 1000b, and the leaf
 * is 64 KiB at the PPN with those bits 0. All else is reserved.
 */
#define RISCV_N 0x8000000000000000ULL
#define RISCV_NAPOT_64K_MASK 0x0000000000003c00ULL
#define RISCV_NAPOT_64K 0x0000000000002000ULL

#endif
