/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the files of pgtable/: what the fmt_*.c define and formats.c lists. */
#ifndef IODIRTY_PGTABLE_FORMATS_H
#define IODIRTY_PGTABLE_FORMATS_H

#include "pgtable.h"

extern const struct pgt_format pgt_amd_v1;
extern const struct pgt_format pgt_mock;
extern const struct pgt_format pgt_riscv_sv39;
extern const struct pgt_format pgt_riscv_sv48;
extern const struct pgt_format pgt_riscv_sv57;
extern const struct pgt_format pgt_vtd_fs;
extern const struct pgt_format pgt_vtd_ss;
extern const struct pgt_format pgt_arm_s1_4k;
extern const struct pgt_format pgt_arm_s1_16k;
extern const struct pgt_format pgt_arm_s1_64k;
extern const struct pgt_format pgt_arm_s2_4k;
extern const struct pgt_format pgt_arm_s2_16k;
extern const struct pgt_format pgt_arm_s2_64k;

/* Bits [lo, hi] of leaf_sizes. */
#define PGT_SIZES(lo, hi) ((~0ULL >> (63 - (hi))) & (~0ULL << (lo)))

#endif
