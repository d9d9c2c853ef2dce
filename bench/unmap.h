/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The benchmark of an unmap that reports what was written, beside those that do not. */
#ifndef IODIRTY_BENCH_UNMAP_H
#define IODIRTY_BENCH_UNMAP_H

#include "harvest.h"

/* As harvest_register() and harvest_finish(). */
unsigned int unmap_register(const struct harvest_plan *plan,
			    const struct iodirty_format_info *format);
unsigned int unmap_finish(void);

#endif
