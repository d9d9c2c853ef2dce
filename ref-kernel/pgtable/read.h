/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the files that read tables: the loops for one kind of processor. */
#ifndef IODIRTY_PGTABLE_READ_H
#define IODIRTY_PGTABLE_READ_H

#include "walk.h"

extern const struct pgt_read_loop pgt_read_avx2;
extern const struct pgt_read_loop pgt_read_avx2_two;
extern const struct pgt_read_loop pgt_read_avx2_nta;
extern const struct pgt_read_loop pgt_read_avx512;
extern const struct pgt_read_loop pgt_read_avx512_two;

#endif
