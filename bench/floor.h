/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The floor: what merely reading the same tables takes, by the best of the target's loops,
 * in order of memory (linear) and as a harvest comes to them (table order). Read in turns
 * with what it is held against, with the caches in the same state.
 */
#ifndef IODIRTY_BENCH_FLOOR_H
#define IODIRTY_BENCH_FLOOR_H

#include "space.h"

#define FLOOR_LOOPS 16

struct floor_loop {
	char name[IODIRTY_NAME_LEN];
	uint32_t loop, order;
	double *ns; /* a sample a reading */
	unsigned int n;
};

struct floors {
	struct floor_loop loops[2 * FLOOR_LOOPS];
	unsigned int nr; /* 0: the target cannot read its tables */
	unsigned int room; /* samples of each */
	uint64_t entries;
};

struct floor_best {
	double min, median; /* ns; the median is that of the loop with the least minimum */
	const char *name, *order;
};

/* Which loops there are, with room for @readings of each. 0 or -errno. */
int floors_init(struct floors *f, struct space *space, unsigned int readings);
void floors_fini(struct floors *f);

/* Put the tables into, or out of, the processor's caches. 0 or -errno. */
int floor_warm(struct space *space);
int floor_evict(struct space *space);

/* Loop @i once; does nothing when there is no room any more. 0 or -errno. */
int floor_read(struct floors *f, struct space *space, unsigned int i, bool cold);

/* The best in table order, or of all; only when there was a reading. */
struct floor_best floor_best(const struct floors *f, bool table_order);

#endif
