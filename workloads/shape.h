/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What devices write, as a workload: shapes, and where their numbers are from. */
#ifndef IODIRTY_WORKLOADS_SHAPE_H
#define IODIRTY_WORKLOADS_SHAPE_H

#include <stdint.h>

#include "abi/iodirty.h"

#define SHAPE_PAGE 4096

struct shape {
	const char *name;
	const char *summary;
	unsigned int devices; /* at the least */
	/* What device @index of @n writes to [iova, iova + length); *out is zeroed. */
	void (*work)(unsigned int index, unsigned int n, uint64_t iova, uint64_t length,
		     struct iodirty_stream_start *out);
};

extern const struct shape shapes[];
extern const unsigned int n_shapes;

/* NULL: none of that name. */
const struct shape *shape_find(const char *name);

#endif
