/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory to map and unmap in a rig's IOAS, beside what is harvested. */
#ifndef IODIRTY_BENCH_ASIDE_H
#define IODIRTY_BENCH_ASIDE_H

#include "cells.h"

struct aside {
	struct rig *rig;
	uint64_t iova, length;
	void *memory;
	/* private */
	void *reserved;
	uint64_t reserved_size;
};

/* Leaves are of the rig's size: memory starts at an odd multiple of it, IOVAs at an even one.
 * NULL, or what went wrong. */
const char *aside_open(struct aside *a, struct rig *rig, uint64_t length);
void aside_close(struct aside *a);
/* 0 or -errno. */
int aside_map(struct aside *a);
int aside_unmap(struct aside *a);

#endif
