/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of chapter SPLIT share: how large leaves are, and the truth that goes
 * with it. */
#ifndef IODIRTY_TESTS_SPLIT_H
#define IODIRTY_TESTS_SPLIT_H

#include "bits.h"
#include "ct.h"

static inline const char *splittable(const struct ct_config *config)
{
	return config->leaf_lg2 > (unsigned int)__builtin_ctzll(config->format.leaf_sizes) ?
		       NULL :
		       "no leaf is smaller";
}

static inline struct iodirty_leaf leaf_at(u32 hwpt, u64 iova)
{
	struct iodirty_leaf leaf = { .size = sizeof(leaf), .hwpt_id = hwpt, .iova = iova };

	x(ct.t->driver->leaf(ct.t, &leaf));
	return leaf;
}

/* Each leaf of [iova, iova + length) is of @size bytes; of many, some are looked at. */
static inline void expect_leaves(u32 hwpt, u64 iova, u64 length, u64 size)
{
	u64 step = highest(size, align_down(length / 512, size));

	for (u64 at = iova; at - iova < length; at += step) {
		struct iodirty_leaf leaf = leaf_at(hwpt, at + size - 1);

		ct_check(leaf.out_start == at && (u64)1 << leaf.out_lg2 == size,
			 "IOVA %#" PRIx64 " is mapped by a leaf of %#" PRIx64 " bytes at %#" PRIx64
			 ", expected one of %#" PRIx64 " at %#" PRIx64,
			 at + size - 1, (u64)1 << leaf.out_lg2, (u64)leaf.out_start, size, at);
	}
}

/* From here on the scene's leaves are of @leaf bytes, and nothing is owed. */
static inline void new_truth(struct scene *s, u64 leaf)
{
	ct_shadow_free(s->truth);
	s->truth = ct_shadow_new(s->iova, s->length, s->granule, leaf);
}

/* Enable, with what it then is. */
static inline void enable_split(struct scene *s)
{
	x(ct_set_tracking(s->hwpt, true));
	new_truth(s, s->granule);
	expect_leaves(s->hwpt, s->iova, s->length, s->granule);
}

static inline struct iodirty_stats stats_now(void)
{
	struct iodirty_stats stats = { .size = sizeof(stats) };

	x(ct.t->driver->stats(ct.t, &stats));
	return stats;
}

static const u32 split_policies[] = { IODIRTY_SPLIT_BREAK_BEFORE_MAKE, IODIRTY_SPLIT_IN_PLACE };

/* The scene of every test: large leaves, tracking off. */
#define split_open(s, ...) scene_open(s, .no_enable = true, __VA_ARGS__)

#endif
