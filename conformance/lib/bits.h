/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Arithmetic on addresses. @align is a power of two. */
#ifndef IODIRTY_LIB_BITS_H
#define IODIRTY_LIB_BITS_H

#include <inttypes.h>

#include "ct.h"

static inline u64 align_down(u64 n, u64 align)
{
	return n & ~(align - 1);
}

static inline u64 align_up(u64 n, u64 align)
{
	return align_down(n + align - 1, align);
}

static inline u64 lowest(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 highest(u64 a, u64 b)
{
	return a > b ? a : b;
}

#endif
